"""Names and lengths on the platter, and the journal of what is pending there.

A step of the journal is durable once it is committed: a prefix under `Names.ORDERED`, the entries
of one directory under `Names.ANY`.
"""

from collections.abc import Callable, Mapping

from refimpl.sim.disk_contract import (
    Directory,
    Entry,
    LengthOperation,
    NameOperation,
    Operation,
    Target,
)
from refimpl.sim.file_bytes import FileBytes
from refimpl.sim.open_file import OpenFile

Held = OpenFile | FileBytes


class PendingEntry:
    """What `path` means from now on. `certain`: its directory was forced since."""

    __slots__ = ("certain", "path", "target")

    def __init__(
        self, path: str, target: OpenFile | Directory | None, *, certain: bool = False
    ) -> None:
        self.path = path
        self.target = target
        self.certain = certain


class Naming:
    """Names that change together; `creates` is the file that comes into being, if one does."""

    __slots__ = ("creates", "entries", "removes", "what")

    def __init__(
        self,
        what: str,
        entries: list[PendingEntry],
        *,
        creates: OpenFile | None = None,
        removes: bool = False,
    ) -> None:
        self.what = what
        self.entries = entries
        self.creates = creates
        self.removes = removes  # a directory


class Length:
    """A file becomes `size` bytes long."""

    __slots__ = ("file", "size")

    def __init__(self, file: OpenFile, size: int) -> None:
        self.file = file
        self.size = size


Steps = list[Naming | Length]


