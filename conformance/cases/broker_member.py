"""Membership: heartbeats, lists, notices, goodbyes, and what silence does."""

import re
from collections.abc import Mapping

from conformance.case import case
from conformance.connection import Connection
from conformance.matching import dig
from conformance.session import compact_json
from conformance.target import Capability
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_NO_GROUPS = {
    "autoCreateSubscriptionGroup": "false",
    "enablePropertyFilter": "false",
    "slaveReadEnable": "true",
}


def _members(w: Wire, group: str) -> list[str | None]:
    """The client ids of a group, sorted; empty where it is offline."""
    ext = {"consumerGroup": group}
    response = w.broker.request(RequestCode.GET_CONSUMER_LIST_BY_GROUP, ext=ext)
    if response.code == ResponseCode.SYSTEM_ERROR:
        return []
    ids = dig(w.expect(response, code=0).json(), "consumerIdList")
    assert isinstance(ids, list)
    return sorted((None if i is None else str(i) for i in ids), key=str)


def _online(w: Wire, group: str) -> Mapping[str, JsonValue]:
    """GET_CONSUMER_CONNECTION_LIST of a group that is online."""
    ext = {"consumerGroup": group}
    response = w.broker.request(RequestCode.GET_CONSUMER_CONNECTION_LIST, ext=ext)
    body = w.expect(response, code=ResponseCode.SUCCESS).json()
    assert isinstance(body, dict)
    return body


def _subscription(w: Wire, group: str, topic: str) -> Mapping[str, JsonValue]:
    entry = dig(dict(_online(w, group)), "subscriptionTable", topic)
    assert isinstance(entry, dict)
    return entry


def _producers(w: Wire, group: str) -> list[str] | None:
    """The client ids of a producer group; None where the broker says that there is none."""
    response = w.broker.request(
        RequestCode.GET_PRODUCER_CONNECTION_LIST, ext={"producerGroup": group}
    )
    if response.code == ResponseCode.SYSTEM_ERROR:
        return None
    connections = dig(w.expect(response, code=0).json(), "connectionSet")
    assert isinstance(connections, list)
    return sorted(str(dig(entry, "clientId")) for entry in connections)


def _goodbye(w: Wire, client: str, *, on: Connection, **groups: str) -> None:
    response = on.request(RequestCode.UNREGISTER_CLIENT, ext={"clientID": client, **groups})
    w.expect(response, code=ResponseCode.SUCCESS)


def _raw_heartbeat(w: Wire, *, on: Connection, **members: JsonValue) -> None:
    response = on.request(RequestCode.HEART_BEAT, body=compact_json(dict(members)))
    w.expect(response, code=ResponseCode.SUCCESS)


def _notice(w: Wire, connection: Connection, group: str) -> None:
    """The next notice on the connection is one-way and names the group."""
    frame = connection.server_request(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED)
    w.check(frame.is_oneway, "the notice asks for an answer")
    w.equal(frame.ext, {"consumerGroup": group}, "fields of the notice")


def _no_notice(w: Wire, *connections: Connection) -> None:
    for connection in connections:
        connection.probe()
        connection.probe()
        frame = connection.arrived(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED)
        w.check(frame is None, f"a notice that nobody should get: {frame}")


# --- joining


@case("BROKER-MEMBER-1/members-by-channel", rules=["BROKER-MEMBER-1"])
def members_by_channel(w: Wire) -> None:
    """A heartbeat makes its channel a member; a repeated one only renews it."""
    topic, group = w.create_topic(queues=1), w.create_group()
    first, second = w.connect(), w.connect()
    for _ in range(2):
        w.heartbeat("c1", consumers=[w.consumer(group, {topic: "*"})], on=first)
    w.equal(_members(w, group), ["c1"], "members")
    w.heartbeat("c2", consumers=[w.consumer(group, {topic: "*"})], on=second)
    w.equal(_members(w, group), ["c1", "c2"], "members")
    w.heartbeat("c1", consumers=[w.consumer(group, {topic: "*"})], on=second)
    w.equal(_members(w, group), ["c1", "c1"], "members, one id on two channels")


