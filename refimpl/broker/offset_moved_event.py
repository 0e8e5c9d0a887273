"""The message that up to 4.9 tells operators of a corrected offset.

Java 4.9.7: broker/processor/PullMessageProcessor#generateOffsetMovedEvent,
common/protocol/topic/OffsetMovedEvent. BROKER-PULL-29.
"""

from refimpl.broker.context import BrokerContext
from refimpl.model.ids import Millis, QueueId, Topic
from refimpl.model.java import encode_utf8, hash_map_order
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_property import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_KEYS,
    PROPERTY_TAGS,
    properties_to_string,
)
from refimpl.model.subscription import tags_code
from refimpl.model.topic_validator import RMQ_SYS_OFFSET_MOVED_EVENT
from refimpl.remoting.body.java_json import write
from refimpl.remoting.header.pull import PullMessageRequestHeader


def store_event(
    ctx: BrokerContext, header: PullMessageRequestHeader, offset_new: int, now: Millis
) -> None:
    """Store the event; the pull does not wait for it and does not hear whether it worked."""
    group = header.consumer_group
    given = {PROPERTY_TAGS: group, PROPERTY_DELAY_TIME_LEVEL: "0", PROPERTY_KEYS: group}
    properties = {name: given[name] for name in hash_map_order(given)}
    body = write(
        {
            "consumerGroup": group,
            "messageQueue": {
                "brokerName": ctx.config.text("brokerName"),
                "queueId": header.queue_id,
                "topic": header.topic,
            },
            "offsetNew": offset_new,
            "offsetRequest": header.queue_offset,
        },
        ctx.release,
    )
    inner = MessageExtBrokerInner(
        topic=Topic(RMQ_SYS_OFFSET_MOVED_EVENT),
        queue_id=QueueId(0),
        body=encode_utf8(body),
        flag=0,
        sys_flag=0,
        properties=properties,
        properties_string=properties_to_string(properties, ctx.release),
        tags_code=tags_code(group),
        born_timestamp=now,
        born_host=ctx.address,
        store_host=ctx.address,
    )
    ctx.store.put_message(inner, now)
