"""A small text file that is replaced whole: `config/*.json` of a broker, `kvConfig.json`.

Java 4.9.7: common/MixAll#string2File. The name of the file, the `.bak` beside it and the text are
Java's; the order of the steps is not (BROKER-LIFECYCLE-10, faults B13 and B14).
"""

from collections.abc import Callable

from refimpl.model.disk import Disk, DiskError
from refimpl.model.errors import InvalidInput

Force = Callable[[str, Callable[[bool], None]], None]


class ConfigFile:
    """One file of `config/` with its temporary and its backup.

    `force(path, done)` asks the node to make the content of `path` durable and calls `done(failed)`
    later; the file is visible to readers at once.
    """

    __slots__ = ("_disk", "_durable", "_force", "_pending", "path")

    def __init__(self, disk: Disk, path: str, force: Force | None = None) -> None:
        self._disk = disk
        self._force = force
        self._durable = False  # the main file is known to be whole on the platter
        self._pending = 0
        self.path = path

    def load(self, decode: Callable[[str], None]) -> bool:
        """Give the text to `decode`; the backup where the main file is missing, empty or bad.

        Returns False where neither could be used although one exists. BROKER-LIFECYCLE-11.
        """
        seen = False
        for path in (self.path, self.path + ".bak"):
            text = self._text(path)
            if not text:
                seen = seen or text is not None
                continue
            seen = True
            try:
                decode(text)
            except InvalidInput:
                continue
            self._durable = path == self.path
            return True
        return not seen

    def persist(self, text: str) -> None:
        """Write `text` so that at every instant the file or its backup holds a whole text.

        The former file becomes the backup only when it was durable, so a torn file never replaces
        a good backup. BROKER-LIFECYCLE-10.
        """
        disk, path = self._disk, self.path
        data = text.encode()
        temporary = path + ".tmp"
        if disk.exists(temporary):
            disk.unlink(temporary)
        disk.create(temporary, len(data))
        disk.write(temporary, 0, data)
        directory = path.rpartition("/")[0]
        if self._durable and disk.exists(path):
            disk.rename(path, path + ".bak")
            disk.sync_directory(directory)
        disk.rename(temporary, path)
        disk.sync_directory(directory)
        self._durable = False
        if self._force is not None:
            self._pending += 1
            token = self._pending
            self._force(path, lambda failed: self._forced(token, failed=failed))

    def _forced(self, token: int, *, failed: bool) -> None:
        if token == self._pending and not failed:
            self._durable = True

    def _text(self, path: str) -> str | None:
        if not self._disk.exists(path):
            return None
        try:
            return self._disk.read(path, 0, self._disk.size(path)).decode("utf-8", "replace")
        except DiskError:
            return None
