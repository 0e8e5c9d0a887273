"""The name server: routes, key-value configuration and administration."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.case import case
from conformance.connection import ExtValue
from conformance.fake_broker import TopicEntry, fake_broker, two
from conformance.matching import dig
from conformance.target import BROKER_NAME, CLUSTER, Capability
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_NAMESRV = [Capability.NAMESRV]
_UNIT, _UNIT_SUB = 1, 2  # topic system flags


@case("NAMESRV-ROUTE-1/created-topic", rules=["NAMESRV-ROUTE-1"], needs=_NAMESRV)
def created_topic(w: Wire) -> None:
    """A topic that was created on the broker is soon known with its queues and addresses."""
    topic = w.create_topic(queues=3, read_queues=2)
    route = w.eventually(lambda: w.route(topic), what=f"route of {topic}")
    queues = dig(route, "queueDatas", 0)
    counts = (dig(queues, "readQueueNums"), dig(queues, "writeQueueNums"), dig(queues, "perm"))
    w.equal(counts, (2, 3, 6), "queues and permission")
    w.equal(dig(route, "brokerDatas", 0, "brokerName"), BROKER_NAME, "broker")
    w.equal(dig(route, "brokerDatas", 0, "cluster"), CLUSTER, "cluster")


# --- routes


@case("NAMESRV-ROUTE-1/name-without-an-address", rules=["NAMESRV-ROUTE-1"], needs=_NAMESRV)
def name_without_address(w: Wire) -> None:
    """Brokers that are gone are missing in a route; the topic's other brokers stay."""
    topics = two(w)
    topic = next(iter(topics))
    with fake_broker(w) as stays, fake_broker(w) as goes:
        stays.register(topics)
        goes.register(topics)
        goes.unregister()
        w.eventually(lambda: not goes.is_known(), what="the departure")
        route = w.route(topic)
        names = [dig(data, "brokerName") for data in _list(dig(route, "brokerDatas"))]
        w.equal(names, [stays.name], "brokers")


def _java_hash_order(names: list[str]) -> list[str]:
    """The order of a Java HashMap with 16 buckets, names in buckets of their own."""

    def bucket(name: str) -> int:
        value = 0
        for letter in name:
            value = (value * 31 + ord(letter)) & 0xFFFFFFFF
        return (value ^ value >> 16) & 15

    return sorted(names, key=bucket)


@case(
    "NAMESRV-ROUTE-3/order-of-entries",
    rules=["NAMESRV-ROUTE-3"],
    needs=_NAMESRV,
    matrix={"ab": {"first": "a", "second": "b"}, "ba": {"first": "b", "second": "a"}},
)
def order_of_entries(w: Wire, first: str, second: str) -> None:
    """Queue entries come as Java's table of broker names iterates; in 4.6 as they registered."""
    stem = w.unique("B")
    names = [stem + first, stem + second]
    topics = two(w)
    with fake_broker(w, name=names[0]) as one, fake_broker(w, name=names[1]) as other:
        one.register(topics)
        other.register(topics)
        queues = _list(dig(w.route(next(iter(topics))), "queueDatas"))
        expected = names if w.switch.namesrv_queues_keep_order else _java_hash_order(names)
        w.equal([dig(queue, "brokerName") for queue in queues], expected, "order")


