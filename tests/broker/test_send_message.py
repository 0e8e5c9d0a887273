"""Receiving messages."""

from dataclasses import replace

import pytest

from refimpl.broker.send_hooks import SendMessageContext
from refimpl.model.config import Config
from refimpl.model.ids import Address, ChannelId, PhysicalOffset
from refimpl.model.message import MessageExt
from refimpl.model.message_codec import BatchEntry, encode_batch
from refimpl.model.message_id import decode_message_id
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.model.subscription_group import SubscriptionGroupConfig
from refimpl.model.topic_config import TopicConfig, TopicFilterType
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.header import encode_header
from refimpl.remoting.header.send import SendMessageRequestHeader
from tests.broker.harness import ADDRESS, NOW, PEER, BrokerUnderTest, send_header

ALL = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)


def _answered(answer: RemotingCommand | None) -> tuple[int, str | None]:
    assert answer is not None
    fields = answer.ext_fields or {}
    assert fields.get("MSG_REGION") == "DefaultRegion"
    assert fields.get("TRACE_ON") == "true"
    if answer.code not in {0, 10}:
        assert "msgId" not in fields
    return answer.code, answer.remark


def _stored(broker: BrokerUnderTest, answer: RemotingCommand | None) -> MessageExt:
    assert answer is not None
    assert answer.ext_fields is not None
    offset = decode_message_id(answer.ext_fields["msgId"].split(",")[0]).offset
    message = broker.ctx.store.look_message_by_offset(offset)
    assert message is not None
    return message


def _configure(
    broker: BrokerUnderTest, topic: str, *, write: int = 4, read: int = 4, order: bool = False
) -> None:
    config = TopicConfig(
        topic_name=topic, write_queue_nums=write, read_queue_nums=read, order=order
    )
    broker.ctx.topic_config_manager.update_topic_config(config, broker.now)


@ALL
def test_a_message_is_stored_and_answered(release: Release) -> None:
    """BROKER-SEND-1, BROKER-SEND-29, BROKER-SEND-6: a new topic, its first message."""
    broker = BrokerUnderTest(release).start()
    properties = {"UNIQ_KEY": "0A0B", "TAGS": "a"}
    for number in range(2):
        answer = broker.produce(properties=properties, queue_id=1)
        assert _answered(answer) == (0, None)
        assert answer is not None
        assert answer.ext_fields is not None
        assert answer.ext_fields["queueId"] == "1"
        assert answer.ext_fields["queueOffset"] == str(number)
        assert ("transactionId" in answer.ext_fields) is release.answers_transaction_id
        stored = _stored(broker, answer)
        assert (stored.topic, stored.queue_id, stored.body, stored.flag) == ("T", 1, b"hello", 7)
        assert (stored.born_host, stored.store_host) == (PEER, ADDRESS)
        assert stored.queue_offset == number


@ALL
def test_both_headers_say_the_same(release: Release) -> None:
    """SEND_MESSAGE with long names stores what SEND_MESSAGE_V2 stores."""
    broker = BrokerUnderTest(release).start()
    header = SendMessageRequestHeader(
        producer_group="PG",
        topic="T",
        default_topic="TBW102",
        default_topic_queue_nums=4,
        queue_id=0,
        sys_flag=0,
        born_timestamp=NOW - 5,
        flag=7,
        properties="KEYS\x01k\x02",
    )
    long = _stored(broker, broker.ask(10, header, b"hello"))
    short = _stored(broker, broker.produce(properties={"KEYS": "k"}))
    same = replace(
        short,
        physical_offset=long.physical_offset,
        queue_offset=long.queue_offset,
        properties=long.properties,
    )
    assert long == same
    assert {k: v for k, v in long.properties.items() if k != "UNIQ_KEY"} == {
        k: v for k, v in short.properties.items() if k != "UNIQ_KEY"
    }


@ALL
def test_nothing_is_taken_before_the_start_time(release: Release) -> None:
    """BROKER-SEND-2, with Java's date in UTC."""
    later = {"startAcceptSendRequestTimeStamp": str(NOW + 1)}
    broker = BrokerUnderTest(release, later).start()
    expected = (1, "broker unable to service, until 2023-11-14 22:13:20,001")
    assert _answered(broker.produce()) == expected
    broker.now = type(NOW)(NOW + 1)
    assert _answered(broker.produce())[0] == 0


