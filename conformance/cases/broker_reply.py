"""Request and reply: SEND_REPLY_MESSAGE pushes to the client that asked."""

import re

from conformance.case import case
from conformance.connection import Connection, ExtValue
from conformance.frames import Frame
from conformance.records import parse_properties
from conformance.settings import broker_settings
from conformance.target import Capability
from conformance.wire import Wire, send_v2_ext
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode


def _asker(w: Wire) -> tuple[str, Connection]:
    """A client that waits for replies: its id and its connection."""
    connection = w.connect()
    client = w.unique("client")
    w.heartbeat(client, producers=[w.unique("PID")], on=connection)
    return client, connection


def _reply_ext(w: Wire, topic: str, client: str, **ext: ExtValue) -> dict[str, ExtValue]:
    properties = {"REPLY_TO_CLIENT": client, "CORRELATION_ID": "c1", "TTL": "3000"}
    return {**w.send_ext(topic, properties=properties), **ext}


def _pushed(asker: Connection) -> Frame:
    return asker.server_request(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT)


@case(
    "BROKER-REPLY-4/pushed",
    rules=["BROKER-REPLY-4", "BROKER-REPLY-5", "BROKER-REPLY-7"],
    matrix={"plain": {"code": 324}, "short": {"code": 325}},
)
def pushed_and_answered(w: Wire, code: int) -> None:
    """The reply is pushed with all its fields; the sender is answered when the client has been."""
    topic = w.create_topic(queues=2)
    client, asker = _asker(w)
    fields = _reply_ext(w, topic, client, queueId=1, flag=4)
    ext = fields if code == RequestCode.SEND_REPLY_MESSAGE else send_v2_ext(fields)
    opaque = w.broker.submit(code, ext=ext, body=b"reply")
    push = _pushed(asker)
    w.check(not w.broker.answered(opaque), "answered before the client")
    w.check(not push.is_oneway, "pushed one-way")
    w.equal(push.body, b"reply", "body")
    _check_fields(w, push, fields)
    asker.respond(push, ResponseCode.SUCCESS)
    response = w.broker.answer(opaque)
    w.expect(response, code=ResponseCode.SUCCESS, ext={"queueId": "1", "queueOffset": "0"})
    stored = w.receive(topic, 1)[0]
    w.equal(response.text("msgId"), stored.message_id, "message id")
    w.equal((stored.body, stored.flag), (b"reply", 4), "stored body and flag")


def _check_fields(w: Wire, push: Frame, fields: dict[str, ExtValue]) -> None:
    told = {name: str(value) for name, value in (push.ext or {}).items()}
    for name in ("producerGroup", "topic", "defaultTopic", "queueId", "flag", "bornTimestamp"):
        w.equal(told.get(name), str(fields[name]), name)
    address = re.compile(
        w.by_release({"4.6": r"/[0-9.]+:\d+", "4.9": r"[0-9.]+:\d+", "5.5": r"[0-9.]+:\d+"})
    )
    for name in ("bornHost", "storeHost"):
        w.check(address.fullmatch(told.get(name, "")), f"{name} {told.get(name)!r}")
    properties = parse_properties(told.get("properties", ""))
    w.equal(properties.get("CORRELATION_ID"), "c1", "CORRELATION_ID")
    for text in (properties.get("PUSH_REPLY_TIME", ""), told.get("storeTimestamp", "")):
        w.check(text.isdecimal() and abs(int(text) - w.now()) < 60_000, f"time {text!r}")  # noqa: PLR2004


@case("BROKER-REPLY-4/no-attempts", rules=["BROKER-REPLY-4"])
def no_attempts(w: Wire) -> None:
    """A send that does not say how often it was consumed is pushed so; 5.5 counts it as 0."""
    topic = w.create_topic(queues=1)
    client, asker = _asker(w)
    ext = _reply_ext(w, topic, client)
    ext.pop("reconsumeTimes", None)
    opaque = w.broker.submit(RequestCode.SEND_REPLY_MESSAGE, ext=ext, body=b"reply")
    push = _pushed(asker)
    asker.respond(push, ResponseCode.SUCCESS)
    w.expect(w.broker.answer(opaque), code=ResponseCode.SUCCESS)
    told = (push.ext or {}).get("reconsumeTimes")
    w.equal(told, w.by_release({"4.6": None, "4.9": None, "5.5": "0"}), "reconsumeTimes")


@case("BROKER-REPLY-7/not-stored", rules=["BROKER-REPLY-7", "BROKER-REPLY-5"])
def not_stored(w: Wire) -> None:
    """Where replies are not stored, the answer has the id 0 and the offset 0."""
    topic = w.create_topic(queues=1)
    client, asker = _asker(w)
    with broker_settings(w, storeReplyMessageEnable="false"), w.unchanged(topic):
        ext = _reply_ext(w, topic, client)
        opaque = w.broker.submit(RequestCode.SEND_REPLY_MESSAGE, ext=ext, body=b"reply")
        asker.respond(_pushed(asker), ResponseCode.SUCCESS)
        answer = w.broker.answer(opaque)
    expected = {"msgId": "0", "queueId": "0", "queueOffset": "0"}
    w.expect(answer, code=ResponseCode.SUCCESS, ext=expected)


