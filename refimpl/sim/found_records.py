"""The records that the log of an opened store holds, as its recovery would read them."""

from typing import NamedTuple

from refimpl.model.ids import PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import decode_record, record_size
from refimpl.model.sys_flag import TRANSACTION_PREPARED_TYPE
from refimpl.store.message_store import MessageStore
from refimpl.store.recovery import LogScan, deliver_at


class Found(NamedTuple):
    """A record that the log of an opened store holds."""

    offset: PhysicalOffset
    size: int
    topic: Topic
    queue_id: QueueId
    queue_offset: QueueOffset
    body: bytes
    properties: str
    has_unit: bool


def found_records(store: MessageStore) -> list[Found]:
    """Every record from the first file of the log to its end."""
    return read_records(store, store.commit_log.mapped_file_queue.min_offset)[0]


def read_records(store: MessageStore, start: int) -> tuple[list[Found], int]:
    """Records from `start` on, and where the reading ended; every body has its checksum."""
    log = store.commit_log
    queue = log.mapped_file_queue
    found: list[Found] = []
    if not queue.mapped_files:
        return found, start
    scan = LogScan(queue, start, log.release, check_crc=True)
    for request in scan.records(deliver_at(log.delay_levels)):
        offset, size = request.commit_log_offset, request.msg_size
        mapped_file = queue.find_mapped_file_by_offset(offset)
        if offset + size > queue.max_offset or mapped_file is None:
            return found, offset
        raw = queue.disk.read(mapped_file.path, offset - mapped_file.file_from_offset, size)
        message = decode_record(raw, release=store.release, decompress=False)
        if message is None:
            continue  # it is missed where it was promised
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
                not message.sys_flag & TRANSACTION_PREPARED_TYPE,
            )
        )
    return found, scan.end
