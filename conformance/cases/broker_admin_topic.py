"""Administration of topics and subscription groups, and of who is connected."""

import re

from conformance.case import case
from conformance.connection import ExtValue
from conformance.matching import dig
from conformance.session import compact_json
from conformance.settings import broker_settings
from conformance.target import Capability
from conformance.wire import PERM_READ, Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

# --- creating


@case("BROKER-ADMIN-3/there-at-once", rules=["BROKER-ADMIN-3", "BROKER-TOPIC-7"])
def there_at_once(w: Wire) -> None:
    """A created topic is in the table as asked for, and the version has counted up."""
    before = _version(w)
    topic = w.create_topic(queues=3, read_queues=5, perm=PERM_READ, sys_flag=1)
    config = _config(w, topic)
    wanted = {
        "topicName": topic,
        "readQueueNums": 5,
        "writeQueueNums": 3,
        "perm": PERM_READ,
        "topicSysFlag": 1,
        "topicFilterType": "SINGLE_TAG",
        "order": False,
    }
    w.equal({name: dig(config, name) for name in wanted}, wanted, "configuration")
    w.check(_version(w) > before, "the version of the table has not counted up")


def _config(w: Wire, topic: str) -> dict[str, JsonValue]:
    config = w.topic_config(topic)
    assert config is not None, topic
    return dict(config)


def _version(w: Wire) -> int:
    counter = dig(
        w.broker.request(RequestCode.GET_ALL_TOPIC_CONFIG).json(), "dataVersion", "counter"
    )
    assert isinstance(counter, int), counter
    return counter


@case("BROKER-ADMIN-3/changed", rules=["BROKER-ADMIN-3", "BROKER-TOPIC-7"])
def changed(w: Wire) -> None:
    """A second update replaces the configuration; messages stay."""
    topic = w.create_topic(queues=2)
    w.send(topic, b"kept", queue_id=1)
    w.receive(topic, 1)
    w.create_topic(name=topic, queues=1, read_queues=4, perm=PERM_READ)
    config = _config(w, topic)
    found = (dig(config, "writeQueueNums"), dig(config, "readQueueNums"), dig(config, "perm"))
    w.equal(found, (1, 4, PERM_READ), "configuration")
    w.equal(w.receive(topic, 1)[0].body, b"kept", "body")


@case(
    "BROKER-ADMIN-3/numbers-as-they-are",
    rules=["BROKER-ADMIN-3"],
    matrix={
        "no-queue": {"queues": 0, "perm": 6},
        "negative": {"queues": -1, "perm": 6},
        "many": {"queues": 100_000, "perm": 6},
        "perm-0": {"queues": 1, "perm": 0},
        "perm-255": {"queues": 1, "perm": 255},
        "perm-negative": {"queues": 1, "perm": -1},
    },
)
def numbers_as_they_are(w: Wire, queues: int, perm: int) -> None:
    """Queue numbers and permission are stored as given: nothing is checked."""
    topic = w.create_topic(queues=queues, perm=perm)
    config = _config(w, topic)
    w.equal((dig(config, "writeQueueNums"), dig(config, "perm")), (queues, perm), "stored")
    w.broker.request(RequestCode.DELETE_TOPIC_IN_BROKER, ext={"topic": topic})


@case("BROKER-ADMIN-3/order", rules=["BROKER-ADMIN-3"])
def order_flag(w: Wire) -> None:
    """The order flag of the request is taken from 5.5 on only."""
    topic = w.create_topic(order=True)
    w.equal(dig(_config(w, topic), "order"), w.switch.topics_have_attributes, "order")


