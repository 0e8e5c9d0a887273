"""Queries for messages and offsets: BROKER-QUERY-1 to BROKER-QUERY-15.

Cited in short below: BROKER-QUERY-11.
"""

import pytest

from refimpl.model.release import Release
from refimpl.remoting.command import RPC_ONEWAY, RemotingCommand, SerializeType
from tests.broker.harness import CLIENT, NOW, BrokerUnderTest

FOREVER = "9999999999999"


@pytest.fixture
def broker(release: Release) -> BrokerUnderTest:
    broker = BrokerUnderTest(release).start()
    broker.produce(properties={"KEYS": "Aa other"})
    broker.run(10)
    broker.produce(properties={"KEYS": "BB"})
    broker.run(10)
    return broker


def ask(broker: BrokerUnderTest, code: int, **fields: str | int) -> RemotingCommand:
    answer = broker.ask(code, {name: str(value) for name, value in fields.items()})
    assert answer is not None
    return answer


def query(broker: BrokerUnderTest, key: str, **fields: str | int) -> RemotingCommand:
    given: dict[str, str | int] = {
        "topic": "T",
        "key": key,
        "maxNum": 32,
        "beginTimestamp": 0,
        "endTimestamp": FOREVER,
    }
    return ask(broker, 12, **(given | fields))


def test_messages_are_found_by_key(broker: BrokerUnderTest) -> None:
    """BROKER-QUERY-1."""
    found = query(broker, "other")
    assert found.code == 0
    assert found.body == broker.ctx.store.reader.select_one_message_by_offset(0)


@pytest.mark.parametrize("code", [12, 33])
def test_records_come_in_json_and_unasked_for(broker: BrokerUnderTest, code: int) -> None:
    """BROKER-QUERY-18: a one-way ROCKETMQ request is answered in JSON; its refusal is not."""
    fields = {"topic": "T", "key": "Aa", "maxNum": "1", "beginTimestamp": "0"}
    fields |= {"endTimestamp": FOREVER, "offset": "0"}
    received = broker.received[CLIENT]
    before = len(received)
    broker.send(code, fields, flag=RPC_ONEWAY, serialize_type=SerializeType.ROCKETMQ)
    (answer,) = received[before:]
    assert (answer.code, answer.serialize_type) == (0, SerializeType.JSON)
    assert not answer.is_oneway
    fields |= {"key": "nothing", "offset": "99999"}
    broker.send(code, fields, serialize_type=SerializeType.ROCKETMQ)
    (refused,) = received[before + 1 :]
    wanted = SerializeType.JSON
    if broker.release.answers_in_request_codec:
        wanted = SerializeType.ROCKETMQ
    assert refused.code != 0
    assert refused.serialize_type == wanted
    broker.send(code, fields, flag=RPC_ONEWAY)
    assert len(received) == before + 2


def test_offsets_of_a_nameless_group_are_cloned(broker: BrokerUnderTest) -> None:
    """BROKER-ADMIN-37: a missing name is the word null in a key, and met where it is looked up."""
    offsets = broker.ctx.consumer_offset_manager
    offsets.commit_offset("G", "T", 0, 5, NOW)
    assert ask(broker, 314, srcGroup="G", topic="T", offline="true").code == 0
    assert offsets.query_offset("null", "T", 0) == 5
    assert ask(broker, 314, destGroup="H", topic="T", offline="true").code == 0
    assert offsets.query_offset("H", "T", 0) == 5
    assert ask(broker, 314, destGroup="I", topic="T").code == 1
    assert ask(broker, 314, destGroup="I").code == 1
    assert ask(broker, 314, destGroup="I", topic="unknown").code == 0


def test_a_bound_of_time_is_looked_at_before_the_count(broker: BrokerUnderTest) -> None:
    """BROKER-QUERY-17."""
    negative = query(broker, "Aa", maxNum=-1)
    assert negative.remark == "java.lang.IllegalArgumentException: Illegal Capacity: -1"
    missing = query(broker, "Aa", maxNum=-1, endTimestamp=" 5")
    assert (missing.remark or "").startswith("java.lang.NullPointerException")


