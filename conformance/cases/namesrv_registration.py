"""Registration and departure of brokers, with brokers of the case's own making."""

import re
import zlib

from conformance.case import case
from conformance.connection import ExtValue
from conformance.fake_broker import TopicEntry, fake_broker, queue_entries, two
from conformance.matching import ABSENT, dig
from conformance.session import compact_json
from conformance.target import Capability
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_NAMESRV = [Capability.NAMESRV]
_CLOCK = [Capability.NAMESRV, Capability.CLOCK]
_EXPIRES_MS = 120_000
_SCAN_MS = 10_000


@case(
    "NAMESRV-LIFECYCLE-1/known-and-routed",
    rules=["NAMESRV-LIFECYCLE-1", "NAMESRV-ROUTE-1"],
    needs=_NAMESRV,
)
def known_and_routed(w: Wire) -> None:
    """A registered master is in the cluster, under its id, and has its topics routed."""
    topics = two(w)
    with fake_broker(w) as broker:
        answer = broker.register(topics)
        w.expect(answer, code=0, ext={"haServerAddr": ABSENT, "masterAddr": ABSENT})
        info = w.namesrv.request(RequestCode.GET_BROKER_CLUSTER_INFO).json()
        names = dig(info, "clusterAddrTable", broker.cluster)
        w.equal(names, [broker.name], "broker names of the cluster")
        addresses = dig(info, "brokerAddrTable", broker.name, "brokerAddrs")
        w.equal(addresses, {"0": broker.address}, "addresses")
        for topic, entry in topics.items():
            route = w.route(topic)
            queue = dig(route, "queueDatas", 0)
            found = (dig(queue, "brokerName"), dig(queue, "readQueueNums"))
            w.equal(found, (broker.name, entry.read), "name and read queues")
            w.equal(dig(queue, "writeQueueNums"), entry.write, "write queues")
            w.equal(dig(route, "brokerDatas", 0, "cluster"), broker.cluster, "cluster")


@case(
    "NAMESRV-LIFECYCLE-1/slave-learns-of-its-master",
    rules=["NAMESRV-LIFECYCLE-1"],
    needs=_NAMESRV,
)
def slave_learns(w: Wire) -> None:
    """The answer to a slave names its master and the address for replication."""
    with (
        fake_broker(w) as master,
        fake_broker(w, name=master.name, cluster=master.cluster, broker_id=1) as slave,
    ):
        alone = slave.register({})
        w.expect(alone, code=0, ext={"masterAddr": ABSENT, "haServerAddr": ABSENT})
        master.register(two(w))
        w.expect(
            slave.register({}),
            code=0,
            ext={"masterAddr": master.address, "haServerAddr": master.ha_address},
        )


@case(
    "NAMESRV-LIFECYCLE-1/topics-of-a-slave",
    rules=["NAMESRV-LIFECYCLE-1"],
    needs=_NAMESRV,
)
def topics_of_a_slave(w: Wire) -> None:
    """A slave's topics make no queue entries."""
    topics = two(w)
    with fake_broker(w, broker_id=1) as slave:
        slave.register(topics)
        w.check(slave.is_known(), "the slave is not known")
        w.equal([queue_entries(w, topic) for topic in topics], [[], []], "queue entries")


@case(
    "NAMESRV-LIFECYCLE-1/two-brokers-of-one-topic",
    rules=["NAMESRV-LIFECYCLE-1", "NAMESRV-ROUTE-1"],
    needs=_NAMESRV,
)
def two_brokers(w: Wire) -> None:
    """The route of a topic holds the queues and addresses of every broker that has it."""
    topics = two(w)
    with fake_broker(w) as first, fake_broker(w, cluster=first.cluster) as second:
        first.register(topics)
        second.register(topics)
        for topic in topics:
            route = w.route(topic)
            text = str(route)
            w.equal(len(queue_entries(w, topic)), 2, "queue entries")
            w.check(first.address in text and second.address in text, f"addresses in {text}")


@case("NAMESRV-LIFECYCLE-2/slave-becomes-master", rules=["NAMESRV-LIFECYCLE-2"], needs=_NAMESRV)
def slave_becomes_master(w: Wire) -> None:
    """An address that registers under another id is listed under this one alone."""
    with fake_broker(w, broker_id=1) as broker:
        broker.register({})
        broker.broker_id = 0
        broker.register(two(w))
        info = w.namesrv.request(RequestCode.GET_BROKER_CLUSTER_INFO).json()
        addresses = dig(info, "brokerAddrTable", broker.name, "brokerAddrs")
        w.equal(addresses, {"0": broker.address}, "addresses")


