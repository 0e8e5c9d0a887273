"""Transactions."""

import pytest

from refimpl.broker.client_channel_info import ClientChannelInfo
from refimpl.broker.transaction_check import CHECK
from refimpl.model.effect import Force
from refimpl.model.ids import ChannelId, Millis, PhysicalOffset
from refimpl.model.message import MessageExt
from refimpl.model.message_codec import decode_record
from refimpl.model.message_id import decode_message_id
from refimpl.model.release import RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.header.transaction import EndTransactionRequestHeader
from tests.broker.harness import CLIENT, BrokerUnderTest

ALL = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
HALF, OP = "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC"
COMMIT, ROLLBACK, UNKNOWN = 8, 12, 0
END = 37
QUICK = {"transactionTimeOut": "2000", "transactionCheckInterval": "5000"}


class Transactions:
    """A broker with one producer channel, and what the tests ask of it."""

    def __init__(self, release: Release, overrides: dict[str, str] | None = None) -> None:
        self.broker = BrokerUnderTest(release, {**QUICK, **(overrides or {})}).start()
        self.release = release

    def at(self, offset: int) -> MessageExt:
        message = self.broker.ctx.store.look_message_by_offset(PhysicalOffset(offset))
        assert message is not None
        return message

    def half(self, **more: str) -> MessageExt:
        properties = {"TRAN_MSG": "true", "PGROUP": "PG", "UNIQ_KEY": "U", "TAGS": "a", **more}
        answer = self.broker.produce(properties=properties, queue_id=2, g=str(self.broker.now))
        self.broker.run()
        answer = answer or self.broker.received[CLIENT][-1]  # SYNC_FLUSH: not at once
        assert answer.code == 0, answer
        assert answer.ext_fields is not None
        assert answer.ext_fields["queueId"] == "2"
        return self.at(decode_message_id(answer.ext_fields["msgId"]).offset)

    def end(self, half: MessageExt, decision: int, **fields: object) -> RemotingCommand | None:
        header = EndTransactionRequestHeader(
            producer_group="PG",
            tran_state_table_offset=half.queue_offset,
            commit_log_offset=half.physical_offset,
            commit_or_rollback=decision,
            msg_id="U",
        )
        return self.broker.ask(END, header.with_fields(**fields))

    def connect(self) -> None:
        later = Millis(self.broker.now + 10**9)  # housekeeping leaves it alone
        info = ClientChannelInfo(CLIENT, "client", 0, 407, later)
        self.broker.ctx.producer_manager.register_producer("PG", info)

    def checks(self) -> list[RemotingCommand]:
        return [c for c in self.broker.received[CLIENT] if c.code == 39]

    def records(self, topic: str, queue_id: int = 0) -> list[MessageExt]:
        self.broker.run()
        store = self.broker.ctx.store
        found: list[MessageExt] = []
        offset = 0
        while store.commit_log.max_offset() > offset:
            message = store.look_message_by_offset(PhysicalOffset(offset))
            if message is None:
                break
            if (message.topic, message.queue_id) == (topic, queue_id):
                found.append(message)
            offset += message.store_size
        return found


def _code(answer: RemotingCommand | None) -> tuple[int, str | None]:
    assert answer is not None
    return answer.code, answer.remark


@ALL
def test_a_half_message_is_hidden(release: Release) -> None:
    """BROKER-TRANS-1, BROKER-TRANS-2."""
    t = Transactions(release)
    half = t.half()
    assert (half.topic, half.queue_id, half.sys_flag & 12) == (HALF, 0, 0)
    assert half.properties["REAL_TOPIC"] == "T"
    assert half.properties["REAL_QID"] == "2"
    assert half.properties.get("__transactionId__") == ("U" if release is RELEASE_5_5 else None)


@ALL
def test_a_half_message_is_never_delayed(release: Release) -> None:
    """BROKER-TRANS-23: its commit is."""
    t = Transactions(release)
    half = t.half(DELAY="3")
    assert half.topic == HALF
    assert half.properties["DELAY"] == "3"
    assert _code(t.end(half, COMMIT)) == (0, None)
    (waiting,) = t.records("SCHEDULE_TOPIC_XXXX", 2)
    assert waiting.properties["REAL_TOPIC"] == "T"


