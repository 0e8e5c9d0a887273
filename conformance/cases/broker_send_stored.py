"""What a send stores, read back by a pull; and the limits of what is stored."""

import re

from conformance.case import case
from conformance.connection import ExtValue
from conformance.matching import ABSENT, PRESENT, dig
from conformance.records import Record
from conformance.settings import broker_settings
from conformance.target import STANDARD_OPTIONS, Capability
from conformance.wire import AUTO_CREATE_TOPIC, Wire, send_v2_ext
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_CLUSTER = "DefaultCluster"
_MAX_MESSAGE_SIZE = int(STANDARD_OPTIONS["maxMessageSize"])
_MAX_PROPERTIES = 32767
_MULTI_TAGS = 0x2
_HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC"
_HOUR = 3_600_000
_ILLEGAL = {
    "4.6": "the message is illegal, maybe msg body or properties length not matched."
    " msg body length limit 128k, msg properties length limit 32k.",
    "4.9": "the message is illegal, maybe msg body or properties length not matched."
    f" msg body length limit {_MAX_MESSAGE_SIZE}B, msg properties length limit 32KB.",
    "5.5": "the message is illegal, maybe msg body or properties length not matched."
    f" msg body length limit {_MAX_MESSAGE_SIZE}B, msg properties length limit 32KB.",
}


def added_by_broker(w: Wire) -> dict[str, str]:
    """The properties that a broker adds to every plain send."""
    region = {"MSG_REGION": "DefaultRegion", "TRACE_ON": "true"}
    return {"CLUSTER": _CLUSTER, **w.by_release({"4.6": {}, "4.9": {}, "5.5": region})}


@case(
    "BROKER-SEND-18/wait",
    rules=["BROKER-SEND-18"],
    matrix={"true": {"wait": "true"}, "false": {"wait": "false"}},
)
def wait_is_stored_or_not(w: Wire, wait: str) -> None:
    """WAIT of a plain send is stored, but not in 4.9."""
    topic = w.create_topic(queues=1)
    w.send(topic, properties={"WAIT": wait})
    expected = w.by_release({"4.6": wait, "4.9": None, "5.5": wait})
    w.equal(w.receive(topic)[0].properties.get("WAIT"), expected, "WAIT")


@case(
    "BROKER-SEND-19/properties-of-a-plain-send",
    rules=["BROKER-SEND-19", "BROKER-SEND-20", "BROKER-SEND-21"],
)
def properties_of_a_plain_send(w: Wire) -> None:
    """The stored properties are the sender's and the broker's, and no others."""
    topic = w.create_topic(queues=1)
    own = {"KEYS": "k1 k2", "TAGS": "red", "UNIQ_KEY": "U" * 32, "colour": "green"}
    w.send(topic, properties=own)
    w.equal(dict(w.receive(topic)[0].properties), {**own, **added_by_broker(w)}, "properties")


@case("BROKER-SEND-19/own-cluster-is-replaced", rules=["BROKER-SEND-19"])
def own_cluster_is_replaced(w: Wire) -> None:
    """A sender cannot name another cluster than the broker's."""
    topic = w.create_topic(queues=1)
    w.send(topic, properties={"CLUSTER": "elsewhere", "UNIQ_KEY": "u"})
    w.equal(w.receive(topic)[0].properties.get("CLUSTER"), _CLUSTER, "CLUSTER")


@case("BROKER-SEND-20/region-and-trace", rules=["BROKER-SEND-20"])
def region_and_trace(w: Wire) -> None:
    """5.5 stores its own region and trace switch whatever the sender says; others store his."""
    topic = w.create_topic(queues=1)
    w.send(topic, properties={"MSG_REGION": "mine", "TRACE_ON": "false", "POP_CK": "1 2 3"})
    properties = w.receive(topic)[0].properties
    stored = [properties.get(name) for name in ("MSG_REGION", "TRACE_ON", "POP_CK")]
    own: list[str | None] = ["mine", "false", "1 2 3"]
    broker: list[str | None] = ["DefaultRegion", "true", None]
    w.equal(stored, w.by_release({"4.6": own, "4.9": own, "5.5": broker}), "MSG_REGION, ...")


