"""The state that a refusal must leave alone, read over the wire.

Tables of a broker that many cases share also hold what other cases made, but cases run one after
another, so what differs between two looks came from between them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.connection import Connection
from conformance.matching import expect
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

MAX_QUEUES = 16
# The transaction check makes them when it first looks, about a second after the start, and when it
# first gives a half message up: between two looks of a case they may come by themselves.
MADE_IN_THE_BACKGROUND = frozenset({"RMQ_SYS_TRANS_HALF_TOPIC", "TRANS_CHECK_MAX_TIME_TOPIC"})
BROADCAST_SUFFIX = "@broadcast"  # 5.5 commits for such groups by a scan, whoever pulled before
OWN_GROUP = "CID_RMQ_SYS_TRANS"  # the broker's own: it moves in the background, without a request


@dataclass(frozen=True, slots=True)
class Tables:
    """One look: table -> key -> value."""

    tables: Mapping[str, Mapping[str, JsonValue]]


def take_tables(broker: Connection, topics: Sequence[str]) -> Tables:
    """Topic configurations, group configurations, consumer offsets; of `topics` the offsets."""
    configs = _table(broker, RequestCode.GET_ALL_TOPIC_CONFIG, "topicConfigTable")
    tables = {
        "topic config": {k: v for k, v in configs.items() if k not in MADE_IN_THE_BACKGROUND},
        "subscription group": _table(
            broker, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, "subscriptionGroupTable"
        ),
        "consumer offset": {
            key: value
            for key, value in _table(
                broker, RequestCode.GET_ALL_CONSUMER_OFFSET, "offsetTable"
            ).items()
            if not key.endswith((f"@{OWN_GROUP}", BROADCAST_SUFFIX))
        },
        "queue offset": _queue_offsets(broker, topics, configs),
    }
    return Tables(tables)


def _queue_offsets(
    broker: Connection, topics: Sequence[str], configs: Mapping[str, JsonValue]
) -> Mapping[str, JsonValue]:
    offsets: dict[str, JsonValue] = {}
    for topic in topics:
        config = configs.get(topic)
        queues = 1
        if isinstance(config, dict):
            counts = [config.get("readQueueNums"), config.get("writeQueueNums")]
            queues = max(count for count in [*counts, 1] if isinstance(count, int))
        for queue_id in range(min(queues, MAX_QUEUES)):
            for code in (RequestCode.GET_MIN_OFFSET, RequestCode.GET_MAX_OFFSET):
                answer = broker.request(code, ext={"topic": topic, "queueId": queue_id})
                offsets[f"{topic}/{queue_id} {code.name}"] = answer.ext.get("offset")
    return offsets


def _table(broker: Connection, code: RequestCode, member: str) -> Mapping[str, JsonValue]:
    response = broker.request(code)
    expect(response, code=ResponseCode.SUCCESS)
    body = response.json()
    table = body.get(member) if isinstance(body, dict) else None
    return table if isinstance(table, dict) else {}


def difference(before: Tables, after: Tables) -> list[str]:
    """One sentence per key that came, went or changed."""
    changes: list[str] = []
    for name, old in before.tables.items():
        new = after.tables[name]
        changes += [
            f"{name} {key}: {old.get(key)!r} -> {new.get(key)!r}"
            for key in dict.fromkeys([*old, *new])
            if old.get(key) != new.get(key)
        ]
    return changes
