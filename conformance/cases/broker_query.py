"""QUERY_MESSAGE, VIEW_MESSAGE_BY_ID, and the bounds and times of queues."""

from conformance.case import case
from conformance.connection import ExtValue
from conformance.records import Record, decode_records
from conformance.response import Response
from conformance.wire import Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_EVER = 2**63 - 1


def _try_query(w: Wire, topic: str, key: str, **ext: ExtValue) -> Response:
    fields: dict[str, ExtValue] = {
        "topic": topic,
        "key": key,
        "maxNum": 32,
        "beginTimestamp": 0,
        "endTimestamp": _EVER,
        **ext,
    }
    return w.broker.request(RequestCode.QUERY_MESSAGE, ext=fields)


def _query(w: Wire, topic: str, key: str, **ext: ExtValue) -> list[Record]:
    response = _try_query(w, topic, key, **ext)
    if response.code == ResponseCode.QUERY_NOT_FOUND:
        return []
    return decode_records(w.expect(response, code=ResponseCode.SUCCESS).body)


def _indexed(w: Wire, topic: str, keys: list[str]) -> list[Record]:
    """Send one message with each of the keys, wait until the index has the last one."""
    for number, key in enumerate(keys):
        w.send(topic, str(number).encode(), properties={"KEYS": key})
    records = w.receive(topic, 0, 0, count=len(keys))
    last = keys[-1].split()[-1]
    w.eventually(lambda: _query(w, topic, last) or None, what=f"{last} in the index")
    return records


@case("BROKER-QUERY-1/by-key", rules=["BROKER-QUERY-1", "STORE-READ-13"])
def by_key(w: Wire) -> None:
    """A message is found by each of its keys, oldest first, and not by a part of one."""
    topic = w.create_topic(queues=1)
    records = _indexed(w, topic, ["k1", "k2  k1", "k1 k3"])
    w.equal([r.body for r in _query(w, topic, "k1")], [b"0", b"1", b"2"], "by k1")
    w.equal([r.body for r in _query(w, topic, "k2")], [b"1"], "by k2")
    w.equal(_query(w, topic, "k3"), [records[2]], "by k3")
    w.equal(_query(w, topic, "k"), [], "by a part of a key")
    w.equal(_query(w, w.create_topic(), "k1"), [], "of another topic")


@case("BROKER-QUERY-1/count", rules=["BROKER-QUERY-1", "BROKER-QUERY-4"])
def count(w: Wire) -> None:
    """At most `maxNum` messages are found, and for a unique key as many as the broker wants."""
    topic = w.create_topic(queues=1)
    _indexed(w, topic, ["k", "k", "k"])
    w.equal(len(_query(w, topic, "k", maxNum=2)), 2, "of three")
    w.equal(len(_query(w, topic, "k", maxNum=1, _UNIQUE_KEY_QUERY="true")), 3, "unique key")
    any_case = 3 if w.switch.indexes_tags else 1
    found = _query(w, topic, "k", maxNum=1, _UNIQUE_KEY_QUERY="TRUE")
    w.equal(len(found), any_case, "unique key in capital letters")


@case("BROKER-QUERY-2/hashes-collide", rules=["BROKER-QUERY-2"])
def hashes_collide(w: Wire) -> None:
    """The index holds hashes: who asks for Aa may get BB as well, and must compare."""
    topic = w.create_topic(queues=1)
    _indexed(w, topic, ["Aa", "BB"])
    bodies = {r.body for r in _query(w, topic, "Aa")}
    w.check(b"0" in bodies, f"the message with the key is missing: {bodies}")
    w.equal(bodies, {b"0", b"1"}, "messages whose keys have the hash")


@case("BROKER-QUERY-1/unique-key", rules=["BROKER-QUERY-1", "BROKER-QUERY-4"])
def unique_key(w: Wire) -> None:
    """A message is found by the id that its client gave to it."""
    topic = w.create_topic(queues=1)
    for number in range(2):
        w.send(topic, str(number).encode(), properties={"UNIQ_KEY": f"ID{number}"})
    found = w.eventually(
        lambda: _query(w, topic, "ID1", _UNIQUE_KEY_QUERY="true") or None, what="ID1 in the index"
    )
    w.equal([r.body for r in found], [b"1"], "messages")


@case("BROKER-QUERY-1/range-of-time", rules=["BROKER-QUERY-1", "BROKER-QUERY-3"])
def range_of_time(w: Wire) -> None:
    """A time range around the store time finds a message, one elsewhere does not."""
    topic = w.create_topic(queues=1)
    stored = _indexed(w, topic, ["k"])[0].store_timestamp
    around = {"beginTimestamp": stored - 60_000, "endTimestamp": stored + 60_000}
    w.equal(len(_query(w, topic, "k", **around)), 1, "around")
    before = {"beginTimestamp": stored - 60_000, "endTimestamp": stored - 10_000}
    w.equal(_query(w, topic, "k", **before), [], "before")
    after = {"beginTimestamp": stored + 10_000, "endTimestamp": stored + 60_000}
    w.equal(_query(w, topic, "k", **after), [], "after")