@case("BROKER-SEND-20/empty-body", rules=["BROKER-SEND-20"])
def empty_body(w: Wire) -> None:
    """An empty body is stored, but 5.5 refuses it."""
    topic = w.create_topic(queues=1)
    response = w.try_send(topic, b"")
    if w.release == "5.5":
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=re.compile("NullPointer"))
        w.equal(w.max_offset(topic), 0, "max offset")
    else:
        w.expect(response, code=ResponseCode.SUCCESS)
        w.equal(w.receive(topic)[0].body, b"", "body")


@case("BROKER-SEND-21/unique-id", rules=["BROKER-SEND-21", "BROKER-SEND-29"])
def unique_id(w: Wire) -> None:
    """5.5 gives a message an id where it has none, and tells it; other releases do neither."""
    topic = w.create_topic(queues=1)
    sent = w.send(topic)
    stored = w.receive(topic)[0].properties.get("UNIQ_KEY")
    told = sent.response.ext.get("transactionId")
    w.equal(told, stored, "transactionId")
    if w.release == "5.5":
        w.check(re.fullmatch("[0-9A-F]{32}", stored or ""), f"UNIQ_KEY {stored!r}")
    else:
        w.equal(stored, None, "UNIQ_KEY")


@case("BROKER-SEND-29/fields-of-the-answer", rules=["BROKER-SEND-29", "BROKER-SEND-1"])
def fields_of_the_answer(w: Wire) -> None:
    """The answer has these fields and no others."""
    topic = w.create_topic(queues=1)
    sent = w.send(topic, properties={"UNIQ_KEY": "U1"})
    names = {"msgId", "queueId", "queueOffset", "MSG_REGION", "TRACE_ON"}
    if w.release == "5.5":
        names.add("transactionId")
        w.equal(sent.response.text("transactionId"), "U1", "transactionId")
    w.equal(set(sent.response.ext), names, "fields")
    w.equal(sent.response.remark, None, "remark")


@case(
    "BROKER-SEND-27/properties-text",
    rules=["BROKER-SEND-27"],
    matrix={
        "no-separator-at-the-end": {"text": "a\x01b", "kept": "a=b"},
        "no-value": {"text": "a\x01\x02c\x01d\x02", "kept": "c=d"},
        "no-name-separator": {"text": "ab\x02c\x01d\x02", "kept": "c=d"},
        "twice": {"text": "a\x01b\x02a\x01c\x02", "kept": "a=c"},
        "empty-entries": {"text": "\x02\x02a\x01b\x02\x02", "kept": "a=b"},
        "not-ascii": {"text": "schlüssel\x01größe €\x02", "kept": "schlüssel=größe €"},
        "control-characters": {"text": "a\x01b\x00\n\t\x7f\x02", "kept": "a=b\x00\n\t\x7f"},
        "equals-sign": {"text": "a\x01b=c\x02", "kept": "a=b=c"},
    },
)
def text_of_properties(w: Wire, text: str, kept: str) -> None:
    """Entries that are none are dropped, the last of two with one name wins, the rest stays."""
    topic = w.create_topic(queues=1)
    fields = {**w.send_ext(topic), "properties": text}
    response = w.broker.request(RequestCode.SEND_MESSAGE, ext=fields, body=b"x")
    w.expect(response, code=ResponseCode.SUCCESS)
    stored = dict(w.receive(topic)[0].properties)
    name, _, value = kept.partition("=")
    w.equal(stored.pop(name, None), value, name)
    stored.pop("UNIQ_KEY", None)
    w.equal(stored, added_by_broker(w), "other properties")


