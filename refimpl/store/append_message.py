"""The append: what a put becomes in the log, and what is refused before a byte is written.

Requirements  STORE-LOG-1..14 in spec/store/commit_log.md
Java          store/DefaultMessageStore#checkStoreStatus, #checkMessage,
              store/CommitLog$DefaultAppendMessageCallback, $MessageExtEncoder
              (5.5.0: broker/util/HookUtils, store/MessageExtEncoder)
"""

from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from refimpl.model import java
from refimpl.model.delay_level import DelayLevels, delay_level_to_queue_id
from refimpl.model.errors import InvalidInput
from refimpl.model.host_bytes import address_to_bytes, is_v6
from refimpl.model.ids import Address, Millis, PhysicalOffset, QueueId, QueueOffset, Ticket, Topic
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_codec import (
    BLANK_HEADER_SIZE,
    MESSAGE_MAGIC_CODE,
    MESSAGE_MAGIC_CODE_V2,
    PROPERTIES_MAX_LENGTH,
    SCHEDULE_TOPIC,
    BatchEntry,
    blank_record,
    decode_batch,
    encode_batch_records,
    encode_record,
    record_size,
)
from refimpl.model.message_property import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    in_java_order,
    properties_to_string,
)
from refimpl.model.release import Release
from refimpl.model.status import AppendMessageStatus, PutMessageStatus
from refimpl.model.sys_flag import (
    BORNHOST_V6_FLAG,
    STOREHOSTADDRESS_V6_FLAG,
    TRANSACTION_PREPARED_TYPE,
    TRANSACTION_ROLLBACK_TYPE,
)
from refimpl.store.errors import AppendRefused
from refimpl.store.mapped_file import MappedFile

TOPIC_MAX_LENGTH: Final = 127
RETRY_TOPIC_MAX_LENGTH: Final = 255
RETRY_GROUP_TOPIC_PREFIX: Final = "%RETRY%"
ENCODER_RESERVE: Final = 64 * 1024  # bytes of a record that need not be body, from 4.9
_BESIDE_BODY: Final = 160  # more bytes than the fixed fields of a record and of a blank one
_INNER_NUM: Final = "INNER_NUM"
_INNER_BATCH_FLAG: Final = 1 << 7

QueueOffsets = dict[tuple[str, int], int]  # (topic, queue) -> queue offset of the next message


class AppendMessageResult(NamedTuple):
    """What one append did. `msg_id` is the offset id; for a batch, all of them, comma-separated."""

    status: AppendMessageStatus
    wrote_offset: PhysicalOffset = PhysicalOffset(0)
    wrote_bytes: int = 0
    msg_id: str = ""
    store_timestamp: Millis = Millis(0)
    logics_offset: QueueOffset = QueueOffset(0)
    msg_num: int = 1


class PutMessageResult(NamedTuple):
    """The answer to a put; with a `ticket` the status is not final: `PutCompleted` says it."""

    status: PutMessageStatus
    append: AppendMessageResult | None = None
    ticket: Ticket | None = None

    @property
    def is_ok(self) -> bool:
        """True for PUT_OK."""
        return self.status is PutMessageStatus.PUT_OK


class Encoded(NamedTuple):
    """A message that passed every check: what `write_record` needs."""

    inner: MessageExtBrokerInner
    magic_code: int
    size: int


# --- refusals, before anything is touched


def put_refusal(
    inner: MessageExtBrokerInner, release: Release, *, busy: bool, max_message_size: int
) -> PutMessageStatus | None:
    """STORE-LOG-2: the first of the checks that fails for a message, in the release's order.

    The store's own state (shut down, slave, not writable) was checked before.
    """
    if busy and release.checks_page_cache_first:
        return PutMessageStatus.OS_PAGE_CACHE_BUSY
    if _topic_too_long(inner.topic, release):
        return PutMessageStatus.MESSAGE_ILLEGAL
    if inner.encoded_batch is not None:
        if release.checks_batch_size and len(inner.encoded_batch) > max_message_size:
            return PutMessageStatus.MESSAGE_ILLEGAL
    elif (
        release.long_properties_status is not None
        and java.length(inner.properties_string) > PROPERTIES_MAX_LENGTH
    ):
        return release.long_properties_status
    if busy:
        return PutMessageStatus.OS_PAGE_CACHE_BUSY
    if release.knows_inner_batch and (
        _INNER_NUM in inner.properties or inner.sys_flag & _INNER_BATCH_FLAG
    ):
        return PutMessageStatus.MESSAGE_ILLEGAL
    return None


def _topic_too_long(topic: str, release: Release) -> bool:
    """STORE-LOG-3: characters before 5.5, bytes from then on; retry topics may be longer there."""
    if not release.long_retry_topics:
        return java.length(topic) > TOPIC_MAX_LENGTH
    length = len(java.encode_utf8(topic))
    retry = topic.startswith(RETRY_GROUP_TOPIC_PREFIX)
    return length > (RETRY_TOPIC_MAX_LENGTH if retry else TOPIC_MAX_LENGTH)


# --- rewriting


