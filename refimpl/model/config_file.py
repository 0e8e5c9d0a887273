"""A small text file that is replaced whole: `config/*.json` of a broker, `kvConfig.json`.

Java 4.9.7: common/MixAll#string2File. The name of the file, the `.bak` beside it and the text are
Java's; the order of the steps is not (BROKER-LIFECYCLE-10, faults B13 and B14).
"""

from binascii import crc32
from collections.abc import Callable

from refimpl.model.disk import Disk, DiskError
from refimpl.model.errors import InvalidInput
from refimpl.model.trace import Forced, Load, Persist, RenameToBackup, RenameToMain, Tracer

_UNREADABLE = "\0"  # what no decoder takes

Force = Callable[[str, Callable[[bool], None]], None]


class ConfigFile:
    """One file of `config/` with its temporary and its backup.

    `force(path, done)` asks the node to make the content of `path` durable and calls `done(failed)`
    later; the file is visible to readers at once.
    """

    __slots__ = (
        "_disk",
        "_durable",
        "_force",
        "_in_place",
        "_loaded",
        "_pending",
        "_rooted",
        "_tracer",
        "is_settling",
        "path",
    )

    def __init__(
        self, disk: Disk, path: str, force: Force | None = None, tracer: Tracer | None = None
    ) -> None:
        self._disk = disk
        self._force = force
        self._tracer = tracer
        self._durable = False  # the main file is known to be whole on the platter
        self._loaded: str | None = None  # what was loaded, while nobody knows if it is durable
        self.is_settling = False  # a force tells soon; until then nothing can be written
        self._pending = 0
        self._in_place = 0  # checksum of what stands in the main file, 0 where it is no use
        self._rooted = False  # the names of the directories above are durable
        self.path = path

    def load(self, decode: Callable[[str], None]) -> bool:
        """Give the text to `decode`; the backup where the main file is missing, empty or bad.

        Returns False where neither could be used although one holds something. An empty backup says
        that nothing was there before, an empty file without a backup that nothing is there yet.
        BROKER-LIFECYCLE-11.
        """
        backup = self.path + ".bak"
        first, second = self._text(self.path), self._text(backup)
        if first and _decoded(decode, first):
            self._in_place = _checksum(first.encode())
            self._tell_loaded(self._in_place, backup=False)
            self._durable = second is None
            if not self._durable:
                self._loaded = first
                self._settle()
            return True
        self._durable = False
        if second:
            loaded = _decoded(decode, second)
            self._tell_loaded(_checksum(second.encode()) if loaded else 0, backup=loaded)
            return loaded
        self._tell_loaded(0, backup=False)
        return not first or second is not None

    def _tell_loaded(self, text: int, *, backup: bool) -> None:
        if self._tracer is not None:
            self._tracer(Load(self.path, backup, text))

    def stands(self) -> tuple[int, int, bool, bool]:
        """Tell how it stands, for a trace.

        A checksum of what is in place, how often this life put something there, if it is durable,
        and if what was loaded is not settled yet.
        """
        return self._in_place, self._pending, self._durable, self._loaded is not None

    def persist(self, text: str) -> bool:
        """Write `text` so that at every instant the file or its backup holds a whole text.

        The former file becomes the backup only when it was durable, so a torn file never replaces
        a good backup; before the first file is durable the backup is empty. False where the disk
        refused; what was there before is then still there. BROKER-LIFECYCLE-10.
        """
        try:
            self.write(text)
        except DiskError:
            return False
        return True

    def write(self, text: str) -> None:
        """Do as `persist`, and raise `DiskError` where the disk refused."""
        if self._loaded is not None and not self.is_settling:
            self._settle()
        if self._loaded is not None:
            raise DiskError("write", self.path, "what was loaded is not durable")
        self._replace(text.encode())

    def _settle(self) -> None:
        """Make what was loaded durable beside the file; only then may the file be replaced.

        It may have been written just before a kill, and its force may have failed: then another
        force of the same bytes succeeds and makes nothing durable, so the bytes are written anew.
        Or it has been durable for days, and the backup is of before.
        """
        assert self._loaded is not None
        try:
            self._write_temporary(self._loaded.encode())
        except DiskError:
            return  # the next write tries again
        if self._force is None:
            self._settled(failed=False)
            return
        self.is_settling = True
        self._force(self.path + ".tmp", lambda failed: self._settled(failed=failed))

    def _settled(self, *, failed: bool) -> None:
        self.is_settling = False
        if failed:
            return
        try:
            self._disk.rename(self.path + ".tmp", self.path)
            self._disk.sync_directory(self.path.rpartition("/")[0])
        except DiskError:
            return
        self._loaded = None
        self._is_durable()

    def _write_temporary(self, data: bytes) -> None:
        disk, temporary = self._disk, self.path + ".tmp"
        if disk.exists(temporary):
            disk.unlink(temporary)
        disk.create(temporary, len(data))
        disk.write(temporary, 0, data)

    def _replace(self, data: bytes) -> None:
        disk, path = self._disk, self.path
        backup, temporary = path + ".bak", path + ".tmp"
        directory = path.rpartition("/")[0]
        self._write_temporary(data)
        tracer = self._tracer
        if tracer is not None:
            tracer(Persist(path, _checksum(data)))
        if not self._rooted:
            parts = directory.split("/")[:-1] if directory else []
            for depth in range(len(parts) + 1):
                disk.sync_directory("/".join(parts[:depth]))
            self._rooted = True
        if not disk.exists(path):
            if not disk.exists(backup) and self._force is not None:
                disk.create(backup, 0)
                disk.sync_directory(directory)
        elif self._durable:
            disk.rename(path, backup)
            disk.sync_directory(directory)
            if tracer is not None:
                tracer(RenameToBackup(path))
        self._durable = False
        disk.rename(temporary, path)
        self._in_place = _checksum(data)
        if tracer is not None:
            tracer(RenameToMain(path))
        disk.sync_directory(directory)
        self._make_durable()

    def _make_durable(self) -> None:
        if self._force is not None:
            self._pending += 1
            token = self._pending
            self._force(self.path, lambda failed: self._forced(token, failed=failed))

    def _forced(self, token: int, *, failed: bool) -> None:
        if token == self._pending and not failed:
            self._is_durable()

    def _is_durable(self) -> None:
        self._durable = True
        if self._tracer is not None:
            self._tracer(Forced(self.path))
        disk, backup = self._disk, self.path + ".bak"
        if disk.exists(backup) and disk.size(backup) == 0:
            try:
                disk.unlink(backup)
                disk.sync_directory(self.path.rpartition("/")[0])
            except DiskError:
                return  # an empty backup more, until the next file takes its name

    def _text(self, path: str) -> str | None:
        if not self._disk.exists(path):
            return None
        try:
            data = self._disk.read(path, 0, self._disk.size(path))
        except DiskError:
            return None
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return _UNREADABLE
        return _UNREADABLE if "\0" in text else text  # a sector that was never written


def _checksum(data: bytes) -> int:
    """31 bits; 0 for nothing."""
    return crc32(data) & 0x7FFF_FFFF


def _decoded(decode: Callable[[str], None], text: str) -> bool:
    if text == _UNREADABLE:
        return False
    try:
        decode(text)
    except InvalidInput:
        return False
    return True
