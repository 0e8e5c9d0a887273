"""Administration of a name server: spec/namesrv/admin.md."""

from dataclasses import replace

import pytest

from refimpl.model.ids import JsonValue
from refimpl.model.properties_file import parse_properties
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.model.topic_config import TopicConfig
from tests.namesrv.harness import TOPICS, NameServerUnderTest, json_of

RELEASE_LIST = list(RELEASES.values())
every_release = pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
OTHER = "10.0.0.2:10911"


def topics_of(ns: NameServerUnderTest, code: int, fields: dict[str, str] | None = None) -> set[str]:
    answer = ns.ask(code, fields)
    assert answer.code == 0
    listed = json_of(answer, ns.release)["topicList"]
    assert isinstance(listed, list)
    assert len(set(map(str, listed))) == len(listed)
    return {str(name) for name in listed}


@every_release
def test_write_permission(release: Release) -> None:
    """NAMESRV-ADMIN-1, NAMESRV-ADMIN-2, NAMESRV-ADMIN-3."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    ns.register(name="broker-b", address=OTHER)
    fields = {"brokerName": "broker-a"}
    for _ in range(2):
        assert ns.ask(205, fields).ext_fields == {"wipeTopicCount": "2"}
        assert ns.permissions() == {"broker-a": 4, "broker-b": 6}
    ns.register()
    assert ns.permissions()["broker-a"] == 4, "an unchanged version leaves it wiped"
    assert ns.ask(205, {"brokerName": "none"}).ext_fields == {"wipeTopicCount": "0"}
    if release is not RELEASE_4_6:
        assert ns.ask(327, fields).ext_fields == {"addTopicCount": "2"}
        assert ns.permissions() == {"broker-a": 6, "broker-b": 6}
        assert ns.ask(327, {"brokerName": "none"}).ext_fields == {"addTopicCount": "0"}


def test_added_permission_is_exactly_read_and_write() -> None:
    """NAMESRV-ADMIN-2."""
    ns = NameServerUnderTest(RELEASE_4_9).start()
    ns.register(topics=[replace(topic, perm=1) for topic in TOPICS])
    ns.ask(327, {"brokerName": "broker-a"})
    assert ns.permissions() == {"broker-a": 6}


@every_release
def test_delete_a_topic(release: Release) -> None:
    """NAMESRV-ADMIN-4."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    ns.register(name="broker-b", address=OTHER, cluster="D")
    for fields in ({"topic": "none"}, {"topic": "none", "clusterName": "C"}):
        assert ns.ask(216, fields).code == 0
    if release is not RELEASE_4_6:
        assert ns.ask(216, {"topic": "T1", "clusterName": "none"}).code == 0
        assert set(ns.addresses()) == {"broker-a", "broker-b"}
    assert ns.ask(216, {"topic": "T1", "clusterName": "C"}).code == 0
    assert set(ns.addresses()) == (set() if release is RELEASE_4_6 else {"broker-b"})
    assert ns.ask(216, {"topic": "T1"}).code == 0
    assert ns.addresses() == {}
    assert set(ns.addresses("T2")) == {"broker-a", "broker-b"}


@every_release
def test_lists_of_topics(release: Release) -> None:
    """NAMESRV-ADMIN-5, NAMESRV-ADMIN-6."""
    ns = NameServerUnderTest(release).start()
    assert topics_of(ns, 206) == set()
    ns.register()
    ns.register(
        name="broker-b",
        address=OTHER,
        cluster="D",
        topics=[TOPICS[0], TopicConfig(topic_name="T3")],
    )
    assert topics_of(ns, 206) == {"T1", "T2", "T3"}
    assert topics_of(ns, 224, {"cluster": "C"}) == {"T1", "T2"}
    assert topics_of(ns, 224, {"cluster": "D"}) == {"T1", "T3"}
    assert topics_of(ns, 224, {"cluster": "none"}) == set()
    assert topics_of(ns, 224) == set()


@pytest.mark.parametrize("code", [206, 224, 311, 312, 313])
def test_lists_can_be_switched_off(code: int) -> None:
    """NAMESRV-ADMIN-7."""
    switch = "enableAllTopicList" if code == 206 else "enableTopicList"
    ns = NameServerUnderTest(RELEASE_5_5, {switch: "false"}).start()
    answer = ns.ask(code, {"cluster": "C"})
    assert (answer.code, answer.remark, answer.body) == (1, "disable", b"")
    for other in {206, 224} - {code}:
        if (other == 206) != (switch == "enableAllTopicList"):
            assert ns.ask(other, {"cluster": "C"}).code == 0


@every_release
def test_system_topics(release: Release) -> None:
    """NAMESRV-ADMIN-8."""
    ns = NameServerUnderTest(release).start()
    assert json_of(ns.ask(304), release) == {"topicList": []}
    ns.register(broker_id=2, address=OTHER)
    ns.register()
    assert topics_of(ns, 304) == {"C", "broker-a"}
    assert json_of(ns.ask(304), release)["brokerAddr"] == "10.0.0.1:10911"


@every_release
def test_lists_keep_the_order_of_java(release: Release) -> None:
    """NAMESRV-ADMIN-5: recorded from Apache 4.6.1, 4.9.7."""
    ns = NameServerUnderTest(release).start()
    names = ["T0", "T1", "T3", "T4", "T5", "O", "P"]
    ns.register(topics=[TopicConfig(topic_name=name) for name in names])
    answer = ns.ask(206)
    assert json_of(answer, release)["topicList"] == ["P", "T4", "T5", "T0", "T1", "O", "T3"]