@case(
    "BROKER-ADMIN-1/length",
    rules=["BROKER-ADMIN-1"],
    matrix={
        "126": {"length": 126, "since": "9"},
        "127": {"length": 127, "since": "9"},
        "128": {"length": 128, "since": "4.6"},
        "255": {"length": 255, "since": "4.6"},
    },
)
def length(w: Wire, length: int, since: str) -> None:
    """A name may have 127 letters, not one more."""
    topic = w.unique("T")
    topic += "x" * (length - len(topic))
    response = w.try_create_topic(topic)
    if since <= w.release:
        code = w.switch.illegal_topic_code
        w.expect(response, code=code, remark=re.compile("longer than topic max length"))
        w.equal(w.topic_config(topic), None, "configuration")
    else:
        w.expect(response, code=ResponseCode.SUCCESS)
        w.eventually(lambda: w.topic_config(topic), what="the topic")
        w.send(topic)


@case(
    "BROKER-ADMIN-1/legal-names",
    rules=["BROKER-ADMIN-1"],
    matrix={
        "percent": {"name": "%a%"},
        "bar": {"name": "a|b"},
        "hyphen": {"name": "-a-"},
        "digits": {"name": "0123456789"},
        "retry": {"name": "%RETRY%x"},
    },
)
def legal_names(w: Wire, name: str) -> None:
    """Letters, digits, `%`, `|`, `-` and `_` are legal."""
    topic = w.create_topic(name=name + w.unique())
    w.check(w.topic_config(topic) is not None, "the topic is not there")


@case(
    "BROKER-ADMIN-4/route",
    rules=["BROKER-ADMIN-4", "BROKER-LIFECYCLE-8"],
    needs=[Capability.NAMESRV],
)
def route_of_created(w: Wire) -> None:
    """A created topic, and a changed one, is in the route before the next round."""
    topic = w.create_topic(queues=1)
    w.eventually(lambda: w.route(topic), what="the route", within_ms=2000)
    w.create_topic(name=topic, queues=7)
    w.eventually(
        lambda: dig(w.route(topic), "queueDatas", 0, "writeQueueNums") == 7,  # noqa: PLR2004
        what="the changed route",
        within_ms=2000,
    )


# --- attributes (5.5)


@case("BROKER-ADMIN-5/by-sign", rules=["BROKER-ADMIN-5", "BROKER-ADMIN-11"], releases=["5.5"])
def attributes_by_sign(w: Wire) -> None:
    """`+name=value` sets, `-name` removes; what is not named stays."""
    topic = w.unique("T")
    for text, expected in (
        ("+message.type=FIFO,+reserve.time=5", {"message.type": "FIFO", "reserve.time": "5"}),
        ("+message.type=NORMAL", {"message.type": "NORMAL", "reserve.time": "5"}),
        ("-reserve.time", {"message.type": "NORMAL"}),
    ):
        w.expect(w.try_create_topic(topic, attributes=text), code=ResponseCode.SUCCESS)
        answer = w.broker.request(RequestCode.GET_TOPIC_CONFIG, ext={"topic": topic})
        w.equal(dig(w.expect(answer, code=0).json(), "attributes"), expected, f"after {text}")


@case(
    "BROKER-ADMIN-5/refused",
    rules=["BROKER-ADMIN-5"],
    releases=["5.5"],
    matrix={
        "unknown": {"text": "+no.such=1"},
        "out-of-range": {"text": "+reserve.time=-2"},
        "not-in-the-set": {"text": "+message.type=OTHER"},
        "no-sign": {"text": "message.type=FIFO"},
        "removed-at-birth": {"text": "-message.type"},
        "twice": {"text": "+message.type=FIFO,-message.type"},
        "no-number": {"text": "+reserve.time=x"},
    },
)
def attributes_refused(w: Wire, text: str) -> None:
    """What the attributes do not allow is refused, and the topic is not created."""
    topic = w.unique("T")
    with w.unchanged():
        response = w.try_create_topic(topic, attributes=text)
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=re.compile(r"\w"))


@case("BROKER-ADMIN-5/fixed", rules=["BROKER-ADMIN-5"], releases=["5.5"])
def attributes_fixed(w: Wire) -> None:
    """The type of a topic's queues cannot change."""
    topic = w.unique("T")
    created = w.try_create_topic(topic, attributes="+cleanup.policy=DELETE")
    w.expect(created, code=ResponseCode.SUCCESS)
    with w.unchanged(topic):
        response = w.try_create_topic(topic, attributes="+cleanup.policy=COMPACTION")
        w.expect(response, code=ResponseCode.SYSTEM_ERROR)