@case(
    "BROKER-SEND-27/empty-properties",
    rules=["BROKER-SEND-27"],
    matrix={"absent": {"absent": 1}, "empty": {"absent": 0}},
)
def empty_properties(w: Wire, absent: int) -> None:
    """Properties may be empty or missing: the broker's own are stored."""
    topic = w.create_topic(queues=1)
    fields = w.send_ext(topic)
    if absent:
        del fields["properties"]
    response = w.broker.request(RequestCode.SEND_MESSAGE, ext=fields, body=b"x")
    w.expect(response, code=ResponseCode.SUCCESS)
    stored = dict(w.receive(topic)[0].properties)
    stored.pop("UNIQ_KEY", None)
    w.equal(stored, added_by_broker(w), "properties")


@case("BROKER-SEND-27/fields-of-the-record", rules=["BROKER-SEND-27", "STORE-LOG-13"])
def fields_of_the_record(w: Wire) -> None:
    """Flag, system flag, born time and retry count are stored as sent; the broker adds the rest."""
    topic = w.create_topic(queues=3)
    before = w.now()
    sent = w.send(
        topic, b"fields", queue_id=2, flag=-7, sysFlag=0x1, bornTimestamp=12345, reconsumeTimes=3
    )
    record = w.receive(topic, 2, 0)[0]
    stored = (record.flag, record.sys_flag & 0xF, record.born_timestamp, record.reconsume_times)
    w.equal(stored, (-7, 0x1, 12345, 3), "flag, system flag, born time, retry count")
    w.check(before - 5000 <= record.store_timestamp <= w.now() + 5000, "store time is not now")
    w.equal(record.prepared_transaction_offset, 0, "prepared offset")
    w.equal(record.message_id, sent.message_id, "message id")


@case(
    "BROKER-SEND-16/several-tags",
    rules=["BROKER-SEND-16"],
    matrix={
        "multi": {"kind": "MULTI_TAG", "bit": _MULTI_TAGS},
        "single": {"kind": "SINGLE_TAG", "bit": 0},
    },
)
def several_tags(w: Wire, kind: str, bit: int) -> None:
    """Messages of a topic with several tags carry the bit of it."""
    topic = w.unique("T")
    for _ in range(2):
        response = w.try_create_topic(topic, topicFilterType=kind)
        w.expect(response, code=ResponseCode.SUCCESS)
    w.send(topic)
    w.equal(w.receive(topic)[0].sys_flag & _MULTI_TAGS, bit, "bit of the system flag")


# --- limits


def _baseline(w: Wire, topic: str) -> Record:
    w.send(topic, b"b", properties={"p": "v", "UNIQ_KEY": "U" * 32})
    return w.receive(topic)[0]


@case("BROKER-SEND-28/body-limit", rules=["BROKER-SEND-28", "STORE-LOG-4", "STORE-LOG-1"])
def body_limit(w: Wire) -> None:
    """A body of maxMessageSize is stored and one more byte refused; 4.6 counts the whole record."""
    topic = w.create_topic(queues=1)
    overhead = _baseline(w, topic).store_size - 1
    limit = _MAX_MESSAGE_SIZE - (overhead if w.release == "4.6" else 0)
    properties = {"p": "v", "UNIQ_KEY": "U" * 32}
    w.send(topic, b"x" * limit, properties=properties)
    w.equal(len(w.receive(topic, 0, 1)[0].body), limit, "length of the body")
    with w.unchanged(topic):
        response = w.try_send(topic, b"x" * (limit + 1), properties=properties)
        remark = w.by_release(_ILLEGAL)
        w.expect(response, code=ResponseCode.MESSAGE_ILLEGAL, remark=remark, ext={"msgId": ABSENT})


