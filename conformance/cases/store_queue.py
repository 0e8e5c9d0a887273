"""Queues: offsets, reading, times, and what is not to be seen."""

from itertools import pairwise

from conformance.case import case
from conformance.connection import ExtValue
from conformance.records import BatchMessage
from conformance.settings import runtime_table
from conformance.target import Capability
from conformance.wire import Wire, pull_result
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX"
_HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC"
_PREPARED, _COMMIT, _ROLLBACK = 4, 8, 12
_SYNC_FLUSH = {
    "flushDiskType": "SYNC_FLUSH",
    "mapedFileSizeCommitLog": "131072",
    "mappedFileSizeCommitLog": "131072",
}
_UNITS_PER_FILE = 600  # 12000 bytes of STANDARD_OPTIONS


def _fill(w: Wire, topic: str, count: int) -> None:
    """`count` messages in queue 0, by batches; the body is the queue offset."""
    for start in range(0, count, 100):
        numbers = range(start, min(start + 100, count))
        w.send_batch(topic, [BatchMessage(str(n).encode(), {}) for n in numbers])
    w.await_max_offset(topic, 0, count)


@case("STORE-LOG-7/offsets-per-queue", rules=["STORE-LOG-7", "STORE-CQ-2"])
def offsets_per_queue(w: Wire) -> None:
    """Every queue of every topic counts from 0 without a gap, however sends are mixed."""
    topics = [w.create_topic(queues=3) for _ in range(2)]
    expected = {(topic, queue): 0 for topic in topics for queue in range(3)}
    order = [(n * 7 % 2, n * n % 3) for n in range(60)]
    for number, (at, queue) in enumerate(order):
        key = (topics[at], queue)
        sent = w.send(topics[at], str(number).encode(), queue_id=queue)
        w.equal(sent.queue_offset, expected[key], f"offset in {key}")
        expected[key] += 1
    for (topic, queue), count in expected.items():
        if not count:
            continue
        records = w.receive(topic, queue, count=count)
        w.equal([r.queue_offset for r in records], list(range(count)), "offsets")
        numbers = [int(r.body) for r in records]
        w.equal(numbers, sorted(numbers), "order of sending")
        places = [r.physical_offset for r in records]
        w.equal(places, sorted(set(places)), "places in the log")


@case("STORE-LOG-7/many-senders", rules=["STORE-LOG-7"])
def many_senders(w: Wire) -> None:
    """Sends of many connections at once get different offsets without a gap."""
    topic = w.create_topic(queues=1)
    connections = [w.connect() for _ in range(8)]
    asked = [
        (c, c.submit(RequestCode.SEND_MESSAGE, ext=w.send_ext(topic), body=str(n).encode()))
        for n in range(25)
        for c in connections
    ]
    answers = [connection.answer(opaque) for connection, opaque in asked]
    for answer in answers:
        w.expect(answer, code=ResponseCode.SUCCESS)
    offsets = sorted(answer.integer("queueOffset") for answer in answers)
    w.equal(offsets, list(range(len(asked))), "offsets")
    w.equal(len(w.receive(topic, count=len(asked))), len(asked), "messages")
    w.equal(len({answer.text("msgId") for answer in answers}), len(asked), "different ids")


@case("STORE-LOG-1/refusals-take-no-offset", rules=["STORE-LOG-1", "STORE-LOG-7"])
def refusals_take_no_offset(w: Wire) -> None:
    """Between refused sends the offsets and places of stored ones stay without a gap."""
    topic = w.create_topic(queues=1)
    for number in range(4):
        w.equal(w.send(topic, b"stored").queue_offset, number, "offset")
        for refused in (
            w.try_send(topic, bytes(70_000)),
            w.try_send(topic, properties={"p": "v" * 40_000}),
            w.try_send(topic, queue_id=99),
            w.try_send("no/such/topic"),
        ):
            w.check(refused.code != ResponseCode.SUCCESS, "stored against the rules")
    records = w.receive(topic, count=4)
    for one, next_one in pairwise(records):
        w.equal(next_one.physical_offset, one.physical_offset + one.store_size, "place")