@case("BROKER-ADMIN-1/list", rules=["BROKER-ADMIN-1", "BROKER-ADMIN-3"], releases=["5.5"])
def topic_list(w: Wire) -> None:
    """Several topics are created in one request; one bad name refuses all."""
    good = [w.unique("T"), w.unique("T")]
    for names, code in (([*good, "a.b"], w.switch.illegal_topic_code), (good, 0)):
        entries: list[JsonValue] = [
            {"topicName": n, "readQueueNums": 2, "writeQueueNums": 2, "perm": 6} for n in names
        ]
        body: JsonValue = {"topicConfigList": entries}
        answer = w.broker.request(
            RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, ext={}, body=compact_json(body)
        )
        w.expect(answer, code=code)
        w.equal([w.topic_config(n) is not None for n in good], [code == 0] * 2, "created")


# --- deleting


@case("BROKER-ADMIN-7/begins-anew", rules=["BROKER-ADMIN-7"])
def begins_anew(w: Wire) -> None:
    """A deleted topic is unknown; made again, it begins at offset 0. Others keep theirs."""
    topic, other = w.create_topic(queues=1), w.create_topic(queues=1)
    for name in (topic, other, topic):
        w.send(name, name.encode())
    w.await_max_offset(topic, 0, 2)
    deleted = w.broker.request(RequestCode.DELETE_TOPIC_IN_BROKER, ext={"topic": topic})
    w.expect(deleted, code=ResponseCode.SUCCESS)
    w.equal(w.topic_config(topic), None, "configuration")
    w.create_topic(name=topic, queues=1)
    w.equal((w.min_offset(topic), w.max_offset(topic)), (0, 0), "offsets")
    w.equal(w.send(topic, b"anew").queue_offset, 0, "offset of the first message")
    w.equal(w.receive(topic)[0].body, b"anew", "body")
    w.equal(w.receive(other)[0].body, other.encode(), "body of the other topic")


@case("BROKER-ADMIN-7/offsets-of-groups", rules=["BROKER-ADMIN-7", "BROKER-OFFSET-9"])
def offsets_of_groups(w: Wire) -> None:
    """Offsets of a deleted topic go with it in 5.5; before, they stay."""
    topic, group = w.create_topic(queues=1), w.create_group()
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    w.commit_offset(group, topic, 0, 1)
    w.broker.request(RequestCode.DELETE_TOPIC_IN_BROKER, ext={"topic": topic})
    table = w.broker.request(RequestCode.GET_ALL_CONSUMER_OFFSET).json()
    offsets = dig(table, "offsetTable")
    w.check(isinstance(offsets, dict), "no table")
    kept = isinstance(offsets, dict) and f"{topic}@{group}" in offsets
    w.equal(kept, not w.switch.deletes_topic_alone, "offset kept")


@case("BROKER-ADMIN-45/unknown-queues-go", rules=["BROKER-ADMIN-45"])
def clean_unused(w: Wire) -> None:
    """A clean-up of unused topics takes nothing of a topic that the table has."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"kept")
    w.receive(topic)
    with w.unchanged(topic):
        w.expect(w.broker.request(RequestCode.CLEAN_UNUSED_TOPIC), code=ResponseCode.SUCCESS)
    w.equal(w.receive(topic)[0].body, b"kept", "body")


@case("BROKER-ADMIN-44/names", rules=["BROKER-ADMIN-44"])
def system_topic_list(w: Wire) -> None:
    """The list has the system's topics with the names of cluster and broker, and no other."""
    topic = w.create_topic()
    answer = w.broker.request(RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER)
    topics = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "topicList")
    assert isinstance(topics, list)
    wanted = {"broker-a", "DefaultCluster", "TBW102", "SELF_TEST_TOPIC", "BenchmarkTest"}
    if w.release != "4.6":
        wanted |= {"SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC"}
    w.equal(wanted - set(map(str, topics)), set(), "missing names")
    w.check(topic not in topics, "a topic of a user is listed")


