"""What a power failure may leave: a crash as a value, and the images that are possible after it.

Decision 0003 says what the contract allows and why. A `Crash` holds the durable names and bytes and
everything that is pending: per sector the versions that were written since the last force, and the
journal of operations on names and lengths. Each image is one choice: which operations happened, and
per sector old, newest, any version between, torn, zero or garbage.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import islice, product
from math import prod
from typing import Final, NamedTuple

from refimpl.model.override import override
from refimpl.model.prng import Prng
from refimpl.sim.file_bytes import PAGE, FileBytes
from refimpl.sim.sector_outcomes import Outcome, SectorOutcomes

EXACT_MAX: Final = 1 << 16  # images that are counted by making them
_SUBSETS_MAX: Final = 12  # pending operations on names whose subsets are all looked at
_ATTEMPTS_PER_IMAGE: Final = 4
_ODD_ONES: Final = 2  # files that differ from the rest in a nearly uniform image
_LABELS_MAX: Final = 12  # files that a label names


class Names(Enum):
    """Which operations on names and lengths a crash may undo."""

    ORDERED = "a journal: they survive in their order; a force carries its own file's creation"
    ANY = "POSIX: any of them, until the directory itself is forced"


class Extreme(Enum):
    """The four images that stand at the beginning of every sequence."""

    NOTHING = "nothing pending"
    EVERYTHING = "everything"
    NAMES = "names and lengths, no bytes"
    BYTES = "bytes, no names and lengths"


@dataclass(frozen=True, slots=True)
class DiskContract:
    """What the disk promises. `sector` is the unit that is written whole or torn, in bytes.

    `torn`: a sector may hold the beginning of its newest version and the end of its durable one.
    `garbage`: a sector that was never durable in a newly allocated range may hold anything.
    """

    names: Names = Names.ORDERED
    sector: int = 512
    torn: bool = True
    garbage: bool = False

    def __post_init__(self) -> None:
        assert self.sector > 0
        assert PAGE % self.sector == 0, "sectors do not cross pages"


ORDERED: Final = DiskContract()
STRICT: Final = DiskContract(names=Names.ANY, garbage=True)


class Directory(Enum):
    """What a name means when it is no file."""

    DIRECTORY = "directory"


Target = int | FileBytes | Directory | None  # pending file by number, clean file, directory, gone


class Entry(NamedTuple):
    """What a name means from now on. `certain`: its directory was forced since.

    A certain entry is still pending only while an earlier removal of its directory is: in the
    directory as it was before, it never stood.
    """

    path: str
    target: Target
    certain: bool = False


@dataclass(frozen=True, slots=True)
class NameOperation:
    """Names that change together; `removes` says that they are a directory that goes."""

    what: str
    entries: tuple[Entry, ...]
    removes: bool = False


@dataclass(frozen=True, slots=True)
class LengthOperation:
    """The pending file with this number becomes `size` bytes long."""

    file: int
    size: int


Operation = NameOperation | LengthOperation


@dataclass(frozen=True, slots=True)
class PendingFile:
    """Durable contents, and per dirty sector its versions since, the newest last."""

    durable: FileBytes
    sectors: tuple[tuple[int, tuple[bytes, ...]], ...]


class CrashImage:
    """Files and directories as the next start finds them. A value: equal bytes are equal images."""

    __slots__ = ("_children", "_hash", "_outcomes", "_what", "contract", "directories", "files")

    def __init__(
        self,
        contract: DiskContract,
        files: Mapping[str, FileBytes],
        directories: frozenset[str],
        *,
        what: str = "",
        outcomes: tuple[tuple[str, Outcome], ...] = (),
        children: "Children | None" = None,
    ) -> None:
        self.contract = contract
        self.files = files
        self.directories = directories
        self._what = what
        self._outcomes = outcomes
        self._children = children or Children(files, directories)
        self._hash: int | None = None

    @property
    def label(self) -> str:
        """What survived of what was pending, for people."""
        named = self._outcomes[:_LABELS_MAX]
        parts = [self._what, *(f"{path}: {outcome.what}" for path, outcome in named)]
        if len(self._outcomes) > len(named):
            parts.append(f"and {len(self._outcomes) - len(named)} more")
        return "; ".join(part for part in parts if part) or "nothing was pending"

    def children(self) -> dict[str, tuple[str, ...]]:
        """Sorted names below every directory; the root is the empty string."""
        return self._children.table()

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CrashImage):
            return NotImplemented
        return self.directories == other.directories and self.files == other.files

    @override
    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.directories, frozenset(self.files.items())))
        return self._hash

    @override
    def __repr__(self) -> str:
        return f"CrashImage({self.label})"


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
class _Namespace:
    """One outcome of the operations: what each name means, and how long pending files may be."""

    files: dict[str, FileBytes]
    directories: frozenset[str]
    paths: dict[int, tuple[str, ...]]  # of pending files that have a name
    sizes: dict[int, tuple[int, ...]]  # possible lengths of those
    what: str
    children: Children


class Crash:
    """Everything that decides what the next start may find. A value."""

    __slots__ = ("_hash", "_namespaces", "_outcomes", "contract", "directories", "files",
                 "operations", "pending")  # fmt: skip

    def __init__(
        self,
        contract: DiskContract,
        files: Mapping[str, FileBytes | int],
        directories: frozenset[str],
        operations: tuple[Operation, ...],
        pending: tuple[PendingFile, ...],
    ) -> None:
        self.contract = contract
        self.files = files
        self.directories = directories
        self.operations = operations
        self.pending = pending
        self._hash: int | None = None
        self._namespaces: list[_Namespace] | None = None
        self._outcomes: dict[tuple[int, int], SectorOutcomes] = {}

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Crash):
            return NotImplemented
        return (
            self.contract == other.contract
            and self.operations == other.operations
            and self.pending == other.pending
            and self.directories == other.directories
            and self.files == other.files
        )

    @override
    def __hash__(self) -> int:
        if self._hash is None:
            names = frozenset(self.files.items())
            self._hash = hash((names, self.directories, self.operations, self.pending))
        return self._hash

    # --- counting

    def count(self, prng: Prng | None = None) -> int | None:
        """How many different images there are; None where that is known only by sampling.

        A product over independent items. Where two outcomes of the operations leave the same
        names, the same bytes may come from both: those images are made and counted once, with the
        torn sectors and the garbage that `prng` draws (seed 0 without).
        """
        namespaces = self._every_namespace()
        if namespaces is None:
            return None
        alike: dict[object, list[_Namespace]] = {}
        for namespace in namespaces:
            alike.setdefault(self._shape(namespace), []).append(namespace)
        total = 0
        for group in alike.values():
            sizes = [self._size(namespace) for namespace in group]
            if len(group) == 1:
                total += sizes[0]
            elif sum(sizes) > EXACT_MAX:
                return None
            else:
                drawn = prng or Prng(0)
                found = {self._key(image) for n in group for image in self._exhaustive(n, drawn)}
                total += len(found)
        return total

    def bound(self) -> int | None:
        """At least as many as `count`; None where the operations have too many outcomes."""
        namespaces = self._every_namespace()
        return None if namespaces is None else sum(self._size(n) for n in namespaces)

    def _shape(self, namespace: _Namespace) -> object:
        """Images of two namespaces with different shapes are different."""
        sizes: list[tuple[str, int]] = []
        if self.contract.names is Names.ORDERED:
            of_pending = {
                path: namespace.sizes[number][0]
                for number, paths in namespace.paths.items()
                for path in paths
            }
            sizes = sorted(
                (path, of_pending[path] if path in of_pending else namespace.files[path].size)
                for path in self._changing(namespace)
            )
        names = frozenset((*namespace.files, *self._pending_paths(namespace)))
        return names, namespace.directories, tuple(sizes)

    @staticmethod
    def _pending_paths(namespace: _Namespace) -> list[str]:
        return [path for paths in namespace.paths.values() for path in paths]

    def _changing(self, namespace: _Namespace) -> list[str]:
        """Paths that the operations touch and that are files here."""
        found = set(self._pending_paths(namespace))
        for operation in self.operations:
            if isinstance(operation, NameOperation):
                found.update(e.path for e in operation.entries if e.path in namespace.files)
        return sorted(found)

    def _key(self, image: CrashImage) -> object:
        """What tells this image from others of the same crash."""
        paths = [path for path, target in self.files.items() if isinstance(target, int)]
        for operation in self.operations:
            if isinstance(operation, NameOperation):
                paths += [entry.path for entry in operation.entries]
        return image.directories, tuple(image.files.get(path) for path in paths)

    def _size(self, namespace: _Namespace) -> int:
        return prod(
            sum(self._at(number, size).count() for size in sizes)
            for number, sizes in namespace.sizes.items()
        )

    def _at(self, number: int, size: int) -> SectorOutcomes:
        found = self._outcomes.get((number, size))
        if found is None:
            pending, contract = self.pending[number], self.contract
            found = self._outcomes[number, size] = SectorOutcomes(
                pending.durable, pending.sectors, size, contract.sector,
                torn=contract.torn, garbage=contract.garbage,
            )  # fmt: skip
        return found

    # --- outcomes of the operations

    def _every_namespace(self) -> list[_Namespace] | None:
        """All that differ, nothing happened first; None where there are too many."""
        if self._namespaces is None:
            names = [
                i
                for i, operation in enumerate(self.operations)
                if isinstance(operation, NameOperation)
                and not all(entry.certain for entry in operation.entries)
            ]
            if self.contract.names is Names.ORDERED:
                chosen = [frozenset(range(k)) for k in range(len(self.operations) + 1)]
            elif len(names) > _SUBSETS_MAX:
                return None
            else:
                chosen = [
                    frozenset(name for bit, name in enumerate(names) if mask >> bit & 1)
                    for mask in range(1 << len(names))
                ]
            found: dict[object, _Namespace] = {}
            for choice in chosen:
                namespace = self._namespace(choice)
                found.setdefault(_identity(namespace), namespace)
            self._namespaces = list(found.values())
        return self._namespaces

    def _namespace(self, happened: frozenset[int]) -> _Namespace:
        """Apply the operations that happened, in their order, and drop what has no parents."""
        files = dict(self.files)
        directories = set(self.directories)
        lengths = {number: [held.durable.size] for number, held in enumerate(self.pending)}
        ordered = self.contract.names is Names.ORDERED
        still_there: list[str] = []  # directories whose removal did not happen
        for i, operation in enumerate(self.operations):
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
        _drop_orphans(self.operations, files, directories)
        paths: dict[int, tuple[str, ...]] = {}
        clean: dict[str, FileBytes] = {}
        for path, held in files.items():
            if isinstance(held, int):
                paths[held] = (*paths.get(held, ()), path)
            else:
                clean[path] = held
        frozen = frozenset(directories)
        return _Namespace(
            clean,
            frozen,
            paths,
            {number: _without_repeats(lengths[number]) for number in sorted(paths)},
            self._named(happened) if self.operations else "",
            Children(files, frozen),
        )

    def _named(self, happened: frozenset[int]) -> str:
        """Readable form of a choice of operations."""
        if self.contract.names is Names.ORDERED:
            last = self._operation_name(len(happened) - 1) if happened else "none"
            return f"operations {len(happened)} of {len(self.operations)} (last: {last})"
        names = [
            self._operation_name(i)
            for i in sorted(happened)
            if isinstance(self.operations[i], NameOperation)
        ]
        more = len(names) - _LABELS_MAX
        text = ", ".join(names[:_LABELS_MAX]) + (f" and {more} more" if more > 0 else "")
        return f"operations: {text or 'none'}"

    def _operation_name(self, i: int) -> str:
        operation = self.operations[i]
        if isinstance(operation, NameOperation):
            return operation.what
        return f"length of file {operation.file} = {operation.size}"

    # --- images

    def images(self, budget: int, prng: Prng) -> Iterator[CrashImage]:
        """At most `budget` different images, the four extremes first (`Extreme`).

        All of them where there are no more than `budget`; else what `prng` draws.
        """
        seen: set[object] = set()
        yield from islice(self._distinct(self._candidates(budget, prng), seen), budget)

    def _distinct(
        self, candidates: Iterator[CrashImage], seen: set[object]
    ) -> Iterator[CrashImage]:
        for image in candidates:
            key = self._key(image)
            if key not in seen:
                seen.add(key)
                yield image

    def _candidates(self, budget: int, prng: Prng) -> Iterator[CrashImage]:
        yield from (self.extreme(which) for which in Extreme)
        namespaces = self._every_namespace()
        bound = self.bound()
        if namespaces is not None and bound is not None and bound <= budget * _ATTEMPTS_PER_IMAGE:
            for namespace in namespaces:
                yield from self._exhaustive(namespace, prng)
            return
        for _ in range(budget * _ATTEMPTS_PER_IMAGE):
            yield self.sample(prng)

    def extreme(self, which: Extreme) -> CrashImage:
        """One of the four corners."""
        names = which in {Extreme.EVERYTHING, Extreme.NAMES}
        new = which in {Extreme.EVERYTHING, Extreme.BYTES}
        happened = frozenset(range(len(self.operations))) if names else frozenset()
        namespace = self._namespace(happened)
        contents = {}
        for number, sizes in namespace.sizes.items():
            size = sizes[-1] if names else self.pending[number].durable.size
            outcomes = self._at(number, size)
            contents[number] = outcomes.newest() if new else outcomes.oldest()
        return self._image(namespace, contents, f"{which.value} survived")

    def _exhaustive(self, namespace: _Namespace, prng: Prng) -> Iterator[CrashImage]:
        """Make every image with these names."""
        numbers = list(namespace.sizes)
        everything = [
            [
                outcome
                for size in namespace.sizes[number]
                for outcome in self._at(number, size).every(prng.fork(f"file {number}, {size}"))
            ]
            for number in numbers
        ]
        for choice in product(*everything):
            yield self._image(namespace, dict(zip(numbers, choice, strict=True)))

    def sample(self, prng: Prng) -> CrashImage:
        """Draw one image: each file for itself, or up to a file, or all new or old but a few."""
        namespace = self._drawn_namespace(prng)
        numbers = list(namespace.sizes)
        contents: dict[int, Outcome] = {}
        style = prng.below(4)
        edge = prng.below(len(numbers)) if numbers else 0
        odd = {edge, *(prng.below(len(numbers)) for _ in numbers[:_ODD_ONES])}
        for i, (number, sizes) in enumerate(namespace.sizes.items()):
            size = sizes[prng.below(len(sizes))] if len(sizes) > 1 else sizes[0]
            outcomes = self._at(number, size)
            if style == 0 or i in odd:
                contents[number] = outcomes.draw(prng)
            elif style == 1:
                contents[number] = outcomes.newest() if i < edge else outcomes.oldest()
            else:
                contents[number] = outcomes.newest() if style > 2 else outcomes.oldest()  # noqa: PLR2004 - the fourth
        return self._image(namespace, contents)

    def _drawn_namespace(self, prng: Prng) -> _Namespace:
        """Half the time all operations happened: bytes are what most checks are about."""
        namespaces = self._every_namespace()
        if namespaces is not None:
            return namespaces[-1 if prng.below(2) else prng.below(len(namespaces))]
        count = len(self.operations)
        mask = (1 << count) - 1 if prng.below(2) else prng.bits(count)
        return self._namespace(frozenset(i for i in range(count) if mask >> i & 1))

    def _image(
        self, namespace: _Namespace, contents: Mapping[int, Outcome], what: str | None = None
    ) -> CrashImage:
        files = namespace.files.copy()
        named = []
        for number, outcome in contents.items():
            paths = namespace.paths[number]
            for path in paths:
                files[path] = outcome.contents
            if what is None:
                named.append((paths[0], outcome))
        return CrashImage(
            self.contract,
            files,
            namespace.directories,
            what=namespace.what if what is None else what,
            outcomes=tuple(named),
            children=namespace.children,
        )


def _identity(namespace: _Namespace) -> object:
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
