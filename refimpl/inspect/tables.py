"""What `rmqref store` prints: rows for people, the same values for programs."""

from collections.abc import Sequence
from typing import NamedTuple

from refimpl.inspect.verification import Verified
from refimpl.model.calendar import readable
from refimpl.model.ids import JsonValue


class Table(NamedTuple):
    """A title, names of columns, rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[JsonValue]]

    def as_json(self) -> list[JsonValue]:
        """Each row as an object."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def inspect_tables(verified: Verified) -> dict[str, Table]:
    """All tables of one store, by their name in JSON."""
    return {
        "store": _summary(verified),
        "commitlog": _log_files(verified),
        "queues": _queues(verified),
        "index": _index(verified),
        "topics": _topics(verified),
        "offsets": _offsets(verified),
        "transactions": _transactions(verified),
    }


def _time(millis: int) -> str:
    """As Java's logs print it, in UTC; `-` for none, the number where it is no date."""
    if not 0 < millis < 1 << 47:
        return "-" if millis == 0 else str(millis)
    return readable(millis)


def _summary(verified: Verified) -> Table:
    reading, log = verified.reading, verified.log
    queue_size = next((q.files.file_size for q in reading.queues.values()), 0)
    rows: list[Sequence[JsonValue]] = [
        ("release", f"{reading.release.name} ({reading.deduced})"),
        ("closed", "no: abort is there" if reading.unclean else "yes"),
        ("log", f"{reading.log.start}..{log.end}"),
        ("records", log.count),
        ("first record", _time(log.first_time)),
        ("last record", _time(log.last_time)),
        ("mappedFileSizeCommitLog", reading.log.file_size),
        ("mappedFileSizeConsumeQueue", queue_size),
        ("maxHashSlotNum", reading.shape.slots if reading.shape else "unknown"),
        ("maxIndexNum", reading.shape.entries if reading.shape else "unknown"),
    ]
    for name, number in reading.checkpoint._asdict().items():
        shown = _time(number) if name.endswith("timestamp") else number
        rows.append((f"checkpoint {name}", shown))
    return Table("Store", ("what", "value"), rows)


def _log_files(verified: Verified) -> Table:
    log, end = verified.reading.log, verified.log.end
    return Table(
        "Files of the commit log",
        ("file", "bytes", "used"),
        [
            (held.path.rpartition("/")[2], held.size, max(0, min(end - held.start, log.file_size)))
            for held in log.files
        ],
    )


def _queues(verified: Verified) -> Table:
    rows: list[Sequence[JsonValue]] = []
    for key in sorted({*verified.reading.queues, *verified.times}):
        queue = verified.reading.queues.get(key)
        first, last = verified.times.get(key, (0, 0))
        rows.append(
            (
                key[0],
                key[1],
                0 if queue is None else queue.first,
                0 if queue is None else queue.end,
                verified.counts.get(key, 0),
                0 if queue is None else len(queue.files.files),
                _time(first),
                _time(last),
            )
        )
    columns = ("topic", "queue", "min", "max", "records", "files", "first stored", "last stored")
    return Table("Queues", columns, rows)


def _index(verified: Verified) -> Table:
    return Table(
        "Index files",
        ("file", "keys", "slots used", "from", "to", "first offset", "last offset"),
        [
            (
                found.path.rpartition("/")[2],
                max(0, found.header.index_count - 1),
                found.header.hash_slot_count,
                _time(found.header.begin_timestamp),
                _time(found.header.end_timestamp),
                found.header.begin_phy_offset,
                found.header.end_phy_offset,
            )
            for found in verified.reading.index
        ],
    )


def _topics(verified: Verified) -> Table:
    columns = ("topic", "read", "write", "perm", "attributes")
    rows: list[Sequence[JsonValue]] = []
    for name, row in sorted(verified.reading.config.topics.items()):
        numbers = [row.get(key) for key in ("readQueueNums", "writeQueueNums", "perm")]
        attributes = row.get("attributes")
        rows.append((name, *numbers, str(attributes) if attributes else ""))
    return Table("Topics", columns, rows)


def _offsets(verified: Verified) -> Table:
    rows: list[Sequence[JsonValue]] = []
    config, ends = verified.reading.config, verified.queue_ends
    for (topic, group), table in sorted(config.consumer_offsets.items()):
        for queue_id, offset in sorted(table.items()):
            end = ends.get((topic, queue_id), 0)
            rows.append((group, topic, queue_id, offset, end, end - offset))
    for level, offset in sorted(config.delay_offsets.items()):
        end = ends.get(("SCHEDULE_TOPIC_XXXX", level - 1), 0)
        rows.append(
            (f"delay level {level}", "SCHEDULE_TOPIC_XXXX", level - 1, offset, end, end - offset)
        )
    return Table("Offsets", ("group", "topic", "queue", "offset", "end", "behind"), rows)


def _transactions(verified: Verified) -> Table:
    found = verified.transactions
    if not found.halves and not found.operations:
        return Table("Transactions", ("what", "value"), ())
    halves = found.open_halves
    shown = ", ".join(f"queue {q} offset {n} at {place}" for q, n, place in halves[:8])
    return Table(
        "Transactions",
        ("what", "value"),
        [
            ("half messages", found.halves),
            ("operations", found.operations),
            ("committed", found.committed),
            ("not ended", f"{len(halves)}: {shown}" if halves else 0),
        ],
    )
