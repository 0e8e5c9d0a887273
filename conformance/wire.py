"""What a case holds: a `Session` with the verbs of RocketMQ.

Verbs without `try_` raise `Failure` unless the target answers success; where the refusal is what
the case is about, use `try_...` or `w.broker.request(...)` and look at the `Response`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from conformance.connection import Connection, ExtValue
from conformance.matching import dig
from conformance.records import (
    BatchMessage,
    Record,
    decode_records,
    encode_batch,
    properties_text,
)
from conformance.response import Response
from conformance.session import Session, compact_json
from conformance.snapshot import Tables, difference, take_tables
from conformance.verdict import Failure
from refimpl.model.ids import JsonValue
from refimpl.remoting.command import SerializeType
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

AUTO_CREATE_TOPIC = "TBW102"
PULL_COMMIT_OFFSET, PULL_SUSPEND, PULL_SUBSCRIPTION, PULL_CLASS_FILTER = 1, 2, 4, 8
PERM_READ, PERM_WRITE, PERM_INHERIT = 4, 2, 1


@dataclass(frozen=True, slots=True)
class SendResult:
    """A successful send: where the message lies."""

    response: Response
    message_id: str
    queue_id: int
    queue_offset: int


@dataclass(frozen=True, slots=True)
class PullResult:
    """Any answer to a pull that carries offsets: found, not found, moved, retry."""

    response: Response
    code: int
    next_begin_offset: int
    min_offset: int
    max_offset: int
    records: Sequence[Record]

    @property
    def bodies(self) -> list[bytes]:
        """The bodies in order."""
        return [record.body for record in self.records]


class Wire(Session):
    """One case's view of one target."""

    # --- topics and groups

    def create_topic(
        self,
        *,
        queues: int = 4,
        read_queues: int | None = None,
        perm: int = PERM_READ | PERM_WRITE,
        name: str | None = None,
        order: bool = False,
        sys_flag: int = 0,
    ) -> str:
        """Create a topic on the broker; its name is unique unless given."""
        topic = name or self.unique("T")
        # 4.6 answers before it updates its table, but takes one such request after the other:
        # when the second is answered, the first has been done.
        for _ in range(2 if self.release == "4.6" else 1):
            response = self.try_create_topic(
                topic,
                readQueueNums=queues if read_queues is None else read_queues,
                writeQueueNums=queues,
                perm=perm,
                order=order,
                topicSysFlag=sys_flag,
            )
            self.expect(response, code=ResponseCode.SUCCESS)
        return topic

    def try_create_topic(self, topic: str, **ext: ExtValue) -> Response:
        """UPDATE_AND_CREATE_TOPIC with these fields over usual ones (None leaves one out)."""
        return self.broker.request(
            RequestCode.UPDATE_AND_CREATE_TOPIC, ext=self.create_topic_ext(topic, **ext)
        )

    def create_topic_ext(self, topic: str, **ext: ExtValue) -> dict[str, ExtValue]:
        """Fields of CreateTopicRequestHeader as `mqadmin` fills them."""
        fields: dict[str, ExtValue] = {
            "topic": topic,
            "defaultTopic": AUTO_CREATE_TOPIC,
            "readQueueNums": 4,
            "writeQueueNums": 4,
            "perm": 6,
            "topicFilterType": "SINGLE_TAG",
            "topicSysFlag": 0,
            "order": False,
        }
        fields.update(ext)
        return fields

    def topic_config(self, topic: str) -> Mapping[str, JsonValue] | None:
        """The topic's entry in the broker's table; None where there is none."""
        response = self.broker.request(RequestCode.GET_ALL_TOPIC_CONFIG)
        self.expect(response, code=ResponseCode.SUCCESS)
        table = dig(response.json(), "topicConfigTable")
        config = table.get(topic) if isinstance(table, dict) else None
        return config if isinstance(config, dict) else None

    def create_group(self, name: str | None = None, **members: JsonValue) -> str:
        """Create a subscription group; `members` over the usual ones, in Java's names."""
        group = name or self.group()
        config: dict[str, JsonValue] = {
            "groupName": group,
            "consumeEnable": True,
            "consumeFromMinEnable": True,
            "consumeBroadcastEnable": True,
            "retryQueueNums": 1,
            "retryMaxTimes": 16,
            "brokerId": 0,
            "whichBrokerWhenConsumeSlowly": 1,
            "notifyConsumerIdsChangedEnable": True,
        }
        config.update(members)
        response = self.broker.request(
            RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=compact_json(config)
        )
        self.expect(response, code=ResponseCode.SUCCESS)
        return group

    # --- sending

    def send(
        self,
        topic: str,
        body: bytes = b"body",
        *,
        queue_id: int = 0,
        properties: Mapping[str, str] | None = None,
        on: Connection | None = None,
        serialize: SerializeType = SerializeType.JSON,
        **ext: ExtValue,
    ) -> SendResult:
        """Send one message; `ext` overrides fields of SendMessageRequestHeader by Java's names."""
        response = self.try_send(
            topic,
            body,
            queue_id=queue_id,
            properties=properties,
            on=on,
            serialize=serialize,
            **ext,
        )
        self.expect(response, code=ResponseCode.SUCCESS)
        return send_result(response)

    def try_send(
        self,
        topic: str,
        body: bytes = b"body",
        *,
        queue_id: int = 0,
        properties: Mapping[str, str] | None = None,
        on: Connection | None = None,
        serialize: SerializeType = SerializeType.JSON,
        **ext: ExtValue,
    ) -> Response:
        """SEND_MESSAGE, whatever the answer."""
        fields = self.send_ext(topic, queue_id=queue_id, properties=properties, **ext)
        return (on or self.broker).request(
            RequestCode.SEND_MESSAGE, ext=fields, body=body, serialize=serialize
        )

    def send_batch(
        self, topic: str, messages: Sequence[BatchMessage], *, queue_id: int = 0
    ) -> SendResult:
        """SEND_BATCH_MESSAGE with these messages; the result is the first one's offset."""
        response = self.broker.request(
            RequestCode.SEND_BATCH_MESSAGE,
            ext=send_v2_ext(self.send_ext(topic, queue_id=queue_id, batch=True)),
            body=encode_batch(messages),
        )
        self.expect(response, code=ResponseCode.SUCCESS)
        return send_result(response)

    def send_ext(
        self,
        topic: str,
        *,
        queue_id: int = 0,
        properties: Mapping[str, str] | None = None,
        **ext: ExtValue,
    ) -> dict[str, ExtValue]:
        """Fields of SendMessageRequestHeader as the Java client fills them."""
        fields: dict[str, ExtValue] = {
            "producerGroup": "PID_conformance",
            "topic": topic,
            "defaultTopic": AUTO_CREATE_TOPIC,
            "defaultTopicQueueNums": 4,
            "queueId": queue_id,
            "sysFlag": 0,
            "bornTimestamp": self.now(),
            "flag": 0,
            "properties": properties_text(properties or {}),
            "reconsumeTimes": 0,
            "unitMode": False,
            "batch": False,
        }
        fields.update(ext)
        return fields

    # --- pulling

    def pull(
        self,
        topic: str,
        queue_id: int = 0,
        offset: int = 0,
        *,
        group: str | None = None,
        on: Connection | None = None,
        **ext: ExtValue,
    ) -> PullResult:
        """Pull without waiting (no suspend flag); any answer that carries offsets."""
        response = self.try_pull(topic, queue_id, offset, group=group, on=on, **ext)
        return pull_result(response)

    def try_pull(
        self,
        topic: str,
        queue_id: int = 0,
        offset: int = 0,
        *,
        group: str | None = None,
        on: Connection | None = None,
        **ext: ExtValue,
    ) -> Response:
        """PULL_MESSAGE, whatever the answer; `ext` overrides fields by Java's names."""
        fields = self.pull_ext(topic, queue_id, offset, group=group, **ext)
        return (on or self.broker).request(RequestCode.PULL_MESSAGE, ext=fields)

    def pull_ext(
        self,
        topic: str,
        queue_id: int = 0,
        offset: int = 0,
        *,
        group: str | None = None,
        **ext: ExtValue,
    ) -> dict[str, ExtValue]:
        """Fields of PullMessageRequestHeader: subscription in the header, no suspend, no commit."""
        fields: dict[str, ExtValue] = {
            "consumerGroup": group or "GID_conformance",
            "topic": topic,
            "queueId": queue_id,
            "queueOffset": offset,
            "maxMsgNums": 32,
            "sysFlag": PULL_SUBSCRIPTION,
            "commitOffset": 0,
            "suspendTimeoutMillis": 0,
            "subscription": "*",
            "subVersion": 0,
            "expressionType": "TAG",
        }
        fields.update(ext)
        return fields

    def receive(
        self,
        topic: str,
        queue_id: int = 0,
        offset: int = 0,
        *,
        count: int = 1,
        within_ms: int = 5000,
        group: str | None = None,
        on: Connection | None = None,
        **ext: ExtValue,
    ) -> list[Record]:
        """Pull until `count` records from `offset` on are visible; exactly these, in order."""
        found: list[Record] = []

        def attempt() -> bool:
            at = found[-1].queue_offset + 1 if found else offset
            found.extend(self.pull(topic, queue_id, at, group=group, on=on, **ext).records)
            return len(found) >= count

        self.eventually(
            attempt, what=f"{count} messages in {topic}/{queue_id}", within_ms=within_ms
        )
        return found[:count]

    # --- offsets

    def max_offset(self, topic: str, queue_id: int = 0) -> int:
        """GET_MAX_OFFSET: grows when a message becomes visible, not when it is stored."""
        return self._offset(RequestCode.GET_MAX_OFFSET, topic, queue_id)

    def min_offset(self, topic: str, queue_id: int = 0) -> int:
        """GET_MIN_OFFSET."""
        return self._offset(RequestCode.GET_MIN_OFFSET, topic, queue_id)

    def await_max_offset(self, topic: str, queue_id: int, offset: int) -> None:
        """Wait until the queue's max offset is `offset`."""
        self.eventually(
            lambda: self.max_offset(topic, queue_id) == offset,
            what=f"max offset {offset} of {topic}/{queue_id}",
        )

    def _offset(self, code: RequestCode, topic: str, queue_id: int) -> int:
        response = self.broker.request(code, ext={"topic": topic, "queueId": queue_id})
        return self.expect(response, code=ResponseCode.SUCCESS).integer("offset")

    def commit_offset(self, group: str, topic: str, queue_id: int, offset: int) -> None:
        """UPDATE_CONSUMER_OFFSET, answered."""
        response = self.broker.request(
            RequestCode.UPDATE_CONSUMER_OFFSET,
            ext={
                "consumerGroup": group,
                "topic": topic,
                "queueId": queue_id,
                "commitOffset": offset,
            },
        )
        self.expect(response, code=ResponseCode.SUCCESS)

    def query_offset(self, group: str, topic: str, queue_id: int = 0) -> int | None:
        """QUERY_CONSUMER_OFFSET; None for QUERY_NOT_FOUND."""
        response = self.broker.request(
            RequestCode.QUERY_CONSUMER_OFFSET,
            ext={"consumerGroup": group, "topic": topic, "queueId": queue_id},
        )
        if response.code == ResponseCode.QUERY_NOT_FOUND:
            return None
        return self.expect(response, code=ResponseCode.SUCCESS).integer("offset")

    # --- clients

    def heartbeat(
        self,
        client_id: str,
        *,
        producers: Sequence[str] = (),
        consumers: Sequence[JsonValue] = (),
        on: Connection | None = None,
    ) -> Response:
        """HEART_BEAT with these producer groups and consumers (see `consumer`)."""
        body: JsonValue = {
            "clientID": client_id,
            "producerDataSet": [{"groupName": group} for group in producers],
            "consumerDataSet": list(consumers),
        }
        response = (on or self.broker).request(RequestCode.HEART_BEAT, body=compact_json(body))
        return self.expect(response, code=ResponseCode.SUCCESS)

    def consumer(
        self,
        group: str,
        subscriptions: Mapping[str, str],
        *,
        model: str = "CLUSTERING",
        consume_type: str = "CONSUME_PASSIVELY",
        expression_type: str = "TAG",
        **members: JsonValue,
    ) -> JsonValue:
        """ConsumerData for a heartbeat: topic -> expression."""
        data: dict[str, JsonValue] = {
            "groupName": group,
            "consumeType": consume_type,
            "messageModel": model,
            "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET",
            "unitMode": False,
            "subscriptionDataSet": [
                {
                    "topic": topic,
                    "subString": expression,
                    "classFilterMode": False,
                    "tagsSet": [],
                    "codeSet": [],
                    "subVersion": self.now(),
                    "expressionType": expression_type,
                }
                for topic, expression in subscriptions.items()
            ],
        }
        data.update(members)
        return data

    # --- name server

    def route(self, topic: str) -> dict[str, JsonValue] | None:
        """GET_ROUTEINFO_BY_TOPIC; None for TOPIC_NOT_EXIST."""
        response = self.namesrv.request(RequestCode.GET_ROUTEINFO_BY_TOPIC, ext={"topic": topic})
        if response.code == ResponseCode.TOPIC_NOT_EXIST:
            return None
        body = self.expect(response, code=ResponseCode.SUCCESS).json()
        if not isinstance(body, dict):
            raise Failure(f"route of {topic} is {body!r}, no object")
        return body

    # --- state unchanged

    def tables(self, *topics: str) -> Tables:
        """What refusals must not change: see `snapshot.take_tables`."""
        return take_tables(self.broker, topics)

    @contextmanager
    def unchanged(self, *topics: str) -> Iterator[None]:
        """Raise `Failure` if the broker's tables, or offsets of `topics`, differ afterwards."""
        before = self.tables(*topics)
        yield
        changes = difference(before, self.tables(*topics))
        if changes:
            raise Failure("a refusal changed state: " + "; ".join(changes))