@ALL
def test_an_undecided_end_is_silent(release: Release) -> None:
    """BROKER-TRANS-3."""
    t = Transactions(release)
    half = t.half()
    end = t.broker.ctx.store.commit_log.max_offset()
    assert t.end(half, UNKNOWN) is None
    assert t.end(half, UNKNOWN, from_transaction_check=True) is None
    assert t.broker.ctx.store.commit_log.max_offset() == end


@ALL
def test_a_late_end(release: Release) -> None:
    """BROKER-TRANS-4: at the limit it is in time; an end after a check is never late."""
    t = Transactions(release, {"transactionCheckInterval": "600000"})
    half = t.half(CHECK_IMMUNITY_TIME_IN_SECONDS="9")
    t.broker.run(9000)
    assert _code(t.end(half, ROLLBACK)) == (0, None)
    t.broker.run(1)
    expected = 604 if release.rejects_late_end else 0
    assert _code(t.end(half, COMMIT)) == (expected, None)
    assert _code(t.end(half, COMMIT, from_transaction_check=True)) == (0, None)


@ALL
@pytest.mark.parametrize(
    ("fields", "remark"),
    [
        ({"producer_group": "other"}, "The producer group wrong"),
        ({"tran_state_table_offset": 9}, "The transaction state table offset wrong"),
        ({"commit_log_offset": 60_000}, "Find prepared transaction message failed"),
    ],
)
def test_the_end_must_name_the_half_message(
    release: Release, fields: dict[str, object], remark: str
) -> None:
    """BROKER-TRANS-5, BROKER-TRANS-24: and nothing is stored."""
    t = Transactions(release)
    half = t.half()
    end = t.broker.ctx.store.commit_log.max_offset()
    assert _code(t.end(half, COMMIT, **fields)) == (1, remark)
    assert t.broker.ctx.store.commit_log.max_offset() == end


@ALL
def test_a_commit_delivers(release: Release) -> None:
    """BROKER-TRANS-6, BROKER-TRANS-8, BROKER-TRANS-9."""
    t = Transactions(release)
    half = t.half()
    assert _code(t.end(half, COMMIT)) == (0, None)
    (message,) = t.records("T", 2)
    assert (message.body, message.flag) == (half.body, 7)
    assert message.sys_flag & 12 == COMMIT
    assert message.prepared_transaction_offset == half.physical_offset
    assert ("REAL_TOPIC" in message.properties) is not release.commit_drops_real_topic
    assert message.properties["TRAN_MSG"] == "true"
    assert bool(t.records(OP)) is not release.collects_op_messages
    t.broker.run(10_000)
    (op,) = t.records(OP)
    assert op.body == (b"0," if release.collects_op_messages else b"0")
    assert op.properties == {"TAGS": "d", "WAIT": "true"}


@ALL
@pytest.mark.parametrize("failed", [False, True])
def test_a_commit_is_answered_when_it_is_durable(release: Release, *, failed: bool) -> None:
    """BROKER-TRANS-7: under SYNC_FLUSH, or when its force has failed."""
    t = Transactions(release, {"flushDiskType": "SYNC_FLUSH"})
    half = t.half()
    t.broker.forces_complete = False
    assert t.end(half, COMMIT) is None
    t.broker.run()
    forces = [e for e in t.broker.effects if isinstance(e, Force) and "commitlog" in e.path]
    t.broker.perform(t.broker.broker.forced(forces[-1].token, failed=failed, now=t.broker.now))
    t.broker.forces_complete = True
    t.broker.run(10_000)
    (answer,) = [c for c in t.broker.received[CLIENT] if c.opaque == t.broker.opaque]
    assert answer.code == 0  # FLUSH_DISK_TIMEOUT too: it is stored


@ALL
def test_a_rollback_delivers_nothing(release: Release) -> None:
    """BROKER-TRANS-8."""
    t = Transactions(release)
    assert _code(t.end(t.half(), ROLLBACK)) == (0, None)
    t.connect()
    t.broker.run(30_000)
    assert t.records("T", 2) == []
    assert len(t.records(OP)) == 1
    assert t.checks() == []


@ALL
def test_a_commit_that_is_not_stored(release: Release) -> None:
    """BROKER-TRANS-7: other words than a send's, and no operation."""
    t = Transactions(release)
    half = t.half()
    t.broker.ctx.store.running_flags.set_disk_full(full=True)
    assert _code(t.end(half, COMMIT)) == (14, "Service not available now.")
    assert t.records(OP) == []


