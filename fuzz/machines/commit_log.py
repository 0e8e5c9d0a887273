"""The log and what is derived from it: appends, refusals, dispatch to queues and index, retention.

Drives commit log, reput, consume queues and index together, without a crash: files of a few
messages, queue files of four units, index files of seven entries.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from hypothesis.stateful import initialize, invariant, precondition, rule
from hypothesis.strategies import integers, sampled_from

from fuzz.stateful.machine import CountedMachine
from fuzz.stateful.registry import Machine
from fuzz.store_rig import RELEASE_NAMES, START, ForgetfulDisk, StoreRig, config_of, message
from refimpl.model.ids import Millis
from refimpl.model.message_codec import BatchEntry, decode_record, encode_batch
from refimpl.model.release import RELEASES
from refimpl.model.sys_flag import (
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_PREPARED_TYPE,
    TRANSACTION_ROLLBACK_TYPE,
)
from refimpl.store.append_message import PutMessageResult
from refimpl.store.consume_queue import CQ_STORE_UNIT_SIZE, ConsumeQueue
from refimpl.store.errors import AppendRefused

_QUEUES = (("T", 0), ("T", 1), ("U", 0))
_KINDS = (0, 0, 0, TRANSACTION_PREPARED_TYPE, TRANSACTION_COMMIT_TYPE, TRANSACTION_ROLLBACK_TYPE)
_KEYS = ("", "a", "b", "a b")
_TOO_MUCH = 1000  # bytes of a body that no file can hold
_ALWAYS = 1 << 60  # milliseconds


@dataclass(slots=True)
class _Queue:
    """What a queue must hold: (physical offset, size) of each unit from 0 on."""

    units: list[tuple[int, int]] = field(default_factory=list)
    begin: int = 0


@dataclass(frozen=True, slots=True)
class _Record:
    offset: int
    size: int
    queue: tuple[str, int]
    queue_offset: int
    body: bytes
    keys: str
    kind: int


class CommitLogMachine(CountedMachine):
    """One log with everything that is derived from it."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "no-file-in-put",
        "no-space-in-put",
        "no-file-in-dispatch",
        "no-space-in-dispatch",
    )
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("put", "dispatch")

    @initialize(release=sampled_from(RELEASE_NAMES))
    def start(self, release: str) -> None:
        """Begin with an empty log."""
        self.now = START
        self.disk = ForgetfulDisk()
        given, config = RELEASES[release], config_of(release, ())
        self.rig = StoreRig(given, config, self.disk, self.trace_of(config, given))
        self.rig.reput.start(self.now)
        self.records: list[_Record] = []
        self.dispatched = 0  # how many of them
        self.queues = {key: _Queue() for key in _QUEUES}
        self.given = dict.fromkeys(_QUEUES, 0)
        self.number = 0
        self.complete = True  # the last dispatch was not refused by the disk

    def _body(self, size: int) -> bytes:
        self.number += 1
        return b"%05d" % self.number + b"." * size

    def _refuse(self, fault: int, where: str) -> str | None:
        name = {1: f"no-file-in-{where}", 2: f"no-space-in-{where}"}.get(fault)
        if name is None or not self.allows(name):
            return None
        self.disk.refuse = "create" if fault == 1 else "write"
        return name

    def _happened(self, name: str | None) -> bool:
        happened = name is not None and self.disk.refuse is None
        self.disk.refuse = None
        if happened and name is not None:
            self.fault(name)
        return happened

    # --- appends

    @rule(
        queue=sampled_from(_QUEUES),
        size=sampled_from((0, 0, 40, 150, 500)),
        kind=sampled_from(_KINDS),
        keys=sampled_from(_KEYS),
        fault=integers(0, 9),
        later=sampled_from((0, 0, 1, 2000)),
    )
    def put(  # noqa: PLR0917 - all are drawn
        self, queue: tuple[str, int], size: int, kind: int, keys: str, fault: int, later: int
    ) -> None:
        """Append one message; it stands where the log ended, or at the beginning of the next."""
        self.now = Millis(self.now + later)
        name = self._refuse(fault, "put")
        body = self._body(size)
        given = {"KEYS": keys} if keys else None
        inner = message(body, topic=queue[0], queue_id=queue[1], properties=given, sys_flag=kind)
        before = self.rig.log.mapped_file_queue.max_wrote_position
        result = self.rig.put_message(inner, self.now)
        if self._happened(name):
            self._nothing_given(result)
            return
        if not result.is_ok or result.append is None:
            self.broken("STORE-LOG-1", f"refused with {result.status.name} for no reason")
        self._stands(result, before, 1)
        counted = kind in {0, TRANSACTION_COMMIT_TYPE}
        number = self.given[queue] if counted else 0
        if result.append.logics_offset != number:
            self.broken("STORE-LOG-7", f"{queue} gives {result.append.logics_offset}, not {number}")
        self.given[queue] += counted
        self.records.append(
            _Record(
                result.append.wrote_offset,
                result.append.wrote_bytes,
                queue,
                number,
                body,
                keys,
                kind,
            )
        )

    def _nothing_given(self, result: PutMessageResult) -> None:
        table = self.rig.log.topic_queue_table
        wrong = [key for key, number in self.given.items() if table.get(key, 0) != number]
        if result.is_ok or wrong:
            self.broken("STORE-LOG-1", f"{result.status.name}, and {wrong} moved on")

    def _stands(self, result: PutMessageResult, before: int, count: int) -> None:
        """STORE-LOG-8: behind what is there, or at the beginning of the next file."""
        append, size = result.append, self.rig.log.file_size
        assert append is not None
        end = append.wrote_offset + append.wrote_bytes
        rolled = append.wrote_offset % size == 0 and append.wrote_offset - before < size
        if append.wrote_offset != before and not rolled:
            self.broken("STORE-LOG-8", f"{append.wrote_offset} follows {before}")
        if append.wrote_offset // size != (end + 7) // size:
            self.broken("STORE-LOG-8", f"{append.wrote_offset}..{end} leaves no room for a blank")
        if append.msg_num != count or append.store_timestamp != self.now:
            self.broken("STORE-LOG-13", f"{append}")

    @rule(queue=sampled_from(_QUEUES), count=integers(1, 4), fault=integers(0, 9))
    def put_batch(self, queue: tuple[str, int], count: int, fault: int) -> None:
        """Append a batch: whole, in one file, with queue offsets in a row (STORE-LOG-11)."""
        name = self._refuse(fault, "put")
        bodies = [self._body(10) for _ in range(count)]
        batch = encode_batch([BatchEntry(0, body, b"") for body in bodies], self.rig.release)
        inner = message(b"", topic=queue[0], queue_id=queue[1], encoded_batch=batch)
        before = self.rig.log.mapped_file_queue.max_wrote_position
        result = self.rig.put_messages(inner, self.now)
        if self._happened(name):
            self._nothing_given(result)
            return
        if not result.is_ok or result.append is None:
            self.broken("STORE-LOG-11", f"a batch of {count}: {result.status.name}")
        self._stands(result, before, count)
        append = result.append
        if append.logics_offset != self.given[queue]:
            self.broken("STORE-LOG-7", f"{queue} gives {append.logics_offset}")
        size = append.wrote_bytes // count
        for n, body in enumerate(bodies):
            at, number = append.wrote_offset + n * size, self.given[queue] + n
            self.records.append(_Record(at, size, queue, number, body, "", 0))
        self.given[queue] += count

    @rule(how=sampled_from(("body", "properties", "batch")), queue=sampled_from(_QUEUES))
    def put_refused(self, how: str, queue: tuple[str, int]) -> None:
        """Try what cannot be stored: nothing changes (STORE-LOG-1)."""
        before = self._everything()
        try:
            result = self._try(how, queue)
        except AppendRefused:
            pass
        else:
            if result.is_ok:
                self.broken("STORE-LOG-1", f"an impossible {how} was stored")
        if self._everything() != before:
            self.broken("STORE-LOG-1", f"a refused {how} changed the store")

    def _try(self, how: str, queue: tuple[str, int]) -> PutMessageResult:
        rig, (topic, queue_id) = self.rig, queue
        if how == "batch":
            batch = encode_batch([BatchEntry(0, b"x" * _TOO_MUCH, b"")], self.rig.release)
            return rig.put_messages(
                message(b"", topic=topic, queue_id=queue_id, encoded_batch=batch), self.now
            )
        inner = {
            "body": message(b"x" * _TOO_MUCH, topic=topic, queue_id=queue_id),
            "properties": message(b"", topic=topic, properties={"P": "p" * 33_000}),
        }[how]
        return rig.put_message(inner, self.now)

    def _everything(self) -> tuple[object, ...]:
        log = self.rig.log
        queue = log.mapped_file_queue
        files = {path: data for path, data in self.disk.files().items() if data}
        return files, queue.max_wrote_position, queue.flushed_where, dict(log.topic_queue_table)

    # --- what is derived

    @rule(fault=integers(0, 5))
    def dispatch(self, fault: int) -> None:
        """Let reput run: each record is in its queue once, in order, or all of it still to come."""
        reput = self.rig.reput
        begun = reput.reput_from_offset
        name = self._refuse(fault, "dispatch")
        reput.step(self.now)
        failed = self._happened(name)
        end = reput.reput_from_offset
        if end > self.rig.log.max_offset():
            self.broken("STORE-CQ-18", f"dispatch is at {end}, behind the end of the log")
        if end < begun:
            self.broken("STORE-CQ-15", f"dispatch went from {begun} to {end}")
        if not failed and end != self.rig.log.max_offset():
            self.broken("STORE-CQ-15", f"dispatch ends at {end} for no reason")
        while self.dispatched < len(self.records):
            record = self.records[self.dispatched]
            if record.offset >= end:
                break
            self.dispatched += 1
            if record.kind in {0, TRANSACTION_COMMIT_TYPE}:
                self.queues[record.queue].units.append((record.offset, record.size))
        self.complete = not failed
        if self.complete:
            self._units_are_right()

    def _units_are_right(self) -> None:
        for (topic, queue_id), wanted in self.queues.items():
            queue = self.rig.queues.find(topic, queue_id)
            end = 0 if queue is None else queue.max_offset_in_queue
            name = f"{topic}-{queue_id}"
            if end != len(wanted.units):
                self.broken("STORE-PROMISE-10", f"{name} has {end} of {len(wanted.units)} units")
            if queue is None:
                continue
            if queue.min_offset_in_queue < wanted.begin:
                self.broken("STORE-PROMISE-11", f"{name} begins at {queue.min_offset_in_queue}")
            wanted.begin = queue.min_offset_in_queue
            for n in range(max(wanted.begin, self._first_unit(queue)), end):
                unit = queue.get(n)
                if unit is None or unit[:2] != wanted.units[n]:
                    self.broken("STORE-PROMISE-10", f"{name}[{n}] is {unit}")

    def _first_unit(self, queue: ConsumeQueue) -> int:
        """STORE-CQ-5: before 5.5 a queue of which nothing is left keeps its old beginning."""
        first = queue.mapped_file_queue.first_mapped_file
        return 0 if first is None else first.file_from_offset // CQ_STORE_UNIT_SIZE

    @rule(key=sampled_from(("a", "b", "c")), topic=sampled_from(("T", "U")))
    def query(self, key: str, topic: str) -> None:
        """Ask the index: every dispatched message with the key, and nothing that is no message."""
        index = self.rig.index
        found = index.query_offset(
            topic,
            key,
            1000,
            0,
            _ALWAYS,
            max_msgs_num_batch=1000,
            store_time=lambda _: self.now,
        ).phy_offsets
        below = self.rig.log.min_offset()
        dispatched = self.records[: self.dispatched]
        wanted = [
            record.offset
            for record in dispatched
            if record.queue[0] == topic
            and key in record.keys.split()
            and record.kind != TRANSACTION_ROLLBACK_TYPE
            and record.offset >= below
        ]
        if missing := sorted(set(wanted) - set(found)):
            self.broken("STORE-INDEX-1", f"{topic}#{key} is not found at {missing}")
        # where the disk refused, the next record may be there already under some of its keys
        known = {record.offset for record in self.records[: self.dispatched + (not self.complete)]}
        if strange := [offset for offset in found if offset >= below and offset not in known]:
            self.broken("STORE-INDEX-1", f"{topic}#{key} leads to {strange}")

    @rule()
    def read_everything(self) -> None:
        """Read each record that is there, as it was sent."""
        for record in self.records:
            data = self.rig.log.get_message(record.offset, record.size)
            found = None if data is None else decode_record(data, release=self.rig.release)
            if record.offset < self.rig.log.min_offset():
                continue
            if found is None or (found.topic, found.queue_id) != record.queue:
                self.broken("STORE-PROMISE-5", f"{record} is {found}")
            if (found.body, found.queue_offset) != (record.body, record.queue_offset):
                self.broken("STORE-PROMISE-5", f"{record} is {found}")

    @precondition(lambda self: self.rig.reput.reput_from_offset >= self._last_file())
    @rule()
    def expire(self) -> None:
        """Let retention take all but the newest file, and the queues and the index follow."""
        if not self.complete:
            return
        log = self.rig.log
        self.rig.expire(self.now)
        for queue in self.rig.queues:
            queue.delete_expired_file(log.min_offset())
        self.rig.index.delete_expired_file(log.min_offset())
        for topic, queue_id in _QUEUES:
            found = self.rig.queues.find(topic, queue_id)
            kept = self.queues[topic, queue_id].units
            if found is not None and found.min_offset_in_queue < len(kept):
                first = kept[found.min_offset_in_queue][0]
                if first < log.min_offset() <= kept[-1][0]:
                    self.broken("STORE-RETENTION-5", f"{topic}-{queue_id} begins at {first}")

    def _last_file(self) -> int:
        files = self.rig.log.mapped_file_queue.mapped_files
        return files[-1].file_from_offset if len(files) > 1 else _ALWAYS

    @invariant()
    def offsets_only_grow(self) -> None:
        """The next queue offset is what was given so far."""
        self.rig.look()
        log = self.rig.log
        for key, number in self.given.items():
            if log.topic_queue_table.get(key, 0) != number:
                self.broken("STORE-LOG-7", f"{key} will give {log.topic_queue_table.get(key)}")
        behind = len(self.records) - self.dispatched
        files = len(log.mapped_file_queue.mapped_files), len(self.rig.index.index_files)
        self.visit((behind, files, tuple(len(q.units) for q in self.queues.values())))


MACHINE = Machine(
    name="CommitLog",
    machine=CommitLogMachine,
    subject="refimpl.store.commit_log",
    invariants=(
        "STORE-CQ-15",
        "STORE-CQ-18",
        "STORE-INDEX-1",
        "STORE-LOG-1",
        "STORE-LOG-7",
        "STORE-LOG-8",
        "STORE-LOG-11",
        "STORE-LOG-13",
        "STORE-PROMISE-5",
        "STORE-PROMISE-10",
        "STORE-PROMISE-11",
        "STORE-RETENTION-5",
    ),
)
