"""Bodies of requests: what clients send, with members left out, of other types, or torn."""

import json
import struct
import zlib
from collections.abc import Callable

from conformance.records import BatchMessage, encode_batch
from fuzz.differential import values
from fuzz.differential.step import TOKEN
from fuzz.differential.values import chance, group, pick, topic
from refimpl.model.ids import JsonValue
from refimpl.model.prng import Prng

_TAGS: tuple[list[JsonValue], ...] = ([], ["A"], ["A", "B"])
_CODES: tuple[list[JsonValue], ...] = ([], [65], [65, 66])
_FILTER_SERVERS: tuple[JsonValue, ...] = ([], [], [], ["127.0.0.1:1"], None)
_ATTRIBUTES: tuple[JsonValue, ...] = (
    {"+a": "b"},
    {"a": "b"},
    {},
    None,
    {"-a": ""},
    {"+priority.factor": "1"},
)
_RETRY_POLICIES: tuple[JsonValue, ...] = (
    None,
    {},
    {"type": "EXPONENTIAL"},
    {"type": "CUSTOMIZED"},
    {"type": "X"},
)
_VERSIONS: tuple[JsonValue, ...] = (
    {"timestamp": 1700000000000, "counter": 1},
    {"timestamp": 1700000000000, "counter": 1, "stateVersion": 0},
    {"timestamp": 1700000000001, "counter": 2, "stateVersion": 1},
    {"counter": 1},
    {},
    None,
)
CLIENTS = (f"127.0.0.1@{TOKEN}", f"10.0.0.2@{TOKEN}", f"c{TOKEN}")
_ODD_JSON = (
    b"", b"null", b"{}", b"[]", b"0", b'""', b'"x"', b"true", b"{", b"}", b"nonsense", b"{null}",
    b" {} ",
    b"[{}]", b"{'a':1}", b"{a:1}", b'{"a":1,}', b"\xff\xfe", b"\x00\x00", b'{"a":NaN}', b"{}{}",
    b"\xef\xbb\xbf{}",
    b"/*c*/{}", b"-", b"[", b'{"groupName":',
)  # fmt: skip
_PLAIN_TYPES = ("CONSUME_PASSIVELY", "CONSUME_ACTIVELY", 0, 1, "consume_passively", "X", None, 7)
_MODELS = ("CLUSTERING", "BROADCASTING", 0, 1, "X", None)
_WHERE = (
    "CONSUME_FROM_FIRST_OFFSET",
    "CONSUME_FROM_LAST_OFFSET",
    "CONSUME_FROM_TIMESTAMP",
    0,
    "X",
    None,
)


def encode(value: JsonValue) -> bytes:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _mutated(dice: Prng, value: JsonValue) -> JsonValue:
    """One member, somewhere, replaced, taken out or added."""
    if isinstance(value, dict) and value:
        members = dict(value)
        name = pick(dice, tuple(members))
        roll = dice.below(10)
        if roll < 4 and isinstance(members[name], dict | list) and members[name]:
            members[name] = _mutated(dice, members[name])
        elif roll < 6:
            del members[name]
        elif roll < 7:
            members["unknown"] = pick(dice, values.JSON_VALUES)
        elif roll < 8:
            members[name] = pick(dice, values.NUMBERS + values.TEXTS + values.BOOLEANS)
        else:
            members[name] = pick(dice, values.JSON_VALUES)
        return members
    if isinstance(value, list) and value:
        items = list(value)
        at = dice.below(len(items))
        items[at] = (
            _mutated(dice, items[at]) if chance(dice, 60) else pick(dice, values.JSON_VALUES)
        )
        return items
    return pick(dice, values.JSON_VALUES)


def _json(dice: Prng, value: JsonValue) -> bytes:
    roll = dice.below(100)
    if roll < 65:
        return encode(value)
    if roll < 85:
        return encode(_mutated(dice, value))
    if roll < 88:
        return encode(_mutated(dice, _mutated(dice, value)))
    if roll < 92:
        text = encode(value)
        return text[: dice.below(len(text) + 1)]
    if roll < 94:
        return json.dumps(value, indent=1).encode()
    if roll < 95:
        return encode(value) + pick(dice, (b" ", b"\n", b"x", b"}", b"\x00"))
    return pick(dice, _ODD_JSON)


def _subscription(dice: Prng, name: str | None = None) -> dict[str, JsonValue]:
    members: dict[str, JsonValue] = {
        "topic": name or topic(dice),
        "subString": pick(dice, values.EXPRESSIONS),
        "classFilterMode": chance(dice, 5),
        "tagsSet": pick(dice, _TAGS),
        "codeSet": pick(dice, _CODES),
        "subVersion": pick(dice, (0, 1, 2, 1700000000000, "3")),
        "expressionType": pick(dice, ("TAG", "TAG", "TAG", "SQL92", "SQL92", "X", None, "tag")),
    }
    if chance(dice, 20):
        for member in ("classFilterMode", "tagsSet", "codeSet", "expressionType"):
            del members[member]
    return members