@case("BROKER-QUERY-1/range-that-begins-with-the-message", rules=["STORE-INDEX-8"], fresh=True)
def range_that_begins_with_the_message(w: Wire) -> None:
    """A range from the store time of a message on finds it, whatever the index rounds away."""
    topic = w.create_topic(queues=1)
    w.send(topic, properties={"KEYS": "first"})
    first = w.receive(topic)[0].store_timestamp

    def far_from_a_whole_second() -> int | None:
        offset = w.send(topic, properties={"KEYS": "k"}).queue_offset
        after = (w.receive(topic, 0, offset)[0].store_timestamp - first) % 1000
        return offset if after > 100 else None  # noqa: PLR2004 - milliseconds that are rounded away

    offset = w.eventually(far_from_a_whole_second, what="a message within a second")
    record = w.receive(topic, 0, offset)[0]
    w.eventually(lambda: len(_query(w, topic, "k")) > 0 or None, what="the key in the index")
    found = _query(w, topic, "k", maxNum=64, beginTimestamp=record.store_timestamp)
    w.check(record in found, f"not among {len(found)} messages")


@case("BROKER-QUERY-5/by-offset", rules=["BROKER-QUERY-5", "STORE-READ-11", "BROKER-QUERY-6"])
def by_offset(w: Wire) -> None:
    """A record is read at its physical offset; the end of the log holds none."""
    topic = w.create_topic(queues=1)
    sent = [w.send(topic, body) for body in (b"first", b"second")]
    records = w.receive(topic, 0, 0, count=2)
    for result, record in zip(sent, records, strict=True):
        offset = int(result.message_id[-16:], 16)
        w.equal(offset, record.physical_offset, "offset in the id")
        ext: dict[str, ExtValue] = {"topic": topic, "offset": offset}
        response = w.broker.request(RequestCode.VIEW_MESSAGE_BY_ID, ext=ext)
        w.equal(decode_records(w.expect(response, code=0).body), [record], "record")
    end = records[1].physical_offset + records[1].store_size
    response = w.broker.request(
        RequestCode.VIEW_MESSAGE_BY_ID, ext={"topic": topic, "offset": end + 10_000_000}
    )
    remark = f"can not find message by the offset, {end + 10_000_000}"
    w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)


@case("BROKER-QUERY-10/bounds", rules=["BROKER-QUERY-10", "BROKER-QUERY-11"])
def bounds(w: Wire) -> None:
    """The maximum is one beyond the last message of the queue, and of this queue only."""
    topic = w.create_topic(queues=2)
    for number in range(3):
        w.equal(w.send(topic, queue_id=1).queue_offset, number, "offset")
        w.await_max_offset(topic, 1, number + 1)
    w.equal((w.max_offset(topic, 0), w.min_offset(topic, 0)), (0, 0), "bounds of the empty queue")
    w.equal(w.min_offset(topic, 1), 0, "minimum")


@case("BROKER-QUERY-14/first-message", rules=["BROKER-QUERY-14"])
def first_message(w: Wire) -> None:
    """The earliest store time of a queue is that of its first message."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    first = w.receive(topic)[0]
    w.send(topic)
    w.await_max_offset(topic, 0, 2)
    response = w.broker.request(
        RequestCode.GET_EARLIEST_MSG_STORETIME, ext={"topic": topic, "queueId": 0}
    )
    w.expect(response, code=0, ext={"timestamp": str(first.store_timestamp)})


def _search(w: Wire, topic: str, timestamp: int, boundary: str | None = None) -> int:
    response = w.broker.request(
        RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
        ext={"topic": topic, "queueId": 0, "timestamp": timestamp, "boundaryType": boundary},
    )
    return w.expect(response, code=ResponseCode.SUCCESS).integer("offset")


def _spread(w: Wire, topic: str) -> list[int]:
    """Store times of three messages, each later than the one before."""
    times: list[int] = []

    def later() -> bool:
        offset = w.send(topic).queue_offset
        times.append(w.receive(topic, 0, offset)[0].store_timestamp)
        return len(set(times)) == 3  # noqa: PLR2004 - three times

    w.eventually(later, what="three messages at three times")
    return times


@case("BROKER-QUERY-12/times-of-messages", rules=["BROKER-QUERY-12", "STORE-CQ-11"])
def times_of_messages(w: Wire) -> None:
    """The time of a message leads to a message of that time; earlier ones to the first."""
    topic = w.create_topic(queues=1)
    times = _spread(w, topic)
    for time in times:
        w.equal(times[_search(w, topic, time)], time, f"time at the offset of {time}")
    w.equal(_search(w, topic, times[0] - 1), 0, "before the first")
    w.equal(_search(w, topic, 0), 0, "long before the first")
    w.equal(_search(w, topic, -1), 0, "before all time")


@case("BROKER-QUERY-12/after-the-last", rules=["STORE-CQ-11", "BROKER-QUERY-12"])
def after_the_last(w: Wire) -> None:
    """A time after the last message is the last one in 4.x, the end of the queue from 5.5 on."""
    topic = w.create_topic(queues=1)
    times = _spread(w, topic)
    end = len(times)
    last = end if w.switch.search_by_time_has_boundaries else end - 1
    w.equal(_search(w, topic, times[-1] + 100_000), last, "after the last")
    if w.switch.search_by_time_has_boundaries:
        w.equal(_search(w, topic, times[-1] + 100_000, "UPPER"), end - 1, "upper, after the last")


@case("BROKER-QUERY-12/boundaries", rules=["STORE-CQ-11"], releases=["5.5"])
def boundaries(w: Wire) -> None:
    """LOWER is the first message that is not older, UPPER the last that is not newer."""
    topic = w.create_topic(queues=1)
    times = _spread(w, topic)
    for time in dict.fromkeys(times):
        first = times.index(time)
        last = len(times) - 1 - times[::-1].index(time)
        w.equal(_search(w, topic, time, "LOWER"), first, f"LOWER of {time}")
        w.equal(_search(w, topic, time, "UPPER"), last, f"UPPER of {time}")
