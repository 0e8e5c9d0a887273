"""JSON bodies against what Java's classes read and print."""

import json
import re
from typing import cast

import pytest

import refimpl.remoting.body as package
from refimpl.model.data_version import DataVersion
from refimpl.model.ids import JsonValue, Millis, QueueId, Topic
from refimpl.model.message_queue import MessageQueue
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.model.topic_config import TopicConfig
from refimpl.remoting.body.bean import Body
from refimpl.remoting.body.data_version import decode_data_version, encode_data_version
from refimpl.remoting.body.heartbeat import CheckClientRequestBody, HeartbeatData
from refimpl.remoting.body.java_json import parse, write, write_standard
from refimpl.remoting.body.kv_table import decode_kv_table
from refimpl.remoting.body.lock_batch import LockBatchRequestBody
from refimpl.remoting.body.offset import ResetOffsetBody
from refimpl.remoting.body.query import QueueTimeSpan
from refimpl.remoting.body.register_broker import RegisterBrokerBody
from refimpl.remoting.body.route import BrokerData, QueueData, TopicRouteData
from refimpl.remoting.body.stats import TopicOffset, TopicStatsTable
from refimpl.remoting.errors import BodyRefused
from tests import vectors
from tests.remoting.wire_classes import classes_of
from tests.vectors import Vector

ALL = list(RELEASES.values())
# Bodies of modes that are not specified yet, helpers that are no bodies, and values of the model.
NOT_YET = """AclInfo BatchAck BatchAckMessageRequestBody BrokerReplicasInfo ClusterAclVersionInfo
    CustomizedRetryPolicy ElectMasterResponseBody ExponentialRetryPolicy ExtraInfoUtil
    GetBrokerClusterAclConfigResponseBody GetBrokerLiteInfoResponseBody
    GetLiteClientInfoResponseBody GetLiteGroupInfoResponseBody GetLiteTopicInfoResponseBody
    GetParentTopicInfoResponseBody GroupRetryPolicy HARuntimeInfo LiteSubscriptionCtlRequestBody
    MessageRequestModeSerializeWrapper SubscriptionData SubscriptionGroupConfig
    TopicConfigAndQueueMapping TopicQueueMappingSerializeWrapper TopicQueueMappingUtils
    TopicRemappingDetailWrapper UserInfo"""


CLASSES = classes_of(package, Body)


def through(name: str, text: str, release: Release) -> str | None:
    """Read and print again; times of the clock as 0, as in the vectors."""
    data = text.encode()
    if name == "RegisterBrokerBody":
        read = RegisterBrokerBody.decode(data, release, compressed=False, broker_version=400)
        printed = read.encode(release, compressed=False)
    else:
        body = CLASSES[name].read(data, release)
        if body is None:
            return None
        printed = body.encode(release)
    return re.sub(r'("timestamp":|:)(16000000\d{5}|\d{13})', r"\g<1>0", printed.decode())


def wrong(name: str) -> list[tuple[str, Vector]]:
    found = []
    for release, vector in vectors.each(name):
        given = vector.input
        if isinstance(given, str):
            java, text = given, "{}"
        else:
            assert isinstance(given, dict)
            java, text = str(given["class"]), str(given["json"])
        if java in NOT_YET.split() or vector.output == "no such class":
            continue
        try:
            mine: JsonValue = through(java, text, release)
        except BodyRefused:
            mine = "refused"
        if mine != ("refused" if vector.error is not None else vector.output):
            found.append((release.name, vector))
    return found


def test_an_empty_object_prints_the_defaults_of_java() -> None:
    """REMOTING-HEADER-15."""
    assert wrong("body_default_json") == []


def test_bodies_are_read_and_printed_as_java_does() -> None:
    """REMOTING-HEADER-16, -17, -18. One exception: a route whose tables are null has empty tables
    here; no peer sends one, and in Java they are met as null later."""
    differ = wrong("body_json")
    assert [name for name, _ in differ] == ["4.6", "4.9", "5.5"]
    text = '{"queueDatas":null,"brokerDatas":null}'
    assert {str(vector.fields()["json"]) for _, vector in differ} == {text}


ROUTE = TopicRouteData(
    queue_datas=(QueueData(broker_name="b", read_queue_nums=4, write_queue_nums=4, perm=6),),
    broker_datas=(
        BrokerData(cluster="C\u00fc", broker_name="b", broker_addrs={1: "h:2", 0: "h:1"}),
    ),
    order_topic_conf="b:4",
)


