"""Registration, renewal and departure of brokers: spec/namesrv/lifecycle.md."""

from dataclasses import replace

import pytest

from refimpl.model.data_version import DataVersion
from refimpl.model.effect import CloseChannel, Stopped
from refimpl.model.ids import ChannelId, Millis
from refimpl.model.java import crc32
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.model.topic_config import TopicConfig
from refimpl.remoting.body.register_broker import RegisterBrokerBody
from refimpl.remoting.header.namesrv import BrokerHeartbeatRequestHeader
from refimpl.remoting.header.registration import QueryDataVersionRequestHeader
from tests.namesrv.harness import (
    BROKER,
    CLIENT,
    TOPICS,
    VERSION,
    NameServerUnderTest,
    json_of,
)

RELEASE_LIST = list(RELEASES.values())
every_release = pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
ADDRESS = "10.0.0.1:10911"
OTHER = "10.0.0.2:10911"
NEWER = replace(VERSION, counter=4)


def query(ns: NameServerUnderTest, version: DataVersion, address: str = ADDRESS) -> tuple[str, str]:
    """`changed` and the body of QUERY_DATA_VERSION."""
    header = QueryDataVersionRequestHeader(
        broker_name="broker-a", broker_addr=address, cluster_name="C", broker_id=0
    )
    body = f'{{"counter":{version.counter},"timestamp":{version.timestamp}}}'.encode()
    answer = ns.ask(322, header, body, channel=BROKER)
    assert answer.code == 0
    assert answer.ext_fields is not None
    return answer.ext_fields["changed"], answer.body.decode()


@every_release
@pytest.mark.parametrize("compressed", [False, True])
def test_a_registered_master_is_in_the_route(release: Release, compressed: bool) -> None:
    """NAMESRV-LIFECYCLE-1, NAMESRV-LIFECYCLE-6."""
    ns = NameServerUnderTest(release).start()
    assert ns.addresses() == {}
    answer = ns.register(compressed=compressed)
    assert (answer.code, answer.remark, answer.ext_fields or {}) == (0, None, {})
    assert ns.addresses("T1") == {"broker-a": {"0": ADDRESS}}
    assert ns.addresses("T2") == {"broker-a": {"0": ADDRESS}}
    assert ns.addresses("T3") == {}


@every_release
def test_a_slave_learns_of_its_live_master(release: Release) -> None:
    """NAMESRV-LIFECYCLE-1."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    answer = ns.register(broker_id=1, address=OTHER, channel=CLIENT)
    assert answer.ext_fields == {"masterAddr": ADDRESS, "haServerAddr": "10.0.0.1:10912"}
    assert ns.addresses() == {"broker-a": {"0": ADDRESS, "1": OTHER}}
    ns.unregister()
    again = ns.register(broker_id=1, address=OTHER, channel=CLIENT)
    assert again.ext_fields or {} == {}
    assert ns.addresses() == {"broker-a": {"1": OTHER}}


@every_release
def test_an_address_has_one_id(release: Release) -> None:
    """NAMESRV-LIFECYCLE-2: a slave that became master is not listed twice."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    ns.register(broker_id=1, address=OTHER)
    ns.register(broker_id=0, address=OTHER, version=NEWER)
    assert ns.addresses() == {"broker-a": {"0": OTHER}}


@every_release
@pytest.mark.parametrize(("crc", "code"), [(None, 0), (0, 0), (1, 1), ("right", 0)])
def test_the_checksum(release: Release, crc: int | str | None, code: int) -> None:
    """NAMESRV-LIFECYCLE-3."""
    ns = NameServerUnderTest(release).start()
    before = ns.tables()
    body = RegisterBrokerBody(
        data_version=VERSION, topic_config_table={t.topic_name: t for t in TOPICS}
    ).encode(release, compressed=False)
    given = crc32(body) if isinstance(crc, str) else crc
    answer = ns.register(body=body, crc=given)
    assert answer.code == code
    assert (ns.tables() == before) == (code != 0)
    if code:
        assert answer.remark == "crc32 not match"