@case(
    "BROKER-SEND-28/properties-limit",
    rules=["BROKER-SEND-28", "STORE-LOG-4", "STORE-LOG-1"],
    matrix={"ascii": {"unit": "x"}, "two-bytes": {"unit": "ü"}, "three-bytes": {"unit": "€"}},
)
def properties_limit(w: Wire, unit: str) -> None:
    """The stored properties may have 32767 bytes of UTF-8, not one more."""
    topic = w.create_topic(queues=1)
    text = _baseline(w, topic).properties_text
    room = _MAX_PROPERTIES - len(text.encode()) + len("v")
    count, rest = divmod(room, len(unit.encode()))
    value = unit * count + "x" * rest
    w.send(topic, properties={"p": value, "UNIQ_KEY": "U" * 32})
    stored = w.receive(topic, 0, 1)[0]
    w.equal(len(stored.properties_text.encode()), _MAX_PROPERTIES, "bytes of the properties")
    with w.unchanged(topic):
        response = w.try_send(topic, properties={"p": value + "x", "UNIQ_KEY": "U" * 32})
        remark = w.by_release(_ILLEGAL)
        w.expect(response, code=ResponseCode.MESSAGE_ILLEGAL, remark=remark)


# --- creation, permission, time


@case(
    "BROKER-SEND-6/made-after-the-default-topic",
    rules=["BROKER-SEND-6", "BROKER-TOPIC-2", "BROKER-TOPIC-3"],
    matrix={
        "one": {"asked": 1, "queues": 1},
        "four": {"asked": 4, "queues": 4},
        "as-many-as-allowed": {"asked": 8, "queues": 8},
        "too-many": {"asked": 9, "queues": 8},
        "most": {"asked": 2**31 - 1, "queues": 8},
    },
)
def made_after_the_default_topic(w: Wire, asked: int, queues: int) -> None:
    """The first send makes the topic, with the queues that are asked for, but at most eight."""
    topic = w.unique("T")
    w.send(topic, defaultTopicQueueNums=asked)
    expected = {"readQueueNums": queues, "writeQueueNums": queues, "perm": 6, "topicSysFlag": 0}
    config = w.topic_config(topic) or {}
    w.equal({name: config.get(name) for name in expected}, expected, "configuration")
    w.equal(w.receive(topic)[0].body, b"body", "body")


@case(
    "BROKER-TOPIC-2/no-queues",
    rules=["BROKER-TOPIC-2", "BROKER-SEND-8"],
    matrix={"none": {"asked": 0}, "negative": {"asked": -1}, "least": {"asked": -(2**31)}},
)
def no_queues(w: Wire, asked: int) -> None:
    """A client that asks for no queues gets a topic without any, and its send is refused."""
    topic = w.unique("T")
    response = w.try_send(topic, defaultTopicQueueNums=asked)
    code = w.by_release({"4.6": 1, "4.9": 1, "5.5": 29})
    w.expect(response, code=code, remark=re.compile(r"request queueId\[0\] is illegal"))
    config = w.topic_config(topic) or {}
    w.equal((config.get("readQueueNums"), config.get("writeQueueNums")), (0, 0), "queues")


@case(
    "BROKER-TOPIC-3/unit-mode",
    rules=["BROKER-TOPIC-3", "BROKER-SEND-6"],
    matrix={"topic": {"prefix": "", "flag": 1}, "retry": {"prefix": "%RETRY%", "flag": 2}},
)
def unit_mode(w: Wire, prefix: str, flag: int) -> None:
    """In unit mode a topic is made with the unit bit, a retry topic with the subscription bit."""
    topic = prefix + w.group()
    w.send(topic, unitMode=True, maxReconsumeTimes=16)
    w.equal((w.topic_config(topic) or {}).get("topicSysFlag"), flag, "topic system flag")


@case("BROKER-TOPIC-3/made-after-another-topic", rules=["BROKER-TOPIC-3", "BROKER-TOPIC-4"])
def made_after_another_topic(w: Wire) -> None:
    """Any topic with the bit to inherit serves; the bit itself is not inherited."""
    default = w.create_topic(queues=3, perm=4 | 1)
    topic = w.unique("T")
    w.send(topic, defaultTopic=default, defaultTopicQueueNums=16)
    config = w.topic_config(topic) or {}
    w.equal((config.get("writeQueueNums"), config.get("perm")), (3, 4), "queues and permission")