@case(
    "NAMESRV-ROUTE-5/form-of-keys",
    rules=["NAMESRV-ROUTE-5"],
    needs=_NAMESRV,
    matrix={
        "old-client": {"version": 400, "asks": "", "standard": 0},
        "4.9.4": {"version": 401, "asks": "", "standard": 1},
        "very-old-client": {"version": 0, "asks": "", "standard": 0},
        "old-client-asks": {"version": 0, "asks": "true", "standard": 1},
        "old-client-declines": {"version": 400, "asks": "false", "standard": 0},
        "new-client-declines": {"version": 401, "asks": "false", "standard": 1},
    },
)
def form_of_keys(w: Wire, version: int, asks: str, standard: int) -> None:
    """Broker ids are bare integers for old clients, strings for those that read standard JSON."""
    topics = two(w)
    with fake_broker(w) as broker:
        broker.register(topics)
        ext: dict[str, ExtValue] = {
            "topic": next(iter(topics)),
            "acceptStandardJsonOnly": asks or None,
        }
        answer = w.namesrv.request(RequestCode.GET_ROUTEINFO_BY_TOPIC, ext=ext, version=version)
        w.expect(answer, code=ResponseCode.SUCCESS)
        quoted = bool(standard) and w.switch.namesrv_offers_standard_json
        key = b'{"0":' if quoted else b"{0:"
        w.check(b'"brokerAddrs":' + key in answer.body, f"keys of {answer.body!r}")
        if quoted:
            json.loads(answer.body)


@case(
    "NAMESRV-ROUTE-6/patience",
    rules=["NAMESRV-ROUTE-6"],
    releases=["5.5"],
    needs=_NAMESRV,
)
def patience(w: Wire) -> None:
    """A name server that waits for service refuses routes, and nothing else."""
    with _setting(w, "needWaitForService=true\nwaitSecondsForService=1000000",
                  "needWaitForService=false\nwaitSecondsForService=45"):  # fmt: skip
        answer = w.namesrv.request(RequestCode.GET_ROUTEINFO_BY_TOPIC, ext={"topic": "t"})
        w.expect(answer, code=ResponseCode.SYSTEM_ERROR, remark="name server not ready")
        info = w.namesrv.request(RequestCode.GET_BROKER_CLUSTER_INFO)
        w.expect(info, code=ResponseCode.SUCCESS)
    answer = w.namesrv.request(RequestCode.GET_ROUTEINFO_BY_TOPIC, ext={"topic": "t"})
    w.expect(answer, code=ResponseCode.TOPIC_NOT_EXIST)


@case("NAMESRV-ROUTE-7/zone", rules=["NAMESRV-ROUTE-7"], releases=["5.5"], needs=_NAMESRV)
def zone(w: Wire) -> None:
    """A client that stays in its zone sees the brokers of it, and names without a master."""
    topics = two(w)
    topic = next(iter(topics))
    with (
        fake_broker(w) as near,
        fake_broker(w) as far,
        fake_broker(w) as master,
        fake_broker(w, name=master.name, cluster=master.cluster, broker_id=1) as slave,
    ):
        near.register(topics, __ZONE_NAME="Z1")
        far.register(topics, __ZONE_NAME="Z2")
        master.register(topics, __ZONE_NAME="Z2")
        slave.register({}, __ZONE_NAME="Z2")
        master.unregister()
        w.eventually(lambda: not master.is_known(), what="the departure of a master")
        ask: dict[str, ExtValue] = {"topic": topic, "__ZONE_NAME": "z1"}
        every = _names(w, {**ask, "__ZONE_MODE": "false"})
        w.equal(every, {near.name, far.name, master.name}, "brokers without zone mode")
        answer = w.namesrv.request(
            RequestCode.GET_ROUTEINFO_BY_TOPIC, ext={**ask, "__ZONE_MODE": "true"}
        )
        w.check(b'"brokerAddrs":{0:' in answer.body, "the keys are quoted in zone mode")
        kept = _names(w, {**ask, "__ZONE_MODE": "true"})
        w.equal(kept, {near.name, master.name}, "brokers in zone mode")
        queues = {dig(queue, "brokerName") for queue in _list(dig(answer.json(), "queueDatas"))}
        w.equal(queues, {near.name, master.name}, "queue entries in zone mode")


def _names(w: Wire, ext: dict[str, ExtValue]) -> set[JsonValue]:
    answer = w.namesrv.request(RequestCode.GET_ROUTEINFO_BY_TOPIC, ext=ext)
    w.expect(answer, code=ResponseCode.SUCCESS)
    return {str(dig(data, "brokerName")) for data in _list(dig(answer.json(), "brokerDatas"))}