@every_release
def test_topics_are_taken_when_the_version_changes(release: Release) -> None:
    """NAMESRV-LIFECYCLE-4, NAMESRV-ADMIN-3."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    changed = [replace(topic, perm=4) for topic in TOPICS]
    ns.register(topics=changed)
    assert ns.permissions() == {"broker-a": 6}
    ns.register(topics=changed, version=NEWER)
    assert ns.permissions() == {"broker-a": 4}


@every_release
def test_a_new_topic_under_an_old_version(release: Release) -> None:
    """NAMESRV-LIFECYCLE-4: from 5.5 on a topic without an entry is taken."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    ns.register(topics=[*TOPICS, TopicConfig(topic_name="T3")])
    assert bool(ns.addresses("T3")) == (release is RELEASE_5_5)


@every_release
def test_query_data_version(release: Release) -> None:
    """NAMESRV-LIFECYCLE-4."""
    ns = NameServerUnderTest(release).start()
    assert query(ns, VERSION) == ("true", "")
    ns.register()
    changed, body = query(ns, VERSION)
    assert changed == "false"
    assert '"counter":3' in body
    assert '"timestamp":7' in body
    assert query(ns, NEWER)[0] == "true"


@every_release
def test_an_unchanged_version_renews(release: Release) -> None:
    """NAMESRV-LIFECYCLE-5: a changed version renews from 5.5 on only."""
    for version, survives in ((VERSION, True), (NEWER, release is RELEASE_5_5)):
        ns = NameServerUnderTest(release).start()
        ns.register()
        ns.run(100_000)
        query(ns, version)
        ns.run(60_000)
        assert bool(ns.addresses()) == survives, version


def test_a_heartbeat_renews() -> None:
    """NAMESRV-LIFECYCLE-5."""
    ns = NameServerUnderTest(RELEASE_5_5).start()
    ns.register()
    header = BrokerHeartbeatRequestHeader(
        cluster_name="C", broker_addr=ADDRESS, broker_name="broker-a"
    )
    for _ in range(3):
        ns.run(100_000)
        assert ns.ask(904, header, channel=BROKER).code == 0
    assert ns.addresses()
    ns.run(200_000)
    assert not ns.addresses()


@every_release
def test_bodies_of_old_brokers_and_no_body(release: Release) -> None:
    """NAMESRV-LIFECYCLE-6."""
    ns = NameServerUnderTest(release).start()
    table = (
        b'{"dataVersion":{"counter":1,"timestamp":1},"topicConfigTable":{"T1":{"topicName":"T1",'
        b'"perm":6},"T2":{"topicName":"T2"}}}'
    )
    ns.register(body=table, broker_version=36)
    assert ns.addresses() == {"broker-a": {"0": ADDRESS}}
    ns.register(name="broker-b", address=OTHER, body=table)
    assert ns.addresses() == {"broker-a": {"0": ADDRESS}}, "a new body has a wrapper"
    empty = NameServerUnderTest(release).start()
    assert empty.register(body=b"").code == 0
    assert query(empty, DataVersion()) == ("false", query(empty, DataVersion())[1])


@every_release
@pytest.mark.parametrize("compressed", [False, True])
def test_an_unreadable_body_changes_nothing(release: Release, compressed: bool) -> None:
    """NAMESRV-LIFECYCLE-6, NAMESRV-LIFECYCLE-18."""
    ns = NameServerUnderTest(release).start()
    before = ns.tables()
    answer = ns.register(body=b"\x00{[", compressed=compressed)
    assert answer.code == 1
    assert answer.remark == (
        "org.apache.rocketmq.remoting.exception.RemotingCommandException: "
        "Failed to decode RegisterBrokerBody"
    )
    assert ns.tables() == before


@every_release
def test_a_missing_header_field_is_answered(release: Release) -> None:
    """NAMESRV-LIFECYCLE-18."""
    ns = NameServerUnderTest(release).start()
    before = ns.tables()
    answer = ns.ask(103, {"brokerName": "broker-a"})
    assert answer.code == 1
    assert ns.tables() == before


def test_an_older_state_does_not_displace_a_newer() -> None:
    """NAMESRV-LIFECYCLE-7."""
    ns = NameServerUnderTest(RELEASE_5_5).start()
    ns.register(version=replace(VERSION, state_version=2))
    answer = ns.register(address=OTHER, version=replace(NEWER, state_version=1))
    assert (answer.code, ns.addresses()) == (0, {"broker-a": {"0": ADDRESS}})
    ns.register(address=OTHER, version=replace(NEWER, state_version=2))
    assert ns.addresses() == {"broker-a": {"0": OTHER}}