@case("BROKER-REPLY-5/client-refuses", rules=["BROKER-REPLY-5", "BROKER-REPLY-7"])
def client_refuses(w: Wire) -> None:
    """A client that answers anything but success makes the reply fail; it is still stored."""
    topic = w.create_topic(queues=1)
    client, asker = _asker(w)
    ext = _reply_ext(w, topic, client)
    opaque = w.broker.submit(RequestCode.SEND_REPLY_MESSAGE, ext=ext, body=b"reply")
    asker.respond(_pushed(asker), ResponseCode.SYSTEM_ERROR, remark="no")
    remark = f"push reply message to {client}fail."
    w.expect(w.broker.answer(opaque), code=ResponseCode.SYSTEM_ERROR, remark=remark)
    w.await_max_offset(topic, 0, 1)


@case("BROKER-REPLY-6/client-does-not-answer", rules=["BROKER-REPLY-6"], needs=[Capability.CLOCK])
def client_does_not_answer(w: Wire) -> None:
    """After ten seconds without an answer the push has failed."""
    topic = w.create_topic(queues=1)
    client, asker = _asker(w)
    ext = _reply_ext(w, topic, client)
    opaque = w.broker.submit(RequestCode.SEND_REPLY_MESSAGE, ext=ext, body=b"reply")
    _pushed(asker)
    w.advance(9000)
    w.broker.probe()
    w.check(not w.broker.answered(opaque), "answered before the time is over")
    w.advance(2500)
    remark = f"push reply message to {client}fail."
    w.expect(w.broker.answer(opaque), code=ResponseCode.SYSTEM_ERROR, remark=remark)


@case("BROKER-REPLY-3/nobody-there", rules=["BROKER-REPLY-3", "BROKER-REPLY-7"])
def nobody_there(w: Wire) -> None:
    """A reply to a client that is not connected fails, and is stored."""
    topic = w.create_topic(queues=1)
    client = w.unique("client")
    ext = _reply_ext(w, topic, client)
    response = w.broker.request(RequestCode.SEND_REPLY_MESSAGE, ext=ext, body=b"reply")
    remark = f"push reply message fail, channel of <{client}> not found."
    w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)
    w.await_max_offset(topic, 0, 1)


@case("BROKER-REPLY-3/client-that-left", rules=["BROKER-REPLY-3"])
def client_that_left(w: Wire) -> None:
    """A client that hung up is not there any more."""
    topic = w.create_topic(queues=1)
    client, asker = _asker(w)
    asker.close()
    remark = f"push reply message fail, channel of <{client}> not found."

    def gone() -> bool:
        ext = _reply_ext(w, topic, client)
        response = w.broker.request(RequestCode.SEND_REPLY_MESSAGE, ext=ext, body=b"reply")
        w.expect(response, code=ResponseCode.SYSTEM_ERROR)
        return response.remark == remark

    w.eventually(gone, what="the loss of the channel")


@case("BROKER-REPLY-2/without-a-receiver", rules=["BROKER-REPLY-2"])
def without_a_receiver(w: Wire) -> None:
    """A reply that does not say to whom fails."""
    topic = w.create_topic(queues=1)
    ext = w.send_ext(topic, properties={"CORRELATION_ID": "c1"})
    response = w.broker.request(RequestCode.SEND_REPLY_MESSAGE, ext=ext, body=b"reply")
    remark = "reply message properties[REPLY_TO_CLIENT] is null"
    w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)


@case(
    "BROKER-REPLY-1/checked-like-a-send",
    rules=["BROKER-REPLY-1"],
    matrix={
        "name": {"topic": "no/topic", "queue": 0, "old": 1, "new": 29},
        "queue": {"topic": "", "queue": 5, "old": 1, "new": 29},
        "unknown": {"topic": "?", "queue": 0, "old": 17, "new": 17},
    },
)
def checked_like_a_send(w: Wire, topic: str, queue: int, old: int, new: int) -> None:
    """Name, topic and queue id are checked as for a send; nothing is pushed."""
    own = w.create_topic(queues=1)
    client, asker = _asker(w)
    name = {"": own, "?": w.unique("T")}.get(topic, topic)
    ext = _reply_ext(w, name, client, queueId=queue, defaultTopic=w.unique("D"))
    with w.unchanged(own):
        response = w.broker.request(RequestCode.SEND_REPLY_MESSAGE, ext=ext, body=b"reply")
        w.expect(response, code=w.by_release({"4.6": old, "4.9": old, "5.5": new}))
    asker.probe()
    w.equal(asker.arrived(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT), None, "pushed")


@case("BROKER-REPLY-5/oneway", rules=["BROKER-REPLY-5", "BROKER-LIFECYCLE-14"])
def oneway_reply(w: Wire) -> None:
    """A one-way reply, as Java's clients send it, is pushed and never answered."""
    topic = w.create_topic(queues=1)
    client, asker = _asker(w)
    ext = _reply_ext(w, topic, client)
    opaque = w.broker.oneway(RequestCode.SEND_REPLY_MESSAGE, ext=ext, body=b"reply")
    asker.respond(_pushed(asker), ResponseCode.SUCCESS)
    w.await_max_offset(topic, 0, 1)
    w.broker.expect_silence(opaque)
