"""Progress of groups: statistics, resets, clones."""

import re
from collections.abc import Mapping

from conformance.case import case
from conformance.connection import ExtValue
from conformance.matching import dig
from conformance.response import Response
from conformance.settings import broker_settings
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_QUEUE = re.compile(r'"queueId":(\d+)')


def _by_queue(body: JsonValue) -> dict[str, JsonValue]:
    """An `offsetTable` whose keys are queues, by queue id."""
    table = dig(body, "offsetTable")
    assert isinstance(table, dict)
    found: dict[str, JsonValue] = {}
    for key, value in table.items():
        match = _QUEUE.search(key)
        assert match is not None, key
        found[match[1]] = value
    return found


def _filled(w: Wire, *, queues: int = 1, messages: int = 3) -> str:
    """A topic with messages in every queue, visible."""
    topic = w.create_topic(queues=queues)
    for queue_id in range(queues):
        for number in range(messages):
            w.send(topic, f"m{number}".encode(), queue_id=queue_id)
        w.await_max_offset(topic, queue_id, messages)
    return topic


# --- statistics


@case("BROKER-ADMIN-30/progress", rules=["BROKER-ADMIN-30"])
def progress(w: Wire) -> None:
    """Each queue is told with its end, the group's offset and when its last message was stored."""
    topic, group = _filled(w, queues=2), w.create_group()
    w.commit_offset(group, topic, 1, 2)
    second = w.receive(topic, 1, 1)[0]
    answer = w.broker.request(
        RequestCode.GET_CONSUME_STATS, ext={"consumerGroup": group, "topic": topic}
    )
    table = _by_queue(w.expect(answer, code=ResponseCode.SUCCESS).json())
    names = ("brokerOffset", "consumerOffset", "lastTimestamp")
    found = {queue: tuple(dig(entry, name) for name in names) for queue, entry in table.items()}
    w.equal(found, {"0": (3, 0, 0), "1": (3, 2, second.store_timestamp)}, "progress")
    if w.switch.stats_have_pull_offset:
        w.equal(dig(table["1"], "pullOffset"), 2, "pullOffset")
    w.check(dig(answer.json(), "consumeTps") is not None, "no rate")


@case("BROKER-ADMIN-31/present-topics", rules=["BROKER-ADMIN-31"])
def present_topics(w: Wire) -> None:
    """While a group is online only the topics that it subscribes to are shown."""
    old, new, group = _filled(w), _filled(w), w.create_group()
    for topic in (old, new):
        w.commit_offset(group, topic, 0, 1)
    client = w.connect()
    w.heartbeat("c", consumers=[w.consumer(group, {new: "*"})], on=client)
    w.equal(_stats_topics(w, group), {new}, "topics while online")
    client.close()
    w.eventually(lambda: _stats_topics(w, group) == {old, new}, what="all topics when offline")


def _stats_topics(w: Wire, group: str, **ext: ExtValue) -> set[str]:
    answer = w.broker.request(RequestCode.GET_CONSUME_STATS, ext={"consumerGroup": group, **ext})
    table = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "offsetTable")
    assert isinstance(table, dict)
    return {match[1] for key in table if (match := re.search(r'"topic":"([^"]*)"', key))}


@case(
    "BROKER-ADMIN-32/all-topics",
    rules=["BROKER-ADMIN-32"],
    matrix={"absent": {"topic": ""}, "blank": {"topic": " "}},
)
def all_topics(w: Wire, topic: str) -> None:
    """Without a topic every topic of which the group has an offset is told."""
    first, second, group = _filled(w), _filled(w), w.create_group()
    w.equal(_stats_topics(w, group, topic=topic or None), set(), "topics of a new group")
    for name in (first, second):
        w.commit_offset(group, name, 0, 1)
    w.equal(_stats_topics(w, group, topic=topic or None), {first, second}, "topics")


@case("BROKER-ADMIN-32/topic-list", rules=["BROKER-ADMIN-32"])
def topic_list(w: Wire) -> None:
    """A list of topics is obeyed from 5.5 on; before, the field is unknown."""
    first, second, group = _filled(w), _filled(w), w.create_group()
    w.commit_offset(group, first, 0, 1)
    wanted = {second} if w.switch.stats_take_topic_list else {first}
    w.equal(_stats_topics(w, group, topicList=second), wanted, "topics")