@every_release
def test_one_topic_is_not_a_whole_table(release: Release) -> None:
    """NAMESRV-LIFECYCLE-8: the other topics come with the next registration. Fault B84."""
    ns = NameServerUnderTest(release).start()
    answer = ns.register(topics=TOPICS[:1])
    if release is RELEASE_5_5:
        assert (answer.code, answer.remark) == (1, "register broker failed")
        assert ns.addresses() == {}
    else:
        assert answer.code == 0
        assert ns.addresses() == {"broker-a": {"0": ADDRESS}}
        assert query(ns, VERSION) == ("true", "")
    ns.register()
    assert ns.addresses("T2") == {"broker-a": {"0": ADDRESS}}
    assert query(ns, VERSION)[0] == "false"


@every_release
def test_clusters_may_share_an_address(release: Release) -> None:
    """NAMESRV-LIFECYCLE-9."""
    ns = NameServerUnderTest(release).start()
    ns.register(name="a", cluster="C1")
    ns.register(name="b", cluster="C2")
    live = 2 if release is RELEASE_5_5 else 1
    assert len(ns.server.context.routes.broker_live_table) == live


@every_release
def test_an_unregistered_broker_takes_its_topics(release: Release) -> None:
    """NAMESRV-LIFECYCLE-10."""
    ns = NameServerUnderTest(release).start()
    empty = ns.tables()
    ns.register()
    ns.register(name="broker-b", address=OTHER, topics=[*TOPICS, TopicConfig(topic_name="T3")])
    assert ns.unregister().code == 0
    assert ns.addresses("T1") == {"broker-b": {"0": OTHER}}
    assert ns.unregister(name="broker-b", address=OTHER).code == 0
    assert ns.tables() == empty


@every_release
def test_what_a_stale_unregistration_removes(release: Release) -> None:
    """NAMESRV-LIFECYCLE-10: the id before 5.5, the address from then on."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    ns.register(address=OTHER, version=NEWER)
    ns.unregister(address=ADDRESS)
    assert bool(ns.addresses()) == (release is RELEASE_5_5)


def test_departures_wait_for_their_batch() -> None:
    """NAMESRV-LIFECYCLE-11."""
    header = {"brokerName": "broker-a", "brokerAddr": ADDRESS, "clusterName": "C", "brokerId": "0"}
    ns = NameServerUnderTest(RELEASE_5_5, {"unRegisterBrokerQueueCapacity": "2"}).start()
    ns.register()
    assert [ns.ask(104, header).code for _ in range(3)] == [0, 0, 1]
    assert ns.addresses()
    ns.settle()
    assert not ns.addresses()
    at_once = NameServerUnderTest(RELEASE_4_9).start()
    at_once.register()
    at_once.ask(104, header)
    assert not at_once.addresses()


@every_release
def test_an_incomplete_departure_harms_nobody(release: Release) -> None:
    """NAMESRV-LIFECYCLE-19: not even the departures beside it."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    full = ns.tables()
    for fields in (None, {"brokerName": "broker-a"}):
        assert ns.ask(104, fields).code == (0 if release is RELEASE_5_5 else 1)
    ns.settle()
    assert ns.tables() == full
    ns.ask(104)
    ns.unregister()
    assert not ns.addresses()


@every_release
def test_a_departure_removes_what_it_names(release: Release) -> None:
    """NAMESRV-LIFECYCLE-19: the sign of life by address, the address by id; nothing in 5.5."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    assert ns.ask(104, {"brokerAddr": ADDRESS, "clusterName": "C", "brokerId": "0"}).code == 0
    ns.settle()
    assert ns.addresses() == {"broker-a": {"0": ADDRESS}}
    assert query(ns, VERSION)[0] == ("false" if release is RELEASE_5_5 else "true")
    assert ns.ask(104, {"brokerName": "broker-a", "clusterName": "C", "brokerId": "0"}).code == 0
    ns.settle()
    assert bool(ns.addresses()) == (release is RELEASE_5_5)


@every_release
@pytest.mark.parametrize("missing", ["brokerName", "brokerAddr", "clusterName", "brokerId"])
def test_a_broker_without_a_name_is_answered_but_not_taken(release: Release, missing: str) -> None:
    """NAMESRV-LIFECYCLE-20: only the id is missed, and behind the checksum."""
    ns = NameServerUnderTest(release).start()
    before = ns.tables()
    fields = {"brokerName": "a", "brokerAddr": ADDRESS, "clusterName": "C", "brokerId": "0"}
    del fields[missing]
    answer = ns.ask(103, fields)
    assert answer.code == (1 if missing == "brokerId" else 0)
    assert ns.tables() == before
    assert ns.ask(103, {**fields, "bodyCrc32": "9"}, b"{}").remark == "crc32 not match"


@every_release
def test_a_question_for_a_version_needs_an_address(release: Release) -> None:
    """NAMESRV-LIFECYCLE-21."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    known = f'{{"counter":{VERSION.counter},"timestamp":{VERSION.timestamp}}}'.encode()
    fields = {"brokerAddr": ADDRESS, "clusterName": "C"}
    assert ns.ask(322, fields, known).ext_fields == {"changed": "false"}
    by_cluster = release is RELEASE_5_5
    assert ns.ask(322, {"brokerAddr": ADDRESS}, known).code == (1 if by_cluster else 0)
    assert ns.ask(322, {"clusterName": "C"}, known).code == (1 if by_cluster else 0)
    assert ns.ask(322, fields).code == (0 if by_cluster else 1)