@case(
    "NAMESRV-LIFECYCLE-3/checksum",
    rules=["NAMESRV-LIFECYCLE-3"],
    needs=_NAMESRV,
    matrix={
        "one-off": {"delta": 1, "taken": 0},
        "negative": {"delta": -(2**31), "taken": 0},
        "equal": {"delta": 0, "taken": 1},
    },
)
def checksum(w: Wire, delta: int, taken: int) -> None:
    """A body is taken only with its own checksum; a refused one changes no table."""
    topics = two(w)
    with fake_broker(w) as broker:
        body = broker.body(topics)
        right = zlib.crc32(body) & 0x7FFFFFFF
        response = broker.try_register(body, bodyCrc32=delta if delta < 0 else right + delta)
        if taken:
            w.expect(response, code=ResponseCode.SUCCESS)
        else:
            w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark="crc32 not match")
        w.equal(broker.is_known(), bool(taken), "known")
        w.equal(all(queue_entries(w, topic) for topic in topics), bool(taken), "routed")


@case(
    "NAMESRV-LIFECYCLE-3/no-checksum",
    rules=["NAMESRV-LIFECYCLE-3"],
    needs=_NAMESRV,
    matrix={"zero": {"crc": "0"}, "absent": {"crc": ""}},
)
def no_checksum(w: Wire, crc: str) -> None:
    """A checksum of 0, or none, is not compared."""
    topics = two(w)
    with fake_broker(w) as broker:
        response = broker.try_register(broker.body(topics), bodyCrc32=crc or None)
        w.expect(response, code=ResponseCode.SUCCESS)
        w.check(all(queue_entries(w, topic) for topic in topics), "the topics have no route")


@case(
    "NAMESRV-LIFECYCLE-4/equal-version",
    rules=["NAMESRV-LIFECYCLE-4"],
    needs=_NAMESRV,
)
def equal_version(w: Wire) -> None:
    """A table with a known version changes nothing; in 5.5 its new topics are taken."""
    topics = two(w)
    known = next(iter(topics))
    new = w.unique("T")
    changed = {**topics, known: TopicEntry(read=9, write=9), new: TopicEntry()}
    with fake_broker(w) as broker:
        broker.register(topics)
        broker.register(changed)
        w.equal(dig(queue_entries(w, known), 0, "readQueueNums"), 4, "queues of the known topic")
        w.equal(bool(queue_entries(w, new)), w.switch.namesrv_knows_groups, "new topic routed")
        broker.register(changed, counter=2)
        w.equal(dig(queue_entries(w, known), 0, "readQueueNums"), 9, "queues after a new version")
        w.check(queue_entries(w, new), "a new version brings no new topic")


@case("NAMESRV-LIFECYCLE-4/older-version", rules=["NAMESRV-LIFECYCLE-4"], needs=_NAMESRV)
def older_version(w: Wire) -> None:
    """Versions are compared for equality: a smaller counter is a change too."""
    topics = two(w)
    known = next(iter(topics))
    with fake_broker(w) as broker:
        broker.register(topics, counter=5)
        broker.register({**topics, known: TopicEntry(read=1, write=1)}, counter=4)
        w.equal(dig(queue_entries(w, known), 0, "readQueueNums"), 1, "queues")


@case("NAMESRV-LIFECYCLE-4/absent-topic-stays", rules=["NAMESRV-LIFECYCLE-4"], needs=_NAMESRV)
def absent_topic_stays(w: Wire) -> None:
    """A topic that a later table lacks keeps its route: deleting is asked for, not inferred."""
    topics = two(w)
    first, second = topics
    with fake_broker(w) as broker:
        broker.register(topics)
        broker.register({first: TopicEntry()}, counter=2)
        w.check(queue_entries(w, second), "the topic that is not announced any more has no route")


@case(
    "NAMESRV-LIFECYCLE-4/data-version",
    rules=["NAMESRV-LIFECYCLE-4"],
    needs=_NAMESRV,
)
def data_version(w: Wire) -> None:
    """QUERY_DATA_VERSION compares with the stored version, and answers it."""
    with fake_broker(w) as broker:
        unknown = broker.query_version(1)
        w.expect(unknown, code=0, ext={"changed": "true"}, body=b"")
        broker.register(two(w), counter=3)
        same = broker.query_version(3)
        w.expect(same, code=0, ext={"changed": "false"})
        w.equal(dig(same.json(), "counter"), 3, "counter of the stored version")
        w.equal(dig(same.json(), "timestamp"), broker.epoch, "time of the stored version")
        other = broker.query_version(4)
        w.expect(other, code=0, ext={"changed": "true"})
        w.equal(dig(other.json(), "counter"), 3, "counter of the stored version")