@case("BROKER-MEMBER-2/new-id-on-a-channel", rules=["BROKER-MEMBER-2"])
def new_id_on_a_channel(w: Wire) -> None:
    """Another client id on a known channel replaces the old one, and nobody is told."""
    topic, group = w.create_topic(queues=1), w.create_group()
    member = w.connect()
    w.heartbeat("old", consumers=[w.consumer(group, {topic: "*"})], on=member)
    _notice(w, member, group)
    w.heartbeat("new", consumers=[w.consumer(group, {topic: "*"})], on=member)
    w.equal(_members(w, group), ["new"], "members")
    _no_notice(w, member)


@case("BROKER-MEMBER-3/last-heartbeat-decides", rules=["BROKER-MEMBER-3"])
def last_heartbeat_decides(w: Wire) -> None:
    """How the group consumes is what the last heartbeat of any member said."""
    topic, group = w.create_topic(queues=1), w.create_group()
    kinds = [
        ("c1", "CONSUME_PASSIVELY", "CLUSTERING", "CONSUME_FROM_LAST_OFFSET"),
        ("c2", "CONSUME_ACTIVELY", "BROADCASTING", "CONSUME_FROM_TIMESTAMP"),
        ("c1", "CONSUME_PASSIVELY", "BROADCASTING", "CONSUME_FROM_FIRST_OFFSET"),
    ]
    members = {"c1": w.connect(), "c2": w.connect()}
    for client, kind, model, where in kinds:
        consumer = w.consumer(
            group, {topic: "*"}, consume_type=kind, model=model, consumeFromWhere=where
        )
        w.heartbeat(client, consumers=[consumer], on=members[client])
        online = _online(w, group)
        names = ("consumeType", "messageModel", "consumeFromWhere")
        w.equal([online.get(name) for name in names], [kind, model, where], "how it consumes")


@case("BROKER-MEMBER-4/newer-replaces", rules=["BROKER-MEMBER-4"])
def newer_replaces(w: Wire) -> None:
    """A subscription is replaced by a newer one only, and nobody is told."""
    topic, group = w.create_topic(queues=1), w.create_group()
    member = w.connect()
    for text, number, kept in (("a", 5, "a"), ("b", 4, "a"), ("c", 5, "a"), ("d", 6, "d")):
        entry: JsonValue = {"topic": topic, "subString": text, "subVersion": number}
        w.heartbeat("c", consumers=[w.consumer(group, {}, subscriptionDataSet=[entry])], on=member)
        w.equal(_subscription(w, group, topic).get("subString"), kept, f"after version {number}")
    _notice(w, member, group)
    _no_notice(w, member)


@case("BROKER-MEMBER-5/topic-not-named", rules=["BROKER-MEMBER-5", "BROKER-MEMBER-6"])
def topic_not_named(w: Wire) -> None:
    """The subscriptions are those of the last heartbeat; a topic that comes or goes is told."""
    topics = [w.create_topic(queues=1) for _ in range(3)]
    group, member = w.create_group(), w.connect()
    for named in ([0, 1], [1, 2], [2]):
        wanted = {topics[n]: "*" for n in named}
        w.heartbeat("c", consumers=[w.consumer(group, wanted)], on=member)
        table = _online(w, group).get("subscriptionTable")
        assert isinstance(table, dict)
        w.equal(set(table), set(wanted), "topics")
        _notice(w, member, group)
    _no_notice(w, member)