@every_release
def test_of_two_brokers_on_one_channel_one_departs(release: Release) -> None:
    """NAMESRV-LIFECYCLE-14: the first in Java's table; the other one expires."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    ns.register(name="old", address="10.1.1.1:1")
    ns.close(BROKER)
    ns.settle()
    assert set(ns.addresses()) == {"broker-a"}
    ns.run(140_000)
    assert not ns.addresses()


@every_release
def test_a_broker_without_an_address_stays(release: Release) -> None:
    """NAMESRV-LIFECYCLE-14: 4.x looks for the address, and not for an empty one."""
    ns = NameServerUnderTest(release).start()
    ns.register(address="")
    ns.close(BROKER)
    ns.run(140_000)
    assert bool(ns.addresses()) is not release.namesrv_unregisters_in_batches


@every_release
def test_a_body_that_is_no_version(release: Release) -> None:
    """NAMESRV-LIFECYCLE-21: what is JSON and no object is refused by the reader of JSON."""
    ns = NameServerUnderTest(release).start()
    fields = {"brokerName": "a", "brokerAddr": ADDRESS, "clusterName": "C", "brokerId": "0"}
    answer = ns.ask(322, fields, b"false")
    assert answer.code == 1
    assert "JSONException" in (answer.remark or "")


@every_release
def test_what_json_readers_make_of_a_registration(release: Release) -> None:
    """REMOTING-HEADER-16: nulls in other clothes, one for many; a version below zero throws."""
    ns = NameServerUnderTest(release).start()
    fields = {"brokerName": "a", "brokerAddr": ADDRESS, "clusterName": "C", "brokerId": "0"}
    for body in (b'{"filterServerList":"f"}', b'{"topicConfigSerializeWrapper":""}'):
        assert ns.ask(103, fields, body).code == 0
    empty = ns.ask(103, fields, b'{"topicConfigSerializeWrapper":[]}')
    assert (empty.code == 0) is release.oldest_json
    null = ns.ask(103, fields, b'""')
    assert (null.code, null.remark) == (1, "java.lang.NullPointerException")
    table = b'{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":null}}}'
    assert ns.ask(103, fields, table).code == 1
    old = ns.ask(103, fields, b"{}", version=-1)
    assert old.remark == "java.lang.ArrayIndexOutOfBoundsException"
    torn = ns.ask(103, {**fields, "bodyCrc32": "9"}, b"{}", version=-1)
    assert (torn.remark == "crc32 not match") is release.namesrv_checks_body_first


@every_release
def test_the_null_version_is_a_change(release: Release) -> None:
    """NAMESRV-LIFECYCLE-4."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    fields = {"brokerName": "a", "brokerAddr": ADDRESS, "clusterName": "C", "brokerId": "0"}
    answer = ns.ask(322, fields, b"null")
    assert (answer.code, answer.ext_fields) == (0, {"changed": "true"})


@every_release
def test_a_group_without_a_master_is_not_writable(release: Release) -> None:
    """NAMESRV-LIFECYCLE-12."""
    ns = NameServerUnderTest(release).start()
    ns.register(acting=True)
    ns.register(broker_id=1, address=OTHER, acting=True)
    assert ns.permissions() == {"broker-a": 6}
    ns.unregister()
    assert ns.permissions() == {"broker-a": 4 if release is RELEASE_5_5 else 6}
    ns.register(broker_id=1, address=OTHER, acting=True, version=NEWER)
    assert ns.permissions() == {"broker-a": 4 if release is RELEASE_5_5 else 6}


