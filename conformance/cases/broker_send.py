"""SEND_MESSAGE and its relatives: what is stored, what is answered, what is refused."""

import re

from conformance.case import case
from conformance.records import BatchMessage
from conformance.wire import Wire, send_v2_ext
from refimpl.remoting.command import SerializeType
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_MESSAGE_ID = re.compile(r"[0-9A-F]{32}")


@case("BROKER-SEND-27/stored-and-answered", rules=["BROKER-SEND-27"])
def stored_and_answered(w: Wire) -> None:
    """A message is answered with id, queue and offset, and a pull returns it unchanged."""
    topic = w.create_topic(queues=2)
    sent = w.send(topic, b"first", queue_id=1, properties={"KEYS": "k1", "colour": "green"}, flag=7)
    w.equal((sent.queue_id, sent.queue_offset), (1, 0), "queue id and offset")
    w.check(_MESSAGE_ID.fullmatch(sent.message_id), f"message id {sent.message_id}")
    w.equal(w.send(topic, b"second", queue_id=1).queue_offset, 1, "offset of the second")
    first, second = w.receive(topic, 1, 0, count=2)
    w.equal((first.body, second.body), (b"first", b"second"), "bodies")
    w.equal((first.flag, first.topic, first.queue_id), (7, topic, 1), "flag, topic, queue id")
    w.equal(first.message_id, sent.message_id, "the id names the stored place")
    w.equal(first.properties.get("colour"), "green", "own property")


@case("BROKER-SEND-27/both-codecs", rules=["BROKER-SEND-27", "REMOTING-CONNECTION-4"])
def both_codecs(w: Wire) -> None:
    """A send with a ROCKETMQ header stores as much; 4.9 answers with such a header."""
    topic = w.create_topic(queues=1)
    sent = w.send(topic, b"binary", serialize=SerializeType.ROCKETMQ)
    codec = SerializeType.ROCKETMQ if w.switch.answers_in_request_codec else SerializeType.JSON
    w.equal(sent.response.serialize, codec, "codec of the answer")
    w.equal(w.receive(topic)[0].body, b"binary", "body")


@case("BROKER-SEND-8/queue-id-beyond-the-topic", rules=["BROKER-SEND-8"])
def queue_id_beyond_the_topic(w: Wire) -> None:
    """A queue id that is not below the queue counts is refused and stores nothing."""
    topic = w.create_topic(queues=4)
    code = w.by_release({"4.6": 1, "4.9": 1, "5.5": 29})
    with w.unchanged(topic):
        for queue_id in (4, 5, 2**31 - 1):
            response = w.try_send(topic, queue_id=queue_id)
            w.expect(response, code=code, remark=re.compile(r"queueId\[?"))


@case(
    "BROKER-SEND-10/negative-queue-id",
    rules=["BROKER-SEND-10"],
    matrix={"minus-one": {"queue_id": -1}, "least": {"queue_id": -(2**31)}},
)
def negative_queue_id(w: Wire, queue_id: int) -> None:
    """A negative queue id means any queue of the topic."""
    queues = 3
    topic = w.create_topic(queues=queues)
    sent = w.send(topic, queue_id=queue_id)
    w.check(0 <= sent.queue_id < queues, f"queue id {sent.queue_id}")
    w.receive(topic, sent.queue_id, sent.queue_offset)


@case(
    "BROKER-SEND-28/properties-too-long",
    rules=["BROKER-SEND-28"],
    matrix={
        "at-the-limit": {"length": 32767, "refused": 0},
        "one-more": {"length": 32768, "refused": 1},
    },
)
def properties_too_long(w: Wire, length: int, refused: int) -> None:
    """The client's properties may have 32767 bytes, not one more."""
    topic = w.create_topic(queues=1)
    # The broker adds properties of its own before it measures; the case stays clear of them.
    value = "v" * (length - 4096 if not refused else length)
    response = w.try_send(topic, properties={"p": value})
    if refused:
        w.expect(response, code=ResponseCode.MESSAGE_ILLEGAL)
        w.equal(w.max_offset(topic), 0, "max offset")
    else:
        w.expect(response, code=ResponseCode.SUCCESS)


@case("BROKER-SEND-24/batch", rules=["BROKER-SEND-24"])
def batch(w: Wire) -> None:
    """A batch is stored as single messages in order, and answered with the first offset."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"before")
    messages = [BatchMessage(f"m{n}".encode(), {"n": str(n)}) for n in range(3)]
    w.equal(w.send_batch(topic, messages).queue_offset, 1, "offset of the batch")
    records = w.receive(topic, 0, 1, count=3)
    w.equal([r.body for r in records], [b"m0", b"m1", b"m2"], "bodies")
    w.equal([r.queue_offset for r in records], [1, 2, 3], "offsets")
    w.equal([r.properties.get("n") for r in records], ["0", "1", "2"], "properties")


@case("BROKER-SEND-1/v2-names", rules=["BROKER-SEND-1"])
def v2_names(w: Wire) -> None:
    """SEND_MESSAGE_V2 says the same with one-letter names."""
    topic = w.create_topic(queues=2)
    fields = send_v2_ext(w.send_ext(topic, queue_id=1))
    response = w.broker.request(RequestCode.SEND_MESSAGE_V2, ext=fields, body=b"v2")
    w.expect(response, code=ResponseCode.SUCCESS, ext={"queueId": "1", "queueOffset": "0"})
    w.equal(w.receive(topic, 1)[0].body, b"v2", "body")


@case("REMOTING-CONNECTION-3/oneway-send", rules=["REMOTING-CONNECTION-3"])
def oneway_send(w: Wire) -> None:
    """A one-way send stores and is never answered."""
    topic = w.create_topic(queues=1)
    opaque = w.broker.oneway(RequestCode.SEND_MESSAGE, ext=w.send_ext(topic), body=b"quiet")
    w.equal(w.receive(topic)[0].body, b"quiet", "body")
    w.broker.expect_silence(opaque)