@case("BROKER-MEMBER-13/retry-topic", rules=["BROKER-MEMBER-13"])
def retry_topic(w: Wire) -> None:
    """A heartbeat makes the retry topic of its group, with as many queues as the group says."""
    group = w.create_group(retryQueueNums=3)
    retry = f"%RETRY%{group}"
    w.check(w.topic_config(retry) is None, "the retry topic is there before the heartbeat")
    w.heartbeat("c", consumers=[w.consumer(group, {})])
    config = w.eventually(lambda: w.topic_config(retry), what="the retry topic")
    counts = (config.get("readQueueNums"), config.get("writeQueueNums"), config.get("perm"))
    w.equal(counts, (3, 3, 6), "queues and permission")


@case("BROKER-MEMBER-41/heartbeat-of-an-unknown-group", rules=["BROKER-MEMBER-41"])
def heartbeat_of_an_unknown_group(w: Wire) -> None:
    """A heartbeat creates its group with the usual settings."""
    group = w.group()
    w.heartbeat("c", consumers=[w.consumer(group, {})])
    w.equal(_members(w, group), ["c"], "members")
    response = w.broker.request(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)
    config = dig(response.json(), "subscriptionGroupTable", group)
    found = [dig(config, name) for name in ("consumeEnable", "retryQueueNums", "retryMaxTimes")]
    w.equal(found, [True, 1, 16], "settings")


@case("BROKER-MEMBER-11/group-that-may-not-exist", rules=["BROKER-MEMBER-11"], options=_NO_GROUPS)
def group_that_may_not_exist(w: Wire) -> None:
    """A heartbeat of a group that may not exist succeeds; up to 4.9 it makes a member."""
    group = w.group()
    with w.unchanged():
        w.heartbeat("c", consumers=[w.consumer(group, {})])
    members = [] if w.switch.heartbeat_needs_group else ["c"]
    w.equal(_members(w, group), members, "members")


@case("BROKER-MEMBER-12/flags", rules=["BROKER-MEMBER-12"])
def flags(w: Wire) -> None:
    """From 5.5 the answer to a heartbeat says what the broker can do, before it says nothing."""
    topic, group = w.create_topic(queues=1), w.create_group()
    told: list[JsonValue] = []
    for fingerprint in (None, 7, 7, 8, 0):
        body: dict[str, JsonValue] = {
            "clientID": "c",
            "producerDataSet": [],
            "consumerDataSet": [w.consumer(group, {topic: "*"})],
        }
        if fingerprint is not None:
            body["heartbeatFingerprint"] = fingerprint
        response = w.broker.request(RequestCode.HEART_BEAT, body=compact_json(body))
        w.expect(response, code=ResponseCode.SUCCESS)
        told.append(response.ext.get("IS_SUB_CHANGE"))
        can = "true" if w.switch.heartbeat_answers_flags else None
        w.equal(response.ext.get("IS_SUPPORT_HEART_BEAT_V2"), can, "IS_SUPPORT_HEART_BEAT_V2")
    wanted: list[JsonValue] = [None] * 5
    if w.switch.heartbeat_answers_flags:
        wanted = ["true", "true", "false", "true", "true"]
    w.equal(told, wanted, "IS_SUB_CHANGE")


@case("BROKER-MEMBER-12/without-subscriptions", rules=["BROKER-MEMBER-12"], releases=["5.5"])
def without_subscriptions(w: Wire) -> None:
    """A short heartbeat keeps the subscriptions that the group has."""
    topic, group = w.create_topic(queues=1), w.create_group()
    for consumer in (w.consumer(group, {topic: "*"}), w.consumer(group, {})):
        short = dig(consumer, "subscriptionDataSet") == []
        _raw_heartbeat(
            w,
            on=w.broker,
            clientID="c",
            consumerDataSet=[consumer],
            heartbeatFingerprint=9,
            withoutSub=short,
        )
        w.equal(_subscription(w, group, topic).get("subString"), "*", "subscription")


# --- what a heartbeat may look like


