"""Faults of delay, retry, transactions and offsets."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from unittest.mock import patch

from fuzz.faults.fault import Fault
from fuzz.on_purpose.edited import edited
from fuzz.planted.broker_side import PLANTED
from refimpl.broker.consumer_offset_manager import ConsumerOffsetManager
from refimpl.broker.processor import consumer_send_back, send_message
from refimpl.broker.schedule_message import ScheduleMessageService
from refimpl.broker.transaction import TransactionalMessageService
from refimpl.broker.transaction_check import Pulled, TransactionCheck, _Round
from refimpl.model.ids import Millis, Topic
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.topic_validator import RMQ_SYS_TRANS_OP_HALF_TOPIC
from refimpl.store.retention import CleanService

Patch = AbstractContextManager[object]
_OFFSETS = "tests/broker/test_consumer_offset_manager.py"

_time_up = ScheduleMessageService.message_time_up
_deliver = ScheduleMessageService.deliver
_get = TransactionCheck._get
_end = _Round.end
_delete_topics = CleanService.delete_topics
_least = ConsumerOffsetManager.query_min_offset_in_all_group


def _limit_of_a_sender() -> Patch:
    def time_up(self: ScheduleMessageService, message: MessageExt) -> MessageExtBrokerInner | None:
        inner = _time_up(self, message)
        return None if inner is None else replace(inner, accepted=False)

    return patch.object(ScheduleMessageService, "message_time_up", time_up)


def _any_delay_offset() -> Patch:
    def stuck(
        self: ScheduleMessageService, level: int, offset: int, now: Millis
    ) -> tuple[int, Millis]:
        further, due = _deliver(self, level, offset, now)
        queue = self._queue(level)
        outside = queue is not None and queue.index_buffer(offset) is None
        return offset if outside else further, due

    return patch.multiple(
        ScheduleMessageService, deliver=stuck, correct_delay_offset=lambda _self: None
    )


def _offsets_are_not_written() -> Patch:
    return patch.object(ScheduleMessageService, "persist", lambda _self: None)


def _no_memory_of_the_ended() -> Patch:
    """Java has none: only the operations that it can read say what has ended."""
    return patch.object(TransactionalMessageService, "ended", lambda _self, _queue_id: {})


@contextmanager
def _no_operation_is_no_proof() -> Iterator[None]:
    def get(
        self: TransactionCheck, topic: str, queue_id: int, offset: int, count: int, now: Millis
    ) -> Pulled:
        pulled = _get(self, topic, queue_id, offset, count, now)
        if topic == RMQ_SYS_TRANS_OP_HALF_TOPIC and pulled.found is not None:
            return Pulled(offset, None, True)
        return pulled

    with patch.object(TransactionCheck, "_get", get), _no_memory_of_the_ended():
        yield


@contextmanager
def _operations_go_with_any_topic() -> Iterator[None]:
    def delete_topics(self: CleanService, topics: Collection[Topic]) -> int:
        deleted = _delete_topics(self, topics)
        _delete_topics(self, (Topic(RMQ_SYS_TRANS_OP_HALF_TOPIC),))
        return deleted

    with patch.object(CleanService, "delete_topics", delete_topics), _no_memory_of_the_ended():
        yield


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


def _operation_is_done_with_its_first() -> Patch:
    def early(self: _Round, half_offset: int) -> bool:
        op_offset = self.removed.get(half_offset)
        if op_offset is not None and len(self.members[op_offset]) > 1:
            self.done.append(op_offset)
        return _end(self, half_offset)

    return patch.object(_Round, "end", early)


def _early_end_is_no_progress() -> Patch:
    ends = "if not verdict:\n            "
    return edited(TransactionCheck, "_check_queue", f"{ends}break", f"{ends}return")


def _written_before_read() -> Patch:
    return patch.object(ScheduleMessageService, "load", lambda _self: True)


def _reset_outlives_its_topic() -> Patch:
    old = "self.reset_offset_table.pop(key, None)"
    return edited(ConsumerOffsetManager, "clean_offset_by_topic", old, "pass")


def _always_the_first_queue() -> Patch:
    old = "ctx.prng.below(RANDOM_BOUND) % group.retry_queue_nums"
    return edited(consumer_send_back, "consumer_send_msg_back", old, "0")


FAULTS: Mapping[str, Fault] = {
    "B37": Fault(
        issue="#9149",
        layer="offset",
        title="A reset on the server is ignored for a group that has no offset yet",
        patch=PLANTED["9149-reset-needs-a-record"].patch,
        cases=("BROKER-OFFSET-12/without-a-record",),
        tests=(f"{_OFFSETS}::test_a_reset_works_without_a_record",),
        release="5.5",
    ),
    "S19": Fault(
        issue="#7240",
        layer="transaction",
        title="An operation for several half messages is done when the first of them is found",
        patch=_operation_is_done_with_its_first,
        cases=("BROKER-TRANS-22/*",),
        machines=("Transaction",),
        release="5.5",
        seed=22,
    ),
    "B41": Fault(
        issue="#2724",
        layer="retry",
        title="A dead letter waits in a delay queue",
        patch=PLANTED["2724-dead-letter-keeps-its-delay"].patch,
        cases=("BROKER-BACK-9/*",),
        machines=("SendBackAndRetry",),
    ),
    "B43": Fault(
        issue="#2869",
        layer="retry",
        title="The first message id is overwritten at each retry",
        patch=PLANTED["2869-origin-is-overwritten"].patch,
        cases=("BROKER-BACK-9/after-the-maximum", "BROKER-BACK-12/*"),
        machines=("SendBackAndRetry",),
    ),
    "B45": Fault(
        issue="#4226",
        layer="delay",
        title="A record that grows blocks its delay level for ever",
        patch=_limit_of_a_sender,
        cases=("BROKER-SCHEDULE-13/*",),
        tests=("tests/broker/test_schedule_message.py::test_a_record_that_grows_is_delivered",),
        release="4.6",
    ),
    "B47": Fault(
        issue="#9249",
        layer="delay",
        title="A delivery that failed is skipped",
        patch=PLANTED["9249-failed-delivery-is-skipped"].patch,
        machines=("DelayService",),
        hidden="needs a store that refuses one put",
        seed=47,
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
        issue="#544",
        layer="transaction",
        title="A half message that is immune is neither checked nor put back: it is lost",
        patch=PLANTED["544-immune-half-is-not-put-back"].patch,
        cases=("BROKER-TRANS-19/*",),
        machines=("Transaction",),
    ),
    "B56": Fault(
        issue="#1540",
        layer="transaction",
        title="A half message with a delay level goes through the delay",
        patch=PLANTED["1540-delay-level-on-a-half-message"].patch,
        cases=("BROKER-TRANS-23/*",),
        machines=("Transaction",),
    ),
    "B58": Fault(
        issue="#1627",
        layer="transaction",
        title="A check is lost when the store is busy",
        patch=PLANTED["1627-check-is-lost-when-the-store-is-busy"].patch,
        machines=("Transaction",),
        hidden="needs a store that refuses one put",
        seed=4,
    ),
    "#2133": Fault(
        issue="#2133",
        layer="transaction",
        title="Deleting any topic makes finished transactions unfinished",
        patch=_operations_go_with_any_topic,
        cases=("BROKER-ADMIN-7/*",),
        tests=("tests/store/test_retention.py::test_unused_topics_go_and_the_systems_stay",),
    ),
    "#1648": Fault(
        issue="#1648",
        layer="retry",
        title="A delayed retry of a transactional message is dropped",
        patch=_delayed_retry_is_prepared,
        cases=("BROKER-SEND-17/*",),
        tests=("tests/broker/test_send_message.py::test_half_messages_are_told_apart",),
    ),
    "#10987": Fault(
        issue="#10987",
        layer="offset",
        title="A query of offsets deletes those of the groups that it filters",
        patch=_asking_deletes,
        cases=("BROKER-OFFSET-16/*",),
        tests=(f"{_OFFSETS}::test_a_query_of_the_least_offset_deletes_nothing",),
    ),
    "#1543": Fault(
        issue="#1543",
        layer="transaction",
        title="A round that ends early forgets how far it came: what it put back is put back again",
        patch=_early_end_is_no_progress,
        cases=("BROKER-TRANS-14/*",),
        machines=("Transaction",),
    ),
    "#6881": Fault(
        issue="#6881",
        layer="delay",
        title="The delay offsets are written before they are read: everything is delivered again",
        patch=_written_before_read,
        cases=("BROKER-SCHEDULE-9/*",),
        tests=("tests/broker/test_schedule_message.py::test_offsets_survive_and_are_clamped",),
    ),
    "#9703": Fault(
        issue="#9703",
        layer="offset",
        title="A reset of offsets outlives its topic, and meets the next one of that name",
        patch=_reset_outlives_its_topic,
        cases=("BROKER-OFFSET-10/*",),
        tests=(f"{_OFFSETS}::test_a_deleted_topic",),
        release="5.5",
    ),
    "#213": Fault(
        issue="ROCKETMQ-347",
        layer="retry",
        title="Everything that is given back goes to queue 0",
        patch=_always_the_first_queue,
        cases=("BROKER-BACK-4/*",),
        tests=("tests/broker/test_consumer_send_back.py::test_copies_go_to_every_queue",),
    ),
}
