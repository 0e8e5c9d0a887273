"""Faults of delay, retry, transactions and offsets."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from unittest.mock import patch

from fuzz.faults.fault import Fault
from refimpl.broker.consumer_offset_manager import ConsumerOffsetManager
from refimpl.broker.context import BrokerContext
from refimpl.broker.processor import consumer_send_back, send_message
from refimpl.broker.schedule_message import ScheduleMessageService
from refimpl.broker.transaction import TransactionalMessageService
from refimpl.broker.transaction_check import Pulled, TransactionCheck, _Round
from refimpl.model.ids import Millis, Topic
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.message_id import create_message_id
from refimpl.model.message_property import (
    PROPERTY_ORIGIN_MESSAGE_ID,
    in_java_order,
    properties_to_string,
)
from refimpl.model.topic_validator import RMQ_SYS_TRANS_OP_HALF_TOPIC
from refimpl.store.retention import CleanService

Patch = AbstractContextManager[object]

_copy = consumer_send_back._copy
_deliver_one = ScheduleMessageService._deliver_one
_time_up = ScheduleMessageService.message_time_up
_get = TransactionCheck._get
_delete_topics = CleanService.delete_topics
_least = ConsumerOffsetManager.query_min_offset_in_all_group
_FIRST_RETRY_LEVEL = 3


def _printed(
    inner: MessageExtBrokerInner, ctx: BrokerContext, **changed: str
) -> MessageExtBrokerInner:
    properties = in_java_order({**inner.properties, **changed}, ctx.release)
    text = properties_to_string(properties, ctx.release)
    return replace(inner, properties=properties, properties_string=text)


def _dead_letters_wait() -> Patch:
    def copy(
        ctx: BrokerContext, message: MessageExt, topic: str, queue_id: int, level: int
    ) -> MessageExtBrokerInner:
        kept = _FIRST_RETRY_LEVEL + message.reconsume_times
        return _copy(ctx, message, topic, queue_id, level or kept)

    return patch.object(consumer_send_back, "_copy", copy)


def _first_id_is_lost() -> Patch:
    def copy(
        ctx: BrokerContext, message: MessageExt, topic: str, queue_id: int, level: int
    ) -> MessageExtBrokerInner:
        own = create_message_id(message.store_host, message.physical_offset)
        inner = _copy(ctx, message, topic, queue_id, level)
        return _printed(inner, ctx, **{PROPERTY_ORIGIN_MESSAGE_ID: own})

    return patch.object(consumer_send_back, "_copy", copy)


def _limit_of_a_sender() -> Patch:
    def time_up(self: ScheduleMessageService, message: MessageExt) -> MessageExtBrokerInner | None:
        inner = _time_up(self, message)
        return None if inner is None else replace(inner, accepted=False)

    return patch.object(ScheduleMessageService, "message_time_up", time_up)


def _failed_delivery_is_skipped() -> Patch:
    def deliver_one(self: ScheduleMessageService, physical: int, size: int, now: Millis) -> bool:
        _deliver_one(self, physical, size, now)
        return True

    return patch.object(ScheduleMessageService, "_deliver_one", deliver_one)


def _any_delay_offset() -> Patch:
    deliver = ScheduleMessageService.deliver

    def stuck(
        self: ScheduleMessageService, level: int, offset: int, now: Millis
    ) -> tuple[int, Millis]:
        _, due = deliver(self, level, offset, now)
        queue = self._queue(level)
        if queue is not None and queue.index_buffer(offset) is None:
            return offset, due
        return _, due

    return patch.multiple(
        ScheduleMessageService, deliver=stuck, correct_delay_offset=lambda _self: None
    )


def _offsets_are_not_written() -> Patch:
    return patch.object(ScheduleMessageService, "persist", lambda _self: None)


def _no_operation_is_no_proof() -> Patch:
    def get(
        self: TransactionCheck, topic: str, queue_id: int, offset: int, count: int, now: Millis
    ) -> Pulled:
        pulled = _get(self, topic, queue_id, offset, count, now)
        if topic == RMQ_SYS_TRANS_OP_HALF_TOPIC and pulled.found is not None:
            return Pulled(offset, None, True)
        return pulled

    def ended(self: TransactionalMessageService, queue_id: int) -> Mapping[int, None]:
        del self, queue_id
        return {}

    both = patch.object(TransactionCheck, "_get", get)
    return _Both(both, patch.object(TransactionalMessageService, "ended", ended))


class _Both:
    """Two patches as one."""

    def __init__(self, *patches: Patch) -> None:
        self._patches = patches

    def __enter__(self) -> None:
        for one in self._patches:
            one.__enter__()

    def __exit__(self, *error: object) -> None:
        for one in reversed(self._patches):
            one.__exit__(None, None, None)


def _checked_at_once() -> Patch:
    def counted(self: TransactionCheck, message: MessageExt) -> MessageExt | None:
        found = _counted(self, message)
        return None if found is None else replace(found, born_timestamp=Millis(0))

    return _Both(
        patch.object(TransactionCheck, "_counted", counted),
        patch.object(TransactionCheck, "_too_old", lambda *_: False),
    )


_counted = TransactionCheck._counted


def _operations_go_with_any_topic() -> Patch:
    def delete_topics(self: CleanService, topics: Collection[Topic]) -> int:
        deleted = _delete_topics(self, topics)
        _delete_topics(self, (Topic(RMQ_SYS_TRANS_OP_HALF_TOPIC),))
        return deleted

    def ended(self: TransactionalMessageService, queue_id: int) -> Mapping[int, None]:
        del self, queue_id
        return {}

    return _Both(
        patch.object(CleanService, "delete_topics", delete_topics),
        patch.object(TransactionalMessageService, "ended", ended),
    )


def _asking_deletes() -> Patch:
    def least(self: ConsumerOffsetManager, topic: str, filter_groups: str | None) -> dict[int, int]:
        excluded = (filter_groups or "").split(",")
        for key in [k for k in self.offset_table if k.rpartition("@")[2] in excluded]:
            del self.offset_table[key]
        return _least(self, topic, filter_groups)

    return patch.object(ConsumerOffsetManager, "query_min_offset_in_all_group", least)


def _delayed_retry_is_prepared() -> Patch:
    def prepared(prepared: str, properties: dict[str, str], reconsume_times: int) -> bool:
        del properties, reconsume_times
        return prepared.lower() == "true"

    return patch.object(send_message, "_is_prepared", prepared)


def _only_groups_with_a_record() -> Patch:
    assign = ConsumerOffsetManager.assign_reset_offset

    def assign_reset_offset(
        self: ConsumerOffsetManager, topic: str, group: str, queue_id: int, offset: int
    ) -> None:
        if f"{topic}@{group}" in self.offset_table:
            assign(self, topic, group, queue_id, offset)

    return patch.object(ConsumerOffsetManager, "assign_reset_offset", assign_reset_offset)


def _operation_is_done_with_its_first() -> Patch:
    end = _Round.end

    def early(self: _Round, half_offset: int) -> bool:
        op_offset = self.removed.get(half_offset)
        if op_offset is not None and len(self.members[op_offset]) > 1:
            self.done.append(op_offset)
        return end(self, half_offset)

    return patch.object(_Round, "end", early)


FAULTS: Mapping[str, Fault] = {
    "B37": Fault(
        issue="#9149",
        layer="offset",
        title="A reset on the server is ignored for a group that has no offset yet",
        patch=_only_groups_with_a_record,
        cases=("BROKER-ADMIN-49/*", "BROKER-OFFSET-1[0-9]/*", "BROKER-ADMIN-5*/*"),
        release="5.5",
    ),
    "S19": Fault(
        issue="#7240",
        layer="transaction",
        title="An operation for several half messages is done when the first of them is found",
        patch=_operation_is_done_with_its_first,
        machines=("Transaction",),
        hidden="the memory of the process hides it until a restart",
        release="5.5",
        seed=22,
    ),
    "B41": Fault(
        issue="#2724",
        layer="retry",
        title="A dead letter waits in a delay queue",
        patch=_dead_letters_wait,
        cases=("BROKER-BACK-9/*",),
        machines=("SendBackAndRetry",),
    ),
    "B43": Fault(
        issue="#2869",
        layer="retry",
        title="The first message id is overwritten at each retry",
        patch=_first_id_is_lost,
        cases=("BROKER-BACK-9/after-the-maximum", "BROKER-BACK-12/*"),
        machines=("SendBackAndRetry",),
    ),
    "B45": Fault(
        issue="#4226",
        layer="delay",
        title="A record that grows blocks its delay level for ever",
        patch=_limit_of_a_sender,
        cases=("BROKER-SCHEDULE-13/*",),
        release="4.6",
    ),
    "B47": Fault(
        issue="#9249",
        layer="delay",
        title="A delivery that failed is skipped",
        patch=_failed_delivery_is_skipped,
        machines=("DelayService",),
        hidden="needs a store that refuses one put",
        seed=5,
    ),
    "B49": Fault(
        issue="#3358",
        layer="delay",
        title="A delay offset outside of its queue blocks the level for ever",
        patch=_any_delay_offset,
        cases=("BROKER-SCHEDULE-1/*",),
        machines=("DelayService",),
    ),
    "#3473": Fault(
        issue="#3473",
        layer="delay",
        title="A restart delivers again what was delivered in the last seconds",
        patch=_offsets_are_not_written,
        cases=("BROKER-SCHEDULE-9/*",),
        machines=("DelayService",),
    ),
    "B52": Fault(
        issue="#1517",
        layer="transaction",
        title="The end of the operations is taken for no operations: finished halves are checked",
        patch=_no_operation_is_no_proof,
        cases=("BROKER-TRANS-12/*",),
        machines=("Transaction",),
    ),
    "B54": Fault(
        issue="#9486",
        layer="transaction",
        title="A half message is checked before its immunity is over",
        patch=_checked_at_once,
        cases=("BROKER-TRANS-1[0-9]/*",),
        machines=("Transaction",),
    ),
    "#2133": Fault(
        issue="#2133",
        layer="transaction",
        title="Deleting any topic makes finished transactions unfinished",
        patch=_operations_go_with_any_topic,
        cases=("BROKER-ADMIN-7/*",),
    ),
    "#1648": Fault(
        issue="#1648",
        layer="retry",
        title="A delayed retry of a transactional message is dropped",
        patch=_delayed_retry_is_prepared,
        cases=("BROKER-SEND-17/*",),
    ),
    "#10987": Fault(
        issue="#10987",
        layer="offset",
        title="A query of offsets deletes those of the groups that it filters",
        patch=_asking_deletes,
        cases=("BROKER-OFFSET-16/*",),
    ),
}