@case(
    "BROKER-MEMBER-16/enums",
    rules=["BROKER-MEMBER-16"],
    matrix={
        "names": {"kind": "CONSUME_PASSIVELY", "model": "CLUSTERING", "known": "both"},
        "ordinals": {"kind": 1, "model": 1, "known": "both"},
        "small-letters": {"kind": "consume_passively", "model": "clustering", "known": "both"},
        "ordinals-as-text": {"kind": "1", "model": "1", "known": "5.5"},
        "other-names": {"kind": "PUSH", "model": "CLUSTER", "known": ""},
    },
)
def enums(w: Wire, kind: str | int, model: str | int, known: str) -> None:
    """Enums are names or ordinals; what is neither is nothing."""
    topic, group = w.create_topic(queues=1), w.create_group()
    consumer = w.consumer(group, {topic: "*"}, consumeType=kind, messageModel=model)
    w.heartbeat("c", consumers=[consumer])
    online = _online(w, group)
    understood = known in {"both", w.release}
    wanted = ("CONSUME_PASSIVELY", "CLUSTERING") if understood else (None, None)
    w.equal((online.get("consumeType"), online.get("messageModel")), wanted, "how it consumes")


@case(
    "BROKER-MEMBER-16/version",
    rules=["BROKER-MEMBER-16", "BROKER-PULL-13"],
    matrix={
        "number": {"text": "7", "known": 7},
        "text": {"text": '"7"', "known": 7},
        "negative": {"text": "-3", "known": -3},
        "fraction": {"text": "7.9", "known": 7},
    },
)
def version_forms(w: Wire, text: str, known: int) -> None:
    """The version of a subscription is a number or its text."""
    topic, group = w.create_topic(queues=1), w.create_group()
    body = (
        f'{{"clientID":"c","consumerDataSet":[{{"groupName":"{group}","consumeType":1,'
        f'"messageModel":1,"subscriptionDataSet":[{{"topic":"{topic}","subString":"*",'
        f'"subVersion":{text}}}]}}]}}'
    )
    response = w.broker.request(RequestCode.HEART_BEAT, body=body.encode())
    w.expect(response, code=ResponseCode.SUCCESS)
    w.equal(_subscription(w, group, topic).get("subVersion"), known, "version")
    newer = w.try_pull(topic, group=group, sysFlag=0, subVersion=known + 1)
    w.expect(newer, code=ResponseCode.SUBSCRIPTION_NOT_LATEST)
    same = w.try_pull(topic, group=group, sysFlag=0, subVersion=known)
    w.expect(same, code=ResponseCode.PULL_NOT_FOUND)


@case(
    "BROKER-MEMBER-16/body",
    rules=["BROKER-MEMBER-16", "REMOTING-HEADER-16"],
    matrix={
        "no-producers": {"body": '{"clientID":"c","consumerDataSet":[%s]}'},
        "blanks-and-lines": {"body": '\n{ "clientID" : "c" ,\r\n"consumerDataSet" : [ %s ] }\n'},
        "unknown-members": {"body": '{"clientID":"c","x":{"y":[1]},"consumerDataSet":[%s]}'},
        "single-quotes": {"body": "{'clientID':'c','consumerDataSet':[%s]}"},
        "empty-producers": {"body": '{"clientID":"c","producerDataSet":[],"consumerDataSet":[%s]}'},
    },
)
def body_forms(w: Wire, body: str) -> None:
    """Heartbeats of other languages lack sets, have lines, and say more."""
    topic, group = w.create_topic(queues=1), w.create_group()
    consumer = f'{{"groupName":"{group}","subscriptionDataSet":[{{"topic":"{topic}"}}]}}'
    response = w.broker.request(RequestCode.HEART_BEAT, body=(body % consumer).encode())
    w.expect(response, code=ResponseCode.SUCCESS)
    w.equal(_members(w, group), ["c"], "members")