def test_operations_are_collected() -> None:
    """BROKER-TRANS-9: one message for many, and BROKER-TRANS-10: the rest at the end."""
    t = Transactions(RELEASE_5_5)
    for _ in range(3):
        assert _code(t.end(t.half(), ROLLBACK)) == (0, None)
    t.broker.run(4000)
    (op,) = t.records(OP)
    assert op.body == b"0,1,2,"
    assert _code(t.end(t.half(), ROLLBACK)) == (0, None)
    t.broker.perform(t.broker.broker.shutdown(t.broker.now))
    again = BrokerUnderTest(RELEASE_5_5, QUICK, disk=t.broker.disk.image()).start()
    assert again.ctx.store.max_offset_in_queue(OP, 0) == 2  # type: ignore[arg-type]


@ALL
def test_the_producer_is_asked(release: Release) -> None:
    """Put back first, then asked one-way.

    BROKER-TRANS-11, BROKER-TRANS-14, BROKER-TRANS-15, BROKER-TRANS-20, BROKER-TRANS-21.
    """
    t = Transactions(release)
    half = t.half()
    t.broker.run(6000)
    assert t.checks() == [], "nobody is connected"
    t.connect()
    t.broker.run(5000)
    (check,) = t.checks()
    assert check.is_oneway
    newest = t.records(HALF)[-1]
    assert newest.flag == half.flag
    fields = check.ext_fields or {}
    assert int(fields["commitLogOffset"]) == newest.physical_offset
    assert int(fields["tranStateTableOffset"]) == newest.queue_offset
    assert fields["msgId"] == fields["transactionId"] == "U"
    assert decode_message_id(fields["offsetMsgId"]).offset == newest.physical_offset
    assert ("topic" in fields) is release.check_names_topic
    told = decode_record(check.body, release=release)
    assert told is not None
    assert (told.topic, told.queue_id, told.body) == ("T", 2, half.body)
    assert told.properties["TRANSACTION_CHECK_TIMES"] == "2"
    assert _code(t.end(newest, COMMIT, from_transaction_check=True)) == (0, None)
    t.broker.run(60_000)
    assert len(t.checks()) == 1
    assert len(t.records("T", 2)) == 1


@ALL
@pytest.mark.parametrize(("age", "asked"), [(1999, False), (2000, True), (2001, True)])
def test_the_boundary_of_immunity(release: Release, age: int, asked: bool) -> None:
    """BROKER-TRANS-17, BROKER-TRANS-18."""
    t = Transactions(release)
    t.connect()
    t.half()
    t.broker.run(1)
    t.broker.now = Millis(t.broker.now + age - 1)
    t.broker.perform(t.broker.broker.step(CHECK, t.broker.now))
    expected = asked and not (age == 2000 and release.immune_at_the_limit)
    assert bool(t.checks()) is expected


@ALL
def test_an_immunity_of_its_own(release: Release) -> None:
    """BROKER-TRANS-19: put back with its first offset, which an operation then ends."""
    t = Transactions(release)
    t.connect()
    half = t.half(CHECK_IMMUNITY_TIME_IN_SECONDS="60")
    t.broker.run(6000)
    kept = t.records(HALF)[-1]
    assert kept.queue_offset == 1
    assert kept.properties["TRAN_PREPARED_QUEUE_OFFSET"] == "0"
    assert t.checks() == []
    assert _code(t.end(half, ROLLBACK)) == (0, None)
    t.broker.run(120_000)
    assert t.checks() == []


@ALL
def test_copies_of_two_lives_end_with_the_message_that_they_were_made_of(release: Release) -> None:
    """BROKER-TRANS-19: a walk that was not written down is walked again, and leaves one more.

    The operation may not be readable yet: what ends the first copy is not forgotten for the next.
    """
    settings = {"flushConsumerOffsetInterval": "600000"}
    if release.collects_op_messages:
        settings["transactionOpBatchInterval"] = "600000"
    t = Transactions(release, settings)
    half = t.half(CHECK_IMMUNITY_TIME_IN_SECONDS="60")
    t.broker.run(6000)
    again = {**QUICK, **settings}
    disk, now = t.broker.disk.image(), t.broker.now
    t.broker = BrokerUnderTest(release, again, disk=disk, now=now).start()
    t.broker.run(6000)
    firsts = [m.properties.get("TRAN_PREPARED_QUEUE_OFFSET") for m in t.records(HALF)]
    assert firsts == [None, "0", "0", "0"]
    t.connect()
    assert _code(t.end(half, ROLLBACK)) == (0, None)
    t.broker.now = Millis(t.broker.now + 70_000)
    t.broker.perform(t.broker.broker.step(CHECK, t.broker.now))
    assert t.checks() == []


