"""The topic table."""

import json

import pytest

from fuzz.dialogue import Client
from refimpl.model.data_version import DataVersion
from refimpl.model.effect import Force
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASE_5_5, RELEASES, Release
from refimpl.model.subscription import build_subscription_data
from refimpl.model.sys_flag import PERM_READ, PERM_WRITE
from refimpl.model.topic_config import TopicConfig
from refimpl.remoting.header.queue_offset import GetMaxOffsetRequestHeader
from refimpl.remoting.header.topic_admin import CreateTopicRequestHeader
from refimpl.remoting.request_code import RequestCode
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.node_lab import BrokerLab
from tests import vectors
from tests.broker.harness import CLIENT, NOW, SMALL, BrokerUnderTest

ALL = pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)


def _shown(config: TopicConfig, release: Release) -> str:
    attributes = " {}" if release.topics_have_attributes else ""
    assert config.topic_filter_type is not None
    return (
        f"{config.topic_name} {config.read_queue_nums} {config.write_queue_nums} {config.perm} "
        f"{config.topic_filter_type.name}{attributes} sysFlag={config.topic_sys_flag} "
        f"order={'true' if config.order else 'false'}"
    )


def test_topics_at_start_are_those_of_apache() -> None:
    """The set of system topics is static in Java and kept between two brokers of one process, so
    that only what each broker adds is compared.

    BROKER-TOPIC-1.
    """

    def started(release: Release, vector: vectors.Vector) -> JsonValue:
        fields = {k: json.dumps(v).strip('"') for k, v in vector.fields().items()}
        known = {k: v for k, v in fields.items() if k != "timerWheelEnable"}
        if release.has_internal_topics_at_start:
            known = fields
        broker = BrokerUnderTest(release, known).start()
        table = broker.ctx.topic_config_manager.topic_config_table
        system = broker.ctx.topic_config_manager.system_topics
        expected = vector.result()["(system topics)"]
        assert isinstance(expected, list)
        assert set(table) <= system
        shown: dict[str, JsonValue] = {
            name: _shown(config, release) for name, config in table.items()
        }
        return {**shown, "(system topics)": expected}

    assert vectors.mismatches("broker_start_topics", started) == []


@ALL
def test_a_created_topic_takes_the_smaller_number_of_queues(release: Release) -> None:
    """BROKER-TOPIC-2, BROKER-TOPIC-3."""
    manager = BrokerUnderTest(release, {"defaultTopicQueueNums": "3"}).start().ctx
    create = manager.topic_config_manager.create_topic_in_send_message_method
    for asked, queues in ((2, 2), (9, 3), (-1, 0)):
        created = create(f"T{asked}", "TBW102", asked, 1, NOW)
        assert created is not None
        assert (created.read_queue_nums, created.write_queue_nums) == (queues, queues)
        assert created.perm == PERM_READ | PERM_WRITE
        assert created.topic_sys_flag == 1


@ALL
def test_nothing_is_created_after_a_topic_without_inheritance(release: Release) -> None:
    """BROKER-TOPIC-4: refused input changes nothing."""
    manager = BrokerUnderTest(release).start().ctx.topic_config_manager
    before = (dict(manager.topic_config_table), manager.data_version)
    for default in ("SELF_TEST_TOPIC", "NOWHERE"):
        assert manager.create_topic_in_send_message_method("T", default, 4, 0, NOW) is None
    assert (manager.topic_config_table, manager.data_version) == before


def test_a_stored_default_topic_obeys_the_switch() -> None:
    """BROKER-TOPIC-5: TBW102 of the file, while autoCreateTopicEnable is off now."""
    first = BrokerUnderTest().start()
    first.ctx.topic_config_manager.update_topic_config_list((), first.now)
    second = BrokerUnderTest(
        overrides={"autoCreateTopicEnable": "false"}, disk=first.disk.image()
    ).start()
    manager = second.ctx.topic_config_manager
    assert manager.topic_config_table["TBW102"].perm == 7
    assert manager.create_topic_in_send_message_method("T", "TBW102", 4, 0, NOW) is None
    assert manager.topic_config_table["TBW102"].perm == 6