@case(
    "NAMESRV-ROUTE-8/acting-master",
    rules=["NAMESRV-ROUTE-8"],
    releases=["5.5"],
    needs=_NAMESRV,
)
def acting_master(w: Wire) -> None:
    """Where that is switched on, the smallest slave of a masterless name is shown under id 0."""
    topics = two(w)
    topic = next(iter(topics))
    with (
        _setting(w, "supportActingMaster=true", "supportActingMaster=false"),
        fake_broker(w) as master,
        fake_broker(w, name=master.name, cluster=master.cluster, broker_id=2) as slave,
    ):
        master.register(topics, enableActingMaster=True)
        slave.register(topics, enableActingMaster=True)
        master.unregister()
        w.eventually(lambda: not master.is_known(), what="the departure of the master")
        w.eventually(
            lambda: dig(w.route(topic), "brokerDatas", 0, "brokerAddrs") == {"0": slave.address},
            what="the slave under id 0",
        )


@case("NAMESRV-ROUTE-9/cluster-information", rules=["NAMESRV-ROUTE-9"], needs=_NAMESRV)
def cluster_information(w: Wire) -> None:
    """Both tables are told, with bare integer keys whatever the client's version."""
    with (
        fake_broker(w) as master,
        fake_broker(w, name=master.name, cluster=master.cluster, broker_id=3) as slave,
    ):
        master.register(two(w))
        slave.register({})
        answer = w.namesrv.request(RequestCode.GET_BROKER_CLUSTER_INFO, version=999)
        w.expect(answer, code=ResponseCode.SUCCESS)
        text = f'"brokerAddrs":{{0:"{master.address}",3:"{slave.address}"}}'.encode()
        w.check(text in answer.body, f"no {text!r} in {answer.body!r}")
        info = answer.json()
        w.equal(dig(info, "brokerAddrTable", BROKER_NAME, "cluster"), CLUSTER, "the real broker")
        w.equal(dig(info, "clusterAddrTable", master.cluster), [master.name], "names")


@case("NAMESRV-ROUTE-10/filter-servers", rules=["NAMESRV-ROUTE-10"], needs=_NAMESRV)
def filter_servers(w: Wire) -> None:
    """A list replaces the filter servers, no list leaves them, an empty one removes them."""
    topics = two(w)
    topic = next(iter(topics))
    with fake_broker(w) as broker:
        for given, shown in (
            (["10.0.0.1:1", "10.0.0.2:2"], ["10.0.0.1:1", "10.0.0.2:2"]),
            (None, ["10.0.0.1:1", "10.0.0.2:2"]),
            (["10.0.0.3:3"], ["10.0.0.3:3"]),
            ([], None),
        ):
            broker.register(topics, filter_servers=given)
            table = dig(w.route(topic), "filterServerTable")
            found = table.get(broker.address) if isinstance(table, dict) else None
            w.equal(found or None, shown, f"filter servers after {given}")


# --- key-value configuration


@case("NAMESRV-KV-1/put-get-delete", rules=["NAMESRV-KV-1", "NAMESRV-KV-5"], needs=_NAMESRV)
def put_get_delete(w: Wire) -> None:
    """A value is found until it is deleted."""
    where: dict[str, ExtValue] = {"namespace": w.unique("NS"), "key": "key"}
    put = w.namesrv.request(RequestCode.PUT_KV_CONFIG, ext={**where, "value": "a value"})
    w.expect(put, code=ResponseCode.SUCCESS)
    got = w.namesrv.request(RequestCode.GET_KV_CONFIG, ext=where)
    w.expect(got, code=ResponseCode.SUCCESS, ext={"value": "a value"})
    w.expect(w.namesrv.request(RequestCode.DELETE_KV_CONFIG, ext=where), code=ResponseCode.SUCCESS)
    gone = w.namesrv.request(RequestCode.GET_KV_CONFIG, ext=where)
    w.expect(gone, code=ResponseCode.QUERY_NOT_FOUND)