@case("BROKER-SEND-6/retry-topic-is-always-made", rules=["BROKER-SEND-6", "BROKER-TOPIC-6"])
def retry_topic_is_always_made(w: Wire) -> None:
    """A retry topic is made with one queue where the default topic is unknown."""
    topic = f"%RETRY%{w.create_group()}"
    w.send(topic, defaultTopic=w.unique("D"), maxReconsumeTimes=16)
    config = w.topic_config(topic) or {}
    stored = (config.get("readQueueNums"), config.get("writeQueueNums"), config.get("perm"))
    w.equal(stored, (1, 1, 6), "queues and permission")


@case("BROKER-TOPIC-7/creation-is-a-version", rules=["BROKER-TOPIC-7"])
def creation_is_a_version(w: Wire) -> None:
    """Making a topic raises the version of the table by one; a send to it does not."""
    before = _version(w)
    topic = w.unique("T")
    w.send(topic)
    w.equal(_version(w) - before, 1, "versions after the creation")
    w.send(topic)
    w.equal(_version(w) - before, 1, "versions after another send")


def _version(w: Wire) -> int:
    body = w.broker.request(RequestCode.GET_ALL_TOPIC_CONFIG).json()
    version = body.get("dataVersion") if isinstance(body, dict) else None
    counter = version.get("counter") if isinstance(version, dict) else None
    assert isinstance(counter, int), body
    return counter


@case(
    "BROKER-TOPIC-5/creation-is-switched-off", rules=["BROKER-TOPIC-5", "BROKER-SEND-7"], fresh=True
)
def creation_is_switched_off(w: Wire) -> None:
    """Switched off, nothing is made, and the default topic has lost the bit to inherit for good."""
    w.send(w.unique("T"))
    with broker_settings(w, autoCreateTopicEnable="false"):
        response = w.try_send(w.unique("T"))
        w.expect(response, code=ResponseCode.TOPIC_NOT_EXIST)
    w.equal((w.topic_config(AUTO_CREATE_TOPIC) or {}).get("perm"), 6, "permission of TBW102")
    w.expect(w.try_send(w.unique("T")), code=ResponseCode.TOPIC_NOT_EXIST)


@case(
    "BROKER-SEND-32/topic-permission",
    rules=["BROKER-SEND-32"],
    matrix={"none": {"perm": 0}, "write": {"perm": 2}, "read": {"perm": 4}},
)
def topic_permission(w: Wire, perm: int) -> None:
    """The permission of the topic does not stop a send."""
    topic = w.create_topic(queues=1, perm=perm)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)


@case(
    "BROKER-SEND-3/broker-that-is-not-writable",
    rules=["BROKER-SEND-3", "BROKER-TOPIC-8", "BROKER-LIFECYCLE-9"],
    needs=[Capability.NAMESRV],
)
def broker_that_is_not_writable(w: Wire) -> None:
    """Without the write bit of the broker, order topics are refused and others still written."""
    ordered = w.unique("T")
    # Brokers of 4.x take the flag from every topic that the name server does not list as ordered.
    listed: dict[str, ExtValue] = {"namespace": "ORDER_TOPIC_CONFIG", "key": ordered}
    w.namesrv.request(RequestCode.PUT_KV_CONFIG, ext={**listed, "value": "broker-a:1"})
    w.create_topic(queues=1, order=True, name=ordered)
    plain = w.create_topic(queues=1)
    with broker_settings(w, brokerPermission="4"):
        response = w.try_send(ordered)
        w.expect(
            response,
            code=ResponseCode.NO_PERMISSION,
            remark=re.compile(r"^the broker\[.*\] sending message is forbidden$"),
            ext={"MSG_REGION": PRESENT},
        )
        w.send(plain)
        w.eventually(lambda: _route_permission(w, plain) == 4, what="the permission in the route")  # noqa: PLR2004
    w.eventually(lambda: _route_permission(w, plain) == 6, what="the former permission")  # noqa: PLR2004
    w.equal(w.max_offset(ordered), 0, "max offset of the order topic")
    w.send(ordered)
    w.namesrv.request(RequestCode.DELETE_KV_CONFIG, ext=listed)
    _forget_order(w, ordered)


