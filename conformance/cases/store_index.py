"""Queries by key and by unique key, and the window of times."""

from conformance.case import case
from conformance.records import BatchMessage, Record, decode_records
from conformance.wire import Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_FOREVER = 2**63 - 1
_PREPARED = 4


def _query(
    w: Wire,
    topic: str,
    key: str,
    *,
    begin: int = 0,
    end: int = _FOREVER,
    most: int = 32,
    unique: bool = False,
) -> list[Record]:
    """QUERY_MESSAGE: by key, or by unique key with the mark that clients set."""
    response = w.broker.request(
        RequestCode.QUERY_MESSAGE,
        ext={
            "topic": topic,
            "key": key,
            "maxNum": most,
            "beginTimestamp": begin,
            "endTimestamp": end,
            "_UNIQUE_KEY_QUERY": "true" if unique else None,
        },
    )
    if response.code == ResponseCode.QUERY_NOT_FOUND:
        return []
    w.expect(response, code=ResponseCode.SUCCESS)
    return decode_records(response.body)


def _found(w: Wire, topic: str, key: str, count: int, *, unique: bool = False) -> list[Record]:
    """The answer once it has `count` messages: the index is filled in the background."""

    def attempt() -> list[Record] | None:
        records = _query(w, topic, key, unique=unique)
        return records if len(records) >= count else None

    return w.eventually(attempt, what=f"{count} messages with key {key}")


def _settle(w: Wire, topic: str) -> None:
    """When this message is found, all that were sent before it are in the index."""
    key = w.unique("K")
    w.send(topic, b"last", properties={"KEYS": key})
    _found(w, topic, key, 1)


@case("STORE-INDEX-1/keys", rules=["STORE-INDEX-1", "STORE-INDEX-7", "STORE-READ-13"])
def keys(w: Wire) -> None:
    """Every key of a message leads to it, in the order of the log."""
    topic = w.create_topic(queues=2)
    for number, text in enumerate(("a b", "b", " c  a ", "A", "d")):
        w.send(topic, str(number).encode(), queue_id=number % 2, properties={"KEYS": text})
    _settle(w, topic)
    expected = {"a": [0, 2], "b": [0, 1], "c": [2], "A": [3], "d": [4], "e": []}
    for key, numbers in expected.items():
        bodies = [r.body for r in _query(w, topic, key)]
        w.equal(bodies, [str(n).encode() for n in numbers], f"messages with key {key}")


@case("STORE-INDEX-1/unique-key", rules=["STORE-INDEX-1"])
def unique_key(w: Wire) -> None:
    """The unique key of a message leads to it, also without keys of its own."""
    topic = w.create_topic(queues=1)
    keys = [w.unique("U") for _ in range(3)]
    for key in keys:
        w.send(topic, key.encode(), properties={"UNIQ_KEY": key})
    for key in keys:
        (record,) = _found(w, topic, key, 1, unique=True)
        w.equal(record.body, key.encode(), "body")


@case("STORE-INDEX-1/unique-keys-of-a-batch", rules=["STORE-INDEX-1", "STORE-MESSAGE-16"])
def unique_keys_of_a_batch(w: Wire) -> None:
    """Each message of a batch is found by its own unique key."""
    topic = w.create_topic(queues=1)
    keys = [w.unique("U") for _ in range(3)]
    w.send_batch(topic, [BatchMessage(key.encode(), {"UNIQ_KEY": key}) for key in keys])
    for key in keys:
        (record,) = _found(w, topic, key, 1, unique=True)
        w.equal(record.body, key.encode(), "body")


@case("STORE-INDEX-1/topics-apart", rules=["STORE-INDEX-1"])
def topics_apart(w: Wire) -> None:
    """One key in two topics leads to the messages of the topic that is asked for."""
    topics = [w.create_topic(queues=1) for _ in range(2)]
    for topic in topics:
        w.send(topic, topic.encode(), properties={"KEYS": "same"})
    _settle(w, topics[1])
    for topic in topics:
        w.equal([r.body for r in _query(w, topic, "same")], [topic.encode()], "bodies")


@case("STORE-INDEX-1/prepared-message", rules=["STORE-INDEX-1"])
def prepared_message(w: Wire) -> None:
    """A half message is indexed, under the topic in which it is stored."""
    topic = w.create_topic(queues=1)
    key = w.unique("K")
    properties = {"TRAN_MSG": "true", "PGROUP": w.unique("PID"), "KEYS": key, "UNIQ_KEY": key}
    w.send(topic, b"half", properties=properties, sysFlag=_PREPARED)
    (record, *_) = _found(w, "RMQ_SYS_TRANS_HALF_TOPIC", key, 1)
    w.equal(record.body, b"half", "body")
    w.equal(_query(w, topic, key), [], "messages under its own topic")


