"""What the clients sent and the recording dropped: made again from what the driver does.

The driver's steps are known (it is one program for all releases), so each dropped repeat can be
said again: the same topics, the same messages into the same queues, the same heartbeats. Requests
are made from a kept request of the same kind, with other values.
"""

from collections.abc import Mapping
from json import dumps, loads
from typing import NamedTuple

from refimpl.model.java import string_hash
from refimpl.remoting.command import RemotingCommand


class Consumer(NamedTuple):
    """One consuming client of the driver; without `topic` it subscribes to nothing."""

    instance: str
    group: str
    topic: str
    expression: str = "*"
    kind: str = "TAG"
    model: str = "CLUSTERING"
    first: str = "CONSUME_FROM_FIRST_OFFSET"
    active: bool = False

    @property
    def client_id(self) -> str:
        return f"127.0.0.1@{self.instance}"

    @property
    def topics(self) -> tuple[str, ...]:
        """What it subscribes to, with the retry topic of its group."""
        if not self.topic or self.model == "BROADCASTING":
            return (self.topic,) if self.topic else ()
        return (self.topic, f"%RETRY%{self.group}")


CONSUMERS = {
    one.instance: one
    for one in (
        Consumer("C1", "CG_CONC", "T_NORMAL"),
        Consumer("C2", "CG_ORDER", "T_ORDER"),
        Consumer("CB1", "CG_BCAST", "T_BCAST", model="BROADCASTING"),
        Consumer("CB2", "CG_BCAST", "T_BCAST", model="BROADCASTING"),
        Consumer("C3", "CG_TAG", "T_TAG", "TagA || TagB"),
        Consumer("C4", "CG_SQL", "T_SQL", "a > 5 AND color = 'red'", "SQL92"),
        Consumer("C5", "CG_TX", "T_TX"),
        Consumer("C6", "CG_DELAY", "T_DELAY", first="CONSUME_FROM_TIMESTAMP"),
        Consumer("C2B", "CG_ORDER", "T_ORDER"),
        Consumer("CR", "CG_REQ", "T_REQ"),
        Consumer("CP", "CG_PULL", "", active=True),
        Consumer("CL", "CG_LITE", "T_PULL", active=True),
        Consumer("CA", "CG_ASSIGN", "", active=True),
        Consumer("CPOP", "CG_POP", "T_PULL"),
    )
}


class Producer(NamedTuple):
    """One producing client of the driver."""

    instance: str
    group: str


PRODUCERS = (Producer("P1", "PG_DRIVE"), Producer("PTX", "PG_TX"), Producer("PR", "PG_REPLY"))


def heartbeat(consumer: Consumer, versions: Mapping[str, int]) -> bytes:
    """The body of a HEART_BEAT; `versions` has the subVersion of each topic."""
    subscriptions = []
    for topic in consumer.topics:
        expression = consumer.expression if topic == consumer.topic else "*"
        kind = consumer.kind if topic == consumer.topic else "TAG"
        plain = kind == "TAG" and expression != "*"
        tags = [tag.strip() for tag in expression.split("||")] if plain else []
        subscriptions.append(
            {
                "classFilterMode": False,
                "codeSet": [string_hash(tag) for tag in tags],
                "expressionType": kind,
                "subString": expression,
                "subVersion": versions[topic],
                "tagsSet": tags,
                "topic": topic,
            }
        )
    data = {
        "consumeFromWhere": consumer.first,
        "consumeType": "CONSUME_ACTIVELY" if consumer.active else "CONSUME_PASSIVELY",
        "groupName": consumer.group,
        "messageModel": consumer.model,
        "subscriptionDataSet": subscriptions,
        "unitMode": False,
    }
    return dumps(
        {
            "clientID": consumer.client_id,
            "consumerDataSet": [data],
            "producerDataSet": [{"groupName": "CLIENT_INNER_PRODUCER"}],
        }
    ).encode()


def producer_heartbeat(producer: Producer) -> bytes:
    """The body of a HEART_BEAT of a producing client."""
    groups = [{"groupName": producer.group}, {"groupName": "CLIENT_INNER_PRODUCER"}]
    client_id = f"127.0.0.1@{producer.instance}"
    return dumps({"clientID": client_id, "consumerDataSet": [], "producerDataSet": groups}).encode()


def versions_of(body: bytes) -> dict[str, int]:
    """The subVersion of each topic in a recorded HEART_BEAT."""
    return {
        subscription["topic"]: subscription["subVersion"]
        for consumer in loads(body)["consumerDataSet"]
        for subscription in consumer["subscriptionDataSet"]
    }


