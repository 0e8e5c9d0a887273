"""The check-back: what becomes of half messages that nobody ended.

Java 4.9.7: broker/transaction/queue/TransactionalMessageServiceImpl#check,
TransactionalMessageCheckService, DefaultTransactionalMessageCheckListener. One step of the actor is
one round of Java's thread over all queues, at one time `now`.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from refimpl.broker.consumer_offset_manager import TRANSACTION_GROUP
from refimpl.broker.transaction import OFFSET_SEPARATOR, REMOVE_TAG
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Actor, Group, Millis, PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.java import decode_utf8, parse_int, parse_long
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.message_codec import decode_record, encode_record
from refimpl.model.message_id import create_message_id
from refimpl.model.message_property import (
    PROPERTY_CHECK_IMMUNITY_TIME_IN_SECONDS,
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_PRODUCER_GROUP,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TAGS,
    PROPERTY_TRANSACTION_CHECK_TIMES,
    PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET,
    PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX,
    PROPERTY_WAIT_STORE_MSG_OK,
    in_java_order,
    properties_to_string,
)
from refimpl.model.status import GetMessageStatus, PutMessageStatus
from refimpl.model.subscription import tags_code
from refimpl.model.sys_flag import PERM_READ, PERM_WRITE
from refimpl.model.topic_validator import RMQ_SYS_TRANS_HALF_TOPIC, RMQ_SYS_TRANS_OP_HALF_TOPIC
from refimpl.model.trace import Ask, CommitOpOffset, Discard, SkipEnded
from refimpl.remoting.header.transaction import CheckTransactionStateRequestHeader

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext
    from refimpl.store.append_message import PutMessageResult

CHECK = Actor("transactional-message-check")
CHECK_TRANSACTION_STATE = 39
OP_MSG_PULL_NUMS = 32
_HOUR = 3_600_000
_EMPTY = (GetMessageStatus.NO_MESSAGE_IN_QUEUE, GetMessageStatus.OFFSET_OVERFLOW_ONE)


class Pulled(NamedTuple):
    """A read of the half or the op queue. `found` is None where nothing was found."""

    next_begin_offset: int
    found: list[MessageExt] | None
    is_new: bool  # False: an offset that is illegal, or nothing matched


class _Round:
    """One queue in one round: which half offsets have ended, and by which operation."""

    __slots__ = ("before", "done", "half_offset", "members", "op_offset", "passed", "removed")

    def __init__(self, half_offset: int, op_offset: int) -> None:
        self.half_offset = half_offset
        self.op_offset = op_offset
        self.removed: dict[int, int] = {}  # half offset -> op offset
        self.members: dict[int, set[int]] = {}  # op offset -> half offsets that it still names
        self.before: set[int] = set()  # half offsets in front of the walk that have ended
        self.passed = op_offset  # the oldest operation that was read
        self.done: list[int] = []  # op offsets of which nothing is left

    def end(self, half_offset: int) -> bool:
        """Take a half offset out of the map; True where it was there."""
        op_offset = self.removed.pop(half_offset, None)
        if op_offset is None:
            return False
        self.before.add(half_offset)
        rest = self.members[op_offset]
        rest.discard(half_offset)
        if not rest:
            del self.members[op_offset]
            self.done.append(op_offset)
        return True

    def next_op_offset(self) -> int:
        """Where the next round begins: past the operations that are done without a gap."""
        offset = self.op_offset
        for done in sorted(self.done):
            if done != offset:
                break
            offset += 1
        return offset


class TransactionCheck:
    """The actor that asks producers about their half messages."""

    __slots__ = ("_ctx",)

    def __init__(self, ctx: "BrokerContext") -> None:
        self._ctx = ctx

    def start(self, now: Millis) -> None:
        """Add the actor; the first round comes after one interval."""
        config = self._ctx.config
        self._ctx.actors.every(
            CHECK,
            Millis(now + config.integer("transactionCheckInterval")),
            lambda: self._ctx.config.integer("transactionCheckInterval"),
            self.check,
        )

    def check(self, now: Millis) -> None:
        """One round over every half queue.

        BROKER-TRANS-11, BROKER-TRANS-12, BROKER-TRANS-13, BROKER-TRANS-14, BROKER-TRANS-15,
        BROKER-TRANS-16, BROKER-TRANS-17, BROKER-TRANS-18, BROKER-TRANS-19, BROKER-TRANS-20,
        BROKER-TRANS-21, BROKER-TRANS-22.
        """
        ctx = self._ctx
        config = ctx.topic_config_manager.create_topic_in_send_message_back_method(
            RMQ_SYS_TRANS_HALF_TOPIC, 1, PERM_WRITE | PERM_READ, 0, now
        )
        for queue_id in range(config.read_queue_nums):
            self._check_queue(queue_id, now)

    def _check_queue(self, queue_id: int, now: Millis) -> None:
        half_offset = self._offset(RMQ_SYS_TRANS_HALF_TOPIC, queue_id)
        op_offset = self._offset(RMQ_SYS_TRANS_OP_HALF_TOPIC, queue_id)
        if half_offset < 0 or op_offset < 0:
            return
        state = _Round(half_offset, op_offset)
        pulled = self._fill_op_remove_map(state, queue_id, op_offset, now)
        service = self._ctx.transactional_message_service
        ended = service.ended(queue_id)
        offset = half_offset
        missed = False
        while True:
            if state.end(offset) or offset in ended:
                self._skipped(offset)
                offset += 1
                continue
            read = self._get(RMQ_SYS_TRANS_HALF_TOPIC, queue_id, offset, 1, now)
            if not read.found:
                if missed or read.is_new:
                    break
                missed = True
                offset = read.next_begin_offset
                continue
            verdict, pulled = self._check_message(state, queue_id, read.found[0], pulled, now)
            if not verdict:
                break
            offset += 1
        service.forget_ended(queue_id, offset)
        if offset != half_offset:
            self._commit(RMQ_SYS_TRANS_HALF_TOPIC, queue_id, offset, now)
        next_op = state.next_op_offset()
        if next_op != op_offset:
            self._commit(RMQ_SYS_TRANS_OP_HALF_TOPIC, queue_id, next_op, now)
        if self._ctx.tracer is not None and (offset, next_op) != (half_offset, op_offset):
            self._ctx.tracer(CommitOpOffset(QueueOffset(offset), QueueOffset(next_op)))
        self._ctx.consumer_offset_manager.transactions_walked()

    def _check_message(
        self, state: _Round, queue_id: int, message: MessageExt, pulled: Pulled, now: Millis
    ) -> tuple[bool, Pulled]:
        """What to do with one half message: True to go on behind it, False to end the round."""
        ctx = self._ctx
        counted = self._counted(message)
        if counted is None or self._too_old(message, now):
            return self._discard(counted or message, now, old=counted is not None), pulled
        message = counted
        if message.store_timestamp >= now:
            return False, pulled
        if self._ended_before(state, queue_id, message, now):
            self._skipped(message.queue_offset)
            return True, pulled
        age = now - message.born_timestamp
        timeout = ctx.config.integer("transactionTimeOut")
        own = message.properties.get(PROPERTY_CHECK_IMMUNITY_TIME_IN_SECONDS)
        immunity = timeout if own is None else _immunity(own, timeout)
        limit = immunity + 1 if ctx.release.immune_at_the_limit else immunity
        if own is not None:
            if age < limit and self._keep_immune(message, now):
                return True, pulled
        elif 0 <= age < limit:
            return False, pulled
        while True:
            ended = state.end(message.queue_offset)
            if ended or self._ended_before(state, queue_id, message, now):
                self._skipped(message.queue_offset)
                return True, pulled
            if self._needs_check(pulled, age, immunity, timeout, now):
                return self._ask(message, now), pulled
            further = self._fill_op_remove_map(state, queue_id, pulled.next_begin_offset, now)
            if not further.found and not pulled.found:
                return False, further
            pulled = further

    @staticmethod
    def _needs_check(pulled: Pulled, age: int, immunity: int, timeout: int, now: Millis) -> bool:
        """True where the operations that were read prove that none ends this message."""
        if age <= -1:
            return True
        if pulled.found is None:
            return age >= immunity
        return pulled.found[-1].born_timestamp - now > timeout

    # --- one message

    def _counted(self, message: MessageExt) -> MessageExt | None:
        """The message with one more check in its count; None where it was checked too often."""
        text = message.properties.get(PROPERTY_TRANSACTION_CHECK_TIMES)
        times = 1
        if text is not None:
            times = _integer(text)
            if times >= self._ctx.config.integer("transactionCheckMax"):
                return None
            times += 1
        return replace(
            message,
            properties={**message.properties, PROPERTY_TRANSACTION_CHECK_TIMES: str(times)},
        )

    def _too_old(self, message: MessageExt, now: Millis) -> bool:
        reserved = self._ctx.config.integer("fileReservedTime") * _HOUR
        return now - message.born_timestamp > reserved

    def _ended_before(self, state: _Round, queue_id: int, message: MessageExt, now: Millis) -> bool:
        """True for a copy whose first half message has ended in the meantime. BROKER-TRANS-19."""
        text = message.properties.get(PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET)
        first = -1 if text is None else _long(text)
        if first == -1:
            return False
        service = self._ctx.transactional_message_service
        known = state.end(first) or first in state.before or first in service.ended(queue_id)
        if not known:
            self._read_back(state, queue_id, message, now)
            if first not in state.before:
                return False
        state.before.add(first)  # a walk that a former life did not finish left a copy more
        service.copy_ended(queue_id, first)
        return True

    def _read_back(self, state: _Round, queue_id: int, copy: MessageExt, now: Millis) -> None:
        """Enter operations that were passed since a copy was put. BROKER-TRANS-19.

        The offset of operations moves when the first half message is passed, not its copy, and an
        earlier process may have moved it.
        """
        while state.passed > 0:
            offset = state.passed - 1
            found = self._get(RMQ_SYS_TRANS_OP_HALF_TOPIC, queue_id, offset, 1, now).found
            if not found or found[0].physical_offset < copy.physical_offset:
                return
            state.before.update(self._ended_by(found[0]))
            state.passed = offset

    def _keep_immune(self, message: MessageExt, now: Millis) -> bool:
        """Put an immune message to the end of its queue; True where the round may go on."""
        text = message.properties.get(PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET)
        if text is not None and _long(text) == -1:
            return False
        service = self._ctx.transactional_message_service
        result = self._ctx.store.put_message(service.renewed_immune(message), now)
        self._put_back(message, result, immune=True)
        return result.status is PutMessageStatus.PUT_OK

    def _put_back(self, message: MessageExt, result: "PutMessageResult", *, immune: bool) -> None:
        if self._ctx.tracer is not None and result.append is not None:
            times = int(message.properties[PROPERTY_TRANSACTION_CHECK_TIMES])
            renewed = QueueOffset(result.append.logics_offset)
            self._ctx.tracer(Ask(message.queue_offset, renewed, times, immune))

    def _skipped(self, half_offset: int) -> None:
        if self._ctx.tracer is not None:
            self._ctx.tracer(SkipEnded(QueueOffset(half_offset)))

    def _ask(self, message: MessageExt, now: Millis) -> bool:
        """Put the message back, then ask its producer; False where it could not be put."""
        ctx = self._ctx
        renewed = ctx.transactional_message_service.renewed(message, {})
        result = ctx.store.put_message(renewed, now)
        if result.status is not PutMessageStatus.PUT_OK or result.append is None:
            return False
        self._put_back(message, result, immune=False)
        self.send_check_message(
            replace(
                message,
                queue_offset=QueueOffset(result.append.logics_offset),
                physical_offset=PhysicalOffset(result.append.wrote_offset),
                properties=renewed.properties,
            ),
            now,
        )
        return True

    def send_check_message(self, message: MessageExt, now: Millis) -> None:
        """CHECK_TRANSACTION_STATE to some producer of the group, one-way.

        BROKER-TRANS-20, BROKER-TRANS-21.
        Without a producer nothing is sent: the next round asks again.
        """
        ctx, properties = self._ctx, message.properties
        group = properties.get(PROPERTY_PRODUCER_GROUP)
        channel = ctx.producer_manager.get_available_channel(group)
        if channel is None:
            return
        unique = properties.get(PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX)
        named = ctx.release.check_names_topic
        header = CheckTransactionStateRequestHeader(
            commit_log_offset=message.physical_offset,
            offset_msg_id=create_message_id(message.store_host, message.physical_offset),
            msg_id=unique,
            transaction_id=unique,
            tran_state_table_offset=message.queue_offset,
            topic=message.topic if named else None,
            bname=ctx.config.text("brokerName") if named else None,
        )
        try:
            queue_id = parse_int(properties.get(PROPERTY_REAL_QUEUE_ID))
        except InvalidInput:
            return
        ordered = in_java_order(properties, ctx.release)
        inner = _inner(message, properties.get(PROPERTY_REAL_TOPIC, ""), queue_id, ordered)
        inner = replace(inner, properties_string=properties_to_string(ordered, ctx.release))
        body = encode_record(
            inner, message.queue_offset, message.physical_offset, message.store_timestamp
        )
        ctx.endpoint.send_oneway(channel, CHECK_TRANSACTION_STATE, header, body, now)

    def _discard(self, message: MessageExt, now: Millis, *, old: bool) -> bool:
        """Move a message that was checked too often out of the way; False where it stays.

        BROKER-TRANS-16.
        """
        ctx = self._ctx
        config = ctx.topic_config_manager.create_topic_of_tran_check_max_time(
            1, PERM_READ | PERM_WRITE, now
        )
        ordered = in_java_order(message.properties, ctx.release)
        obeyed = {k: v for k, v in ordered.items() if k != PROPERTY_DELAY_TIME_LEVEL}
        inner = _inner(message, config.topic_name, 0, ordered)
        inner = replace(
            inner,
            properties={**obeyed, PROPERTY_WAIT_STORE_MSG_OK: "false"},
            properties_string=properties_to_string(ordered, ctx.release),
            accepted=True,
        )
        result = ctx.store.put_message(inner, now)
        if ctx.tracer is not None and result.append is not None:
            ctx.tracer(Discard(message.queue_offset, old))
        return result.status is PutMessageStatus.PUT_OK

    # --- the two queues

    def _fill_op_remove_map(self, state: _Round, queue_id: int, offset: int, now: Millis) -> Pulled:
        """Read up to 32 operations and enter what they end. BROKER-TRANS-12, BROKER-TRANS-13."""
        topic = RMQ_SYS_TRANS_OP_HALF_TOPIC
        pulled = self._get(topic, queue_id, offset, OP_MSG_PULL_NUMS, now)
        if pulled.found is None:
            if not pulled.is_new:
                self._commit(topic, queue_id, pulled.next_begin_offset, now)
            return pulled
        for message in pulled.found:
            op_offset = message.queue_offset
            if message.properties.get(PROPERTY_TAGS) != REMOVE_TAG:
                continue
            offsets = self._ended_by(message)
            ended = {half for half in offsets if half >= state.half_offset}
            state.before.update(half for half in offsets if half < state.half_offset)
            if not ended:
                state.done.append(op_offset)
                continue
            state.members[op_offset] = ended
            for half in sorted(ended):
                self._enter(state, half, op_offset)
        return pulled

    def _ended_by(self, operation: MessageExt) -> list[int]:
        """The half offsets that one operation names."""
        text = decode_utf8(operation.body)
        merged = self._ctx.release.collects_op_messages
        names = [p for p in text.split(OFFSET_SEPARATOR) if p] if merged else [text]
        return [_long(name) for name in names]

    @staticmethod
    def _enter(state: _Round, half: int, op_offset: int) -> None:
        """A half offset that a second operation ends belongs to the later one."""
        former = state.removed.get(half)
        if former is not None and former != op_offset:
            rest = state.members.get(former)
            if rest is not None:
                rest.discard(half)
                if not rest:
                    del state.members[former]
                    state.done.append(former)
        state.removed[half] = op_offset

    def _get(self, topic: str, queue_id: int, offset: int, count: int, now: Millis) -> Pulled:
        ctx = self._ctx
        result = ctx.store.get_message(
            Group(TRANSACTION_GROUP),
            Topic(topic),
            QueueId(queue_id),
            QueueOffset(offset),
            count,
            None,
            now,
        )
        if result is None:
            return Pulled(offset, None, True)
        if result.status is GetMessageStatus.FOUND:
            found = [
                decode_record(record, release=ctx.release, decompress=False)
                for record in result.records
            ]
            return Pulled(result.next_begin_offset, [m for m in found if m is not None], True)
        return Pulled(result.next_begin_offset, None, result.status in _EMPTY)

    def _offset(self, topic: str, queue_id: int) -> int:
        offset = self._ctx.consumer_offset_manager.query_offset(TRANSACTION_GROUP, topic, queue_id)
        if offset != -1:
            return offset
        return self._ctx.store.min_offset_in_queue(Topic(topic), QueueId(queue_id))

    def _commit(self, topic: str, queue_id: int, offset: int, now: Millis) -> None:
        self._ctx.consumer_offset_manager.commit_offset(
            TRANSACTION_GROUP, topic, queue_id, offset, now
        )


def _inner(
    message: MessageExt, topic: str, queue_id: int, properties: dict[str, str]
) -> MessageExtBrokerInner:
    return MessageExtBrokerInner(
        topic=Topic(topic),
        queue_id=QueueId(queue_id),
        body=message.body,
        flag=message.flag,
        sys_flag=message.sys_flag,
        properties=properties,
        properties_string="",
        tags_code=tags_code(properties.get(PROPERTY_TAGS)),
        born_timestamp=message.born_timestamp,
        born_host=message.born_host,
        store_host=message.store_host,
        reconsume_times=message.reconsume_times,
        prepared_transaction_offset=message.prepared_transaction_offset,
    )


def _immunity(text: str, timeout: int) -> int:
    seconds = _long(text)
    return timeout if seconds == -1 else seconds * 1000


def _long(text: str) -> int:
    try:
        return parse_long(text)
    except InvalidInput:
        return -1


def _integer(text: str) -> int:
    try:
        return parse_int(text)
    except InvalidInput:
        return -1
