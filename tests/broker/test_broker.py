"""Life of a broker."""

import json

import pytest

from refimpl.broker.broker import Broker
from refimpl.model import java
from refimpl.model.config import Config
from refimpl.model.effect import CloseChannel, Connect, Force, Started, Stopped
from refimpl.model.errors import StartRefused
from refimpl.model.ids import Address, ChannelId, Millis, QueueId, Topic
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.remoting import frame
from refimpl.remoting.command import RPC_TYPE, RemotingCommand
from refimpl.remoting.header.topic_admin import CreateTopicRequestHeader
from tests.broker.harness import ADDRESS, CLIENT, PEER, SMALL, BrokerUnderTest, send_header

ALL = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
NAMESRV = Address("127.0.0.1", 9876)
OTHER = Address("127.0.0.1", 9877)
REGISTER, UNREGISTER, QUERY, REGISTER_TOPIC = 103, 104, 322, 217


class Registered(BrokerUnderTest):
    """A broker whose channels to name servers open at once and answer what the test says."""

    def __init__(
        self,
        release: Release,
        overrides: dict[str, str] | None = None,
        *,
        name_servers: tuple[Address, ...] = (NAMESRV,),
    ) -> None:
        super().__init__(release, overrides, name_servers=name_servers)

    def link(self) -> None:
        """Open what the broker wants to open."""
        for effect in [e for e in self.effects if isinstance(e, Connect)]:
            self.effects.remove(effect)
            local = Address("127.0.0.1", 50000 + effect.channel)
            self.perform(self.broker.connected(effect.channel, local, self.now))

    def told(self, code: int) -> list[tuple[ChannelId, RemotingCommand]]:
        """Requests to name servers, which open their channel on the way."""
        self.link()
        return [(ch, c) for ch, got in self.received.items() for c in got if c.code == code]

    def answer(
        self, channel: ChannelId, request: RemotingCommand, code: int = 0, body: bytes = b""
    ) -> None:
        fields = {"changed": "true" if body == b"?" else "false"}
        answer = RemotingCommand(
            code=code, opaque=request.opaque, flag=RPC_TYPE, ext_fields=fields, body=body
        )
        data = frame.encode(answer, self.release)
        self.perform(self.broker.receive_data(channel, data, self.now))


def _registered(broker: BrokerUnderTest) -> bool:
    return broker.broker.registered


@ALL
def test_an_unknown_code(release: Release) -> None:
    """BROKER-LIFECYCLE-1."""
    broker = BrokerUnderTest(release).start()
    answer = broker.ask(9999)
    if release is RELEASE_4_6:
        assert answer is None
    else:
        assert answer is not None
        assert (answer.code, answer.remark) == (3, " request type 9999 not supported")


@ALL
def test_a_processor_that_throws(release: Release) -> None:
    """BROKER-LIFECYCLE-2: a header that lacks a field; one-way is silent."""
    broker = BrokerUnderTest(release).start()
    answer = broker.ask(37, {"producerGroup": "PG"})
    assert answer is not None
    assert answer.code == 1
    assert answer.remark
    broker.send(37, {"producerGroup": "PG"}, flag=2)
    assert len(broker.received[CLIENT]) == 1