TOPICS = ("T_NORMAL", "T_ORDER", "T_BCAST", "T_TAG", "T_SQL", "T_TX", "T_DELAY", "T_REQ", "T_PULL")
GROUPS = ("CG_CONC", "CG_ORDER", "CG_PULL")


def topic_fields(topic: str) -> dict[str, str]:
    """extFields of UPDATE_AND_CREATE_TOPIC as the driver's administrator sends them."""
    queues = "4" if topic == "T_ORDER" else "2"
    return {
        "topic": topic,
        "defaultTopic": "TBW102",
        "readQueueNums": queues,
        "writeQueueNums": queues,
        "perm": "6",
        "topicFilterType": "SINGLE_TAG",
        "topicSysFlag": "0",
        "order": "false",
    }


READ_ONLY_TOPIC = {**topic_fields("T_RO"), "readQueueNums": "1", "writeQueueNums": "1", "perm": "4"}


ASSIGNED_PULL = {  # a consumer of assigned queues has no route at its start, so no heartbeat
    "consumerGroup": "CG_ASSIGN",
    "topic": "T_PULL",
    "queueId": "0",
    "queueOffset": "1",
    "maxMsgNums": "10",
    "sysFlag": "4",
    "commitOffset": "0",
    "suspendTimeoutMillis": "0",
    "subscription": "*",
    "subVersion": "0",
    "expressionType": "TAG",
}


COMMITTED = (("CG_CONC", "T_NORMAL"), ("CG_CONC", "%RETRY%CG_CONC"), ("CG_ORDER", "T_ORDER"))


class Sending(NamedTuple):
    """One message of the driver: `like` is the body of a kept send to make it from."""

    body: bytes
    like: bytes
    queue: int
    changes: Mapping[str, str]


def sendings(kept: Mapping[bytes, int]) -> dict[str, list[Sending]]:
    """For each step the messages that it sends; `kept` has the queues of kept sends by body.

    A message without a chosen queue goes to the next queue after that of the message before.
    """
    orders = {
        f"send.order {k}": [
            Sending(b"order %d" % k, b"order 0", k % 4, {"KEYS": f"o{k}"}),
        ]
        for k in range(1, 8)
    }
    mixed = {}
    for k in range(1, 4):
        tag = "TagA" if k % 2 == 0 else "TagC"
        colour = "red" if k > 1 else "blue"
        mixed[f"send.bcast-tag-sql-pull {k}"] = [
            _next(b"bcast", k, kept, {}),
            _next(b"tag", k, kept, {"TAGS": tag, "KEYS": f"t{k}"}),
            _next(b"sql", k, kept, {"KEYS": f"s{k}", "a": str(k * 3), "color": colour}),
            _next(b"pull", k, kept, {"KEYS": f"p{k}"}),
        ]
    return orders | mixed


REBALANCED = b"after rebalance"
AFTER_REBALANCE = [Sending(REBALANCED, REBALANCED, queue, {}) for queue in range(1, 4)]


def _next(name: bytes, k: int, kept: Mapping[bytes, int], changes: Mapping[str, str]) -> Sending:
    first = name + b" 0"
    return Sending(name + b" %d" % k, first, (kept[first] + k) % 2, changes)


COMMIT, ROLLBACK, UNKNOWN = "8", "12", "0"
ENDS = {b"tx commit": COMMIT, b"tx rollback": ROLLBACK, b"tx unknown": UNKNOWN}


def unique_key(command: RemotingCommand) -> str:
    """UNIQ_KEY of a send."""
    return _properties(command)["UNIQ_KEY"]


def _properties(command: RemotingCommand) -> dict[str, str]:
    assert command.ext_fields is not None
    return dict(pair.split("\x01") for pair in command.ext_fields["i"].split("\x02") if pair)


class Birth(NamedTuple):
    """When a message was made, and the unique key that its client gave it."""

    timestamp: int
    unique_key: str


def made_from(command: RemotingCommand, sending: Sending, birth: Birth) -> dict[str, str]:
    """extFields of a send like `command`."""
    assert command.ext_fields is not None
    properties = _properties(command) | dict(sending.changes) | {"UNIQ_KEY": birth.unique_key}
    text = "\x02".join(f"{key}\x01{value}" for key, value in properties.items())
    changed = {"e": str(sending.queue), "g": str(birth.timestamp), "i": text}
    return {**command.ext_fields, **changed}
