"""Retries: sent by a consumer to its retry topic, and given back by CONSUMER_SEND_MSG_BACK."""

import re

from conformance.case import case
from conformance.connection import ExtValue
from conformance.matching import ABSENT
from conformance.records import Record
from conformance.response import Response
from conformance.session import compact_json
from conformance.settings import broker_settings
from conformance.wire import SendResult, Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX"
_OLD_CLIENT = 100  # before V3_4_9 (121): does not tell maxReconsumeTimes
_UNKNOWN_GROUP = 26
_PROPERTIES_LIMIT = 32767
_MANY = 24  # by chance in one of four queues: once in 4**23


def _behind(w: Wire) -> None:
    """Return when everything that was stored before is visible: queues follow the log."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)


def _first(
    w: Wire, topic: str, body: bytes = b"poison", **properties: str
) -> tuple[SendResult, Record]:
    sent = w.send(topic, body, properties=properties, flag=5)
    return sent, w.receive(topic, 0, sent.queue_offset)[0]


def _give_back(
    w: Wire, group: str, offset: int, version: int | None = None, **ext: ExtValue
) -> Response:
    fields: dict[str, ExtValue] = {
        "offset": offset,
        "group": group,
        "delayLevel": 0,
        "originMsgId": "",
        "originTopic": "",
        "unitMode": False,
        "maxReconsumeTimes": 16,
    }
    fields.update(ext)
    return w.broker.request(RequestCode.CONSUMER_SEND_MSG_BACK, ext=fields, version=version)


# --- retries that a client sends itself


@case("BROKER-SEND-11/unknown-group", rules=["BROKER-SEND-11", "BROKER-SEND-30"])
def retry_of_an_unknown_group(w: Wire) -> None:
    """A retry of an unknown group is refused where groups are not made; the topic is made first."""
    group = w.group()
    with broker_settings(w, autoCreateSubscriptionGroup="false"):
        response = w.try_send(f"%RETRY%{group}", maxReconsumeTimes=16)
    remark = re.compile(
        rf"^subscription group not exist, {group} \nSee http\S+ for further details\.$"
    )
    w.expect(response, code=_UNKNOWN_GROUP, remark=remark, ext={"msgId": ABSENT})
    w.equal(w.max_offset(f"%RETRY%{group}"), 0, "max offset")
    w.check(w.topic_config(f"%RETRY%{group}"), "the retry topic is not made")


@case("BROKER-SEND-11/group-is-made", rules=["BROKER-SEND-11"])
def group_is_made(w: Wire) -> None:
    """Where groups are made, a retry makes its group."""
    group = w.group()
    w.send(f"%RETRY%{group}", maxReconsumeTimes=16)
    w.await_max_offset(f"%RETRY%{group}", 0, 1)
    asked = w.broker.request(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)
    w.check(f'"{group}"'.encode() in asked.body, "the group is not in the table")


@case(
    "BROKER-SEND-12/who-says-how-often",
    rules=["BROKER-SEND-12", "BROKER-SEND-13"],
    matrix={
        "request-allows": {"version": 0, "asked": 16, "dead": 0},
        "request-forbids": {"version": 0, "asked": 0, "dead": 1},
        "old-client-is-not-asked": {"version": _OLD_CLIENT, "asked": 16, "dead": 1},
        "old-client-without-the-field": {"version": _OLD_CLIENT, "asked": -1, "dead": 1},
    },
)
def who_says_how_often(w: Wire, version: int, asked: int, dead: int) -> None:
    """A client of today says it in the request; for an old one the group's limit counts."""
    group = w.create_group(retryMaxTimes=1)
    retry = w.create_topic(queues=1, name=f"%RETRY%{group}")
    fields = w.send_ext(retry, reconsumeTimes=3)
    if asked >= 0:
        fields["maxReconsumeTimes"] = asked
    response = w.broker.request(
        RequestCode.SEND_MESSAGE, ext=fields, body=b"x", version=version or None
    )
    w.expect(response, code=ResponseCode.SUCCESS, ext={"queueId": "0"})
    _behind(w)
    w.equal((w.max_offset(retry), w.max_offset(f"%DLQ%{group}")), (1 - dead, dead), "offsets")


