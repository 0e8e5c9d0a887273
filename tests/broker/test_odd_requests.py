"""Requests that no well-behaved client sends, as running brokers answered them."""

import json

import pytest

from refimpl.model.release import RELEASES, Release
from refimpl.remoting.command import RemotingCommand
from tests.broker.harness import CLIENT, BrokerUnderTest

PULL = {
    "consumerGroup": "G",
    "topic": "T",
    "queueId": "0",
    "queueOffset": "0",
    "maxMsgNums": "32",
    "sysFlag": "4",
    "commitOffset": "0",
    "suspendTimeoutMillis": "0",
    "subscription": "*",
    "subVersion": "0",
}


@pytest.fixture
def broker(release: Release) -> BrokerUnderTest:
    broker = BrokerUnderTest(release).start()
    assert answer_to(broker, 200, None, {"groupName": "G"}).code == 0
    assert broker.produce() is not None
    broker.run(1)
    return broker


def answer_to(
    broker: BrokerUnderTest, code: int, fields: dict[str, str] | None, body: object = None
) -> RemotingCommand:
    data = b"" if body is None else json.dumps(body).encode()
    answer = broker.ask(code, fields, data)
    assert answer is not None
    return answer


def members(broker: BrokerUnderTest, group: str) -> list[str | None] | None:
    answer = answer_to(broker, 38, {"consumerGroup": group})
    if answer.code:
        return None
    listed: list[str | None] = json.loads(answer.body)["consumerIdList"]
    return listed


def test_answers_with_fields_have_them(broker: BrokerUnderTest) -> None:
    """BROKER-LIFECYCLE-16: empty where none is set, but not where the processor threw."""
    refused = answer_to(broker, 11, {**PULL, "queueId": "99"})
    threw = answer_to(broker, 30, {"topic": "T"})
    unregistered = answer_to(broker, 35, {"clientID": "c"})
    heartbeat = answer_to(broker, 42, None, {"consumerGroup": "G", "mqSet": []})
    found = [a.ext_fields for a in (refused, threw, unregistered, heartbeat)]
    assert found == [{}, None, {}, None]


def test_minimum_is_answered_as_between_brokers(broker: BrokerUnderTest) -> None:
    """BROKER-QUERY-16."""
    forwarded = broker.release.min_offset_is_forwarded
    assert answer_to(broker, 31, {"topic": "T", "queueId": "0"}).remark == (
        "" if forwarded else None
    )
    for fields in ({"topic": "T"}, {"queueId": "A||B"}):
        answer = answer_to(broker, 31, fields)
        assert (answer.code, answer.ext_fields) == (1, None)
        if forwarded:
            assert answer.remark is None
        else:
            assert (answer.remark or "").startswith("java.lang.NullPointerException")


def test_a_query_without_a_key(broker: BrokerUnderTest) -> None:
    """BROKER-QUERY-17: it looks for the word null."""
    query = {"topic": "T", "maxNum": "32", "beginTimestamp": "0", "endTimestamp": str(2**62)}
    assert answer_to(broker, 12, query).code == 22
    assert broker.produce(properties={"KEYS": "null"}) is not None
    broker.run(1)
    assert answer_to(broker, 12, query).code == 0
    negative = answer_to(broker, 12, {**query, "key": "k", "maxNum": "-1"})
    text = "java.lang.IllegalArgumentException: Illegal Capacity: -1"
    assert (negative.code, negative.remark) == (1, text)


@pytest.mark.parametrize(
    ("fields", "code"), [({}, 0), ({"mqSet": []}, 0), ({"mqSet": None}, 1), ({"mqSet": [None]}, 1)]
)
def test_sets_of_queues(broker: BrokerUnderTest, fields: dict[str, object], code: int) -> None:
    """BROKER-ORDER-10."""
    body = {"clientId": "c", "consumerGroup": "G", **fields}
    answer = answer_to(broker, 41, None, body)
    assert answer.code == code
    assert (answer.body == b'{"lockOKMQSet":[]}') is (code == 0)


