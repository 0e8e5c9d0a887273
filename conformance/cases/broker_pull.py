"""PULL_MESSAGE: what is read and where the reader goes on; held pulls are in broker_hold.py."""

import re

from conformance.case import case
from conformance.records import BatchMessage
from conformance.target import Capability
from conformance.wire import (
    PERM_WRITE,
    PULL_COMMIT_OFFSET,
    PULL_SUBSCRIPTION,
    PULL_SUSPEND,
    Wire,
)
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_UNITS_OF_A_FILE = 600  # of 20 bytes in the 12000 of STANDARD_OPTIONS
_COMMITTED = 7
_MOVED = "OFFSET_MOVED_EVENT"
_RESTRICTED = {"rejectPullConsumerEnable": "true", "litePullMessageEnable": "false"}


@case("BROKER-PULL-20/next-offset-does-not-exist-yet", rules=["BROKER-PULL-20", "BROKER-PULL-16"])
def nothing_yet(w: Wire) -> None:
    """A pull at the end of the queue is answered PULL_NOT_FOUND with the same offset."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.receive(topic)
    result = w.pull(topic, 0, 1)
    w.equal(result.code, ResponseCode.PULL_NOT_FOUND, "code")
    w.equal(result.response.remark, "OFFSET_OVERFLOW_ONE", "remark")
    offsets = (result.next_begin_offset, result.min_offset, result.max_offset)
    w.equal(offsets, (1, 0, 1), "next, min and max offset")


@case(
    "BROKER-PULL-6/no-read-permission",
    rules=["BROKER-PULL-6", "BROKER-PULL-17"],
    matrix={f"perm={perm}": {"perm": perm} for perm in (0, 1, PERM_WRITE, 3, 8)},
)
def no_read_permission(w: Wire, perm: int) -> None:
    """A topic without the read bit is not read."""
    topic = w.create_topic(queues=1, perm=perm)
    if perm & PERM_WRITE:
        w.send(topic)
    group = w.create_group()
    with w.unchanged(topic):
        response = w.try_pull(topic, group=group)
    w.expect(
        response,
        code=ResponseCode.NO_PERMISSION,
        remark=f"the topic[{topic}] pulling message is forbidden",
    )
    told = "3" if w.switch.pull_tells_forbidden_type else None
    w.equal(response.ext.get("forbiddenType"), told, "forbiddenType")


@case("BROKER-PULL-5/unknown-topic", rules=["BROKER-PULL-5"])
def unknown_topic(w: Wire) -> None:
    """A pull of an unknown topic is refused, and does not create it."""
    topic = w.unique("T")
    with w.unchanged():
        response = w.try_pull(topic, group="TOOLS_CONSUMER")
        w.expect(
            response,
            code=ResponseCode.TOPIC_NOT_EXIST,
            remark=re.compile(rf"topic\[{topic}\] not exist, apply first please!"),
        )


@case("BROKER-PULL-36/records-as-stored", rules=["BROKER-PULL-36", "BROKER-QUERY-5"])
def records_as_stored(w: Wire) -> None:
    """The body of a pull is the stored records, as VIEW_MESSAGE_BY_ID gives each."""
    topic = w.create_topic(queues=1)
    for body in (b"1", b"one", b"\x00\xff" * 700):
        w.send(topic, body, properties={"k": "v"})
    w.await_max_offset(topic, 0, 3)
    result = w.pull(topic)
    single = [
        w.broker.request(
            RequestCode.VIEW_MESSAGE_BY_ID, ext={"topic": topic, "offset": record.physical_offset}
        ).body
        for record in result.records
    ]
    w.equal(len(single), 3, "records")
    w.equal(b"".join(single), result.response.body, "body")


@case(
    "BROKER-PULL-36/count",
    rules=["STORE-READ-7", "BROKER-PULL-36"],
    matrix={
        "zero-is-one": {"asked": 0, "given": 1},
        "one": {"asked": 1, "given": 1},
        "two": {"asked": 2, "given": 2},
        "more-than-there-is": {"asked": 100, "given": 5},
        "more-than-the-limit": {"asked": 100_000, "given": 5},
    },
)
def count(w: Wire, asked: int, given: int) -> None:
    """A pull gives as many messages as it asks for, but at least one."""
    topic = w.create_topic(queues=1)
    for number in range(5):
        w.send(topic, str(number).encode())
    w.await_max_offset(topic, 0, 5)
    result = w.pull(topic, maxMsgNums=asked)
    w.equal(len(result.records), given, "messages")
    w.equal(result.next_begin_offset, given, "next offset")


@case("BROKER-PULL-36/limits-of-a-batch", rules=["STORE-READ-7"])
def limits_of_a_batch(w: Wire) -> None:
    """One answer has at most 32 messages and, but for the first, 256 KiB."""
    topic = w.create_topic(queues=2)
    w.send_batch(topic, [BatchMessage(b"small", {}) for _ in range(40)])
    for _ in range(6):
        w.send(topic, b"x" * 60_000, queue_id=1)
    w.await_max_offset(topic, 0, 40)
    w.await_max_offset(topic, 1, 6)
    w.equal(w.pull(topic, maxMsgNums=100).next_begin_offset, 32, "next offset of small ones")
    w.equal(w.pull(topic, 1, maxMsgNums=100).next_begin_offset, 4, "next offset of large ones")


@case("BROKER-PULL-36/negative-count", rules=["STORE-READ-9"])
def negative_count(w: Wire) -> None:
    """Fewer messages than none are one, but in 4.9."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    response = w.try_pull(topic, maxMsgNums=-1)
    if w.switch.read_prepares_requested_count:
        remark = re.compile(r"^java.lang.IllegalArgumentException: Illegal Capacity: -1")
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=remark)
    else:
        w.expect(response, code=ResponseCode.SUCCESS, ext={"nextBeginOffset": "1"})
    w.equal(w.pull(topic, 0, 1, maxMsgNums=-1).code, ResponseCode.PULL_NOT_FOUND, "at the end")