def _consumer(dice: Prng) -> dict[str, JsonValue]:
    subscriptions: list[JsonValue] = [_subscription(dice) for _ in range(dice.below(3))]
    return {
        "groupName": group(dice),
        "consumeType": pick(dice, (*["CONSUME_PASSIVELY"] * 8, *_PLAIN_TYPES)),
        "messageModel": pick(dice, (*["CLUSTERING"] * 8, *_MODELS)),
        "consumeFromWhere": pick(dice, (*["CONSUME_FROM_LAST_OFFSET"] * 8, *_WHERE)),
        "unitMode": chance(dice, 15),
        "subscriptionDataSet": subscriptions,
    }


def heartbeat(dice: Prng) -> bytes:
    """HeartbeatData."""
    producers: list[JsonValue] = [{"groupName": group(dice)} for _ in range(dice.below(3))]
    consumers: list[JsonValue] = [_consumer(dice) for _ in range(dice.below(3))]
    members: dict[str, JsonValue] = {
        "clientID": pick(dice, CLIENTS),
        "producerDataSet": producers,
        "consumerDataSet": consumers,
    }
    if chance(dice, 10):
        members["heartbeatFingerprint"] = pick(dice, (0, 5, -1))
        members["withoutSub"] = chance(dice, 50)
    return _json(dice, members)


def plain_heartbeat(client: str, group_name: str, topics: tuple[str, ...]) -> bytes:
    """A consumer in order, and a producer."""
    subscriptions: list[JsonValue] = [
        {
            "topic": name,
            "subString": "*",
            "classFilterMode": False,
            "tagsSet": [],
            "codeSet": [],
            "subVersion": 1,
            "expressionType": "TAG",
        }
        for name in topics
    ]
    return encode(
        {
            "clientID": client,
            "producerDataSet": [{"groupName": "P" + group_name}],
            "consumerDataSet": [
                {
                    "groupName": group_name,
                    "consumeType": "CONSUME_PASSIVELY",
                    "messageModel": "CLUSTERING",
                    "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
                    "unitMode": False,
                    "subscriptionDataSet": subscriptions,
                }
            ],
        }
    )


def check_client(dice: Prng) -> bytes:
    """CheckClientRequestBody."""
    members: dict[str, JsonValue] = {
        "clientId": pick(dice, CLIENTS),
        "group": group(dice),
        "subscriptionData": _subscription(dice),
    }
    return _json(dice, members)


def lock(dice: Prng) -> bytes:
    """LockBatchRequestBody and UnlockBatchRequestBody."""
    queues: list[JsonValue] = [
        {
            "topic": topic(dice),
            "brokerName": pick(dice, ("broker-a", "broker-a", "broker-b", None)),
            "queueId": pick(dice, (0, 1, 2, 3, 9, -1)),
        }
        for _ in range(dice.below(4))
    ]
    members: dict[str, JsonValue] = {
        "consumerGroup": group(dice),
        "clientId": pick(dice, CLIENTS),
        "mqSet": queues,
    }
    if chance(dice, 20):
        members["onlyThisBroker"] = chance(dice, 50)
    return _json(dice, members)


def subscription_group(dice: Prng) -> dict[str, JsonValue]:
    """SubscriptionGroupConfig."""
    members: dict[str, JsonValue] = {
        "groupName": group(dice) if chance(dice, 70) else f"G{TOKEN}n",
        "consumeEnable": chance(dice, 85),
        "consumeFromMinEnable": chance(dice, 80),
        "consumeBroadcastEnable": chance(dice, 80),
        "retryQueueNums": pick(dice, (0, 1, 1, 2, -1)),
        "retryMaxTimes": pick(dice, (-1, 0, 1, 16)),
        "brokerId": pick(dice, (0, 0, 1)),
        "whichBrokerWhenConsumeSlowly": pick(dice, (0, 1, 1)),
        "notifyConsumerIdsChangedEnable": chance(dice, 80),
    }
    if chance(dice, 20):
        members["consumeMessageOrderly"] = chance(dice, 50)
        members["groupSysFlag"] = pick(dice, (0, 1, 2))
        members["consumeTimeoutMinute"] = 15
    if chance(dice, 15):
        members["attributes"] = pick(dice, _ATTRIBUTES)
    if chance(dice, 10):
        members["groupRetryPolicy"] = pick(dice, _RETRY_POLICIES)
    return members


def one_group(dice: Prng) -> bytes:
    """Body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP."""
    return _json(dice, subscription_group(dice))


def group_list(dice: Prng) -> bytes:
    """Body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST."""
    groups: list[JsonValue] = [subscription_group(dice) for _ in range(dice.below(3))]
    return _json(dice, {"groupConfigList": groups})


def topic_config(dice: Prng, name: str) -> dict[str, JsonValue]:
    """TopicConfig."""
    return {
        "topicName": name,
        "readQueueNums": pick(dice, (0, 1, 4, 8, 16, -1)),
        "writeQueueNums": pick(dice, (0, 1, 4, 8, 16)),
        "perm": pick(dice, (0, 2, 4, 6, 6, 6, 7, 8)),
        "topicFilterType": pick(dice, ("SINGLE_TAG", "SINGLE_TAG", "MULTI_TAG", None)),
        "topicSysFlag": pick(dice, (0, 0, 1, 2, 3)),
        "order": chance(dice, 20),
    }