@case("STORE-READ-1/answers-of-a-read", rules=["STORE-READ-1", "STORE-READ-4", "STORE-READ-2"])
def answers_of_a_read(w: Wire) -> None:
    """Every answer has minimum, maximum and the offset to go on from."""
    topic = w.create_topic(queues=2)
    for _ in range(5):
        w.send(topic)
    w.await_max_offset(topic, 0, 5)
    expected = {
        0: (ResponseCode.SUCCESS, 5),
        3: (ResponseCode.SUCCESS, 5),
        4: (ResponseCode.SUCCESS, 5),
        5: (ResponseCode.PULL_NOT_FOUND, 5),
    }
    for offset, (code, after) in expected.items():
        result = w.pull(topic, 0, offset)
        found = (result.code, result.next_begin_offset, result.min_offset, result.max_offset)
        w.equal(found, (code, after, 0, 5), f"code, next, min, max of a pull at {offset}")
        w.equal(len(result.records), max(5 - offset, 0), "messages")


@case(
    "STORE-READ-2/empty-queue",
    rules=["STORE-READ-2"],
    matrix={"at-0": {"offset": 0}, "at-1": {"offset": 1}, "far": {"offset": 1 << 40}},
)
def empty_queue(w: Wire, offset: int) -> None:
    """A reader of an empty queue is sent to 0."""
    topic = w.create_topic(queues=1)
    result = w.pull(topic, 0, offset)
    found = (result.next_begin_offset, result.min_offset, result.max_offset)
    w.equal(found, (0, 0, 0), "next, min, max")
    wanted = ResponseCode.PULL_OFFSET_MOVED if offset else ResponseCode.PULL_NOT_FOUND
    w.equal(result.code, wanted, "code")


