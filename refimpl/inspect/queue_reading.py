"""Consume queues from outside: units against the records they point to, both ways.

Requirements  STORE-CQ-1, STORE-CQ-2, STORE-CQ-4, STORE-CQ-8, STORE-CQ-9, STORE-CQ-10 and
              STORE-LOG-7, STORE-FLUSH-12, STORE-RECOVERY-9 in spec/store
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from refimpl.inspect.commit_log_reading import CommitLogReading
from refimpl.inspect.finding import Findings, Gravity
from refimpl.inspect.store_files import NumberedFiles
from refimpl.model.java import string_hash
from refimpl.model.message_codec import DispatchRequest
from refimpl.model.message_property import PROPERTY_TAGS
from refimpl.model.sys_flag import (
    TRANSACTION_PREPARED_TYPE,
    TRANSACTION_ROLLBACK_TYPE,
    transaction_value,
)
from refimpl.model.topic_validator import RMQ_SYS_SCHEDULE_TOPIC
from refimpl.store.consume_queue import CQ_STORE_UNIT_SIZE, PRE_BLANK, UNIT

QueueKey = tuple[str, int]
_EXTENDED_ADDRESS: Final = -(1 << 31)  # a tags code below it is an address in consumequeue_ext
_EMPTY: Final = bytes(CQ_STORE_UNIT_SIZE)
MULTI_DISPATCH: Final = "INNER_MULTI_DISPATCH"


class Unit(NamedTuple):
    """Where a message lies."""

    offset: int  # physical
    size: int
    tags_code: int


class QueueReading:
    """The units of one queue; all of them are in memory."""

    __slots__ = ("_raw", "_seen", "end", "files", "first", "key", "last_record", "path")

    def __init__(self, key: QueueKey, files: NumberedFiles) -> None:
        self.key = key
        self.path = files.path
        self.files = files
        self.first = -(-files.start // CQ_STORE_UNIT_SIZE)  # number of the first unit there is
        parts = []
        for held in files.files:
            parts.append(files.read(held.start, files.file_size).ljust(files.file_size, b"\0"))
            gap = held.start - files.start - sum(map(len, parts[:-1]))
            parts[-1:] = [bytes(gap), parts[-1]] if gap > 0 else [parts[-1]]
        self._raw = b"".join(parts)
        used = len(self._raw.rstrip(b"\0"))
        self.end = self.first + -(-used // CQ_STORE_UNIT_SIZE)  # behind the last unit not empty
        self._seen = bytearray(max(0, self.end - self.first))
        while self.first < self.end and self.raw(self.first) == PRE_BLANK:
            self._seen[self.first - self.files.start // CQ_STORE_UNIT_SIZE] = 1
            self.first += 1  # STORE-CQ-4
        self.last_record: int | None = None  # queue offset of the newest record seen in the log

    def raw(self, number: int) -> bytes:
        """The bytes of a unit; zeros where none is."""
        at = number * CQ_STORE_UNIT_SIZE - self.files.start
        found = self._raw[at : at + CQ_STORE_UNIT_SIZE] if at >= 0 else b""
        return found if len(found) == CQ_STORE_UNIT_SIZE else _EMPTY

    def unit(self, number: int) -> Unit | None:
        """A unit, or None where recovery would see the end of the queue (STORE-CQ-8)."""
        found = Unit._make(UNIT.unpack(self.raw(number)))
        return None if found.offset < 0 or found.size <= 0 else found

    def see(self, number: int) -> None:
        """A record claims this unit."""
        at = number - self.files.start // CQ_STORE_UNIT_SIZE
        if 0 <= at < len(self._seen):
            self._seen[at] = 1

    def unseen(self) -> list[int]:
        """Units that are not empty and that no record claimed."""
        base = self.files.start // CQ_STORE_UNIT_SIZE
        return [
            base + at
            for at, seen in enumerate(self._seen)
            if not seen and self.raw(base + at) != _EMPTY
        ]

    def record_end(self, limit: int) -> int:
        """End of the newest record that a unit names, not counting what lies beyond `limit`."""
        newest = 0
        for number in range(self.first, self.end):
            unit = self.unit(number)
            if unit is not None and unit.offset + unit.size <= limit:
                newest = max(newest, unit.offset + unit.size)
        return newest


class QueueCheck:
    """Feeds on records in the order of the log, then looks at the units that are left."""

    __slots__ = (
        "_behind",
        "_durable",
        "_findings",
        "_log",
        "_next",
        "_seen_holes",
        "last_in_log",
        "queues",
    )

    def __init__(
        self,
        queues: dict[QueueKey, QueueReading],
        log: CommitLogReading,
        findings: Findings,
        *,
        durable: Callable[[DispatchRequest], bool],
    ) -> None:
        """`durable` tells of a record whether its unit was forced and is left alone since."""
        self.queues = queues
        self.last_in_log: dict[QueueKey, int] = {}
        self._log = log
        self._findings = findings
        self._durable = durable
        self._next: dict[QueueKey, int] = {}
        self._seen_holes: dict[QueueKey, int] = {}
        self._behind: dict[QueueKey, list[DispatchRequest]] = {}

    def take(self, record: DispatchRequest) -> None:
        """Hold one record against its queue."""
        if transaction_value(record.sys_flag) in (
            TRANSACTION_PREPARED_TYPE,
            TRANSACTION_ROLLBACK_TYPE,
        ):
            return  # STORE-CQ-1: it has no unit
        key = (record.topic, record.queue_id)
        number = self._check_queue_offset(key, record)
        queue = self.queues.get(key)
        if queue is None or queue.raw(number) == _EMPTY:
            self._behind.setdefault(key, []).append(record)
            return
        queue.see(number)
        if queue.files.is_whole:  # else the file is told by its length
            self._compare(queue, number, record)

    def _check_queue_offset(self, key: QueueKey, record: DispatchRequest) -> int:
        """STORE-LOG-7: each offset once, without a gap, but for what lies in a hole.

        Returns the offset that the record has, by its unit where the record itself is wrong.
        """
        number: int = record.consume_queue_offset
        expected = self._next.get(key)
        holes = len(self._log.holes)
        fell = self._seen_holes.get(key, 0) != holes  # records of this queue may be lost
        if expected is not None and number != expected and not (fell and number > expected):
            self._findings.violated(
                "STORE-LOG-7",
                "commitlog",
                "a queue offset is given twice"
                if number < expected
                else "queue offsets are missing",
                place=record.commit_log_offset,
                detail=f"{key[0]} queue {key[1]} has {number} where {expected} comes next",
            )
            queue = self.queues.get(key)
            unit = None if queue is None else queue.unit(expected)
            if unit is not None and unit.offset == record.commit_log_offset:
                number = expected
        self._next[key] = number + 1
        self._seen_holes[key] = holes
        self.last_in_log[key] = number
        return number

    def _compare(self, queue: QueueReading, number: int, record: DispatchRequest) -> None:
        """STORE-RECOVERY-10: a unit that was not forced may be torn by a crash."""
        unit = Unit._make(UNIT.unpack(queue.raw(number)))
        findings = self._findings
        report = findings.violated if self._durable(record) else findings.interrupted
        if (unit.offset, unit.size) != (record.commit_log_offset, record.msg_size):
            report(
                "STORE-CQ-2",
                queue.path,
                "a unit does not point to its record",
                place=number,
                detail=f"{unit.offset}+{unit.size}, and the record is "
                f"{record.commit_log_offset}+{record.msg_size}",
            )
        elif unit.tags_code not in (record.tags_code, *_also(unit.tags_code)):
            tags = (record.properties or {}).get(PROPERTY_TAGS)
            delayed = record.topic == RMQ_SYS_SCHEDULE_TOPIC
            by_hash = delayed and unit.tags_code == (string_hash(tags) if tags else 0)
            report(
                "STORE-RECOVERY-9" if delayed else "STORE-CQ-2",
                queue.path,
                "a delayed message has lost its time"
                if by_hash
                else "a unit has a wrong tags code",
                place=number,
                detail=f"{unit.tags_code}, not {record.tags_code}",
            )

    def finish(self) -> None:
        """Judge what is left when the log has been read."""
        for key, missing in self._behind.items():
            self._judge_missing(key, missing)
        for queue in self.queues.values():
            unseen = queue.unseen() if queue.files.is_whole else []
            end = queue_end(queue) if unseen else 0
            for number in unseen:
                if number > end:
                    self._findings.note(
                        "STORE-CQ-10", queue.path, "units behind the end of the queue", place=number
                    )
                else:
                    self._judge_unseen(queue, number)

    def _judge_missing(self, key: QueueKey, missing: list[DispatchRequest]) -> None:
        queue = self.queues.get(key)
        if queue is not None and not queue.files.is_whole:
            return
        path = f"consumequeue/{key[0]}/{key[1]}" if queue is None else queue.path
        end = 0 if queue is None else queue.end
        gone = [r for r in missing if r.consume_queue_offset < end]
        behind = [r for r in missing if r.consume_queue_offset >= end]
        for record in gone:
            findings = self._findings
            report = findings.violated if self._durable(record) else findings.interrupted
            report(
                "STORE-CQ-2",
                path,
                "a unit is missing",
                place=record.consume_queue_offset,
                detail=f"of the record at {record.commit_log_offset}",
            )
        if not behind:
            return
        first = behind[0]
        text = f"from the record at {first.commit_log_offset} on"
        if self._durable(first):
            self._findings.add(
                Gravity.VIOLATION,
                "STORE-FLUSH-12",
                path,
                "units are missing that the checkpoint calls flushed",
                place=first.consume_queue_offset,
                detail=text,
                count=len(behind),
            )
        else:
            rule = "STORE-RECOVERY-4" if self._findings.unclean else "STORE-FILES-9"
            self._findings.interrupted(
                rule,
                path,
                "the queue is behind the log",
                place=first.consume_queue_offset,
                detail=text,
                count=len(behind),
            )

    def _judge_unseen(self, queue: QueueReading, number: int) -> None:
        raw, log = queue.raw(number), self._log
        unit = Unit._make(UNIT.unpack(raw))
        if unit.offset < 0 or unit.size <= 0:
            self._findings.interrupted(
                "STORE-CQ-8",
                queue.path,
                "a unit with an impossible offset or size",
                place=number,
                detail=f"{unit.offset}+{unit.size}",
            )
        elif raw == PRE_BLANK:
            self._findings.violated(
                "STORE-CQ-4", queue.path, "a pre-blank unit behind messages", place=number
            )
        elif log.in_hole(unit.offset):
            return  # told as a hole
        elif unit.offset >= log.end:
            self._findings.interrupted(
                "STORE-CQ-9",
                "consumequeue",
                "units point behind the end of the log",
                place=number,
                detail=f"{queue.path}: {unit.offset}, and the log ends at {log.end}",
            )
        elif unit.offset < log.files.start:
            return  # expired with its record (STORE-RETENTION-5)
        else:
            self._judge_stray(queue, number, unit)

    def _judge_stray(self, queue: QueueReading, number: int, unit: Unit) -> None:
        record = self._log.record_at(unit.offset)
        if record is not None and queue.key[0] in _multi(record):
            return
        claimed = self._behind.get(queue.key, [])
        if any(r.consume_queue_offset == number for r in claimed):
            return  # told as missing
        why = "no record begins there"
        if record is not None:
            number_there = record.consume_queue_offset
            why = f"there is {record.topic} queue {record.queue_id} number {number_there}"
        self._findings.interrupted(
            "STORE-CQ-2",
            queue.path,
            "a unit points to no message of its queue",
            place=number,
            detail=f"at {unit.offset}: {why}",
        )


def queue_end(queue: QueueReading) -> int:
    """Where recovery would end the queue: at its first empty unit."""
    number = queue.first
    while number < queue.end and queue.unit(number) is not None:
        number += 1
    return number


def _also(tags_code: int) -> tuple[int, ...]:
    """An address in consumequeue_ext stands for any tags code."""
    return (tags_code,) if tags_code < _EXTENDED_ADDRESS else ()


def _multi(record: DispatchRequest) -> list[str]:
    return (record.properties or {}).get(MULTI_DISPATCH, "").split(",")
