"""Long polling: when a held pull is answered, with what, and when it is not."""

from conformance.case import case
from conformance.connection import Connection, ExtValue
from conformance.matching import ABSENT
from conformance.target import Capability
from conformance.wire import PULL_COMMIT_OFFSET, PULL_SUBSCRIPTION, PULL_SUSPEND, Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_LONG = 15_000
_SCAN = 5000  # PullRequestHoldService looks at everything that is held


def _hold(
    w: Wire,
    topic: str,
    *,
    on: Connection,
    group: str | None = None,
    flags: int = PULL_SUBSCRIPTION | PULL_SUSPEND,
    suspend: int = _LONG,
    **ext: ExtValue,
) -> tuple[Connection, int]:
    """A pull that is held: where it was asked, and under which opaque.

    Pulls are served by several threads; what this one commits shows that it has been processed.
    """
    name = group or w.create_group()
    fields = w.pull_ext(topic, group=name)
    fields.update(sysFlag=flags | PULL_COMMIT_OFFSET, commitOffset=7, suspendTimeoutMillis=suspend)
    fields.update(ext)
    opaque = on.submit(RequestCode.PULL_MESSAGE, ext=fields)
    queue_id, committed = int(str(fields["queueId"])), int(str(fields["commitOffset"]))
    w.eventually(
        lambda: w.query_offset(name, topic, queue_id) == committed,
        what="the commit of a held pull",
    )
    on.probe()
    w.check(not on.answered(opaque), "the pull was answered with nothing to read")
    return on, opaque


@case("BROKER-PULL-24/message-wakes-a-held-pull", rules=["BROKER-PULL-23", "BROKER-PULL-24"])
def message_wakes_a_held_pull(w: Wire) -> None:
    """A pull that may wait is answered when a message comes, not before."""
    topic = w.create_topic(queues=1)
    other, opaque = _hold(w, topic, on=w.connect())
    w.send(topic, b"wake")
    w.expect(
        other.answer(opaque),
        code=ResponseCode.SUCCESS,
        remark="FOUND",
        ext={"nextBeginOffset": "1", "minOffset": "0", "maxOffset": "1"},
    )


@case("BROKER-PULL-23/only-with-the-flag", rules=["BROKER-PULL-23"])
def only_with_the_flag(w: Wire) -> None:
    """Without the flag SUSPEND nothing is held, and nothing but PULL_NOT_FOUND is."""
    topic = w.create_topic(queues=1)
    quick = w.try_pull(topic, suspendTimeoutMillis=_LONG)
    w.expect(quick, code=ResponseCode.PULL_NOT_FOUND)
    flags = PULL_SUBSCRIPTION | PULL_SUSPEND
    moved = w.try_pull(topic, 0, 5, sysFlag=flags, suspendTimeoutMillis=_LONG)
    w.expect(moved, code=ResponseCode.PULL_OFFSET_MOVED)
    w.send(topic, properties={"TAGS": "a"})
    w.await_max_offset(topic, 0, 1)
    retry = w.try_pull(topic, sysFlag=flags, suspendTimeoutMillis=_LONG, subscription="b")
    w.expect(retry, code=ResponseCode.PULL_RETRY_IMMEDIATELY, remark="NO_MATCHED_MESSAGE")


@case("BROKER-PULL-24/every-held-pull-of-the-queue", rules=["BROKER-PULL-24"])
def every_held_pull_of_the_queue(w: Wire) -> None:
    """One message wakes every pull that waits for its queue, and no other queue's."""
    topic = w.create_topic(queues=2)
    held = [_hold(w, topic, on=w.connect(), group=w.create_group()) for _ in range(3)]
    foreign, opaque = _hold(w, topic, on=w.connect(), queueId=1)
    w.send(topic)
    for connection, number in held:
        w.expect(connection.answer(number), code=ResponseCode.SUCCESS)
    foreign.probe()
    w.check(not foreign.answered(opaque), "a pull of another queue was answered")
    w.send(topic, queue_id=1)
    w.expect(foreign.answer(opaque), code=ResponseCode.SUCCESS)


@case("BROKER-PULL-40/foreign-tag-does-not-wake", rules=["BROKER-PULL-40", "BROKER-PULL-24"])
def foreign_tag_does_not_wake(w: Wire) -> None:
    """A message that the tags refuse leaves the pull held; one that they want answers it."""
    topic = w.create_topic(queues=1)
    other, opaque = _hold(w, topic, on=w.connect(), subscription="a")
    w.send(topic, b"foreign", properties={"TAGS": "b"})
    w.await_max_offset(topic, 0, 1)
    other.probe()
    w.check(not other.answered(opaque), "the pull was answered for a foreign tag")
    w.send(topic, b"wanted", properties={"TAGS": "a"})
    response = w.expect(
        other.answer(opaque), code=ResponseCode.SUCCESS, ext={"nextBeginOffset": "2"}
    )
    w.check(b"wanted" in response.body and b"foreign" not in response.body, "body")