@case("STORE-INDEX-7/keys-with-one-hash", rules=["STORE-INDEX-7", "STORE-INDEX-2"])
def keys_with_one_hash(w: Wire) -> None:
    """`Aa` and `BB` have one hash: an answer has at least the messages of its key, in order."""
    topic = w.create_topic(queues=1)
    for number, key in enumerate(("Aa", "BB", "Aa", "other")):
        w.send(topic, str(number).encode(), properties={"KEYS": key})
    _settle(w, topic)
    for key, own in {"Aa": [b"0", b"2"], "BB": [b"1"]}.items():
        bodies = [r.body for r in _query(w, topic, key)]
        w.check(set(own) <= set(bodies), f"key {key} gives {bodies}")
        w.check(set(bodies) <= {b"0", b"1", b"2"}, f"key {key} gives {bodies}")
        w.equal(bodies, sorted(bodies), "order")


@case("STORE-INDEX-7/hash-without-absolute-value", rules=["STORE-INDEX-2", "STORE-INDEX-7"])
def hash_without_absolute_value(w: Wire) -> None:
    """Keys whose hash is negative are found like others."""
    topic = w.create_topic(queues=1)
    keys = [f"key-{n}" for n in range(40)]
    for key in keys:
        w.send(topic, key.encode(), properties={"KEYS": key})
    _settle(w, topic)
    for key in keys:
        bodies = [r.body for r in _query(w, topic, key)]
        w.check(key.encode() in bodies, f"key {key} gives {bodies}")


@case(
    "STORE-INDEX-9/how-many",
    rules=["STORE-INDEX-9", "STORE-READ-13"],
    matrix={"one": {"most": 1}, "seven": {"most": 7}, "all": {"most": 64}},
)
def how_many(w: Wire, most: int) -> None:
    """A query gives the newest messages of a key, at most as many as were asked for."""
    topic = w.create_topic(queues=1)
    count = 20
    w.send_batch(topic, [BatchMessage(str(n).encode(), {"KEYS": "k"}) for n in range(count)])
    _settle(w, topic)
    bodies = [r.body for r in _query(w, topic, "k", most=most)]
    first = max(count - most, 0)
    w.equal(bodies, [str(n).encode() for n in range(first, count)], "bodies")


@case("STORE-INDEX-9/most", rules=["STORE-INDEX-9"])
def most(w: Wire) -> None:
    """No query gives more than maxMsgsNumBatch messages."""
    topic = w.create_topic(queues=1)
    limit = 64
    w.send_batch(topic, [BatchMessage(str(n).encode(), {"KEYS": "k"}) for n in range(limit + 20)])
    _settle(w, topic)
    w.equal(len(_query(w, topic, "k", most=1000)), limit, "messages")


@case(
    "STORE-INDEX-6/window",
    rules=["STORE-INDEX-6"],
    matrix={
        "before": {"begin": -7_200_000, "end": -3_600_000, "count": 0},
        "behind": {"begin": 3_600_000, "end": 7_200_000, "count": 0},
        "around": {"begin": -3_600_000, "end": 3_600_000, "count": 1},
        "upside-down": {"begin": 3_600_000, "end": -3_600_000, "count": 0},
    },
)
def window(w: Wire, begin: int, end: int, count: int) -> None:
    """Only messages within the window of times are found."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"m", properties={"KEYS": "k"})
    (record,) = _found(w, topic, "k", 1)
    time = record.store_timestamp
    found = _query(w, topic, "k", begin=time + begin, end=time + end)
    w.equal(len(found), count, "messages")


@case("STORE-INDEX-8/window-that-begins-at-the-message", rules=["STORE-INDEX-8"])
def window_that_begins_at_the_message(w: Wire) -> None:
    """A window that begins at the very store time of a message finds it."""
    topic = w.create_topic(queues=1)
    times: list[int] = []
    for number in range(3):  # of three times at most one is a whole second behind the file's
        if times:
            w.eventually(lambda: w.now() > times[-1], what="the next millisecond")
        w.send(topic, str(number).encode(), properties={"KEYS": f"k{number}"})
        times.append(_found(w, topic, f"k{number}", 1)[0].store_timestamp)
    w.equal(len(set(times)), len(times), "different store times")
    for number, time in enumerate(times):
        bodies = [r.body for r in _query(w, topic, f"k{number}", begin=time, end=time + 60_000)]
        w.equal(bodies, [str(number).encode()], "bodies")


@case("STORE-READ-13/end-of-the-index", rules=["STORE-READ-13"])
def end_of_the_index(w: Wire) -> None:
    """The answer tells the store time and the place up to which messages are indexed."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"m", properties={"KEYS": "k"})
    (record,) = _found(w, topic, "k", 1)
    response = w.broker.request(
        RequestCode.QUERY_MESSAGE,
        ext={
            "topic": topic,
            "key": "k",
            "maxNum": 1,
            "beginTimestamp": 0,
            "endTimestamp": _FOREVER,
        },
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    place = response.integer("indexLastUpdatePhyoffset")
    time = response.integer("indexLastUpdateTimestamp")
    w.check(place >= record.physical_offset, f"place {place}")
    w.check(time >= record.store_timestamp, f"time {time}")
