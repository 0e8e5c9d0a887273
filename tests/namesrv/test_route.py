"""Routes: spec/namesrv/route.md."""

from dataclasses import replace
from typing import cast

import pytest

from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.model.topic_config import TopicConfig
from refimpl.remoting.header.route import GetRouteInfoRequestHeader
from tests.namesrv.harness import TOPICS, VERSION, NameServerUnderTest, json_of, strict_json

RELEASE_LIST = list(RELEASES.values())
every_release = pytest.mark.parametrize("release", RELEASE_LIST, ids=lambda r: r.name)
ADDRESS = "10.0.0.1:10911"
OTHER = "10.0.0.2:10911"
TOPIC = GetRouteInfoRequestHeader(topic="T1")
NEWER = replace(VERSION, counter=4)


@every_release
def test_a_topic_without_a_route(release: Release) -> None:
    """NAMESRV-ROUTE-1, NAMESRV-ROUTE-2."""
    ns = NameServerUnderTest(release).start()
    url = {
        "4.6": "http://rocketmq.apache.org/docs/faq/",
        "4.9": "http://rocketmq.apache.org/docs/faq/",
        "5.5": "https://rocketmq.apache.org/docs/bestPractice/06FAQ",
    }[release.name]
    prefix = "No topic route info in name server for the topic: "
    for fields, shown in (({"topic": "T9"}, "T9"), (None, "null"), ({"topic": ""}, "")):
        answer = ns.ask(105, fields)
        assert answer.code == 17
        assert answer.remark == f"{prefix}{shown}\nSee {url} for further details."
        assert answer.body == b""


@every_release
def test_the_body_of_a_route(release: Release) -> None:
    """NAMESRV-ROUTE-1: every field, under the names of the release."""
    ns = NameServerUnderTest(release).start()
    ns.register(
        topics=[TopicConfig(topic_name="T1", read_queue_nums=4, topic_sys_flag=1), *TOPICS[1:]]
    )
    route = json_of(ns.ask(105, TOPIC), release)
    flag = "topicSynFlag" if release is RELEASE_4_6 else "topicSysFlag"
    broker: dict[str, JsonValue] = {
        "brokerAddrs": {"0": ADDRESS},
        "brokerName": "broker-a",
        "cluster": "C",
    }
    if release is RELEASE_5_5:
        broker["enableActingMaster"] = False
    assert route == {
        "brokerDatas": [broker],
        "filterServerTable": {},
        "queueDatas": [
            {
                "brokerName": "broker-a",
                "perm": 6,
                "readQueueNums": 4,
                flag: 1,
                "writeQueueNums": 16,
            }
        ],
    }


@every_release
def test_order_of_queue_entries(release: Release) -> None:
    """NAMESRV-ROUTE-3."""
    ns = NameServerUnderTest(release).start()
    names = ["zeta", "broker-b", "broker-a"]
    for i, name in enumerate(names):
        ns.register(name=name, address=f"10.0.0.{i}:1")
    ns.register(
        name="zeta",
        address="10.0.0.0:1",
        version=NEWER,
        topics=[replace(topic, perm=4) for topic in TOPICS],
    )
    registered = ["broker-b", "broker-a", "zeta"]
    hashed = ["broker-b", "zeta", "broker-a"]
    shown = list(ns.permissions())
    assert (shown == registered) == (release is RELEASE_4_6), shown
    assert sorted(shown) == sorted(hashed)


@every_release
def test_configuration_of_ordered_topics(release: Release) -> None:
    """NAMESRV-ROUTE-4."""
    for enabled in (False, True):
        settings = {"orderMessageEnable": str(enabled).lower()}
        ns = NameServerUnderTest(release, settings).start()
        ns.register()
        ns.ask(100, {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "broker-a:4"})
        route = ns.route()
        assert route is not None
        assert route.get("orderTopicConf") == ("broker-a:4" if enabled else None)
        other = ns.route("T2")
        assert other is not None
        assert "orderTopicConf" not in other


@every_release
@pytest.mark.parametrize(
    ("version", "accepts", "standard"),
    [(400, None, False), (401, None, True), (0, True, True), (0, False, False), (513, False, True)],
)
def test_keys_of_broker_ids(
    release: Release, version: int, accepts: bool | None, standard: bool
) -> None:
    """NAMESRV-ROUTE-5."""
    ns = NameServerUnderTest(release).start()
    ns.register()
    header = GetRouteInfoRequestHeader(topic="T1", accept_standard_json_only=accepts)
    answer = ns.ask(105, header, version=version)
    quoted = standard and release is not RELEASE_4_6
    assert (b'{"0":' in answer.body, b"{0:" in answer.body) == (quoted, not quoted)
    if quoted:
        assert strict_json(answer) == json_of(answer, release)
    else:
        with pytest.raises(ValueError, match="property name"):
            strict_json(answer)