@case("BROKER-MEMBER-16/no-client-id", rules=["BROKER-MEMBER-16", "BROKER-MEMBER-1"])
def no_client_id(w: Wire) -> None:
    """A client that does not say its name is a member without a name."""
    group, member = w.create_group(), w.connect()
    _raw_heartbeat(w, on=member, consumerDataSet=[w.consumer(group, {})])
    w.equal(_members(w, group), [None], "members")


# --- notices


@case("BROKER-MEMBER-6/every-member-is-told", rules=["BROKER-MEMBER-6", "BROKER-MEMBER-7"])
def every_member_is_told(w: Wire) -> None:
    """Who joins and who leaves is told to every member, the new one included."""
    topic, group = w.create_topic(queues=1), w.create_group()
    first, second = w.connect(), w.connect()
    w.heartbeat("c1", consumers=[w.consumer(group, {topic: "*"})], on=first)
    _notice(w, first, group)
    w.heartbeat("c2", consumers=[w.consumer(group, {topic: "*"})], on=second)
    _notice(w, first, group)
    _notice(w, second, group)
    _goodbye(w, "c2", on=second, consumerGroup=group)
    _notice(w, first, group)
    _no_notice(w, first, second)


@case("BROKER-MEMBER-6/renewal-is-no-change", rules=["BROKER-MEMBER-6", "BROKER-MEMBER-1"])
def renewal_is_no_change(w: Wire) -> None:
    """A heartbeat that says the same again is told to nobody."""
    topic, group = w.create_topic(queues=1), w.create_group()
    member = w.connect()
    for _ in range(3):
        w.heartbeat("c1", consumers=[w.consumer(group, {topic: "*"})], on=member)
    _notice(w, member, group)
    _no_notice(w, member)


@case("BROKER-MEMBER-6/switched-off", rules=["BROKER-MEMBER-6"])
def switched_off(w: Wire) -> None:
    """A group whose notices are switched off hears nothing of those who come and say goodbye."""
    topic = w.create_topic(queues=1)
    group = w.create_group(notifyConsumerIdsChangedEnable=False)
    first, second = w.connect(), w.connect()
    w.heartbeat("c1", consumers=[w.consumer(group, {topic: "*"})], on=first)
    w.heartbeat("c2", consumers=[w.consumer(group, {topic: "*"})], on=second)
    _goodbye(w, "c2", on=second, consumerGroup=group)
    _no_notice(w, first, second)


@case("BROKER-MEMBER-6/broadcasting", rules=["BROKER-MEMBER-6"])
def broadcasting(w: Wire) -> None:
    """Members that broadcast share no queues: from 5.5 on they are not told."""
    topic, group = w.create_topic(queues=1), w.create_group()
    member = w.connect()
    consumer = w.consumer(group, {topic: "*"}, model="BROADCASTING")
    w.heartbeat("c1", consumers=[consumer], on=member)
    if not w.switch.broadcast_members_hear_no_change:
        _notice(w, member, group)
    _no_notice(w, member)


# --- leaving


@case("BROKER-MEMBER-7/goodbye", rules=["BROKER-MEMBER-7", "BROKER-MEMBER-15"])
def goodbye(w: Wire) -> None:
    """The channel that says goodbye leaves, whatever name it says; the last takes the group."""
    topic, group = w.create_topic(queues=1), w.create_group()
    first, second = w.connect(), w.connect()
    w.heartbeat("c1", consumers=[w.consumer(group, {topic: "*"})], on=first)
    w.heartbeat("c2", consumers=[w.consumer(group, {topic: "*"})], on=second)
    _goodbye(w, "c1", on=second, consumerGroup=group)
    w.equal(_members(w, group), ["c1"], "members after the goodbye on the second channel")
    _goodbye(w, "c1", on=w.broker, consumerGroup=group)
    w.equal(_members(w, group), ["c1"], "members after the goodbye of a stranger")
    _goodbye(w, "c1", on=first, consumerGroup=group)
    w.equal(_members(w, group), [], "members at the end")
    w.expect(w.try_pull(topic, group=group, sysFlag=0), code=ResponseCode.SUBSCRIPTION_NOT_EXIST)


