"""Membership: BROKER-MEMBER-1 to BROKER-MEMBER-47.

Cited in short below: BROKER-MEMBER-5, BROKER-MEMBER-13, BROKER-MEMBER-15, BROKER-MEMBER-32, BROKER-
MEMBER-33, BROKER-MEMBER-34, BROKER-MEMBER-45, BROKER-MEMBER-46.
"""

import json

import pytest

from refimpl.broker.client_channel_info import ClientChannelInfo
from refimpl.broker.consumer_filter_manager import ConsumerFilterData
from refimpl.model.ids import Address, ChannelId, Millis
from refimpl.model.release import RELEASES, Release
from refimpl.model.subscription import SubscriptionData
from refimpl.remoting.command import RemotingCommand
from tests.broker.harness import CLIENT, BrokerUnderTest

NEW = RELEASES["5.5"]
OTHER = ChannelId(2)
NOTICE = 40


@pytest.fixture
def broker(release: Release) -> BrokerUnderTest:
    return started(release)


def started(release: Release, **settings: str) -> BrokerUnderTest:
    broker = BrokerUnderTest(release, settings).start()
    broker.open(OTHER, Address("127.0.0.1", 40001))
    return broker


def beat(
    broker: BrokerUnderTest,
    client: str = "c1",
    topics: dict[str, int] | None = None,
    *,
    channel: ChannelId = CLIENT,
    model: str = "CLUSTERING",
    group: str | None = "G",
    producer: str | None = None,
    **more: object,
) -> RemotingCommand:
    subscriptions = [
        {"topic": topic, "subString": "*", "subVersion": version}
        for topic, version in ({"T": 5} if topics is None else topics).items()
    ]
    consumer = {
        "groupName": group,
        "consumeType": "CONSUME_PASSIVELY",
        "messageModel": model,
        "subscriptionDataSet": subscriptions,
    }
    body = {
        "clientID": client,
        "consumerDataSet": [] if group is None else [consumer],
        "producerDataSet": [] if producer is None else [{"groupName": producer}],
        **more,
    }
    answer = broker.ask(34, None, json.dumps(body).encode(), channel=channel)
    assert answer is not None
    return answer


def notices(broker: BrokerUnderTest, channel: ChannelId = CLIENT) -> int:
    return sum(command.code == NOTICE for command in broker.received[channel])


def members(broker: BrokerUnderTest, group: str = "G") -> list[str]:
    answer = broker.ask(38, {"consumerGroup": group})
    assert answer is not None
    if answer.code:
        assert (answer.code, answer.remark) == (1, f"no consumer for this group, {group}")
        return []
    listed: list[str] = json.loads(answer.body)["consumerIdList"]
    return listed