@case("BROKER-ADMIN-33/all-groups", rules=["BROKER-ADMIN-33"])
def all_groups(w: Wire) -> None:
    """The progress of every group is told, and the sum of what they have not consumed."""
    before = _lag(w)
    topic, group = _filled(w, messages=5), w.create_group()
    w.commit_offset(group, topic, 0, 2)
    answer = w.broker.request(RequestCode.GET_BROKER_CONSUME_STATS, ext={"isOrder": False})
    body = w.expect(answer, code=ResponseCode.SUCCESS).json()
    groups = dig(body, "consumeStatsList")
    assert isinstance(groups, list)
    mine = [entry[group] for entry in groups if isinstance(entry, dict) and group in entry]
    table = _by_queue(dig(mine[0], 0))
    w.equal((len(mine), dig(table["0"], "consumerOffset")), (1, 2), "entries and offset")
    w.equal(_lag(w) - before, 3, "sum of the lags")
    w.check(re.fullmatch(r"[\d.]+:\d+", str(dig(body, "brokerAddr"))), "address of the broker")


def _lag(w: Wire) -> int:
    answer = w.broker.request(RequestCode.GET_BROKER_CONSUME_STATS, ext={"isOrder": False})
    lag = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "totalDiff")
    assert isinstance(lag, int)
    return lag


@case("BROKER-ADMIN-33/order-topics", rules=["BROKER-ADMIN-33"])
def order_topics_only(w: Wire) -> None:
    """With `isOrder` topics without the order flag are left out."""
    topic, group = _filled(w), w.create_group()
    w.commit_offset(group, topic, 0, 1)
    answer = w.broker.request(RequestCode.GET_BROKER_CONSUME_STATS, ext={"isOrder": True})
    groups = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "consumeStatsList")
    assert isinstance(groups, list)
    mine = [entry[group] for entry in groups if isinstance(entry, dict) and group in entry]
    w.equal(mine, [[]], "progress of the group")


@case("BROKER-ADMIN-34/times", rules=["BROKER-ADMIN-34"])
def time_span(w: Wire) -> None:
    """Each write queue is told with the times of its first, last and last consumed message."""
    topic, group = _filled(w, queues=1), w.create_group()
    w.commit_offset(group, topic, 0, 2)
    times = [record.store_timestamp for record in w.receive(topic, count=3)]
    answer = w.broker.request(
        RequestCode.QUERY_CONSUME_TIME_SPAN, ext={"topic": topic, "group": group}
    )
    spans = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "consumeTimeSpanSet")
    assert isinstance(spans, list)
    w.equal(len(spans), 1, "queues")
    names = ("minTimeStamp", "maxTimeStamp", "consumeTimeStamp")
    w.equal([dig(spans[0], name) for name in names], [times[0], times[2], times[1]], "times")
    delay = dig(spans[0], "delayTime")
    w.check(isinstance(delay, int) and 0 <= delay <= w.now() - times[2] + 1000, f"delay {delay}")


@case("BROKER-ADMIN-35/counter", rules=["BROKER-ADMIN-35", "BROKER-LIFECYCLE-15"])
def counter(w: Wire) -> None:
    """A counter that is there is told over minute, hour and day."""
    topic = _filled(w)
    answer = w.broker.request(
        RequestCode.VIEW_BROKER_STATS_DATA, ext={"statsName": "TOPIC_PUT_NUMS", "statsKey": topic}
    )
    body = w.expect(answer, code=ResponseCode.SUCCESS).json()
    for window in ("statsMinute", "statsHour", "statsDay"):
        for name in ("sum", "tps", "avgpt"):
            value = dig(body, window, name)
            w.check(isinstance(value, int | float), f"{window}.{name} is {value!r}")


# --- resets


