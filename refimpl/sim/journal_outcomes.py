"""Outcomes of the pending operations: what each name means after them, how long files are.

Under `Names.ORDERED` a prefix of the operations happened, under `Names.ANY` any subset, but for
those that stand in a directory whose removal has not happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from refimpl.sim.disk_contract import (
    Directory,
    DiskContract,
    LengthOperation,
    NameOperation,
    Names,
    Operation,
    PendingFile,
    Target,
)
from refimpl.sim.file_bytes import FileBytes

_SUBSETS_MAX: Final = 12  # pending operations on names whose subsets are all looked at
_LABELS_MAX: Final = 12  # operations that a label names
_KEPT_MAX: Final = 64  # outcomes that are kept: the extremes are asked for again and again


class Children:
    """The names below each directory, made once for all images that have the same names."""

    __slots__ = ("_directories", "_files", "_table")

    def __init__(self, files: Mapping[str, object], directories: frozenset[str]) -> None:
        self._files = files
        self._directories = directories
        self._table: dict[str, tuple[str, ...]] | None = None

    def table(self) -> dict[str, tuple[str, ...]]:
        """Sorted names by directory; not to be changed."""
        if self._table is None:
            found: dict[str, list[str]] = {"": []}
            for path in self._directories:
                found.setdefault(path, [])
            for path in (*self._files, *self._directories):
                parent, _, name = path.rpartition("/")
                found[parent].append(name)
            self._table = {path: tuple(sorted(names)) for path, names in sorted(found.items())}
        return self._table


@dataclass(slots=True)
class Namespace:
    """One outcome of the operations: what each name means, and how long pending files may be."""

    files: dict[str, FileBytes]
    directories: frozenset[str]
    paths: dict[int, tuple[str, ...]]  # of pending files that have a name
    sizes: dict[int, tuple[int, ...]]  # possible lengths of those
    what: str
    children: Children


class JournalOutcomes:
    """Every way in which the operations of one crash may have happened."""

    __slots__ = (
        "_contract",
        "_directories",
        "_every",
        "_files",
        "_made",
        "_operations",
        "_pending",
    )

    def __init__(
        self,
        contract: DiskContract,
        files: Mapping[str, FileBytes | int],
        directories: frozenset[str],
        operations: tuple[Operation, ...],
        pending: tuple[PendingFile, ...],
    ) -> None:
        self._contract = contract
        self._files = files
        self._directories = directories
        self._operations = operations
        self._pending = pending
        self._every: list[Namespace] | None = None
        self._made: dict[frozenset[int], Namespace] = {}

    def every(self) -> list[Namespace] | None:
        """All that differ, nothing happened first; None where there are too many."""
        if self._every is None:
            names = [
                i
                for i, operation in enumerate(self._operations)
                if isinstance(operation, NameOperation)
                and not all(entry.certain for entry in operation.entries)
            ]
            if self._contract.names is Names.ORDERED:
                chosen = [frozenset(range(k)) for k in range(len(self._operations) + 1)]
            elif len(names) > _SUBSETS_MAX:
                return None
            else:
                chosen = [
                    frozenset(name for bit, name in enumerate(names) if mask >> bit & 1)
                    for mask in range(1 << len(names))
                ]
            found: dict[object, Namespace] = {}
            for choice in chosen:
                namespace = self.after(choice)
                found.setdefault(_identity(namespace), namespace)
            self._every = list(found.values())
        return self._every

    def after(self, happened: frozenset[int]) -> Namespace:
        """What holds when these operations happened; made once for each of the first few."""
        found = self._made.get(happened)
        if found is None:
            found = self._applied(happened)
            if len(self._made) < _KEPT_MAX:
                self._made[happened] = found
        return found

    def _applied(self, happened: frozenset[int]) -> Namespace:
        """Apply the operations that happened, in their order, and drop what has no parents."""
        files = dict(self._files)
        directories = set(self._directories)
        lengths = {number: [held.durable.size] for number, held in enumerate(self._pending)}
        ordered = self._contract.names is Names.ORDERED
        still_there: list[str] = []  # directories whose removal did not happen
        for i, operation in enumerate(self._operations):
            if isinstance(operation, LengthOperation):
                if not ordered:
                    lengths[operation.file].append(operation.size)
                elif i in happened:
                    lengths[operation.file] = [operation.size]
            else:
                for path, target, certain in operation.entries:
                    if any(path.startswith(f"{removed}/") for removed in still_there):
                        continue  # it stands in a directory that came later
                    if certain or i in happened:
                        _assign(files, directories, path, target)
                    elif operation.removes:
                        still_there.append(path)
        _drop_orphans(self._operations, files, directories)
        paths: dict[int, tuple[str, ...]] = {}
        clean: dict[str, FileBytes] = {}
        for path, held in files.items():
            if isinstance(held, int):
                paths[held] = (*paths.get(held, ()), path)
            else:
                clean[path] = held
        frozen = frozenset(directories)
        return Namespace(
            clean,
            frozen,
            paths,
            {number: _without_repeats(lengths[number]) for number in sorted(paths)},
            self._named(happened) if self._operations else "",
            Children(files, frozen),
        )

    def _named(self, happened: frozenset[int]) -> str:
        """Readable form of a choice of operations."""
        if self._contract.names is Names.ORDERED:
            last = self._operation_name(len(happened) - 1) if happened else "none"
            return f"operations {len(happened)} of {len(self._operations)} (last: {last})"
        names = [
            self._operation_name(i)
            for i in sorted(happened)
            if isinstance(self._operations[i], NameOperation)
        ]
        more = len(names) - _LABELS_MAX
        text = ", ".join(names[:_LABELS_MAX]) + (f" and {more} more" if more > 0 else "")
        return f"operations: {text or 'none'}"

    def _operation_name(self, i: int) -> str:
        operation = self._operations[i]
        if isinstance(operation, NameOperation):
            return operation.what
        return f"length of file {operation.file} = {operation.size}"


def _identity(namespace: Namespace) -> object:
    return (
        frozenset(namespace.files.items()),
        namespace.directories,
        tuple(sorted(namespace.paths.items())),
        tuple(namespace.sizes.items()),
    )


def _without_repeats(lengths: list[int]) -> tuple[int, ...]:
    """Each length once, the newest last."""
    return tuple(reversed(dict.fromkeys(reversed(lengths))))


def _assign(
    files: dict[str, FileBytes | int], directories: set[str], path: str, target: Target
) -> None:
    """Let `path` mean `target`; a directory that goes takes everything below it along."""
    if isinstance(target, Directory):
        directories.add(path)
    elif target is not None:
        files[path] = target
    elif path in directories:
        directories.discard(path)
        below = f"{path}/"
        for name in [name for name in files if name.startswith(below)]:
            del files[name]
        directories.difference_update([d for d in directories if d.startswith(below)])
    else:
        files.pop(path, None)


def _drop_orphans(
    operations: tuple[Operation, ...], files: dict[str, FileBytes | int], directories: set[str]
) -> None:
    """Files below a directory that did not survive cannot be reached."""
    for operation in operations:
        if not isinstance(operation, NameOperation):
            continue
        for path, target, _ in operation.entries:
            if isinstance(target, Directory) and path not in directories:
                below = f"{path}/"
                for name in [name for name in files if name.startswith(below)]:
                    del files[name]
                directories.difference_update([d for d in directories if d.startswith(below)])