def test_heartbeats_make_members(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-1, -6, -13, -15."""
    assert members(broker) == []
    assert beat(broker).code == 0
    assert members(broker) == ["c1"]
    assert notices(broker) == 1
    beat(broker)
    assert (members(broker), notices(broker)) == (["c1"], 1)
    beat(broker, "c2", channel=OTHER)
    assert members(broker) == ["c1", "c2"]
    assert (notices(broker), notices(broker, OTHER)) == (2, 1)
    retry = broker.ctx.topic_config_manager.select_topic_config("%RETRY%G")
    assert retry is not None
    assert (retry.read_queue_nums, retry.perm) == (1, 6)


def test_a_new_id_on_a_known_channel(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-2."""
    beat(broker)
    beat(broker, "c9")
    assert (members(broker), notices(broker)) == (["c9"], 1)


def test_subscriptions_are_what_the_last_beat_said(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-4, -5: a topic that comes or goes is a change, a version is not."""
    beat(broker, topics={"T": 5})
    manager = broker.ctx.consumer_manager
    for version, kept in ((4, 5), (5, 5), (6, 6)):
        beat(broker, topics={"T": version})
        data = manager.find_subscription_data("G", "T")
        assert data is not None
        assert data.sub_version == kept
    assert notices(broker) == 1
    beat(broker, topics={"U": 7})
    assert manager.find_subscription_data("G", "T") is None
    assert notices(broker) == 2


@pytest.mark.parametrize("setting", ["broker", "group"])
def test_notices_can_be_switched_off(release: Release, setting: str) -> None:
    """BROKER-MEMBER-6."""
    settings = {"notifyConsumerIdsChangedEnable": "false"} if setting == "broker" else {}
    broker = started(release, **settings)
    if setting == "group":
        text = {"groupName": "G", "notifyConsumerIdsChangedEnable": False}
        broker.ask(200, None, json.dumps(text).encode())
    beat(broker)
    assert (members(broker), notices(broker)) == (["c1"], 0)


def test_broadcast_groups_hear_nothing_in_new_releases(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-6."""
    beat(broker, model="BROADCASTING")
    assert notices(broker) == (0 if broker.release is NEW else 1)


def test_notices_can_be_collected() -> None:
    """BROKER-MEMBER-6: thirty seconds after the start, then every fifteen."""
    broker = started(NEW, realTimeNotifyConsumerChange="false")
    beat(broker)
    assert notices(broker) == 0
    broker.run(30_000)
    assert notices(broker) == 1
    broker.run(30_000)
    assert notices(broker) == 1


def test_goodbye(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-7, BROKER-MEMBER-21."""
    beat(broker, producer="PG")
    beat(broker, "c2", channel=OTHER)
    gone = broker.ask(
        35, {"clientID": "c2", "consumerGroup": "G", "producerGroup": "NO"}, channel=OTHER
    )
    assert gone is not None
    assert gone.code == 0
    assert (members(broker), notices(broker)) == (["c1"], 3)
    broker.ask(35, {"clientID": "c1", "consumerGroup": "G", "producerGroup": "PG"})
    assert members(broker) == []
    assert broker.ctx.producer_manager.group_channel_table == {}


def test_a_closed_channel_leaves(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-8, BROKER-MEMBER-22."""
    beat(broker)
    beat(broker, "c2", channel=OTHER, producer="PG")
    broker.perform(broker.broker.disconnected(OTHER, broker.now))
    assert (members(broker), notices(broker)) == (["c1"], 3)
    listed = broker.ask(204, {"producerGroup": "PG"})
    assert listed is not None
    if broker.release is NEW:
        assert (listed.code, listed.remark) == (1, "the producer group[PG] not exist")
    else:
        assert (listed.code, listed.body) == (0, b'{"connectionSet":[]}')


@pytest.mark.parametrize(("silent", "left"), [(120_000, ["c1"]), (120_001, [])])
def test_silence_ends_a_membership(broker: BrokerUnderTest, silent: int, left: list[str]) -> None:
    """BROKER-MEMBER-9, BROKER-MEMBER-23: strictly more than two minutes."""
    beat(broker, producer="PG")
    at = Millis(broker.now + silent)
    consumers = broker.ctx.consumer_manager.scan_not_active_channel(at)
    producers = broker.ctx.producer_manager.scan_not_active_channel(at)
    assert consumers == producers == ([] if left else [CLIENT])
    assert members(broker) == left


def test_pulls_tell_what_they_want(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-10."""
    manager = broker.ctx.consumer_manager
    manager.compensate("P", "CONSUME_PASSIVELY", "CLUSTERING", SubscriptionData(topic="T"))
    assert manager.find_subscription_data("P", "T") is not None
    assert manager.find_subscription_data_count("P") == 0
    manager.scan_not_active_channel(Millis(600_001))
    remembered = manager.find_subscription_data("P", "T") is not None
    assert remembered is (broker.release is not NEW)


def test_a_group_that_may_not_exist(release: Release) -> None:
    """BROKER-MEMBER-11, -41, -42."""
    broker = started(release, autoCreateSubscriptionGroup="false")
    assert beat(broker).code == 0
    assert members(broker) == ([] if release is NEW else ["c1"])
    beat(broker, group="CID_RMQ_SYS_X")
    assert members(broker, "CID_RMQ_SYS_X") == ["c1"]


def test_illegal_names_of_groups(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-41."""
    config = broker.ctx.subscription_group_manager.find_subscription_group_config("a b", broker.now)
    assert (config is None) is (broker.release is NEW)


def test_the_answer_tells_abilities(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-12."""
    flags = beat(broker).ext_fields or {}
    if broker.release is not NEW:
        assert flags == {}
        return
    assert flags == {"IS_SUPPORT_HEART_BEAT_V2": "true", "IS_SUB_CHANGE": "true"}
    for fingerprint, changed in ((7, "true"), (7, "false"), (8, "true")):
        short = beat(broker, heartbeatFingerprint=fingerprint, withoutSub=True)
        assert (short.ext_fields or {})["IS_SUB_CHANGE"] == changed
    assert broker.ctx.consumer_manager.find_subscription_data("G", "T") is not None


def test_a_group_without_a_name_is_refused(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-1: nothing is registered for null."""
    body = {"clientID": "c1", "consumerDataSet": [{"consumeType": 1}]}
    answer = broker.ask(34, None, json.dumps(body).encode())
    assert answer is not None
    assert answer.code == 1
    assert broker.ctx.consumer_manager.consumer_table == {}


@pytest.mark.parametrize(
    ("kind", "text", "enabled", "code"),
    [
        ("TAG", "a || b", "false", 0),
        ("SQL92", "a > 1", "false", 1),
        ("SQL92", "a > 1", "true", 0),
        ("SQL92", "a >", "true", 23),
        ("LUA", "x", "true", 23),
    ],
)
def test_a_subscription_can_be_tried(
    release: Release, kind: str, text: str, enabled: str, code: int
) -> None:
    """BROKER-MEMBER-14."""
    broker = started(release, enablePropertyFilter=enabled)
    subscription = {"topic": "T", "expressionType": kind, "subString": text}
    body = {"clientId": "c1", "group": "G", "subscriptionData": subscription}
    answer = broker.ask(46, None, json.dumps(body).encode())
    assert answer is not None
    assert answer.code == code
    assert members(broker) == []
    assert broker.ctx.consumer_filter_manager.filter_data_by_topic == {}


# --- producers


def test_producers_in_turn(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-20, BROKER-MEMBER-24."""
    producers = broker.ctx.producer_manager
    assert producers.get_available_channel("PG") is None
    for channel in (CLIENT, OTHER):
        beat(broker, f"p{channel}", channel=channel, group=None, producer="PG")
    drawn = [producers.get_available_channel("PG") for _ in range(4)]
    assert sorted(map(str, drawn)) == ["0", "0", "2", "2"]
    assert drawn[0] != drawn[1]
    assert producers.find_channel("p2") == OTHER


# --- expressions


def sql(topic: str, text: str, version: int = 5) -> SubscriptionData:
    return SubscriptionData(
        topic=topic, sub_string=text, expression_type="SQL92", sub_version=version
    )


def test_expressions_live_and_die(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-30 to BROKER-MEMBER-35."""
    manager, now = broker.ctx.consumer_filter_manager, broker.now
    manager.register("G", [sql("T", "a > 1")], now)
    first = manager.get("T", "G")
    assert first is not None
    assert first.compiled_expression is not None
    manager.register("G", [sql("T", "a > 2", 4)], now)
    assert manager.get("T", "G") is first
    manager.register("G", [], Millis(now + 1))
    assert first.is_dead
    manager.register("G", [sql("T", "a > 1")], Millis(now + 2))
    assert first.dead_time == 0
    manager.register("G", [sql("T", "a >", 6)], now)
    assert manager.get("T", "G") is None
    manager.register("G", [sql("T", "a > 3", 7)], now)
    manager.unregister("G", Millis(now + 5))
    day = broker.ctx.config.integer("filterDataCleanTimeSpan")
    manager.clean(Millis(now + 5 + day - 1))
    assert manager.get("T", "G") is not None
    manager.clean(Millis(now + 5 + day))
    assert manager.filter_data_by_topic == {}


def test_expressions_survive_as_dead(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-36."""
    manager = broker.ctx.consumer_filter_manager
    manager.register("G", [sql("T", "a > 1")], broker.now)
    text = manager.encode()
    again = BrokerUnderTest(broker.release).ctx.consumer_filter_manager
    again.now = Millis(broker.now + 40_000)
    again.decode(text)
    read = again.get("T", "G")
    assert isinstance(read, ConsumerFilterData)
    assert read.is_dead
    assert read.dead_time == broker.now + 10_000
    assert read.compiled_expression is not None
    assert json.loads(text)["filterDataByTopic"]["T"]["groupFilterData"]["G"]["dead"] is False
    resized = {"maxErrorRateOfBloomFilter": "1"}
    other = BrokerUnderTest(broker.release, resized).ctx.consumer_filter_manager
    other.decode(text)
    assert other.filter_data_by_topic == {}


# --- settings of groups


def test_groups_of_the_start(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-40."""
    groups = broker.ctx.subscription_group_manager.subscription_group_table
    expected = {
        "TOOLS_CONSUMER",
        "FILTERSRV_CONSUMER",
        "SELF_TEST_C_GROUP",
        "CID_ONS-HTTP-PROXY",
        "CID_ONSAPI_PULL",
        "CID_ONSAPI_PERMISSION",
        "CID_ONSAPI_OWNER",
    }
    extra = {"CID_RMQ_SYS_TRANS"} if broker.release is NEW else set()
    assert set(groups) == expected | extra


def test_settings_survive_a_restart(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-43, -45, -46, -47."""
    manager = broker.ctx.subscription_group_manager
    text = {"groupName": "G", "retryMaxTimes": 3, "consumeEnable": False}
    broker.ask(200, None, json.dumps(text).encode())
    version = manager.data_version
    assert version.counter == 1
    broker.ask(207, {"groupName": "NO"})
    assert manager.data_version == version
    manager.disable_consume("TOOLS_CONSUMER", broker.now)
    assert manager.data_version.counter == 2
    broker.disk.unlock("lock")  # the process is gone
    again = BrokerUnderTest(broker.release, disk=broker.disk).start()
    reread = again.ctx.subscription_group_manager
    config = reread.subscription_group_table["G"]
    assert (config.retry_max_times, config.consume_enable) == (3, False)
    assert reread.data_version == version


def test_a_group_can_be_forbidden_a_topic() -> None:
    """BROKER-MEMBER-44: freeing one topic frees all."""
    broker = started(NEW)
    manager = broker.ctx.subscription_group_manager
    for topic in ("T", "U"):
        answer = broker.ask(353, {"group": "G", "topic": topic, "readable": "false"})
        assert answer is not None
        assert json.loads(answer.body) == {"group": "G", "readable": False, "topic": topic}
    broker.ask(353, {"group": "G", "topic": "T", "readable": "true"})
    assert not manager.is_forbidden("G", "U", 2)


def test_a_null_client_id_does_not_harm(broker: BrokerUnderTest) -> None:
    """BROKER-MEMBER-1: others of the group are still found."""
    manager = broker.ctx.consumer_manager
    info = ClientChannelInfo(OTHER, None, 0, 0, broker.now)
    manager.register_consumer("G", info, None, None, None, [], notify=False)
    beat(broker)
    assert manager.find_channel("G", "c1") is not None