@case(
    "BROKER-ADMIN-49/members-are-told",
    rules=["BROKER-ADMIN-49", "BROKER-ADMIN-59"],
    releases=["4.6", "4.9"],
)
def members_are_told(w: Wire) -> None:
    """Every member is told one-way, the asker gets the table; the broker's own stays."""
    _members_are_told(w)


@case(
    "BROKER-ADMIN-49/switched-on",
    rules=["BROKER-ADMIN-49", "BROKER-ADMIN-59"],
    releases=["5.5"],
)
def members_are_told_if(w: Wire) -> None:
    """In 5.5 members are told where resets on the server are switched off."""
    with broker_settings(w, useServerSideResetOffset="false"):
        _members_are_told(w)


def _members_are_told(w: Wire) -> None:
    topic, group = _filled(w, queues=2), w.create_group()
    for queue_id in range(2):
        w.commit_offset(group, topic, queue_id, 2)
    members = [w.connect(), w.connect()]
    for number, member in enumerate(members):
        w.heartbeat(f"c{number}", consumers=[w.consumer(group, {topic: "*"})], on=member)
    answer = _reset(w, topic, group, timestamp=0)
    w.expect(answer, code=ResponseCode.SUCCESS)
    w.equal(_by_queue(answer.json()), {"0": 0, "1": 0}, "new offsets")
    for member in members:
        notice = member.server_request(RequestCode.RESET_CONSUMER_CLIENT_OFFSET)
        w.check(notice.is_oneway, "the notice wants an answer")
        fields = {"topic": topic, "group": group, "timestamp": "0", "isForce": "false"}
        if w.switch.server_side_reset_offset:
            fields["queueId"] = "-1"
        w.equal(dict(notice.ext or {}), fields, "fields of the notice")
        w.check(b'"offsetTable":{{' in notice.body, f"body {notice.body!r}")
    w.equal([w.query_offset(group, topic, q) for q in range(2)], [2, 2], "the broker's offsets")


def _reset(w: Wire, topic: str, group: str, **ext: ExtValue) -> Response:
    fields: dict[str, ExtValue] = {"topic": topic, "group": group, "isForce": True, **ext}
    return w.broker.request(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, ext=fields)


@case(
    "BROKER-ADMIN-49/forward",
    rules=["BROKER-ADMIN-49"],
    releases=["4.6", "4.9"],
    matrix={"forced": {"force": "true", "moved": 3}, "not-forced": {"force": "false", "moved": 1}},
)
def forward(w: Wire, force: str, moved: int) -> None:
    """To the end is forward: without force the offset stays where it is."""
    topic, group = _filled(w), w.create_group()
    w.commit_offset(group, topic, 0, 1)
    w.heartbeat("c", consumers=[w.consumer(group, {topic: "*"})], on=w.connect())
    answer = _reset(w, topic, group, timestamp=-1, isForce=force)
    w.expect(answer, code=ResponseCode.SUCCESS)
    w.equal(_by_queue(answer.json()), {"0": moved}, "new offset")


@case("BROKER-ADMIN-49/refused", rules=["BROKER-ADMIN-49"], releases=["4.6", "4.9"])
def reset_refused(w: Wire) -> None:
    """Without an offset of some queue, or without members, nothing is told."""
    topic, group = _filled(w, queues=2), w.create_group()
    w.commit_offset(group, topic, 0, 1)
    with w.unchanged(topic):
        answer = _reset(w, topic, group, timestamp=0)
        w.expect(
            answer,
            code=ResponseCode.SYSTEM_ERROR,
            remark=f"THe consumer group <{group}> not exist",
        )
    w.commit_offset(group, topic, 1, 1)
    with w.unchanged(topic):
        answer = _reset(w, topic, group, timestamp=0)
        w.expect(answer, code=ResponseCode.CONSUMER_NOT_ONLINE, remark=re.compile("not online"))