@pytest.mark.parametrize(
    ("release", "flag", "acting"),
    [
        (RELEASE_4_6, "topicSynFlag", ""),
        (RELEASE_4_9, "topicSysFlag", ""),
        (RELEASE_5_5, "topicSysFlag", ',"enableActingMaster":false'),
    ],
    ids=list(RELEASES),
)
def test_a_route_has_bare_keys(release: Release, flag: str, acting: str) -> None:
    """REMOTING-HEADER-17: numbers as keys stay bare, in the order of Java's HashMap."""
    broker = f'"brokerAddrs":{{0:"h:1",1:"h:2"}},"brokerName":"b","cluster":"C\u00fc"{acting}'
    queue = f'"brokerName":"b","perm":6,"readQueueNums":4,"{flag}":0,"writeQueueNums":4'
    text = (
        f'{{"brokerDatas":[{{{broker}}}],"filterServerTable":{{}},"orderTopicConf":"b:4",'
        f'"queueDatas":[{{{queue}}}]}}'
    )
    assert ROUTE.encode(release).decode() == text
    assert TopicRouteData.decode(text.encode(), release) == ROUTE


@pytest.mark.parametrize(
    ("release", "escape"), [(RELEASE_4_9, b"\\u00FC"), (RELEASE_5_5, b"\\u00fc")]
)
def test_the_standard_form_is_for_every_reader(release: Release, escape: bytes) -> None:
    """REMOTING-HEADER-18: keys quoted, ASCII only."""
    data = ROUTE.encode(release, standard=True)
    assert escape in data
    assert data.isascii()
    read = cast("dict[str, list[dict[str, JsonValue]]]", json.loads(data))
    assert read["brokerDatas"][0]["brokerAddrs"] == {"0": "h:1", "1": "h:2"}
    assert TopicRouteData.decode(data, release) == ROUTE


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
def test_objects_as_keys(release: Release) -> None:
    """REMOTING-HEADER-17: the tables of 202 and 208 cannot be read by a plain JSON reader."""
    queue = MessageQueue(Topic("T"), "b", QueueId(1))
    table = TopicStatsTable(offset_table={queue: TopicOffset(max_offset=5)})
    data = table.encode(release)
    assert b'{{"brokerName":"b","queueId":1,"topic":"T"}:{"lastUpdate' in data
    with pytest.raises(ValueError, match="Expecting property name"):
        json.loads(data)
    assert TopicStatsTable.decode(data, release) == table
    moved = ResetOffsetBody(offset_table={queue: 7})
    assert ResetOffsetBody.decode(moved.encode(release), release) == moved


HEARTBEAT = b"""{"clientID":"c@1",
 "consumerDataSet":[{"consumeFromWhere":4,"consumeType":1,"groupName":"g","messageModel":1,
 "subscriptionDataSet":[{"topic":"T","subString":"*","subVersion":"17"}]}]}\n"""


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
def test_what_clients_say_of_themselves(release: Release) -> None:
    """REMOTING-HEADER-16: ordinals, numbers as text, three fields, no producers, newlines."""
    beat = HeartbeatData.decode(HEARTBEAT, release)
    assert beat.producer_data_set == ()
    (group,) = beat.consumer_data_set
    assert group is not None
    assert (group.consume_type, group.message_model) == ("CONSUME_PASSIVELY", "CLUSTERING")
    assert group.consume_from_where == "CONSUME_FROM_FIRST_OFFSET"
    (subscription,) = group.subscription_data_set or ()
    assert subscription is not None
    assert (subscription.sub_version, subscription.expression_type) == (17, "TAG")


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [('""', True, True), ("[]", True, False), ('"null"', False, True), ('" "', False, False)],
)
def test_null_in_other_clothes(text: str, old: bool, new: bool) -> None:
    """REMOTING-HEADER-16: as a body, as a member, and as an entry."""
    lock = b'{"clientId":"c","mqSet":[%b]}' % text.encode()
    check = b'{"clientId":"c","subscriptionData":%b}' % text.encode()
    for release, is_null in ((RELEASE_4_6, old), (RELEASE_4_9, old), (RELEASE_5_5, new)):
        if is_null:
            assert LockBatchRequestBody.read(text.encode(), release) is None
            assert LockBatchRequestBody.decode(lock, release).mq_set == (None,)
            assert CheckClientRequestBody.decode(check, release).subscription_data is None
            continue
        for body, data in (
            (LockBatchRequestBody, text.encode()),
            (LockBatchRequestBody, lock),
            (CheckClientRequestBody, check),
        ):
            with pytest.raises(BodyRefused):
                body.read(data, release)