@ALL
def test_only_order_topics_obey_the_permission_of_the_broker(release: Release) -> None:
    """BROKER-SEND-3."""
    broker = BrokerUnderTest(release, {"brokerPermission": "4"}).start()
    _configure(broker, "Ordered", order=True)
    _configure(broker, "Plain")
    refused = (16, "the broker[127.0.0.1] sending message is forbidden")
    assert _answered(broker.produce("Ordered")) == refused
    assert _answered(broker.produce("Plain")) == (0, None)


@ALL
@pytest.mark.parametrize("topic", ["", "a b", "x" * 128])
def test_an_illegal_topic_is_refused(release: Release, topic: str) -> None:
    """BROKER-SEND-4: and no topic comes into being."""
    broker = BrokerUnderTest(release).start()
    before = dict(broker.ctx.topic_config_manager.topic_config_table)
    code, remark = _answered(broker.produce(topic))
    assert code == (29 if release is RELEASE_5_5 else 1)
    assert remark is not None
    assert remark.startswith("The specified topic")
    assert broker.ctx.topic_config_manager.topic_config_table == before


@ALL
def test_reserved_topics_take_no_sends(release: Release) -> None:
    """BROKER-SEND-5."""
    broker = BrokerUnderTest(release).start()
    answer = _answered(broker.produce("SCHEDULE_TOPIC_XXXX"))
    if release is RELEASE_4_6:
        assert answer == (0, None)
    else:
        refused = "Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden."
        assert answer == (16, refused)


@ALL
def test_an_unknown_topic_that_cannot_be_made(release: Release) -> None:
    """BROKER-SEND-7, BROKER-SEND-30; a retry topic is made all the same (BROKER-SEND-6)."""
    broker = BrokerUnderTest(release).start()
    code, remark = _answered(broker.produce("T", c="Nowhere"))
    assert code == 17
    link = f"\nSee {release.faq_url} for further details."
    assert remark == "topic[T] not exist, apply first please!" + link
    assert _answered(broker.produce("%RETRY%DEFAULT_CONSUMER", c="Nowhere", l="9"))[0] == 0
    made = broker.ctx.topic_config_manager.topic_config_table["%RETRY%DEFAULT_CONSUMER"]
    assert (made.write_queue_nums, made.perm) == (1, 6)


@ALL
def test_a_queue_id_must_be_below_the_larger_count(release: Release) -> None:
    """BROKER-SEND-8, BROKER-SEND-9."""
    broker = BrokerUnderTest(release).start()
    _configure(broker, "T", write=2)
    assert _answered(broker.produce(queue_id=3)) == (0, None)
    code, remark = _answered(broker.produce(queue_id=4))
    assert code == release.illegal_queue_id_code
    attributes = ", attributes={}" if release.topics_have_attributes else ""
    assert remark == (
        "request queueId[4] is illegal, TopicConfig [topicName=T, readQueueNums=4, "
        "writeQueueNums=2, perm=RW-, topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false"
        f"{attributes}] Producer: 127.0.0.1:40000"
    )


@ALL
def test_the_broker_chooses_a_queue(release: Release) -> None:
    """BROKER-SEND-10: among the writable ones; a topic without any makes the request fail."""
    broker = BrokerUnderTest(release).start()
    _configure(broker, "T", write=3, read=8)
    seen: set[str] = set()
    for _ in range(40):
        answer = broker.produce(queue_id=-1)
        assert answer is not None
        assert answer.ext_fields is not None
        seen.add(answer.ext_fields["queueId"])
    assert seen == {"0", "1", "2"}
    _configure(broker, "T", write=0)
    failed = broker.produce(queue_id=-1)
    assert failed is not None
    assert (failed.code, failed.remark) == (1, "java.lang.ArithmeticException: / by zero")


def _group(broker: BrokerUnderTest, name: str, *, retry_max_times: int = 16) -> None:
    config = SubscriptionGroupConfig(group_name=name, retry_max_times=retry_max_times)
    broker.ctx.subscription_group_manager.update_subscription_group_config(config, broker.now)


@ALL
def test_a_retry_needs_its_group(release: Release) -> None:
    """BROKER-SEND-11."""
    broker = BrokerUnderTest(release, {"autoCreateSubscriptionGroup": "false"}).start()
    code, remark = _answered(broker.produce("%RETRY%G"))
    assert code == 26
    assert remark is not None
    assert remark.startswith("subscription group not exist, G \nSee ")