# --- reading the tables


@case("BROKER-ADMIN-9/pages", rules=["BROKER-ADMIN-9"], releases=["5.5"])
def pages(w: Wire) -> None:
    """Pages are cut from the names in order; a number of another version begins anew."""
    for _ in range(3):
        w.create_topic()
    whole = w.broker.request(RequestCode.GET_ALL_TOPIC_CONFIG).json()
    table = dig(whole, "topicConfigTable")
    assert isinstance(table, dict)
    names = sorted(table)
    version = compact_json(dig(whole, "dataVersion")).decode()
    for first, given, shown in ((0, version, 0), (2, version, 2), (2, '{"counter":1}', 0)):
        ext: dict[str, ExtValue] = {"topicSeq": first, "maxTopicNum": 2, "dataVersion": given}
        answer = w.broker.request(RequestCode.GET_ALL_TOPIC_CONFIG, ext=ext)
        w.expect(answer, code=ResponseCode.SUCCESS, ext={"totalTopicNum": str(len(names))})
        page = dig(answer.json(), "topicConfigTable")
        w.equal(sorted(page if isinstance(page, dict) else []), names[shown : shown + 2], "page")


@case("BROKER-ADMIN-9/groups", rules=["BROKER-ADMIN-9"])
def group_table(w: Wire) -> None:
    """The table of groups is told whole, with the version that counts changes."""
    table, before = _groups(w)
    group = w.create_group(retryMaxTimes=3)
    after, counter = _groups(w)
    w.equal(dig(after, group, "retryMaxTimes"), 3, "retryMaxTimes")
    w.equal(set(after) - set(table), {group}, "new groups")
    w.check(counter > before, "the version has not counted up")


def _groups(w: Wire) -> tuple[dict[str, JsonValue], int]:
    answer = w.broker.request(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)
    body = w.expect(answer, code=ResponseCode.SUCCESS).json()
    table = dig(body, "subscriptionGroupTable")
    counter = dig(body, "dataVersion", "counter")
    assert isinstance(table, dict)
    assert isinstance(counter, int)
    return table, counter


@case("BROKER-ADMIN-10/every-queue", rules=["BROKER-ADMIN-10"])
def topic_stats(w: Wire) -> None:
    """Each queue is told with its ends and the store time of its last message."""
    topic = w.create_topic(queues=2, read_queues=3)
    w.send(topic, queue_id=1)
    w.send(topic, queue_id=1)
    w.await_max_offset(topic, 1, 2)
    record = w.receive(topic, 1, 1)[0]
    answer = w.broker.request(RequestCode.GET_TOPIC_STATS_INFO, ext={"topic": topic})
    table = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "offsetTable")
    assert isinstance(table, dict)
    found = {
        number: (
            dig(entry, "minOffset"),
            dig(entry, "maxOffset"),
            dig(entry, "lastUpdateTimestamp"),
        )
        for key, entry in table.items()
        for number in re.findall(r'"queueId":(\d+)', key)
    }
    wanted: dict[str, tuple[JsonValue, JsonValue, JsonValue]] = {
        "0": (0, 0, 0),
        "1": (0, 2, record.store_timestamp),
    }
    if w.switch.stats_cover_read_queues:
        wanted["2"] = (0, 0, 0)
    w.equal(found, wanted, "queues")


@case("BROKER-ADMIN-11/configuration", rules=["BROKER-ADMIN-11"], releases=["5.5"])
def one_topic(w: Wire) -> None:
    """One topic's configuration is answered."""
    topic = w.create_topic(queues=3)
    answer = w.broker.request(RequestCode.GET_TOPIC_CONFIG, ext={"topic": topic})
    config = w.expect(answer, code=ResponseCode.SUCCESS).json()
    w.equal((dig(config, "topicName"), dig(config, "writeQueueNums")), (topic, 3), "configuration")


# --- groups