def test_an_empty_text_for_an_array_or_a_table() -> None:
    """REMOTING-HEADER-16: 5.5 takes it for null."""
    beat, table = b'{"clientID":"c","consumerDataSet":""}', b'{"offsetTable":""}'
    assert HeartbeatData.decode(beat, RELEASE_5_5).consumer_data_set == (None,)
    assert ResetOffsetBody.decode(table, RELEASE_5_5) == ResetOffsetBody()
    for body, data in ((HeartbeatData, beat), (ResetOffsetBody, table)):
        with pytest.raises(BodyRefused):
            body.decode(data, RELEASE_4_9)


def test_a_version_that_is_absent_is_the_clock() -> None:
    """REMOTING-HEADER-16: as the Java field starts."""
    text = b'{"subscriptionData":{"topic":"T","subString":"a"}}'
    body = CheckClientRequestBody.decode(text, RELEASE_4_9, Millis(99))
    assert body.subscription_data is not None
    assert body.subscription_data.sub_version == 99


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"1",
        b'"x"',
        b"{",
        b'{"mqSet":5}',
        b'{"mqSet":[5]}',
        b'{"mqSet":[{"queueId":"x"}]}',
        b'{"mqSet":[{"queueId":[1]}]}',
        b'{"mqSet":[{"queueId":99999999999}]}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_bodies_that_do_not_fit(text: bytes, release: Release) -> None:
    """REMOTING-HEADER-21: one typed error, never another."""
    with pytest.raises(BodyRefused) as error:
        LockBatchRequestBody.decode(text, release)
    assert error.value.remark


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
@pytest.mark.parametrize("name", sorted(CLASSES))
def test_random_bodies_end_in_a_value_or_in_one_error(name: str, release: Release) -> None:
    """REMOTING-HEADER-21: every field with a value of every JSON type."""
    cls = CLASSES[name]
    read = 0
    for entry in cls.WIRE.split():
        wire = re.split("[=:]", entry)[0]
        for value in (
            "1",
            '"x"',
            "1.5",
            "true",
            "null",
            "[1]",
            "[[]]",
            '{"a":1}',
            "[{}]",
            '{"a":{}}',
        ):
            try:
                body = cls.read(f'{{"{wire}":{value}}}'.encode(), release)
            except BodyRefused:
                continue
            assert body is not None
            assert body.encode(release)
            read += 1
    assert read


TOPICS = RegisterBrokerBody(
    data_version=DataVersion(timestamp=Millis(5), counter=2),
    topic_config_table={"T": TopicConfig(topic_name="T", read_queue_nums=3)},
    filter_server_list=("f:1",),
)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
def test_registrations(release: Release, *, compressed: bool) -> None:
    """REMOTING-HEADER-20: both forms come back."""
    data = TOPICS.encode(release, compressed=compressed)
    version = release.header_version
    assert data.startswith(b"\x78\xda" if compressed else b'{"filterServerList":["f:1"]')
    read = RegisterBrokerBody.decode(data, release, compressed=compressed, broker_version=version)
    assert read == TOPICS


@pytest.mark.parametrize("cut", [0, 1, 10, 40, -9])
def test_registrations_cut_short(cut: int) -> None:
    """REMOTING-HEADER-21."""
    data = TOPICS.encode(RELEASE_4_9, compressed=True)
    with pytest.raises(BodyRefused):
        RegisterBrokerBody.decode(data[:cut], RELEASE_4_9, compressed=True, broker_version=407)


def test_topics_alone() -> None:
    """REMOTING-HEADER-20: what brokers before 3.0.11 send."""
    text = b'{"dataVersion":{"counter":2,"timestamp":5},"topicConfigTable":{"T":{"topicName":"T"}}}'
    read = RegisterBrokerBody.decode_topics_only(text, RELEASE_4_9)
    assert (read.data_version.counter, list(read.topic_config_table)) == (2, ["T"])
    assert read.filter_server_list is None