@ALL
@pytest.mark.parametrize("times", [2, 3, 4])
def test_retries_end_in_the_dead_letter_topic(release: Release, times: int) -> None:
    """Limit 3, at, below and above; the dead letter is not delayed.

    BROKER-SEND-12, BROKER-SEND-13, BROKER-SEND-15.
    """
    broker = BrokerUnderTest(release).start()
    _group(broker, "G", retry_max_times=99)
    answer = broker.produce("%RETRY%G", properties={"DELAY": "2"}, j=str(times), l="3")
    stored = _stored(broker, answer)
    dead = times > 3 or (times == 3 and not release.retries_up_to_the_limit)
    assert stored.topic == ("%DLQ%G" if dead else "SCHEDULE_TOPIC_XXXX")
    if dead:
        assert stored.properties["DELAY"] == release.dead_letter_delay
        assert broker.ctx.topic_config_manager.topic_config_table["%DLQ%G"].write_queue_nums == 1


@ALL
def test_an_old_client_leaves_the_limit_to_the_group(release: Release) -> None:
    """BROKER-SEND-12: the field counts from 3.4.9 on, and 4.6 cannot do without it there."""
    broker = BrokerUnderTest(release).start()
    _group(broker, "G", retry_max_times=1)
    broker.produce("%RETRY%G", l="9")
    header = {"a": "P", "b": "%RETRY%G", "c": "TBW102", "d": "4", "e": "0", "f": "0"}
    header |= {"g": "1", "h": "0", "j": "2"}
    old = _stored(broker, broker.ask(310, header, b"x", version=120))
    assert old.topic == "%DLQ%G"
    new = broker.ask(310, header, b"x", version=121)
    assert new is not None
    if release.needs_max_reconsume_times:
        assert (new.code, new.remark) == (1, "java.lang.NullPointerException")
    else:
        assert _stored(broker, new).topic == "%DLQ%G"


@ALL
def test_a_locked_group_does_not_retry(release: Release) -> None:
    """BROKER-SEND-14."""
    broker = BrokerUnderTest(release).start()
    _group(broker, "G")
    broker.ctx.rebalance_lock_manager.try_lock_batch("G", [("T", "broker-a", 0)], "c", broker.now)
    stored = _stored(broker, broker.produce("%RETRY%G", l="16"))
    locked = release.retry_of_locked_group_is_dead
    assert stored.topic == ("%DLQ%G" if locked else "%RETRY%G")


@ALL
def test_several_tags_set_a_flag(release: Release) -> None:
    """BROKER-SEND-16."""
    broker = BrokerUnderTest(release).start()
    config = TopicConfig(topic_name="T", topic_filter_type=TopicFilterType.MULTI_TAG)
    broker.ctx.topic_config_manager.update_topic_config(config, broker.now)
    assert _stored(broker, broker.produce()).sys_flag & 2
    _configure(broker, "U")
    assert not _stored(broker, broker.produce("U")).sys_flag & 2
    for topic, flag in (("T", 2), ("U", 0)):
        answer = broker.produce(topic, code=320, body=_batch(release, b"a"), m="true")
        assert _stored(broker, answer).sys_flag & 2 == flag


@ALL
def test_who_tells_no_attempts_made_none(release: Release) -> None:
    """BROKER-SEND-33: `reconsumeTimes` may be absent."""
    broker = BrokerUnderTest(release).start()
    header = encode_header(send_header("T", 0, {}, release))
    del header["j"]
    assert _stored(broker, broker.ask(310, header, b"m")).reconsume_times == 0


def _fields(*, without: str) -> dict[str, str]:
    header = SendMessageRequestHeader(
        producer_group="PG",
        topic="T",
        default_topic="TBW102",
        default_topic_queue_nums=4,
        queue_id=0,
        sys_flag=0,
        born_timestamp=NOW,
        flag=0,
    )
    return {name: value for name, value in encode_header(header).items() if name != without}


@ALL
@pytest.mark.parametrize("field", ["sysFlag", "flag"])
def test_a_missing_field_refuses_where_it_is_used(release: Release, field: str) -> None:
    """BROKER-SEND-33: a check before decides, and what was made before stays."""
    broker = BrokerUnderTest(release).start()
    broker.produce()
    fields = _fields(without=field)
    illegal = broker.ask(10, {**fields, "queueId": "99"}, b"x")
    assert illegal is not None
    assert (illegal.remark or "").startswith("request queueId[99] is illegal")
    failed = broker.ask(10, {**fields, "topic": "MADE"}, b"x")
    assert failed is not None
    assert (failed.code, failed.remark) == (1, "java.lang.NullPointerException")
    assert "MADE" in broker.ctx.topic_config_manager.topic_config_table


@ALL
def test_a_missing_topic_is_blank(release: Release) -> None:
    """BROKER-SEND-33: 5.5 uses it before its checks."""
    broker = BrokerUnderTest(release).start()
    failed = broker.ask(10, _fields(without="topic"), b"x")
    assert failed is not None
    blank = "The specified topic is blank."
    assert failed.remark == ("java.lang.NullPointerException" if release is RELEASE_5_5 else blank)