@case(
    "NAMESRV-KV-1/any-text",
    rules=["NAMESRV-KV-1"],
    needs=_NAMESRV,
    matrix={
        "empty": {"value": ""},
        "blanks": {"value": "  "},
        "control": {"value": "a\x01b\x02c\n"},
        "unicode": {"value": "\u00e9\u4e2d\U0001f600"},
        "json": {"value": '{"a":"b\\"}'},
        "long": {"value": "v" * 40_000},
    },
)
def any_text(w: Wire, value: str) -> None:
    """Values are texts of any kind, and a second put replaces the first."""
    where: dict[str, ExtValue] = {"namespace": w.unique("NS"), "key": "\u043a key"}
    for text in ("first", value):
        put = w.namesrv.request(RequestCode.PUT_KV_CONFIG, ext={**where, "value": text})
        w.expect(put, code=ResponseCode.SUCCESS)
    got = w.namesrv.request(RequestCode.GET_KV_CONFIG, ext=where)
    w.expect(got, code=ResponseCode.SUCCESS, ext={"value": value})
    w.namesrv.request(RequestCode.DELETE_KV_CONFIG, ext=where)


@case(
    "NAMESRV-KV-2/missing-names",
    rules=["NAMESRV-KV-2"],
    needs=_NAMESRV,
    matrix={"namespace": {"missing": "namespace"}, "key": {"missing": "key"}},
)
def missing_names(w: Wire, missing: str) -> None:
    """Nothing is stored without namespace or key; from 4.9 on that is refused."""
    where: dict[str, ExtValue] = {"namespace": w.unique("NS"), "key": "k"}
    where[missing] = None
    put = w.namesrv.request(RequestCode.PUT_KV_CONFIG, ext={**where, "value": "v"})
    got = w.namesrv.request(RequestCode.GET_KV_CONFIG, ext=where)
    listed = w.namesrv.request(
        RequestCode.GET_KVLIST_BY_NAMESPACE, ext={"namespace": where["namespace"]}
    )
    if w.switch.namesrv_refuses_null_keys:
        w.expect(put, code=ResponseCode.SYSTEM_ERROR, remark="namespace or key is null")
    else:
        w.expect(put, code=ResponseCode.SUCCESS)
        w.namesrv.request(RequestCode.DELETE_KV_CONFIG, ext=where)
    w.expect(got, code=ResponseCode.QUERY_NOT_FOUND)
    w.expect(listed, code=ResponseCode.QUERY_NOT_FOUND)


@case("NAMESRV-KV-4/emptied-namespace", rules=["NAMESRV-KV-4"], needs=_NAMESRV)
def emptied_namespace(w: Wire) -> None:
    """A namespace is one table, which stays when its last key goes."""
    namespace = w.unique("NS")
    for key in ("one", "two"):
        put = w.namesrv.request(
            RequestCode.PUT_KV_CONFIG, ext={"namespace": namespace, "key": key, "value": f"v {key}"}
        )
        w.expect(put, code=ResponseCode.SUCCESS)
    for expected in ({"one": "v one", "two": "v two"}, {}):
        listed = w.namesrv.request(
            RequestCode.GET_KVLIST_BY_NAMESPACE, ext={"namespace": namespace}
        )
        w.expect(listed, code=ResponseCode.SUCCESS)
        w.equal(dig(listed.json(), "table"), expected, "table")
        for key in ("one", "two"):
            gone = w.namesrv.request(
                RequestCode.DELETE_KV_CONFIG, ext={"namespace": namespace, "key": key}
            )
            w.expect(gone, code=ResponseCode.SUCCESS)


# --- administration