@case("BROKER-PULL-36/greatest-count", rules=["STORE-READ-9"])
def greatest_count(w: Wire) -> None:
    """A pull that asks for as many messages as there are numbers is served what there is."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    w.expect(w.try_pull(topic, maxMsgNums=2**31 - 1), code=ResponseCode.SUCCESS)


@case("BROKER-PULL-32/how-far-one-read-looks", rules=["STORE-READ-6", "STORE-READ-8"])
def how_far_one_read_looks(w: Wire) -> None:
    """A filter that wants nothing advances by what one read looks at: here a file of the queue."""
    topic = w.create_topic(queues=1)
    for _ in range(2):
        w.send_batch(topic, [BatchMessage(b"", {"TAGS": "a"}) for _ in range(500)])
    w.await_max_offset(topic, 0, 1000)
    result = w.pull(topic, subscription="b")
    w.equal(result.code, ResponseCode.PULL_RETRY_IMMEDIATELY, "code")
    w.equal(result.response.remark, "NO_MATCHED_MESSAGE", "remark")
    w.equal(result.next_begin_offset, _UNITS_OF_A_FILE, "next offset")
    again = w.pull(topic, 0, _UNITS_OF_A_FILE, subscription="b")
    w.equal(again.next_begin_offset, 1000, "next offset of the second file")


# --- whose subscription


@case("BROKER-PULL-8/own-subscription-first", rules=["BROKER-PULL-8", "BROKER-PULL-12"])
def own_subscription_first(w: Wire) -> None:
    """The flag SUBSCRIPTION decides between the pull's own tags and those of the heartbeat."""
    topic = w.create_topic(queues=1)
    for tag in ("a", "b"):
        w.send(topic, tag.encode(), properties={"TAGS": tag})
    w.await_max_offset(topic, 0, 2)
    group = w.create_group()
    # The client computes the hashes of its tags; the broker does not look at the text.
    wanted: JsonValue = {"topic": topic, "subString": "a", "tagsSet": ["a"], "codeSet": [97]}
    w.heartbeat("c", consumers=[w.consumer(group, {}, subscriptionDataSet=[wanted])])
    w.equal(w.pull(topic, group=group, subscription="b").bodies, [b"b"], "own")
    known = w.pull(topic, group=group, subscription="b", sysFlag=0)
    w.equal(known.bodies, [b"a"], "known")


@case("BROKER-PULL-12/topic-not-subscribed", rules=["BROKER-PULL-12"])
def topic_not_subscribed(w: Wire) -> None:
    """A topic that the group's heartbeat did not name is refused."""
    topic, other = w.create_topic(queues=1), w.create_topic(queues=1)
    group = w.create_group()
    w.heartbeat("c", consumers=[w.consumer(group, {other: "*"})])
    with w.unchanged(topic):
        response = w.try_pull(topic, group=group, sysFlag=0)
    w.expect(
        response,
        code=ResponseCode.SUBSCRIPTION_NOT_EXIST,
        remark=re.compile(r"^the consumer's subscription not exist\nSee http"),
    )