@case("STORE-READ-3/below-the-minimum", rules=["STORE-READ-3"])
def below_the_minimum(w: Wire) -> None:
    """A negative offset is below the minimum: the reader is sent there."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    result = w.pull(topic, 0, -5)
    w.equal(result.code, ResponseCode.PULL_OFFSET_MOVED, "code")
    w.equal(result.next_begin_offset, 0, "next offset")


@case("STORE-CQ-7/reading-over-files-of-a-queue", rules=["STORE-CQ-7", "STORE-FILES-1"])
def over_files_of_a_queue(w: Wire) -> None:
    """One read ends with a file of the queue; the next goes on without a gap."""
    topic = w.create_topic(queues=1)
    count = 2 * _UNITS_PER_FILE + 20
    _fill(w, topic, count)
    edge = w.pull(topic, 0, _UNITS_PER_FILE - 10, maxMsgNums=32)
    w.equal(len(edge.records), 10, "messages up to the end of the file")
    w.equal(edge.next_begin_offset, _UNITS_PER_FILE, "next offset")
    bodies: list[bytes] = []
    while len(bodies) < count:
        result = w.pull(topic, 0, len(bodies), maxMsgNums=32)
        w.equal(result.code, ResponseCode.SUCCESS, "code")
        bodies += result.bodies
    w.equal(bodies, [str(n).encode() for n in range(count)], "bodies")


@case(
    "STORE-CQ-12/queue-that-does-not-exist",
    rules=["STORE-CQ-12"],
    matrix={"negative": {"queue": -1}, "next": {"queue": 2}, "largest": {"queue": 2**31 - 1}},
)
def queue_that_does_not_exist(w: Wire, queue: int) -> None:
    """Offsets and times of a queue that does not exist are those of an empty one."""
    topic = w.create_topic(queues=2)
    asked: dict[str, ExtValue] = {"topic": topic, "queueId": queue}
    for code in (RequestCode.GET_MAX_OFFSET, RequestCode.GET_MIN_OFFSET):
        w.expect(w.broker.request(code, ext=asked), code=ResponseCode.SUCCESS, ext={"offset": "0"})
    earliest = w.broker.request(RequestCode.GET_EARLIEST_MSG_STORETIME, ext=asked)
    w.expect(earliest, code=ResponseCode.SUCCESS, ext={"timestamp": "-1"})
    search = w.broker.request(
        RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, ext={**asked, "timestamp": w.now()}
    )
    w.expect(search, code=ResponseCode.SUCCESS, ext={"offset": "0"})
    w.send(topic, queue_id=1)
    w.equal(w.receive(topic, 1)[0].queue_offset, 0, "offset in a queue that exists")


def _at_different_times(w: Wire, topic: str, count: int) -> list[int]:
    """`count` messages with store times that differ; the times."""
    times: list[int] = []
    for number in range(count):
        if times:
            w.eventually(lambda: w.now() > times[-1], what="the next millisecond")
        w.send(topic, str(number).encode())
        times.append(w.receive(topic, 0, number)[0].store_timestamp)
    w.check(sorted(set(times)) == times, f"store times {times}")
    return times


def _search(w: Wire, topic: str, timestamp: int, boundary: str | None = None) -> int:
    response = w.broker.request(
        RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
        ext={"topic": topic, "queueId": 0, "timestamp": timestamp, "boundaryType": boundary},
    )
    return w.expect(response, code=ResponseCode.SUCCESS).integer("offset")


@case("STORE-CQ-11/offset-by-time", rules=["STORE-CQ-11"])
def offset_by_time(w: Wire) -> None:
    """The store time of a message leads to it, earlier ones to the first message."""
    topic = w.create_topic(queues=1)
    times = _at_different_times(w, topic, 5)
    w.equal([_search(w, topic, t) for t in times], [0, 1, 2, 3, 4], "offsets of the times")
    for early in (0, times[0] - 1, times[0] - 100_000):
        w.equal(_search(w, topic, early), 0, f"offset of {early}")
    behind = w.by_release({"4.6": 4, "4.9": 4, "5.5": 5})
    w.equal(_search(w, topic, times[-1] + 100_000), behind, "offset of a time behind the last")


@case("STORE-CQ-11/boundaries", rules=["STORE-CQ-11"], releases=["5.5"])
def boundaries(w: Wire) -> None:
    """LOWER is the first message not older, UPPER the last one not newer."""
    topic = w.create_topic(queues=1)
    times = _at_different_times(w, topic, 3)
    w.equal([_search(w, topic, t, "lower") for t in times], [0, 1, 2], "lower")
    w.equal([_search(w, topic, t, "upper") for t in times], [0, 1, 2], "upper")
    after = times[-1] + 100_000
    w.equal((_search(w, topic, after, "lower"), _search(w, topic, after, "upper")), (3, 2), "after")
    w.equal(_search(w, topic, times[0] - 100_000, "upper"), 0, "upper before the first")


@case("STORE-READ-12/earliest-time", rules=["STORE-READ-12"])
def earliest_time(w: Wire) -> None:
    """The earliest time of a queue is the store time of its first message."""
    topic = w.create_topic(queues=1)
    times = _at_different_times(w, topic, 2)
    response = w.broker.request(
        RequestCode.GET_EARLIEST_MSG_STORETIME, ext={"topic": topic, "queueId": 0}
    )
    w.expect(response, code=ResponseCode.SUCCESS, ext={"timestamp": str(times[0])})


def _half(w: Wire, topic: str, body: bytes = b"half") -> tuple[str, int, int]:
    """A prepared message: its group, its offset in the half queue and its place in the log."""
    group = w.unique("PID")
    properties = {"TRAN_MSG": "true", "PGROUP": group, "UNIQ_KEY": w.unique("K")}
    sent = w.send(topic, body, properties=properties, sysFlag=_PREPARED, producerGroup=group)
    return group, sent.queue_offset, int(sent.message_id[-16:], 16)


def _end(w: Wire, half: tuple[str, int, int], decision: int) -> None:
    group, queue_offset, physical = half
    response = w.broker.request(
        RequestCode.END_TRANSACTION,
        ext={
            "producerGroup": group,
            "tranStateTableOffset": queue_offset,
            "commitLogOffset": physical,
            "commitOrRollback": decision,
            "fromTransactionCheck": False,
        },
    )
    w.expect(response, code=ResponseCode.SUCCESS)


def _settle(w: Wire) -> None:
    """Queues are filled in the order of the log: when this message is visible, all before are."""
    later = w.create_topic(queues=1)
    w.send(later)
    w.await_max_offset(later, 0, 1)


@case(
    "STORE-CQ-1/half-messages-are-invisible",
    rules=["STORE-CQ-1", "STORE-LOG-7"],
    matrix={"commit": {"decision": _COMMIT}, "rollback": {"decision": _ROLLBACK}},
)
def half_messages(w: Wire, decision: int) -> None:
    """A half message takes no offset of its topic; a committed one gets the next, once."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"first")
    half = _half(w, topic)
    w.equal(w.send(topic, b"second").queue_offset, 1, "offset of the next message")
    _settle(w)
    w.equal(w.max_offset(topic), 2, "max offset before the decision")
    _end(w, half, decision)
    _settle(w)
    bodies = [b"first", b"second"] + [b"half"] * (decision == _COMMIT)
    w.equal([r.body for r in w.receive(topic, count=len(bodies))], bodies, "bodies")
    w.equal(w.max_offset(topic), len(bodies), "max offset after the decision")


