"""The ledger: what was answered to whom, and so what a later reader must, may or must not see.

Requirements  STORE-PROMISE-1..13 in spec/store/promises.md
Model         spec/tla/StoreObservable.tla

A value. Whoever drives a store notes every put, every answer, what consumers were shown, and every
end of a life; `ledger_look.violations(ledger, store)` compares the notes with an opened store.

A note costs the same however many there are: within a life records end in the order of their
numbers, so that what a flush or the retention has passed need not be asked again. The end of a life
and the next opening look at every message.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import takewhile
from typing import Final

from refimpl.model.ids import PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.status import PutMessageStatus
from refimpl.sim.found_records import Found, found_records
from refimpl.sim.sent_log import GONE, Fate, Sent, SentLog
from refimpl.store.message_store import MessageStore

MAY_BE_STORED: Final = frozenset(
    {
        PutMessageStatus.PUT_OK,
        PutMessageStatus.FLUSH_DISK_TIMEOUT,
        PutMessageStatus.FLUSH_SLAVE_TIMEOUT,
        PutMessageStatus.SLAVE_NOT_AVAILABLE,
        PutMessageStatus.UNKNOWN_ERROR,
    }
)


class Trust(Enum):
    """What the disk has done to its word. It only falls, and a store begins anew without it."""

    ALL = auto()  # it keeps its contract: every promise holds
    CACHE = auto()  # a force lied: as long as no power fails, every promise holds
    NOTHING = auto()  # bits changed, or power failed after a lie: STORE-PROMISE-13 alone


@dataclass(frozen=True, slots=True)
class Ledger:
    """The notes of one store through all its lives."""

    sync_flush: bool
    sent: SentLog = field(default_factory=SentLog)
    tears: bool = False  # the disk tears sectors, so a head may come back half
    torn: bool = False  # power failed since the last opening
    trust: Trust = Trust.ALL
    stopped_at: int = 0  # messages below this number were there at an orderly end
    # no flush, and no retention, concerns a message below these numbers in this life
    flush_passed: int = field(default=0, compare=False)
    retention_passed: int = field(default=0, compare=False)

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
            sent=self.sent.added(
                Sent(first + i, first, topic, queue_id, body, properties, waits, has_unit)
                for i, body in enumerate(bodies)
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
                for s in takewhile(lambda s: s.put == put, self.sent.since(put))
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
        changed: dict[int, Sent] = {}
        passed, passing = self.retention_passed, True
        for s in self.sent.since(passed):
            if s.fate not in GONE and not s.has_no_place:
                if s.offset is None:
                    passing = False
                elif s.offset < min_offset:
                    changed[s.number] = replace(s, fate=Fate.REMOVED, must=False)
                else:
                    break
            if passing:
                passed = s.number + 1
        return replace(self._with(changed), retention_passed=passed)

    def flushed(self, where: int) -> "Ledger":
        """STORE-PROMISE-1: the store says that everything below `where` is durable."""
        changed: dict[int, Sent] = {}
        passed, passing = self.flush_passed, True
        for s in self.sent.since(passed):
            if not s.durable and s.fate is not Fate.LOST and not s.has_no_place:
                if s.offset is None:
                    passing = False
                elif s.end <= where:
                    changed[s.number] = replace(s, durable=True)
                else:
                    break
            if passing:
                passed = s.number + 1
        if passed == self.flush_passed and not changed:
            return self
        return replace(self._with(changed), flush_passed=passed)

    # --- the end of a life

    def killed(self, readable: int) -> "Ledger":
        """STORE-PROMISE-2: the process died, the machine did not: what was readable is there."""
        return self._ended(lambda s: s.durable or 0 < s.end <= readable)

    def power_failed(self) -> "Ledger":
        """STORE-PROMISE-1: power failed, with the store open or not: what is durable is there."""
        trust = Trust.NOTHING if self.trust is Trust.CACHE else self.trust
        return replace(self._ended(lambda s: s.durable), torn=True, trust=trust)

    def deceived(self) -> "Ledger":
        """A force said that it made durable what it did not (STORE-PROMISE-13)."""
        return replace(self, trust=Trust.CACHE) if self.trust is Trust.ALL else self

    def damaged(self) -> "Ledger":
        """Bytes changed on the platter that nobody wrote (STORE-PROMISE-13)."""
        return replace(self, trust=Trust.NOTHING)

    def stopped(self) -> "Ledger":
        """STORE-PROMISE-9: an orderly end makes all durable, whatever happens after it."""
        flushed = self.flushed(max((s.end for s in self.sent), default=0))
        return replace(flushed.power_failed(), trust=self.trust, stopped_at=len(self.sent))

    def _ended(self, kept: Callable[[Sent], bool]) -> "Ledger":
        return self._with(
            {
                s.number: replace(s, must=kept(s))
                for s in self.sent
                if s.fate not in GONE and s.must != kept(s)
            }
        )

    def opened(self, store: MessageStore) -> "Ledger":
        """Note what the next life begins with. Ask `violations` first."""
        records = found_records(store)
        found = {f.body: f for f in records}
        unplaced = self.unplaced(records, {s.body: s.number for s in self.sent})
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
                    topic=at.topic,
                    queue_id=at.queue_id,
                    queue_offset=at.queue_offset,
                    properties=at.properties,
                    has_unit=at.has_unit,
                    unplaced=s.number in unplaced,
                )
            elif s.fate is not Fate.REMOVED:
                removed = s.offset is not None and s.offset < minimum
                fate = Fate.REMOVED if removed else Fate.LOST
                changed[s.number] = replace(s, fate=fate, must=False)
        opened = self._with(changed)
        return replace(opened, torn=False, stopped_at=0, flush_passed=0, retention_passed=0)

    def unplaced(self, records: Iterable[Found], known: Mapping[bytes, int]) -> frozenset[int]:
        """Which of these, in the order of the log, may stand anywhere in their queues.

        `known`: the number of each message by its body.

        STORE-PROMISE-5: messages that nobody was promised, with a torn head, and those behind
        them in the queue that lost such a message or got it. STORE-RECOVERY-11: and the only one
        before them in a queue that seems to have begun again.
        """
        torn = self.tears and self.torn
        numbers: dict[tuple[Topic, QueueId], list[int]] = {}  # by queue, in the order of the log
        again: set[tuple[Topic, QueueId]] = set()  # where the second one is torn, and at offset 0
        touched: set[tuple[Topic, QueueId]] = set()
        follows: dict[tuple[Topic, QueueId], int] = {}
        found: set[int] = set()
        for at in records:
            number = known.get(at.body)
            if number is None:
                continue
            s, queue = self.sent[number], (at.topic, at.queue_id)
            if torn and not s.durable:
                told: int | None = s.queue_offset
                if told is None:  # nobody heard of it
                    told = follows.get(queue) if s.has_unit else None
                if told is None:
                    told = at.queue_offset
                placed = s.topic, s.queue_id, s.has_unit, told
                if placed != (*queue, at.has_unit, at.queue_offset):
                    touched |= {queue, (s.topic, s.queue_id)}
                    if at.queue_offset == 0 and len(numbers.get(queue, ())) == 1:
                        again.add(queue)
            if s.unplaced or (torn and not s.durable and queue in touched):
                found.add(number)
            if at.has_unit:
                if follows.get(queue) == at.queue_offset == 1 and queue in again:
                    found.add(numbers[queue][0])
                numbers.setdefault(queue, []).append(number)
                follows[queue] = at.queue_offset + 1
        return frozenset(found)

    def _with(self, changed: Mapping[int, Sent]) -> "Ledger":
        if not changed:
            return self
        return replace(self, sent=self.sent.changed(changed))
