"""Pulls over the whole broker: BROKER-PULL-1 to BROKER-PULL-41.

Cited in short below: BROKER-PULL-10, BROKER-PULL-12, BROKER-PULL-13, BROKER-PULL-21, BROKER-
PULL-26, BROKER-PULL-33, BROKER-PULL-36, BROKER-PULL-40, BROKER-PULL-15, BROKER-PULL-18, BROKER-
PULL-27, BROKER-PULL-31, BROKER-PULL-34.
"""

import json

import pytest

from refimpl.model.message_codec import decode_record
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
    "suspendTimeoutMillis": "15000",
    "subscription": "*",
    "subVersion": "0",
}
COMMIT, SUSPEND, SUBSCRIPTION = 1, 2, 4
FOUND, MOVED, NOT_FOUND, RETRY = 0, 21, 19, 20


@pytest.fixture
def broker(release: Release) -> BrokerUnderTest:
    return started(release)


def started(release: Release, **settings: str) -> BrokerUnderTest:
    broker = BrokerUnderTest(release, settings).start()
    store(broker)
    return broker


def store(broker: BrokerUnderTest, **properties: str) -> None:
    answer = broker.produce(properties=properties)
    assert answer is not None
    assert answer.code == 0
    broker.run(1)


def pull(broker: BrokerUnderTest, **fields: str | int) -> RemotingCommand:
    answer = broker.ask(11, {**PULL, **{name: str(value) for name, value in fields.items()}})
    assert answer is not None
    return answer


def heartbeat(broker: BrokerUnderTest, topic: str = "T", **changed: str | int) -> None:
    subscription = {"topic": topic, "subString": "*", "subVersion": 5, **changed}
    beat = {
        "clientID": "c1",
        "consumerDataSet": [
            {
                "groupName": "G",
                "consumeType": "CONSUME_PASSIVELY",
                "messageModel": "CLUSTERING",
                "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
                "subscriptionDataSet": [subscription],
            }
        ],
    }
    answer = broker.ask(34, None, json.dumps(beat).encode())
    assert answer is not None
    assert answer.code == 0


def bodies(broker: BrokerUnderTest, answer: RemotingCommand) -> list[bytes]:
    found, at = [], 0
    while at < len(answer.body):
        record = decode_record(answer.body, at, release=broker.release)
        assert record is not None
        found.append(record.body)
        at += record.store_size
    return found


def fields(answer: RemotingCommand) -> dict[str, str]:
    return dict(answer.ext_fields or {})


def group_settings(broker: BrokerUnderTest, **settings: bool) -> None:
    text = json.dumps({"groupName": "G", **settings}).encode()
    answer = broker.ask(200, None, text)
    assert answer is not None
    assert answer.code == 0


# --- checks


def test_the_broker_may_be_closed_for_reading(release: Release) -> None:
    """BROKER-PULL-1, BROKER-PULL-17."""
    broker = started(release)
    broker.ask(25, None, b"brokerPermission=2\n")
    answer = pull(broker)
    assert answer.code == 16
    assert answer.remark == "the broker[127.0.0.1] pulling message is forbidden"
    assert fields(answer).get("forbiddenType") == ("1" if release.name == "5.5" else None)


def test_lite_pull_can_be_switched_off() -> None:
    """BROKER-PULL-2."""
    for enabled, code in (("true", 0), ("false", 16)):
        broker = started(RELEASES["5.5"], litePullMessageEnable=enabled)
        answer = broker.ask(361, PULL)
        assert answer is not None
        assert answer.code == code


def test_an_unknown_group_is_refused_where_none_is_made(release: Release) -> None:
    """BROKER-PULL-3, BROKER-MEMBER-41, BROKER-MEMBER-42."""
    broker = started(release, autoCreateSubscriptionGroup="false")
    answer = pull(broker)
    assert answer.code == 26
    assert (answer.remark or "").startswith("subscription group [G] does not exist, \nSee http")
    assert "G" not in broker.ctx.subscription_group_manager.subscription_group_table
    assert pull(broker, consumerGroup="CID_RMQ_SYS_X").code == FOUND


