"""Departure of brokers: asked for, by silence, with their channel."""

from conformance.case import case
from conformance.connection import ExtValue
from conformance.fake_broker import FakeBroker, TopicEntry, fake_broker, queue_entries, two
from conformance.matching import dig
from conformance.target import Capability, Port
from conformance.wire import PERM_READ, Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_NAMESRV = [Capability.NAMESRV]
_CLOCK = [Capability.NAMESRV, Capability.CLOCK]
_EXPIRES_MS = 120_000
_SCAN_MS = 10_000


def _await_gone(w: Wire, broker: FakeBroker) -> None:
    w.eventually(lambda: not broker.is_known(), what=f"departure of {broker.address}")


@case(
    "NAMESRV-LIFECYCLE-5/signs-of-life",
    rules=["NAMESRV-LIFECYCLE-5", "NAMESRV-LIFECYCLE-13"],
    needs=_CLOCK,
    matrix={
        "registration": {"sign": "register"},
        "equal-version": {"sign": "equal"},
        "other-version": {"sign": "other"},
    },
)
def signs_of_life(w: Wire, sign: str) -> None:
    """A broker that registers, or asks with its version, lives on for another two minutes."""
    topics = two(w)
    own = w.connect(Port.NAMESRV)
    with fake_broker(w, on=own) as broker:
        broker.register(topics)
        w.advance(100_000)
        if sign == "register":
            broker.register(topics)
        else:
            broker.query_version(1 if sign == "equal" else 2)
        w.advance(100_000)
        renewed = sign != "other" or w.switch.namesrv_knows_groups
        w.equal(broker.is_known(), renewed, "known after 200 s")
        if not renewed:
            own.expect_close()


@case(
    "NAMESRV-LIFECYCLE-5/heartbeat",
    rules=["NAMESRV-LIFECYCLE-5"],
    releases=["5.5"],
    needs=_CLOCK,
)
def heartbeat(w: Wire) -> None:
    """BROKER_HEARTBEAT renews a broker."""
    own = w.connect(Port.NAMESRV)
    with fake_broker(w, on=own) as broker:
        broker.register(two(w))
        w.advance(100_000)
        w.expect(own.request(RequestCode.BROKER_HEARTBEAT, ext=broker.identity), code=0)
        w.advance(100_000)
        w.check(broker.is_known(), "the broker expired in spite of its heartbeat")


@case(
    "NAMESRV-LIFECYCLE-10/topics-go-with-the-name",
    rules=["NAMESRV-LIFECYCLE-10", "NAMESRV-LIFECYCLE-11"],
    needs=_NAMESRV,
)
def topics_go(w: Wire) -> None:
    """The last address takes name, cluster, queue entries and empty topics with it."""
    topics = two(w)
    shared = next(iter(topics))
    with fake_broker(w) as stays, fake_broker(w) as goes:
        stays.register({shared: TopicEntry(), w.unique("T"): TopicEntry()})
        goes.register(topics)
        goes.unregister()
        if not w.switch.namesrv_unregisters_in_batches:
            w.check(not goes.is_known(), "answered, but not done")
        _await_gone(w, goes)
        info = w.namesrv.request(RequestCode.GET_BROKER_CLUSTER_INFO).json()
        clusters = dig(info, "clusterAddrTable")
        w.check(isinstance(clusters, dict) and goes.cluster not in clusters, "the cluster is left")
        names = [dig(queue, "brokerName") for queue in queue_entries(w, shared)]
        w.equal(names, [stays.name], "queue entries of the shared topic")
        gone = [topic for topic in topics if topic != shared]
        w.equal([w.route(topic) for topic in gone], [None], "routes of the other topic")