@case("BROKER-MEMBER-43/stored-as-given", rules=["BROKER-MEMBER-43"])
def group_stored(w: Wire) -> None:
    """A group is stored with its members, and a second update replaces it."""
    group = w.create_group(retryQueueNums=3, consumeEnable=False, retryMaxTimes=-1)
    config = _groups(w)[0][group]
    wanted = {"retryQueueNums": 3, "consumeEnable": False, "retryMaxTimes": -1, "brokerId": 0}
    w.equal({name: dig(config, name) for name in wanted}, wanted, "configuration")
    w.create_group(group)
    w.equal(dig(_groups(w)[0][group], "retryQueueNums"), 1, "retryQueueNums after an update")


@case(
    "BROKER-MEMBER-45/deleted",
    rules=["BROKER-MEMBER-45", "BROKER-OFFSET-9"],
    matrix={
        "alone": {"field": "", "gone": ""},
        "4.9-field": {"field": "removeOffset", "gone": "4.9"},
        "5.5-field": {"field": "cleanOffset", "gone": "5.5"},
    },
)
def group_deleted(w: Wire, field: str, gone: str) -> None:
    """A deleted group leaves the table, and its offsets only where the release is asked to."""
    topic, group = w.create_topic(queues=1), w.create_group()
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    w.commit_offset(group, topic, 0, 1)
    ext: dict[str, ExtValue] = {"groupName": group}
    if field:
        ext[field] = True
    answer = w.broker.request(RequestCode.DELETE_SUBSCRIPTIONGROUP, ext=ext)
    w.expect(answer, code=ResponseCode.SUCCESS)
    w.check(group not in _groups(w)[0], "the group is still there")
    offsets = dig(w.broker.request(RequestCode.GET_ALL_CONSUMER_OFFSET).json(), "offsetTable")
    kept = isinstance(offsets, dict) and f"{topic}@{group}" in offsets
    w.equal(kept, gone != w.release, "offset kept")


@case("BROKER-MEMBER-45/unknown", rules=["BROKER-MEMBER-45"])
def unknown_group_deleted(w: Wire) -> None:
    """Deleting an unknown group succeeds and changes nothing."""
    with w.unchanged():
        answer = w.broker.request(
            RequestCode.DELETE_SUBSCRIPTIONGROUP, ext={"groupName": w.group()}
        )
        w.expect(answer, code=ResponseCode.SUCCESS)


@case("BROKER-ADMIN-21/any-name-before-5.5", rules=["BROKER-ADMIN-21"], releases=["4.6", "4.9"])
def any_name(w: Wire) -> None:
    """Up to 4.9 a group may have any name but null."""
    group = w.create_group(f"{w.group()}.\u4e2d /")
    w.check(group in _groups(w)[0], "the group is not there")
    w.broker.request(RequestCode.DELETE_SUBSCRIPTIONGROUP, ext={"groupName": group})


@case("BROKER-ADMIN-22/attributes", rules=["BROKER-ADMIN-22"], releases=["5.5"])
def group_attributes(w: Wire) -> None:
    """Attributes of a group are changed by sign; what is refused stores nothing."""
    group = w.create_group(attributes={"+priority.factor": "5"})
    w.equal(dig(_groups(w)[0][group], "attributes"), {"priority.factor": "5"}, "attributes")
    w.create_group(group, attributes={"-priority.factor": ""})
    w.equal(dig(_groups(w)[0][group], "attributes"), {}, "attributes after a removal")


@case("BROKER-ADMIN-21/list", rules=["BROKER-ADMIN-21"], releases=["5.5"])
def group_list(w: Wire) -> None:
    """Several groups are created in one request; one bad name refuses all."""
    good = [w.group(), w.group()]
    for names, code in (([*good, "a.b"], ResponseCode.INVALID_PARAMETER), (good, 0)):
        entries: list[JsonValue] = [{"groupName": n, "retryMaxTimes": 4} for n in names]
        body: JsonValue = {"groupConfigList": entries}
        answer = w.broker.request(
            RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, body=compact_json(body)
        )
        w.expect(answer, code=code)
        w.equal([n in _groups(w)[0] for n in good], [code == 0] * 2, "created")
    w.equal(dig(_groups(w)[0], good[0], "retryMaxTimes"), 4, "retryMaxTimes")