@case("BROKER-MEMBER-8/closed-channel", rules=["BROKER-MEMBER-8"])
def closed_channel(w: Wire) -> None:
    """A member whose channel closes leaves every group, and the others are told."""
    topic = w.create_topic(queues=1)
    groups = [w.create_group(), w.create_group()]
    first, second = w.connect(), w.connect()
    for client, member in (("c1", first), ("c2", second)):
        consumers = [w.consumer(group, {topic: "*"}) for group in groups]
        w.heartbeat(client, consumers=consumers, on=member)
    for _ in range(4):  # both groups, for each of the two members
        first.server_request(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED)
    second.close()
    told = [
        (first.server_request(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED).ext or {}).get(
            "consumerGroup"
        )
        for _ in range(2)
    ]
    w.equal(sorted(map(str, told)), sorted(groups), "groups of the notices")
    for group in groups:
        w.equal(_members(w, group), ["c1"], "members")


@case(
    "BROKER-MEMBER-9/silence",
    rules=["BROKER-MEMBER-9", "BROKER-MEMBER-23"],
    needs=[Capability.CLOCK],
)
def silence(w: Wire) -> None:
    """Who sends no heartbeat for two minutes is removed, and the channel closed."""
    topic, group, producers = w.create_topic(queues=1), w.create_group(), w.group("PID")
    silent, lively = w.connect(), w.connect()
    for client, member in (("silent", silent), ("lively", lively)):
        w.heartbeat(
            client, producers=[producers], consumers=[w.consumer(group, {topic: "*"})], on=member
        )
    for _ in range(4):
        w.advance(30_000)
        silent.probe()  # what keeps the channel open is no heartbeat
        w.broker.probe()
        w.heartbeat(
            "lively", producers=[producers], consumers=[w.consumer(group, {topic: "*"})], on=lively
        )
    w.equal(_members(w, group), ["lively", "silent"], "members after two minutes")
    w.advance(10_001)
    w.equal(_members(w, group), ["lively"], "members after the next scan")
    w.equal(_producers(w, producers), ["lively"], "producers after the next scan")
    silent.expect_close()
    lively.expect_open()


# --- producers


@case("BROKER-MEMBER-20/producers", rules=["BROKER-MEMBER-20", "BROKER-MEMBER-21"])
def producers_come_and_go(w: Wire) -> None:
    """A heartbeat makes a producer, a goodbye ends it, and the last takes the group."""
    group = w.group("PID")
    w.equal(_producers(w, group), None, "producers of an unknown group")
    first, second = w.connect(), w.connect()
    w.heartbeat("p1", producers=[group], on=first)
    w.heartbeat("p2", producers=[group], on=second)
    w.equal(_producers(w, group), ["p1", "p2"], "producers")
    _goodbye(w, "p1", on=first, producerGroup=group)
    w.equal(_producers(w, group), ["p2"], "producers after a goodbye")
    _goodbye(w, "p2", on=second, producerGroup=group)
    w.equal(_producers(w, group), None, "producers after the last goodbye")


@case("BROKER-MEMBER-22/closed-producer", rules=["BROKER-MEMBER-22"])
def closed_producer(w: Wire) -> None:
    """A closed channel leaves its producer groups; up to 4.9 an empty group stays."""
    group = w.group("PID")
    member = w.connect()
    w.heartbeat("p1", producers=[group], on=member)
    w.equal(_producers(w, group), ["p1"], "producers")
    member.close()
    left: list[str] | None = None if w.switch.removes_empty_producer_groups else []
    w.eventually(lambda: _producers(w, group) == left, what=f"producers {left}")


# --- expressions of heartbeats


def _sql(w: Wire, group: str, topic: str, text: str, version: int) -> JsonValue:
    entry: JsonValue = {
        "topic": topic,
        "subString": text,
        "expressionType": "SQL92",
        "subVersion": version,
    }
    return w.consumer(group, {}, subscriptionDataSet=[entry])