@case("BROKER-SEND-12/field-is-missing", rules=["BROKER-SEND-12"])
def limit_is_missing(w: Wire) -> None:
    """A client of today that does not say it gets the group's limit; 4.6 fails on it."""
    group = w.create_group(retryMaxTimes=1)
    retry = w.create_topic(queues=1, name=f"%RETRY%{group}")
    response = w.try_send(retry, reconsumeTimes=5)
    if w.release == "4.6":
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=re.compile("NullPointer"))
        return
    w.expect(response, code=ResponseCode.SUCCESS)
    _behind(w)
    w.equal((w.max_offset(retry), w.max_offset(f"%DLQ%{group}")), (0, 1), "offsets")


@case(
    "BROKER-SEND-13/at-the-limit",
    rules=["BROKER-SEND-13"],
    matrix={"below": {"times": 1}, "at": {"times": 2}, "above": {"times": 3}},
)
def retry_at_the_limit(w: Wire, times: int) -> None:
    """A retry that has reached the limit is a dead letter; 5.5 still allows the limit itself."""
    group = w.create_group()
    retry = w.create_topic(queues=2, name=f"%RETRY%{group}")
    sent = w.send(retry, queue_id=1, reconsumeTimes=times, maxReconsumeTimes=2)
    w.equal(sent.queue_id, 1, "queue of the answer")
    _behind(w)
    dead = times >= w.by_release({"4.6": 2, "4.9": 2, "5.5": 3})
    w.equal(
        (w.max_offset(retry, 1), w.max_offset(f"%DLQ%{group}")), (1 - dead, dead + 0), "offsets"
    )
    config = w.topic_config(f"%DLQ%{group}")
    if dead:
        perm = w.by_release({"4.6": 2, "4.9": 6, "5.5": 6})
        made = (config or {}).get("writeQueueNums"), (config or {}).get("perm")
        w.equal(made, (1, perm), "queues and permission of the dead letter topic")
    else:
        w.equal(config, None, "dead letter topic")


@case("BROKER-SEND-14/orderly-group", rules=["BROKER-SEND-14"])
def retry_of_an_orderly_group(w: Wire) -> None:
    """While a queue of the group is locked, 5.5 makes its retry a dead letter at once."""
    group = w.create_group()
    retry = w.create_topic(queues=1, name=f"%RETRY%{group}")
    topic = w.create_topic(queues=1)
    queue: JsonValue = {"topic": topic, "brokerName": "broker-a", "queueId": 0}
    lock: JsonValue = {"consumerGroup": group, "clientId": "c1", "mqSet": [queue]}
    w.broker.request(RequestCode.LOCK_BATCH_MQ, body=compact_json(lock))
    w.send(retry, reconsumeTimes=0, maxReconsumeTimes=16)
    _behind(w)
    dead = w.by_release({"4.6": 0, "4.9": 0, "5.5": 1})
    w.equal((w.max_offset(retry), w.max_offset(f"%DLQ%{group}")), (1 - dead, dead), "offsets")
    w.broker.request(RequestCode.UNLOCK_BATCH_MQ, body=compact_json(lock))


@case("BROKER-SEND-13/dead-letter-sent-directly", rules=["BROKER-SEND-13", "BROKER-SEND-6"])
def dead_letter_sent_directly(w: Wire) -> None:
    """A dead letter topic that a client names itself is a topic like others."""
    topic = f"%DLQ%{w.group()}"
    w.send(topic, reconsumeTimes=99, maxReconsumeTimes=1)
    w.equal((w.topic_config(topic) or {}).get("writeQueueNums"), 4, "queues")
    w.equal(w.receive(topic)[0].reconsume_times, 99, "retry count")


@case("BROKER-SEND-17/delayed-retry", rules=["BROKER-SEND-17"])
def delayed_retry_is_no_half(w: Wire) -> None:
    """A delayed retry of a message that was a half message once is delivered when it is due."""
    group = w.create_group()
    retry = w.create_topic(queues=1, name=f"%RETRY%{group}")
    properties = {"TRAN_MSG": "true", "PGROUP": w.unique("P"), "DELAY": "1"}
    w.send(retry, b"again", properties=properties, reconsumeTimes=1, maxReconsumeTimes=16)
    w.equal(w.receive(retry, within_ms=3000)[0].body, b"again", "body")