def delayed(
    inner: MessageExtBrokerInner, levels: DelayLevels, release: Release
) -> MessageExtBrokerInner:
    """STORE-LOG-5, BROKER-SCHEDULE-12: send a delayed message through the schedule topic.

    The real topic and queue go into two properties; a level above the highest becomes the highest.
    Prepared and rolled back messages are left alone. Raises `InvalidInput` for a level that is no
    number. Java: CommitLog#asyncPutMessage; 5.5: HookUtils#handleScheduleMessage.
    """
    if inner.sys_flag & TRANSACTION_PREPARED_TYPE:  # the bit that both types have
        return inner
    text = inner.properties.get(PROPERTY_DELAY_TIME_LEVEL)
    level = 0 if text is None else java.parse_int(text)
    if level <= 0:
        return inner
    properties = dict(inner.properties)
    if level > levels.max_level:
        level = levels.max_level
        properties[PROPERTY_DELAY_TIME_LEVEL] = str(level)
    properties[PROPERTY_REAL_TOPIC] = inner.topic
    properties[PROPERTY_REAL_QUEUE_ID] = str(inner.queue_id)
    properties = in_java_order(properties, release)
    return replace(
        inner,
        topic=Topic(SCHEDULE_TOPIC),
        queue_id=QueueId(delay_level_to_queue_id(level)),
        properties=properties,
        properties_string=properties_to_string(properties, release),
    )


def with_address_flags(inner: MessageExtBrokerInner) -> MessageExtBrokerInner:
    """STORE-LOG-6: the system flag says which of the two hosts takes 20 bytes."""
    born = BORNHOST_V6_FLAG if is_v6(inner.born_host.host) else 0
    store = STOREHOSTADDRESS_V6_FLAG if is_v6(inner.store_host.host) else 0
    sys_flag = inner.sys_flag & ~(BORNHOST_V6_FLAG | STOREHOSTADDRESS_V6_FLAG) | born | store
    return inner if sys_flag == inner.sys_flag else replace(inner, sys_flag=sys_flag)


# --- measuring


def encode_refusal(
    inner: MessageExtBrokerInner, release: Release, max_message_size: int, file_size: int
) -> PutMessageStatus | None:
    """STORE-LOG-4: the limits in bytes, checked where the release encodes.

    STORE-LOG-9: a record that no file of the log can hold is refused; Apache would fill two files
    with blanks, store nothing and answer PUT_OK.
    """
    properties_length = len(java.encode_utf8(inner.properties_string))
    if properties_length > PROPERTIES_MAX_LENGTH:
        return release.long_encoded_properties_status
    topic_length = len(java.encode_utf8(inner.topic))
    magic_code = magic_code_of(inner.topic, release)
    if magic_code == MESSAGE_MAGIC_CODE and topic_length > TOPIC_MAX_LENGTH:
        return PutMessageStatus.MESSAGE_ILLEGAL  # its length byte would be read as negative
    size = record_size(inner.sys_flag, len(inner.body), topic_length, properties_length, magic_code)
    if release.limits_body_and_record:
        too_large = len(inner.body) > max_message_size or size > max_message_size + ENCODER_RESERVE
    else:
        # BROKER-SCHEDULE-13: an internal move does not refuse what was acknowledged.
        too_large = size > max_message_size + (ENCODER_RESERVE if inner.accepted else 0)
    if too_large or size + BLANK_HEADER_SIZE > file_size:
        return PutMessageStatus.MESSAGE_ILLEGAL
    return None


def magic_code_of(topic: str, release: Release) -> int:
    """STORE-LOG-3: a topic of more than 127 characters needs the second form of the record."""
    if release.long_retry_topics and len(topic) > TOPIC_MAX_LENGTH:
        return MESSAGE_MAGIC_CODE_V2
    return MESSAGE_MAGIC_CODE


def batch_entries(
    inner: MessageExtBrokerInner, release: Release, max_message_size: int
) -> list[BatchEntry]:
    """Take a batch apart and check its limits; raises `AppendRefused` with Java's words.

    Java throws here, after the checks that have a status, and the processor answers SYSTEM_ERROR.
    """
    assert inner.encoded_batch is not None
    if release.limits_body_and_record and len(inner.encoded_batch) > max_message_size:
        raise AppendRefused("message body size exceeded")
    common = 0
    if release.appends_batch_properties:
        common = len(java.encode_utf8(inner.properties_string))
        if common > PROPERTIES_MAX_LENGTH:
            raise AppendRefused("Properties size of messageExtBatch exceeded!")
    try:
        entries = decode_batch(inner.encoded_batch)
    except InvalidInput as error:
        raise AppendRefused(error.reason, thrown="") from error
    topic_length = len(java.encode_utf8(inner.topic))
    total = 0
    for entry in entries:
        properties_length = len(entry.properties) + (common + 1 if common else 0)
        if properties_length > PROPERTIES_MAX_LENGTH:
            raise AppendRefused("Properties size of messageExtBatch exceeded!")  # STORE-LOG-10
        size = record_size(inner.sys_flag, len(entry.body), topic_length, properties_length)
        total += size
        if not release.limits_body_and_record and max(size, total) > max_message_size:
            raise AppendRefused("message size exceeded")
    return entries