@ALL
@pytest.mark.parametrize("perm", [0, 2, 4])
def test_the_permission_of_the_topic_stops_nothing(release: Release, perm: int) -> None:
    """BROKER-SEND-32: and that of the broker stops ordered topics only, BROKER-SEND-3."""
    broker = BrokerUnderTest(release).start()
    config = TopicConfig(topic_name="T", perm=perm)
    broker.ctx.topic_config_manager.update_topic_config(config, broker.now)
    assert _stored(broker, broker.produce()).topic == "T"


@ALL
def test_half_messages_are_told_apart(release: Release) -> None:
    """BROKER-SEND-17: and may be forbidden."""
    broker = BrokerUnderTest(release).start()
    half = {"TRAN_MSG": "true", "PGROUP": "PG"}
    assert _stored(broker, broker.produce(properties=half)).topic == "RMQ_SYS_TRANS_HALF_TOPIC"
    delayed = _stored(broker, broker.produce(properties={**half, "DELAY": "1"}, j="1"))
    assert delayed.topic == "SCHEDULE_TOPIC_XXXX"
    closed = BrokerUnderTest(release, {"rejectTransactionMessage": "true"}).start()
    refused = (16, "the broker[127.0.0.1] sending transaction message is forbidden")
    assert _answered(closed.produce(properties=half)) == refused


@ALL
def test_what_is_stored_of_the_properties(release: Release) -> None:
    """BROKER-SEND-18, BROKER-SEND-19, BROKER-SEND-20, BROKER-SEND-21."""
    broker = BrokerUnderTest(release).start()
    sent = {"WAIT": "true", "CLUSTER": "elsewhere", "POP_CK": "x", "KEYS": "k"}
    stored = dict(_stored(broker, broker.produce(properties=sent)).properties)
    assert ("WAIT" in stored) is not release.drops_stored_wait
    assert stored["CLUSTER"] == "DefaultCluster"
    later = release is RELEASE_5_5
    assert ("POP_CK" in stored) is not later
    assert ({"MSG_REGION", "TRACE_ON", "UNIQ_KEY"} <= set(stored)) is later
    if later:
        assert len(stored["UNIQ_KEY"]) == 32


def test_a_send_without_body() -> None:
    """BROKER-SEND-20: fails from 5.5 on, is stored before."""
    assert _answered(BrokerUnderTest(RELEASE_4_9).start().produce(body=b"")) == (0, None)
    failed = BrokerUnderTest(RELEASE_5_5).start().produce(body=b"")
    assert failed is not None
    assert (failed.code, failed.remark) == (1, "java.lang.NullPointerException")


def test_a_compacted_topic_needs_keys() -> None:
    """BROKER-SEND-22."""
    broker = BrokerUnderTest(RELEASE_5_5).start()
    config = TopicConfig(topic_name="T", attributes={"cleanup.policy": "COMPACTION"})
    broker.ctx.topic_config_manager.update_topic_config(config, broker.now)
    assert _answered(broker.produce()) == (13, "Required message key is missing")
    assert _answered(broker.produce(properties={"KEYS": "k"})) == (0, None)


@pytest.mark.parametrize(
    ("priority", "other", "queue"),
    [("2", {}, "2"), ("9", {}, "3"), ("x", {}, "0"), ("2", {"__SHARDINGKEY": "s"}, "0")],
)
def test_priority_chooses_the_queue(priority: str, other: dict[str, str], queue: str) -> None:
    """BROKER-SEND-23."""
    broker = BrokerUnderTest(RELEASE_5_5).start()
    _configure(broker, "T")
    answer = broker.produce(properties={"_SYS_MSG_PRIORITY_": priority, **other})
    assert answer is not None
    assert answer.ext_fields is not None
    assert answer.ext_fields["queueId"] == queue
    assert ("_SYS_MSG_PRIORITY_" in _stored(broker, answer).properties) is not bool(other)


def _batch(release: Release, *bodies: bytes) -> bytes:
    entries = [BatchEntry(0, body, b"UNIQ_KEY\x01" + body.hex().encode()) for body in bodies]
    return encode_batch(entries, release)