# --- given back


@case("BROKER-BACK-1/unknown-group", rules=["BROKER-BACK-1", "BROKER-SEND-30"])
def back_of_an_unknown_group(w: Wire) -> None:
    """An unknown group that may not be made cannot give back."""
    topic = w.create_topic(queues=1)
    _, record = _first(w, topic)
    group = w.group()
    with broker_settings(w, autoCreateSubscriptionGroup="false"), w.unchanged(topic):
        response = _give_back(w, group, record.physical_offset)
        remark = re.compile(
            rf"^subscription group not exist, {group} \nSee http\S+ for further details\.$"
        )
        w.expect(response, code=_UNKNOWN_GROUP, remark=remark)


@case("BROKER-BACK-2/broker-that-is-not-writable", rules=["BROKER-BACK-2"])
def back_to_a_broker_that_is_not_writable(w: Wire) -> None:
    """Without the write bit of the broker nothing is given back, whatever the topic."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    _, record = _first(w, topic)
    with broker_settings(w, brokerPermission="4"):
        response = _give_back(w, group, record.physical_offset)
        remark = re.compile(r"^the broker\[.*\] sending message is forbidden$")
        w.expect(response, code=ResponseCode.NO_PERMISSION, remark=remark)
    w.equal(w.topic_config(f"%RETRY%{group}"), None, "retry topic")


@case("BROKER-BACK-3/group-without-retries", rules=["BROKER-BACK-3"])
def group_without_retries(w: Wire) -> None:
    """A group without retry queues is answered success, and nothing is stored or made."""
    topic = w.create_topic(queues=1)
    group = w.create_group(retryQueueNums=0)
    _, record = _first(w, topic)
    with w.unchanged(topic, _SCHEDULE_TOPIC):
        w.expect(_give_back(w, group, record.physical_offset), code=ResponseCode.SUCCESS)
        w.expect(_give_back(w, group, 2**62), code=ResponseCode.SUCCESS)


@case(
    "BROKER-BACK-4/retry-topic-is-made-first",
    rules=["BROKER-BACK-4", "BROKER-BACK-6"],
    matrix={"plain": {"unit": "false", "flag": 0}, "unit": {"unit": "true", "flag": 2}},
)
def retry_topic_is_made_first(w: Wire, unit: str, flag: int) -> None:
    """The retry topic is made with the group's queues even where the message is not there."""
    group = w.create_group(retryQueueNums=3)
    response = _give_back(w, group, 2**40, unitMode=unit)
    remark = f"look message by offset failed, {2**40}"
    w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)
    config = w.topic_config(f"%RETRY%{group}") or {}
    names = ("readQueueNums", "writeQueueNums", "perm", "topicSysFlag")
    w.equal([config.get(name) for name in names], [3, 3, 6, flag], "retry topic")


@case("BROKER-BACK-4/any-queue", rules=["BROKER-BACK-4"])
def any_queue(w: Wire) -> None:
    """What is given back goes to any queue of the retry topic, not always to the same."""
    topic = w.create_topic(queues=1)
    group = w.create_group(retryQueueNums=4)
    _, record = _first(w, topic)
    for _ in range(_MANY):
        answer = _give_back(w, group, record.physical_offset, delayLevel=1)
        w.expect(answer, code=ResponseCode.SUCCESS)

    def delivered() -> list[int] | None:
        ends = [w.max_offset(f"%RETRY%{group}", queue_id) for queue_id in range(4)]
        return ends if sum(ends) == _MANY else None

    ends = w.eventually(delivered, what="the retries")
    w.check(max(ends) < _MANY, f"messages by queue: {ends}")