@every_release
def test_a_silent_broker_expires(release: Release) -> None:
    """NAMESRV-LIFECYCLE-13."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    for _ in range(2):
        ns.run(60_000)
        ns.ask(206, channel=BROKER)  # the channel is not idle, yet this is no sign of life
    assert ns.addresses(), "exactly 120 seconds are not too many"
    ns.run(15_000)
    assert not ns.addresses()
    assert BROKER in ns.closed


def test_the_scan_is_periodic() -> None:
    """NAMESRV-LIFECYCLE-13."""
    for release, second in ((RELEASE_4_6, 15_000), (RELEASE_4_9, 15_000), (RELEASE_5_5, 10_000)):
        ns = NameServerUnderTest(release)
        ns.perform(ns.server.start(ns.now))
        [due] = ns.server.actors().values()
        assert due == ns.now + 5_000
        ns.perform(ns.server.handle_timer(due))
        [due] = ns.server.actors().values()
        assert due == ns.now + second


def test_a_broker_may_announce_its_timeout() -> None:
    """NAMESRV-LIFECYCLE-13."""
    ns = NameServerUnderTest(RELEASE_5_5).start()
    ns.register(timeout=10_000)
    ns.run(20_000)
    assert not ns.addresses()
    ignored = NameServerUnderTest(RELEASE_4_9).start()
    ignored.register(timeout=10_000)
    ignored.run(20_000)
    assert ignored.addresses()


@every_release
def test_a_broker_departs_with_its_channel(release: Release) -> None:
    """NAMESRV-LIFECYCLE-14."""
    ns = NameServerUnderTest(release).start()
    empty = ns.tables()
    ns.register()
    full = ns.tables()
    other = ChannelId(8)
    ns.open(other)
    ns.close(other)
    ns.settle()
    assert ns.tables() == full
    ns.close(BROKER)
    ns.settle()
    assert ns.tables() == empty


@every_release
def test_a_reconnected_broker_survives_its_old_channel(release: Release) -> None:
    """NAMESRV-LIFECYCLE-14: the last registration decides."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    ns.register(channel=CLIENT)
    ns.close(BROKER)
    ns.settle()
    assert ns.addresses()


@every_release
def test_start_and_shutdown(release: Release) -> None:
    """NAMESRV-LIFECYCLE-15, NAMESRV-LIFECYCLE-16."""
    ns = NameServerUnderTest(release)
    assert ns.server.actors() == {}
    ns.start()
    assert ns.server.actors()
    effects = ns.server.shutdown(ns.now)
    assert effects[-1] == Stopped()
    assert {e.channel for e in effects if isinstance(e, CloseChannel)} == {BROKER, CLIENT}
    assert ns.server.actors() == {}


UNKNOWN = {"4.6": {217, 327, 901, 904, 10, 9999}, "4.9": {217, 901, 904, 10}, "5.5": {10, 9999}}


@every_release
def test_unknown_codes(release: Release) -> None:
    """NAMESRV-LIFECYCLE-17."""
    ns = NameServerUnderTest(release).start()
    for code in sorted(UNKNOWN[release.name]):
        answer = ns.send(code)
        if release is RELEASE_5_5:
            assert answer is not None
            assert (answer.code, answer.remark) == (3, f" request type {code} not supported")
        else:
            assert answer is None
    assert ns.closed == []
    assert ns.ask(206).code == 0


@every_release
def test_one_way_requests_work_in_silence(release: Release) -> None:
    ns = NameServerUnderTest(release).start()
    fields = {"namespace": "n", "key": "k", "value": "v"}
    assert ns.send(100, fields, oneway=True) is None
    assert ns.server.context.kv.config_table == {"n": {"k": "v"}}


def test_time_of_a_name_server_is_an_argument() -> None:
    """Two servers with the same inputs are in the same state, whatever the hash seed."""

    def played() -> str:
        ns = NameServerUnderTest(RELEASE_5_5).start()
        for i in range(5):
            ns.register(name=f"b{i}", address=f"10.0.0.{i}:1", acting=True, zone="z")
            ns.run(30_000)
        return ns.tables() + str(json_of(ns.ask(206), ns.release)) + str(Millis(ns.now))

    assert played() == played()