@ALL
def test_a_send_back_topic_is_exactly_what_is_asked(release: Release) -> None:
    """BROKER-TOPIC-6."""
    manager = BrokerUnderTest(release).start().ctx.topic_config_manager
    create = manager.create_topic_in_send_message_back_method
    created = create("%RETRY%G", 3, 6, 2, NOW)
    assert (created.write_queue_nums, created.perm, created.topic_sys_flag) == (3, 6, 2)
    assert create("%RETRY%G", 9, 2, 0, NOW) == created
    manager.update_topic_config(TopicConfig(topic_name="%RETRY%O", order=True), NOW)
    again = create("%RETRY%O", 1, 6, 0, NOW)
    assert again.order is not release.send_back_clears_order


def test_every_change_is_a_version() -> None:
    """BROKER-TOPIC-7."""
    manager = BrokerUnderTest().start().ctx.topic_config_manager
    assert manager.data_version == DataVersion(timestamp=NOW, counter=0)
    manager.update_topic_config(TopicConfig(topic_name="A"), NOW)
    manager.create_topic_in_send_message_back_method("B", 1, 6, 0, NOW)
    assert manager.data_version.counter == 2
    assert manager.delete_topic_config("A", NOW)
    assert not manager.delete_topic_config("A", NOW)
    assert manager.data_version.counter == 3


@ALL
def test_order_flags_follow_the_name_server(release: Release) -> None:
    """BROKER-TOPIC-8."""
    manager = BrokerUnderTest(release).start().ctx.topic_config_manager
    manager.update_topic_config(TopicConfig(topic_name="A"), NOW)
    manager.update_topic_config(TopicConfig(topic_name="B", order=True), NOW)
    manager.update_order_topic_config({"A": "broker-a:4"}, NOW)
    assert manager.is_order_topic("A")
    assert manager.is_order_topic("B") is not release.clears_order_of_unlisted_topics
    assert not manager.is_order_topic("unknown")


@ALL
def test_the_file_wins_over_system_topics(release: Release) -> None:
    """BROKER-TOPIC-9 and the text of the file, read back as it was written."""
    first = BrokerUnderTest(release).start()
    manager = first.ctx.topic_config_manager
    manager.update_topic_config(TopicConfig(topic_name="BenchmarkTest", write_queue_nums=2), NOW)
    again = BrokerUnderTest(release, disk=first.disk.image()).start().ctx.topic_config_manager
    assert again.topic_config_table == manager.topic_config_table
    assert again.data_version == manager.data_version
    text = manager.encode()
    assert text.startswith('{\n\t"dataVersion":{\n\t\t"counter":1,')
    assert again.encode() == text


@ALL
def test_a_unit_subscription_may_be_taken_back(release: Release) -> None:
    """BROKER-TOPIC-10."""
    manager = BrokerUnderTest(release).start().ctx.topic_config_manager
    manager.update_topic_config(TopicConfig(topic_name="A"), NOW)
    manager.update_topic_unit_flag("A", True, NOW)
    manager.update_topic_unit_sub_flag("A", True, NOW)
    assert manager.topic_config_table["A"].topic_sys_flag == 3
    manager.update_topic_unit_sub_flag("A", False, NOW)
    expected = 1 if release.clears_unit_sub_flag else 3
    assert manager.topic_config_table["A"].topic_sys_flag == expected


def test_a_created_topic_is_on_the_disk_before_the_answer() -> None:
    """BROKER-TOPIC-11: the image that `kill -9` leaves right after the answer."""
    broker = BrokerUnderTest().start()
    assert broker.produce("Fresh") is not None
    again = BrokerUnderTest(disk=broker.disk.image()).start()
    assert "Fresh" in again.ctx.topic_config_manager.topic_config_table
    assert SMALL["brokerName"] in again.ctx.topic_config_manager.topic_config_table


