"""What a disk promises about a power failure, and what is pending when one comes. All values.

Decision 0003 gives the reasons.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from refimpl.sim.file_bytes import PAGE, FileBytes


class Names(Enum):
    """Which operations on names and lengths a crash may undo."""

    ORDERED = "a journal: they survive in their order; a force carries its own file's creation"
    ANY = "POSIX: any of them, until the directory itself is forced"


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
