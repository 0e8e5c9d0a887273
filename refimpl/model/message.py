"""Messages: what a producer sends, what the broker stores, what a consumer reads.

Java 4.9.7: common/message/Message, MessageExt, store/MessageExtBrokerInner.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from refimpl.model.ids import Address, Millis, PhysicalOffset, QueueId, QueueOffset, Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a producer hands over."""

    topic: Topic
    body: bytes
    flag: int = 0  # i32, the application's own
    properties: Mapping[str, str] = field(default_factory=dict)  # insertion order is wire order


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageExtBrokerInner:
    """What the store is asked to append: everything of a record but what the append decides."""

    topic: Topic
    queue_id: QueueId
    body: bytes
    flag: int
    sys_flag: int
    properties: Mapping[str, str]
    properties_string: str  # what is stored; `properties` decoded from it or the other way round
    tags_code: int  # i64: Java's hash of the tag, or the delivery time of a delayed message
    born_timestamp: Millis
    born_host: Address
    store_host: Address
    reconsume_times: int = 0
    prepared_transaction_offset: PhysicalOffset = PhysicalOffset(0)  # noqa: RUF009 - a number
    encoded_batch: bytes | None = None  # SEND_BATCH_MESSAGE: the client's concatenated messages
    accepted: bool = False  # moved by the broker itself: it was measured when a client sent it


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageExt:
    """One stored record, decoded."""

    topic: Topic
    queue_id: QueueId
    queue_offset: QueueOffset
    physical_offset: PhysicalOffset
    store_size: int  # bytes of the whole record
    body_crc: int
    body: bytes
    flag: int
    sys_flag: int
    properties: Mapping[str, str]
    born_timestamp: Millis
    born_host: Address
    store_timestamp: Millis
    store_host: Address
    reconsume_times: int
    prepared_transaction_offset: PhysicalOffset
