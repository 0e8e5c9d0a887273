"""What a power failure may leave: a crash as a value, and the images that are possible after it.

Decision 0003 says what the contract allows and why. A `Crash` holds the durable names and bytes and
everything that is pending: per sector the versions that were written since the last force, and the
journal of operations on names and lengths. Each image is one choice: which operations happened, and
per sector old, newest, any version between, torn, zero or garbage.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import islice, product
from math import prod
from typing import Final

from refimpl.model.override import override
from refimpl.model.prng import Prng
from refimpl.sim.disk_contract import (
    ORDERED,
    STRICT,
    DiskContract,
    NameOperation,
    Names,
    Operation,
    PendingFile,
)
from refimpl.sim.file_bytes import FileBytes
from refimpl.sim.journal_outcomes import Children, JournalOutcomes, Namespace
from refimpl.sim.sector_outcomes import Outcome, SectorOutcomes

__all__ = ["ORDERED", "STRICT", "Crash", "CrashImage", "DiskContract", "Extreme", "Names"]

EXACT_MAX: Final = 1 << 16  # images that are counted by making them
_ATTEMPTS_PER_IMAGE: Final = 4
_ODD_ONES: Final = 2  # files that differ from the rest in a nearly uniform image
_LABELS_MAX: Final = 12  # files that a label names


class Extreme(Enum):
    """The four images that stand at the beginning of every sequence."""

    NOTHING = "nothing pending"
    EVERYTHING = "everything"
    NAMES = "names and lengths, no bytes"
    BYTES = "bytes, no names and lengths"


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

    def has(self, how: str) -> bool:
        """True where a sector came out so: `old`, `new`, `zero`, `torn`, `garbage` and the like."""
        return any(
            told.partition("@")[0] == how
            for _, outcome in self._outcomes
            for _, told in outcome.choices
        )

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


class Crash:
    """Everything that decides what the next start may find. A value."""

    __slots__ = ("_hash", "_journal", "_outcomes", "_paths", "contract", "directories", "files",
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
        self._paths: tuple[str, ...] | None = None  # of files that images may differ in
        self._journal = JournalOutcomes(contract, files, directories, operations, pending)
        self._outcomes: dict[tuple[int, int], SectorOutcomes] = {}

    @override
    def __repr__(self) -> str:
        count = self.count()
        images = "too many images to count" if count is None else f"{count} images"
        pending = f"{len(self.pending)} files and {len(self.operations)} operations"
        return f"Crash({images}, {pending} pending)"

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
        namespaces = self._journal.every()
        if namespaces is None:
            return None
        alike: dict[object, list[Namespace]] = {}
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
        namespaces = self._journal.every()
        return None if namespaces is None else sum(self._size(n) for n in namespaces)

    def _shape(self, namespace: Namespace) -> object:
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
    def _pending_paths(namespace: Namespace) -> list[str]:
        return [path for paths in namespace.paths.values() for path in paths]

    def _changing(self, namespace: Namespace) -> list[str]:
        """Paths that the operations touch and that are files here."""
        found = set(self._pending_paths(namespace))
        for operation in self.operations:
            if isinstance(operation, NameOperation):
                found.update(e.path for e in operation.entries if e.path in namespace.files)
        return sorted(found)

    def _key(self, image: CrashImage) -> object:
        """What tells this image from others of the same crash."""
        if self._paths is None:
            paths = [path for path, target in self.files.items() if isinstance(target, int)]
            for operation in self.operations:
                if isinstance(operation, NameOperation):
                    paths += [entry.path for entry in operation.entries]
            self._paths = tuple(dict.fromkeys(paths))
        return image.directories, tuple(map(image.files.get, self._paths))

    def _size(self, namespace: Namespace) -> int:
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
        namespaces = self._journal.every()
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
        namespace = self._journal.after(happened)
        contents = {}
        for number, sizes in namespace.sizes.items():
            size = sizes[-1] if names else self.pending[number].durable.size
            outcomes = self._at(number, size)
            contents[number] = outcomes.newest() if new else outcomes.oldest()
        return self._image(namespace, contents, f"{which.value} survived")

    def all_but_one(self, folder: str, prng: Prng) -> CrashImage:
        """Everything survived but one sector below `folder`, where there is one to lose."""
        namespace, contents, paths = self._everything()
        numbers = [n for n in contents if paths[n].startswith(folder)]
        while numbers:
            number = numbers.pop(prng.below(len(numbers)))
            odd = self._at(number, namespace.sizes[number][-1]).all_but_one(prng)
            if odd is not None:
                return self._image(namespace, {**contents, number: odd})
        return self._image(namespace, contents)

    def torn_at(self, path: str, position: int) -> CrashImage:
        """Everything survived but the end of one sector of `path`, from this byte on.

        All of it where that byte is durable, or where the contract tears nothing.
        """
        namespace, contents, paths = self._everything()
        for number in contents:
            if paths[number] == path:
                torn = self._at(number, namespace.sizes[number][-1]).torn_at(position)
                contents[number] = torn or contents[number]
        return self._image(namespace, contents)

    def _everything(self) -> tuple[Namespace, dict[int, Outcome], dict[int, str]]:
        namespace = self._journal.after(frozenset(range(len(self.operations))))
        sizes = {number: sizes[-1] for number, sizes in namespace.sizes.items()}
        contents = {number: self._at(number, size).newest() for number, size in sizes.items()}
        return namespace, contents, {n: paths[0] for n, paths in namespace.paths.items()}

    def _exhaustive(self, namespace: Namespace, prng: Prng) -> Iterator[CrashImage]:
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

    def _drawn_namespace(self, prng: Prng) -> Namespace:
        """Half the time all operations happened: bytes are what most checks are about."""
        namespaces = self._journal.every()
        if namespaces is not None:
            return namespaces[-1 if prng.below(2) else prng.below(len(namespaces))]
        count = len(self.operations)
        mask = (1 << count) - 1 if prng.below(2) else prng.bits(count)
        return self._journal.after(frozenset(i for i in range(count) if mask >> i & 1))

    def _image(
        self, namespace: Namespace, contents: Mapping[int, Outcome], what: str | None = None
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