@case(
    "BROKER-MEMBER-30/expression-of-a-heartbeat",
    rules=["BROKER-MEMBER-30", "BROKER-PULL-32", "BROKER-MEMBER-33"],
)
def expression_of_a_heartbeat(w: Wire) -> None:
    """Pulls by heartbeat are filtered by the newest expression; a bad one leaves none."""
    topic, group = w.create_topic(queues=1), w.create_group()
    for number in range(4):
        w.send(topic, str(number).encode(), properties={"n": str(number)})
    w.await_max_offset(topic, 0, 4)
    for version, (text, bodies) in enumerate(
        (("n > 1", [b"2", b"3"]), ("n < 2", [b"0", b"1"])), start=1
    ):
        w.heartbeat("c", consumers=[_sql(w, group, topic, text, version)])
        result = w.pull(topic, group=group, sysFlag=0, subVersion=version)
        w.equal(result.bodies, bodies, text)
    w.heartbeat("c", consumers=[_sql(w, group, topic, "n <", 3)])
    response = w.try_pull(topic, group=group, sysFlag=0, subVersion=3)
    w.expect(
        response,
        code=ResponseCode.FILTER_DATA_NOT_EXIST,
        remark=re.compile("^The broker's consumer filter data is not exist!"),
    )


@case("BROKER-MEMBER-31/bad-expression", rules=["BROKER-MEMBER-31", "BROKER-PULL-14"])
def bad_expression(w: Wire) -> None:
    """A heartbeat with a bad expression succeeds; the pull hears that there is no filter."""
    topic, good, group = w.create_topic(queues=1), w.create_topic(queues=1), w.create_group()
    consumer = w.consumer(group, {topic: "n <", good: "n > 1"}, expression_type="SQL92")
    w.heartbeat("c", consumers=[consumer])
    response = w.try_pull(topic, group=group, sysFlag=0)
    w.expect(response, code=ResponseCode.FILTER_DATA_NOT_EXIST)
    w.expect(w.try_pull(good, group=group, sysFlag=0), code=ResponseCode.PULL_NOT_FOUND)


@case(
    "BROKER-MEMBER-32/expression-revives",
    rules=["BROKER-MEMBER-32", "BROKER-MEMBER-34", "BROKER-MEMBER-5"],
)
def expression_revives(w: Wire) -> None:
    """An expression whose group went comes back with the same version, and filters as before."""
    topic, group = w.create_topic(queues=1), w.create_group()
    for number in range(3):
        w.send(topic, str(number).encode(), properties={"n": str(number)})
    w.await_max_offset(topic, 0, 3)
    member = w.connect()
    for _ in range(2):
        w.heartbeat("c", consumers=[_sql(w, group, topic, "n = 1", 5)], on=member)
        result = w.pull(topic, group=group, sysFlag=0, subVersion=5)
        w.equal(result.bodies, [b"1"], "bodies")
        _goodbye(w, "c", on=member, consumerGroup=group)
        response = w.try_pull(topic, group=group, sysFlag=0, subVersion=5)
        w.expect(response, code=ResponseCode.SUBSCRIPTION_NOT_EXIST)


@case(
    "BROKER-MEMBER-10/pulls-tell-what-a-group-wants", rules=["BROKER-MEMBER-10"], releases=["5.5"]
)
def pulls_tell_what_a_group_wants(w: Wire) -> None:
    """What a pull subscribes to is remembered for tools and makes no member."""
    topic, group = w.create_topic(queues=1), w.create_group()
    w.pull(topic, group=group, subscription="a || b")
    w.equal(_members(w, group), [], "members")
    response = w.broker.request(
        RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER, ext={"group": group, "topic": topic}
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    data = dig(response.json(), "subscriptionData")
    w.equal(dig(data, "subString"), "a || b", "text")
