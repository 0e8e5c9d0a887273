"""Giving back."""

import pytest

from refimpl.model.effect import Force
from refimpl.model.ids import PhysicalOffset, QueueId, Topic
from refimpl.model.message import MessageExt
from refimpl.model.message_id import decode_message_id
from refimpl.model.release import RELEASE_5_5, RELEASES, Release
from refimpl.model.subscription_group import SubscriptionGroupConfig
from refimpl.model.sys_flag import FLAG_UNIT_SUB
from refimpl.model.topic_config import TopicConfig
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.header.send_back import ConsumerSendMsgBackRequestHeader
from tests.broker.harness import ADDRESS, CLIENT, BrokerUnderTest

ALL = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
BACK = 36


def _started(
    release: Release, *, retry_queue_nums: int = 1, retry_max_times: int = 16, **overrides: str
) -> tuple[BrokerUnderTest, MessageExt]:
    broker = BrokerUnderTest(release, overrides).start()
    config = SubscriptionGroupConfig(
        group_name="G", retry_queue_nums=retry_queue_nums, retry_max_times=retry_max_times
    )
    broker.ctx.subscription_group_manager.update_subscription_group_config(config, broker.now)
    broker.produce(properties={"KEYS": "k", "UNIQ_KEY": "U", "TAGS": "a"})
    broker.run(0)
    answer = broker.received[CLIENT][-1]
    assert answer.ext_fields is not None
    offset = decode_message_id(answer.ext_fields["msgId"]).offset
    message = broker.ctx.store.look_message_by_offset(offset)
    assert message is not None
    return broker, message


def _back(
    broker: BrokerUnderTest,
    offset: int,
    level: int = 0,
    *,
    times: int | None = 16,
    unit: bool = False,
    version: int = 407,
) -> RemotingCommand:
    header = ConsumerSendMsgBackRequestHeader(
        offset=offset,
        group="G",
        delay_level=level,
        origin_msg_id="x",
        origin_topic="T",
        unit_mode=unit,
        max_reconsume_times=times,
    )
    answer = broker.ask(BACK, header, version=version)
    assert answer is not None
    return answer


def _last(broker: BrokerUnderTest, begin: int) -> MessageExt:
    message = broker.ctx.store.look_message_by_offset(PhysicalOffset(begin))
    assert message is not None
    return message


@ALL
def test_the_group_must_exist(release: Release) -> None:
    """BROKER-BACK-1."""
    broker = BrokerUnderTest(release, {"autoCreateSubscriptionGroup": "false"}).start()
    answer = _back(broker, 0)
    assert answer.code == 26
    assert answer.remark is not None
    assert answer.remark.startswith("subscription group not exist, G \nSee ")


@ALL
def test_the_broker_must_be_writable(release: Release) -> None:
    """BROKER-BACK-2."""
    broker = BrokerUnderTest(release, {"brokerPermission": "4"}).start()
    answer = _back(broker, 0)
    remark = "the broker[127.0.0.1] sending message is forbidden"
    assert (answer.code, answer.remark) == (16, remark)


@ALL
def test_a_group_without_retries_stores_nothing(release: Release) -> None:
    """BROKER-BACK-3."""
    broker, message = _started(release, retry_queue_nums=0)
    end = broker.ctx.store.commit_log.max_offset()
    answer = _back(broker, message.physical_offset)
    assert (answer.code, answer.remark) == (0, None)
    assert broker.ctx.store.commit_log.max_offset() == end
    assert "%RETRY%G" not in broker.ctx.topic_config_manager.topic_config_table


@ALL
def test_the_retry_topic_is_made_first(release: Release) -> None:
    """BROKER-BACK-4, BROKER-BACK-6: also when the message is not there."""
    broker, _ = _started(release, retry_queue_nums=3)
    answer = _back(broker, 60_000, unit=True)
    assert (answer.code, answer.remark) == (1, "look message by offset failed, 60000")
    made = broker.ctx.topic_config_manager.topic_config_table["%RETRY%G"]
    assert (made.read_queue_nums, made.write_queue_nums, made.perm) == (3, 3, 6)
    assert made.topic_sys_flag == FLAG_UNIT_SUB