def topic_list(dice: Prng) -> bytes:
    """CreateTopicListRequestBody."""
    topics: list[JsonValue] = [
        topic_config(dice, topic(dice) if chance(dice, 60) else f"T{TOKEN}l")
        for _ in range(dice.below(3))
    ]
    return _json(dice, {"topicConfigList": topics})


def config(dice: Prng) -> bytes:
    """Properties for UPDATE_BROKER_CONFIG: only such as harm no later sequence."""
    return pick(
        dice,
        (
            b"flushDelayOffsetInterval=20000", b"", b"unknownName=1", b"a", b"=", b"# comment\n",
            b"\xff",
            b"flushDelayOffsetInterval=10000\nunknownName=2\n", b"flushDelayOffsetInterval=x",
            b"a=b=c",
            b"flushDelayOffsetInterval = 10000", b"flushDelayOffsetInterval:20000", b"\\u00zz=1",
            b"a\\",
            b"traceOn=false\ntraceOn=true", b"messageDelayLevel=1s 2x", b"brokerId=x", b"null",
        ),
    )  # fmt: skip


def namesrv_config(dice: Prng) -> bytes:
    """Properties for UPDATE_NAMESRV_CONFIG: only such as harm no later sequence."""
    return pick(
        dice,
        (
            b"productEnvName=a", b"", b"unknownName=1", b"a", b"=", b"\xff",
            b"productEnvName=center", b"\\u00zz=1",
            b"orderMessageEnable=false", b"clusterTest=x", b"configStorePathName=x", b"a=b=c",
            b"null",
        ),
    )  # fmt: skip


def _data_version(dice: Prng) -> JsonValue:
    return pick(dice, _VERSIONS)


def register(dice: Prng) -> bytes:
    """RegisterBrokerBody."""
    table: dict[str, JsonValue] = {}
    for _ in range(dice.below(3)):
        name = pick(dice, (*values.TOPICS, f"T{TOKEN}n", "%RETRY%" + values.GROUPS[0]))
        table[name] = topic_config(dice, name)
    members: dict[str, JsonValue] = {
        "topicConfigSerializeWrapper": {
            "topicConfigTable": table,
            "dataVersion": _data_version(dice),
        },
        "filterServerList": pick(dice, _FILTER_SERVERS),
    }
    body = _json(dice, members)
    return zlib.compress(body) if chance(dice, 5) else body


def route(dice: Prng) -> bytes:
    """TopicRouteData."""
    queues: list[JsonValue] = [
        {
            "brokerName": pick(dice, (f"b{TOKEN}", "broker-a", "nobody")),
            "readQueueNums": 4,
            "writeQueueNums": pick(dice, (2, 4)),
            "perm": pick(dice, (2, 4, 6)),
            "topicSysFlag": 0,
        }
        for _ in range(dice.below(3))
    ]
    return _json(dice, {"queueDatas": queues, "brokerDatas": [], "filterServerTable": {}})


def data_version(dice: Prng) -> bytes:
    """DataVersion."""
    return _json(dice, _data_version(dice))


def message(dice: Prng) -> bytes:
    """The body of one message."""
    return pick(dice, (*[b"body"] * 16, *values.BODIES))


def batch(dice: Prng) -> bytes:
    """The body of a batch, whole or damaged."""
    messages = [
        BatchMessage(
            pick(dice, (b"one", b"two", b"", b"x" * 300)),
            pick(
                dice, ({}, {"TAGS": "A"}, {"UNIQ_KEY": f"AC10{at:04d}"}, {"KEYS": "k1", "a": "1"})
            ),
            pick(dice, (0, 1, -1)),
        )
        for at in range(1 + dice.below(4))
    ]
    whole = encode_batch(messages)
    roll = dice.below(100)
    if roll < 75:
        return whole
    if roll < 82:
        return whole[: dice.below(len(whole))]
    if roll < 88:
        at = 4 * dice.below(len(whole) // 4)
        word = struct.pack(">i", pick(dice, (0, -1, 1, 5, 100, 2147483647, -2147483648)))
        return whole[:at] + word + whole[at + 4 :]
    if roll < 92:
        return whole + pick(dice, (b"\x00", b"\x00" * 4, b"junk", b"\x00\x00\x00\x64"))
    return pick(dice, (b"", b"\x00" * 8, b"junk", b"\xff" * 40, encode_batch(messages) * 60))


BODIES: dict[str, Callable[[Prng], bytes]] = {
    "heartbeat": heartbeat,
    "check_client": check_client,
    "lock": lock,
    "group": one_group,
    "group_list": group_list,
    "topic_list": topic_list,
    "config": config,
    "namesrv_config": namesrv_config,
    "register": register,
    "route": route,
    "data_version": data_version,
    "message": message,
    "batch": batch,
}