@case(
    "NAMESRV-LIFECYCLE-10/slave-stays",
    rules=["NAMESRV-LIFECYCLE-10"],
    needs=_NAMESRV,
)
def slave_stays(w: Wire) -> None:
    """While a slave is there, the topics of a departed master keep their route."""
    topics = two(w)
    with (
        fake_broker(w) as master,
        fake_broker(w, name=master.name, cluster=master.cluster, broker_id=1) as slave,
    ):
        master.register(topics)
        slave.register({})
        master.unregister()
        _await_gone(w, master)
        route = w.route(next(iter(topics)))
        addresses = dig(route, "brokerDatas", 0, "brokerAddrs")
        w.equal(addresses, {"1": slave.address}, "addresses")
        w.equal(dig(route, "queueDatas", 0, "perm"), 6, "permission")


@case(
    "NAMESRV-LIFECYCLE-10/another-id",
    rules=["NAMESRV-LIFECYCLE-10"],
    needs=_NAMESRV,
)
def another_id(w: Wire) -> None:
    """Up to 4.9 what is stored under the id goes, in 5.5 the address under whatever id."""
    with (
        fake_broker(w) as master,
        fake_broker(w, name=master.name, cluster=master.cluster, broker_id=1) as slave,
    ):
        master.register(two(w))
        slave.register({})
        master.unregister(brokerId=1)
        gone = master if w.switch.namesrv_unregisters_in_batches else slave
        _await_gone(w, gone)
        w.check((slave if gone is master else master).is_known(), "both are gone")


@case(
    "NAMESRV-LIFECYCLE-12/no-master-no-writing",
    rules=["NAMESRV-LIFECYCLE-12"],
    releases=["5.5"],
    needs=_NAMESRV,
)
def no_master_no_writing(w: Wire) -> None:
    """Where slaves may act, the write bit goes with the master and comes back with it."""
    topics = two(w)
    topic = next(iter(topics))
    with (
        fake_broker(w) as master,
        fake_broker(w, name=master.name, cluster=master.cluster, broker_id=1) as slave,
    ):
        master.register(topics, enableActingMaster=True)
        slave.register(topics, enableActingMaster=True)
        w.equal(dig(queue_entries(w, topic), 0, "perm"), 6, "permission with a master")
        master.unregister()
        _await_gone(w, master)
        w.eventually(
            lambda: dig(queue_entries(w, topic), 0, "perm") == PERM_READ, what="loss of write"
        )
        master.register(topics, enableActingMaster=True)
        w.equal(dig(queue_entries(w, topic), 0, "perm"), 6, "permission with a master again")


@case(
    "NAMESRV-LIFECYCLE-13/silent-broker",
    rules=["NAMESRV-LIFECYCLE-13"],
    needs=_CLOCK,
    matrix={"in-time": {"waited": 119_000}, "over": {"waited": _EXPIRES_MS + _SCAN_MS + 1}},
)
def silent_broker(w: Wire, waited: int) -> None:
    """After two minutes of silence a broker is out, its channel closed; not before."""
    topics = two(w)
    own = w.connect(Port.NAMESRV)
    with fake_broker(w, on=own) as broker:
        broker.register(topics)
        w.advance(waited)
        lives = waited < _EXPIRES_MS
        w.equal(broker.is_known(), lives, "known")
        w.equal(bool(queue_entries(w, next(iter(topics)))), lives, "routed")
        if lives:
            own.expect_open()
        else:
            own.expect_close()


@case(
    "NAMESRV-LIFECYCLE-13/announced-time",
    rules=["NAMESRV-LIFECYCLE-13", "NAMESRV-LIFECYCLE-9"],
    needs=_CLOCK,
)
def announced_time(w: Wire) -> None:
    """In 5.5 a broker may announce how long it lives in silence; others do not listen."""
    own = w.connect(Port.NAMESRV)
    with fake_broker(w, on=own) as broker:
        broker.register(two(w), heartbeatTimeoutMillis=10_000)
        w.advance(30_000)
        w.equal(broker.is_known(), not w.switch.namesrv_knows_groups, "known after 30 s")
        if w.switch.namesrv_knows_groups:
            own.expect_close()


