"""What survives the end of the broker, orderly or not."""

from collections.abc import Mapping

from conformance.case import case
from conformance.matching import dig
from conformance.records import BatchMessage, Record, decode_records
from conformance.target import Capability
from conformance.wire import PERM_READ, PERM_WRITE, Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_HOW = {"orderly": {"kill": 0}, "killed": {"kill": 1}}
_BOTH = (Capability.RESTART, Capability.KILL)
_SCHEDULE_TOPIC = "SCHEDULE_TOPIC_XXXX"
_PREPARED, _COMMIT = 4, 8


def _everything(w: Wire, topic: str, counts: Mapping[int, int]) -> list[Record]:
    """All messages of these queues."""
    return [
        record
        for queue, count in counts.items()
        for record in w.receive(topic, queue, count=count, within_ms=10_000)
    ]


def _by_key(w: Wire, topic: str, key: str) -> list[Record]:
    response = w.broker.request(
        RequestCode.QUERY_MESSAGE,
        ext={
            "topic": topic,
            "key": key,
            "maxNum": 32,
            "beginTimestamp": 0,
            "endTimestamp": 2**63 - 1,
        },
    )
    if response.code == ResponseCode.QUERY_NOT_FOUND:
        return []
    return decode_records(w.expect(response, code=ResponseCode.SUCCESS).body)


@case(
    "STORE-RECOVERY-1/everything-acknowledged-is-there",
    rules=["STORE-RECOVERY-1", "STORE-RECOVERY-4", "STORE-RECOVERY-5", "STORE-CQ-8", "STORE-CQ-14"],
    needs=_BOTH,
    matrix=_HOW,
)
def everything_is_there(w: Wire, kill: int) -> None:
    """Messages of several files and queues are the same records; offsets, ids and keys go on."""
    topic = w.create_topic(queues=3)
    counts = {0: 0, 1: 0, 2: 0}
    for number in range(45):  # more than two files of the log
        queue = number % 3
        w.send(topic, bytes((number,)) * 50_000, queue_id=queue, properties={"KEYS": f"k{number}"})
        counts[queue] += 1
    w.send_batch(topic, [BatchMessage(b"batch", {}) for _ in range(5)], queue_id=1)
    counts[1] += 5
    before = _everything(w, topic, counts)
    w.eventually(lambda: len(_by_key(w, topic, "k44")) == 1, what="the last key")
    w.restart_broker(kill=bool(kill))
    w.equal(_everything(w, topic, counts) == before, True, "records are equal")
    for queue, count in counts.items():
        w.equal((w.min_offset(topic, queue), w.max_offset(topic, queue)), (0, count), "offsets")
        w.equal(w.send(topic, queue_id=queue).queue_offset, count, "offset of the next message")
    # What a kill does to the index is STORE-INDEX-11, where every release may lose old keys.
    for number in (44,) if kill else (0, 20, 44):
        bodies = [r.body[:1] for r in _by_key(w, topic, f"k{number}")]
        w.equal(bodies, [bytes((number,))], f"messages with key k{number}")
    first = w.broker.request(
        RequestCode.VIEW_MESSAGE_BY_ID, ext={"offset": before[0].physical_offset}
    )
    w.expect(first, code=ResponseCode.SUCCESS)


@case(
    "STORE-CQ-3/killed-again-and-again",
    rules=["STORE-CQ-3", "STORE-RECOVERY-4", "STORE-RECOVERY-5"],
    needs=_BOTH,
    limit_ms=120_000,  # three restarts
)
def killed_again_and_again(w: Wire) -> None:
    """What recovery dispatches again is not delivered twice, and no offset is given twice."""
    topic = w.create_topic(queues=1)
    for round_number in range(3):
        for number in range(4):
            sent = w.send(topic, f"{round_number}-{number}".encode())
            w.equal(sent.queue_offset, 4 * round_number + number, "offset")
        w.restart_broker(kill=True)
    records = w.receive(topic, count=12)
    bodies = [f"{n // 4}-{n % 4}".encode() for n in range(12)]
    w.equal([r.body for r in records], bodies, "bodies")
    w.equal(w.max_offset(topic), 12, "max offset")