@case("BROKER-PULL-40/expression-decides", rules=["BROKER-PULL-40", "BROKER-PULL-32"])
def expression_decides(w: Wire) -> None:
    """A held pull with a selector is woken by the message for which it is true."""
    topic = w.create_topic(queues=1)
    other, opaque = _hold(w, topic, on=w.connect(), subscription="n > 5", expressionType="SQL92")
    for number in (3, None):
        w.send(topic, properties={} if number is None else {"n": str(number)})
    w.await_max_offset(topic, 0, 2)
    other.probe()
    w.check(not other.answered(opaque), "the pull was answered for a message that is not true")
    w.send(topic, properties={"n": "6"})
    w.expect(other.answer(opaque), code=ResponseCode.SUCCESS, ext={"nextBeginOffset": "3"})


@case("BROKER-PULL-24/checked-again", rules=["BROKER-PULL-24", "BROKER-PULL-4"])
def checked_again(w: Wire) -> None:
    """A held pull passes every check again: its group was disabled while it waited."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    other, opaque = _hold(w, topic, on=w.connect(), group=group)
    w.create_group(group, consumeEnable=False)
    w.send(topic)
    w.expect(
        other.answer(opaque),
        code=ResponseCode.NO_PERMISSION,
        remark=f"subscription group no permission, {group}",
        ext={"nextBeginOffset": ABSENT},
    )


@case("BROKER-PULL-26/late-at-the-next-look", rules=["BROKER-PULL-26", "BROKER-PULL-40"])
def late_at_the_next_look(w: Wire) -> None:
    """After its time a held pull is answered at the next arrival, wanted or not."""
    topic = w.create_topic(queues=1)
    other, opaque = _hold(w, topic, on=w.connect(), subscription="a", suspend=1)

    def look() -> bool:
        w.send(topic, properties={"TAGS": "b"})
        other.probe()
        return other.answered(opaque)

    w.eventually(look, what="the answer at an arrival after the time")
    w.expect(
        other.answer(opaque), code=ResponseCode.PULL_RETRY_IMMEDIATELY, remark="NO_MATCHED_MESSAGE"
    )


@case(
    "BROKER-PULL-26/time-is-over",
    rules=["BROKER-PULL-25", "BROKER-PULL-26"],
    needs=[Capability.CLOCK],
    matrix={
        "less-than-a-scan": {"suspend": 1000, "scans": 1},
        "more-than-a-scan": {"suspend": 7000, "scans": 2},
        "no-time": {"suspend": 0, "scans": 1},
        "negative": {"suspend": -5, "scans": 1},
    },
)
def time_is_over(w: Wire, suspend: int, scans: int) -> None:
    """A held pull is answered PULL_NOT_FOUND by the first scan at or after its time."""
    topic = w.create_topic(queues=1)
    other, opaque = _hold(w, topic, on=w.connect(), suspend=suspend)
    if scans > 1:
        w.advance(_SCAN)
        other.probe()
        w.check(not other.answered(opaque), "answered by a scan before its time")
    w.advance(_SCAN + 1)
    w.expect(other.answer(opaque), code=ResponseCode.PULL_NOT_FOUND, remark="NO_MESSAGE_IN_QUEUE")


@case(
    "BROKER-PULL-25/short-polling",
    rules=["BROKER-PULL-25", "BROKER-PULL-26"],
    options={"longPollingEnable": "false", "shortPollingTimeMills": "100"},
)
def short_polling(w: Wire) -> None:
    """Without long polling a pull waits for the short time, whatever it asks for."""
    topic = w.create_topic(queues=1)
    fields = w.pull_ext(topic, sysFlag=PULL_SUBSCRIPTION | PULL_SUSPEND, suspendTimeoutMillis=_LONG)
    w.expect(
        w.broker.request(RequestCode.PULL_MESSAGE, ext=fields), code=ResponseCode.PULL_NOT_FOUND
    )


@case(
    "BROKER-PULL-42/one-subscription-without-a-text",
    rules=["BROKER-PULL-42"],
)
def one_subscription_without_a_text(w: Wire) -> None:
    """A subscription whose text is null does not take a message from those who wait behind it."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    member = w.connect()
    entry: JsonValue = {"topic": topic, "subString": None, "subVersion": 1}
    w.heartbeat("c", consumers=[w.consumer(group, {}, subscriptionDataSet=[entry])], on=member)
    _hold(w, topic, on=member, group=group, flags=PULL_SUSPEND)
    other, opaque = _hold(w, topic, on=w.connect(), group=w.create_group())
    w.send(topic, properties={"TAGS": "a"})
    w.expect(other.answer(opaque, timeout_ms=1000), code=ResponseCode.SUCCESS)


@case("BROKER-PULL-42/tag-compared-with-nothing", rules=["BROKER-PULL-42"])
def tag_compared_with_nothing(w: Wire) -> None:
    """A pull by a subscription whose text is null is refused where there is a tag to compare."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    entry: JsonValue = {"topic": topic, "subString": None, "subVersion": 1}
    w.heartbeat("c", consumers=[w.consumer(group, {}, subscriptionDataSet=[entry])])
    w.expect(w.try_pull(topic, group=group, sysFlag=0), code=ResponseCode.PULL_NOT_FOUND)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    w.expect(w.try_pull(topic, group=group, sysFlag=0), code=ResponseCode.SYSTEM_ERROR)