@ALL
def test_copies_go_to_every_queue(release: Release) -> None:
    """BROKER-BACK-4."""
    broker, message = _started(release, retry_queue_nums=3)
    queues = set()
    for _ in range(24):
        begin = broker.ctx.store.commit_log.max_offset()
        assert _back(broker, message.physical_offset).code == 0
        queues.add(_last(broker, begin).properties["REAL_QID"])
    assert queues == {"0", "1", "2"}


@ALL
def test_a_closed_retry_topic_refuses(release: Release) -> None:
    """BROKER-BACK-5."""
    broker, message = _started(release)
    closed = TopicConfig(topic_name="%RETRY%G", perm=4)
    broker.ctx.topic_config_manager.update_topic_config(closed, broker.now)
    answer = _back(broker, message.physical_offset)
    assert (answer.code, answer.remark) == (16, "the topic[%RETRY%G] sending message is forbidden")


@ALL
@pytest.mark.parametrize(("level", "stored"), [(0, 3), (5, 5)])
def test_a_copy_waits_for_its_level(release: Release, level: int, stored: int) -> None:
    """The copy, while it waits.

    BROKER-BACK-8, BROKER-BACK-10, BROKER-BACK-11, BROKER-BACK-12, BROKER-BACK-13.
    """
    broker, message = _started(release)
    begin = broker.ctx.store.commit_log.max_offset()
    assert _back(broker, message.physical_offset, level).code == 0
    copy = _last(broker, begin)
    assert (copy.topic, copy.queue_id) == ("SCHEDULE_TOPIC_XXXX", stored - 1)
    assert copy.properties["REAL_TOPIC"] == "%RETRY%G"
    assert copy.properties["RETRY_TOPIC"] == "T"
    assert copy.properties["WAIT"] == "false"
    assert decode_message_id(copy.properties["ORIGIN_MESSAGE_ID"]).offset == message.physical_offset
    assert copy.reconsume_times == 1
    assert (copy.body, copy.flag) == (message.body, message.flag)
    assert (copy.born_timestamp, copy.born_host) == (message.born_timestamp, message.born_host)
    assert copy.store_host == ADDRESS
    second = broker.ctx.store.commit_log.max_offset()
    assert _back(broker, copy.physical_offset, 0).code == 0
    again = _last(broker, second)
    assert again.reconsume_times == 2
    assert again.queue_id == 3 + 1 - 1
    assert again.properties["ORIGIN_MESSAGE_ID"] == copy.properties["ORIGIN_MESSAGE_ID"]
    assert again.properties["RETRY_TOPIC"] == "T"


@ALL
def test_a_copy_of_a_delivered_copy_counts_on(release: Release) -> None:
    """BROKER-BACK-8, BROKER-BACK-10, BROKER-BACK-11: what a consumer gives back was delivered."""
    broker, message = _started(release)
    given = message
    for times, wait in ((1, 10_000), (2, 30_000)):
        assert _back(broker, given.physical_offset).code == 0
        broker.run(wait + 1000)
        queue = broker.ctx.store.consume_queue(Topic("%RETRY%G"), QueueId(0))
        assert queue is not None
        assert queue.max_offset_in_queue == times
        unit = queue.get(times - 1)
        assert unit is not None
        given = _last(broker, unit[0])
        assert (given.reconsume_times, given.properties["RETRY_TOPIC"]) == (times, "T")
        assert given.born_timestamp == message.born_timestamp