def batch_exceeds_file(
    inner: MessageExtBrokerInner, entries: list[BatchEntry], release: Release, file_size: int
) -> bool:
    """STORE-LOG-9: tell whether no file can hold the batch, before a file is made for it."""
    beside = _BESIDE_BODY + 3 * (len(inner.topic) + len(inner.properties_string))
    if sum(len(entry.body) + len(entry.properties) + beside for entry in entries) <= file_size:
        return False
    magic_code = magic_code_of(inner.topic, release)
    records = encode_batch_records(inner, entries, (0, 0, 0), release, magic_code)
    return sum(map(len, records)) + BLANK_HEADER_SIZE > file_size


# --- writing


@lru_cache(maxsize=64)
def _id_prefix(store_host: Address) -> str:
    return address_to_bytes(store_host).hex().upper()


def do_append(
    mapped_file: MappedFile,
    inner: MessageExtBrokerInner,
    magic_code: int,
    offsets: QueueOffsets,
    store_timestamp: Millis,
) -> AppendMessageResult:
    """Append one record, or END_OF_FILE after a blank record that fills what is left.

    STORE-LOG-7: the queue offset is taken and moved on; prepared and rolled back messages get 0
    and move nothing. STORE-LOG-8: eight bytes stay free for the blank record.
    STORE-LOG-13: the store time is that of this call.
    """
    key = (inner.topic, inner.queue_id)
    counted = not inner.sys_flag & TRANSACTION_PREPARED_TYPE
    queue_offset = offsets.get(key, 0) if counted else 0
    position = mapped_file.wrote_position
    wrote_offset = mapped_file.file_from_offset + position
    record = encode_record(inner, queue_offset, wrote_offset, store_timestamp, magic_code)
    if len(record) + BLANK_HEADER_SIZE > mapped_file.file_size - position:
        return _end_of_file(mapped_file, queue_offset, store_timestamp)
    written = mapped_file.append_message(record)
    assert written, "room was measured"
    mapped_file.store_timestamp = store_timestamp
    if counted:
        offsets[key] = queue_offset + 1
    return AppendMessageResult(
        AppendMessageStatus.PUT_OK,
        PhysicalOffset(wrote_offset),
        len(record),
        f"{_id_prefix(inner.store_host)}{wrote_offset:016X}",
        store_timestamp,
        QueueOffset(queue_offset),
    )


def do_append_batch(  # noqa: PLR0917 - the arguments of `do_append`, and what a batch adds
    mapped_file: MappedFile,
    inner: MessageExtBrokerInner,
    entries: list[BatchEntry],
    offsets: QueueOffsets,
    store_timestamp: Millis,
    release: Release,
) -> AppendMessageResult:
    """STORE-LOG-11: a batch is written whole into one file, in one write, or not at all."""
    key = (inner.topic, inner.queue_id)
    queue_offset = offsets.get(key, 0)
    wrote_offset = mapped_file.file_from_offset + mapped_file.wrote_position
    records = encode_batch_records(
        inner,
        entries,
        (queue_offset, wrote_offset, store_timestamp),
        release,
        magic_code_of(inner.topic, release),
    )
    data = b"".join(records)
    assert len(data) + BLANK_HEADER_SIZE <= mapped_file.file_size, "`batch_exceeds_file` was asked"
    if len(data) + BLANK_HEADER_SIZE > mapped_file.file_size - mapped_file.wrote_position:
        return _end_of_file(mapped_file, queue_offset, store_timestamp)
    written = mapped_file.append_message(data)
    assert written, "room was measured"
    mapped_file.store_timestamp = store_timestamp
    offsets[key] = queue_offset + len(records)
    prefix, at, ids = _id_prefix(inner.store_host), wrote_offset, []
    for record in records:
        ids.append(f"{prefix}{at:016X}")
        at += len(record)
    return AppendMessageResult(
        AppendMessageStatus.PUT_OK,
        PhysicalOffset(wrote_offset),
        len(data),
        ",".join(ids),
        store_timestamp,
        QueueOffset(queue_offset),
        len(records),
    )


def _end_of_file(
    mapped_file: MappedFile, queue_offset: int, store_timestamp: Millis
) -> AppendMessageResult:
    """STORE-LOG-8: say how much is left, and count all of it as written."""
    position = mapped_file.wrote_position
    left = mapped_file.file_size - position
    mapped_file.write_at(position, blank_record(left))
    mapped_file.wrote_position = mapped_file.file_size
    mapped_file.store_timestamp = store_timestamp
    return AppendMessageResult(
        AppendMessageStatus.END_OF_FILE,
        PhysicalOffset(mapped_file.file_from_offset + position),
        left,
        "",
        store_timestamp,
        QueueOffset(queue_offset),
    )


assert TRANSACTION_ROLLBACK_TYPE & TRANSACTION_PREPARED_TYPE, "one bit tells both from the others"