@case(
    "BROKER-ADMIN-49/table-for-c++",
    rules=["BROKER-ADMIN-49"],
    releases=["4.6", "4.9"],
)
def table_for_cpp(w: Wire) -> None:
    """Where the asker is written in C++ the members get a list."""
    topic, group = _filled(w), w.create_group()
    w.commit_offset(group, topic, 0, 2)
    member = w.connect()
    w.heartbeat("c", consumers=[w.consumer(group, {topic: "*"})], on=member)
    fields: dict[str, ExtValue] = {"topic": topic, "group": group, "timestamp": 0, "isForce": True}
    answer = w.broker.request(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, ext=fields, language="CPP")
    w.expect(answer, code=ResponseCode.SUCCESS)
    notice = member.server_request(RequestCode.RESET_CONSUMER_CLIENT_OFFSET)
    w.check(b'"offsetTable":[{' in notice.body, f"body {notice.body!r}")


@case(
    "BROKER-OFFSET-12/on-the-server",
    rules=["BROKER-OFFSET-12", "BROKER-OFFSET-15"],
    releases=["5.5"],
    matrix={
        "to-the-end": {"ext": "timestamp=-1", "offsets": "3,3"},
        "to-the-beginning": {"ext": "timestamp=0", "offsets": "0,0"},
        "one-queue": {"ext": "timestamp=0,queueId=1", "offsets": "2,0"},
        "one-offset": {"ext": "timestamp=0,queueId=0,offset=1", "offsets": "1,2"},
        "the-end": {"ext": "timestamp=0,queueId=0,offset=3", "offsets": "3,2"},
    },
)
def on_the_server(w: Wire, ext: str, offsets: str) -> None:
    """A reset on the server moves the group's offsets, and answers them."""
    topic, group = _filled(w, queues=2), w.create_group()
    for queue_id in range(2):
        w.commit_offset(group, topic, queue_id, 2)
    answer = _reset(w, topic, group, **dict(part.split("=") for part in ext.split(",")))
    w.expect(answer, code=ResponseCode.SUCCESS)
    wanted = [int(text) for text in offsets.split(",")]
    w.equal([w.query_offset(group, topic, q) for q in range(2)], wanted, "offsets")
    moved = {queue: offset for queue, offset in enumerate(wanted) if offset != 2}  # noqa: PLR2004
    w.equal(_by_queue(answer.json()), {str(q): o for q, o in moved.items()}, "answered offsets")


@case(
    "BROKER-OFFSET-10/reset-goes-with-its-topic",
    rules=["BROKER-OFFSET-10", "BROKER-OFFSET-12"],
    releases=["5.5"],
)
def reset_goes_with_its_topic(w: Wire) -> None:
    """A reset that nobody has heard of yet is not kept for the next topic of that name."""
    topic, group = _filled(w), w.create_group()
    w.commit_offset(group, topic, 0, 1)
    w.expect(_reset(w, topic, group, timestamp=-1), code=ResponseCode.SUCCESS)
    w.equal(w.query_offset(group, topic), 3, "offset")
    answer = w.broker.request(RequestCode.DELETE_TOPIC_IN_BROKER, ext={"topic": topic})
    w.expect(answer, code=ResponseCode.SUCCESS)
    w.create_topic(queues=1, name=topic)
    for _ in range(2):
        w.send(topic)
    w.await_max_offset(topic, 0, 2)
    found = w.query_offset(group, topic)
    w.check(found in (None, 0), f"offset {found} of a topic that is made again")


@case("BROKER-OFFSET-12/without-a-record", rules=["BROKER-OFFSET-12"], releases=["5.5"])
def without_a_record(w: Wire) -> None:
    """A reset of a group that has no offset yet is not lost."""
    topic, group = _filled(w), w.create_group()
    answer = w.broker.request(
        RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
        ext={"topic": topic, "group": group, "isForce": True, "timestamp": -1},
    )
    w.expect(answer, code=ResponseCode.SUCCESS)
    w.equal(w.query_offset(group, topic), 3, "offset")


@case(
    "BROKER-OFFSET-12/out-of-range",
    rules=["BROKER-OFFSET-12"],
    releases=["5.5"],
    matrix={"far": {"offset": 5}, "negative": {"offset": -2}},
)
def out_of_range(w: Wire, offset: int) -> None:
    """An offset that the queue does not have is refused and changes nothing."""
    topic, group = _filled(w), w.create_group()
    w.commit_offset(group, topic, 0, 2)
    with w.unchanged(topic):
        answer = w.broker.request(
            RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
            ext={"topic": topic, "group": group, "timestamp": 0, "queueId": 0, "offset": offset},
        )
        w.expect(
            answer,
            code=ResponseCode.SYSTEM_ERROR,
            remark=f"Target offset {offset} not in consume queue range [0-3]",
        )


