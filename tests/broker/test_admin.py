"""Administration over the whole broker: BROKER-ADMIN-1 to BROKER-ADMIN-57.

Cited in short below: BROKER-ADMIN-14, BROKER-ADMIN-16, BROKER-ADMIN-21, BROKER-ADMIN-23, BROKER-
ADMIN-27, BROKER-ADMIN-28, BROKER-ADMIN-31, BROKER-ADMIN-32, BROKER-ADMIN-41, BROKER-ADMIN-42,
BROKER-ADMIN-46, BROKER-ADMIN-47, BROKER-ADMIN-50, BROKER-ADMIN-4.
"""

import json
from typing import cast

import pytest

from refimpl.model.ids import Address, ChannelId, JsonValue
from refimpl.model.message_id import create_message_id
from refimpl.model.release import RELEASES, Release
from refimpl.remoting import frame
from refimpl.remoting.body.java_json import parse
from refimpl.remoting.command import RPC_TYPE, RemotingCommand
from tests.broker.harness import ADDRESS, CLIENT, BrokerUnderTest

NEW, MIDDLE, OLD = RELEASES["5.5"], RELEASES["4.9"], RELEASES["4.6"]
MEMBER = ChannelId(2)


@pytest.fixture
def broker(release: Release) -> BrokerUnderTest:
    return started(release)


def started(release: Release, **settings: str) -> BrokerUnderTest:
    broker = BrokerUnderTest(release, settings).start()
    broker.open(MEMBER, Address("127.0.0.1", 40001))
    broker.produce()
    broker.run(5)
    return broker


def ask(
    broker: BrokerUnderTest, code: int, fields: dict[str, str] | None = None, body: bytes = b""
) -> RemotingCommand:
    answer = broker.ask(code, fields, body)
    assert answer is not None
    return answer


def tree(broker: BrokerUnderTest, answer: RemotingCommand) -> dict[str, JsonValue]:
    assert answer.code == 0, answer.remark
    value = parse(answer.body.decode(), broker.release)
    assert isinstance(value, dict)
    return value


def join(broker: BrokerUnderTest, version: int = 407) -> None:
    beat = {
        "clientID": "c1",
        "consumerDataSet": [
            {
                "groupName": "G",
                "consumeType": "CONSUME_PASSIVELY",
                "messageModel": "CLUSTERING",
                "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
                "subscriptionDataSet": [{"topic": "T", "subString": "*", "subVersion": 5}],
            }
        ],
        "producerDataSet": [{"groupName": "PG"}],
    }
    broker.send(34, None, json.dumps(beat).encode(), channel=MEMBER, version=version)


CREATE = {
    "topic": "N",
    "defaultTopic": "TBW102",
    "readQueueNums": "3",
    "writeQueueNums": "2",
    "perm": "6",
    "topicFilterType": "SINGLE_TAG",
    "topicSysFlag": "0",
    "order": "false",
}


# --- topics