@ALL
def test_a_batch_is_stored_whole(release: Release) -> None:
    """BROKER-SEND-24: one answer, the first offset, all ids."""
    broker = BrokerUnderTest(release).start()
    broker.produce()
    answer = broker.produce(code=320, body=_batch(release, b"a", b"b", b"c"), m="true")
    assert _answered(answer) == (0, None)
    assert answer is not None
    assert answer.ext_fields is not None
    assert answer.ext_fields["queueOffset"] == "1"
    ids = answer.ext_fields["msgId"].split(",")
    found = [
        broker.ctx.store.look_message_by_offset(PhysicalOffset(decode_message_id(i).offset))
        for i in ids
    ]
    assert [m.body for m in found if m is not None] == [b"a", b"b", b"c"]


@ALL
def test_a_batch_of_retries(release: Release) -> None:
    """BROKER-SEND-25, BROKER-SEND-26."""
    broker = BrokerUnderTest(release).start()
    _group(broker, "G")
    answer = broker.produce("%RETRY%G", code=320, body=_batch(release, b"a"), m="true")
    if release.refuses_retry_batch:
        remark = "batch request does not support retry group %RETRY%G"
        assert _answered(answer) == (13, remark)
    else:
        assert _answered(answer) == (0, None)
    if release.long_retry_topics:
        long = broker.produce("%RETRY%" + "g" * 121, code=320, body=_batch(release, b"a"), m="true")
        assert _answered(long) == (13, "message topic length too long 128")


@ALL
def test_a_message_that_is_too_large(release: Release) -> None:
    """BROKER-SEND-28: refused with the release's words, and the queue does not move."""
    broker = BrokerUnderTest(release).start()
    _configure(broker, "T")
    code, remark = _answered(broker.produce(body=bytes(9000)))
    assert code == 13
    limit = "128k" if release is RELEASE_4_6 else "8192B"
    assert remark is not None
    assert f"msg body length limit {limit}" in remark
    assert remark.startswith("the message is illegal, ")
    assert _stored(broker, broker.produce()).queue_offset == 0


@ALL
def test_a_store_that_is_shut_down(release: Release) -> None:
    """BROKER-SEND-28: SERVICE_NOT_AVAILABLE tells how full the disk is."""
    broker = BrokerUnderTest(release).start()
    _configure(broker, "T")
    broker.ctx.store.shutdown(broker.now)
    code, remark = _answered(broker.produce())
    assert code == 14
    assert remark is not None
    assert remark.startswith("service not available now")
    assert "CL:  0.10 CQ:  0.10 INDEX:  0.10" in remark


@ALL
def test_sync_flush_answers_after_the_force(release: Release) -> None:
    """BROKER-SEND-31, BROKER-SEND-27: nothing before the force, the time-out after 5 s."""
    broker = BrokerUnderTest(release, {"flushDiskType": "SYNC_FLUSH"}).start()
    assert broker.produce(properties={"WAIT": "false"}) is not None
    broker.forces_complete = False
    assert broker.produce() is None
    other = ChannelId(2)
    broker.open(other, Address("127.0.0.1", 40002))
    assert broker.ask(34, {}, b"{}", channel=other) is not None
    broker.run(10)
    assert len(broker.received[ChannelId(0)]) == 1
    broker.run(6000)
    late = broker.received[ChannelId(0)][-1]
    assert _answered(late) == (10, None)
    assert late.opaque == 2
    broker.forces_complete = True
    again = BrokerUnderTest(release, {"flushDiskType": "SYNC_FLUSH"}).start()
    again.send(310, None)
    again.produce()
    again.run(0)
    assert _answered(again.received[ChannelId(0)][-1])[0] == 0


@ALL
def test_hooks_see_the_send_and_change_nothing(release: Release) -> None:
    """The seam before and after; a hook that throws is not heard."""
    broker = BrokerUnderTest(release).start()
    seen: list[SendMessageContext] = []

    def broken(_context: SendMessageContext) -> None:
        raise ValueError

    broker.ctx.send_hooks.before += [broken, seen.append]
    broker.ctx.send_hooks.after.append(seen.append)
    answer = broker.produce(properties={"UNIQ_KEY": "U"})
    stored = _stored(broker, answer)
    before, after = seen
    assert (before.topic, before.msg_unique_key, before.msg_id) == ("T", "U", None)
    assert (after.code, after.queue_offset, after.body_length) == (0, 0, 5)
    assert {"MSG_REGION", "TRACE_ON"} <= set(stored.properties)


def test_settings_follow_the_configuration() -> None:
    """A new configuration value is obeyed by the next send."""
    broker = BrokerUnderTest().start()
    assert _answered(broker.produce())[0] == 0
    assert isinstance(broker.ctx.config, Config)
    broker.ctx.config = broker.ctx.config.updated({"rejectTransactionMessage": "true"})
    assert _answered(broker.produce(properties={"TRAN_MSG": "true"}))[0] == 16
