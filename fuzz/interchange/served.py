"""What a store serves after it was opened, and how two answers differ."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

from refimpl.model.ids import Group, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import decode_record
from refimpl.model.message_property import PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX
from refimpl.sim.store_lab import StoreLab

OPENED = "OK"
FAR = 1 << 62
Key = tuple[str, int]


class Message(NamedTuple):
    """One message as a reader of its queue gets it."""

    queue_offset: int  # that the record says
    place: int
    size: int
    checksum: int  # CRC-32 of the whole record
    indexed: bool | None  # a query by its unique key finds it; None without such a key
    key: str | None = None  # that key


@dataclass(slots=True, eq=False)
class Served:
    """What one implementation makes of one image."""

    status: str = OPENED
    log: tuple[int, int] = (0, 0)
    queues: dict[Key, tuple[int, int]] = field(default_factory=dict)
    messages: dict[tuple[str, int, int], Message] = field(default_factory=dict)
    tags_codes: dict[tuple[str, int, int], int] = field(default_factory=dict)
    holes: dict[tuple[str, int, int], str] = field(default_factory=dict)  # within, but not served
    index_files: int = 0  # how many there are after the start


_BYTES = Message._fields.index("indexed")  # the fields before it say where the message is


class Difference(NamedTuple):
    """One thing that is not the same; `kind` names it without numbers."""

    kind: str
    where: str
    ours: str
    theirs: str


def ours(lab: StoreLab) -> Served:
    """Read everything that the open store of `lab` serves; its forces must be done."""
    if lab.refused is not None:
        return Served(status=f"REFUSED {lab.refused}")
    store = lab.store
    served = Served(log=(store.min_phy_offset, store.max_phy_offset))
    for queue in store.consume_queue_table:
        topic, queue_id = Topic(queue.topic), QueueId(queue.queue_id)
        low, high = store.min_offset_in_queue(topic, queue_id), queue.max_offset_in_queue
        served.queues[topic, queue_id] = (low, high)
        for offset in range(low, high):
            _read(lab, served, topic, queue_id, offset)
    return served


def _read(lab: StoreLab, served: Served, topic: str, queue_id: int, offset: int) -> None:
    store = lab.store
    result = store.get_message(
        Group("g"), Topic(topic), QueueId(queue_id), QueueOffset(offset), 1, None, lab.now
    )
    if result is None or not result.records:
        served.holes[topic, queue_id, offset] = "null" if result is None else result.status.name
        return
    record = result.records[0]
    message = decode_record(record, release=lab.release)
    if message is None:
        served.holes[topic, queue_id, offset] = "unreadable"
        return
    key = message.properties.get(PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX)
    indexed = None
    if key is not None:
        answer = store.query_message(Topic(topic), key, 64, 0, FAR)
        indexed = bytes(record) in {bytes(held) for held in answer.records}
    unit = lab.store.consume_queue(Topic(topic), QueueId(queue_id))
    found = None if unit is None else unit.get(QueueOffset(offset))
    assert found is not None
    served.tags_codes[topic, queue_id, offset] = found[2]
    served.messages[topic, queue_id, offset] = Message(
        message.queue_offset, message.physical_offset, len(record), crc32(record), indexed, key
    )


def compare(left: Served, right: Served) -> Iterator[Difference]:
    """Every difference between ours (`left`) and theirs; a store that was refused has only one."""
    if left.status != OPENED or right.status != OPENED:
        if left.status.split()[0] != right.status.split()[0]:
            yield Difference(f"opening: {right.status.split()[0]}", "", left.status, right.status)
        return
    if left.log != right.log:
        yield Difference("extent of the log", "", _span(left.log), _span(right.log))
    for key in sorted({*left.queues, *right.queues}):
        one, other = left.queues.get(key, (0, 0)), right.queues.get(key, (0, 0))
        where = f"{key[0]}/{key[1]}"
        if one[1] != other[1]:
            yield Difference("end of a queue", where, str(one[1]), str(other[1]))
        if one[0] != other[0]:
            yield Difference("beginning of a queue", where, str(one[0]), str(other[0]))
    yield from _compare_messages(left, right)


def _compare_messages(left: Served, right: Served) -> Iterator[Difference]:
    for key in sorted({*left.messages, *right.messages, *left.holes, *right.holes}):
        where = f"{key[0]}/{key[1]} {key[2]}"
        one, other = left.messages.get(key), right.messages.get(key)
        if one is None or other is None:
            if one is not other:
                kind = "message only here" if other is None else "message only there"
                yield Difference(kind, where, _shown(left, key), _shown(right, key))
        elif one[:_BYTES] != other[:_BYTES]:
            yield Difference("another message", where, str(one), str(other))
        elif left.tags_codes.get(key) != right.tags_codes.get(key):
            tags = (left.tags_codes.get(key), right.tags_codes.get(key))
            yield Difference("another tags code", where, str(tags[0]), str(tags[1]))
        elif one.indexed != other.indexed:
            kind = "not in their index" if one.indexed else "not in our index"
            yield Difference(kind, where, str(one.indexed), str(other.indexed))


def _shown(served: Served, key: tuple[str, int, int]) -> str:
    message = served.messages.get(key)
    return served.holes.get(key, "absent") if message is None else f"at {message.place}"


def _span(span: tuple[int, int]) -> str:
    return f"{span[0]}..{span[1]}"