@case("STORE-LOG-5/delayed-messages-are-invisible", rules=["STORE-LOG-5", "STORE-LOG-7"])
def delayed_messages(w: Wire) -> None:
    """A delayed message waits in the schedule topic and takes no offset of its own topic yet."""
    topic = w.create_topic(queues=2)
    level = 17
    before = w.max_offset(_SCHEDULE_TOPIC, level - 1)
    sent = w.send(topic, b"late", queue_id=1, properties={"DELAY": str(level)})
    w.equal(sent.queue_offset, before, "offset in the queue of the level")
    w.equal(w.send(topic, b"now", queue_id=1).queue_offset, 0, "offset of the next message")
    _settle(w)
    w.equal(w.max_offset(topic, 1), 1, "max offset of the topic")
    w.equal(w.max_offset(_SCHEDULE_TOPIC, level - 1), before + 1, "max offset of the level")


@case("STORE-LOG-5/level-above-the-highest", rules=["STORE-LOG-5"])
def level_above_the_highest(w: Wire) -> None:
    """A level above the highest counts as the highest."""
    topic = w.create_topic(queues=1)
    highest = 18
    before = w.max_offset(_SCHEDULE_TOPIC, highest - 1)
    w.send(topic, b"very late", properties={"DELAY": "99"})
    _settle(w)
    w.equal(w.max_offset(_SCHEDULE_TOPIC, highest - 1), before + 1, "max offset of the level")
    w.equal(w.max_offset(topic), 0, "max offset of the topic")


@case("STORE-LOG-5/delivered-with-its-properties", rules=["STORE-LOG-5"])
def delivered_with_its_properties(w: Wire) -> None:
    """A delayed message comes to its topic and queue with its body, tag and keys."""
    topic = w.create_topic(queues=2)
    w.send(topic, b"soon", queue_id=1, properties={"DELAY": "1", "TAGS": "t", "KEYS": "k"}, flag=3)
    (record,) = w.receive(topic, 1)
    found = (record.body, record.flag, record.queue_id, record.queue_offset)
    w.equal(found, (b"soon", 3, 1, 0), "body, flag, queue, offset")
    kept = {name: record.properties.get(name) for name in ("TAGS", "KEYS")}
    w.equal(kept, {"TAGS": "t", "KEYS": "k"}, "properties")
    w.equal(len(w.pull(topic, 1, 0, subscription="t").records), 1, "messages with the tag")


