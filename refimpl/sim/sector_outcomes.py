"""What the dirty sectors of one file may hold after a crash, when the file is of a given length.

Per sector: the durable bytes, every version written since, one torn mixture, one piece of garbage.
Sectors are independent of each other: the count of contents is a product.
"""

from collections.abc import Iterator
from itertools import product
from math import prod

from refimpl.model.prng import Prng
from refimpl.sim.file_bytes import FileBytes

_DRAWN = 256  # a random byte chooses an outcome
_VERSION_BELOW = 4  # of eight: any version; the rest: durable or newest


class Outcome:
    """Contents of one file in one image, and which sector came out how."""

    __slots__ = ("choices", "contents")

    def __init__(self, contents: FileBytes, choices: tuple[tuple[int, str], ...]) -> None:
        self.contents = contents
        self.choices = choices

    @property
    def what(self) -> str:
        """For people."""
        sectors = " ".join(f"{number}={how}" for number, how in self.choices)
        return f"{self.contents.size} bytes" + (f", sectors {sectors}" if sectors else "")


class _Sector:
    """One dirty sector: what is known, and whether it may be torn or garbage besides."""

    __slots__ = ("_torn", "garbage", "labels", "length", "newest", "number", "values")

    def __init__(
        self,
        number: int,
        length: int,
        values: list[bytes],
        labels: list[str],
        newest: int,
        *,
        garbage: bool,
    ) -> None:
        self.number = number
        self.length = length  # bytes of it that lie inside the file
        self.values = values  # the durable one first, all different, no zeros at their ends
        self.newest = newest  # index of what readers saw last
        self.labels = labels
        self.garbage = garbage and length > 0
        self._torn: bool | None = None

    def count(self, *, torn: bool) -> int:
        """How many different outcomes."""
        return len(self.values) + self.garbage + (torn and self.may_tear())

    def may_tear(self) -> bool:
        """True where some mixture of newest and durable equals none of the versions."""
        if self._torn is None:
            self._torn = any(mixed not in self.values for _, mixed in self._mixtures(0))
        return self._torn

    def torn(self, prng: Prng) -> tuple[bytes, str]:
        """The beginning of the newest version and the end of the durable one."""
        for cut, mixed in self._mixtures(prng.below(self.length)):
            if mixed not in self.values:
                return mixed, f"torn@{cut}"
        raise AssertionError("may_tear was asked first")

    def _mixtures(self, first: int) -> Iterator[tuple[int, bytes]]:
        """Cut at `first`, then at every other byte."""
        for i in range(self.length):
            cut = (first + i) % self.length
            yield cut, self.mixture(cut)

    def mixture(self, cut: int) -> bytes:
        """The newest version up to `cut`, and the durable one from there on."""
        old = self.values[0].ljust(self.length, b"\0")
        new = self.values[self.newest].ljust(self.length, b"\0")
        return (new[:cut] + old[cut:]).rstrip(b"\0")

    def noise(self, prng: Prng) -> tuple[bytes, str]:
        """Bytes that nobody wrote."""
        while True:
            data = prng.bits(8 * self.length).to_bytes(self.length, "big").rstrip(b"\0")
            if data not in self.values:
                return data, "garbage"