@case("BROKER-ADMIN-9/pages-of-groups", rules=["BROKER-ADMIN-9"], releases=["5.5"])
def pages_of_groups(w: Wire) -> None:
    """Pages of groups are cut from the names in order."""
    for _ in range(3):
        w.create_group()
    whole = w.broker.request(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG).json()
    names = sorted(_groups(w)[0])
    version = compact_json(dig(whole, "dataVersion")).decode()
    answer = w.broker.request(
        RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
        ext={"groupSeq": 1, "maxGroupNum": 2, "dataVersion": version},
    )
    w.expect(answer, code=ResponseCode.SUCCESS, ext={"totalGroupNum": str(len(names))})
    page = dig(answer.json(), "subscriptionGroupTable")
    w.equal(sorted(page if isinstance(page, dict) else []), names[1:3], "page")


@case("BROKER-ADMIN-23/asking", rules=["BROKER-ADMIN-23"], releases=["5.5"])
def asking_for_a_group(w: Wire) -> None:
    """A group that is asked for is created where that is on, and else is not there."""
    group = w.group()
    with broker_settings(w, autoCreateSubscriptionGroup="false"), w.unchanged():
        answer = w.broker.request(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, ext={"group": group})
        w.expect(answer, code=ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST)
    answer = w.broker.request(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, ext={"group": group})
    w.expect(answer, code=ResponseCode.SUCCESS)
    w.equal(dig(answer.json(), "groupName"), group, "name")
    w.check(group in _groups(w)[0], "the group was not created")


@case("BROKER-MEMBER-44/forbidden", rules=["BROKER-MEMBER-44"], releases=["5.5"])
def forbidden(w: Wire) -> None:
    """A group is forbidden a topic, and allowed again."""
    topic, group = w.create_topic(queues=1), w.create_group()
    for readable, shown in ((None, True), (False, False), (None, False), (True, True)):
        answer = w.broker.request(
            RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN,
            ext={"group": group, "topic": topic, "readable": readable},
        )
        w.expect(answer, code=ResponseCode.SUCCESS)
        wanted = {"group": group, "topic": topic, "readable": shown}
        w.equal({name: dig(answer.json(), name) for name in wanted}, wanted, "state")


# --- who is connected


@case("BROKER-ADMIN-26/members", rules=["BROKER-ADMIN-26"])
def consumer_members(w: Wire) -> None:
    """Members are told with id, address, language and version, the group with what it consumes."""
    topic, group = w.create_topic(), w.create_group()
    client = w.connect()
    data = w.consumer(group, {topic: "red || blue"}, model="BROADCASTING")
    w.heartbeat("client@1", consumers=[data], on=client)
    answer = w.broker.request(
        RequestCode.GET_CONSUMER_CONNECTION_LIST, ext={"consumerGroup": group}
    )
    body = w.expect(answer, code=ResponseCode.SUCCESS).json()
    member = dig(body, "connectionSet", 0)
    found = tuple(dig(member, name) for name in ("clientId", "language", "version"))
    w.equal(found, ("client@1", "JAVA", client.version), "member")
    address = str(dig(member, "clientAddr"))
    w.check(re.fullmatch(r"[\d.]+:\d+", address), f"address {address}")
    subscription = dig(body, "subscriptionTable", topic)
    w.equal(dig(subscription, "subString"), "red || blue", "subscription")
    how = tuple(dig(body, name) for name in ("consumeType", "messageModel", "consumeFromWhere"))
    wanted = ("CONSUME_PASSIVELY", "BROADCASTING", "CONSUME_FROM_FIRST_OFFSET")
    w.equal(how, wanted, "how the group consumes")