@case("NAMESRV-ADMIN-1/wiped", rules=["NAMESRV-ADMIN-1", "NAMESRV-ADMIN-3"], needs=_NAMESRV)
def wiped(w: Wire) -> None:
    """Every entry of the name loses the write bit until the topics change."""
    a, b, c = w.unique("T"), w.unique("T"), w.unique("T")
    topics = {a: TopicEntry(), b: TopicEntry(perm=4), c: TopicEntry(perm=7)}
    with fake_broker(w) as broker, fake_broker(w) as other:
        broker.register(topics)
        other.register(topics)
        answer = w.namesrv.request(
            RequestCode.WIPE_WRITE_PERM_OF_BROKER, ext={"brokerName": broker.name}
        )
        w.expect(answer, code=ResponseCode.SUCCESS, ext={"wipeTopicCount": "3"})
        w.equal([_perm(w, t, broker.name) for t in topics], [4, 4, 5], "permissions")
        w.equal([_perm(w, t, other.name) for t in topics], [6, 4, 7], "permissions elsewhere")
        broker.register(topics)
        w.equal([_perm(w, t, broker.name) for t in topics], [4, 4, 5], "after a heartbeat")
        broker.register(topics, counter=2)
        w.equal([_perm(w, t, broker.name) for t in topics], [6, 4, 7], "after a change")


@case(
    "NAMESRV-ADMIN-2/given-back",
    rules=["NAMESRV-ADMIN-2"],
    releases=["4.9", "5.5"],
    needs=_NAMESRV,
)
def given_back(w: Wire) -> None:
    """Every entry of the name becomes readable and writable, whatever it was."""
    topics = {w.unique("T"): TopicEntry(perm=perm) for perm in (2, 4, 7)}
    with fake_broker(w) as broker:
        broker.register(topics)
        answer = w.namesrv.request(
            RequestCode.ADD_WRITE_PERM_OF_BROKER, ext={"brokerName": broker.name}
        )
        w.expect(answer, code=ResponseCode.SUCCESS, ext={"addTopicCount": "3"})
        w.equal([_perm(w, t, broker.name) for t in topics], [6, 6, 6], "permissions")


def _perm(w: Wire, topic: str, broker: str) -> JsonValue:
    for queue in _list(dig(w.route(topic), "queueDatas")):
        if dig(queue, "brokerName") == broker:
            return dig(queue, "perm")
    return None


@case("NAMESRV-ADMIN-4/within-a-cluster", rules=["NAMESRV-ADMIN-4"], needs=_NAMESRV)
def within_a_cluster(w: Wire) -> None:
    """With a cluster the topic goes there only; 4.6 does not know the field."""
    topics = two(w)
    topic, other = topics
    with fake_broker(w) as here, fake_broker(w) as there:
        here.register(topics)
        there.register(topics)
        answer = w.namesrv.request(
            RequestCode.DELETE_TOPIC_IN_NAMESRV,
            ext={"topic": topic, "clusterName": here.cluster},
        )
        w.expect(answer, code=ResponseCode.SUCCESS)
        route = w.route(topic)
        if w.switch.namesrv_deletes_by_cluster:
            names = [dig(queue, "brokerName") for queue in _list(dig(route, "queueDatas"))]
            w.equal(names, [there.name], "queue entries")
        else:
            w.equal(route, None, "route")
        w.equal(len(_list(dig(w.route(other), "queueDatas"))), 2, "entries of the other topic")


@case("NAMESRV-ADMIN-4/everywhere", rules=["NAMESRV-ADMIN-4"], needs=_NAMESRV)
def everywhere(w: Wire) -> None:
    """Without a cluster the topic goes everywhere, until a broker registers it again."""
    topics = two(w)
    topic = next(iter(topics))
    with fake_broker(w) as broker:
        broker.register(topics)
        answer = w.namesrv.request(RequestCode.DELETE_TOPIC_IN_NAMESRV, ext={"topic": topic})
        w.expect(answer, code=ResponseCode.SUCCESS)
        w.equal(w.route(topic), None, "route")
        broker.register(topics, counter=2)
        w.check(w.route(topic) is not None, "a new version does not bring the topic back")


