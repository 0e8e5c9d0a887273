"""What holds of every broker at rest, checked from its tables: for tests, simulation and operators.

Requirements  BROKER-SCHEDULE-1, BROKER-TRANS-25, BROKER-PULL-24, BROKER-PULL-41,
              BROKER-LIFECYCLE-10
Model         spec/tla: the invariants of the same names

Nothing here repairs anything, and nothing here knows what a client was told: only machines do.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from refimpl.broker.consumer_offset_manager import TRANSACTION_GROUP
from refimpl.model.delay_level import delay_level_to_queue_id
from refimpl.model.ids import PhysicalOffset, QueueId, Topic
from refimpl.model.topic_validator import (
    RMQ_SYS_SCHEDULE_TOPIC,
    RMQ_SYS_TRANS_HALF_TOPIC,
    RMQ_SYS_TRANS_OP_HALF_TOPIC,
)

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext

DELAY_OFFSET_IN_QUEUE = "OffsetIsInTheQueue"
TRANSACTION_OFFSET_IN_QUEUE = "TransactionOffsetInQueue"
HELD_IS_UNSATISFIED = "HeldIsUnsatisfied"
HELD_HAS_A_CHANNEL = "HeldHasAChannel"


def violations(ctx: "BrokerContext") -> list[str]:
    """Every violated invariant, as `name: what`; empty for a broker that is as it should be."""
    return [*_delay_offsets(ctx), *_transaction_offsets(ctx), *_held(ctx)]


def _delay_offsets(ctx: "BrokerContext") -> Iterator[str]:
    """A level goes on inside of its queue."""
    for level, offset in ctx.schedule_message_service.offset_table.items():
        if level not in ctx.schedule_message_service.levels.table:
            continue
        queue_id = QueueId(delay_level_to_queue_id(level))
        high = ctx.store.next_offset(Topic(RMQ_SYS_SCHEDULE_TOPIC), queue_id)
        if not 0 <= offset <= high:
            yield f"{DELAY_OFFSET_IN_QUEUE}: level {level} at {offset}, the queue ends at {high}"


def _transaction_offsets(ctx: "BrokerContext") -> Iterator[str]:
    """The walk over half messages and that over operations stand inside of their queues."""
    offsets = ctx.consumer_offset_manager
    for topic in (RMQ_SYS_TRANS_HALF_TOPIC, RMQ_SYS_TRANS_OP_HALF_TOPIC):
        for queue_id, offset in (offsets.query_offsets(TRANSACTION_GROUP, topic) or {}).items():
            given = ctx.store.next_offset(Topic(topic), QueueId(queue_id))
            if offset > given:
                yield f"{TRANSACTION_OFFSET_IN_QUEUE}: {topic} at {offset}, {given} were given"


def _held(ctx: "BrokerContext") -> Iterator[str]:
    """No held pull could be answered with a message, and somebody reads every answer."""
    for topic, queue_id, pull in ctx.pull_request_hold.all_held():
        where = f"opaque {pull.request.command.opaque} of {topic}-{queue_id}"
        if not ctx.endpoint.is_open(pull.request.channel):
            yield f"{HELD_HAS_A_CHANNEL}: {where}"
        queue = ctx.store.consume_queue(Topic(topic), QueueId(queue_id))
        if queue is None:
            continue
        for offset in range(pull.pull_from_this_offset, queue.max_offset_in_queue):
            unit = queue.get(offset)
            if unit is None or not pull.message_filter.matches_consume_queue(unit[2]):
                continue
            message = ctx.store.look_message_by_offset(PhysicalOffset(unit[0]), unit[1])
            if message is not None and pull.message_filter.matches_commit_log(message.properties):
                yield f"{HELD_IS_UNSATISFIED}: {where} waits for more than {offset}"
                break