def send_result(response: Response) -> SendResult:
    """Decode SendMessageResponseHeader."""
    return SendResult(
        response,
        response.text("msgId"),
        response.integer("queueId"),
        response.integer("queueOffset"),
    )


def pull_result(response: Response) -> PullResult:
    """Decode PullMessageResponseHeader and the records; raises `Failure` without offsets."""
    found = response.code == ResponseCode.SUCCESS
    return PullResult(
        response,
        response.code,
        response.integer("nextBeginOffset"),
        response.integer("minOffset"),
        response.integer("maxOffset"),
        decode_records(response.body) if found else (),
    )


_V2_NAMES = {
    "producerGroup": "a",
    "topic": "b",
    "defaultTopic": "c",
    "defaultTopicQueueNums": "d",
    "queueId": "e",
    "sysFlag": "f",
    "bornTimestamp": "g",
    "flag": "h",
    "properties": "i",
    "reconsumeTimes": "j",
    "unitMode": "k",
    "consumeRetryTimes": "l",
    "maxReconsumeTimes": "l",
    "batch": "m",
}


def send_v2_ext(fields: Mapping[str, ExtValue]) -> dict[str, ExtValue]:
    """The same fields with the one-letter names of SendMessageRequestHeaderV2."""
    return {_V2_NAMES.get(name, name): value for name, value in fields.items()}