def test_a_queue_without_a_broker(broker: BrokerUnderTest) -> None:
    """BROKER-ORDER-10: its answer leaves out what was missing."""
    body = {"clientId": "c", "consumerGroup": "G", "mqSet": [{"topic": "T", "queueId": 1}]}
    answer = answer_to(broker, 41, None, body)
    assert answer.body == b'{"lockOKMQSet":[{"queueId":1,"topic":"T"}]}'
    unknown = answer_to(broker, 42, None, {"consumerGroup": "U", "clientId": "c", "mqSet": None})
    assert unknown.code == 0
    assert answer_to(broker, 42, None, {**body, "mqSet": None}).code == 1


BAD_SETS = [None, [None], [{"subString": "*"}]]


@pytest.mark.parametrize("bad", BAD_SETS, ids=["null", "null-inside", "no-topic"])
def test_bad_sets_of_a_heartbeat(broker: BrokerUnderTest, bad: object) -> None:
    """BROKER-MEMBER-16: up to 4.9 the member is there all the same."""
    consumers = [
        {"groupName": "FIRST", "subscriptionDataSet": []},
        {"groupName": "G", "subscriptionDataSet": bad},
    ]
    answer = answer_to(broker, 34, None, {"clientID": "c", "consumerDataSet": consumers})
    assert (answer.code, answer.remark) == (1, "java.lang.NullPointerException")
    assert members(broker, "FIRST") == ["c"]
    early = broker.release.heartbeat_answers_flags
    assert members(broker, "G") == (None if early else ["c"])


@pytest.mark.parametrize(
    ("written", "known"),
    [("CLUSTERING", 1), ("clustering", 1), (1, 1), ("1", 2), ("cluster", 0), (None, 0)],
)
def test_enums_of_a_heartbeat(broker: BrokerUnderTest, written: object, known: int) -> None:
    """BROKER-MEMBER-16: names, small letters, ordinals, from 5.5 on ordinals as text."""
    consumer = {"groupName": "G", "messageModel": written, "subscriptionDataSet": []}
    assert answer_to(broker, 34, None, {"consumerDataSet": [consumer]}).code == 0
    understood = known == 1 or (known == 2 and not broker.release.oldest_json)
    info = broker.ctx.consumer_manager.get_consumer_group_info("G")
    assert info is not None
    assert info.message_model == ("CLUSTERING" if understood else None)
    assert members(broker, "G") == [None]