def test_data_versions() -> None:
    """REMOTING-HEADER-15: 5.5 prints its state version."""
    version = DataVersion(timestamp=Millis(5), counter=2)
    assert encode_data_version(version, RELEASE_4_9) == b'{"counter":2,"timestamp":5}'
    data = encode_data_version(version, RELEASE_5_5)
    assert data == b'{"counter":2,"stateVersion":0,"timestamp":5}'
    assert decode_data_version(data, RELEASE_5_5) == version
    with pytest.raises(BodyRefused):
        decode_data_version(b"5", RELEASE_5_5)
    for release in RELEASES.values():
        assert decode_data_version(b"null", release) is None
        assert decode_data_version(b'""', release) is None
    assert decode_data_version(b"[]", RELEASE_4_9) is None
    assert decode_data_version(b'{"counter":"7"}', RELEASE_4_9) == DataVersion(counter=7)
    with pytest.raises(BodyRefused):
        decode_data_version(b'{"counter":"9223372036854775808"}', RELEASE_4_9)
    for counter in (b"[5]", b"true"):
        with pytest.raises(BodyRefused):
            decode_data_version(b'{"counter":%b}' % counter, RELEASE_4_9)
    assert decode_data_version(b'{"counter":[5]}', RELEASE_5_5) == DataVersion(counter=5)
    assert decode_data_version(b'{"counter":true}', RELEASE_5_5) == DataVersion(counter=1)
    for release in RELEASES.values():
        assert decode_data_version(b'{"counter":5.5}', release) == DataVersion(counter=5)
        for counter in (b"[]", b"[5,6]", b"{}", b'"x"', b"99999999999999999999"):
            with pytest.raises(BodyRefused):
                decode_data_version(b'{"counter":%b}' % counter, release)
    with pytest.raises(BodyRefused, match="not an object") as error:
        decode_data_version(b"[]", RELEASE_5_5)
    assert error.value.remark.startswith("com.alibaba.fastjson2.JSONException")


def test_tables_of_text() -> None:
    """REMOTING-HEADER-16: values of other types become text, as they were written."""
    text = b'{"table":{"a":1,"b":true,"c":1.10,"d":{}}}'
    table = {"a": "1", "b": "true", "c": "1.10", "d": "{}"}
    assert decode_kv_table(text, RELEASE_4_9) == table


def test_times_are_printed_twice() -> None:
    """REMOTING-HEADER-19."""
    printed = json.loads(QueueTimeSpan(max_timestamp=951_782_400_001).encode(RELEASE_4_9))
    assert printed["maxTimeStamp"] == 951_782_400_001
    assert printed["maxTimeStampStr"] == "2000-02-29#00:00:00:001"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a':1,}", {"a": 1}),
        ("{a:1}", {"a": 1}),
        ("[1,,2]", [1, 2]),
        ('{"a":"\\x41\\u0042"}', {"a": "AB"}),
        ("{0:1}", {"0": 1}),
        ("// x\n[true]", [True]),
        ("\ufeff{}", {}),
        ('{"a":\x01\x0b5\x7f,"b":\x00"x"\x1f,"c":[\x01{}\x01]}', {"a": 5, "b": "x", "c": [{}]}),
    ],
)
def test_the_leniency_of_fastjson_1(text: str, value: JsonValue) -> None:
    """REMOTING-HEADER-5."""
    assert parse(text, RELEASE_4_9) == value


@pytest.mark.parametrize(
    "text", ["", "{", '{"a"}', '{"a":}', "[1", "'x", "tru", "1 2", "\\", '"\\u00g0"']
)
@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
def test_what_not_even_fastjson_reads(text: str, release: Release) -> None:
    """REMOTING-HEADER-5."""
    with pytest.raises(BodyRefused):
        parse(text, release)


@pytest.mark.parametrize(
    "text", ['{\x01"a":5}', '{"a"\x01:5}', '{"a":5,\x01"b":5}', '{"a":null\x01}', '{"a":5\x1a}']
)
def test_control_characters_stand_at_values_alone(text: str) -> None:
    """REMOTING-HEADER-5: as Apache 4.9.7 answers."""
    with pytest.raises(BodyRefused):
        parse(text, RELEASE_4_9)


def test_fastjson_2_passes_no_control_character() -> None:
    """REMOTING-HEADER-5."""
    with pytest.raises(BodyRefused):
        parse('{"a":\x015}', RELEASE_5_5)


def test_doubles_and_maps_of_the_standard_form() -> None:
    """REMOTING-HEADER-18: sorted, null left out, doubles as Java prints them."""
    assert write({"b": 1e10, "a": None}, RELEASE_4_9) == '{"b":1.0E10}'
    assert write_standard({"b": [1, "\U0001f434"], "a": None}, RELEASE_4_9) == (
        '{"b":[1,"\\uD83D\\uDC34"]}'
    )