def _forget_order(w: Wire, topic: str) -> None:
    """Let a broker of 4.x hear now, not within a later case, that `topic` is no longer listed."""
    w.create_topic(queues=1)
    if w.release != "5.5":
        w.eventually(lambda: not _is_ordered(w, topic), what="loss of the order flag")


def _route_permission(w: Wire, topic: str) -> JsonValue:
    route = w.route(topic)
    return None if route is None else dig(route, "queueDatas", 0, "perm")


@case(
    "BROKER-TOPIC-8/listed-topic",
    rules=["BROKER-TOPIC-8"],
    needs=[Capability.NAMESRV],
    releases=["4.6", "4.9"],  # 5.5 asks with its periodical registration only
)
def listed_topic(w: Wire) -> None:
    """A topic that the name server lists as ordered is ordered after the next registration."""
    topic = w.unique("T")
    entry: dict[str, ExtValue] = {"namespace": "ORDER_TOPIC_CONFIG", "key": topic}
    w.namesrv.request(RequestCode.PUT_KV_CONFIG, ext={**entry, "value": "broker-a:1"})
    w.create_topic(queues=1, name=topic)
    w.eventually(lambda: _is_ordered(w, topic), what="order flag")
    w.namesrv.request(RequestCode.DELETE_KV_CONFIG, ext=entry)
    _forget_order(w, topic)


@case("BROKER-TOPIC-8/topic-that-is-not-listed", rules=["BROKER-TOPIC-8"])
def topic_that_is_not_listed(w: Wire) -> None:
    """A topic that is not listed loses the flag with the next registration; 5.5 leaves it."""
    topic = w.create_topic(queues=1, order=True)
    _forget_order(w, topic)
    w.equal(_is_ordered(w, topic), w.release == "5.5", "order flag")


def _is_ordered(w: Wire, topic: str) -> bool:
    return (w.topic_config(topic) or {}).get("order") is True


@case("BROKER-SEND-2/before-the-start-time", rules=["BROKER-SEND-2", "BROKER-SEND-1"])
def before_the_start_time(w: Wire) -> None:
    """Before the start time every send is refused, before its topic is looked at."""
    topic = w.create_topic(queues=1)
    with broker_settings(w, startAcceptSendRequestTimeStamp=str(w.now() + _HOUR)):
        for name in (topic, "no such/topic"):
            response = w.try_send(name)
            remark = re.compile(
                r"^broker unable to service, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}$"
            )
            w.expect(
                response, code=ResponseCode.SYSTEM_ERROR, remark=remark, ext={"TRACE_ON": PRESENT}
            )
    w.equal(w.max_offset(topic), 0, "max offset")
    w.send(topic)


@case("BROKER-SEND-17/transactions-are-rejected", rules=["BROKER-SEND-17"])
def transactions_are_rejected(w: Wire) -> None:
    """A broker that rejects transactions refuses half messages and takes others."""
    topic = w.create_topic(queues=1)
    with broker_settings(w, rejectTransactionMessage="true"), w.unchanged(topic, _HALF_TOPIC):
        response = w.try_send(topic, properties={"TRAN_MSG": "true", "PGROUP": "p"}, sysFlag=4)
        remark = re.compile(r"^the broker\[.*\] sending transaction message is forbidden$")
        w.expect(response, code=ResponseCode.NO_PERMISSION, remark=remark)
    w.send(topic, properties={"TRAN_MSG": "no"})


@case(
    "BROKER-SEND-17/what-counts-as-true",
    rules=["BROKER-SEND-17"],
    matrix={
        "true": {"text": "true", "half": 1},
        "mixed-case": {"text": "tRuE", "half": 1},
        "one": {"text": "1", "half": 0},
        "blank-behind": {"text": "true ", "half": 0},
    },
)
def what_counts_as_true(w: Wire, text: str, half: int) -> None:
    """Only the word true, in any case, makes a half message; others are visible at once."""
    topic = w.create_topic(queues=1)
    w.send(topic, properties={"TRAN_MSG": text, "PGROUP": w.unique("P")})
    later = w.create_topic(queues=1)
    w.send(later)
    w.await_max_offset(later, 0, 1)
    w.equal(w.max_offset(topic), 0 if half else 1, "max offset")


