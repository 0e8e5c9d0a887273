"""Request and reply."""

import pytest

from refimpl.broker.client_channel_info import ClientChannelInfo
from refimpl.model.ids import Address, ChannelId, Millis, PhysicalOffset
from refimpl.model.release import RELEASE_4_6, RELEASE_5_5, RELEASES, Release
from refimpl.remoting import frame
from refimpl.remoting.command import RPC_TYPE, RemotingCommand
from tests.broker.harness import CLIENT, BrokerUnderTest

ALL = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
ASKER = ChannelId(2)


def _started(release: Release, overrides: dict[str, str] | None = None) -> BrokerUnderTest:
    broker = BrokerUnderTest(release, overrides).start()
    broker.open(ASKER, Address("127.0.0.1", 40002))
    info = ClientChannelInfo(ASKER, "asker", 0, 407, Millis(broker.now + 10**9))
    broker.ctx.producer_manager.register_producer("PG", info)
    return broker


def _reply(broker: BrokerUnderTest, to: str | None = "asker") -> RemotingCommand | None:
    properties = {"CORRELATION_ID": "c"}
    if to is not None:
        properties["REPLY_TO_CLIENT"] = to
    return broker.produce("DefaultCluster_REPLY_TOPIC", b"re", properties=properties, code=325)


def _answer_push(broker: BrokerUnderTest, code: int) -> RemotingCommand:
    (push,) = broker.received[ASKER]
    answer = RemotingCommand(code=code, opaque=push.opaque, flag=RPC_TYPE)
    data = frame.encode(answer, broker.release)
    broker.perform(broker.broker.receive_data(ASKER, data, broker.now))
    return push


@ALL
def test_a_reply_is_checked_like_a_send(release: Release) -> None:
    """BROKER-REPLY-1."""
    broker = _started(release)
    answer = broker.produce("Nowhere", c="Nowhere", code=325)
    assert answer is not None
    assert answer.code == 17
    assert broker.received[ASKER] == []


@ALL
@pytest.mark.parametrize(
    ("to", "remark"),
    [
        (None, "reply message properties[REPLY_TO_CLIENT] is null"),
        ("ghost", "push reply message fail, channel of <ghost> not found."),
    ],
)
def test_a_reply_without_receiver(release: Release, to: str | None, remark: str) -> None:
    """BROKER-REPLY-2, BROKER-REPLY-3."""
    broker = _started(release, {"storeReplyMessageEnable": "false"})
    answer = _reply(broker, to)
    assert answer is not None
    assert (answer.code, answer.remark) == (1, remark)
    assert "msgId" not in (answer.ext_fields or {})


@ALL
def test_a_reply_is_pushed(release: Release) -> None:
    """BROKER-REPLY-4, BROKER-REPLY-5: the sender is answered after the client."""
    broker = _started(release, {"storeReplyMessageEnable": "false"})
    assert _reply(broker) is None
    push = _answer_push(broker, 0)
    assert (push.code, push.body, push.is_oneway) == (326, b"re", False)
    fields = push.ext_fields or {}
    slash = "/" if release is RELEASE_4_6 else ""
    assert fields["bornHost"] == slash + "127.0.0.1:40000"
    assert fields["storeHost"] == slash + "127.0.0.1:10911"
    assert "PUSH_REPLY_TIME\x01" in fields["properties"]
    answer = broker.received[CLIENT][-1]
    assert (answer.code, answer.remark) == (0, None)
    sent = answer.ext_fields or {}
    assert (sent["msgId"], sent["queueId"], sent["queueOffset"]) == ("0", "0", "0")


@ALL
@pytest.mark.parametrize("how", ["refused", "silent", "gone"])
def test_a_push_that_fails(release: Release, how: str) -> None:
    """BROKER-REPLY-5, BROKER-REPLY-6."""
    broker = _started(release, {"storeReplyMessageEnable": "false"})
    assert _reply(broker) is None
    if how == "refused":
        _answer_push(broker, 1)
    else:
        if how == "gone":  # REMOTING-CONNECTION-9: no earlier than from a silent client
            broker.perform(broker.broker.disconnected(ASKER, broker.now))
        broker.run(9999)
        assert broker.received[CLIENT] == []
        broker.run(2)
    (answer,) = broker.received[CLIENT]
    assert (answer.code, answer.remark) == (1, "push reply message to askerfail.")


@ALL
def test_a_reply_is_stored(release: Release) -> None:
    """BROKER-REPLY-7: whatever became of the push; what the sender sent, not what was pushed."""
    broker = _started(release)
    answer = _reply(broker, "ghost")
    assert answer is not None
    assert answer.code == 1
    fields = answer.ext_fields or {}
    assert fields["queueOffset"] == "0"
    stored = broker.ctx.store.look_message_by_offset(PhysicalOffset(0))
    assert stored is not None
    assert (stored.topic, stored.body) == ("DefaultCluster_REPLY_TOPIC", b"re")
    assert "PUSH_REPLY_TIME" not in stored.properties


@ALL
def test_a_sender_that_has_gone(release: Release) -> None:
    """BROKER-REPLY-7: its reply is stored when the push has ended, and nobody is answered."""
    broker = _started(release)
    assert _reply(broker) is None
    broker.perform(broker.broker.disconnected(CLIENT, broker.now))
    broker.run(9999)
    _answer_push(broker, 0)
    assert broker.received[CLIENT] == []
    stored = broker.ctx.store.look_message_by_offset(PhysicalOffset(0))
    assert stored is not None
    assert (stored.body, str(stored.born_host)) == (b"re", "127.0.0.1:40000")


@ALL
def test_what_a_reply_leaves_out_is_left_out(release: Release) -> None:
    """BROKER-REPLY-4: also the system flag, which nobody but the client asks for."""
    broker = _started(release)
    assert broker.produce("T") is not None
    fields = {"topic": "T", "queueId": "0", "bornTimestamp": "1", "flag": "0", "unitMode": "false"}
    properties = {"properties": "REPLY_TO_CLIENT\x01asker\x02CORRELATION_ID\x01c\x02"}
    assert broker.ask(324, {**fields, **properties}, b"re") is None
    (push,) = broker.received[ASKER]
    assert push.ext_fields is not None
    left_out = {
        "producerGroup",
        "defaultTopic",
        "defaultTopicQueueNums",
        "sysFlag",
    }
    assert not left_out & push.ext_fields.keys()
    attempts = "0" if release is RELEASE_5_5 else None
    assert push.ext_fields.get("reconsumeTimes") == attempts
    assert fields.items() <= push.ext_fields.items()