@case(
    "BROKER-PULL-13/version",
    rules=["BROKER-PULL-13"],
    matrix={
        "older": {"asked": -1, "code": 0},
        "equal": {"asked": 0, "code": 0},
        "newer": {"asked": 1, "code": 25},
        "greatest": {"asked": 2**62, "code": 25},
    },
)
def version(w: Wire, asked: int, code: int) -> None:
    """A pull that is newer than the known subscription is refused, an older one is served."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    group = w.create_group()
    known = w.now()
    entry: JsonValue = {"topic": topic, "subString": "*", "subVersion": known}
    w.heartbeat("c", consumers=[w.consumer(group, {}, subscriptionDataSet=[entry])])
    response = w.try_pull(topic, group=group, sysFlag=0, subVersion=known + asked)
    remark = "the consumer's subscription not latest" if code else "FOUND"
    w.expect(response, code=code, remark=remark)


@case("BROKER-PULL-11/broadcast-forbidden", rules=["BROKER-PULL-11", "BROKER-PULL-17"])
def broadcast_forbidden(w: Wire) -> None:
    """A group that may not broadcast reads only while its last heartbeat said CLUSTERING."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    group = w.create_group(consumeBroadcastEnable=False)
    for model, code in (("BROADCASTING", 16), ("CLUSTERING", 0)):
        w.heartbeat("c", consumers=[w.consumer(group, {topic: "*"}, model=model)])
        response = w.try_pull(topic, group=group, sysFlag=0)
        w.expect(response, code=code)
        if code:
            remark = f"the consumer group[{group}] can not consume by broadcast way"
            w.equal(response.remark, remark, "remark")
            told = "4" if w.switch.pull_tells_forbidden_type else None
            w.equal(response.ext.get("forbiddenType"), told, "forbiddenType")
    w.heartbeat("c", consumers=[w.consumer(group, {topic: "*"}, model="BROADCASTING")])
    w.expect(w.try_pull(topic, group=group), code=ResponseCode.SUCCESS)


# --- tags


@case("BROKER-PULL-30/tag-filter", rules=["BROKER-PULL-30", "BROKER-PULL-8"])
def tag_filter(w: Wire) -> None:
    """Only messages whose tag is asked for come; the next offset jumps over the others."""
    topic = w.create_topic(queues=1)
    for tag in ("red", "blue", "red", "green"):
        w.send(topic, tag.encode(), properties={"TAGS": tag})
    w.await_max_offset(topic, 0, 4)
    result = w.pull(topic, subscription="red || green")
    w.equal(result.bodies, [b"red", b"red", b"green"], "bodies")
    w.equal(result.next_begin_offset, 4, "next offset")
    w.equal(w.pull(topic, subscription="none").code, ResponseCode.PULL_RETRY_IMMEDIATELY, "code")


@case(
    "BROKER-PULL-30/tag-expressions",
    rules=["BROKER-PULL-30", "BROKER-FILTER-1", "BROKER-FILTER-5"],
    matrix={
        "all": {"text": "*", "wanted": "a b none Aa BB blank"},
        "empty-is-all": {"text": "", "wanted": "a b none Aa BB blank"},
        "one": {"text": "a", "wanted": "a"},
        "two": {"text": "a||b", "wanted": "a b"},
        "blanks-around": {"text": "  a  ||  b  ", "wanted": "a b"},
        "empty-part": {"text": "||a||||", "wanted": "a"},
        "star-is-a-tag-among-others": {"text": "*||a", "wanted": "a"},
        "one-bar-is-no-separator": {"text": "a | b", "wanted": ""},
        "hashes-collide": {"text": "Aa", "wanted": "Aa BB"},
        "blank-tag-is-trimmed-in-the-subscription": {"text": " blank ", "wanted": ""},
        "letters-count": {"text": "A", "wanted": ""},
    },
)
def tag_expressions(w: Wire, text: str, wanted: str) -> None:
    """What a tag expression wants: hashes of the trimmed parts between double bars."""
    topic = w.create_topic(queues=1)
    for name in ("a", "b", "none", "Aa", "BB", "blank"):
        tags = {} if name == "none" else {"TAGS": " blank " if name == "blank" else name}
        w.send(topic, name.encode(), properties=tags)
    w.await_max_offset(topic, 0, 6)
    result = w.pull(topic, subscription=text)
    bodies = result.bodies if result.code == ResponseCode.SUCCESS else []
    w.equal(b" ".join(bodies).decode(), wanted, "messages")
    w.equal(result.next_begin_offset, 6, "next offset")