@case("BROKER-BACK-5/closed-retry-topic", rules=["BROKER-BACK-5", "BROKER-TOPIC-6"])
def closed_retry_topic(w: Wire) -> None:
    """A retry topic that is not writable takes nothing back."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    retry = w.create_topic(queues=1, perm=4, name=f"%RETRY%{group}")
    _, record = _first(w, topic)
    with w.unchanged(topic, retry, _SCHEDULE_TOPIC):
        response = _give_back(w, group, record.physical_offset)
        remark = f"the topic[{retry}] sending message is forbidden"
        w.expect(response, code=ResponseCode.NO_PERMISSION, remark=remark)


@case(
    "BROKER-BACK-6/nothing-there",
    rules=["BROKER-BACK-6"],
    matrix={
        "far-behind-the-end": {"offset": 2**62},
        "negative": {"offset": -1},
        "least": {"offset": -(2**63)},
    },
)
def nothing_there(w: Wire, offset: int) -> None:
    """An offset at which no message lies is refused."""
    group = w.create_group()
    response = _give_back(w, group, offset)
    remark = f"look message by offset failed, {offset}"
    w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)


@case(
    "BROKER-BACK-7/who-says-how-often",
    rules=["BROKER-BACK-7", "BROKER-BACK-9"],
    matrix={
        "request-allows": {"version": 0, "asked": "16", "dead": 0},
        "request-forbids": {"version": 0, "asked": "0", "dead": 1},
        "old-client-is-not-asked": {"version": _OLD_CLIENT, "asked": "16", "dead": 1},
        "old-client-without-the-field": {"version": _OLD_CLIENT, "asked": "", "dead": 1},
    },
)
def back_who_says_how_often(w: Wire, version: int, asked: str, dead: int) -> None:
    """A client of today says the limit in the request; for an old one the group's counts."""
    topic = w.create_topic(queues=1)
    group = w.create_group(retryMaxTimes=0)
    _, record = _first(w, topic)
    before = w.max_offset(_SCHEDULE_TOPIC, 2)
    response = _give_back(
        w, group, record.physical_offset, version or None, maxReconsumeTimes=asked or None
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    _behind(w)
    delayed = w.max_offset(_SCHEDULE_TOPIC, 2) - before
    w.equal((w.max_offset(f"%DLQ%{group}"), delayed), (dead, 1 - dead), "dead, delayed")


@case("BROKER-BACK-7/field-is-missing", rules=["BROKER-BACK-7"])
def back_limit_is_missing(w: Wire) -> None:
    """A client of today that does not say it gets the group's limit; 4.6 fails on it."""
    topic = w.create_topic(queues=1)
    group = w.create_group(retryMaxTimes=0)
    _, record = _first(w, topic)
    response = _give_back(w, group, record.physical_offset, maxReconsumeTimes=None)
    if w.release == "4.6":
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=re.compile("NullPointer"))
        return
    w.expect(response, code=ResponseCode.SUCCESS)
    _behind(w)
    w.equal(w.max_offset(f"%DLQ%{group}"), 1, "dead letters")


