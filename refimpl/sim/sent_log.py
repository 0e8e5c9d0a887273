"""What somebody gave to a store, one note for each message: a sequence that shares its parts.

A `SentLog` is a value. One that differs from another by a few messages holds the same chunks but
for those, so that a note costs the same whatever came before it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import Final

from refimpl.model.ids import PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.status import PutMessageStatus

_CHUNK: Final = 64  # messages; a change copies one chunk and the tuple of all chunks


class Fate(Enum):
    """What is known of a message after the last opening of its store."""

    OPEN = auto()  # it may be there or not
    KEPT = auto()  # it was there when the store was opened last
    LOST = auto()  # it was not, so it must never come back
    REMOVED = auto()  # retention took it


GONE: Final = frozenset({Fate.LOST, Fate.REMOVED})


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that somebody gave to the store: a batch is several with one `put`."""

    number: int
    put: int  # number of the first message of the same put
    topic: Topic
    queue_id: QueueId
    body: bytes
    properties: str
    waits: bool  # SYNC_FLUSH: the answer means durable
    has_unit: bool  # false for a prepared or rolled back transaction
    status: PutMessageStatus | None = None  # None: nothing was answered
    offset: PhysicalOffset | None = None
    queue_offset: QueueOffset | None = None
    size: int = 0  # bytes of the record, 0 while unknown
    shown: bool = False  # a consumer read it
    durable: bool = False  # it survives a power failure: somebody was told so
    fate: Fate = Fate.OPEN
    must: bool = False  # the next opening has to find it
    unplaced: bool = False  # what a torn head did to its queue was promised to nobody

    @property
    def end(self) -> int:
        """First physical offset behind the record; 0 while unknown."""
        return 0 if self.offset is None else self.offset + self.size

    @property
    def has_no_place(self) -> bool:
        """True for one that was answered and never appended, as far as anybody was told."""
        return self.offset is None and self.status is not None


@dataclass(frozen=True, slots=True)
class SentLog:
    """Messages by their number, from 0 on. Every chunk but the last is full: equal logs compare."""

    chunks: tuple[tuple[Sent, ...], ...] = ()

    @staticmethod
    def of(sent: Iterable[Sent]) -> "SentLog":
        """Make the log of these."""
        return SentLog().added(sent)

    def __len__(self) -> int:
        """How many."""
        chunks = self.chunks
        return (len(chunks) - 1) * _CHUNK + len(chunks[-1]) if chunks else 0

    def __getitem__(self, number: int) -> Sent:
        """Take one message; -1 is the last."""
        if number < 0:
            number += len(self)
        if number < 0:
            raise IndexError(number)
        return self.chunks[number // _CHUNK][number % _CHUNK]

    def __iter__(self) -> Iterator[Sent]:
        """All of them, in order."""
        for chunk in self.chunks:
            yield from chunk

    def since(self, number: int) -> Iterator[Sent]:
        """Messages from `number` on; nothing below it is looked at."""
        first = number // _CHUNK
        for n in range(first, len(self.chunks)):
            chunk = self.chunks[n]
            yield from islice(chunk, number % _CHUNK, None) if n == first else chunk

    def added(self, sent: Iterable[Sent]) -> "SentLog":
        """Add these at the end."""
        chunks = self.chunks
        last: tuple[Sent, ...] = ()
        if chunks and len(chunks[-1]) < _CHUNK:
            chunks, last = chunks[:-1], chunks[-1]
        rest = (*last, *sent)
        cut = tuple(rest[at : at + _CHUNK] for at in range(0, len(rest), _CHUNK))
        return SentLog((*chunks, *cut))

    def changed(self, changed: Mapping[int, Sent]) -> "SentLog":
        """Put other notes in the place of some."""
        if not changed:
            return self
        chunks = list(self.chunks)
        touched: dict[int, list[Sent]] = {}
        for number, sent in changed.items():
            n = number // _CHUNK
            chunk = touched.get(n)
            if chunk is None:
                chunk = touched[n] = list(chunks[n])
            chunk[number % _CHUNK] = sent
        for n, chunk in touched.items():
            chunks[n] = tuple(chunk)
        return SentLog(tuple(chunks))