class DiskJournal:
    """`files` and `directories` are durable names; `steps` are pending, the newest last."""

    __slots__ = ("directories", "files", "steps")

    def __init__(self, files: dict[str, Held], directories: frozenset[str]) -> None:
        self.files = files
        self.directories = directories
        self.steps: Steps = []

    def add(
        self,
        what: str,
        *entries: tuple[str, OpenFile | Directory | None],
        creates: OpenFile | None = None,
        removes: bool = False,
    ) -> None:
        """Names change together."""
        pending = [PendingEntry(path, target) for path, target in entries]
        self.steps.append(Naming(what, pending, creates=creates, removes=removes))

    def add_length(self, held: OpenFile, size: int) -> None:
        """A file becomes `size` bytes long."""
        self.steps.append(Length(held, size))

    def shortest(self, held: OpenFile) -> int:
        """The least length that the file has, or had since its newest durable one."""
        pending = (s.size for s in self.steps if isinstance(s, Length) and s.file is held)
        return min(pending, default=held.size)

    def commit_file(self, held: OpenFile) -> None:
        """Commit up to the last step that a force of this file carries along: not its renames."""
        for i in range(len(self.steps) - 1, -1, -1):
            step = self.steps[i]
            if (step.file if isinstance(step, Length) else step.creates) is held:
                self._commit(i + 1)
                return

    def forget_lengths(self, held: OpenFile) -> None:
        """The file was forced: its length is no longer pending."""
        self.steps = [s for s in self.steps if not (isinstance(s, Length) and s.file is held)]

    def commit_directory(self, path: str) -> None:
        """Commit up to the last step that is about names in the directory, or made it."""
        for i in range(len(self.steps) - 1, -1, -1):
            step = self.steps[i]
            if isinstance(step, Naming) and _touches(step, path):
                self._commit(i + 1)
                return

    def sync_entries(self, path: str) -> None:
        """The entries of this directory alone are durable."""
        for step in reversed(self.steps):
            if not isinstance(step, Naming):
                continue
            if step.removes and f"{path}/".startswith(f"{step.entries[0].path}/"):
                break  # what came before stood in another directory of this name
            for entry in step.entries:
                if entry.path.rpartition("/")[0] == path:
                    entry.certain = True
        self._settle()

    def _settle(self) -> None:
        """Certain entries become durable, but for those in a directory that may be older still."""
        still_there: list[str] = []  # directories whose removal is pending
        steps: Steps = []
        for step in self.steps:
            if isinstance(step, Naming):
                rest = []
                for entry in step.entries:
                    path = entry.path
                    older = any(path.startswith(f"{removed}/") for removed in still_there)
                    if entry.certain and not older:
                        if step.removes:
                            steps = _without(steps, f"{path}/")
                        self._make_durable(path, entry.target)
                        continue
                    rest.append(entry)
                    if step.removes:
                        still_there.append(path)
                if not rest:
                    continue
                step.entries = rest
            steps.append(step)
        self.steps = steps

    def _commit(self, count: int) -> None:
        """The first `count` steps of the journal are durable from now on."""
        for step in self.steps[:count]:
            if isinstance(step, Length):
                step.file.durable = step.file.durable.resized(step.size)
            else:
                for entry in step.entries:
                    self._make_durable(entry.path, entry.target)
        del self.steps[:count]

    def _make_durable(self, path: str, target: OpenFile | Directory | None) -> None:
        if isinstance(target, Directory):
            self.directories |= {path}
        elif target is not None:
            self.files[path] = target
        elif path in self.directories:
            below = f"{path}/"
            self.directories = frozenset(
                d for d in self.directories if d != path and not d.startswith(below)
            )
            for name in [name for name in self.files if name.startswith(below)]:
                del self.files[name]
        else:
            self.files.pop(path, None)

    def copied(self, copy: Callable[[OpenFile], OpenFile]) -> "DiskJournal":
        """The same journal of other files."""
        files = {p: h if isinstance(h, FileBytes) else copy(h) for p, h in self.files.items()}
        twin = DiskJournal(files, self.directories)
        for step in self.steps:
            if isinstance(step, Length):
                twin.steps.append(Length(copy(step.file), step.size))
                continue
            entries = []
            for entry in step.entries:
                target = copy(entry.target) if isinstance(entry.target, OpenFile) else entry.target
                entries.append(PendingEntry(entry.path, target, certain=entry.certain))
            creates = None if step.creates is None else copy(step.creates)
            twin.steps.append(Naming(step.what, entries, creates=creates, removes=step.removes))
        return twin

    def pending_files(self) -> dict[OpenFile, int]:
        """Number every file that is dirty or whose name or length is pending.

        Equal states number alike: by durable path first, then in the order of the steps.
        """
        numbers: dict[OpenFile, int] = {}
        dirty = {p: h for p, h in self.files.items() if isinstance(h, OpenFile) and h.dirty}
        for path in sorted(dirty):
            numbers.setdefault(dirty[path], len(numbers))
        for step in self.steps:
            if isinstance(step, Length):
                numbers.setdefault(step.file, len(numbers))
                continue
            for entry in step.entries:
                if isinstance(entry.target, OpenFile):
                    numbers.setdefault(entry.target, len(numbers))
        return numbers

    def frozen_files(self, numbers: Mapping[OpenFile, int]) -> dict[str, FileBytes | int]:
        """The durable names as values."""
        return {
            path: held if isinstance(held, FileBytes) else numbers.get(held, held.durable)
            for path, held in self.files.items()
        }

    def frozen_steps(self, numbers: Mapping[OpenFile, int]) -> tuple[Operation, ...]:
        """The steps as values."""
        return tuple(_frozen(step, numbers) for step in self.steps)


def _touches(step: Naming, directory: str) -> bool:
    """True where the step is about names in the directory, or made it."""
    return any(
        entry.path.rpartition("/")[0] == directory
        or (entry.path == directory and isinstance(entry.target, Directory))
        for entry in step.entries
    )


def _without(steps: Steps, below: str) -> Steps:
    """What was pending in a directory that is gone for good does not matter any more."""
    kept: Steps = []
    for step in steps:
        if isinstance(step, Naming):
            step.entries = [e for e in step.entries if not e.path.startswith(below)]
            if not step.entries:
                continue
        kept.append(step)
    return kept


def _frozen(step: Naming | Length, numbers: Mapping[OpenFile, int]) -> Operation:
    if isinstance(step, Length):
        return LengthOperation(numbers[step.file], step.size)
    entries = []
    for entry in step.entries:
        target: Target
        target = numbers[entry.target] if isinstance(entry.target, OpenFile) else entry.target
        entries.append(Entry(entry.path, target, entry.certain))
    return NameOperation(step.what, tuple(entries), step.removes)