@case("BROKER-ADMIN-26/languages", rules=["BROKER-ADMIN-26"])
def languages(w: Wire) -> None:
    """A member has the language and version of its own header."""
    topic, group = w.create_topic(), w.create_group()
    client = w.connect()
    body: JsonValue = {
        "clientID": "c",
        "producerDataSet": [],
        "consumerDataSet": [w.consumer(group, {topic: "*"})],
    }
    beat = client.request(
        RequestCode.HEART_BEAT, body=compact_json(body), language="GO", version=317
    )
    w.expect(beat, code=ResponseCode.SUCCESS)
    answer = w.broker.request(
        RequestCode.GET_CONSUMER_CONNECTION_LIST, ext={"consumerGroup": group}
    )
    member = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "connectionSet", 0)
    w.equal((dig(member, "language"), dig(member, "version")), ("GO", 317), "member")


@case("BROKER-ADMIN-27/producers", rules=["BROKER-ADMIN-27", "BROKER-ADMIN-28"])
def producers(w: Wire) -> None:
    """The producers of a group are told while they are connected."""
    group = w.group("PID")
    one, two = w.connect(), w.connect()
    w.heartbeat("p@1", producers=[group], on=one)
    w.heartbeat("p@2", producers=[group], on=two)
    w.equal(_producer_ids(w, group), {"p@1", "p@2"}, "producers")
    if w.release != "4.6":
        answer = w.broker.request(RequestCode.GET_ALL_PRODUCER_INFO)
        entries = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "data", group)
        assert isinstance(entries, list)
        w.equal({str(dig(e, "clientId")) for e in entries}, {"p@1", "p@2"}, "all producers")
    two.close()
    w.eventually(lambda: _producer_ids(w, group) == {"p@1"}, what="the departure of a producer")


def _producer_ids(w: Wire, group: str) -> set[str]:
    answer = w.broker.request(
        RequestCode.GET_PRODUCER_CONNECTION_LIST, ext={"producerGroup": group}
    )
    entries = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "connectionSet")
    assert isinstance(entries, list)
    return {str(dig(entry, "clientId")) for entry in entries}


@case("BROKER-ADMIN-40/who-consumes", rules=["BROKER-ADMIN-40"])
def who_consumes(w: Wire) -> None:
    """Groups of a topic are those online and those with offsets, each once."""
    topic = w.create_topic(queues=1)
    online, stored, both, other = (w.create_group() for _ in range(4))
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    client = w.connect()
    consumers = [w.consumer(group, {topic: "*"}) for group in (online, both)]
    consumers.append(w.consumer(other, {w.create_topic(): "*"}))
    w.heartbeat("c", consumers=consumers, on=client)
    for group in (stored, both):
        w.commit_offset(group, topic, 0, 1)
    answer = w.broker.request(RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, ext={"topic": topic})
    groups = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "groupList")
    assert isinstance(groups, list)
    w.equal(sorted(map(str, groups)), sorted([online, stored, both]), "groups")


@case(
    "BROKER-ADMIN-41/topics-of-a-group",
    rules=["BROKER-ADMIN-41", "BROKER-ADMIN-42"],
    releases=["5.5"],
)
def topics_of_a_group(w: Wire) -> None:
    """The topics of a group are those with an offset; its subscription is that of its members."""
    topic, group = w.create_topic(queues=1), w.create_group()
    w.send(topic)
    w.await_max_offset(topic, 0, 1)
    w.commit_offset(group, topic, 0, 1)
    answer = w.broker.request(RequestCode.QUERY_TOPICS_BY_CONSUMER, ext={"group": group})
    topics = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "topicList")
    w.equal(topics, [topic], "topics")
    ask: dict[str, ExtValue] = {"group": group, "topic": topic}
    answer = w.broker.request(RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER, ext=ask)
    body = w.expect(answer, code=ResponseCode.SUCCESS).json()
    w.check(isinstance(body, dict) and "subscriptionData" not in body, f"a subscription in {body}")
    w.heartbeat("c", consumers=[w.consumer(group, {topic: "red"})], on=w.connect())
    answer = w.broker.request(RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER, ext=ask)
    w.equal(dig(answer.json(), "subscriptionData", "subString"), "red", "subscription")