def test_a_subscription_without_a_text(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-42: refused where a tag is compared; held, it wakes nobody and harms nobody."""
    entry = {"topic": "T", "subString": None, "subVersion": 1}
    consumer = {"groupName": "G", "subscriptionDataSet": [entry]}
    beat = {"clientID": "c", "consumerDataSet": [consumer]}
    assert answer_to(broker, 34, None, beat).code == 0
    assert answer_to(broker, 11, {**PULL, "sysFlag": "0"}).code == 1
    waiting = {**PULL, "queueOffset": "1", "suspendTimeoutMillis": "15000"}
    assert broker.ask(11, {**waiting, "sysFlag": "2"}) is None
    assert broker.ask(11, {**waiting, "sysFlag": "6"}) is None
    before = len(broker.received[CLIENT])
    broker.produce()
    broker.run(1)
    remarks = [c.remark for c in broker.received[CLIENT][before:] if c.remark is not None]
    assert remarks.count("FOUND") == 1
    assert broker.ctx.pull_request_hold.held("T", 0) == 1


@pytest.mark.parametrize(("queue_id", "late"), [("0", 0), ("1", None)])
def test_a_pull_that_may_wait_says_how_long(
    broker: BrokerUnderTest, queue_id: str, late: int | None
) -> None:
    """BROKER-PULL-43: from 5.5 on it matters only where the pull would be held, in silence."""
    asked = {**PULL, "queueId": queue_id, "sysFlag": "6"}
    del asked["suspendTimeoutMillis"]
    code = 1 if broker.release.suspend_time_is_read_first else late
    answer = broker.ask(11, asked)
    assert (None if answer is None else answer.code) == code
    assert broker.ctx.pull_request_hold.held("T", 1) == 0


@pytest.mark.parametrize(
    ("code", "fields"), [(303, {"topic": "T"}), (308, {"topic": "T"})], ids=["span", "correction"]
)
def test_a_group_left_out_is_the_word_null(
    broker: BrokerUnderTest, code: int, fields: dict[str, str]
) -> None:
    """BROKER-ADMIN-34, BROKER-ADMIN-36: Java prints null into the key of a table."""
    answer = answer_to(broker, code, fields)
    assert answer.code == 0
    assert answer.body


def test_a_status_without_a_topic_is_asked_of_the_members(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-55: the broker passes the topic on and does not look at it."""
    beat = {"clientID": "c", "consumerDataSet": [{"groupName": "G", "subscriptionDataSet": []}]}
    assert answer_to(broker, 34, None, beat).code == 0
    before = len(broker.received[CLIENT])
    assert broker.ask(223, {"group": "G"}) is None
    asked = [c for c in broker.received[CLIENT][before:] if c.code == 221]
    assert [c.ext_fields for c in asked] == [{"group": "G"}]


def test_a_number_of_a_group_is_an_int_of_java(broker: BrokerUnderTest) -> None:
    """REMOTING-HEADER-21: a number that does not fit is refused, and nothing is stored."""
    group = {"groupName": "big", "retryMaxTimes": 1 << 63}
    assert answer_to(broker, 200, None, group).code == 1
    assert "big" not in broker.ctx.subscription_group_manager.subscription_group_table
    fits = {"groupName": "big", "retryMaxTimes": (1 << 31) - 1}
    assert answer_to(broker, 200, None, fits).code == 0


def test_an_empty_message_id_is_no_offset(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-54: cut before it is read in 4.6, null afterwards."""
    answer = answer_to(broker, 309, {"consumerGroup": "G", "clientId": "c", "msgId": ""})
    thrown = "NullPointer" if broker.release.empty_message_id_is_null else "StringIndexOutOfBounds"
    assert f"java.lang.{thrown}Exception" in (answer.remark or "")


def test_a_delay_level_is_read_before_the_limit(broker: BrokerUnderTest) -> None:
    """BROKER-BACK-7: a level that cannot be read is refused, also where the message is dead."""
    fields = {"offset": "0", "group": "G", "delayLevel": "x", "maxReconsumeTimes": "0"}
    assert answer_to(broker, 36, {**fields, "unitMode": "false"}).code == 1
    assert broker.ctx.topic_config_manager.select_topic_config("%DLQ%G") is None


def test_a_boolean_for_an_int(broker: BrokerUnderTest) -> None:
    """REMOTING-HEADER-21: the oldest fastjson refuses it."""
    answer = answer_to(broker, 200, None, {"groupName": "B", "brokerId": True})
    assert answer.code == (0 if broker.release.json_boolean_is_int else 1)


def test_a_name_that_is_an_object_is_its_text(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-43: as fastjson puts an object into a String; 5.5 then minds its characters."""
    answer = answer_to(broker, 200, None, {"groupName": {"a": 1}})
    known = broker.ctx.subscription_group_manager.subscription_group_table
    assert ('{"a":1}' in known) == (answer.code == 0) == (not broker.release.validates_group_names)


def test_a_reset_without_a_group_names_null(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-49: Java prints null into the key."""
    answer = answer_to(broker, 222, {"topic": "T", "timestamp": "-1", "isForce": "true"})
    if not broker.release.server_side_reset_offset:
        assert "<null>" in (answer.remark or "") or answer.code == 206
    assert answer.code != 0


TOPIC = {"topic": "N", "topicFilterType": "SINGLE_TAG", "readQueueNums": "1", "perm": "6"}


def test_a_topic_without_a_number(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-64: from 5.5 on the exception's text, which is null."""
    answer = answer_to(broker, 17, {**TOPIC, "defaultTopic": "TBW102"})
    assert answer.code == 1
    assert (answer.remark is None) is broker.release.topics_have_attributes
    assert broker.ctx.topic_config_manager.select_topic_config("N") is None


LISTED = {"topicName": "N", "readQueueNums": 1, "writeQueueNums": 1, "perm": 6}


@pytest.fixture
def later() -> BrokerUnderTest:
    return BrokerUnderTest(RELEASES["5.5"]).start()


def test_two_topics_of_one_name(later: BrokerUnderTest) -> None:
    """BROKER-ADMIN-65: both are stored before the registration throws."""
    answer = answer_to(later, 18, None, {"topicConfigList": [LISTED, {**LISTED, "perm": 4}]})
    assert answer.code == 1
    assert (answer.remark or "").startswith(
        "Duplicate key N (attempted merging values TopicConfig [topicName=N, readQueueNums=1, "
        "writeQueueNums=1, perm=RW-, topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false, "
        "attributes={}] and TopicConfig [topicName=N, "
    )
    config = later.ctx.topic_config_manager.select_topic_config("N")
    assert config is not None
    assert config.perm == 4


def test_a_known_topic_ends_the_list(later: BrokerUnderTest) -> None:
    """BROKER-ADMIN-65: also where the next name is illegal, and nothing is stored."""
    assert answer_to(later, 18, None, {"topicConfigList": LISTED}).code == 0
    other = {**LISTED, "topicName": "O"}
    for entries, code in (
        ([LISTED, {"topicName": "b a"}], 0),
        ([other, {"topicName": "b a"}], 29),
        ([other, LISTED], 0),
    ):
        assert answer_to(later, 18, None, {"topicConfigList": entries}).code == code
        assert later.ctx.topic_config_manager.select_topic_config("O") is None


def test_topics_before_a_bad_attribute_stay(later: BrokerUnderTest) -> None:
    """BROKER-ADMIN-65."""
    bad = {**LISTED, "topicName": "O", "attributes": {"+a": "b"}}
    answer = answer_to(later, 18, None, {"topicConfigList": [LISTED, bad]})
    assert (answer.code, answer.remark) == (1, "unsupported key: a")
    assert later.ctx.topic_config_manager.select_topic_config("N") is not None
    assert later.ctx.topic_config_manager.select_topic_config("O") is None


@pytest.mark.parametrize(("code", "member"), [(18, "topicConfigList"), (225, "groupConfigList")])
def test_lists_that_are_none(later: BrokerUnderTest, code: int, member: str) -> None:
    """BROKER-ADMIN-65: null throws, what is no object is refused by the library."""
    null, library = "java.lang.NullPointerException", "com.alibaba.fastjson2.JSONException"
    valid = "com.alibaba.fastjson2.JSONValidException"
    for body, begin in (
        (b"", null), (b"null", null), (b'""', null), (b"{}", null), (b"[]", library),
        (b"3", library), (b'{"%s":null}', null), (b'{"%s":""}', null), (b'{"%s":"x"}', library),
        (b'{"%s":3}', library), (b'{"%s":[null]}', null), (b'{"%s":[""]}', null),
        (b'{"%s":[1.5]}', library), (b'{"%s":[[]]}', library), (b'{"%s":["a"]}', library),
        (b'{"a":1,}', valid), (b'{"%s":[],}', ""), (b'{"%s":[]}', ""),
    ):  # fmt: skip
        answer = later.ask(code, None, body.replace(b"%s", member.encode()))
        assert answer is not None
        assert answer.code == (1 if begin else 0), body
        assert (answer.remark or "").startswith(begin), body


def test_a_comma_behind_an_unknown_member(broker: BrokerUnderTest) -> None:
    """REMOTING-HEADER-5: fastjson 2 takes it behind a member that it knows."""
    later = not broker.release.oldest_json
    known = broker.ask(200, None, b'{"a":1,"groupName":"K",}')
    unknown = broker.ask(200, None, b'{"groupName":"U","a":1,}')
    assert known is not None
    assert unknown is not None
    assert (known.code, unknown.code) == (0, 1 if later else 0)


@pytest.mark.parametrize(
    ("torn", "runs_on"), [("", 1), ("a", 0), ("groupNam", 0), ("groupName", 1)]
)
def test_a_body_torn_in_a_name(broker: BrokerUnderTest, torn: str, runs_on: int) -> None:
    """REMOTING-HEADER-21: fastjson 2 minds the end of the body in short names only."""
    answer = broker.ask(200, None, f'{{"brokerId":1,"{torn}'.encode())
    assert answer is not None
    out = (answer.remark or "").startswith("java.lang.ArrayIndexOutOfBoundsException")
    assert (answer.code, out) == (1, bool(runs_on) and not broker.release.oldest_json)


def test_statistics_of_listed_topics_need_no_group(later: BrokerUnderTest) -> None:
    """BROKER-ADMIN-30."""
    later.produce()
    answer = answer_to(later, 208, {"topicList": "T;nope"})
    assert answer.code == 0
    assert answer.body.count(b'"topic":"T"') == 4
    for fields in ({}, {"topic": "nope"}, {"topicList": " "}):
        assert answer_to(later, 208, fields).code == 1


def test_tables_by_page(later: BrokerUnderTest) -> None:
    """BROKER-ADMIN-9: what cannot be read is as good as absent, an impossible page throws."""

    def told(code: int, **fields: str) -> int | str | None:
        kind = "Topic" if code == 21 else "Group"
        names = {"first": kind.lower() + "Seq", "count": f"max{kind}Num"}
        answer = answer_to(later, code, {names.get(n, n): v for n, v in fields.items()})
        if answer.code:
            return answer.remark
        tree = json.loads(answer.body)
        return len(tree["topicConfigTable" if code == 21 else "subscriptionGroupTable"])

    null = "java.lang.NullPointerException"
    for code in (21, 201):
        whole = told(code)
        for fields in ({"count": "-"}, {"first": "x"}, {"x": "y"}, {"first": "0", "count": "-"}):
            assert told(code, **fields) == whole
        assert told(code, first="99999") == whole
        assert told(code, first="-1", dataVersion="") == whole
        assert told(code, first="2", count="1", dataVersion="{}") == 1
        assert told(code, count="3") == told(code, dataVersion="") == null
        remark = (
            f"java.lang.ArrayIndexOutOfBoundsException: Index -1 out of bounds for length {whole}"
        )
        assert told(code, first="0", count="0") == remark
        refused = told(code, first="1", dataVersion="[]")
        assert str(refused).startswith("com.alibaba.fastjson2.JSONException")


def test_forbidding_without_a_topic(later: BrokerUnderTest) -> None:
    """BROKER-MEMBER-44."""
    answer = answer_to(later, 353, {"group": "G", "readable": "true"})
    assert (answer.code, answer.remark, answer.body) == (0, "", b'{"group":"G","readable":true}')
    assert answer_to(later, 353, {"topic": "T", "readable": "true"}).code == 1
    assert answer_to(later, 353, {"group": "G", "readable": "false"}).code == 1
    assert answer_to(later, 353, {"group": "G"}).code == 1
    assert later.ctx.subscription_group_manager.forbidden_table == {"G": {}}


def test_a_dead_letter_needs_its_topic(broker: BrokerUnderTest) -> None:
    """BROKER-BACK-9: from 5.5 on the name is asked for before anything is made."""
    fields = {"offset": "0", "group": "G", "delayLevel": "-1", "maxReconsumeTimes": "0"}
    needed = broker.release.dead_letter_needs_origin_topic
    assert answer_to(broker, 36, fields).code == (1 if needed else 0)
    made = broker.ctx.topic_config_manager.select_topic_config("%DLQ%G")
    assert (made is None) is needed
    assert answer_to(broker, 36, {**fields, "originTopic": "T"}).code == 0


REPLY = {
    "topic": "T",
    "queueId": "0",
    "sysFlag": "0",
    "bornTimestamp": "1",
    "flag": "0",
    "producerGroup": "P",
    "defaultTopic": "TBW102",
    "defaultTopicQueueNums": "4",
    "properties": "REPLY_TO_CLIENT\x01nobody\x02",
    "unitMode": "false",
}


def test_a_reply_with_two_faults(broker: BrokerUnderTest) -> None:
    """BROKER-REPLY-1: from 5.5 on the body comes first; the topic is among the checks."""
    later = broker.release.stores_region_and_trace
    without = broker.ask(324, {**REPLY, "topic": "a b"})
    assert without is not None
    assert (without.remark == "java.lang.NullPointerException") is later
    assert (without.ext_fields is None) is later
    blank = broker.ask(324, {n: v for n, v in REPLY.items() if n != "topic"}, b"b")
    assert blank is not None
    assert blank.remark == "The specified topic is blank."


def test_a_subscription_to_no_topic(later: BrokerUnderTest) -> None:
    """BROKER-ADMIN-42: the tables of a group that is there are asked for null."""
    assert answer_to(later, 345, {"group": "G"}).body == b'{"group":"G"}'
    consumer = {"groupName": "G", "subscriptionDataSet": []}
    beat = {"clientID": "c", "consumerDataSet": [consumer], "producerDataSet": []}
    assert answer_to(later, 34, None, beat).code == 0
    answer = answer_to(later, 345, {"group": "G"})
    assert (answer.code, answer.remark) == (1, "java.lang.NullPointerException")
