"""Looks at an opened store: does it keep what its ledger notes?

Requirements  STORE-PROMISE-1..13 in spec/store/promises.md

`violations(ledger, store)` looks at everything. A `Look` does so once and then goes on from where
it was: a record or a unit that was judged is judged again only when somebody writes below the end
of what was judged, which the driver of the store tells. That is all that can change it within a
life, as far as the disk is concerned; what a store forgets in its own memory is found by the next
whole look, at the next opening or at the end of a run. Each text begins with the rule, or with the
name of the structural invariant, that is broken.
"""

from collections.abc import Iterable, Iterator, Mapping

from refimpl.model.ids import QueueId, Topic
from refimpl.sim.found_records import Found, read_records
from refimpl.sim.ledger import MAY_BE_STORED, Ledger, Trust
from refimpl.sim.sent_log import GONE, Fate, Sent
from refimpl.store import invariants
from refimpl.store.consume_queue import CQ_STORE_UNIT_SIZE
from refimpl.store.message_store import MessageStore


def violations(ledger: Ledger, store: MessageStore) -> list[str]:
    """Everything in which an opened store breaks its promises; empty where it keeps them."""
    return Look(store).violations(ledger)


class Look:
    """What was judged of one opened store, and what is still to be judged."""

    __slots__ = (
        "_known",
        "_last",
        "_learned",
        "_log_to",
        "_newest",
        "_open",
        "_present",
        "_store",
        "_unanswered",
        "_undispatched",
        "_units_to",
        "_unplaced",
        "_unplaced_at",
        "whole",
    )

    def __init__(self, store: MessageStore) -> None:
        self._store = store
        self.whole = 0  # looks at everything
        self._known: dict[bytes, int] = {}  # number of each message, by its body
        self._learned = 0  # messages of the ledger that `_known` has
        self._begin()

    def _begin(self) -> None:
        self.whole += 1
        self._log_to = -1
        self._newest = -1  # physical offset of a record
        self._present: set[bytes] = set()  # bodies
        self._undispatched: list[Found] = []
        self._unanswered: list[Found] = []  # somebody may still be told that it is refused
        self._open: list[int] = list(range(self._learned))  # not found, and perhaps not there yet
        self._units_to: dict[tuple[Topic, QueueId], int] = {}
        self._unplaced: set[int] = set()  # numbers of messages, and where they are
        self._unplaced_at: set[int] = set()
        self._last: dict[tuple[Topic, QueueId], int] = {}  # queue offset of the newest record

    def violations(self, ledger: Ledger, rewritten: Mapping[str, int] | None = None) -> list[str]:
        """What is broken in what is new. `rewritten`: lowest offset written, by path, since then.

        STORE-PROMISE-1..11, -13. Ask with the ledger and the store of one life.
        """
        if rewritten and self._is_touched(rewritten):
            self._begin()
        for s in ledger.sent.since(self._learned):
            self._known[s.body] = s.number
            self._open.append(s.number)
        self._learned = len(ledger.sent)
        queue = self._store.commit_log.mapped_file_queue
        if self._log_to < queue.min_offset:  # retention took what nobody looked at
            self._last.clear()
        begun = max(self._log_to, queue.min_offset)
        self._undispatched = [f for f in self._undispatched if f.offset >= queue.min_offset]
        records, self._log_to = read_records(self._store, begun)
        if ledger.trust is Trust.NOTHING:
            return list(self._of_strangers(records))
        self._unplaced |= ledger.unplaced(records, self._known)
        self._unplaced_at |= {f.offset for f in records if self._is_unplaced(f)}
        structure = [
            *invariants.positions(self._store.commit_log),
            *invariants.log_is_whole(self._store.commit_log, self._log_to),
            *self._units(),
        ]
        if any(text.startswith(invariants.UNITS_ARE_WHOLE) for text in structure):
            return structure  # a queue that ends within a unit answers no question
        return [
            *structure,
            *self._of_records(ledger, records),
            *self._of_missing(ledger),
            *self._of_queues(ledger, records),
        ]

    def _is_touched(self, rewritten: Mapping[str, int]) -> bool:
        for path, lowest in rewritten.items():
            folder, _, name = path.rpartition("/")
            if not name.isdecimal():
                continue
            if folder == "commitlog":
                if int(name) + lowest < self._log_to:
                    return True
            elif folder.startswith("consumequeue/"):
                _, topic, queue_id = folder.split("/")
                judged = self._units_to.get((Topic(topic), QueueId(int(queue_id))), 0)
                if int(name) + lowest < judged * CQ_STORE_UNIT_SIZE:
                    return True
        return False

    def _of_strangers(self, records: list[Found]) -> Iterator[str]:
        """STORE-PROMISE-13: what has its checksum was sent, whatever the disk did."""
        for found in records:
            if found.body not in self._known:
                yield f"STORE-PROMISE-13: nobody sent the body of the record at {found.offset}"

    def _units(self) -> Iterator[str]:
        for queue in self._store.queues:
            key = Topic(queue.topic), QueueId(queue.queue_id)
            log = self._store.commit_log
            begun = self._units_to.get(key, 0)
            yield from invariants.of_queue(queue, log, begun, self._unplaced_at)
            self._units_to[key] = queue.max_offset_in_queue

    def _of_records(self, ledger: Ledger, records: list[Found]) -> Iterator[str]:
        """Look at what is there: known, sent so, once, not refused, not given up before.

        What nobody was promised may have lost a sector of its properties, or on a disk that tears
        half of its head: no checksum says so.
        """
        for found in records:
            self._newest = max(self._newest, found.offset)
            number = self._known.get(found.body)
            if number is None:
                yield f"STORE-PROMISE-5: nobody sent what stands at {found.offset}"
                continue
            s = ledger.sent[number]
            name = f"message {s.number} at {found.offset}"
            if found.body in self._present:
                yield f"STORE-PROMISE-6: {name} is there twice"
            self._present.add(found.body)
            if s.fate is Fate.LOST:
                yield f"STORE-PROMISE-7: {name} was cut off by an earlier recovery"
            placed = number not in self._unplaced
            if (found.topic, found.queue_id) != (s.topic, s.queue_id) and placed:
                yield f"STORE-PROMISE-5: {name} is in {found.topic}-{found.queue_id}"
            if found.properties != s.properties and (s.durable or not ledger.torn):
                yield f"STORE-PROMISE-5: {name} has other properties"
            if s.offset is None:
                continue
            if s.offset != found.offset or (s.queue_offset != found.queue_offset and placed):
                yield f"STORE-PROMISE-6: {name} was at {s.offset}, queue offset {s.queue_offset}"
        yield from self._of_refused(ledger, [*self._unanswered, *records])

    def _of_refused(self, ledger: Ledger, records: Iterable[Found]) -> Iterator[str]:
        """STORE-PROMISE-4: whoever has no answer yet is asked for again next time."""
        waiting: list[Found] = []
        for found in records:
            number = self._known.get(found.body)
            if number is None:
                continue
            s = ledger.sent[number]
            if s.status is None and s.fate is Fate.OPEN:
                waiting.append(found)
            if s.status is not None and s.status not in MAY_BE_STORED:
                yield (
                    f"STORE-PROMISE-4: message {s.number} at {found.offset} was refused with "
                    f"{s.status.name}"
                )
        self._unanswered = waiting

    def _of_missing(self, ledger: Ledger) -> Iterator[str]:
        """Look for what must be there, and for a hole below what is."""
        newest = self._newest
        minimum = self._store.commit_log.min_offset()
        still: list[int] = []
        for number in self._open:
            s = ledger.sent[number]
            if s.body in self._present or s.fate in GONE:
                continue
            if s.offset is not None and 0 <= s.offset < minimum:
                continue
            if s.must:
                yield f"{_promise(ledger, s)}: message {s.number} is gone, it was at {s.offset}"
            elif s.offset is not None and s.offset < newest:
                yield f"STORE-PROMISE-3: message {s.number} is a hole below {newest}"
            elif not s.has_no_place:
                still.append(number)
        self._open = still

    def _of_queues(self, ledger: Ledger, records: list[Found]) -> Iterator[str]:
        """STORE-PROMISE-10: each dispatched record is in its queue, once, at its offset."""
        store = self._store
        dispatched = store.reput.reput_from_offset
        placed = [found for found in records if not self._is_unplaced(found)]
        shown = [found for found in placed if self._has_unit(ledger, found)]
        waiting: list[Found] = []
        for found in (*self._undispatched, *shown):
            if found.offset >= dispatched:
                waiting.append(found)
                continue
            queue = store.queues.find(found.topic, found.queue_id)
            unit = None if queue is None else queue.get(found.queue_offset)
            if unit is None or unit[0] != found.offset or unit[1] != found.size:
                name = f"{found.topic}-{found.queue_id}[{found.queue_offset}]"
                yield f"STORE-PROMISE-10: the record at {found.offset} is not {name}: {unit}"
        self._undispatched = waiting
        last = self._last
        for found in records:
            if self._is_unplaced(found):
                last.pop((found.topic, found.queue_id), None)
                continue
            if not self._has_unit(ledger, found):
                continue
            key = (found.topic, found.queue_id)
            if key in last and found.queue_offset != last[key] + 1:
                yield f"STORE-PROMISE-11: {key} goes from {last[key]} to {found.queue_offset}"
            last[key] = found.queue_offset
        for key, offset in last.items():
            given = store.commit_log.topic_queue_table.get(key, 0)
            if given <= offset or (given > offset + 1 and store.commit_log.pool is None):
                yield f"STORE-PROMISE-11: {key} gives {given} after {offset}"

    def _is_unplaced(self, found: Found) -> bool:
        return self._known.get(found.body) in self._unplaced

    def _has_unit(self, ledger: Ledger, found: Found) -> bool:
        number = self._known.get(found.body)
        return number is None or ledger.sent[number].has_unit


def _promise(ledger: Ledger, s: Sent) -> str:
    if s.number < ledger.stopped_at:
        return "STORE-PROMISE-9"
    if not s.durable:
        return "STORE-PROMISE-2"
    return "STORE-PROMISE-8" if ledger.sync_flush and s.shown else "STORE-PROMISE-1"