@ALL
def test_flow_control(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    """BROKER-LIFECYCLE-3: also for what could not be read; other codes are served."""
    broker = BrokerUnderTest(release).start()
    store = type(broker.ctx.store)
    monkeypatch.setattr(store, "is_os_page_cache_busy", lambda *_: True)
    remark = "[REJECTREQUEST]system busy, start flow control for a while"
    for code in (10, 310, 320, 36):
        answer = broker.ask(code, {})
        assert answer is not None
        assert (answer.code, answer.remark) == (2, remark)
    before = len(broker.received[CLIENT])
    broker.oneway(310, send_header("T", 0, {}, release), b"x")
    assert len(broker.received[CLIENT]) - before == int(release.rejects_oneway_aloud)
    heard = broker.ask(37, {})
    assert heard is not None
    assert heard.code == 1


@ALL
def test_the_fast_port(release: Release) -> None:
    """BROKER-LIFECYCLE-4: sends are served there, pulls are not."""
    broker = BrokerUnderTest(release).start()
    fast = ChannelId(4)
    broker.open(fast, PEER, Address("127.0.0.1", 10909))
    answer = broker.ask(11, {}, channel=fast)
    assert (answer is None) is not release.answers_unknown_code
    if answer is not None:
        assert answer.code == 3
    sent = broker.ask(310, send_header("T", 0, {}, release), b"x", channel=fast)
    assert sent is not None
    assert sent.code == 0


@ALL
def test_registration(release: Release) -> None:
    """BROKER-LIFECYCLE-5, BROKER-LIFECYCLE-6."""
    broker = Registered(release, name_servers=(NAMESRV, OTHER))
    broker.start()
    assert not _registered(broker)
    (first, second) = broker.told(REGISTER)
    channel, command = first
    fields = command.ext_fields or {}
    assert fields["brokerName"] == "broker-a"
    assert fields["brokerAddr"] == "127.0.0.1:10911"
    assert fields["haServerAddr"] == "127.0.0.1:10912"
    assert fields["brokerId"] == "0"
    assert int(fields["bodyCrc32"]) == java.crc32(command.body)
    assert ("enableActingMaster" in fields) is release.registers_acting_master
    body = json.loads(command.body)
    table = body["topicConfigSerializeWrapper"]["topicConfigTable"]
    assert set(table) == set(broker.ctx.topic_config_manager.topic_config_table)
    assert second[1].body == command.body
    broker.answer(channel, command)
    assert not _registered(broker)
    broker.answer(*second)
    assert _registered(broker)
    broker.run(9999)
    assert len(broker.told(REGISTER)) == 2
    broker.run(1)
    assert len(broker.told(REGISTER)) == 4
    broker.run(29_999)
    assert len(broker.told(REGISTER)) == 4
    broker.run(1)
    assert len(broker.told(REGISTER)) == 6


@ALL
@pytest.mark.parametrize("how", ["same", "differs", "silent", "refused"])
def test_only_where_versions_differ(release: Release, how: str) -> None:
    """BROKER-LIFECYCLE-7."""
    broker = Registered(release, {"forceRegister": "false"})
    broker.start()
    (first,) = broker.told(REGISTER)
    broker.answer(*first)
    broker.run(10_000)
    ((channel, question),) = broker.told(QUERY)
    if how == "silent":
        broker.perform(broker.broker.disconnected(channel, broker.now))
    else:
        body = b"?" if how == "differs" else b""
        broker.answer(channel, question, 1 if how == "refused" else 0, body)
    expected = 1 + (how in {"differs", "silent"})
    assert len(broker.told(REGISTER)) == expected


@ALL
def test_a_created_topic_is_told_at_once(release: Release) -> None:
    """BROKER-LIFECYCLE-8."""
    broker = Registered(release)
    broker.start()
    (first,) = broker.told(REGISTER)
    broker.answer(*first)
    broker.produce("Fresh")
    command = broker.told(REGISTER)[-1][1]
    table = json.loads(command.body)["topicConfigSerializeWrapper"]["topicConfigTable"]
    assert "Fresh" in table
    alone = release.registers_created_topic_alone
    assert (len(table) == 1) is alone
    assert command.is_oneway is not alone
    broker.produce("Fresh")
    assert len(broker.told(REGISTER)) == 2


def test_a_created_topic_is_told_alone() -> None:
    """BROKER-LIFECYCLE-8: its route, where `enableSingleTopicRegister` is on."""
    broker = Registered(RELEASE_5_5, {"enableSingleTopicRegister": "true"})
    broker.start()
    broker.told(REGISTER)
    broker.produce("Sent")
    made = CreateTopicRequestHeader(
        topic="Made",
        default_topic="TBW102",
        read_queue_nums=3,
        write_queue_nums=3,
        perm=6,
        topic_filter_type="SINGLE_TAG",
        topic_sys_flag=0,
        order=False,
    )
    broker.ask(17, made)
    assert [
        (c.ext_fields or {}, json.loads(c.body)["queueDatas"][0]["readQueueNums"])
        for _, c in broker.told(REGISTER_TOPIC)
    ] == [({"topic": "Sent"}, 4), ({"topic": "Made"}, 3)]
    assert len(broker.told(REGISTER)) == 1


@ALL
def test_permission_limits_what_is_told(release: Release) -> None:
    """BROKER-LIFECYCLE-9: the table itself does not change."""
    broker = Registered(release, {"brokerPermission": "4"})
    broker.start()
    ((_, command),) = broker.told(REGISTER)
    table = json.loads(command.body)["topicConfigSerializeWrapper"]["topicConfigTable"]
    assert {entry["perm"] for entry in table.values()} <= {0, 4}
    assert table["BenchmarkTest"]["perm"] == 4
    assert broker.ctx.topic_config_manager.topic_config_table["BenchmarkTest"].perm == 6


@ALL
def test_order_topics_of_the_answer(release: Release) -> None:
    """BROKER-TOPIC-8: what a registration's answer lists."""
    broker = Registered(release)
    broker.start()
    broker.produce("T")
    channel, command = broker.told(REGISTER)[0]
    broker.answer(channel, command, body=b'{"table":{"T":"broker-a:4"}}')
    assert broker.ctx.topic_config_manager.is_order_topic("T")


@ALL
def test_files_and_their_backup(release: Release) -> None:
    """BROKER-LIFECYCLE-10, BROKER-LIFECYCLE-11: at every step one of both is whole."""
    broker = BrokerUnderTest(release).start()
    broker.produce("A")
    broker.produce("B")
    disk = broker.disk.image()
    path = "config/topics.json"
    size = disk.size(path)
    disk.write(path, 0, b"\0" * size)
    again = BrokerUnderTest(release, disk=disk).start()
    table = again.ctx.topic_config_manager.topic_config_table
    assert "A" in table
    assert "B" not in table, "the backup is one version older"
    again.produce("C")
    third = BrokerUnderTest(release, disk=again.disk.image()).start()
    assert {"A", "C"} <= set(third.ctx.topic_config_manager.topic_config_table)
    broken = broker.disk.image()
    for name in (path, path + ".bak"):
        broken.extend(name, 0)
        broken.write(name, 0, b"{,")
    with pytest.raises(StartRefused, match=r"topics\.json"):
        BrokerUnderTest(release, disk=broken).start()


def test_a_torn_file_never_becomes_the_backup() -> None:
    """BROKER-LIFECYCLE-10: a force that failed keeps the older backup."""
    broker = BrokerUnderTest().start()
    broker.produce("A")
    broker.forces_complete = False
    broker.produce("B")
    backup = broker.disk.read("config/topics.json.bak", 0, 1 << 20)
    broker.produce("C")
    assert broker.disk.read("config/topics.json.bak", 0, 1 << 20) == backup
    wanted = [e for e in broker.effects if isinstance(e, Force) and e.path.endswith("topics.json")]
    broker.perform(broker.broker.forced(wanted[-1].token, failed=True, now=broker.now))
    broker.produce("D")
    assert broker.disk.read("config/topics.json.bak", 0, 1 << 20) == backup


@ALL
def test_order_of_the_start(release: Release) -> None:
    """BROKER-LIFECYCLE-12: a store in use is left alone, and nothing is said to anybody."""
    first = BrokerUnderTest(release).start()
    config = Config.strict(release, "broker", SMALL)
    second = Broker(config, release, first.disk, Prng(2), ADDRESS, (NAMESRV,))
    with pytest.raises(StartRefused):
        second.start(first.now)
    assert not second.actors()


@ALL
def test_nobody_is_accepted_before_what_a_kill_left_is_shown(release: Release) -> None:
    """BROKER-LIFECYCLE-12, STORE-RECOVERY-7: a queue that looks empty would send readers back."""
    sync = {"flushDiskType": "SYNC_FLUSH"}
    killed = BrokerUnderTest(release, sync).start()
    killed.produce("T")
    killed.run(10)
    again = BrokerUnderTest(release, sync, disk=killed.disk.image())
    again.forces_complete = False
    again.perform(again.broker.start(again.now))
    again.run(0)
    assert again.broker.ctx.store.max_offset_in_queue(Topic("T"), QueueId(0)) == 0
    for failed in (True, False):
        again.run(10)
        (wanted,) = [e for e in again.effects if isinstance(e, Force) and "commitlog" in e.path]
        assert Started() not in again.effects
        again.effects.clear()
        again.perform(again.broker.forced(wanted.token, failed=failed, now=again.now))
    assert again.effects.count(Started()) == 1
    assert again.broker.ctx.store.max_offset_in_queue(Topic("T"), QueueId(0)) == 1


@ALL
@pytest.mark.parametrize("answered", [True, False])
def test_order_of_the_end(release: Release, answered: bool) -> None:
    """BROKER-LIFECYCLE-13."""
    broker = Registered(release)
    broker.start()
    (first,) = broker.told(REGISTER)
    broker.answer(*first)
    broker.produce()
    broker.perform(broker.broker.shutdown(broker.now))
    assert CloseChannel(CLIENT) in broker.effects
    ((channel, command),) = broker.told(UNREGISTER)
    assert (command.ext_fields or {})["brokerName"] == "broker-a"
    assert Stopped() not in broker.effects
    if answered:
        broker.answer(channel, command)
    else:
        broker.run(2999)
        assert Stopped() not in broker.effects
        broker.run(1)
    assert broker.effects[-1] == Stopped()
    assert broker.effects.count(Stopped()) == 1
    assert not broker.disk.exists("abort")
    assert broker.disk.exists("config/consumerOffset.json")
    assert broker.broker.shutdown(broker.now) == ()


@ALL
def test_a_late_answer_keeps_its_number(release: Release) -> None:
    """BROKER-LIFECYCLE-14: also one-way, which gets none."""
    broker = BrokerUnderTest(release, {"flushDiskType": "SYNC_FLUSH"}).start()
    broker.oneway(310, send_header("T", 0, {}, release), b"x")
    broker.run(10)
    assert broker.received[CLIENT] == []
    broker.send(310, send_header("T", 0, {}, release), b"x")
    broker.run(10)
    (answer,) = broker.received[CLIENT]
    assert (answer.opaque, answer.is_response, answer.code) == (2, True, 0)
    assert broker.ctx.store.commit_log.max_offset() > 200


@ALL
def test_what_was_stored_is_there_after_a_kill(release: Release) -> None:
    """The image of `kill -9` opens, and the queue goes on where it ended."""
    broker = BrokerUnderTest(release).start()
    broker.produce()
    again = BrokerUnderTest(release, disk=broker.disk.image()).start()
    answer = again.produce()
    assert answer is not None
    assert (answer.ext_fields or {})["queueOffset"] == "1"


def test_counters_and_their_windows() -> None:
    """BROKER-LIFECYCLE-15."""
    broker = BrokerUnderTest(RELEASE_4_9).start()
    for _ in range(3):
        broker.produce()
    stats = broker.ctx.broker_stats
    item = stats.find("TOPIC_PUT_NUMS", "T")
    assert item is not None
    assert (item.value, item.times) == (3, 3)
    assert item.snapshot(0).total == 0
    broker.run(10_000)
    snapshot = item.snapshot(0)
    assert snapshot.total == 3
    assert snapshot.tps == pytest.approx(0.15)
    assert snapshot.avgpt == 1.0
    stats.record(broker.now)
    assert (stats.totals()[0], stats.msg_put_total_today_morning) == (3, 3)
    stats.delete_topic("T")
    assert stats.find("TOPIC_PUT_NUMS", "T") is None
    assert stats.find("NOTHING", "T") is None


def test_equal_inputs_give_equal_effects() -> None:
    """The same seed, inputs and times twice: effects, disk and next timer agree."""
    runs = []
    for _ in range(2):
        broker = BrokerUnderTest(RELEASE_5_5).start()
        for number in range(5):
            broker.produce(body=b"%d" % number, queue_id=-1)
        broker.run(5000)
        runs.append((broker.effects, broker.broker.next_timer(), broker.disk.list("config")))
    assert runs[0] == runs[1]
    assert runs[0][1] is not None
    assert runs[0][1] > Millis(0)