class SectorOutcomes:
    """Every content that a file of `size` bytes may have, given its versions by sector."""

    __slots__ = ("_durable", "_made", "_sector", "_sectors", "_size", "_torn")

    def __init__(
        self,
        durable: FileBytes,
        sectors: tuple[tuple[int, tuple[bytes, ...]], ...],
        size: int,
        sector: int,
        *,
        torn: bool,
        garbage: bool,
    ) -> None:
        self._durable = durable
        self._size = size
        self._sector = sector
        self._torn = torn
        self._made: dict[tuple[int, ...], Outcome] = {}
        self._sectors: list[_Sector] = []
        for number, versions in sectors:
            start = number * sector
            if start >= size:
                continue
            length = min(sector, size - start)
            never_durable = start >= durable.size
            values = [durable.read(start, length).rstrip(b"\0")]
            labels = ["zero" if never_durable else "old"]
            for i, version in enumerate(versions):
                data = version[:length].rstrip(b"\0")
                if data not in values:
                    values.append(data)
                    labels.append("new" if i + 1 == len(versions) else f"version{i + 1}")
            newest = values.index(versions[-1][:length].rstrip(b"\0"))
            if len(values) > 1 or (garbage and never_durable):
                self._sectors.append(
                    _Sector(
                        number, length, values, labels, newest, garbage=garbage and never_durable
                    )
                )

    def count(self) -> int:
        """How many different contents."""
        return prod(held.count(torn=self._torn) for held in self._sectors)

    def oldest(self) -> Outcome:
        """No pending byte survived."""
        return self._known((0,) * len(self._sectors))

    def newest(self) -> Outcome:
        """Every pending byte survived."""
        return self._known(tuple(held.newest for held in self._sectors))

    def all_but_one(self, prng: Prng) -> Outcome | None:
        """Every pending byte survived, but one sector is old; None where none can be."""
        odd = [i for i, held in enumerate(self._sectors) if held.newest]
        if not odd:
            return None
        which = odd[prng.below(len(odd))]
        held = self._sectors[which]
        return self._odd(which, held.values[0], held.labels[0])

    def torn_at(self, position: int) -> Outcome | None:
        """Every pending byte survived, but one sector is new up to this byte, and old from it on.

        None where that byte is durable, or where nothing is torn.
        """
        number, cut = divmod(position, self._sector)
        for which, held in enumerate(self._sectors if self._torn else ()):
            if held.number == number and cut < held.length:
                return self._odd(which, held.mixture(cut), f"torn@{cut}")
        return None

    def _odd(self, which: int, data: bytes, label: str) -> Outcome:
        choice = [(s.number, s.values[s.newest], s.labels[s.newest]) for s in self._sectors]
        choice[which] = (self._sectors[which].number, data, label)
        return self._outcome(choice)

    def _known(self, versions: tuple[int, ...]) -> Outcome:
        """Contents made of versions alone, one a sector: made once."""
        found = self._made.get(versions)
        if found is None:
            found = self._made[versions] = self._outcome(
                [
                    (held.number, held.values[i], held.labels[i])
                    for held, i in zip(self._sectors, versions, strict=True)
                ]
            )
        return found

    def every(self, prng: Prng) -> Iterator[Outcome]:
        """All contents, once each; torn and garbage are drawn once a sector."""
        options = []
        for held in self._sectors:
            known = [(held.number, *pair) for pair in zip(held.values, held.labels, strict=True)]
            drawn = []
            if self._torn and held.may_tear():
                drawn.append(held.torn(prng))
            if held.garbage:
                noise = held.noise(prng)
                while drawn and noise[0] == drawn[0][0]:
                    noise = held.noise(prng)
                drawn.append(noise)
            options.append(known + [(held.number, *pair) for pair in drawn])
        for choice in product(*options):
            yield self._outcome(choice)

    def draw(self, prng: Prng) -> Outcome:
        """One content: each sector for itself, or written up to a point."""
        sectors = self._sectors
        if not sectors:
            return self._known(())
        drawn = prng.bits(8 * len(sectors) + 8).to_bytes(len(sectors) + 1, "big")
        edge = prng.below(len(sectors)) if drawn[-1] % 2 and len(sectors) > 1 else None
        versions, special = [], {}
        for i, held in enumerate(sectors):
            if edge is None or i == edge:
                choice = self._any(held, drawn[i], prng)
            else:
                choice = held.newest if i < edge else 0
            if isinstance(choice, int):
                versions.append(choice)
            else:
                special[i] = choice
                versions.append(0)
        if not special:
            return self._known(tuple(versions))
        return self._outcome(
            [
                (held.number, *special.get(i, (held.values[version], held.labels[version])))
                for i, (held, version) in enumerate(zip(sectors, versions, strict=True))
            ]
        )

    def _any(self, held: _Sector, drawn: int, prng: Prng) -> int | tuple[bytes, str]:
        """A version by its index, or bytes that are none; `drawn` is a random byte.

        Old and new stay likely however many versions there are.
        """
        kind, known = drawn % 8, len(held.values)
        if kind == 0 and self._torn and held.may_tear():
            return held.torn(prng)
        if kind == 1 and held.garbage:
            return held.noise(prng)
        if kind < _VERSION_BELOW and known > 2:  # noqa: PLR2004 - there is one in between
            return prng.below(known)
        return 0 if drawn < _DRAWN // 2 else held.newest

    def _outcome(
        self, choice: list[tuple[int, bytes, str]] | tuple[tuple[int, bytes, str], ...]
    ) -> Outcome:
        news = {number: data for number, data, _ in choice}
        contents = self._durable.with_sectors(self._size, self._sector, news)
        return Outcome(contents, tuple((number, how) for number, _, how in choice))
