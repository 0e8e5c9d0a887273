"""SEND_BATCH_MESSAGE: all or nothing, and what makes a request a batch."""

import re

from conformance.case import case
from conformance.connection import ExtValue
from conformance.records import BatchMessage, encode_batch
from conformance.response import Response
from conformance.target import STANDARD_OPTIONS
from conformance.wire import Wire, send_result, send_v2_ext
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_MAX_MESSAGE_SIZE = int(STANDARD_OPTIONS["maxMessageSize"])
_LONG = 20_000  # of properties: twice this is more than a record's length field can say
_PREPARED = 4


def _try_batch(w: Wire, topic: str, body: bytes, **ext: ExtValue) -> Response:
    fields = {**w.send_ext(topic, batch=True), **ext}
    return w.broker.request(RequestCode.SEND_BATCH_MESSAGE, ext=send_v2_ext(fields), body=body)


def _three() -> list[BatchMessage]:
    return [BatchMessage(f"m{n}".encode(), {"UNIQ_KEY": f"u{n}"}, flag=n) for n in range(3)]


@case("BROKER-SEND-24/ids-of-all", rules=["BROKER-SEND-24", "BROKER-SEND-29"])
def ids_of_all(w: Wire) -> None:
    """The answer names the ids of all messages, in order, and each names its record."""
    topic = w.create_topic(queues=1)
    sent = w.send_batch(topic, _three())
    records = w.receive(topic, count=3)
    w.equal(sent.message_id, ",".join(r.message_id for r in records), "ids")
    w.equal([r.flag for r in records], [0, 1, 2], "flags")
    w.equal([r.properties.get("UNIQ_KEY") for r in records], ["u0", "u1", "u2"], "unique ids")


@case("BROKER-SEND-24/any-queue", rules=["BROKER-SEND-24", "BROKER-SEND-10"])
def any_queue(w: Wire) -> None:
    """A batch without a queue goes to one queue as a whole."""
    topic = w.create_topic(queues=3)
    sent = w.send_batch(topic, _three(), queue_id=-1)
    w.check(0 <= sent.queue_id < 3, f"queue {sent.queue_id}")  # noqa: PLR2004
    w.equal([r.body for r in w.receive(topic, sent.queue_id, count=3)], [b"m0", b"m1", b"m2"], "")


@case(
    "BROKER-SEND-24/batch-flag-decides",
    rules=["BROKER-SEND-24"],
    matrix={
        "plain-code": {"code": 10, "batch": "true", "messages": 3},
        "short-code": {"code": 310, "batch": "true", "messages": 3},
        "batch-code-without-flag": {"code": 320, "batch": "false", "messages": 1},
        "flag-that-is-no-word": {"code": 320, "batch": "1", "messages": 1},
    },
)
def batch_flag_decides(w: Wire, code: int, batch: str, messages: int) -> None:
    """The field, not the code, makes a batch; without it the body is one message."""
    topic = w.create_topic(queues=1)
    fields = w.send_ext(topic, batch=batch)
    body = encode_batch(_three())
    ext = fields if code == RequestCode.SEND_MESSAGE else send_v2_ext(fields)
    response = w.broker.request(code, ext=ext, body=body)
    w.expect(response, code=ResponseCode.SUCCESS)
    w.await_max_offset(topic, 0, messages)
    first = w.receive(topic)[0]
    w.equal(first.body, b"m0" if messages > 1 else body, "first body")


@case(
    "BROKER-SEND-24/malformed",
    rules=["BROKER-SEND-24", "STORE-MESSAGE-15", "STORE-LOG-1"],
    matrix={
        "empty": {"cut": 0},
        "inside-the-first-head": {"cut": 10},
        "inside-the-last-body": {"cut": -20},
        "inside-the-last-properties": {"cut": -1},
    },
)
def malformed_batch(w: Wire, cut: int) -> None:
    """A batch that ends inside a message is refused, and none of its messages is stored."""
    topic = w.create_topic(queues=1)
    with w.unchanged(topic):
        response = _try_batch(w, topic, encode_batch(_three())[:cut])
        w.expect(response, code=ResponseCode.SYSTEM_ERROR)
    w.send_batch(topic, _three())
    w.await_max_offset(topic, 0, 3)


@case("BROKER-SEND-24/of-one", rules=["BROKER-SEND-24"])
def batch_of_one(w: Wire) -> None:
    """A batch of one message is a batch."""
    topic = w.create_topic(queues=1)
    sent = w.send_batch(topic, [BatchMessage(b"", {})])
    w.equal((sent.queue_offset, "," in sent.message_id), (0, False), "offset, several ids")
    w.equal(w.receive(topic)[0].body, b"", "body")