# --- committed on the way


@case("BROKER-PULL-19/commit", rules=["BROKER-PULL-19"])
def commit(w: Wire) -> None:
    """A pull with the flag COMMIT_OFFSET commits, whether it finds something or not."""
    topic = w.create_topic(queues=2)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    group = w.create_group()
    flags = PULL_SUBSCRIPTION | PULL_COMMIT_OFFSET
    w.pull(topic, 0, 0, group=group, sysFlag=flags, commitOffset=7)
    w.pull(topic, 1, 0, group=group, sysFlag=flags, commitOffset=9)
    found = (w.query_offset(group, topic, 0), w.query_offset(group, topic, 1))
    w.equal(found, (7, 9), "offsets")
    w.pull(topic, 0, 0, group=group, commitOffset=3)
    w.equal(w.query_offset(group, topic, 0), 7, "offset after a pull without the flag")
    w.pull(topic, 0, 0, group=group, sysFlag=flags, commitOffset=2)
    w.equal(w.query_offset(group, topic, 0), 2, "offset after a commit that goes back")


@case("BROKER-PULL-19/refused-commits-nothing", rules=["BROKER-PULL-19"])
def refused_commits_nothing(w: Wire) -> None:
    """A refused pull commits nothing."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    flags = PULL_SUBSCRIPTION | PULL_COMMIT_OFFSET
    with w.unchanged(topic):
        w.try_pull(topic, 9, group=group, sysFlag=flags, commitOffset=7)
        w.try_pull(topic, 0, group=group, sysFlag=flags, commitOffset=7, subscription="||")
        w.try_pull(topic, 0, group=group, sysFlag=PULL_COMMIT_OFFSET, commitOffset=7)


@case("BROKER-PULL-19/held-commits-at-once", rules=["BROKER-PULL-19", "BROKER-PULL-23"])
def held_commits_at_once(w: Wire) -> None:
    """A held pull commits when it comes, and not again when it is answered."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    flags = PULL_SUBSCRIPTION | PULL_COMMIT_OFFSET | PULL_SUSPEND
    fields = w.pull_ext(
        topic, group=group, sysFlag=flags, commitOffset=_COMMITTED, suspendTimeoutMillis=15_000
    )
    other = w.connect()
    opaque = other.submit(RequestCode.PULL_MESSAGE, ext=fields)
    w.eventually(lambda: w.query_offset(group, topic) == _COMMITTED, what="the commit")
    w.commit_offset(group, topic, 0, _COMMITTED + 1)
    w.send(topic)
    w.expect(other.answer(opaque), code=ResponseCode.SUCCESS)
    w.equal(w.query_offset(group, topic), _COMMITTED + 1, "offset after the answer")


# --- what else a pull leaves


@case("BROKER-PULL-29/moved-offset-leaves-an-event", rules=["BROKER-PULL-29"])
def moved_offset_leaves_an_event(w: Wire) -> None:
    """Up to 4.9 a corrected offset is told in a message of OFFSET_MOVED_EVENT."""
    topic = w.create_topic(queues=1)
    group = w.create_group()
    before = w.max_offset(_MOVED)
    w.equal(w.pull(topic, 0, 4, group=group).code, ResponseCode.PULL_OFFSET_MOVED, "code")
    if not w.switch.stores_offset_moved_event:
        # A message that was sent later is visible, so what was stored before is, too.
        w.send(topic)
        w.await_max_offset(topic, 0, 1)
        w.equal(w.max_offset(_MOVED), before, "max offset of the events")
        return
    event = w.receive(_MOVED, 0, before)[0]
    w.equal((event.properties.get("TAGS"), event.properties.get("KEYS")), (group, group), "keys")
    wanted = (
        f'{{"consumerGroup":"{group}","messageQueue":{{"brokerName":"broker-a","queueId":0,'
        f'"topic":"{topic}"}},"offsetNew":0,"offsetRequest":4}}'
    )
    w.equal(event.body, wanted.encode(), "body")