@case(
    "BROKER-BACK-8/level",
    rules=["BROKER-BACK-8"],
    matrix={
        "first-time": {"level": 0, "times": 0, "queue": 2},
        "third-time": {"level": 0, "times": 2, "queue": 4},
        "fifteenth-time": {"level": 0, "times": 15, "queue": 17},
        "own-level": {"level": 5, "times": 2, "queue": 4},
        "beyond-the-last": {"level": 99, "times": 0, "queue": 17},
    },
)
def level_of_a_retry(w: Wire, level: int, times: int, queue: int) -> None:
    """Level 3 plus the times it was tried, or the level that the consumer asks for."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    sent = w.send(topic, reconsumeTimes=times)
    record = w.receive(topic, 0, sent.queue_offset)[0]
    before = w.max_offset(_SCHEDULE_TOPIC, queue)
    back = _give_back(w, group, record.physical_offset, delayLevel=level)
    w.expect(back, code=ResponseCode.SUCCESS)
    _behind(w)
    w.equal(w.max_offset(_SCHEDULE_TOPIC, queue) - before, 1, "messages of the level")
    w.equal(w.max_offset(f"%RETRY%{group}"), 0, "retries before they are due")


@case(
    "BROKER-BACK-9/after-the-maximum",
    rules=["BROKER-BACK-8", "BROKER-BACK-9", "BROKER-BACK-10", "BROKER-BACK-11", "BROKER-BACK-12"],
)
def dead_after_the_maximum(w: Wire) -> None:
    """Tried more often than the maximum a message is dead; its copies remember where from."""
    group = w.create_group()
    dead = w.create_topic(queues=1, name=f"%DLQ%{group}")
    topic = w.create_topic(queues=1)
    sent, first = _first(w, topic, TAGS="red", own="kept")
    back = _give_back(w, group, first.physical_offset, delayLevel=1, maxReconsumeTimes=1)
    w.expect(back, code=ResponseCode.SUCCESS)
    retry = w.receive(f"%RETRY%{group}", within_ms=4000)[0]
    _check_copy(w, first, retry, times=1)
    w.equal(retry.properties.get("ORIGIN_MESSAGE_ID"), sent.message_id, "id of the retry")
    w.equal(w.max_offset(dead), 0, "dead letters after the first time")
    back = _give_back(w, group, retry.physical_offset, delayLevel=1, maxReconsumeTimes=1)
    w.expect(back, code=ResponseCode.SUCCESS)
    letter = w.receive(dead)[0]
    _check_copy(w, first, letter, times=2)
    w.equal(letter.properties.get("ORIGIN_MESSAGE_ID"), sent.message_id, "id of the dead letter")


def _check_copy(w: Wire, first: Record, copy: Record, *, times: int) -> None:
    same = [(r.body, r.flag, r.born_timestamp, r.born_host) for r in (first, copy)]
    w.equal(same[1], same[0], "body, flag, born time, born host")
    w.equal(copy.reconsume_times, times, "retry count")
    names = ("TAGS", "own", "RETRY_TOPIC", "WAIT")
    stored = [copy.properties.get(name) for name in names]
    w.equal(stored, ["red", "kept", first.topic, "false"], "properties")


@case("BROKER-BACK-9/negative-level", rules=["BROKER-BACK-9", "BROKER-TOPIC-6"])
def negative_level_is_death(w: Wire) -> None:
    """A negative level makes a dead letter at once; 4.6 makes a topic that cannot be read."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    _, record = _first(w, topic)
    back = _give_back(w, group, record.physical_offset, delayLevel=-1)
    w.expect(back, code=ResponseCode.SUCCESS)
    _behind(w)
    w.equal(w.max_offset(f"%DLQ%{group}"), 1, "dead letters")
    config = w.topic_config(f"%DLQ%{group}") or {}
    perm = w.by_release({"4.6": 2, "4.9": 6, "5.5": 6})
    w.equal((config.get("writeQueueNums"), config.get("perm")), (1, perm), "queues, permission")


@case("BROKER-BACK-9/delayed-message-dies-at-once", rules=["BROKER-BACK-9"])
def delayed_message_dies_at_once(w: Wire) -> None:
    """A message that was delayed once is not delayed again as a dead letter."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    w.send(topic, b"late", properties={"DELAY": "1"})
    record = w.receive(topic, within_ms=4000)[0]
    back = _give_back(w, group, record.physical_offset, delayLevel=-1)
    w.expect(back, code=ResponseCode.SUCCESS)
    _behind(w)
    w.equal(w.max_offset(f"%DLQ%{group}"), 1, "dead letters")


@case("BROKER-BACK-14/copy-does-not-fit", rules=["BROKER-BACK-14"])
def copy_does_not_fit(w: Wire) -> None:
    """A copy whose properties have outgrown a record is refused with the name of the status."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    _, small = _first(w, topic, p="v", UNIQ_KEY="U" * 32)
    room = _PROPERTIES_LIMIT - len(small.properties_text) + 1
    _, record = _first(w, topic, p="x" * room, UNIQ_KEY="U" * 32)
    w.create_topic(queues=1, name=f"%RETRY%{group}")
    with w.unchanged(topic, _SCHEDULE_TOPIC):
        response = _give_back(w, group, record.physical_offset)
        name = w.by_release(
            {
                "4.6": "PROPERTIES_SIZE_EXCEEDED",
                "4.9": "MESSAGE_ILLEGAL",
                "5.5": "PROPERTIES_SIZE_EXCEEDED",
            }
        )
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=name)
