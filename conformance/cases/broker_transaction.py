"""Transactions: half messages, their end, and the check-back. The case plays the producer."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from conformance.case import case
from conformance.connection import Connection, ExtValue
from conformance.frames import Frame
from conformance.records import Record, decode_records
from conformance.response import Response
from conformance.settings import broker_settings
from conformance.target import Capability
from conformance.wire import Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_HALF = "RMQ_SYS_TRANS_HALF_TOPIC"
_OP = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
_WALKER = "CID_RMQ_SYS_TRANS"
_DISCARDED = "TRANS_CHECK_MAX_TIME_TOPIC"
_NOT_TYPE, _PREPARED, _COMMIT, _ROLLBACK = 0, 4, 8, 12
_TYPE_BITS = 12
# Checks come soon, and on a broker of their own: a topic that another case deletes makes 4.6
# forget what has ended.
_SOON = {
    "transactionTimeOut": "600",
    "transactionCheckInterval": "300",
}
_CHECK_MS = 4000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class _Half:
    """A half message that was acknowledged: what its producer knows."""

    group: str
    topic: str
    key: str
    queue_offset: int
    physical_offset: int
    message_id: str


def _send_half(
    w: Wire,
    topic: str,
    body: bytes = b"half",
    *,
    group: str = "",
    queue_id: int = 0,
    flag: int = 0,
    born: int | None = None,
    **properties: str,
) -> _Half:
    group = group or w.unique("PID")
    key = w.unique("K")
    named = {"TRAN_MSG": "true", "PGROUP": group, "UNIQ_KEY": key, **properties}
    sent = w.send(
        topic,
        body,
        queue_id=queue_id,
        properties=named,
        sysFlag=_PREPARED,
        flag=flag,
        producerGroup=group,
        bornTimestamp=w.now() if born is None else born,
    )
    physical = int(sent.message_id[-16:], 16)
    return _Half(group, topic, key, sent.queue_offset, physical, sent.message_id)


def _end(w: Wire, half: _Half, how: int, **ext: ExtValue) -> Response:
    return w.broker.request(RequestCode.END_TRANSACTION, ext=_end_ext(half, how, **ext))


def _end_ext(half: _Half, how: int, **ext: ExtValue) -> dict[str, ExtValue]:
    fields: dict[str, ExtValue] = {
        "producerGroup": half.group,
        "tranStateTableOffset": half.queue_offset,
        "commitLogOffset": half.physical_offset,
        "commitOrRollback": how,
        "fromTransactionCheck": False,
        "msgId": half.key,
        "transactionId": half.key,
    }
    fields.update(ext)
    return fields


def _behind(w: Wire) -> None:
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)


@contextmanager
def _operations_at_once(w: Wire) -> Iterator[None]:
    """5.5 collects operations for three seconds, unless they are larger than this."""
    if w.release != "5.5":
        yield
        return
    with broker_settings(w, transactionOpMsgMaxSize="1"):
        yield


# --- half messages


@case("BROKER-TRANS-1/hidden", rules=["BROKER-TRANS-1", "BROKER-SEND-17"])
def half_is_hidden(w: Wire) -> None:
    """A half message is stored where no consumer of its topic sees it; its queue is answered."""
    topic = w.create_topic(queues=3)
    properties = {"TRAN_MSG": "true", "PGROUP": "p"}
    tries = 0
    while True:
        before = w.max_offset(_HALF)
        sent = w.send(topic, queue_id=2, properties=properties, sysFlag=_PREPARED)
        _behind(w)
        stored = w.max_offset(_HALF) - before
        tries += 1
        if stored == 1 or tries == _TRIES:
            break  # else a check has put a half message of another case back in between
    w.equal(sent.queue_id, 2, "queue of the answer")
    w.equal(sent.queue_offset, before, "offset of the answer: of the half queue")
    w.equal((w.max_offset(topic, 2), stored), (0, 1), "topic, half topic")


@case("BROKER-TRANS-1/stored-form", rules=["BROKER-TRANS-1", "BROKER-TRANS-2"])
def stored_form(w: Wire) -> None:
    """The record names its real topic and queue, and has lost the transaction bits."""
    topic = w.create_topic(queues=3)
    half = _send_half(w, topic, b"stored", queue_id=1, own="kept")
    record = _view(w, half)
    w.equal((record.topic, record.queue_id, record.body), (_HALF, 0, b"stored"), "where")
    w.equal(record.sys_flag & _TYPE_BITS, 0, "transaction bits")
    names = ("REAL_TOPIC", "REAL_QID", "own", "TRAN_MSG", "__transactionId__")
    stored = [record.properties.get(name) for name in names]
    identifier = w.by_release({"4.6": None, "4.9": None, "5.5": half.key})
    w.equal(stored, [topic, "1", "kept", "true", identifier], "properties")


def _view(w: Wire, half: _Half) -> Record:
    ext: dict[str, ExtValue] = {"offset": half.physical_offset, "topic": _HALF}
    response = w.broker.request(RequestCode.VIEW_MESSAGE_BY_ID, ext=ext)
    return decode_records(w.expect(response, code=ResponseCode.SUCCESS).body)[0]


@case("BROKER-TRANS-23/half-with-a-delay-level", rules=["BROKER-TRANS-23"])
def half_with_a_delay_level(w: Wire) -> None:
    """A half message with a delay level is a half message, and can be committed."""
    topic = w.create_topic(queues=1)
    half = _send_half(w, topic, DELAY="1")
    record = _view(w, half)
    w.equal((record.topic, record.queue_offset), (_HALF, half.queue_offset), "where")
    w.expect(_end(w, half, _COMMIT), code=ResponseCode.SUCCESS)
    w.equal(w.receive(topic, within_ms=4000)[0].body, b"half", "body")


# --- the end


@case("BROKER-TRANS-6/commit", rules=["BROKER-TRANS-6", "BROKER-TRANS-8"])
def commit(w: Wire) -> None:
    """A commit stores the message in its topic and queue, as its sender wrote it."""
    topic = w.create_topic(queues=3)
    ops = w.max_offset(_OP)
    half = _send_half(w, topic, b"whole", queue_id=2, flag=9, TAGS="red", own="kept")
    with _operations_at_once(w):
        w.expect(_end(w, half, _COMMIT), code=ResponseCode.SUCCESS)
        w.eventually(lambda: w.max_offset(_OP) > ops, what="the operation")
    record = w.receive(topic, 2)[0]
    w.equal((record.body, record.flag, record.queue_id), (b"whole", 9, 2), "body, flag, queue")
    w.equal(record.sys_flag & _TYPE_BITS, _COMMIT, "transaction bits")
    w.equal(record.prepared_transaction_offset, half.physical_offset, "prepared offset")
    names = ("TAGS", "own", "UNIQ_KEY", "PGROUP", "TRAN_MSG", "REAL_TOPIC", "REAL_QID")
    stored = [record.properties.get(name) for name in names]
    real: tuple[str | None, ...] = (topic, "2")
    kept = w.by_release({"4.6": real, "4.9": real, "5.5": (None, None)})
    w.equal(stored, ["red", "kept", half.key, half.group, "true", *kept], "properties")


@case("BROKER-TRANS-8/rollback", rules=["BROKER-TRANS-8", "BROKER-TRANS-9"])
def rollback(w: Wire) -> None:
    """A rollback delivers nothing and is written as an operation."""
    topic = w.create_topic(queues=1)
    ops = w.max_offset(_OP)
    half = _send_half(w, topic)
    with _operations_at_once(w):
        w.expect(_end(w, half, _ROLLBACK), code=ResponseCode.SUCCESS)
        w.eventually(lambda: w.max_offset(_OP) > ops, what="the operation")
    _behind(w)
    w.equal(w.max_offset(topic), 0, "max offset")


@case("BROKER-TRANS-6/tags-filter-a-commit", rules=["BROKER-TRANS-6"])
def tags_of_a_commit(w: Wire) -> None:
    """A committed message is found by its tag."""
    topic = w.create_topic(queues=1)
    for tag in ("red", "blue"):
        half = _send_half(w, topic, tag.encode(), TAGS=tag)
        w.expect(_end(w, half, _COMMIT), code=ResponseCode.SUCCESS)
    w.await_max_offset(topic, 0, 2)
    w.equal(w.pull(topic, subscription="blue").bodies, [b"blue"], "bodies")


@case("BROKER-TRANS-3/undecided", rules=["BROKER-TRANS-3"])
def undecided(w: Wire) -> None:
    """An end that decides nothing is not answered, and the half message stays open."""
    topic = w.create_topic(queues=1)
    half = _send_half(w, topic)
    w.await_max_offset(_HALF, 0, half.queue_offset + 1)
    with w.unchanged(topic):
        opaque = w.broker.submit(RequestCode.END_TRANSACTION, ext=_end_ext(half, _NOT_TYPE))
        w.broker.expect_silence(opaque)
    w.expect(_end(w, half, _COMMIT), code=ResponseCode.SUCCESS)
    w.await_max_offset(topic, 0, 1)


@case(
    "BROKER-TRANS-5/wrong",
    rules=["BROKER-TRANS-5"],
    matrix={
        "producer-group": {"field": "producerGroup", "remark": "The producer group wrong"},
        "queue-offset": {
            "field": "tranStateTableOffset",
            "remark": "The transaction state table offset wrong",
        },
    },
)
def wrong_end(w: Wire, field: str, remark: str) -> None:
    """An end that does not name the half message is refused, and the half message stays open."""
    topic = w.create_topic(queues=1)
    half = _send_half(w, topic)
    value: ExtValue = w.unique("P") if field == "producerGroup" else half.queue_offset + 1
    with w.unchanged(topic):
        for how in (_COMMIT, _ROLLBACK):
            response = _end(w, half, how, **{field: value})
            w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)
    w.expect(_end(w, half, _COMMIT), code=ResponseCode.SUCCESS)
    w.await_max_offset(topic, 0, 1)


@case(
    "BROKER-TRANS-24/nothing-there",
    rules=["BROKER-TRANS-24"],
    matrix={"behind-the-end": {"offset": 2**50}, "negative": {"offset": -1}},
)
def no_half_message_there(w: Wire, offset: int) -> None:
    """An end at which no record lies is refused."""
    half = _send_half(w, w.create_topic(queues=1))
    response = _end(w, half, _COMMIT, commitLogOffset=offset)
    remark = re.compile("^Find prepared transaction message failed")
    w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)


@case("BROKER-TRANS-5/plain-message", rules=["BROKER-TRANS-5"])
def end_of_a_plain_message(w: Wire) -> None:
    """A message that is no half message is not ended: it names no producer group."""
    topic = w.create_topic(queues=1)
    sent = w.send(topic)
    physical = int(sent.message_id[-16:], 16)
    half = _Half("g", topic, "k", sent.queue_offset, physical, sent.message_id)
    w.await_max_offset(topic, 0, 1)
    with w.unchanged(topic):
        w.expect(_end(w, half, _COMMIT), code=ResponseCode.SYSTEM_ERROR)


@case(
    "REMOTING-HEADER-12/decision",
    rules=["REMOTING-HEADER-12"],
    matrix={"one": {"how": "1"}, "prepared": {"how": "4"}, "negative": {"how": "-8"}},
)
def decision_that_is_none(w: Wire, how: str) -> None:
    """Another decision than commit, rollback or none is refused."""
    topic = w.create_topic(queues=1)
    half = _send_half(w, topic)
    with w.unchanged(topic):
        response = _end(w, half, 0, commitOrRollback=how)
        remark = re.compile("commitOrRollback field wrong")
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)


@case("BROKER-TRANS-6/ended-twice", rules=["BROKER-TRANS-6"])
def ended_twice(w: Wire) -> None:
    """A producer that commits twice delivers twice: nobody looks whether it has ended."""
    topic = w.create_topic(queues=1)
    half = _send_half(w, topic)
    for _ in range(2):
        w.expect(_end(w, half, _COMMIT), code=ResponseCode.SUCCESS)
    first, second = w.receive(topic, count=2)
    w.equal(first.prepared_transaction_offset, second.prepared_transaction_offset, "same half")


@case("BROKER-TRANS-6/oneway", rules=["BROKER-TRANS-6", "BROKER-LIFECYCLE-14"])
def oneway_commit(w: Wire) -> None:
    """A one-way commit, as clients send it, delivers and is not answered."""
    topic = w.create_topic(queues=1)
    half = _send_half(w, topic)
    opaque = w.broker.oneway(RequestCode.END_TRANSACTION, ext=_end_ext(half, _COMMIT))
    w.equal(w.receive(topic)[0].body, b"half", "body")
    w.broker.expect_silence(opaque)


@case("BROKER-TRANS-6/delayed-commit", rules=["BROKER-TRANS-6", "BROKER-TRANS-7"])
def commit_to_a_missing_topic(w: Wire) -> None:
    """The topic of a half message is made by its send; the commit needs no other."""
    topic = w.unique("T")
    half = _send_half(w, topic)
    w.check(w.topic_config(topic), "the topic is not made")
    w.expect(_end(w, half, _COMMIT), code=ResponseCode.SUCCESS)
    w.await_max_offset(topic, 0, 1)


@case("BROKER-TRANS-4/late-end", rules=["BROKER-TRANS-4"])
def late_end(w: Wire) -> None:
    """After the immunity that a message names, 5.5 refuses an end that no check asked for."""
    topic = w.create_topic(queues=1)
    group, key = w.unique("PID"), w.unique("K")
    named = {
        "TRAN_MSG": "true",
        "PGROUP": group,
        "UNIQ_KEY": key,
        "CHECK_IMMUNITY_TIME_IN_SECONDS": "3",
    }
    sent = w.send(topic, properties=named, sysFlag=_PREPARED, bornTimestamp=w.now() - 60_000)
    physical = int(sent.message_id[-16:], 16)
    half = _Half(group, topic, key, sent.queue_offset, physical, sent.message_id)
    response = _end(w, half, _COMMIT)
    w.expect(response, code=w.by_release({"4.6": 0, "4.9": 0, "5.5": 604}))
    if w.release == "5.5":
        answer = _end(w, half, _COMMIT, fromTransactionCheck=True)
        w.expect(answer, code=ResponseCode.SUCCESS)
    w.await_max_offset(topic, 0, 1)


# --- the check-back


def _producer(w: Wire, group: str) -> Connection:
    connection = w.connect()
    w.heartbeat(w.unique("client"), producers=[group], on=connection)
    return connection


def _checked(producer: Connection) -> Frame:
    return producer.server_request(RequestCode.CHECK_TRANSACTION_STATE, timeout_ms=_CHECK_MS)


def _text(frame: Frame) -> Mapping[str, str]:
    return {name: str(value) for name, value in (frame.ext or {}).items()}


def _as_checked(half: _Half, frame: Frame) -> _Half:
    ext = _text(frame)
    return _Half(
        half.group,
        half.topic,
        half.key,
        int(ext["tranStateTableOffset"]),
        int(ext["commitLogOffset"]),
        ext.get("offsetMsgId", ""),
    )


@case(
    "BROKER-TRANS-21/what-the-check-tells",
    rules=[
        "BROKER-TRANS-21",
        "BROKER-TRANS-20",
        "BROKER-TRANS-14",
        "BROKER-TRANS-17",
        "BROKER-TRANS-11",
    ],
    options=_SOON,
)
def what_the_check_tells(w: Wire) -> None:
    """The producer is asked with the message itself, and ends it with the numbers it was told."""
    topic = w.create_topic(queues=2)
    group = w.unique("PID")
    producer = _producer(w, group)
    sent_at = w.now()
    half = _send_half(w, topic, b"asked", group=group, queue_id=1, own="kept")
    frame = _checked(producer)
    w.check(w.now() - sent_at >= int(_SOON["transactionTimeOut"]), "asked too early")
    ext = _text(frame)
    w.equal((ext.get("msgId"), ext.get("transactionId")), (half.key, half.key), "unique id, twice")
    w.check(frame.is_oneway, "the check wants an answer")
    again = _as_checked(half, frame)
    w.check(again.queue_offset > half.queue_offset, "the half message was not put back")
    topics = (ext.get("topic"), ext.get("bname"))
    w.equal(
        topics,
        w.by_release({"4.6": (None, None), "4.9": (None, None), "5.5": (_HALF, "broker-a")}),
        "topic and broker name",
    )
    record = decode_records(frame.body)[0]
    w.equal((record.topic, record.queue_id, record.body), (topic, 1, b"asked"), "record")
    w.equal(record.properties.get("own"), "kept", "own property")
    w.equal(record.message_id, again.message_id, "offset id")
    end = _end(w, again, _COMMIT, fromTransactionCheck=True)
    w.expect(end, code=ResponseCode.SUCCESS)
    w.equal(w.receive(topic, 1)[0].body, b"asked", "body")


@case("BROKER-TRANS-14/flag-is-kept", rules=["BROKER-TRANS-14"], options=_SOON)
def flag_is_kept(w: Wire) -> None:
    """A message that is committed after a check has the flag that its sender gave it."""
    topic = w.create_topic(queues=1)
    group = w.unique("PID")
    producer = _producer(w, group)
    half = _send_half(w, topic, group=group, flag=77)
    again = _as_checked(half, _checked(producer))
    w.expect(_end(w, again, _COMMIT, fromTransactionCheck=True), code=ResponseCode.SUCCESS)
    w.equal(w.receive(topic)[0].flag, 77, "flag")


@case(
    "BROKER-TRANS-14/each-check-counts", rules=["BROKER-TRANS-14", "BROKER-TRANS-15"], options=_SOON
)
def each_check_counts(w: Wire) -> None:
    """A walk that ends at a fresh half message goes on behind those that were put back.

    From the same place again it would ask for the first one twice, both times for the first time.
    """
    topic = w.create_topic(queues=1)
    group = w.unique("PID")
    producer = _producer(w, group)
    old = _send_half(w, topic, group=group, born=w.now() - 60_000)
    _send_half(w, topic, group=group)
    counts: list[str | None] = []
    while len(counts) < 2:  # noqa: PLR2004 - once, and once more
        frame = _checked(producer)
        if _text(frame).get("msgId") == old.key:
            record = decode_records(frame.body)[0]
            counts.append(record.properties.get("TRANSACTION_CHECK_TIMES"))
    w.equal(counts, ["1", "2"], "checks of the old one, counted")


@case(
    "BROKER-TRANS-22/one-operation-for-two",
    rules=["BROKER-TRANS-22", "BROKER-TRANS-12"],
    releases=["5.5"],
    options={
        "transactionTimeOut": "2500",
        "transactionCheckInterval": "1000",
        "transactionOpBatchInterval": "200",
    },
    needs=[Capability.RESTART],
    fresh=True,
)
def one_operation_for_two(w: Wire) -> None:
    """An operation counts until all that it ends were passed, over a restart as well."""
    topic = w.create_topic(queues=1)
    group = w.unique("PID")
    ops = w.max_offset(_OP)
    first = _send_half(w, topic, b"first", group=group)
    between = _send_half(w, topic, b"between", group=group)
    second = _send_half(w, topic, b"second", group=group)
    for half in (first, second):
        w.expect(_end(w, half, _COMMIT), code=ResponseCode.SUCCESS)
    w.eventually(lambda: w.max_offset(_OP) > ops, what="the operation")
    w.equal(w.max_offset(_OP), ops + 1, "operations")
    w.eventually(
        lambda: w.query_offset(_WALKER, _HALF) == between.queue_offset,
        what="a walk that ends at the open one",
    )
    w.restart_broker()
    producer = _producer(w, group)
    asked = [_text(_checked(producer)).get("msgId") for _ in range(2)]
    w.equal(asked, [between.key, between.key], "asked for, twice")


@case(
    "BROKER-TRANS-12/only-the-open-one-is-asked",
    rules=["BROKER-TRANS-12", "BROKER-TRANS-10", "BROKER-TRANS-20"],
    options=_SOON,
)
def only_the_open_one_is_asked(w: Wire) -> None:
    """Of three half messages only the one that nobody ended is asked for."""
    topic = w.create_topic(queues=1)
    group = w.unique("PID")
    producer = _producer(w, group)
    stranger = _producer(w, w.unique("PID"))
    committed = _send_half(w, topic, b"committed", group=group)
    rolled_back = _send_half(w, topic, b"rolled back", group=group)
    ops = w.max_offset(_OP)
    with _operations_at_once(w):
        w.expect(_end(w, committed, _COMMIT), code=ResponseCode.SUCCESS)
        w.expect(_end(w, rolled_back, _ROLLBACK), code=ResponseCode.SUCCESS)
        w.eventually(lambda: w.max_offset(_OP) > ops, what="the operation")
    still_open = _send_half(w, topic, b"open", group=group)
    frame = _checked(producer)
    w.equal(_text(frame).get("msgId"), still_open.key, "asked for")
    again = _as_checked(still_open, frame)
    w.expect(_end(w, again, _ROLLBACK, fromTransactionCheck=True), code=ResponseCode.SUCCESS)
    w.equal(stranger.arrived(RequestCode.CHECK_TRANSACTION_STATE), None, "asked of another group")
    w.equal(w.max_offset(topic), 1, "delivered")


@case("BROKER-TRANS-20/nobody-to-ask", rules=["BROKER-TRANS-20"], options=_SOON)
def nobody_to_ask(w: Wire) -> None:
    """Where no producer is connected the half message waits for one that comes later."""
    topic = w.create_topic(queues=1)
    half = _send_half(w, topic)
    w.eventually(lambda: w.max_offset(_HALF) > half.queue_offset + 1, what="a check")
    producer = _producer(w, half.group)
    again = _as_checked(half, _checked(producer))
    w.expect(_end(w, again, _ROLLBACK, fromTransactionCheck=True), code=ResponseCode.SUCCESS)


@case("BROKER-TRANS-19/immunity-of-its-own", rules=["BROKER-TRANS-19"], options=_SOON)
def immunity_of_its_own(w: Wire) -> None:
    """A half message with a long immunity of its own is passed over; later ones are asked for."""
    topic = w.create_topic(queues=1)
    group = w.unique("PID")
    producer = _producer(w, group)
    slow = _send_half(w, topic, b"slow", group=group, CHECK_IMMUNITY_TIME_IN_SECONDS="3600")
    open_half = _send_half(w, topic, b"open", group=group)
    frame = _checked(producer)
    w.equal(_text(frame).get("msgId"), open_half.key, "asked for")
    again = _as_checked(open_half, frame)
    w.expect(_end(w, again, _ROLLBACK, fromTransactionCheck=True), code=ResponseCode.SUCCESS)
    w.expect(_end(w, slow, _COMMIT), code=ResponseCode.SUCCESS)
    w.equal(w.receive(topic)[0].body, b"slow", "body")


@case("BROKER-TRANS-19/asked-when-it-is-over", rules=["BROKER-TRANS-19"], options=_SOON)
def asked_when_it_is_over(w: Wire) -> None:
    """A half message that was passed over while it was immune is asked for when it is not."""
    topic = w.create_topic(queues=1)
    group = w.unique("PID")
    producer = _producer(w, group)
    before = w.max_offset(_HALF)
    half = _send_half(w, topic, group=group, CHECK_IMMUNITY_TIME_IN_SECONDS="1")
    w.eventually(lambda: w.max_offset(_HALF) > before + 1, what="a check that passes it over")
    w.equal(producer.arrived(RequestCode.CHECK_TRANSACTION_STATE), None, "a check while immune")
    frame = _checked(producer)
    w.equal(_text(frame).get("msgId"), half.key, "asked for")
    again = _as_checked(half, frame)
    w.expect(_end(w, again, _ROLLBACK, fromTransactionCheck=True), code=ResponseCode.SUCCESS)


@case("BROKER-TRANS-16/checked-too-often", rules=["BROKER-TRANS-16"], options=_SOON)
def checked_too_often(w: Wire) -> None:
    """A half message that was checked often enough is put aside without asking."""
    topic = w.create_topic(queues=1)
    group = w.unique("PID")
    producer = _producer(w, group)
    before = w.max_offset(_DISCARDED)
    half = _send_half(w, topic, b"given up", group=group, TRANSACTION_CHECK_TIMES="15")
    _await_discarded(w, half, before)
    w.equal(producer.arrived(RequestCode.CHECK_TRANSACTION_STATE), None, "a check")


@case(
    "BROKER-TRANS-16/limit-of-checks", rules=["BROKER-TRANS-16", "BROKER-TRANS-14"], options=_SOON
)
def limit_of_checks(w: Wire) -> None:
    """Asked for transactionCheckMax times, a half message is put aside."""
    topic = w.create_topic(queues=1)
    group = w.unique("PID")
    producer = _producer(w, group)
    with broker_settings(w, transactionCheckMax="2"):
        before = w.max_offset(_DISCARDED)
        half = _send_half(w, topic, group=group)
        for _ in range(2):
            w.equal(_text(_checked(producer)).get("msgId"), half.key, "asked for")
        _await_discarded(w, half, before)
    w.equal(producer.arrived(RequestCode.CHECK_TRANSACTION_STATE), None, "a third check")


def _await_discarded(w: Wire, half: _Half, offset: int) -> None:
    """Wait until `half` lies in the topic of messages that were checked too often."""

    def found() -> bool:
        if w.max_offset(_DISCARDED) <= offset:
            return False
        records = w.pull(_DISCARDED, 0, offset).records
        return any(r.properties.get("UNIQ_KEY") == half.key for r in records)

    w.eventually(found, what="the discarded message")