@case(
    "NAMESRV-LIFECYCLE-6/compressed",
    rules=["NAMESRV-LIFECYCLE-6", "NAMESRV-ROUTE-10"],
    needs=_NAMESRV,
)
def compressed(w: Wire) -> None:
    """A deflated body brings topics, version and filter servers."""
    topics = two(w)
    with fake_broker(w) as broker:
        body = broker.compressed_body(topics, counter=6, filter_servers=["10.0.0.9:1"])
        w.expect(broker.try_register(body, compressed=True), code=ResponseCode.SUCCESS)
        for topic, entry in topics.items():
            w.equal(dig(queue_entries(w, topic), 0, "writeQueueNums"), entry.write, "write queues")
        w.expect(broker.query_version(6), code=0, ext={"changed": "false"})
        route = w.route(next(iter(topics)))
        servers = dig(route, "filterServerTable", broker.address)
        w.equal(servers, ["10.0.0.9:1"], "filter servers")


@case("NAMESRV-LIFECYCLE-6/before-3.0.11", rules=["NAMESRV-LIFECYCLE-6"], needs=_NAMESRV)
def before_3_0_11(w: Wire) -> None:
    """An old broker sends the table of topics alone."""
    topics = two(w)
    with fake_broker(w) as broker:
        broker.register_old(topics)
        w.equal(
            [bool(queue_entries(w, topic)) for topic in topics],
            [True, True],
            "topics with a route",
        )


@case("NAMESRV-LIFECYCLE-6/no-body", rules=["NAMESRV-LIFECYCLE-6"], needs=_NAMESRV)
def no_body(w: Wire) -> None:
    """A broker without a body is known, with version 0."""
    with fake_broker(w) as broker:
        w.expect(broker.try_register(b"", bodyCrc32=0), code=ResponseCode.SUCCESS)
        w.check(broker.is_known(), "the broker is not known")
        w.equal(dig(broker.query_version(1).json(), "counter"), 0, "counter")


@case(
    "NAMESRV-LIFECYCLE-6/unreadable-body",
    rules=["NAMESRV-LIFECYCLE-6", "NAMESRV-LIFECYCLE-18"],
    needs=_NAMESRV,
    matrix={
        "no-json": {"body": b"{]", "compressed": "false"},
        "another-type": {"body": b"[1,2]", "compressed": "false"},
        "not-deflated": {"body": b"plain", "compressed": "true"},
        "cut-off": {"body": zlib.compress(b"\x00\x00\x00\x40{"), "compressed": "true"},
    },
)
def unreadable_body(w: Wire, body: bytes, compressed: str) -> None:
    """A body that cannot be read is refused, and the broker stays unknown."""
    with fake_broker(w) as broker:
        response = broker.try_register(body, compressed=compressed)
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=re.compile("Exception"))
        w.check(not broker.is_known(), "a refused registration made the broker known")


@case(
    "NAMESRV-LIFECYCLE-7/older-state",
    rules=["NAMESRV-LIFECYCLE-7"],
    releases=["5.5"],
    needs=_NAMESRV,
)
def older_state(w: Wire) -> None:
    """A broker with an older state does not take the id of a newer one."""
    topics = two(w)
    more = two(w)
    with (
        fake_broker(w) as new,
        fake_broker(w, name=new.name, cluster=new.cluster) as old,
    ):
        new.register(topics, state=2)
        old.register(more, state=1)
        w.check(new.is_known() and not old.is_known(), "the older state took the id")
        w.equal([queue_entries(w, topic) for topic in more], [[], []], "topics of the older")
        old.register(more, state=3)
        w.check(old.is_known() and not new.is_known(), "the newer state did not take the id")


@case("NAMESRV-LIFECYCLE-9/one-address-in-two-clusters", rules=["NAMESRV-LIFECYCLE-9"],
      needs=_NAMESRV)  # fmt: skip
def one_address_two_clusters(w: Wire) -> None:
    """Up to 4.9 an address is one live broker, whatever its cluster; in 5.5 two clusters, two."""
    with fake_broker(w) as one, fake_broker(w) as other:
        other.address = one.address
        one.register(two(w), counter=1)
        other.register(two(w), counter=2)
        changed = "false" if w.switch.namesrv_knows_groups else "true"
        w.expect(one.query_version(1), code=0, ext={"changed": changed})