@case(
    "BROKER-PULL-28/pulled-offsets",
    rules=["BROKER-PULL-28"],
    releases=["5.5"],
)
def pulled_offsets(w: Wire) -> None:
    """What a pull was told stands beside the consumer offsets and is none of them."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    group = w.create_group()
    w.pull(topic, group=group)
    table = w.broker.request(RequestCode.GET_ALL_CONSUMER_OFFSET).json()
    pulled = table.get("pullOffsetTable") if isinstance(table, dict) else None
    w.check(isinstance(pulled, dict), f"table of pulled offsets {pulled!r}")
    assert isinstance(pulled, dict)
    w.equal(pulled.get(f"{topic}@{group}"), {"0": 1}, "pulled offset")
    w.equal(w.query_offset(group, topic), 0, "consumer offset")


@case(
    "BROKER-PULL-27/offsets-of-broadcast-members",
    rules=["BROKER-PULL-27"],
    releases=["5.5"],
    needs=[Capability.CLOCK],
)
def offsets_of_broadcast_members(w: Wire) -> None:
    """The least offset that the members of a broadcast group pulled is kept for the group."""
    topic = w.create_topic(queues=1)
    for _ in range(3):
        w.send(topic)
    w.await_max_offset(topic, 0, 3)
    group = w.create_group()
    for client, offset in (("c1", 2), ("c2", 1)):
        member = w.connect()
        consumer = w.consumer(group, {topic: "*"}, model="BROADCASTING")
        w.heartbeat(client, consumers=[consumer], on=member)
        w.pull(topic, 0, offset, group=group, on=member)
    w.advance(6000)
    table = w.broker.request(RequestCode.GET_ALL_CONSUMER_OFFSET).json()
    offsets = table.get("offsetTable") if isinstance(table, dict) else None
    w.check(isinstance(offsets, dict), f"table of offsets {offsets!r}")
    assert isinstance(offsets, dict)
    w.equal(offsets.get(f"{topic}@{group}@broadcast"), {"0": 1}, "offset of the group")


# --- lite pulls and rejected pulls


@case("BROKER-LIFECYCLE-1/lite-pull", rules=["BROKER-LIFECYCLE-1", "BROKER-PULL-20"])
def lite_pull(w: Wire) -> None:
    """LITE_PULL_MESSAGE is a pull from 5.5 on, and unknown before."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"lite")
    w.await_max_offset(topic, 0, 1)
    opaque = w.broker.submit(RequestCode.LITE_PULL_MESSAGE, ext=w.pull_ext(topic))
    if not w.switch.answers_unknown_code:
        w.broker.expect_silence(opaque)
    elif RequestCode.LITE_PULL_MESSAGE in w.switch.unregistered_codes:
        w.expect(w.broker.answer(opaque), code=ResponseCode.REQUEST_CODE_NOT_SUPPORTED)
    else:
        w.expect(w.broker.answer(opaque), code=ResponseCode.SUCCESS, remark="FOUND")


@case(
    "BROKER-PULL-2/lite-pull-off",
    rules=["BROKER-PULL-2", "BROKER-PULL-17"],
    releases=["5.5"],
    options=_RESTRICTED,
)
def lite_pull_off(w: Wire) -> None:
    """Lite pulls can be refused alone."""
    topic = w.create_topic(queues=1)
    response = w.broker.request(RequestCode.LITE_PULL_MESSAGE, ext=w.pull_ext(topic))
    w.expect(
        response,
        code=ResponseCode.NO_PERMISSION,
        remark="the broker[127.0.0.1] for lite pull consumer is forbidden",
        ext={"forbiddenType": "1"},
    )


@case(
    "BROKER-PULL-18/strangers-are-rejected",
    rules=["BROKER-PULL-18"],
    releases=["5.5"],
    options=_RESTRICTED,
)
def strangers_are_rejected(w: Wire) -> None:
    """With `rejectPullConsumerEnable` a group must be online to pull, or be one of the tools."""
    topic = w.create_topic(queues=1)
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    group = w.create_group()
    remark = re.compile(
        r"^the consumer's group info not exist, or the pull consumer is rejected by server.\nSee "
    )
    w.expect(
        w.try_pull(topic, group=group), code=ResponseCode.SUBSCRIPTION_NOT_EXIST, remark=remark
    )
    w.expect(w.try_pull(topic, group="TOOLS_CONSUMER"), code=ResponseCode.SUCCESS)
    active = w.consumer(group, {topic: "*"}, consume_type="CONSUME_ACTIVELY")
    w.heartbeat("c", consumers=[active])
    w.expect(w.try_pull(topic, group=group), code=ResponseCode.SUBSCRIPTION_NOT_EXIST)
    w.heartbeat("c", consumers=[w.consumer(group, {topic: "*"})])
    w.expect(w.try_pull(topic, group=group), code=ResponseCode.SUCCESS)