@case("BROKER-SEND-25/retry-topic", rules=["BROKER-SEND-25"])
def batch_for_a_retry_topic(w: Wire) -> None:
    """A batch for a retry topic is refused, but not in 4.9."""
    topic = w.create_topic(queues=1, name=f"%RETRY%{w.create_group()}")
    response = _try_batch(w, topic, encode_batch(_three()))
    if w.release == "4.9":
        w.expect(response, code=ResponseCode.SUCCESS)
        w.await_max_offset(topic, 0, 3)
        return
    remark = f"batch request does not support retry group {topic}"
    w.expect(response, code=ResponseCode.MESSAGE_ILLEGAL, remark=remark)
    w.equal(w.max_offset(topic), 0, "max offset")


@case("BROKER-SEND-26/long-dead-letter-topic", rules=["BROKER-SEND-26"], releases=["5.5"])
def batch_for_a_long_topic(w: Wire) -> None:
    """5.5 allows longer dead-letter topics, but a batch for one is refused."""
    topic = "%DLQ%" + "G" * 123
    response = _try_batch(w, topic, encode_batch(_three()))
    remark = "message topic length too long 128"
    w.expect(response, code=ResponseCode.MESSAGE_ILLEGAL, remark=remark)


@case(
    "STORE-LOG-12/neither-delayed-nor-prepared",
    rules=["STORE-LOG-12", "BROKER-SEND-28"],
    matrix={
        "delayed": {"properties": "DELAY\x011\x02", "sys_flag": 0},
        "prepared": {"properties": "", "sys_flag": _PREPARED},
    },
)
def neither_delayed_nor_prepared(w: Wire, properties: str, sys_flag: int) -> None:
    """A batch with a delay level or a transaction type is refused as a whole."""
    topic = w.create_topic(queues=1)
    with w.unchanged(topic):
        body = encode_batch(_three())
        response = _try_batch(w, topic, body, properties=properties, sysFlag=sys_flag)
        w.expect(response, code=ResponseCode.MESSAGE_ILLEGAL, remark=re.compile("is illegal"))


@case("STORE-MESSAGE-16/properties-of-the-batch", rules=["STORE-MESSAGE-16", "BROKER-SEND-19"])
def properties_of_the_batch(w: Wire) -> None:
    """4.9 adds the properties of the batch to each message; the others drop them."""
    topic = w.create_topic(queues=1)
    messages = [BatchMessage(b"one", {"own": "1"}), BatchMessage(b"two", {})]
    response = _try_batch(w, topic, encode_batch(messages), properties="all\x01yes\x02")
    w.expect(response, code=ResponseCode.SUCCESS)
    common = w.by_release(
        {"4.6": {}, "4.9": {"all": "yes", "CLUSTER": "DefaultCluster"}, "5.5": {}}
    )
    stored = [dict(r.properties) for r in w.receive(topic, count=2)]
    w.equal(stored, [{"own": "1", **common}, common], "properties")


@case("STORE-LOG-4/size-of-a-batch", rules=["STORE-LOG-4", "STORE-LOG-1"])
def size_of_a_batch(w: Wire) -> None:
    """A batch has the limit of a body; 4.6 counts its records."""
    topic = w.create_topic(queues=1)
    w.send_batch(topic, [BatchMessage(b"x", {})])
    overhead = w.receive(topic)[0].store_size - 1
    if w.release != "4.6":
        overhead = len(encode_batch([BatchMessage(b"", {})]))
    half = _MAX_MESSAGE_SIZE // 2 - overhead
    with w.unchanged(topic):
        body = encode_batch([BatchMessage(b"a" * half, {}), BatchMessage(b"b" * (half + 1), {})])
        code = w.by_release({"4.6": 1, "4.9": 13, "5.5": 1})
        w.expect(_try_batch(w, topic, body), code=code)
    body = encode_batch([BatchMessage(b"a" * half, {}), BatchMessage(b"b" * half, {})])
    sent = send_result(w.expect(_try_batch(w, topic, body), code=ResponseCode.SUCCESS))
    w.equal(sent.queue_offset, 1, "offset")
    w.await_max_offset(topic, 0, 3)


@case("STORE-LOG-10/long-properties-of-a-batch", rules=["STORE-LOG-10"], fresh=True)
def long_properties_of_a_batch(w: Wire) -> None:
    """A batch whose properties do not fit into its records is refused, or delivered whole."""
    topic = w.create_topic(queues=1)
    body = encode_batch([BatchMessage(b"long", {"own": "x" * _LONG})])
    response = _try_batch(w, topic, body, properties=f"all\x01{'y' * _LONG}\x02")
    if response.code != ResponseCode.SUCCESS:
        w.equal(w.max_offset(topic), 0, "max offset after the refusal")
        return
    w.send(topic, b"later")
    record = w.receive(topic, within_ms=1500)[0]
    w.equal((record.body, len(record.properties.get("own", ""))), (b"long", _LONG), "record")
