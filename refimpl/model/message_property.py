"""Properties of a message: their names, and the text in which they travel and are stored.

`name 0x01 value 0x02 name 0x01 value`, in UTF-8. There is no escaping, so that a value which holds
a separator reads back as something else; releases differ in what.
Java: common/message/MessageConst; MessageDecoder#messageProperties2String and
#string2messageProperties.
"""

from collections.abc import Mapping

from refimpl.model.java import in_hash_map_order
from refimpl.model.release import Release

NAME_VALUE_SEPARATOR = "\x01"
PROPERTY_SEPARATOR = "\x02"
KEY_SEPARATOR = " "

PROPERTY_KEYS = "KEYS"
PROPERTY_TAGS = "TAGS"
PROPERTY_WAIT_STORE_MSG_OK = "WAIT"
PROPERTY_DELAY_TIME_LEVEL = "DELAY"
PROPERTY_RETRY_TOPIC = "RETRY_TOPIC"
PROPERTY_REAL_TOPIC = "REAL_TOPIC"
PROPERTY_REAL_QUEUE_ID = "REAL_QID"
PROPERTY_TRANSACTION_PREPARED = "TRAN_MSG"
PROPERTY_PRODUCER_GROUP = "PGROUP"
PROPERTY_MIN_OFFSET = "MIN_OFFSET"
PROPERTY_MAX_OFFSET = "MAX_OFFSET"
PROPERTY_BUYER_ID = "BUYER_ID"
PROPERTY_ORIGIN_MESSAGE_ID = "ORIGIN_MESSAGE_ID"
PROPERTY_TRANSFER_FLAG = "TRANSFER_FLAG"
PROPERTY_CORRECTION_FLAG = "CORRECTION_FLAG"
PROPERTY_MQ2_FLAG = "MQ2_FLAG"
PROPERTY_RECONSUME_TIME = "RECONSUME_TIME"
PROPERTY_MSG_REGION = "MSG_REGION"
PROPERTY_TRACE_SWITCH = "TRACE_ON"
PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX = "UNIQ_KEY"
PROPERTY_MAX_RECONSUME_TIMES = "MAX_RECONSUME_TIMES"
PROPERTY_CONSUME_START_TIMESTAMP = "CONSUME_START_TIME"
PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET = "TRAN_PREPARED_QUEUE_OFFSET"
PROPERTY_TRANSACTION_CHECK_TIMES = "TRANSACTION_CHECK_TIMES"
PROPERTY_CHECK_IMMUNITY_TIME_IN_SECONDS = "CHECK_IMMUNITY_TIME_IN_SECONDS"
PROPERTY_INSTANCE_ID = "INSTANCE_ID"
PROPERTY_CORRELATION_ID = "CORRELATION_ID"
PROPERTY_MESSAGE_REPLY_TO_CLIENT = "REPLY_TO_CLIENT"
PROPERTY_MESSAGE_TTL = "TTL"
PROPERTY_REPLY_MESSAGE_ARRIVE_TIME = "ARRIVE_TIME"
PROPERTY_PUSH_REPLY_TIME = "PUSH_REPLY_TIME"
PROPERTY_CLUSTER = "CLUSTER"
PROPERTY_MESSAGE_TYPE = "MSG_TYPE"
PROPERTY_INNER_MULTI_DISPATCH = "INNER_MULTI_DISPATCH"
PROPERTY_INNER_MULTI_QUEUE_OFFSET = "INNER_MULTI_QUEUE_OFFSET"
PROPERTY_INNER_NUM = "INNER_NUM"
PROPERTY_INNER_BASE = "INNER_BASE"
PROPERTY_SHARDING_KEY = "__SHARDINGKEY"
PROPERTY_CRC32 = "__CRC32#"
PROPERTY_DLQ_ORIGIN_TOPIC = "DLQ_ORIGIN_TOPIC"
PROPERTY_DLQ_ORIGIN_MESSAGE_ID = "DLQ_ORIGIN_MESSAGE_ID"
PROPERTY_TRACE_CONTEXT = "TRACE_CONTEXT"
PROPERTY_TIMER_DELAY_SEC = "TIMER_DELAY_SEC"
PROPERTY_TIMER_DELIVER_MS = "TIMER_DELIVER_MS"
PROPERTY_TIMER_DELAY_MS = "TIMER_DELAY_MS"
PROPERTY_BORN_HOST = "__BORNHOST"
PROPERTY_BORN_TIMESTAMP = "BORN_TIMESTAMP"
DUP_INFO = "DUP_INFO"


def properties_to_string(properties: Mapping[str, str | None] | None, release: Release) -> str:
    """The text of `properties`, in their order (STORE-MESSAGE-8).

    To print as a Java broker does what it has parsed and changed, put `in_java_order` before it.
    """
    if not properties:
        return ""
    if release.prints_null_property:  # 4.6
        items = [f"{name}\x01{'null' if it is None else it}" for name, it in properties.items()]
    else:
        items = [f"{name}\x01{it}" for name, it in properties.items() if it is not None]
    text = "\x02".join(items)
    return text + "\x02" if items and release.ends_properties_with_separator else text


def string_to_properties(text: str | None, release: Release) -> dict[str, str]:
    """What `text` says; items that do not fit are left out (STORE-MESSAGE-9, STORE-MESSAGE-10).

    The order is that of the text; a name that occurs again keeps its place and takes the new value.
    """
    found: dict[str, str] = {}
    if not text:
        return found
    if release.splits_property_at_every_separator:  # 4.6
        for item in text.split("\x02"):
            parts = item.rstrip("\x01").split("\x01")
            if len(parts) == 2:  # noqa: PLR2004 - a name and a value
                found[parts[0]] = parts[1]
        return found
    for item in text.split("\x02"):
        name, _, value = item.partition("\x01")
        if name and value:
            found[name] = value
    return found


def in_java_order(properties: Mapping[str, str], release: Release) -> dict[str, str]:
    """`properties` in the order of the HashMap that `string_to_properties` makes in Java.

    A broker that prints what it parsed stores this order (STORE-MESSAGE-11).
    """
    return in_hash_map_order(properties, release.property_map_capacity)