@case(
    "NAMESRV-LIFECYCLE-18/no-table-changes",
    rules=["NAMESRV-LIFECYCLE-18", "NAMESRV-LIFECYCLE-4"],
    needs=_NAMESRV,
)
def unreadable_version(w: Wire) -> None:
    """A data version that cannot be read is refused and renews nothing."""
    with fake_broker(w) as broker:
        broker.register(two(w))
        response = w.namesrv.request(
            RequestCode.QUERY_DATA_VERSION, ext=broker.identity, body=b'{"counter":'
        )
        w.expect(response, code=ResponseCode.SYSTEM_ERROR, remark=re.compile("Exception"))
        w.expect(broker.query_version(1), code=0, ext={"changed": "false"})


@case(
    "NAMESRV-LIFECYCLE-20/nothing-under-null",
    rules=["NAMESRV-LIFECYCLE-20"],
    needs=_NAMESRV,
    matrix={
        "name": {"missing": "brokerName"},
        "address": {"missing": "brokerAddr"},
        "cluster": {"missing": "clusterName"},
    },
    fresh=True,
)
def nothing_under_null(w: Wire, missing: str) -> None:
    """A broker without name, address or cluster is answered, but shown to nobody."""
    topics = two(w)
    before = w.namesrv.request(RequestCode.GET_BROKER_CLUSTER_INFO).body
    with fake_broker(w) as broker:
        response = broker.try_register(broker.body(topics), **{missing: None})
        w.expect(response, code=ResponseCode.SUCCESS)
        after = w.namesrv.request(RequestCode.GET_BROKER_CLUSTER_INFO).body
        w.namesrv.request(RequestCode.UNREGISTER_BROKER, ext={**broker.identity, missing: None})
        w.equal(after, before, "cluster information")


@case(
    "NAMESRV-KV-7/order-configuration",
    rules=["NAMESRV-KV-7", "NAMESRV-ROUTE-4"],
    needs=_NAMESRV,
    fresh=True,
)
def order_configuration(w: Wire) -> None:
    """The order configuration reaches registering brokers, and routes where that is switched on."""
    topics = two(w)
    topic = next(iter(topics))
    conf = "broker-a:4;broker-b:2"
    where: dict[str, ExtValue] = {"namespace": "ORDER_TOPIC_CONFIG", "key": topic}
    with fake_broker(w) as broker:
        put = w.namesrv.request(RequestCode.PUT_KV_CONFIG, ext={**where, "value": conf})
        w.expect(put, code=ResponseCode.SUCCESS)
        answer = broker.register(topics)
        w.equal(dig(answer.json(), "table", topic), conf, "order configuration")
        route = w.route(topic)
        w.check(route is not None and "orderTopicConf" not in route, "switched off, but told")
        _set(w, "orderMessageEnable=true")
        try:
            w.equal(dig(w.route(topic), "orderTopicConf"), conf, "orderTopicConf")
            other = w.route(next(t for t in topics if t != topic))
            w.check(other is not None and "orderTopicConf" not in other, "told of another topic")
        finally:
            _set(w, "orderMessageEnable=false")
            w.namesrv.request(RequestCode.DELETE_KV_CONFIG, ext=where)
        answer = broker.register(topics)
        w.equal(dig(answer.json(), "table"), {}, "order configuration of an emptied namespace")


def _set(w: Wire, text: str) -> None:
    answer = w.namesrv.request(RequestCode.UPDATE_NAMESRV_CONFIG, body=text.encode())
    w.expect(answer, code=ResponseCode.SUCCESS)


@case(
    "NAMESRV-ADMIN-13/queues-of-known-brokers",
    rules=["NAMESRV-ADMIN-13"],
    releases=["5.5"],
    needs=_NAMESRV,
)
def queues_of_known_brokers(w: Wire) -> None:
    """A new topic is taken when all of its brokers are known, and not in part."""
    topic, mixed = w.unique("T"), w.unique("T")
    with fake_broker(w) as broker:
        broker.register(two(w))
        entry: JsonValue = {
            "brokerName": broker.name,
            "readQueueNums": 1,
            "writeQueueNums": 2,
            "perm": 6,
            "topicSysFlag": 0,
        }
        unknown: JsonValue = (
            {**entry, "brokerName": w.unique("B")} if isinstance(entry, dict) else {}
        )
        for name, entries in ((topic, [entry]), (mixed, [entry, unknown])):
            queues: list[JsonValue] = list(entries)
            body: JsonValue = {"queueDatas": queues, "brokerDatas": []}
            answer = w.namesrv.request(
                RequestCode.REGISTER_TOPIC_IN_NAMESRV, ext={"topic": name}, body=compact_json(body)
            )
            w.expect(answer, code=ResponseCode.SUCCESS)
        w.equal(dig(queue_entries(w, topic), 0, "writeQueueNums"), 2, "write queues")
        w.equal(queue_entries(w, mixed), [], "queue entries of the half known topic")
