"""The ledger: what was answered to whom, and so what a later reader must, may or must not see.

Requirements  STORE-PROMISE-1..12 in spec/store/promises.md
Model         spec/tla/StoreObservable.tla

A value. Whoever drives a store notes every put, every answer, what consumers were shown, and every
end of a life; `violations(store)` compares the notes with an opened store. Each text begins with
the rule, or with the name of the structural invariant, that is broken.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, NamedTuple

from refimpl.model.ids import PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import decode_record, record_size
from refimpl.model.status import PutMessageStatus
from refimpl.store import invariants
from refimpl.store.message_store import MessageStore
from refimpl.store.recovery import LogScan, deliver_at

MAY_BE_STORED: Final = frozenset(
    {
        PutMessageStatus.PUT_OK,
        PutMessageStatus.FLUSH_DISK_TIMEOUT,
        PutMessageStatus.FLUSH_SLAVE_TIMEOUT,
        PutMessageStatus.SLAVE_NOT_AVAILABLE,
        PutMessageStatus.UNKNOWN_ERROR,
    }
)


class Fate(Enum):
    """What is known of a message after the last opening of its store."""

    OPEN = auto()  # it may be there or not
    KEPT = auto()  # it was there when the store was opened last
    LOST = auto()  # it was not, so it must never come back
    REMOVED = auto()  # retention took it


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

    @property
    def end(self) -> int:
        """First physical offset behind the record; 0 while unknown."""
        return 0 if self.offset is None else self.offset + self.size


class Found(NamedTuple):
    """A record that the log of an opened store holds."""

    offset: PhysicalOffset
    size: int
    topic: Topic
    queue_id: QueueId
    queue_offset: QueueOffset
    body: bytes
    properties: str


def records_of(store: MessageStore) -> list[Found]:
    """Every record from the first file of the log to its end, as recovery would read them."""
    log = store.commit_log
    queue = log.mapped_file_queue
    found: list[Found] = []
    if not queue.mapped_files:
        return found
    scan = LogScan(queue, queue.min_offset, log.release, check_crc=True)
    for request in scan.records(deliver_at(log.delay_levels)):
        offset, size = request.commit_log_offset, request.msg_size
        mapped_file = queue.find_mapped_file_by_offset(offset)
        if offset + size > queue.max_offset or mapped_file is None:
            break
        raw = queue.disk.read(mapped_file.path, offset - mapped_file.file_from_offset, size)
        message = decode_record(raw, release=store.release, decompress=False)
        assert message is not None, "recovery takes only what can be decoded"
        topic_length = len(message.topic.encode())
        before = record_size(message.sys_flag, len(message.body), topic_length, 0)
        found.append(
            Found(
                PhysicalOffset(offset),
                size,
                message.topic,
                message.queue_id,
                message.queue_offset,
                message.body,
                raw[before:].decode("utf-8", "replace"),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Ledger:
    """The notes of one store through all its lives."""

    sync_flush: bool
    sent: tuple[Sent, ...] = ()
    torn: bool = False  # power failed since the last opening

    # --- notes

    def put(
        self,
        topic: Topic,
        queue_id: QueueId,
        bodies: Iterable[bytes],
        properties: str = "",
        *,
        waits: bool = True,
        has_unit: bool = True,
    ) -> "Ledger":
        """A message, or a batch, is about to be given to the store; bodies must be unique."""
        first = len(self.sent)
        return replace(
            self,
            sent=(
                *self.sent,
                *(
                    Sent(first + i, first, topic, queue_id, body, properties, waits, has_unit)
                    for i, body in enumerate(bodies)
                ),
            ),
        )

    def appended(self, put: int, places: Iterable[tuple[int, int, int]]) -> "Ledger":
        """The store said where: (physical offset, size, queue offset) of each message of `put`."""
        changed = {
            put + i: replace(
                self.sent[put + i],
                offset=PhysicalOffset(offset),
                size=size,
                queue_offset=QueueOffset(queue_offset),
            )
            for i, (offset, size, queue_offset) in enumerate(places)
        }
        return self._with(changed)

    def answered(self, put: int, status: PutMessageStatus) -> "Ledger":
        """The final status of `put` went out.

        STORE-PROMISE-1: PUT_OK of SYNC_FLUSH, to one who waits, means durable.
        """
        ok = self.sync_flush and status is PutMessageStatus.PUT_OK
        return self._with(
            {
                s.number: replace(s, status=status, durable=s.durable or (ok and s.waits))
                for s in self.sent[put:]
                if s.put == put
            }
        )

    def shown(self, numbers: Iterable[int]) -> "Ledger":
        """A consumer was given these. STORE-PROMISE-8: SYNC_FLUSH shows only what is durable."""
        return self._with(
            {
                n: replace(s, shown=True, durable=s.durable or self.sync_flush)
                for n in numbers
                if not (s := self.sent[n]).shown
            }
        )

    def removed(self, min_offset: int) -> "Ledger":
        """Retention took everything below `min_offset`: nobody may expect it any more."""
        return self._with(
            {
                s.number: replace(s, fate=Fate.REMOVED, must=False)
                for s in self.sent
                if s.offset is not None and s.offset < min_offset and s.fate is not Fate.LOST
            }
        )

    def flushed(self, where: int) -> "Ledger":
        """STORE-PROMISE-1: the store says that everything below `where` is durable."""
        return self._with(
            {
                s.number: replace(s, durable=True)
                for s in self.sent
                if not s.durable and s.fate is not Fate.LOST and 0 < s.end <= where
            }
        )

    # --- the end of a life

    def killed(self, readable: int) -> "Ledger":
        """STORE-PROMISE-2: the process died, the machine did not: what was readable is there."""
        return self._ended(lambda s: s.durable or 0 < s.end <= readable)

    def power_failed(self) -> "Ledger":
        """STORE-PROMISE-1: power failed, with the store open or not: what is durable is there."""
        return replace(self._ended(lambda s: s.durable), torn=True)

    def stopped(self) -> "Ledger":
        """STORE-PROMISE-9: an orderly end makes all durable, whatever happens after it."""
        return self.flushed(max((s.end for s in self.sent), default=0)).power_failed()

    def _ended(self, kept: Callable[[Sent], bool]) -> "Ledger":
        gone = {Fate.LOST, Fate.REMOVED}
        return self._with(
            {
                s.number: replace(s, must=kept(s))
                for s in self.sent
                if s.fate not in gone and s.must != kept(s)
            }
        )

    def opened(self, store: MessageStore) -> "Ledger":
        """Note what the next life begins with. Ask `violations` first."""
        found = {f.body: f for f in records_of(store)}
        minimum = store.commit_log.min_offset()
        changed: dict[int, Sent] = {}
        for s in self.sent:
            at = found.get(s.body)
            if at is not None:
                changed[s.number] = replace(
                    s,
                    fate=Fate.KEPT,
                    must=False,
                    offset=at.offset,
                    size=at.size,
                    queue_offset=at.queue_offset,
                    properties=at.properties,
                )
            elif s.fate is not Fate.REMOVED:
                removed = s.offset is not None and s.offset < minimum
                fate = Fate.REMOVED if removed else Fate.LOST
                changed[s.number] = replace(s, fate=fate, must=False)
        return replace(self._with(changed), torn=False)

    def _with(self, changed: Mapping[int, Sent]) -> "Ledger":
        if not changed:
            return self
        return replace(self, sent=tuple(changed.get(s.number, s) for s in self.sent))

    # --- what a store must say

    def violations(self, store: MessageStore) -> list[str]:
        """Everything in which an opened store breaks its promises; empty where it keeps them."""
        records = records_of(store)
        return [
            *invariants.violations(store),
            *self._of_records(records),
            *self._of_missing(store, records),
            *_of_queues(store, records, {s.body for s in self.sent if not s.has_unit}),
        ]

    def _of_records(self, records: list[Found]) -> Iterator[str]:
        """Look at what is there: known, sent so, once, not refused, not given up before.

        What nobody was promised may have lost a sector of its properties: no checksum says so.
        """
        known = {s.body: s for s in self.sent}
        seen: set[bytes] = set()
        for found in records:
            s = known.get(found.body)
            if s is None:
                yield f"STORE-PROMISE-5: nobody sent what stands at {found.offset}"
                continue
            name = f"message {s.number} at {found.offset}"
            if found.body in seen:
                yield f"STORE-PROMISE-6: {name} is there twice"
            seen.add(found.body)
            if s.status is not None and s.status not in MAY_BE_STORED:
                yield f"STORE-PROMISE-4: {name} was refused with {s.status.name}"
            if s.fate is Fate.LOST:
                yield f"STORE-PROMISE-7: {name} was cut off by an earlier recovery"
            if (found.topic, found.queue_id) != (s.topic, s.queue_id):
                yield f"STORE-PROMISE-5: {name} is in {found.topic}-{found.queue_id}"
            if found.properties != s.properties and (s.durable or not self.torn):
                yield f"STORE-PROMISE-5: {name} has other properties"
            if s.offset is not None and (s.offset, s.queue_offset) != found[0:5:4]:
                yield f"STORE-PROMISE-6: {name} was at {s.offset}, queue offset {s.queue_offset}"

    def _of_missing(self, store: MessageStore, records: list[Found]) -> Iterator[str]:
        """Look for what must be there, and for a hole below what is."""
        present = {found.body for found in records}
        newest = max((found.offset for found in records), default=-1)
        minimum = store.commit_log.min_offset()
        for s in self.sent:
            if s.body in present or s.fate in {Fate.LOST, Fate.REMOVED}:
                continue
            if s.offset is not None and 0 <= s.offset < minimum:
                continue
            if s.must:
                yield f"{self._promise(s)}: message {s.number} is gone, it was at {s.offset}"
            elif s.offset is not None and s.offset < newest:
                yield f"STORE-PROMISE-3: message {s.number} is a hole below {newest}"

    def _promise(self, s: Sent) -> str:
        if not s.durable:
            return "STORE-PROMISE-2"
        return "STORE-PROMISE-8" if self.sync_flush and s.shown else "STORE-PROMISE-1"


def _of_queues(store: MessageStore, records: list[Found], without: set[bytes]) -> Iterator[str]:
    """STORE-PROMISE-10: each dispatched record is in its queue, once, at its offset."""
    dispatched = store.reput.reput_from_offset
    for found in records:
        if found.offset >= dispatched or found.body in without:
            continue
        queue = store.queues.find(found.topic, found.queue_id)
        unit = None if queue is None else queue.get(found.queue_offset)
        if unit is None or unit[0] != found.offset or unit[1] != found.size:
            name = f"{found.topic}-{found.queue_id}[{found.queue_offset}]"
            yield f"STORE-PROMISE-10: the record at {found.offset} is not {name}: {unit}"
    last: dict[tuple[Topic, QueueId], int] = {}
    for found in records:
        if found.body in without:
            continue
        key = (found.topic, found.queue_id)
        if key in last and found.queue_offset != last[key] + 1:
            yield f"STORE-PROMISE-11: {key} goes from {last[key]} to {found.queue_offset}"
        last[key] = found.queue_offset
    for key, offset in last.items():
        given = store.commit_log.topic_queue_table.get(key, 0)
        if given <= offset or (given > offset + 1 and store.commit_log.pool is None):
            yield f"STORE-PROMISE-11: {key} gives {given} after {offset}"