@case("STORE-CQ-13/held-pull-wakes-for-its-queue", rules=["STORE-CQ-13"])
def held_pull_wakes(w: Wire) -> None:
    """A pull that waits for one queue is not woken by another, and reads what woke it."""
    topic = w.create_topic(queues=2)
    connection = w.connect()
    fields = w.pull_ext(topic, 1, sysFlag=4 | 2, suspendTimeoutMillis=15_000)
    opaque = connection.submit(RequestCode.PULL_MESSAGE, ext=fields)
    w.send(topic, b"other", queue_id=0)
    _settle(w)
    connection.probe()
    w.check(not connection.answered(opaque), "woken by another queue")
    w.send(topic, b"mine", queue_id=1)
    result = pull_result(connection.answer(opaque, timeout_ms=10_000))
    w.equal(result.bodies, [b"mine"], "bodies")


@case(
    "STORE-FLUSH-2/synchronous-flush",
    rules=["STORE-FLUSH-2", "STORE-FLUSH-3"],
    options=_SYNC_FLUSH,
)
def synchronous_flush(w: Wire) -> None:
    """Under SYNC_FLUSH sends, batches and sends that do not wait are answered and visible."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"waits")
    w.send(topic, b"does not", properties={"WAIT": "false"})
    w.send_batch(topic, [BatchMessage(b"batch", {}) for _ in range(3)])
    bodies = [b"waits", b"does not", b"batch", b"batch", b"batch"]
    w.equal([r.body for r in w.receive(topic, count=5)], bodies, "bodies")


@case(
    "STORE-FLUSH-4/synchronous-flush-over-files",
    rules=["STORE-FLUSH-4", "STORE-FLUSH-3"],
    options=_SYNC_FLUSH,
)
def synchronous_flush_over_files(w: Wire) -> None:
    """A message that begins a new file is flushed too; 4.6 does not see it and says time-out."""
    topic = w.create_topic(queues=1)
    # Two messages fill a file: each odd one from the third on begins one. A round of the flusher
    # that nobody asked for may cover the end of a file first, and then 4.6 is in time as well.
    codes = [w.try_send(topic, bytes(60_000)).code for _ in range(9)]
    late = codes.count(ResponseCode.FLUSH_DISK_TIMEOUT)
    expected = range(1, 5) if w.release == "4.6" else range(1)
    w.check(late in expected, f"answers FLUSH_DISK_TIMEOUT in {codes}")
    w.equal(set(codes) - {ResponseCode.FLUSH_DISK_TIMEOUT}, {ResponseCode.SUCCESS}, "other codes")
    w.await_max_offset(topic, 0, 9)


@case(
    "STORE-LOG-14/synchronous-master",
    rules=["STORE-LOG-14"],
    options={"brokerRole": "SYNC_MASTER"},
    needs=[Capability.START],
)
def synchronous_master(w: Wire) -> None:
    """A synchronous master without a slave stores and says so, unless nobody waits."""
    topic = w.create_topic(queues=1)
    wanted = w.by_release({"4.6": 11, "4.9": 11, "5.5": 0})
    w.expect(w.try_send(topic, b"alone"), code=wanted)
    w.expect(w.try_send(topic, b"quiet", properties={"WAIT": "false"}), code=0)
    w.equal([r.body for r in w.receive(topic, count=2)], [b"alone", b"quiet"], "bodies")


@case(
    "STORE-FLUSH-9/pool",
    rules=["STORE-FLUSH-9", "BROKER-LIFECYCLE-3"],
    options={"transientStorePoolEnable": "true"},
    fresh=True,
)
def pool(w: Wire) -> None:
    """With a transient pool messages are committed by and by, and then seen.

    Of its five buffers the first file has one, and the one that is made in advance another.
    """
    topic = w.create_topic(queues=1)
    for number in range(3):
        w.send(topic, str(number).encode())
    records = w.receive(topic, count=3)
    w.equal([record.body for record in records], [b"0", b"1", b"2"], "bodies")
    w.eventually(
        lambda: runtime_table(w)["remainTransientStoreBufferNumbs"] == "3",
        what="buffers that are left",
    )