@case(
    "NAMESRV-LIFECYCLE-14/channel-closes",
    rules=["NAMESRV-LIFECYCLE-14"],
    needs=_NAMESRV,
)
def channel_closes(w: Wire) -> None:
    """A broker departs with the channel over which it registered, and its topics with it."""
    topics = two(w)
    own = w.connect(Port.NAMESRV)
    with fake_broker(w, on=own) as broker:
        broker.register(topics)
        own.close()
        _await_gone(w, broker)
        w.equal(w.route(next(iter(topics))), None, "route")


@case(
    "NAMESRV-LIFECYCLE-14/other-channel-closes",
    rules=["NAMESRV-LIFECYCLE-14"],
    needs=_NAMESRV,
)
def other_channel_closes(w: Wire) -> None:
    """The last registration decides over which channel a broker lives."""
    topics = two(w)
    first, second = w.connect(Port.NAMESRV), w.connect(Port.NAMESRV)
    witness = w.connect(Port.NAMESRV)
    with fake_broker(w, on=first) as broker, fake_broker(w, on=witness) as other:
        broker.register(topics)
        broker._on = second  # noqa: SLF001 - the broker reconnects
        broker.register(topics)
        other.register(two(w))
        first.close()
        witness.close()
        _await_gone(w, other)  # channels close in order: the first has been noticed
        w.check(broker.is_known(), "the broker left with a channel that it had left")


@case(
    "NAMESRV-LIFECYCLE-19/no-name",
    rules=["NAMESRV-LIFECYCLE-19"],
    releases=["4.6", "4.9"],
    needs=_NAMESRV,
)
def departure_without_a_name(w: Wire) -> None:
    """A departure without a name takes the sign of life of the address, and no route."""
    topics = two(w)
    with fake_broker(w) as broker:
        broker.register(topics)
        nobody: dict[str, ExtValue] = {**broker.identity, "brokerName": None}
        answer = w.namesrv.request(RequestCode.UNREGISTER_BROKER, ext=nobody)
        w.expect(answer, code=ResponseCode.SUCCESS)
        w.check(broker.is_known(), "the broker left without its name")
        w.check(all(queue_entries(w, topic) for topic in topics), "the topics lost their route")
        w.expect(broker.query_version(1), code=0, ext={"changed": "true"}, body=b"")


@case(
    "NAMESRV-LIFECYCLE-19/no-address",
    rules=["NAMESRV-LIFECYCLE-19", "NAMESRV-LIFECYCLE-10"],
    releases=["4.6", "4.9"],
    needs=_NAMESRV,
)
def departure_without_an_address(w: Wire) -> None:
    """A departure without an address takes what is stored under the id."""
    topics = two(w)
    with fake_broker(w) as broker:
        broker.register(topics)
        by_id: dict[str, ExtValue] = {**broker.identity, "brokerAddr": None}
        answer = w.namesrv.request(RequestCode.UNREGISTER_BROKER, ext=by_id)
        w.expect(answer, code=ResponseCode.SUCCESS)
        w.check(not broker.is_known(), "the broker is still known")
        w.equal([w.route(topic) for topic in topics], [None, None], "routes")


@case(
    "NAMESRV-LIFECYCLE-19/departures-beside-it",
    rules=["NAMESRV-LIFECYCLE-19", "NAMESRV-LIFECYCLE-11"],
    needs=_NAMESRV,
)
def departures_beside_it(w: Wire) -> None:
    """A departure without an id leaves other brokers and their departures alone."""
    with fake_broker(w) as goes, fake_broker(w) as stays:
        goes.register(two(w))
        stays.register(two(w))
        nobody: dict[str, ExtValue] = {**stays.identity, "brokerId": None}
        submitted = w.namesrv.submit(RequestCode.UNREGISTER_BROKER, ext=nobody)
        goes.unregister()
        batched = w.switch.namesrv_unregisters_in_batches
        code = ResponseCode.SUCCESS if batched else ResponseCode.SYSTEM_ERROR
        w.expect(w.namesrv.answer(submitted), code=code)
        _await_gone(w, goes)
        if not batched:  # Apache 5.5.0 removes what it can before it meets the null
            w.check(stays.is_known(), "an incomplete departure removed a broker")
