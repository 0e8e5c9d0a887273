"""What a crash may leave, written down once more, with whole strings of bytes and no cleverness.

The machine `Disk` compares this with `refimpl.sim.crash_disk`. Nothing is shared, merged or
canonical here: a file is its bytes, a sector is a slice, an image is a dictionary.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, combinations, product
from math import prod

from refimpl.model.effect import Span
from refimpl.sim.crash_images import CrashImage, DiskContract, Names

Files = dict[str, bytes]
SUBSETS_MAX = 6
IMAGES_MAX = 400


@dataclass(eq=False, slots=True)
class ModelFile:
    """`now` is what readers see, `floor` what is durable, `since` each sector's bytes after it."""

    now: bytes = b""
    floor: bytes = b""
    since: dict[int, list[bytes]] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)

    def change(self, now: bytes, first: int, last: int, sector: int) -> None:
        """Bytes from `first` up to `last` were written."""
        self.now = now
        for number in range(first // sector, -(-last // sector)):
            self.since.setdefault(number, []).append(now[number * sector : (number + 1) * sector])
            self.dropped.discard(number)

    def force(self, sector: int, span: Span | None) -> None:
        """All of `span` that no failed force gave up is durable, sector by sector."""
        first, end = span or (0, max(len(self.now), (max(self.since, default=0) + 1) * sector))
        floor = bytearray(self.floor[: len(self.now)].ljust(len(self.now), b"\0"))
        for number in [number for number in self.since if number not in self.dropped]:
            if number * sector >= end or (number + 1) * sector <= first or first == end:
                continue
            data = self.now[number * sector : (number + 1) * sector]
            floor[number * sector : number * sector + len(data)] = data
            del self.since[number]
        self.floor = bytes(floor)

    def sector(self, number: int, size: int, sector: int) -> list[bytes]:
        """What this sector may hold, untorn, in a file of `size` bytes; the durable bytes first."""
        length = min(sector, size - number * sector)
        start = number * sector
        found = [self.floor[start : start + sector], *self.since.get(number, ())]
        return [data[:length].ljust(length, b"\0") for data in found]

    def contents(self, size: int, sector: int) -> Iterator[bytes]:
        """Every content of that size, untorn; some more than once."""
        numbers = range(-(-size // sector))
        for choice in product(*(self.sector(number, size, sector) for number in numbers)):
            yield b"".join(choice)

    def explains(self, data: bytes, contract: DiskContract) -> bool:
        """Tell whether every sector of `data` is one that the contract allows."""
        sector = contract.sector
        for number in range(-(-len(data) // sector)):
            part = data[number * sector : (number + 1) * sector]
            allowed = self.sector(number, len(data), sector)
            mixed = (allowed[-1][:cut] + allowed[0][cut:] for cut in range(len(part)))
            if part in allowed or (contract.torn and part in mixed):
                continue
            fresh = number in self.since and number * sector >= len(self.floor)
            if not (contract.garbage and fresh):
                return False
        return True


@dataclass(eq=False, slots=True)
class ModelDirectory:
    """Names by what they mean now, and by what they mean on the platter."""

    now: "dict[str, Meaning]" = field(default_factory=dict)
    durable: "dict[str, Meaning]" = field(default_factory=dict)


Meaning = ModelFile | ModelDirectory
Entry = tuple[ModelDirectory, str, Meaning | None]


@dataclass(slots=True)
class Naming:
    """Names that change together."""

    entries: list[Entry]


@dataclass(slots=True)
class Sizing:
    """A file becomes this long."""

    file: ModelFile
    size: int


@dataclass(slots=True)
class Survivors:
    """One outcome of the journal: reachable files with the lengths that each may have."""

    files: dict[str, ModelFile]
    directories: frozenset[str]
    sizes: dict[int, list[int]]  # by identity of the file


class DiskModel:
    """Names and files as readers see them, and as a crash would."""

    def __init__(self, contract: DiskContract) -> None:
        self.contract = contract
        self.root = ModelDirectory()
        self.journal: list[Naming | Sizing] = []
        self._made: dict[int, Naming] = {}  # by identity of a file or directory

    @classmethod
    def after(cls, image: CrashImage) -> "DiskModel":
        """Begin again with what an image shows."""
        model = cls(image.contract)
        for path in sorted(image.directories):
            parent, name = model.place(path)
            parent.now[name] = parent.durable[name] = ModelDirectory()
        for path, held in image.files.items():
            data = held.read(0, held.size)
            parent, name = model.place(path)
            parent.now[name] = parent.durable[name] = ModelFile(data, data)
        return model

    # --- what readers see

    def find(self, path: str) -> Meaning | None:
        """What a path means."""
        found: Meaning | None = self.root
        for name in path.split("/") if path else ():
            found = found.now.get(name) if isinstance(found, ModelDirectory) else None
        return found

    def file(self, path: str) -> ModelFile | None:
        """Look a file up."""
        found = self.find(path)
        return found if isinstance(found, ModelFile) else None

    def directory(self, path: str) -> ModelDirectory | None:
        """Look a directory up."""
        found = self.find(path)
        return found if isinstance(found, ModelDirectory) else None

    def place(self, path: str) -> tuple[ModelDirectory, str]:
        """The directory and the name in it; parents come into being."""
        found = self.root
        *parents, last = path.split("/")
        for name in parents:
            below = found.now.get(name)
            if below is None:
                below = ModelDirectory()
                self._name([(found, name, below)], below)
            assert isinstance(below, ModelDirectory)
            found = below
        return found, last

    def files(self) -> Files:
        """Every file with its bytes, sorted by path."""
        found: dict[str, ModelFile] = {}
        _walk(self.root, lambda directory: directory.now, "", found, set())
        return {path: held.now for path, held in sorted(found.items())}

    def floor(self) -> Files:
        """Every file that the platter shows if nothing pending survives, with its bytes."""
        found: dict[str, ModelFile] = {}
        _walk(self.root, lambda directory: directory.durable, "", found, set())
        return {path: held.floor for path, held in sorted(found.items())}

    # --- what is done

    def create(self, path: str) -> ModelFile:
        """A new file without bytes."""
        held = ModelFile()
        parent, name = self.place(path)
        self._name([(parent, name, held)], held)
        return held

    def rename(self, source: str, target: str) -> None:
        """Two names change together."""
        (left, old), (right, new) = self.place(source), self.place(target)
        held = left.now[old]
        self._name([(left, old, None), (right, new, held)])

    def remove(self, path: str) -> None:
        """A file or an empty directory goes."""
        parent, name = self.place(path)
        self._name([(parent, name, None)])

    def _name(self, entries: list[Entry], made: Meaning | None = None) -> None:
        for directory, name, meaning in entries:
            _assign(directory.now, name, meaning)
        step = Naming(list(entries))
        self.journal.append(step)
        if made is not None:
            self._made[id(made)] = step

    def size(self, held: ModelFile, size: int) -> None:
        """Change a length; the bytes follow the caller's word."""
        self.journal.append(Sizing(held, size))

    def shortest(self, held: ModelFile) -> int:
        """The least length of the file on the platter and since then: behind it all is new."""
        sizes = (s.size for s in self.journal if isinstance(s, Sizing) and s.file is held)
        return min(len(held.floor), *sizes, len(held.now))

    def force(self, held: ModelFile, span: Span | None) -> None:
        """Make one file durable, with what its force carries along."""
        if self.contract.names is Names.ORDERED:
            self._commit(
                lambda step: (
                    step is self._made.get(id(held))
                    or (isinstance(step, Sizing) and step.file is held)
                )
            )
        else:
            self.journal = [
                step
                for step in self.journal
                if not (isinstance(step, Sizing) and step.file is held)
            ]
        held.force(self.contract.sector, span)

    def sync(self, directory: ModelDirectory) -> None:
        """Make the names of one directory durable, with what that carries along."""
        if self.contract.names is Names.ORDERED:
            self._commit(
                lambda step: (
                    step is self._made.get(id(directory))
                    or (
                        isinstance(step, Naming)
                        and any(entry[0] is directory for entry in step.entries)
                    )
                )
            )
            return
        for step in self.journal:
            if isinstance(step, Naming):
                for entry in [entry for entry in step.entries if entry[0] is directory]:
                    _assign(directory.durable, *entry[1:])
                    step.entries.remove(entry)
        self.journal = [s for s in self.journal if isinstance(s, Sizing) or s.entries]

    def _commit(self, carried: Callable[[Naming | Sizing], bool]) -> None:
        """Everything up to the last step that is carried is durable."""
        last = max((i for i, step in enumerate(self.journal) if carried(step)), default=-1)
        for step in self.journal[: last + 1]:
            if isinstance(step, Sizing):
                step.file.floor = step.file.floor[: step.size].ljust(step.size, b"\0")
            else:
                for directory, name, meaning in step.entries:
                    _assign(directory.durable, name, meaning)
        del self.journal[: last + 1]

    # --- after a crash

    def survivors(self) -> list[Survivors] | None:
        """Every outcome of the journal; None where there are too many to look at."""
        names = [i for i, step in enumerate(self.journal) if isinstance(step, Naming)]
        if self.contract.names is Names.ORDERED:
            chosen = [tuple(range(count)) for count in range(len(self.journal) + 1)]
        elif len(names) > SUBSETS_MAX:
            return None
        else:
            chosen = list(
                chain.from_iterable(combinations(names, n) for n in range(len(names) + 1))
            )
        return [self._survivors(choice) for choice in chosen]

    def _survivors(self, happened: tuple[int, ...]) -> Survivors:
        tables: dict[int, dict[str, Meaning]] = {}
        sizes: dict[int, list[int]] = {}
        for i, step in enumerate(self.journal):
            if isinstance(step, Naming):
                for directory, name, meaning in step.entries if i in happened else ():
                    table = tables.setdefault(id(directory), dict(directory.durable))
                    _assign(table, name, meaning)
            elif self.contract.names is Names.ANY:
                sizes.setdefault(id(step.file), [len(step.file.floor)]).append(step.size)
            elif i in happened:
                sizes[id(step.file)] = [step.size]
        files: dict[str, ModelFile] = {}
        directories: set[str] = set()
        _walk(self.root, lambda d: tables.get(id(d), d.durable), "", files, directories)
        for held in files.values():
            sizes.setdefault(id(held), [len(held.floor)])
        return Survivors(files, frozenset(directories), sizes)

    def every_untorn(self, survivors: list[Survivors]) -> set[object] | None:
        """Every image without torn sectors and garbage; None where there are too many."""
        sector = self.contract.sector
        work = 0
        for one in survivors:
            files = {id(held): held for held in one.files.values()}
            work += prod(
                sum(
                    prod(
                        len(held.sector(number, size, sector))
                        for number in range(-(-size // sector))
                    )
                    for size in set(one.sizes[key])
                )
                for key, held in files.items()
            )
        if work > IMAGES_MAX:
            return None
        found: set[object] = set()
        for one in survivors:
            files = {id(held): held for held in one.files.values()}
            options = [
                {data for size in one.sizes[key] for data in held.contents(size, sector)}
                for key, held in files.items()
            ]
            for choice in product(*options):
                contents = dict(zip(files, choice, strict=True))
                shown = {path: contents[id(held)] for path, held in one.files.items()}
                found.add((frozenset(shown.items()), one.directories))
        return found

    def explains(self, image: CrashImage, survivors: list[Survivors]) -> bool:
        """Tell whether some outcome of the journal and of the sectors is this image."""
        shown = {path: held.read(0, held.size) for path, held in image.files.items()}
        return any(
            one.directories == image.directories
            and one.files.keys() == shown.keys()
            and all(
                len(data) in one.sizes[id(one.files[path])]
                and one.files[path].explains(data, self.contract)
                for path, data in shown.items()
            )
            and self._links_agree(one, shown)
            for one in survivors
        )

    @staticmethod
    def _links_agree(one: Survivors, shown: Files) -> bool:
        """Two names of one file show the same bytes."""
        seen: dict[int, bytes] = {}
        return all(
            seen.setdefault(id(held), shown[path]) == shown[path]
            for path, held in one.files.items()
        )


def _assign(table: dict[str, Meaning], name: str, meaning: Meaning | None) -> None:
    if meaning is None:
        table.pop(name, None)
    else:
        table[name] = meaning


def _walk(
    directory: ModelDirectory,
    table: Callable[[ModelDirectory], dict[str, Meaning]],
    prefix: str,
    files: dict[str, ModelFile],
    directories: set[str],
) -> None:
    """Collect what can be reached from `directory`."""
    for name, meaning in table(directory).items():
        if isinstance(meaning, ModelFile):
            files[prefix + name] = meaning
        else:
            directories.add(prefix + name)
            _walk(meaning, table, f"{prefix}{name}/", files, directories)