@case(
    "BROKER-LIFECYCLE-14/refused-oneway",
    rules=["BROKER-LIFECYCLE-14", "BROKER-SEND-8"],
    matrix={"plain": {"code": 10}, "short": {"code": 310}},
)
def refused_oneway(w: Wire, code: int) -> None:
    """A one-way send that is refused is not answered either, and stores nothing."""
    topic = w.create_topic(queues=1)
    fields = w.send_ext(topic, queue_id=1)
    with w.unchanged(topic):
        ext = fields if code == RequestCode.SEND_MESSAGE else send_v2_ext(fields)
        opaque = w.broker.oneway(code, ext=ext, body=b"x")
        w.broker.expect_silence(opaque)


# --- 5.5: compacted and priority topics


@case("BROKER-SEND-22/compacted-topic", rules=["BROKER-SEND-22"], releases=["5.5"])
def compacted_topic(w: Wire) -> None:
    """A compacted topic takes no message without a key."""
    topic = w.unique("T")
    made = w.try_create_topic(topic, attributes="+cleanup.policy=COMPACTION")
    w.expect(made, code=ResponseCode.SUCCESS)
    with w.unchanged(topic):
        for properties in ({}, {"KEYS": " "}):
            response = w.try_send(topic, properties=properties)
            remark = "Required message key is missing"
            w.expect(response, code=ResponseCode.MESSAGE_ILLEGAL, remark=remark)


@case(
    "BROKER-SEND-23/priority",
    rules=["BROKER-SEND-23"],
    releases=["5.5"],
    matrix={
        "named": {"priority": "2", "other": "", "queue": 2},
        "zero": {"priority": "0", "other": "", "queue": 0},
        "beyond-the-queues": {"priority": "9", "other": "", "queue": 3},
        "negative": {"priority": "-1", "other": "", "queue": 1},
        "no-number": {"priority": "high", "other": "", "queue": 1},
        "order-key": {"priority": "2", "other": "__SHARDINGKEY", "queue": 1},
    },
)
def priority_chooses(w: Wire, priority: str, other: str, queue: int) -> None:
    """A priority message goes to the queue of its priority; one of another kind loses it."""
    topic = w.create_topic(queues=4)
    properties = {"_SYS_MSG_PRIORITY_": priority, **({other: "k"} if other else {})}
    sent = w.send(topic, queue_id=1, properties=properties)
    w.equal(sent.queue_id, queue, "queue of the answer")
    stored = w.receive(topic, queue)[0].properties.get("_SYS_MSG_PRIORITY_")
    w.equal(stored, None if other else priority, "stored priority")


@case(
    "BROKER-SEND-31/sync-flush",
    rules=["BROKER-SEND-31", "BROKER-SEND-27"],
    options={"flushDiskType": "SYNC_FLUSH"},
    matrix={"waiting": {"wait": "true"}, "not-waiting": {"wait": "false"}},
)
def sync_flush(w: Wire, wait: str) -> None:
    """Under SYNC_FLUSH pipelined sends are all answered with success, in the order of the log."""
    topic = w.create_topic(queues=1)
    count = 20
    opaques = [
        w.broker.submit(
            RequestCode.SEND_MESSAGE,
            ext=w.send_ext(topic, properties={"WAIT": wait, "UNIQ_KEY": f"u{n}"}),
            body=str(n).encode(),
        )
        for n in range(count)
    ]
    offsets = set()
    for opaque in opaques:
        answer = w.expect(w.broker.answer(opaque), code=ResponseCode.SUCCESS)
        offsets.add(answer.integer("queueOffset"))
    w.equal(offsets, set(range(count)), "offsets")
    bodies = {record.body for record in w.receive(topic, count=count)}
    w.equal(bodies, {str(n).encode() for n in range(count)}, "bodies")
