"""Delay levels: which queue a level is, when it is due, and what is delivered."""

import re
import zlib

from conformance.case import case
from conformance.records import Record
from conformance.target import STANDARD_OPTIONS, Capability
from conformance.wire import Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX"
_LAST_LEVEL = 18
_MAX_MESSAGE_SIZE = int(STANDARD_OPTIONS["maxMessageSize"])
_TOPIC_LIMIT = 127
_DUE_MS = 4000
_COMPRESSED = 1  # bit of the system flag


def _behind(w: Wire) -> None:
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)


@case(
    "BROKER-SCHEDULE-12/queue-of-a-level",
    rules=["BROKER-SCHEDULE-12", "STORE-LOG-5"],
    matrix={
        "second": {"level": "2", "queue": 1},
        "tenth": {"level": "10", "queue": 9},
        "last": {"level": "18", "queue": 17},
        "beyond-the-last": {"level": "19", "queue": 17},
        "most": {"level": "2147483647", "queue": 17},
    },
)
def queue_of_a_level(w: Wire, level: str, queue: int) -> None:
    """A message waits in the queue below its level; a level beyond the last is the last."""
    topic = w.create_topic(queues=2)
    before = w.max_offset(_SCHEDULE_TOPIC, queue)
    sent = w.send(topic, queue_id=1, properties={"DELAY": level})
    w.equal(sent.queue_id, 1, "queue of the answer")
    w.equal(sent.queue_offset, before, "offset of the answer: of the level's queue")
    _behind(w)
    w.equal(w.max_offset(_SCHEDULE_TOPIC, queue) - before, 1, "messages of the level")
    w.equal(w.max_offset(topic, 1), 0, "max offset before it is due")


@case(
    "BROKER-SCHEDULE-12/no-level",
    rules=["BROKER-SCHEDULE-12", "STORE-LOG-5"],
    matrix={"zero": {"level": "0"}, "negative": {"level": "-1"}},
)
def no_level(w: Wire, level: str) -> None:
    """Level 0 and below is no delay."""
    topic = w.create_topic(queues=1)
    w.send(topic, properties={"DELAY": level})
    w.equal(w.receive(topic)[0].properties.get("DELAY"), level, "DELAY")


@case(
    "BROKER-SCHEDULE-12/level-that-is-no-number",
    rules=["BROKER-SCHEDULE-12", "BROKER-LIFECYCLE-2"],
    matrix={"word": {"level": "soon"}, "fraction": {"level": "1.5"}, "blank": {"level": " 1"}},
)
def level_that_is_no_number(w: Wire, level: str) -> None:
    """A level that Java cannot read fails the send, and nothing is stored."""
    topic = w.create_topic(queues=1)
    with w.unchanged(topic, _SCHEDULE_TOPIC):
        response = w.try_send(topic, properties={"DELAY": level})
        remark = re.compile(r"^java\.lang\.NumberFormatException")
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)


@case(
    "BROKER-SCHEDULE-7/what-is-delivered",
    rules=["BROKER-SCHEDULE-7", "BROKER-SCHEDULE-3", "BROKER-SCHEDULE-9"],
)
def what_is_delivered(w: Wire) -> None:
    """When they are due, messages come to their queues, in order, as their sender wrote them."""
    topic = w.create_topic(queues=2)
    before = _delay_offset(w)
    properties = {"DELAY": "1", "TAGS": "red", "KEYS": "k", "UNIQ_KEY": "U1"}
    began = w.now()
    for n in range(3):
        w.send(
            topic,
            f"m{n}".encode(),
            queue_id=1,
            properties=properties,
            flag=3,
            bornTimestamp=77,
            reconsumeTimes=2,
        )
    records = w.receive(topic, 1, 0, count=3, within_ms=_DUE_MS)
    w.check(w.now() - began >= 1000, "delivered before it was due")  # noqa: PLR2004
    w.equal([r.body for r in records], [b"m0", b"m1", b"m2"], "bodies in order")
    first = records[0]
    stored = (first.flag, first.born_timestamp, first.reconsume_times, first.queue_id)
    w.equal(stored, (3, 77, 2, 1), "flag, born time, retry count, queue")
    names = ("TAGS", "KEYS", "UNIQ_KEY", "CLUSTER", "DELAY", "REAL_TOPIC", "REAL_QID")
    kept = [first.properties.get(name) for name in names]
    w.equal(kept, ["red", "k", "U1", "DefaultCluster", "1", topic, "1"], "properties")
    w.equal(w.pull(topic, 1, subscription="red").bodies, [b"m0", b"m1", b"m2"], "by tag")
    w.eventually(lambda: _delay_offset(w) >= before + 3, what="offset of the level")