@case(
    "NAMESRV-ADMIN-5/all-topics",
    rules=["NAMESRV-ADMIN-5", "NAMESRV-ADMIN-6"],
    needs=_NAMESRV,
)
def all_topics(w: Wire) -> None:
    """Topics are listed, and by cluster, while they have a queue entry."""
    topics = two(w)
    with fake_broker(w) as broker:
        broker.register(topics)
        every = _topics(w, RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER)
        w.check(set(topics) <= set(every), "not all topics are listed")
        mine = _topics(w, RequestCode.GET_TOPICS_BY_CLUSTER, cluster=broker.cluster)
        w.equal(sorted(mine), sorted(topics), "topics of the cluster")
        w.namesrv.request(RequestCode.DELETE_TOPIC_IN_NAMESRV, ext={"topic": next(iter(topics))})
        every = _topics(w, RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER)
        w.equal([topic in every for topic in topics], [False, True], "listed after a deletion")


def _topics(w: Wire, code: RequestCode, **ext: ExtValue) -> list[str]:
    answer = w.namesrv.request(code, ext=ext)
    w.expect(answer, code=ResponseCode.SUCCESS)
    return [str(topic) for topic in _list(dig(answer.json(), "topicList"))]


@case(
    "NAMESRV-ADMIN-7/lists-switched-off",
    rules=["NAMESRV-ADMIN-7", "NAMESRV-ADMIN-5"],
    releases=["5.5"],
    needs=_NAMESRV,
    matrix={
        "all": {"code": 206, "switch": "enableAllTopicList"},
        "by-cluster": {"code": 224, "switch": "enableTopicList"},
        "unit": {"code": 311, "switch": "enableTopicList"},
        "unit-sub": {"code": 312, "switch": "enableTopicList"},
        "unit-sub-un-unit": {"code": 313, "switch": "enableTopicList"},
    },
)
def lists_switched_off(w: Wire, code: int, switch: str) -> None:
    """A list that is switched off is refused, and answered when it is on again."""
    with _setting(w, f"{switch}=false", f"{switch}=true"):
        answer = w.namesrv.request(code, ext={"cluster": CLUSTER})
        w.expect(answer, code=ResponseCode.SYSTEM_ERROR, remark="disable")
    answer = w.namesrv.request(code, ext={"cluster": CLUSTER})
    w.expect(answer, code=ResponseCode.SUCCESS)


@case("NAMESRV-ADMIN-8/names", rules=["NAMESRV-ADMIN-8"], needs=_NAMESRV)
def system_topics(w: Wire) -> None:
    """System topics of a name server are the names of clusters and brokers."""
    with fake_broker(w) as broker:
        broker.register(two(w))
        answer = w.namesrv.request(RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS)
        w.expect(answer, code=ResponseCode.SUCCESS)
        names = _list(dig(answer.json(), "topicList"))
        w.check({broker.name, broker.cluster, BROKER_NAME, CLUSTER} <= {*names}, f"names {names}")
        address = str(dig(answer.json(), "brokerAddr"))
        w.check(re.fullmatch(r"[\d.]+:\d+", address), f"address {address}")


@case("NAMESRV-ADMIN-9/unit-topics", rules=["NAMESRV-ADMIN-9"], needs=_NAMESRV)
def unit_topics(w: Wire) -> None:
    """Three lists tell topics by their unit flags."""
    plain, unit, sub, both = (w.unique("T") for _ in range(4))
    topics = {
        plain: TopicEntry(),
        unit: TopicEntry(sys_flag=_UNIT),
        sub: TopicEntry(sys_flag=_UNIT_SUB),
        both: TopicEntry(sys_flag=_UNIT | _UNIT_SUB),
    }
    with fake_broker(w) as broker:
        broker.register(topics)
        for code, expected in (
            (RequestCode.GET_UNIT_TOPIC_LIST, {unit, both}),
            (RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST, {sub, both}),
            (RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST, {sub}),
        ):
            w.equal(set(_topics(w, code)) & set(topics), expected, f"topics of {code.name}")


