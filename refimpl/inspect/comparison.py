"""Two stores compared: queue by queue and message by message, then offsets and configuration.

Requirements  STORE-INSPECT-4 in spec/store/inspection.md
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from refimpl.inspect.commit_log_reading import CommitLogReading
from refimpl.inspect.finding import Findings, NotAStore
from refimpl.inspect.queue_reading import QueueKey
from refimpl.inspect.store_reading import StoreReading
from refimpl.model.disk import DiskError
from refimpl.model.ids import JsonValue
from refimpl.model.java import crc32
from refimpl.model.message import MessageExt
from refimpl.model.message_codec import decode_record


class Difference(NamedTuple):
    """Something that is not the same in both."""

    where: str  # queue, file or table
    what: str  # message or entry
    left: str
    right: str


class _Side:
    """One store with its records by queue and queue offset; places only, bytes are read again."""

    def __init__(self, reading: StoreReading) -> None:
        self.reading = reading
        log = CommitLogReading(
            reading.log,
            reading.release,
            reading.deliver_at,
            Findings(),
            dispatched_end=reading.log.limit,
            flushed_time=0,
        )
        self.places: dict[QueueKey, dict[int, tuple[int, int]]] = {}
        self.hidden: list[tuple[int, int]] = []
        for record in log.records():
            queue = self.places.setdefault((record.topic, record.queue_id), {})
            place = (record.commit_log_offset, record.msg_size)
            if record.consume_queue_offset in queue:  # prepared ones all have offset 0
                self.hidden.append(place)
            else:
                queue[record.consume_queue_offset] = place
        self.end = log.end

    def message(self, key: QueueKey, offset: int) -> MessageExt | None:
        place, size = self.places[key][offset]
        data = self.reading.log.read(place, size)
        return decode_record(data, release=self.reading.release, decompress=False)


def compare(left: StoreReading, right: StoreReading) -> Iterator[Difference]:
    """Every difference, queues first; raises `NotAStore` where a file cannot be read."""
    try:
        one, other = _Side(left), _Side(right)
        for key in sorted({*one.places, *other.places, *left.queues, *right.queues}):
            yield from _compare_queue(one, other, key)
        if one.end != other.end or left.log.start != right.log.start:
            yield Difference(
                "commitlog",
                "extent",
                f"{left.log.start}..{one.end}",
                f"{right.log.start}..{other.end}",
            )
        if left.unclean != right.unclean:
            yield Difference("abort", "closed", _closed(left), _closed(right))
        for name, number in left.checkpoint._asdict().items():
            found = right.checkpoint._asdict()[name]
            if number != found:
                yield Difference("checkpoint", name, str(number), str(found))
        names = sorted({*left.config.documents, *right.config.documents})
        for name in names:
            first, second = left.config.documents.get(name), right.config.documents.get(name)
            yield from _compare_json(f"config/{name}", "", first, second)
    except DiskError as error:
        raise NotAStore(f"{error.path} cannot be read: {error.reason}") from error


def _closed(reading: StoreReading) -> str:
    return "no" if reading.unclean else "yes"


def _name(key: QueueKey) -> str:
    return f"{key[0]} queue {key[1]}"


def _compare_queue(one: _Side, other: _Side, key: QueueKey) -> Iterator[Difference]:
    where = _name(key)
    units = [side.reading.queues.get(key) for side in (one, other)]
    extents = ["no queue" if q is None else f"{q.first}..{q.end}" for q in units]
    if extents[0] != extents[1]:
        yield Difference(where, "extent of the queue", extents[0], extents[1])
    left, right = one.places.get(key, {}), other.places.get(key, {})
    for offset in sorted({*left, *right}):
        what = f"message {offset}"
        if offset not in right:
            yield Difference(where, what, f"at {left[offset][0]}", "absent")
        elif offset not in left:
            yield Difference(where, what, "absent", f"at {right[offset][0]}")
        else:
            for name, first, second in _fields(
                one.message(key, offset), other.message(key, offset)
            ):
                yield Difference(where, f"{what}: {name}", first, second)
    if all(queue is not None for queue in units):
        first_queue, second_queue = units
        assert first_queue is not None
        assert second_queue is not None
        for number in range(
            max(first_queue.first, second_queue.first), min(first_queue.end, second_queue.end)
        ):
            tags = [queue.unit(number) for queue in (first_queue, second_queue)]
            shown = ["no unit" if unit is None else str(unit.tags_code) for unit in tags]
            if shown[0] != shown[1]:
                yield Difference(where, f"tags code of unit {number}", shown[0], shown[1])


def _fields(left: MessageExt | None, right: MessageExt | None) -> Iterator[tuple[str, str, str]]:
    """Fields that differ. The place in the log is part of the message's identity on disk."""
    if left is None or right is None:
        if left is not right:
            yield "record", _readable(left), _readable(right)
        return
    pairs: Mapping[str, tuple[object, object]] = {
        name: (getattr(left, name), getattr(right, name))
        for name in (
            "physical_offset",
            "store_size",
            "body_crc",
            "flag",
            "sys_flag",
            "born_timestamp",
            "born_host",
            "store_timestamp",
            "store_host",
            "reconsume_times",
            "prepared_transaction_offset",
        )
    }
    for name, (first, second) in pairs.items():
        if first != second:
            yield name, str(first), str(second)
    if left.body != right.body:
        yield "body", _body(left.body), _body(right.body)
    for name in sorted({*left.properties, *right.properties}):
        first, second = left.properties.get(name), right.properties.get(name)
        if first != second:
            yield f"property {name}", _text(first), _text(second)


def _readable(message: MessageExt | None) -> str:
    return "unreadable" if message is None else "readable"


def _body(body: bytes) -> str:
    return f"{len(body)} bytes, checksum {crc32(body):08x}"


def _text(value: object) -> str:
    return "absent" if value is None else str(value)


def _compare_json(where: str, path: str, left: JsonValue, right: JsonValue) -> Iterator[Difference]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            below = f"{path}.{key}" if path else key
            yield from _compare_json(where, below, left.get(key), right.get(key))
    elif left != right:
        yield Difference(where, path or "file", _text(left), _text(right))