@ALL
def test_an_operation_behind_the_first_read_ends_a_message_that_is_immune(release: Release) -> None:
    """BROKER-TRANS-19: a new process reads 32 operations, puts it back, and asks nobody."""
    t = Transactions(release, {"transactionCheckInterval": "600000"})
    immune = t.half(CHECK_IMMUNITY_TIME_IN_SECONDS="60")
    for half in [t.half() for _ in range(40)]:
        assert _code(t.end(half, ROLLBACK)) == (0, None)
    assert _code(t.end(immune, ROLLBACK)) == (0, None)
    t.broker.run(10_000)
    t.broker = BrokerUnderTest(release, QUICK, disk=t.broker.disk.image()).start()
    t.connect()
    t.broker.run(120_000)
    assert t.checks() == []


@ALL
def test_checked_too_often(release: Release) -> None:
    """BROKER-TRANS-16: moved away after the last check, and never asked for again."""
    t = Transactions(release, {"transactionCheckMax": "2"})
    t.connect()
    t.half()
    t.broker.run(60_000)
    assert len(t.checks()) == 2
    (moved,) = t.records("TRANS_CHECK_MAX_TIME_TOPIC")
    assert moved.body == b"hello"
    old = Transactions(release, {"fileReservedTime": "1", "transactionCheckInterval": "9000000"})
    old.connect()
    old.half()
    old.broker.run(1)
    old.broker.now = Millis(old.broker.now + 3_600_000)
    old.broker.perform(old.broker.broker.step(CHECK, old.broker.now))
    assert old.checks() == []
    assert len(old.records("TRANS_CHECK_MAX_TIME_TOPIC")) == 1


@ALL
def test_offsets_of_both_queues_move(release: Release) -> None:
    """An open half message holds the operations behind it.

    BROKER-TRANS-12, BROKER-TRANS-13, BROKER-TRANS-22.
    """
    t = Transactions(release)
    opened, closed, late = t.half(), t.half(), t.half()
    assert _code(t.end(closed, ROLLBACK)) == (0, None)
    t.broker.run(4000)
    assert _code(t.end(opened, ROLLBACK)) == (0, None)
    t.broker.run(20_000)
    offsets = t.broker.ctx.consumer_offset_manager
    half_offset = offsets.query_offset("CID_RMQ_SYS_TRANS", HALF, 0)
    op_offset = offsets.query_offset("CID_RMQ_SYS_TRANS", OP, 0)
    assert half_offset > late.queue_offset
    assert op_offset == len(t.records(OP)) == 2
    end = t.broker.ctx.store.commit_log.max_offset()
    assert _code(t.end(t.records(HALF)[-1], ROLLBACK)) == (0, None)
    t.broker.run(30_000)
    assert len(t.records(OP)) == 3
    settled = t.broker.ctx.store.commit_log.max_offset()
    t.broker.run(60_000)
    assert t.broker.ctx.store.commit_log.max_offset() == settled > end


@ALL
def test_the_walk_is_kept_through_a_life_without_a_round(release: Release) -> None:
    """BROKER-TRANS-25: what was loaded is written again, though no round has come yet."""
    t = Transactions(release)
    assert _code(t.end(t.half(), ROLLBACK)) == (0, None)
    t.broker.run(20_000)
    broker = t.broker
    walked = list(broker.ctx.consumer_offset_manager.walk())
    assert walked == [1, 1]
    for _ in range(2):
        broker.ctx.consumer_offset_manager.persist()
        broker = BrokerUnderTest(release, QUICK, disk=broker.disk.image(), now=broker.now).start()
        assert list(broker.ctx.consumer_offset_manager.walk()) == walked


def test_a_slave_ends_nothing() -> None:
    """BROKER-TRANS-3: the answer of a slave."""
    t = Transactions(RELEASE_4_9)
    half = t.half()
    config = t.broker.ctx.config.updated({"brokerRole": "SLAVE"})
    t.broker.ctx.config = config
    answer = t.end(half, COMMIT)
    assert answer is not None
    assert answer.code == 11
    assert ChannelId(0) in t.broker.received