def test_what_an_administrator_leaves_out(broker: BrokerUnderTest) -> None:
    """REMOTING-HEADER-9, BROKER-ADMIN-54: a null is shown, or met where it is used."""
    not_online = ask(broker, 307, consumerGroup="G")
    assert not_online.remark == "The Consumer <G> <null> not online"
    assert (not_online.code, ask(broker, 321, queueId=0).code) == (1, 1)
    assert ask(broker, 321, queueId=0).remark == "java.lang.NullPointerException"
    short = ask(broker, 309, consumerGroup="G", clientId="c", msgId="x")
    assert short.remark == broker.release.short_message_id_throws
    missing = ask(broker, 309, consumerGroup="G", clientId="c")
    assert missing.remark == "java.lang.NullPointerException"


def test_equal_hashes_are_not_told_apart(broker: BrokerUnderTest) -> None:
    """BROKER-QUERY-2: `T#Aa` and `T#BB` have one hash."""
    one, two = query(broker, "Aa"), query(broker, "BB")
    assert one.body == two.body
    assert len(one.body) > len(query(broker, "other").body)


@pytest.mark.parametrize("fields", [{"key": "no"}, {"topic": "U"}, {"endTimestamp": 1}])
def test_nothing_found_says_so(broker: BrokerUnderTest, fields: dict[str, str | int]) -> None:
    """BROKER-QUERY-3."""
    answer = query(
        broker, str(fields.get("key", "Aa")), **{k: v for k, v in fields.items() if k != "key"}
    )
    assert answer.code == 22
    assert answer.remark == "can not find message, maybe time range not correct"
    assert "indexLastUpdateTimestamp" in (answer.ext_fields or {})


@pytest.mark.parametrize(("flag", "all_of_them"), [("true", True), ("false", False), ("1", False)])
def test_unique_keys_take_the_brokers_count(
    broker: BrokerUnderTest, flag: str, all_of_them: bool
) -> None:
    """BROKER-QUERY-4: 5.5 looks a unique key up as such, so it finds no other key."""
    answer = query(broker, "Aa", maxNum=1, _UNIQUE_KEY_QUERY=flag)
    if flag == "true" and broker.release.indexes_tags:
        assert answer.code in {0, 22}
        return
    assert (answer.body == query(broker, "Aa").body) is all_of_them


def test_records_by_physical_offset(broker: BrokerUnderTest) -> None:
    """BROKER-QUERY-5, BROKER-QUERY-6."""
    first = ask(broker, 33, offset=0)
    assert first.code == 0
    assert int.from_bytes(first.body[:4]) == len(first.body)
    for offset in (broker.ctx.store.max_phy_offset, 1 << 40, -1):
        answer = ask(broker, 33, offset=offset)
        assert answer.code == 1
        assert answer.remark == f"can not find message by the offset, {offset}"


def offset(answer: RemotingCommand, name: str = "offset") -> tuple[int, str | None]:
    return answer.code, (answer.ext_fields or {}).get(name)


def test_bounds_of_queues(broker: BrokerUnderTest) -> None:
    """BROKER-QUERY-10, -11, -15."""
    assert offset(ask(broker, 30, topic="T", queueId=0)) == (0, "2")
    assert offset(ask(broker, 31, topic="T", queueId=0)) == (0, "0")
    assert offset(ask(broker, 30, topic="NO", queueId=7)) == (0, "0")
    assert offset(ask(broker, 31, topic="NO", queueId=7)) == (0, "0")
    assert broker.ctx.topic_config_manager.select_topic_config("NO") is None


@pytest.mark.parametrize(("at", "expected"), [(0, "0"), (NOW, "0"), (NOW + 10, "1")])
def test_times_become_offsets(broker: BrokerUnderTest, at: int, expected: str) -> None:
    """BROKER-QUERY-12, BROKER-QUERY-13."""
    assert offset(ask(broker, 29, topic="T", queueId=0, timestamp=at)) == (0, expected)
    assert offset(ask(broker, 29, topic="NO", queueId=0, timestamp=at)) == (0, "0")


def test_the_first_store_time(broker: BrokerUnderTest) -> None:
    """BROKER-QUERY-14."""
    assert offset(ask(broker, 32, topic="T", queueId=0), "timestamp") == (0, str(NOW))
    assert offset(ask(broker, 32, topic="T", queueId=3), "timestamp") == (0, "-1")


@pytest.mark.parametrize("code", [12, 29, 30, 31, 32, 33])
def test_missing_fields_are_refused(broker: BrokerUnderTest, code: int) -> None:
    """BROKER-OFFSET-19 for queries."""
    assert ask(broker, code, topic="T").code == 1