@every_release
def test_unit_topics(release: Release) -> None:
    """NAMESRV-ADMIN-9."""
    ns = NameServerUnderTest(release).start()
    ns.register(
        topics=[TopicConfig(topic_name=f"flag{flag}", topic_sys_flag=flag) for flag in range(4)]
    )
    assert topics_of(ns, 311) == {"flag1", "flag3"}
    assert topics_of(ns, 312) == {"flag2", "flag3"}
    assert topics_of(ns, 313) == {"flag2"}


@every_release
def test_update_of_the_configuration(release: Release) -> None:
    """NAMESRV-ADMIN-10, NAMESRV-ADMIN-11."""
    ns = NameServerUnderTest(release).start()

    def setting() -> str:
        return parse_properties(ns.ask(319).body)["orderMessageEnable"]

    assert setting() == "false"
    assert ns.ask(318).code == 0
    assert ns.disk.files() == {}
    assert ns.ask(318, body=b"orderMessageEnable=true\nnosuch=1").code == 0
    assert setting() == "true"
    assert b"orderMessageEnable=true\n" in ns.disk.files()["namesrv.properties"]
    assert b"nosuch" not in ns.ask(319).body
    before = ns.tables(), ns.disk.files()
    bad = ns.ask(318, body=b"orderMessageEnable=false\na=\\u12")
    assert (bad.code, bad.remark) == (1, "string2Properties error")
    assert (ns.tables(), ns.disk.files()) == before


@every_release
@pytest.mark.parametrize(
    "name", ["kvConfigPath", "configStorePath", "rocketmqHome", "productEnvName"]
)
def test_protected_names(release: Release, name: str) -> None:
    """NAMESRV-ADMIN-10."""
    remark = {
        "4.6": None,
        "4.9": None if name == "rocketmqHome" else "Can not update config path",
        "5.5": "Can not update config in black list.",
    }[release.name]
    if name == "productEnvName":
        remark = None
    ns = NameServerUnderTest(release).start()
    before = ns.tables()
    answer = ns.ask(318, body=f"{name}=elsewhere\norderMessageEnable=true".encode())
    assert (answer.code, answer.remark) == ((0, None) if remark is None else (16, remark))
    assert (ns.tables() == before) == (remark is not None)


def test_the_black_list_is_a_setting() -> None:
    """NAMESRV-ADMIN-10."""
    ns = NameServerUnderTest(RELEASE_5_5, {"configBlackList": "productEnvName;clusterTest"}).start()
    assert ns.ask(318, body=b"productEnvName=x").code == 16
    assert ns.ask(318, body=b"orderMessageEnable=true").code == 0


def test_members_of_a_group() -> None:
    """NAMESRV-ADMIN-12."""
    ns = NameServerUnderTest(RELEASE_5_5).start()
    ns.register()
    ns.register(broker_id=3, address=OTHER)
    fields = {"clusterName": "C", "brokerName": "broker-a"}
    expected: dict[str, JsonValue] = {
        "brokerAddrs": {"0": "10.0.0.1:10911", "3": OTHER},
        "brokerName": "broker-a",
        "cluster": "C",
    }
    answer = ns.ask(901, fields)
    assert (answer.code, answer.remark) == (0, "not set any response code")
    assert json_of(answer, ns.release) == {"brokerMemberGroup": expected}
    absent = json_of(ns.ask(901, {**fields, "brokerName": "none"}), ns.release)
    assert absent["brokerMemberGroup"] == {"brokerAddrs": {}, "brokerName": "none", "cluster": "C"}


def test_register_queues_of_a_topic() -> None:
    """NAMESRV-ADMIN-13."""
    ns = NameServerUnderTest(RELEASE_5_5).start()
    ns.register()

    def body(*names: str) -> bytes:
        entries = ",".join(f'{{"brokerName":"{name}","perm":2}}' for name in names)
        return f'{{"queueDatas":[{entries}]}}'.encode()

    for names, topic, taken in (
        (("none", "broker-a"), "new", False),
        (("broker-a", "none"), "new", False),
        ((), "new", False),
        (("broker-a",), "new", True),
    ):
        assert ns.ask(217, {"topic": topic}, body(*names)).code == 0
        assert bool(ns.addresses(topic)) == taken
    assert ns.ask(217, {"topic": "T1"}, body("broker-a", "none")).code == 0
    assert ns.permissions("T1") == {"broker-a": 2}
    before = ns.tables()
    for data in (b"", b"null", b'{"queueDatas":[null]}', body("broker-a")):
        assert ns.ask(217, {}, data).code == 0
    assert ns.ask(217, {"topic": "T1"}, b'{"queueDatas":[null]}').code == 0
    assert ns.tables() == before


def test_configuration_text_of_4_9_is_complete() -> None:
    """NAMESRV-ADMIN-11."""
    ns = NameServerUnderTest(RELEASE_4_9, {"listenPort": "21000"}).start()
    shown = parse_properties(ns.ask(319).body)
    assert shown == ns.server.context.config.properties()
    assert shown["listenPort"] == "21000"
    assert {"kvConfigPath", "serverWorkerThreads", "clusterTest"} <= set(shown)