def _delay_offset(w: Wire) -> int:
    response = w.broker.request(RequestCode.GET_ALL_DELAY_OFFSET)
    found = re.search(rb'"?\b1"?\s*:\s*(\d+)', response.body)
    return int(found[1]) if found else 0


@case(
    "BROKER-SCHEDULE-3/visible-only-when-due",
    rules=["BROKER-SCHEDULE-3"],
    needs=[Capability.CLOCK],
    matrix={
        "1s": {"level": 1, "seconds": 1},
        "5s": {"level": 2, "seconds": 5},
        "10s": {"level": 3, "seconds": 10},
        "30s": {"level": 4, "seconds": 30},
        "1m": {"level": 5, "seconds": 60},
    },
)
def visible_only_when_due(w: Wire, level: int, seconds: int) -> None:
    """A message is not visible a tenth of a second before its delay is over, and is soon after."""
    topic = w.create_topic(queues=1)
    w.send(topic, properties={"DELAY": str(level)})
    w.advance(seconds * 1000 - 100)
    w.equal(w.max_offset(topic), 0, "max offset before it is due")
    w.await_max_offset(topic, 0, 1)


@case(
    "BROKER-CONFIG-9/own-levels",
    rules=["BROKER-CONFIG-9", "BROKER-SCHEDULE-12"],
    options={"messageDelayLevel": "1h 1s"},
)
def own_levels(w: Wire) -> None:
    """The operator names the delays: here the second level is a second, and the last."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"hour", properties={"DELAY": "1"})
    w.send(topic, b"second", properties={"DELAY": "2"})
    w.send(topic, b"beyond", properties={"DELAY": "3"})
    records = w.receive(topic, count=2, within_ms=_DUE_MS)
    w.equal([r.body for r in records], [b"second", b"beyond"], "bodies")


@case(
    "BROKER-SCHEDULE-9/restart",
    rules=["BROKER-SCHEDULE-9", "BROKER-SCHEDULE-2", "BROKER-SCHEDULE-10"],
    needs=[Capability.RESTART],
    fresh=True,
)
def delayed_over_a_restart(w: Wire) -> None:
    """A message that waited during a restart is delivered once, and one delivered before is not."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"before", properties={"DELAY": "1"})
    w.receive(topic, within_ms=_DUE_MS)
    w.send(topic, b"after", properties={"DELAY": "2"})
    w.restart_broker()
    records = w.receive(topic, 0, 0, count=2, within_ms=10_000)
    w.equal([r.body for r in records], [b"before", b"after"], "bodies")
    _behind(w)
    w.equal(w.max_offset(topic), 2, "max offset")


@case("BROKER-SCHEDULE-13/grown-record", rules=["BROKER-SCHEDULE-13", "STORE-LOG-4"], fresh=True)
def grown_record(w: Wire) -> None:
    """A message that was accepted is delivered, and those behind it, though its record grows."""
    topic = w.create_topic(queues=1, name="L" * _TOPIC_LIMIT)
    overhead = _overhead(w, topic)
    body = b"x" * (_MAX_MESSAGE_SIZE - overhead)
    w.send(topic, body, properties={"DELAY": "1", "UNIQ_KEY": "U" * 32})
    later = w.create_topic(queues=1)
    w.send(later, properties={"DELAY": "1"})
    w.equal(len(w.receive(topic, 0, 1, within_ms=_DUE_MS)[0].body), len(body), "length")
    w.receive(later)


def _overhead(w: Wire, topic: str) -> int:
    """What the record in the delay queue has more than its body."""
    w.send(topic, b"x", properties={"DELAY": "1", "UNIQ_KEY": "U" * 32})
    record = w.receive(topic, within_ms=_DUE_MS)[0]
    assert isinstance(record, Record)
    return record.store_size - len(record.body) - len(topic) + len(_SCHEDULE_TOPIC)


@case("STORE-READ-16/compressed-and-delayed", rules=["STORE-READ-16"])
def compressed_and_delayed(w: Wire) -> None:
    """A compressed message that waited is delivered as it was sent: compressed, and flagged so."""
    topic = w.create_topic(queues=1)
    body = zlib.compress(bytes(5000))
    w.send(topic, body, sysFlag=_COMPRESSED, properties={"DELAY": "1"})
    (record,) = w.receive(topic, within_ms=_DUE_MS)
    w.equal(record.body, body, "body")
    w.equal(record.sys_flag & _COMPRESSED, _COMPRESSED, "flag of compression")
