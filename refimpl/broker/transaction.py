"""Half messages and operations: how a transaction is prepared, ended and forgotten.

Java 4.9.7: broker/transaction/queue/TransactionalMessageBridge, TransactionalMessageServiceImpl;
5.5.0 collects operations (TransactionalOpBatchService). The check-back is `transaction_check`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from refimpl.model.ids import Actor, Millis, PhysicalOffset, QueueId, QueueOffset, Ticket, Topic
from refimpl.model.java import in_hash_map_order
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.message_property import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TAGS,
    PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET,
    PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX,
    PROPERTY_WAIT_STORE_MSG_OK,
    in_java_order,
    properties_to_string,
)
from refimpl.model.status import PutMessageStatus
from refimpl.model.subscription import tags_code
from refimpl.model.sys_flag import TRANSACTION_NOT_TYPE, reset_transaction_value
from refimpl.model.topic_validator import RMQ_SYS_TRANS_HALF_TOPIC, RMQ_SYS_TRANS_OP_HALF_TOPIC
from refimpl.model.trace import Committed, PrepareMessage, RefuseOp, WriteOp

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext
    from refimpl.store.append_message import PutMessageResult

REMOVE_TAG = "d"
OFFSET_SEPARATOR = ","
TRANSACTION_ID = "__transactionId__"
OP_BATCH = Actor("transactional-op-batch")


class _Pending:
    """Ended half offsets of one queue that no operation message tells yet."""

    __slots__ = ("data", "last_write", "total")

    def __init__(self, now: Millis) -> None:
        self.data: list[str] = []
        self.total = 0
        self.last_write = now


class TransactionalMessageService:
    """Puts half messages, finds them again, and writes the operations that end them."""

    __slots__ = ("_copies", "_ctx", "_ended", "_pending", "_unconfirmed")

    def __init__(self, ctx: "BrokerContext") -> None:
        self._ctx = ctx
        self._pending: dict[int, _Pending] = {}
        # By half queue: offsets that have ended and that a walk may still meet, and first offsets
        # of messages that were put back while immune. BROKER-TRANS-10.
        self._ended: dict[int, dict[int, None]] = {}
        self._copies: dict[int, dict[int, None]] = {}
        self._unconfirmed: dict[Ticket, MessageExt] = {}  # committed, not known to be durable

    def start(self, now: Millis) -> None:
        """Begin to write collected operations where the release collects them."""
        if self._ctx.release.collects_op_messages:
            self._ctx.actors.add(OP_BATCH, self._batch_due(now), self._write_batches)

    def _batch_due(self, now: Millis) -> Millis:
        return Millis(now + self._ctx.config.integer("transactionOpBatchInterval"))

    # --- half messages

    def prepare_message(self, inner: MessageExtBrokerInner, now: Millis) -> "PutMessageResult":
        """Store a half message where no consumer looks. BROKER-TRANS-1, BROKER-TRANS-2.

        The store does not see its delay level, so that it is not diverted: BROKER-TRANS-23.
        """
        release = self._ctx.release
        properties = dict(inner.properties)
        if release.stores_transaction_id:
            unique = properties.get(PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX)
            if unique:
                properties[TRANSACTION_ID] = unique
        properties[PROPERTY_REAL_TOPIC] = inner.topic
        properties[PROPERTY_REAL_QUEUE_ID] = str(inner.queue_id)
        properties = in_java_order(properties, release)
        half = replace(
            inner,
            topic=Topic(RMQ_SYS_TRANS_HALF_TOPIC),
            queue_id=QueueId(0),
            sys_flag=reset_transaction_value(inner.sys_flag, TRANSACTION_NOT_TYPE),
            properties={k: v for k, v in properties.items() if k != PROPERTY_DELAY_TIME_LEVEL},
            properties_string=properties_to_string(properties, release),
        )
        result = self._ctx.store.put_message(half, now)
        if self._ctx.tracer is not None and result.append is not None:
            self._ctx.tracer(PrepareMessage(QueueOffset(result.append.logics_offset)))
        return result

    def half_message(self, commit_log_offset: int) -> MessageExt | None:
        """The record at a physical offset, whatever it is."""
        return self._ctx.store.look_message_by_offset(PhysicalOffset(commit_log_offset))

    def renewed(self, message: MessageExt, extra: dict[str, str]) -> MessageExtBrokerInner:
        """A half message as it is put back at the end of its queue. BROKER-TRANS-14.

        Java forgets the flag of the message here; we keep it. As at first the store does not see
        a delay level: BROKER-TRANS-23.
        """
        release = self._ctx.release
        properties = in_java_order({**message.properties, **extra}, release)
        obeyed = {k: v for k, v in properties.items() if k != PROPERTY_DELAY_TIME_LEVEL}
        return MessageExtBrokerInner(
            topic=message.topic,
            queue_id=message.queue_id,
            body=message.body,
            flag=message.flag,
            sys_flag=message.sys_flag,
            properties={**obeyed, PROPERTY_WAIT_STORE_MSG_OK: "false"},
            properties_string=properties_to_string(properties, release),
            tags_code=tags_code(properties.get(PROPERTY_TAGS)),
            born_timestamp=message.born_timestamp,
            born_host=message.born_host,
            store_host=message.store_host,
            accepted=True,
        )

    def renewed_immune(self, message: MessageExt) -> MessageExtBrokerInner:
        """The same for one whose immunity lasts: it remembers its first queue offset."""
        first = message.properties.get(PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET)
        if first is None:
            self._copies.setdefault(message.queue_id, {})[message.queue_offset] = None
        offset = str(message.queue_offset) if first is None else first
        return self.renewed(message, {PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET: offset})

    # --- operations

    def await_final(self, ticket: Ticket, message: MessageExt) -> None:
        """Remember a half message whose final message is stored and not durable yet."""
        self._unconfirmed[ticket] = message

    def confirm_final(self, ticket: Ticket) -> bool:
        """Forget it; False where the end of the broker has deleted it already."""
        return self._unconfirmed.pop(ticket, None) is not None

    def under_way(self) -> tuple[int, int, int]:
        """Count what has ended, what of it no operation tells yet, and what waits for the disk."""
        ended = sum(len(offsets) for offsets in self._ended.values())
        pending = sum(len(pending.data) for pending in self._pending.values())
        return ended, pending, len(self._unconfirmed)

    def delete_prepare_message(self, message: MessageExt, now: Millis) -> None:
        """Write that a half message has ended, now or with others.

        BROKER-TRANS-8, BROKER-TRANS-9.
        """
        self._ended.setdefault(message.queue_id, {})[message.queue_offset] = None
        if not self._ctx.release.collects_op_messages:
            self.write_op(message.queue_id, str(message.queue_offset), now)
            return
        pending = self._pending.get(message.queue_id)
        if pending is None:
            pending = self._pending[message.queue_id] = _Pending(now)
        data = f"{message.queue_offset}{OFFSET_SEPARATOR}"
        pending.data.append(data)
        pending.total += len(data)
        if pending.total > self._ctx.config.integer("transactionOpMsgMaxSize"):
            self._ctx.actors.wake(OP_BATCH, now)

    def ended(self, queue_id: int) -> Mapping[int, None]:
        """Half offsets that this process has ended: an operation may not be readable yet."""
        return self._ended.get(queue_id, {})

    def forget_ended(self, queue_id: int, half_offset: int) -> None:
        """The walk has passed `half_offset`: what lies before matters only for immune copies."""
        ended = self._ended.get(queue_id)
        if ended:
            copies = self._copies.get(queue_id, {})
            for offset in [o for o in ended if o < half_offset and o not in copies]:
                del ended[offset]

    def copy_ended(self, queue_id: int, first: int) -> None:
        """The copy of an ended message has left the queue."""
        self._ended.get(queue_id, {}).pop(first, None)
        self._copies.get(queue_id, {}).pop(first, None)

    def write_op(self, queue_id: int, body: str, now: Millis) -> bool:
        """Append one operation message: tag `d`, the ended half offsets as text."""
        ctx = self._ctx
        stored = in_hash_map_order({PROPERTY_TAGS: REMOVE_TAG, PROPERTY_WAIT_STORE_MSG_OK: "true"})
        inner = MessageExtBrokerInner(
            topic=Topic(RMQ_SYS_TRANS_OP_HALF_TOPIC),
            queue_id=QueueId(queue_id),
            body=body.encode(),
            flag=0,
            sys_flag=0,
            properties={**stored, PROPERTY_WAIT_STORE_MSG_OK: "false"},
            properties_string=properties_to_string(stored, ctx.release),
            tags_code=tags_code(REMOVE_TAG),
            born_timestamp=now,
            born_host=ctx.store_host,
            store_host=ctx.store_host,
        )
        result = ctx.store.put_message(inner, now)
        if ctx.tracer is not None:
            count = len([name for name in body.split(OFFSET_SEPARATOR) if name])
            if result.append is not None:
                ctx.tracer(WriteOp(QueueOffset(result.append.logics_offset), count))
            else:
                ctx.tracer(RefuseOp(count))
        return result.status is PutMessageStatus.PUT_OK

    def flush(self, now: Millis) -> None:
        """Write every collected operation, at the end of the broker. BROKER-TRANS-10.

        Also of commits that wait for the disk: the store drains when it takes no more messages,
        and the operation, which stands behind the final message, cannot outlive it.
        """
        for message in self._unconfirmed.values():
            if self._ctx.tracer is not None:
                self._ctx.tracer(Committed(message.queue_offset, durable=False))
            self.delete_prepare_message(message, now)
        self._unconfirmed.clear()
        while any(pending.data for pending in self._pending.values()):
            for queue_id, pending in self._pending.items():
                body = self._take(pending, now)
                if body:
                    self.write_op(queue_id, body, now)

    def _take(self, pending: _Pending, now: Millis) -> str:
        limit = self._ctx.config.integer("transactionOpMsgMaxSize")
        count = size = 0
        while count < len(pending.data) and size < limit:
            size += len(pending.data[count])
            count += 1
        body = "".join(pending.data[:count])
        del pending.data[:count]
        pending.total -= size
        pending.last_write = now
        return body

    def _write_batches(self, now: Millis) -> Millis:
        """One round over all queues: what waited long enough or is large is written."""
        interval = self._ctx.config.integer("transactionOpBatchInterval")
        limit = self._ctx.config.integer("transactionOpMsgMaxSize")
        first = now
        for queue_id, pending in self._pending.items():
            waited = now - pending.last_write >= interval
            if pending.data and (pending.total >= limit or waited):
                body = self._take(pending, now)
                self.write_op(queue_id, body, now)
                if pending.total >= limit:
                    return now
            elif pending.data:
                first = min(first, pending.last_write)
        return Millis(first + interval)