def test_patience_after_the_start() -> None:
    """NAMESRV-ROUTE-6."""
    settings = {"needWaitForService": "true", "waitSecondsForService": "3"}
    ns = NameServerUnderTest(RELEASE_5_5, settings).start()
    ns.register()
    ns.run(2_999)
    answer = ns.ask(105, TOPIC)
    assert (answer.code, answer.remark) == (1, "name server not ready")
    assert ns.ask(206).code == 0
    ns.run(1)
    assert ns.ask(105, TOPIC).code == 0


@every_release
def test_a_client_stays_in_its_zone(release: Release) -> None:
    """NAMESRV-ROUTE-7."""
    ns = NameServerUnderTest(release).start()
    for i, (name, zone) in enumerate([("a", "east"), ("b", "west"), ("c", "west")]):
        ns.register(name=name, address=f"10.0.0.{i}:1", zone=zone, filter_servers=(f"f{i}",))
        ns.register(name=name, broker_id=1, address=f"10.0.1.{i}:1", zone=zone)
    ns.unregister(name="c", address="10.0.0.2:1")
    fields = {"topic": "T1", "__ZONE_MODE": "true", "__ZONE_NAME": "EAST"}
    answer = ns.ask(105, fields)
    route = json_of(answer, release)
    brokers = {
        str(b["brokerName"]) for b in cast("list[dict[str, JsonValue]]", route["brokerDatas"])
    }
    queues = {str(q["brokerName"]) for q in cast("list[dict[str, JsonValue]]", route["queueDatas"])}
    grouped = release is RELEASE_5_5
    assert brokers == queues == ({"a", "c"} if grouped else {"a", "b", "c"})
    filters = route["filterServerTable"]
    assert isinstance(filters, dict)
    assert ("10.0.0.1:1" in filters) == (not grouped)
    assert b'{"0":' in answer.body or grouped or release is RELEASE_4_6
    for mode, zone in (("false", "east"), ("true", " ")):
        plain = ns.ask(105, {**fields, "__ZONE_MODE": mode, "__ZONE_NAME": zone})
        assert len(cast("list[JsonValue]", json_of(plain, release)["brokerDatas"])) == 3


@every_release
@pytest.mark.parametrize("supported", [False, True])
def test_a_slave_acts_as_master(release: Release, supported: bool) -> None:
    """NAMESRV-ROUTE-8."""
    if release is not RELEASE_5_5 and supported:
        settings: dict[str, str] = {}
    else:
        settings = {"supportActingMaster": "true"} if supported else {}
    ns = NameServerUnderTest(release, settings).start()
    ns.register(acting=True)
    ns.register(broker_id=2, address=OTHER, acting=True)
    assert ns.addresses() == {"broker-a": {"0": ADDRESS, "2": OTHER}}
    ns.unregister()
    acts = supported and release is RELEASE_5_5
    assert ns.addresses() == {"broker-a": {"0" if acts else "2": OTHER}}


@every_release
def test_cluster_information(release: Release) -> None:
    """NAMESRV-ROUTE-9."""
    ns = NameServerUnderTest(release).start()
    assert json_of(ns.ask(106), release) == {"brokerAddrTable": {}, "clusterAddrTable": {}}
    ns.register()
    ns.register(broker_id=1, address=OTHER)
    ns.register(name="broker-b", address="10.0.0.3:1", cluster="D")
    answer = ns.ask(106, version=513)
    assert b"{0:" in answer.body
    info = json_of(answer, release)
    assert info["clusterAddrTable"] == {"C": ["broker-a"], "D": ["broker-b"]}
    table = cast("dict[str, dict[str, JsonValue]]", info["brokerAddrTable"])
    assert table["broker-a"]["brokerAddrs"] == {"0": ADDRESS, "1": OTHER}
    assert table["broker-b"]["cluster"] == "D"


@every_release
def test_filter_servers(release: Release) -> None:
    """NAMESRV-ROUTE-10."""
    ns = NameServerUnderTest(release).start()
    shown: list[JsonValue] = []
    topics_alone = b'{"topicConfigTable":{}}'  # of a broker before 3.0.11
    for servers, body in (
        (("f1", "f2"), None),
        (("f3",), None),
        ((), topics_alone),
        ((), None),
    ):
        ns.register(filter_servers=servers, body=body, broker_version=36 if body else None)
        route = ns.route()
        assert route is not None
        shown.append(route["filterServerTable"])
    assert shown == [{ADDRESS: ["f1", "f2"]}, {ADDRESS: ["f3"]}, {ADDRESS: ["f3"]}, {}]


def test_only_known_brokers_are_in_a_route() -> None:
    """NAMESRV-ROUTE-1: an entry whose brokers are unknown is no route."""
    ns = NameServerUnderTest(RELEASE_4_9).start()
    ns.register()
    del ns.server.context.routes.broker_addr_table["broker-a"]
    assert ns.route() is None