@ALL
@pytest.mark.parametrize("flush", ["ASYNC_FLUSH", "SYNC_FLUSH"])
@pytest.mark.parametrize("failed", [False, True])
def test_a_created_topic_is_durable_before_the_answer(
    release: Release, flush: str, *, failed: bool
) -> None:
    """BROKER-TOPIC-13: in 5.5 and under SYNC_FLUSH; who changed nothing does not wait."""
    broker = BrokerUnderTest(release, {"flushDiskType": flush}).start()
    broker.forces_complete = False
    answered = broker.produce("Fresh", properties={"WAIT": "false"})
    if release is not RELEASE_5_5 and flush == "ASYNC_FLUSH":
        assert answered is not None
        return
    assert answered is None
    header = GetMaxOffsetRequestHeader(topic="Fresh", queue_id=0)
    assert broker.ask(RequestCode.GET_MAX_OFFSET, header) is not None
    wanted = [e for e in broker.effects if isinstance(e, Force) and "topics.json" in e.path]
    broker.perform(broker.broker.forced(wanted[-1].token, failed=failed, now=broker.now))
    assert [(c.code, c.opaque) for c in broker.received[CLIENT]] == [(0, 2), (0, 1)]


def full(lab: BrokerLab, point: FaultPoint) -> None:
    disk = lab.disk
    assert isinstance(disk, CrashDisk)
    disk.faults = DiskFaults([DiskFault(point, "config/*.tmp", times=1000)])


def empty(lab: BrokerLab) -> None:
    disk = lab.disk
    assert isinstance(disk, CrashDisk)
    disk.faults = None


@ALL
@pytest.mark.parametrize("point", [FaultPoint.NO_SPACE_CREATE, FaultPoint.NO_SPACE_WRITE])
def test_a_change_that_cannot_be_written_is_no_change(release: Release, point: FaultPoint) -> None:
    """BROKER-TOPIC-12: for an administrator and for a send, and once there is room they go on."""
    lab = BrokerLab(release, CrashDisk())
    lab.start()
    client = Client(lab)
    manager = lab.ctx.topic_config_manager
    before = (dict(manager.topic_config_table), manager.data_version)
    header = CreateTopicRequestHeader(
        topic="T",
        default_topic="TBW102",
        read_queue_nums=4,
        write_queue_nums=4,
        perm=6,
        topic_filter_type="SINGLE_TAG",
        topic_sys_flag=0,
        order=False,
    )
    full(lab, point)
    refused = [lab.ask(client.channel, 17, header), client.produce("U", b"m").answer]
    assert [answer and answer.code for answer in refused] == [1, 1]
    assert all(answer and "IOException" in (answer.remark or "") for answer in refused)
    assert (manager.topic_config_table, manager.data_version) == before
    assert lab.ctx.store.max_phy_offset == 0
    empty(lab)
    assert lab.ask(client.channel, 17, header).code == 0
    lab.kill()
    lab.start()
    assert "T" in lab.ctx.topic_config_manager.topic_config_table


@ALL
def test_a_group_that_is_made_by_its_first_use_goes_on(release: Release) -> None:
    """BROKER-TOPIC-12: its retry topic waits for a heartbeat that finds room."""
    lab = BrokerLab(release, CrashDisk())
    lab.start()
    client = Client(lab)
    client.produce("T", b"m")
    lab.settle()
    full(lab, FaultPoint.NO_SPACE_CREATE)
    consumers = {"G": (build_subscription_data("T", "*"),)}
    assert client.heart_beat("c", consumers=consumers).code == 0
    assert lab.ctx.consumer_manager.get_consumer_group_info("G") is not None
    pulled = client.pull("G", "T", 0, 0).answer
    assert pulled is not None
    assert pulled.code == 0
    table = lab.ctx.topic_config_manager.topic_config_table
    assert "%RETRY%G" not in table
    back = client.send_back("G", 0, level=0, max_times=3).answer
    assert back is not None
    assert back.code == 1
    empty(lab)
    assert client.heart_beat("c", consumers=consumers).code == 0
    assert "%RETRY%G" in lab.ctx.topic_config_manager.topic_config_table


@ALL
def test_order_flags_that_cannot_be_written_come_again(release: Release) -> None:
    """BROKER-TOPIC-12, BROKER-TOPIC-8: nobody asked, so nobody is refused."""
    lab = BrokerLab(release, CrashDisk())
    lab.start()
    Client(lab).produce("T", b"m")
    manager = lab.ctx.topic_config_manager
    version = manager.data_version
    full(lab, FaultPoint.NO_SPACE_CREATE)
    manager.update_order_topic_config({"T": "broker-a:1"}, lab.now)
    assert (manager.is_order_topic("T"), manager.data_version) == (False, version)
    empty(lab)
    manager.update_order_topic_config({"T": "broker-a:1"}, lab.now)
    assert manager.is_order_topic("T")