@ALL
@pytest.mark.parametrize(("level", "times"), [(-1, 16), (0, 0), (18, 0)])
def test_dead_letters_are_visible_at_once(release: Release, level: int, times: int) -> None:
    """BROKER-BACK-9 and the fault B41; BROKER-BACK-12 for a first message."""
    broker, message = _started(release)
    begin = broker.ctx.store.commit_log.max_offset()
    assert _back(broker, message.physical_offset, level, times=times).code == 0
    letter = _last(broker, begin)
    assert (letter.topic, letter.queue_id) == ("%DLQ%G", 0)
    made = broker.ctx.topic_config_manager.topic_config_table["%DLQ%G"]
    assert (made.write_queue_nums, made.perm) == (1, 6 if release.dead_letter_is_readable else 2)
    assert ("ORIGIN_MESSAGE_ID" in letter.properties) is release.prints_origin_id


@ALL
def test_who_says_how_often(release: Release) -> None:
    """BROKER-BACK-7: an old client's field does not count; a later one's may be missing."""
    broker, message = _started(release, retry_max_times=0)
    begin = broker.ctx.store.commit_log.max_offset()
    assert _back(broker, message.physical_offset, times=9, version=120).code == 0
    assert _last(broker, begin).topic == "%DLQ%G"
    begin = broker.ctx.store.commit_log.max_offset()
    assert _back(broker, message.physical_offset, times=9, version=121).code == 0
    assert _last(broker, begin).topic == "SCHEDULE_TOPIC_XXXX"
    for level in (0, -1):  # also where the level alone makes it a dead letter
        answer = _back(broker, message.physical_offset, level=level, times=None)
        assert answer.code == (1 if release.needs_max_reconsume_times else 0)


@ALL
def test_only_put_ok_is_success(release: Release) -> None:
    """BROKER-BACK-14: the name of the status, in the spelling of the release."""
    broker, message = _started(release)
    broker.ctx.store.shutdown(broker.now)
    answer = _back(broker, message.physical_offset)
    assert (answer.code, answer.remark) == (1, "SERVICE_NOT_AVAILABLE")
    spelled = release.put_status_names.get("OS_PAGE_CACHE_BUSY", "OS_PAGE_CACHE_BUSY")
    assert spelled == ("OS_PAGE_CACHE_BUSY" if release is RELEASE_5_5 else "OS_PAGECACHE_BUSY")


@ALL
@pytest.mark.parametrize("role", ["ASYNC_MASTER", "SYNC_MASTER"])
def test_success_under_sync_flush_is_durable(release: Release, role: str) -> None:
    """BROKER-BACK-15: the copy says that nobody waits, and the consumer does; slaves count not."""
    broker, message = _started(release, flushDiskType="SYNC_FLUSH", brokerRole=role)
    broker.forces_complete = False
    answers = broker.received[CLIENT]
    before, effects = len(answers), len(broker.effects)
    for _ in range(2):
        header = ConsumerSendMsgBackRequestHeader(
            offset=message.physical_offset,
            group="G",
            delay_level=0,
            origin_topic="T",
            max_reconsume_times=16,
        )
        broker.send(BACK, header)
    broker.run(0)
    assert len(answers) == before
    log = broker.ctx.store.commit_log.mapped_file_queue
    broker.forces_complete = True
    for force in [effect for effect in broker.effects[effects:] if isinstance(effect, Force)]:
        broker.perform(broker.broker.forced(force.token, failed=False, now=broker.now))
    broker.run(0)
    assert [answer.code for answer in answers[before:]] == [0, 0]
    assert log.flushed_where == log.max_wrote_position


@ALL
def test_what_may_not_be_durable_is_no_success(release: Release) -> None:
    """BROKER-BACK-14, BROKER-BACK-15: the consumer keeps a message whose copy was not forced."""
    broker, message = _started(release, flushDiskType="SYNC_FLUSH")
    broker.forces_complete = False
    header = ConsumerSendMsgBackRequestHeader(
        offset=message.physical_offset, group="G", delay_level=0, max_reconsume_times=16
    )
    broker.send(BACK, header)
    broker.run(6_000)
    late = broker.received[CLIENT][-1]
    assert (late.code, late.remark) == (1, "FLUSH_DISK_TIMEOUT")