# --- clones and corrections


def _clone(w: Wire, source: str, target: str, **ext: ExtValue) -> None:
    fields: dict[str, ExtValue] = {"srcGroup": source, "destGroup": target, "offline": False, **ext}
    answer = w.broker.request(RequestCode.CLONE_GROUP_OFFSET, ext=fields)
    w.expect(answer, code=ResponseCode.SUCCESS)


def _offsets_of(w: Wire, topic: str, group: str) -> Mapping[str, JsonValue] | None:
    table = dig(w.broker.request(RequestCode.GET_ALL_CONSUMER_OFFSET).json(), "offsetTable")
    entry = table.get(f"{topic}@{group}") if isinstance(table, dict) else None
    return entry if isinstance(entry, dict) else None


@case("BROKER-OFFSET-8/cloned", rules=["BROKER-OFFSET-8", "BROKER-ADMIN-37"])
def cloned(w: Wire) -> None:
    """A group gets the offsets of another in one topic, as they are now."""
    topic, other = _filled(w, queues=2), _filled(w)
    source, target = w.create_group(), w.create_group()
    for name, queue_id, offset in ((topic, 0, 1), (topic, 1, 2), (other, 0, 3)):
        w.commit_offset(source, name, queue_id, offset)
    _clone(w, source, target, topic=topic)
    w.equal(_offsets_of(w, topic, target), {"0": 1, "1": 2}, "cloned offsets")
    w.equal(_offsets_of(w, other, target), None, "offsets of another topic")
    w.commit_offset(target, topic, 0, 3)
    w.equal(_offsets_of(w, topic, target), {"0": 3, "1": 2}, "offsets of the clone")


@case(
    "BROKER-ADMIN-37/nothing-cloned",
    rules=["BROKER-ADMIN-37"],
    matrix={
        "no-topic": {"topic": ""},
        "blank-topic": {"topic": "  "},
        "unknown-topic": {"topic": "no-such-topic"},
    },
)
def nothing_cloned(w: Wire, topic: str) -> None:
    """Without a topic, or with one that is not there, nothing is cloned; that is a success."""
    source, target = w.create_group(), w.create_group()
    w.commit_offset(source, _filled(w), 0, 1)
    with w.unchanged():
        _clone(w, source, target, topic=topic or None)


@case("BROKER-ADMIN-37/online-source", rules=["BROKER-ADMIN-37"])
def online_source(w: Wire) -> None:
    """A topic that the online source does not subscribe to is cloned only as if it were offline."""
    topic, other = _filled(w), _filled(w)
    source, target = w.create_group(), w.create_group()
    w.commit_offset(source, topic, 0, 1)
    w.heartbeat("c", consumers=[w.consumer(source, {other: "*"})], on=w.connect())
    _clone(w, source, target, topic=topic)
    w.equal(_offsets_of(w, topic, target), None, "cloned offsets")
    _clone(w, source, target, topic=topic, offline=True)
    w.equal(_offsets_of(w, topic, target), {"0": 1}, "cloned offsets")


@case("BROKER-ADMIN-36/greatest-long", rules=["BROKER-ADMIN-36", "BROKER-OFFSET-16"])
def correction(w: Wire) -> None:
    """The least offset over all groups; where the compared one is behind, in 5.5 a mark."""
    topic = _filled(w)
    ahead, behind = w.create_group(), w.create_group()
    w.commit_offset(ahead, topic, 0, 3)
    w.commit_offset(behind, topic, 0, 1)
    for compared in (ahead, behind):
        answer = w.broker.request(
            RequestCode.QUERY_CORRECTION_OFFSET, ext={"topic": topic, "compareGroup": compared}
        )
        offsets = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "correctionOffsets")
        w.equal(offsets, {"0": 1}, f"offsets compared with {compared}")