@case(
    "STORE-RECOVERY-5/tables-survive",
    rules=["STORE-RECOVERY-5", "BROKER-OFFSET-1"],
    needs=_BOTH,
    matrix=_HOW,
)
def tables_survive(w: Wire, kill: int) -> None:
    """Topics and groups survive any end, consumer offsets an orderly one."""
    topic = w.create_topic(queues=5, read_queues=3, perm=PERM_READ | PERM_WRITE, order=True)
    write_only = w.create_topic(queues=1, perm=PERM_WRITE)
    group = w.create_group(retryMaxTimes=7, consumeEnable=True)
    w.send(topic)
    w.commit_offset(group, topic, 0, 1)
    configs = [w.topic_config(name) for name in (topic, write_only)]
    groups = w.broker.request(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG).json()
    before = dig(groups, "subscriptionGroupTable", group)
    w.restart_broker(kill=bool(kill))
    w.equal([w.topic_config(name) for name in (topic, write_only)], configs, "topics")
    groups = w.broker.request(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG).json()
    w.equal(dig(groups, "subscriptionGroupTable", group), before, "group")
    if not kill:
        w.equal(w.query_offset(group, topic), 1, "consumer offset")


@case(
    "STORE-RECOVERY-5/half-messages-survive",
    rules=["STORE-RECOVERY-5", "STORE-CQ-1"],
    needs=_BOTH,
    matrix=_HOW,
)
def half_messages_survive(w: Wire, kill: int) -> None:
    """A half message stays invisible after a restart, and can be committed then."""
    topic = w.create_topic(queues=1)
    group = w.unique("PID")
    properties = {"TRAN_MSG": "true", "PGROUP": group, "UNIQ_KEY": w.unique("K")}
    half = w.send(topic, b"half", properties=properties, sysFlag=_PREPARED, producerGroup=group)
    w.restart_broker(kill=bool(kill))
    w.equal(w.max_offset(topic), 0, "max offset before the decision")
    end = w.broker.request(
        RequestCode.END_TRANSACTION,
        ext={
            "producerGroup": group,
            "tranStateTableOffset": half.queue_offset,
            "commitLogOffset": int(half.message_id[-16:], 16),
            "commitOrRollback": _COMMIT,
            "fromTransactionCheck": False,
        },
    )
    w.expect(end, code=ResponseCode.SUCCESS)
    (record,) = w.receive(topic)
    w.equal((record.body, record.queue_offset), (b"half", 0), "body and offset")


@case(
    "STORE-RECOVERY-5/delayed-messages-survive",
    rules=["STORE-RECOVERY-5", "STORE-LOG-5"],
    needs=_BOTH,
    matrix=_HOW,
)
def delayed_messages_survive(w: Wire, kill: int) -> None:
    """What waits goes on waiting or comes late; from 4.9 on nothing comes twice after an end."""
    topic, waiting = w.create_topic(queues=1), w.create_topic(queues=1)
    w.send(topic, b"delivered before", properties={"DELAY": "1"})
    w.receive(topic)
    level = w.send(waiting, b"in an hour", properties={"DELAY": "17"}).queue_offset + 1
    w.send(topic, b"delivered later", properties={"DELAY": "1"})
    w.restart_broker(kill=bool(kill))
    w.equal(w.max_offset(_SCHEDULE_TOPIC, 16), level, "max offset of the level")
    bodies = w.eventually(lambda: _with(w, topic, b"delivered later"), what="the late message")
    w.equal(bodies[0], b"delivered before", "first body")
    # The progress of a level is written every ten seconds, and from 4.9 on at an orderly end.
    if not kill and w.release != "4.6":
        w.equal(bodies, [b"delivered before", b"delivered later"], "bodies")
    w.equal(w.max_offset(waiting), 0, "max offset of the topic that waits")


def _with(w: Wire, topic: str, body: bytes) -> list[bytes] | None:
    """All bodies of queue 0, once `body` is among them."""
    bodies = w.pull(topic, 0, 0).bodies
    return bodies if body in bodies else None


@case(
    "STORE-RETENTION-8/deleted-topic-begins-again",
    rules=["STORE-RETENTION-8"],
)
def deleted_topic_begins_again(w: Wire) -> None:
    """A topic that was deleted and made again is empty and counts from 0."""
    topic = w.create_topic(queues=1)
    for _ in range(3):
        w.send(topic, b"old")
    w.await_max_offset(topic, 0, 3)
    deleted = w.broker.request(RequestCode.DELETE_TOPIC_IN_BROKER, ext={"topic": topic})
    w.expect(deleted, code=ResponseCode.SUCCESS)
    w.eventually(lambda: w.max_offset(topic) == 0, what="the end of the queue")
    w.create_topic(queues=1, name=topic)
    w.equal(w.send(topic, b"new").queue_offset, 0, "offset of the first message")
    (record,) = w.receive(topic)
    w.equal((record.body, w.max_offset(topic)), (b"new", 1), "body and max offset")