def test_a_topic_is_created(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-3, BROKER-ADMIN-9."""
    before = broker.ctx.topic_config_manager.data_version.counter
    assert ask(broker, 17, CREATE).code == 0
    config = broker.ctx.topic_config_manager.select_topic_config("N")
    assert config is not None
    assert (config.read_queue_nums, config.write_queue_nums, config.perm) == (3, 2, 6)
    assert broker.ctx.topic_config_manager.data_version.counter == before + 1
    listed = tree(broker, ask(broker, 21))
    assert "N" in cast("dict[str, JsonValue]", listed["topicConfigTable"])
    assert b'"N"' in broker.disk.read("config/topics.json", 0, 1 << 20)


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 128])
def test_illegal_names(broker: BrokerUnderTest, name: str) -> None:
    """BROKER-ADMIN-1."""
    before = dict(broker.ctx.topic_config_manager.topic_config_table)
    answer = ask(broker, 17, CREATE | {"topic": name})
    assert answer.code == (29 if broker.release is NEW else 1)
    assert broker.ctx.topic_config_manager.topic_config_table == before


@pytest.mark.parametrize("name", ["SCHEDULE_TOPIC_XXXX", "DefaultCluster"])
def test_names_of_the_system(broker: BrokerUnderTest, name: str) -> None:
    """BROKER-ADMIN-2."""
    answer = ask(broker, 17, CREATE | {"topic": name})
    if broker.release is OLD:
        refused = f"the topic[{name}] is conflict with system reserved words."
        expected = (1, refused) if name == "DefaultCluster" else (0, None)
    else:
        code = 29 if broker.release is NEW else 1
        expected = (code, f"The topic[{name}] is conflict with system topic.")
    assert (answer.code, answer.remark) == expected


def test_attributes_of_a_topic() -> None:
    """BROKER-ADMIN-5, BROKER-ADMIN-11."""
    broker = started(NEW)
    assert ask(broker, 17, CREATE | {"attributes": "+message.type=FIFO"}).code == 0
    one = tree(broker, ask(broker, 351, {"topic": "N"}))
    assert one["attributes"] == {"message.type": "FIFO"}
    refused = ask(broker, 17, CREATE | {"attributes": "+no.such=1"})
    assert (refused.code, refused.remark) == (1, "unsupported key: no.such")
    unknown = ask(broker, 351, {"topic": "NO"})
    assert (unknown.code, unknown.remark) == (17, "No topic in this broker. topic: NO")


def test_pages_of_tables() -> None:
    """BROKER-ADMIN-9."""
    broker = started(NEW)
    version = json.dumps(tree(broker, ask(broker, 21))["dataVersion"])
    asked = {"topicSeq": "1", "maxTopicNum": "2", "dataVersion": version}
    page = ask(broker, 21, asked)
    names = sorted(broker.ctx.topic_config_manager.topic_config_table)
    assert list(cast("dict[str, JsonValue]", tree(broker, page)["topicConfigTable"])) == names[1:3]
    assert (page.ext_fields or {})["totalTopicNum"] == str(len(names))
    moved = ask(broker, 21, asked | {"dataVersion": '{"counter":99}'})
    assert list(cast("dict[str, JsonValue]", tree(broker, moved)["topicConfigTable"])) == names[:2]


def test_names_of_deleted_topics(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-6."""
    for name, refusing in (("", (MIDDLE, NEW)), ("a b", (MIDDLE,)), ("TBW102", (MIDDLE, NEW))):
        answer = ask(broker, 215, {"topic": name})
        assert (answer.code != 0) is (broker.release in refusing), (name, answer)


def test_statistics_of_a_topic(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-10."""
    ask(broker, 17, CREATE)
    table = cast(
        "dict[str, JsonValue]", tree(broker, ask(broker, 202, {"topic": "N"}))["offsetTable"]
    )
    assert len(table) == (3 if broker.release is NEW else 2)
    stats = cast(
        "dict[str, JsonValue]", tree(broker, ask(broker, 202, {"topic": "T"}))["offsetTable"]
    )
    grown = [v for v in stats.values() if cast("dict[str, JsonValue]", v)["maxOffset"] == 1]
    assert len(grown) == 1
    unknown = ask(broker, 202, {"topic": "NO"})
    assert (unknown.code, unknown.remark) == (17, "topic[NO] not exist")


def test_a_slave_refuses_changes(release: Release) -> None:
    """BROKER-ADMIN-12."""
    broker = BrokerUnderTest(release, {"brokerRole": "SLAVE", "brokerId": "1"}).start()
    answers = [ask(broker, 17, CREATE), ask(broker, 200, None, b'{"groupName":"G"}')]
    answers.append(ask(broker, 207, {"groupName": "G"}))
    refused = [answer.code for answer in answers]
    assert refused == ([1, 1, 1] if release is MIDDLE else [0, 0, 0])


# --- configuration


def test_settings_change(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-13, -14, -16."""
    text = b"traceOn=false\nno.such.name=1\nmaxMessageSize=many\ndefaultTopicQueueNums=5\n"
    assert ask(broker, 25, None, text).code == 0
    told = ask(broker, 26)
    lines = told.body.decode().splitlines()
    assert "traceOn=false" in lines
    assert "defaultTopicQueueNums=5" in lines
    assert "maxMessageSize=8192" in lines
    assert not any(line.startswith("no.such.name") for line in lines)
    assert json.loads((told.ext_fields or {})["version"])["counter"] == 1


def test_the_black_list(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-15: nothing of the text is applied."""
    answer = ask(broker, 25, None, b"traceOn=false\nrocketmqHome=/tmp\n")
    assert answer.code == (16 if broker.release is NEW else 0)
    assert broker.ctx.config.boolean("traceOn") is (broker.release is NEW)


def test_a_changed_permission_counts_the_topics_up(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-19."""
    before = broker.ctx.topic_config_manager.data_version.counter
    ask(broker, 25, None, b"traceOn=false\n")
    assert broker.ctx.topic_config_manager.data_version.counter == before
    ask(broker, 25, None, b"brokerPermission=4\n")
    assert broker.ctx.topic_config_manager.data_version.counter == before + 1


def test_runtime_information(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-17, BROKER-ADMIN-18."""
    table = cast("dict[str, JsonValue]", tree(broker, ask(broker, 28))["table"])
    assert all(isinstance(value, str) for value in table.values())
    versions = {"4.6": "V4_6_1", "4.9": "V4_9_7", "5.5": "V5_5_0"}
    assert table["brokerVersionDesc"] == versions[broker.release.name]
    assert table["msgPutTotalTodayNow"] == "1"
    assert table["sendThreadPoolQueueSize"] == "0"
    assert ("ackThreadPoolQueueSize" in table) is (broker.release is NEW)


# --- groups


def test_updates_of_groups(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-20, -21, -22, -23."""
    groups = broker.ctx.subscription_group_manager.subscription_group_table
    before = dict(groups)
    assert ask(broker, 200).code == (0 if broker.release is NEW else 1)
    assert groups == before
    illegal = ask(broker, 200, None, b'{"groupName":"a b"}')
    assert illegal.code == (29 if broker.release is NEW else 0)
    if broker.release is NEW:
        bad = b'{"groupName":"X","attributes":{"+no":"1"}}'
        assert ask(broker, 200, None, bad).code == 1
        assert "X" not in groups
        many = b'{"groupConfigList":[{"groupName":"A"},{"groupName":"B"}]}'
        assert ask(broker, 225, None, many).code == 0
        assert {"A", "B"} <= set(groups)
        assert tree(broker, ask(broker, 352, {"group": "NEW"}))["groupName"] == "NEW"


# --- connections and progress


def test_connections(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-26, -27, -28."""
    offline = ask(broker, 203, {"consumerGroup": "G"})
    assert (offline.code, offline.remark) == (206, "the consumer group[G] not online")
    nobody = ask(broker, 204, {"producerGroup": "PG"})
    assert (nobody.code, nobody.remark) == (1, "the producer group[PG] not exist")
    join(broker)
    client = {
        "clientAddr": "127.0.0.1:40001",
        "clientId": "c1",
        "language": "JAVA",
        "version": 407,
    }
    found = tree(broker, ask(broker, 203, {"consumerGroup": "G"}))
    assert found["connectionSet"] == [client]
    assert found["messageModel"] == "CLUSTERING"
    assert tree(broker, ask(broker, 204, {"producerGroup": "PG"}))["connectionSet"] == [client]
    if broker.release is not OLD:
        every = cast("dict[str, list[JsonValue]]", tree(broker, ask(broker, 328))["data"])
        assert len(every["PG"]) == 1


def commit(broker: BrokerUnderTest, offset: int, topic: str = "T") -> None:
    for queue_id in range(4):
        broker.ctx.consumer_offset_manager.commit_offset("G", topic, queue_id, offset, broker.now)


def test_progress(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-30, -31, -32."""
    commit(broker, 1)
    broker.produce("U")
    commit(broker, 0, "U")
    commit(broker, 0, "GONE")
    stats = tree(broker, ask(broker, 208, {"consumerGroup": "G"}))
    table = cast("dict[str, dict[str, JsonValue]]", stats["offsetTable"])
    assert len(table) == 8
    mine = next(v for k, v in table.items() if json.loads(k)["queueId"] == 0 and '"T"' in k)
    assert (mine["brokerOffset"], mine["consumerOffset"]) == (1, 1)
    assert ("pullOffset" in mine) is (broker.release is NEW)
    join(broker)
    online = tree(broker, ask(broker, 208, {"consumerGroup": "G", "topic": ""}))
    assert len(cast("dict[str, JsonValue]", online["offsetTable"])) == 4
    unknown = tree(broker, ask(broker, 208, {"consumerGroup": "G", "topic": "NO"}))
    assert unknown["offsetTable"] == {}


def test_progress_of_all(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-33."""
    ask(broker, 200, None, b'{"groupName":"G"}')
    broker.ctx.consumer_offset_manager.commit_offset("G", "T", 0, 0, broker.now)
    found = tree(broker, ask(broker, 317, {"isOrder": "false"}))
    assert found["totalDiff"] == 1
    ordered = tree(broker, ask(broker, 317, {"isOrder": "true"}))
    assert ordered["totalDiff"] == 0


def test_lag_in_time(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-34."""
    broker.run(1000)
    body = tree(broker, ask(broker, 303, {"topic": "T", "group": "G"}))
    spans = cast("list[dict[str, JsonValue]]", body["consumeTimeSpanSet"])
    assert len(spans) == 4
    first = next(
        s for s in spans if cast("dict[str, JsonValue]", s["messageQueue"])["queueId"] == 0
    )
    assert first["delayTime"] != 0
    assert ask(broker, 303, {"topic": "NO", "group": "G"}).code == 17


def test_counters(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-35."""
    found = tree(broker, ask(broker, 315, {"statsName": "TOPIC_PUT_NUMS", "statsKey": "T"}))
    assert set(found) == {"statsDay", "statsHour", "statsMinute"}
    unknown = ask(broker, 315, {"statsName": "X", "statsKey": "Y"})
    assert (unknown.code, unknown.remark) == (1, "The stats <X> <Y> not exist")


def test_who_consumes(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-40, -41, -42."""
    broker.ctx.consumer_offset_manager.commit_offset("H", "T", 0, 1, broker.now)
    join(broker)
    who = tree(broker, ask(broker, 300, {"topic": "T"}))["groupList"]
    assert sorted(cast("list[str]", who)) == ["G", "H"]
    if broker.release is NEW:
        assert tree(broker, ask(broker, 343, {"group": "H"}))["topicList"] == ["T"]
        data = tree(broker, ask(broker, 345, {"group": "G", "topic": "T"}))
        assert "subscriptionData" in data
        none = tree(broker, ask(broker, 345, {"group": "G", "topic": "NO"}))
        assert "subscriptionData" not in none


# --- the store


def test_entries_of_a_queue(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-38, BROKER-ADMIN-39."""
    asked = {"topic": "T", "queueId": "0", "index": "0", "count": "5", "consumerGroup": "G"}
    found = tree(broker, ask(broker, 321, asked))
    assert len(cast("list[JsonValue]", found["queueData"])) == 1
    assert found["filterData"] == "G@T is not online!"
    outside = ask(broker, 321, asked | {"index": "9"})
    assert (outside.code, outside.remark) == (0, "Index 9 of 0@T is not exist!")
    assert bool(outside.body) is (broker.release is OLD)
    unknown = ask(broker, 321, asked | {"topic": "NO"})
    assert (unknown.code, unknown.remark) == (1, "0@NO is not exist!")


def test_clean_ups_lose_nothing(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-43, BROKER-ADMIN-45."""
    codes = (306, 316) if broker.release is OLD else (306, 316, 329)
    for code in codes:
        assert ask(broker, code).code == 0
    broker.run(20_000)
    assert broker.ctx.store.reader.max_offset_in_queue("T", 0) == 1
    assert broker.ctx.store.reader.min_offset_in_queue("T", 0) == 0
    broker.ctx.topic_config_manager.delete_topic_config("T", broker.now)
    ask(broker, 316)
    assert broker.ctx.store.reader.max_offset_in_queue("T", 0) == 0


def test_lists_and_tables(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-44, -46, -47, -50."""
    topics = cast("list[str]", tree(broker, ask(broker, 305))["topicList"])
    assert {"DefaultCluster", "broker-a", "TBW102"} <= set(topics)
    commit(broker, 1)
    table = tree(broker, ask(broker, 43))["offsetTable"]
    assert table == {"T@G": {"0": 1, "1": 1, "2": 1, "3": 1}}
    assert tree(broker, ask(broker, 45))["offsetTable"] == {}
    greeting = broker.ask(301, {"filterServerAddr": "127.0.0.1:1"})
    assert greeting is not None
    assert (greeting.code == 0) is (broker.release is OLD)


def test_a_half_message_is_checked_anew(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-57."""
    reader = broker.ctx.store.reader
    before = reader.max_offset_in_queue("RMQ_SYS_TRANS_HALF_TOPIC", 0)
    refused = ask(broker, 323, {"msgId": create_message_id(ADDRESS, 1 << 40)})
    assert refused.code == 1
    assert ask(broker, 323, {"msgId": "zz"}).code == 1
    assert ask(broker, 323, {"msgId": create_message_id(ADDRESS, 0)}).code == 0
    broker.run(5)
    assert reader.max_offset_in_queue("RMQ_SYS_TRANS_HALF_TOPIC", 0) == before + 1


# --- resets and requests to clients


def reset(broker: BrokerUnderTest, **fields: str) -> RemotingCommand:
    given = {"topic": "T", "group": "G", "timestamp": "0", "isForce": "true"}
    return ask(broker, 222, given | fields)


@pytest.mark.parametrize("release_name", ["4.6", "4.9", "5.5"])
def test_a_reset_by_clients(release_name: str) -> None:
    """BROKER-ADMIN-49: the members move, the broker's table does not."""
    release = RELEASES[release_name]
    settings = {"useServerSideResetOffset": "false"} if release is NEW else {}
    broker = started(release, **settings)
    assert reset(broker, topic="NO").code == (17 if release is NEW else 1)
    assert reset(broker).remark == "THe consumer group <G> not exist"
    commit(broker, 1)
    offline = reset(broker)
    assert offline.code == 206
    assert offline.remark == (
        "Consumer not online, so can not reset offset, Group: G Topic: T Timestamp: 0"
    )
    join(broker)
    done = tree(broker, reset(broker))
    assert len(cast("dict[str, JsonValue]", done["offsetTable"])) == 4
    notice = broker.received[MEMBER][-1]
    assert (notice.code, notice.is_oneway) == (220, True)
    assert broker.ctx.consumer_offset_manager.query_offset("G", "T", 0) == 1
    forward = tree(broker, reset(broker, timestamp="-1", isForce="false"))
    assert set(cast("dict[str, int]", forward["offsetTable"]).values()) == {0, 1}


def answer_of_member(
    broker: BrokerUnderTest, code: int, body: bytes = b"", remark: str | None = None
) -> RemotingCommand:
    """Let the member answer what it was asked last; the request that it saw."""
    asked = broker.received[MEMBER][-1]
    answer = RemotingCommand(
        code=code, opaque=asked.opaque, flag=RPC_TYPE, remark=remark, body=body
    )
    data = frame.encode(answer, broker.release)
    broker.perform(broker.broker.receive_data(MEMBER, data, broker.now))
    return asked


INFO = {"consumerGroup": "G", "clientId": "c1", "jstackEnable": "false", "extra": "kept"}


def test_a_client_answers(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-51, BROKER-ADMIN-52: fields go through as they are."""
    absent = ask(broker, 307, INFO)
    assert (absent.code, absent.remark) == (1, "The Consumer <G> <c1> not online")
    join(broker)
    assert broker.ask(307, INFO) is None
    opaque = broker.opaque
    asked = answer_of_member(broker, 0, b"{}", "fine")
    assert asked.code == 307
    assert (asked.ext_fields or {})["extra"] == "kept"
    answer = broker.received[CLIENT][-1]
    assert (answer.opaque, answer.code, answer.body) == (opaque, 0, b"{}")
    assert answer.remark == "fine"


def test_a_silent_client(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-53: one answer, whatever comes later."""
    join(broker)
    assert broker.ask(307, INFO) is None
    before = len(broker.received[CLIENT])
    broker.run(9_999)
    assert len(broker.received[CLIENT]) == before
    broker.run(1_500)
    assert [a.code for a in broker.received[CLIENT][before:]] == [207]
    answer_of_member(broker, 0)
    assert len(broker.received[CLIENT]) == before + 1


def test_an_old_client_is_not_asked(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-51: versions below 3.1.8 do not know the request."""
    join(broker, version=61)
    answer = ask(broker, 307, INFO)
    assert answer.code == 1
    assert answer.remark == (
        "The Consumer <c1> Version <V3_1_7> too low to finish, please upgrade it to V3_1_8_SNAPSHOT"
    )


def test_one_message_is_consumed_directly(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-54."""
    join(broker)
    fields = {"consumerGroup": "G", "clientId": "c1", "msgId": create_message_id(ADDRESS, 0)}
    assert broker.ask(309, fields) is None
    asked = answer_of_member(broker, 0, b"{}")
    assert asked.body == broker.ctx.store.reader.select_one_message_by_offset(0)
    assert (asked.ext_fields or {})["brokerName"] == "broker-a"
    for wrong in ("zz", create_message_id(ADDRESS, 1 << 40)):
        assert ask(broker, 309, fields | {"msgId": wrong}).code == 1


def test_members_tell_their_offsets(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-55, BROKER-ADMIN-56."""
    assert ask(broker, 223, {"topic": "T", "group": "G"}).code == 1
    join(broker)
    queue = '{"brokerName":"broker-a","queueId":0,"topic":"T"}'
    for body, expected in ((f'{{"messageQueueTable":{{{queue}:7}}}}', 1), ("", 0)):
        assert broker.ask(223, {"topic": "T", "group": "G"}) is None
        assert answer_of_member(broker, 0, body.encode()).code == 221
        told = tree(broker, broker.received[CLIENT][-1])
        assert len(cast("dict[str, JsonValue]", told["consumerTable"])) == expected
    assert broker.ask(223, {"topic": "T", "group": "G"}) is None
    broker.run(6_000)
    assert tree(broker, broker.received[CLIENT][-1])["consumerTable"] == {}


@pytest.mark.parametrize(
    ("code", "fields", "refused", "method"),
    [
        (
            50,
            {"accessKey": "k"},
            209,
            "updateAccessConfig(org.apache.rocketmq.common.PlainAccessConfig)",
        ),
        (51, {"accessKey": "k"}, 210, "deleteAccessConfig(String)"),
        (
            53,
            {"globalWhiteAddrs": "127.0.0.1", "aclFileFullPath": ""},
            211,
            "updateGlobalWhiteAddrsConfig(java.util.List, String)",
        ),
    ],
)
def test_access_control_that_is_off_cannot_be_changed(
    code: int, fields: dict[str, str], refused: int, method: str
) -> None:
    """BROKER-ADMIN-63: recorded from brokers of both releases through mqadmin."""
    for release in (OLD, MIDDLE):
        broker = started(release)
        answer = ask(broker, code, fields)
        assert answer.code == refused
        said = method if release is MIDDLE else method.replace(", String)", ")")
        assert answer.remark == (
            f'Cannot invoke "org.apache.rocketmq.acl.AccessValidator.{said}"'
            ' because "accessValidator" is null'
        )
        assert ask(broker, code, {"other": ""}).remark == answer.remark
    assert ask(started(NEW), code, fields).code == 3


@pytest.mark.parametrize("code", [52, 54])
def test_questions_about_access_control_are_not_answered(code: int) -> None:
    """BROKER-ADMIN-63."""
    assert started(OLD).ask(code) is None
    assert started(MIDDLE).ask(code) is None
    assert ask(started(NEW), code).code == 3