@case(
    "NAMESRV-ADMIN-10/updated",
    rules=["NAMESRV-ADMIN-10", "NAMESRV-ADMIN-11", "BROKER-CONFIG-2"],
    needs=_NAMESRV,
)
def updated(w: Wire) -> None:
    """Names that are known and values that can be read are set; the others change nothing."""
    before = _config(w)
    w.equal(before["productEnvName"], "center", "default")
    text = f"productEnvName=here\nclusterTest=maybe\nlistenPort=x\n{w.unique('no')}=1"
    with _setting(w, text, "productEnvName=center\nclusterTest=false"):
        after = _config(w)
        changed = {name for name in before if before[name] != after.get(name)}
        w.equal(changed, {"productEnvName"}, "changed settings")
        w.equal(after["productEnvName"], "here", "new value")
        w.equal(set(after), set(before), "names")


@case(
    "NAMESRV-ADMIN-10/protected",
    rules=["NAMESRV-ADMIN-10"],
    releases=["4.9", "5.5"],
    needs=_NAMESRV,
    matrix={
        "kv": {"name": "kvConfigPath", "since": "4.9"},
        "config": {"name": "configStorePath", "since": "4.9"},
        "home": {"name": "rocketmqHome", "since": "5.5"},
        "black-list": {"name": "configBlackList", "since": "5.5"},
    },
)
def protected(w: Wire, name: str, since: str) -> None:
    """An update that names a protected setting is refused as a whole."""
    if since > w.release:
        w.note(f"{name} is not protected in {w.release}; nothing is asked")
        return
    before = _config(w)
    body = f"productEnvName=elsewhere\n{name}=x".encode()
    answer = w.namesrv.request(RequestCode.UPDATE_NAMESRV_CONFIG, body=body)
    remark = w.by_release(
        {"4.9": "Can not update config path", "5.5": "Can not update config in black list."}
    )
    w.expect(answer, code=ResponseCode.NO_PERMISSION, remark=remark)
    w.equal(_config(w), before, "configuration")


@case("NAMESRV-ADMIN-11/whole", rules=["NAMESRV-ADMIN-11"], needs=_NAMESRV)
def printed_whole(w: Wire) -> None:
    """The configuration is printed one setting to a line, defaults too."""
    config = _config(w)
    expected = {
        "orderMessageEnable": "false",
        "clusterTest": "false",
        "serverChannelMaxIdleTimeSeconds": "120",
        "serverWorkerThreads": "8",
    }
    if w.release == "5.5":
        expected |= {"needWaitForService": "false", "returnOrderTopicConfigToBroker": "true"}
    w.equal({name: config.get(name) for name in expected}, expected, "defaults")


@case(
    "NAMESRV-ADMIN-12/members",
    rules=["NAMESRV-ADMIN-12"],
    releases=["5.5"],
    needs=_NAMESRV,
)
def members(w: Wire) -> None:
    """The members of a broker group are told by id."""
    with (
        fake_broker(w) as master,
        fake_broker(w, name=master.name, cluster=master.cluster, broker_id=4) as slave,
    ):
        master.register(two(w))
        slave.register({})
        answer = w.namesrv.request(
            RequestCode.GET_BROKER_MEMBER_GROUP,
            ext={"clusterName": master.cluster, "brokerName": master.name},
        )
        w.expect(answer, code=ResponseCode.SUCCESS, remark="not set any response code")
        addresses = dig(answer.json(), "brokerMemberGroup", "brokerAddrs")
        w.equal(addresses, {"0": master.address, "4": slave.address}, "members")


def _config(w: Wire) -> dict[str, str]:
    answer = w.namesrv.request(RequestCode.GET_NAMESRV_CONFIG)
    w.expect(answer, code=ResponseCode.SUCCESS)
    lines = answer.body.decode().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


@contextmanager
def _setting(w: Wire, text: str, back: str) -> Iterator[None]:
    """Change the shared name server's configuration for a while."""
    answer = w.namesrv.request(RequestCode.UPDATE_NAMESRV_CONFIG, body=text.encode())
    try:
        w.expect(answer, code=ResponseCode.SUCCESS)
        yield
    finally:
        answer = w.namesrv.request(RequestCode.UPDATE_NAMESRV_CONFIG, body=back.encode())
    w.expect(answer, code=ResponseCode.SUCCESS)


def _list(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list), value
    return value