def test_a_disabled_group_reads_nothing(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-4, BROKER-MEMBER-43."""
    group_settings(broker, consumeEnable=False)
    answer = pull(broker)
    assert answer.code == 16
    assert answer.remark == "subscription group no permission, G"
    group_settings(broker, consumeEnable=True)
    assert pull(broker).code == FOUND


def test_a_pull_makes_no_topic(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-5."""
    answer = pull(broker, topic="U")
    assert answer.code == 17
    assert (answer.remark or "").startswith("topic[U] not exist, apply first please! \nSee http")
    assert broker.ctx.topic_config_manager.select_topic_config("U") is None


def test_a_topic_without_read_permission(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-6."""
    create = {
        "topic": "T",
        "defaultTopic": "TBW102",
        "readQueueNums": "4",
        "writeQueueNums": "4",
        "perm": "2",
        "topicFilterType": "SINGLE_TAG",
        "order": "false",
    }
    made = broker.ask(17, create)
    assert made is not None
    assert made.code == 0
    answer = pull(broker)
    assert (answer.code, answer.remark) == (16, "the topic[T] pulling message is forbidden")


@pytest.mark.parametrize("queue_id", [-1, 4, 2147483647])
def test_the_queue_id_is_checked(broker: BrokerUnderTest, queue_id: int) -> None:
    """BROKER-PULL-7."""
    answer = pull(broker, queueId=queue_id)
    assert answer.code == (29 if broker.release.name == "5.5" else 1)
    assert answer.remark == (
        f"queueId[{queue_id}] is illegal, topic:[T] topicConfig.readQueueNums:[4] "
        "consumer:[/127.0.0.1:40000]"
    )
    assert "nextBeginOffset" not in fields(answer)  # BROKER-PULL-16


@pytest.mark.parametrize(("subscription", "kind"), [("||", "TAG"), ("", "SQL92"), ("||||", None)])
def test_a_text_that_cannot_be_read(
    broker: BrokerUnderTest, subscription: str, kind: str | None
) -> None:
    """BROKER-PULL-9."""
    given = {"subscription": subscription} | ({} if kind is None else {"expressionType": kind})
    answer = pull(broker, **given)
    assert (answer.code, answer.remark) == (23, "parse the consumer's subscription failed")


def test_without_a_subscription_a_heartbeat_is_needed(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-8, -10, -12, -13."""
    assert pull(broker).code == FOUND
    offline = pull(broker, sysFlag=0)
    assert offline.code == 24
    assert (offline.remark or "").startswith("the consumer's group info not exist\nSee ")
    heartbeat(broker, topic="OTHER")
    foreign = pull(broker, sysFlag=0)
    assert foreign.code == 24
    assert (foreign.remark or "").startswith("the consumer's subscription not exist\nSee ")
    heartbeat(broker)
    assert pull(broker, sysFlag=0, subVersion=5).code == FOUND
    newer = pull(broker, sysFlag=0, subVersion=6)
    assert (newer.code, newer.remark) == (25, "the consumer's subscription not latest")


def test_broadcast_can_be_forbidden(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-11, BROKER-MEMBER-3: the last heartbeat says how."""
    group_settings(broker, consumeBroadcastEnable=False)
    for model, code in (("CLUSTERING", 0), ("BROADCASTING", 16)):
        beat = {
            "clientID": "c1",
            "consumerDataSet": [
                {
                    "groupName": "G",
                    "consumeType": "CONSUME_PASSIVELY",
                    "messageModel": model,
                    "subscriptionDataSet": [{"topic": "T", "subString": "*", "subVersion": 5}],
                }
            ],
        }
        broker.ask(34, None, json.dumps(beat).encode())
        assert pull(broker, sysFlag=0).code == code


def test_expressions_need_the_setting(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-35."""
    answer = pull(broker, subscription="a > 1", expressionType="SQL92")
    assert answer.code == 1
    text = "The broker does not support consumer to filter message by SQL92"
    assert answer.remark == text


# --- reading


def test_statuses_have_their_codes(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-16, -20, -21, -36."""
    store(broker)
    found = pull(broker)
    assert (found.code, found.remark) == (FOUND, "FOUND")
    assert bodies(broker, found) == [b"hello", b"hello"]
    assert fields(found)["nextBeginOffset"] == "2"
    for offset, code, remark in (
        (2, NOT_FOUND, "OFFSET_OVERFLOW_ONE"),
        (3, MOVED, "OFFSET_OVERFLOW_BADLY"),
        (-1, MOVED, "OFFSET_TOO_SMALL"),
    ):
        answer = pull(broker, queueOffset=offset)
        assert (answer.code, answer.remark) == (code, remark)
        assert fields(answer)["maxOffset"] == "2"
    for offset, code in ((0, NOT_FOUND), (7, MOVED)):
        assert pull(broker, queueId=1, queueOffset=offset).code == code


def test_a_refused_tag_is_skipped(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-20, -30: nothing matched, and the consumer goes on behind it."""
    store(broker, TAGS="A")
    answer = pull(broker, subscription="B")
    assert (answer.code, answer.remark) == (RETRY, "NO_MATCHED_MESSAGE")
    assert fields(answer)["nextBeginOffset"] == "2"
    assert len(bodies(broker, pull(broker, subscription="A || B"))) == 1
    store(broker, TAGS="AaAa")
    collision = pull(broker, subscription="BBBB")  # BROKER-PULL-30: equal hashes
    assert collision.code == FOUND


def test_expressions_filter(release: Release) -> None:
    """BROKER-PULL-32, -33; BROKER-MEMBER-30."""
    broker = started(release, enablePropertyFilter="true")
    store(broker, a="2")
    sql = {"expressionType": "SQL92"}
    assert len(bodies(broker, pull(broker, subscription="a > 1", **sql))) == 1
    assert pull(broker, subscription="a > 2", **sql).code == RETRY
    assert len(bodies(broker, pull(broker, subscription="a >", **sql))) == 2
    heartbeat(broker, subString="a > 1", **sql)
    assert len(bodies(broker, pull(broker, sysFlag=0, subVersion=5))) == 1
    assert pull(broker, sysFlag=0, subVersion=6).code == 25


def test_a_bad_expression_of_a_heartbeat(release: Release) -> None:
    """BROKER-PULL-14, BROKER-MEMBER-31, -33."""
    broker = started(release, enablePropertyFilter="true")
    heartbeat(broker, subString="a > 1", expressionType="SQL92")
    assert pull(broker, sysFlag=0).code in {FOUND, RETRY}
    heartbeat(broker, subString="a >", expressionType="SQL92", subVersion=6)
    answer = pull(broker, sysFlag=0)
    assert answer.code == 27


def test_a_pull_commits(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-19; a refused pull commits nothing."""
    offsets = broker.ctx.consumer_offset_manager
    pull(broker, queueId=9, sysFlag=COMMIT | SUBSCRIPTION, commitOffset=5)
    assert offsets.query_offset("G", "T", 9) == -1
    pull(broker, commitOffset=5)
    assert offsets.query_offset("G", "T", 0) == -1
    pull(broker, sysFlag=COMMIT | SUBSCRIPTION, commitOffset=5)
    assert offsets.query_offset("G", "T", 0) == 5


def test_what_a_pull_was_told_is_kept(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-28."""
    pull(broker)
    kept = broker.ctx.consumer_offset_manager.pull_offset_table
    assert kept == ({"T@G": {0: 1}} if broker.release.name == "5.5" else {})


def test_the_next_broker_is_suggested(release: Release) -> None:
    """BROKER-PULL-22."""
    for enabled, suggested in (("false", "0"), ("true", "3")):
        broker = started(release, slaveReadEnable=enabled)
        text = json.dumps({"groupName": "G", "brokerId": 3}).encode()
        broker.ask(200, None, text)
        assert fields(pull(broker))["suggestWhichBrokerId"] == suggested


def test_a_moved_offset_leaves_an_event(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-29."""
    pull(broker, queueOffset=9)
    broker.run(1)
    events = broker.ctx.store.reader.max_offset_in_queue("OFFSET_MOVED_EVENT", 0)
    assert events == (0 if broker.release.name == "5.5" else 1)


def test_missing_fields_are_refused(broker: BrokerUnderTest) -> None:
    """BROKER-OFFSET-19 for pulls: no default offset, queue or group."""
    for name in ("consumerGroup", "topic", "queueId", "queueOffset"):
        answer = broker.ask(11, {k: v for k, v in PULL.items() if k != name})
        assert answer is not None
        assert answer.code == 1


# --- waiting


def held(broker: BrokerUnderTest, **fields: str | int) -> int:
    given = {"sysFlag": SUSPEND | SUBSCRIPTION, "queueOffset": 1, **fields}
    asked = {**PULL, **{name: str(value) for name, value in given.items()}}
    assert broker.ask(11, asked) is None
    return len(broker.received[CLIENT])


def woken(broker: BrokerUnderTest, since: int) -> list[RemotingCommand]:
    return [c for c in broker.received[CLIENT][since:] if c.remark in {
        "FOUND", "OFFSET_OVERFLOW_ONE", "NO_MATCHED_MESSAGE", "NO_MESSAGE_IN_QUEUE"
    }]  # fmt: skip


def test_a_message_wakes_a_held_pull(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-23, -24: one answer, under the first opaque."""
    since = held(broker)
    opaque = broker.opaque
    store(broker)
    answers = woken(broker, since)
    assert [(a.code, a.opaque) for a in answers] == [(FOUND, opaque)]
    store(broker)
    assert len(woken(broker, since)) == 1


def test_without_the_flag_nothing_is_held(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-23."""
    assert pull(broker, queueOffset=1).code == NOT_FOUND


def test_a_foreign_tag_does_not_wake(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-24, -40: and the deadline stays."""
    since = held(broker, subscription="B")
    store(broker, TAGS="A")
    assert woken(broker, since) == []
    store(broker, TAGS="B")
    assert [a.code for a in woken(broker, since)] == [FOUND]


def test_a_held_pull_ends_with_its_time(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-25, -26."""
    since = held(broker, suspendTimeoutMillis=7000)
    broker.run(6999)
    assert woken(broker, since) == []
    broker.run(5001)
    assert [(a.code, a.remark) for a in woken(broker, since)] == [
        (NOT_FOUND, "OFFSET_OVERFLOW_ONE")
    ]


def test_short_polling(release: Release) -> None:
    """BROKER-PULL-25: the setting replaces the time of the request."""
    broker = started(release, longPollingEnable="false")
    since = held(broker, suspendTimeoutMillis=60000)
    broker.run(3000)
    assert [a.code for a in woken(broker, since)] == [NOT_FOUND]


def test_a_closed_channel_is_forgotten(broker: BrokerUnderTest) -> None:
    """BROKER-PULL-41."""
    held(broker)
    hold = broker.ctx.pull_request_hold
    assert hold.held("T", 0) == 1
    broker.perform(broker.broker.disconnected(CLIENT, broker.now))
    assert hold.held("T", 0) == 0
