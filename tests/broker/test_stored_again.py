"""A compressed message that the broker stores once more reaches clients as it was sent."""

import zlib

import pytest

from refimpl.model.ids import PhysicalOffset, QueueId, Topic
from refimpl.model.message import MessageExt
from refimpl.model.message_codec import decode_record
from refimpl.model.release import RELEASES, Release
from refimpl.model.subscription_group import SubscriptionGroupConfig
from refimpl.remoting.header.send_back import ConsumerSendMsgBackRequestHeader
from refimpl.remoting.header.transaction import EndTransactionRequestHeader
from tests.broker.harness import BrokerUnderTest

ALL = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
PLAIN = b"x" * 9000
PACKED = zlib.compress(PLAIN)
COMPRESSED, PREPARED, COMMIT = 1, 4, 8


def _only(broker: BrokerUnderTest, topic: str) -> tuple[MessageExt, MessageExt]:
    """The one message of queue 0: as it lies there, and as a client reads it."""
    queue = broker.ctx.store.consume_queue(Topic(topic), QueueId(0))
    assert queue is not None
    assert queue.max_offset_in_queue == 1
    unit = queue.get(0)
    assert unit is not None
    record = broker.ctx.store.select_one_message_by_offset(PhysicalOffset(unit[0]))
    assert record is not None
    stored = decode_record(record, release=broker.release, decompress=False)
    read = decode_record(record, release=broker.release)
    assert stored is not None
    assert read is not None
    return stored, read


def _check(broker: BrokerUnderTest, topic: str) -> None:
    stored, read = _only(broker, topic)
    assert stored.body == PACKED
    assert stored.sys_flag & COMPRESSED
    assert read.body == PLAIN


@ALL
def test_a_delayed_message(release: Release) -> None:
    """STORE-READ-16."""
    broker = BrokerUnderTest(release).start()
    broker.produce(body=PACKED, properties={"DELAY": "1"}, f=str(COMPRESSED))
    broker.run(5000)
    _check(broker, "T")


@ALL
def test_a_message_that_is_sent_back(release: Release) -> None:
    """STORE-READ-16: ten seconds later it is in the retry topic."""
    broker = BrokerUnderTest(release).start()
    config = SubscriptionGroupConfig(group_name="G")
    broker.ctx.subscription_group_manager.update_subscription_group_config(config, broker.now)
    broker.produce(body=PACKED, f=str(COMPRESSED))
    header = ConsumerSendMsgBackRequestHeader(
        offset=0,
        group="G",
        delay_level=0,
        origin_msg_id="x",
        origin_topic="T",
        unit_mode=False,
        max_reconsume_times=16,
    )
    answer = broker.ask(36, header, version=release.header_version)
    assert answer is not None
    assert answer.code == 0
    broker.run(12_000)
    _check(broker, "%RETRY%G")


@ALL
def test_a_committed_message(release: Release) -> None:
    """STORE-READ-16."""
    broker = BrokerUnderTest(release).start()
    properties = {"TRAN_MSG": "true", "PGROUP": "PG", "UNIQ_KEY": "K"}
    broker.produce(body=PACKED, properties=properties, f=str(COMPRESSED | PREPARED))
    header = EndTransactionRequestHeader(
        producer_group="PG",
        tran_state_table_offset=0,
        commit_log_offset=0,
        commit_or_rollback=COMMIT,
        from_transaction_check=False,
        msg_id="K",
    )
    answer = broker.ask(37, header)
    assert answer is not None
    assert answer.code == 0
    broker.run(100)
    _check(broker, "T")
