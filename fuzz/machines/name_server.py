"""The tables of a name server agree, whoever registers, leaves, falls silent or hangs up."""

from collections.abc import Mapping
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from fuzz.stateful.machine import CountedMachine
from fuzz.stateful.registry import Machine
from refimpl.model.data_version import DataVersion
from refimpl.model.ids import ChannelId, Millis
from refimpl.model.override import override
from refimpl.model.release import RELEASES
from refimpl.model.topic_config import TopicConfig
from refimpl.namesrv import invariants as tables
from refimpl.namesrv.name_server import SCAN_NOT_ACTIVE_BROKER
from refimpl.remoting.body.register_broker import RegisterBrokerBody
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.header.registration import (
    RegisterBrokerRequestHeader,
    UnRegisterBrokerRequestHeader,
)
from refimpl.remoting.header.route import GetRouteInfoRequestHeader
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.node_lab import NameServerLab

REGISTER_BROKER, UNREGISTER_BROKER, GET_ROUTE = 103, 104, 105
SUCCESS, TOPIC_NOT_EXIST = 0, 17
NAMES = ("a", "b")
TOPICS = ("T1", "T2", "T3")
HANG_UP, SILENCE, DAMAGED, NO_SPACE = "hang-up", "silence", "damaged-body", "no-space"
PUT_KV_CONFIG, DELETE_KV_CONFIG = 100, 102
_names = st.sampled_from(NAMES)
_ids = st.sampled_from((0, 1))
_places = st.integers(0, 2)


class NameServerMachine(CountedMachine):
    """Two broker names, two ids, three addresses each; the model is what the masters told."""

    FAULTS: ClassVar[tuple[str, ...]] = (HANG_UP, SILENCE, DAMAGED, NO_SPACE)
    WEIGHTS: ClassVar[Mapping[str, int]] = {"register": 4}
    lab: NameServerLab

    @initialize(release=st.sampled_from(sorted(RELEASES)))
    def begin(self, release: str) -> None:
        """Start a name server that knows nobody."""
        self.lab = NameServerLab(RELEASES[release], CrashDisk())
        self.lab.start()
        self.channels: dict[str, ChannelId] = {}
        self.told: dict[str, tuple[str, ...]] = {}  # broker name -> topics of its master's table
        self.counter = 0
        self.values: dict[str, dict[str, str]] = {}  # key-value configuration, as it was told

    @override
    def teardown(self) -> None:
        """Nothing is held outside."""

    def _channel(self, address: str) -> ChannelId:
        channel = self.channels.get(address)
        if channel is None or not self.lab.is_open(channel):
            channel = self.channels[address] = self.lab.open()
        return channel

    def _register(
        self,
        name: str,
        broker_id: int,
        place: int,
        topics: tuple[str, ...],
        *,
        crc: int | None = None,
        filters: tuple[str, ...] = (),
    ) -> RemotingCommand:
        self.counter += 1
        address = f"10.0.{NAMES.index(name)}.{place}:10911"
        body = RegisterBrokerBody(
            data_version=DataVersion(timestamp=Millis(7), counter=self.counter),
            topic_config_table={topic: TopicConfig(topic_name=topic) for topic in topics},
            filter_server_list=filters,
        ).encode(self.lab.release, compressed=False)
        header = RegisterBrokerRequestHeader(
            broker_name=name,
            broker_addr=address,
            cluster_name="C",
            ha_server_addr="10.0.0.9:10912",
            broker_id=broker_id,
            compressed=False,
            body_crc32=crc or 0,
        )
        answer = self.lab.ask(self._channel(address), REGISTER_BROKER, header, body)
        self.lab.settle()
        return answer

    @rule(
        name=_names,
        broker_id=_ids,
        place=_places,
        count=st.integers(1, 3),
        filters=st.sampled_from(((), ("10.0.0.8:1",))),
    )
    def register(
        self, name: str, broker_id: int, place: int, count: int, filters: tuple[str, ...]
    ) -> None:
        """NAMESRV-LIFECYCLE-1, -2, -4: a whole table, or one topic, of a master or a slave."""
        topics = TOPICS[:count]
        answer = self._register(name, broker_id, place, topics, filters=filters)
        if answer.code != SUCCESS:
            refuses = self.lab.release.namesrv_refuses_partial_registration
            if not (refuses and count == 1):
                self.broken("NAMESRV-LIFECYCLE-1", str(answer))
            return
        if broker_id == 0:
            self.told[name] = topics

    @rule(name=_names, broker_id=_ids, place=_places)
    def unregister(self, name: str, broker_id: int, place: int) -> None:
        """NAMESRV-LIFECYCLE-10: under the right id, or under another."""
        address = f"10.0.{NAMES.index(name)}.{place}:10911"
        entry = self.lab.server.context.routes.broker_addr_table.get(name)
        there = None if entry is None else entry.addresses.get(broker_id)
        if there not in {None, address} and not self.lab.release.namesrv_knows_groups:
            return  # 4.x believes the id: what is live under the address then has no name
        if entry is not None and address in entry.addresses.values() and there != address:
            return
        header = UnRegisterBrokerRequestHeader(
            broker_name=name, broker_addr=address, cluster_name="C", broker_id=broker_id
        )
        self.lab.ask(self._channel(f"observer {name}"), UNREGISTER_BROKER, header)
        self.lab.settle()
        self._forget_gone()

    @precondition(lambda self: self.allows(DAMAGED))
    @rule(name=_names, place=_places)
    def register_damaged(self, name: str, place: int) -> None:
        """NAMESRV-LIFECYCLE-3: a refused body changes nothing."""
        before = self._everything()
        answer = self._register(name, 0, place, TOPICS, crc=12345)
        self.fault(DAMAGED)
        if answer.code == SUCCESS or before != self._everything():
            self.broken("RefusalChangesNothing", f"{answer.code}: {before}")

    @precondition(lambda self: self.channels and self.allows(HANG_UP))
    @rule(which=st.integers(0, 5))
    def hang_up(self, which: int) -> None:
        """NAMESRV-LIFECYCLE-14: a broker departs with its channel."""
        self.fault(HANG_UP)
        address = list(self.channels)[which % len(self.channels)]
        self.lab.close(self.channels.pop(address))
        self.lab.settle()
        self._forget_gone()

    @precondition(lambda self: self.allows(SILENCE))
    @rule(millis=st.sampled_from((5_000, 60_000, 121_000)), talks=st.booleans())
    def be_silent(self, millis: int, talks: bool) -> None:
        """NAMESRV-LIFECYCLE-13: time passes, then the scan comes.

        Who talks of other things keeps its channel, and leaves all the same.
        """
        self.fault(SILENCE)
        self.lab.move(millis)
        for channel in self.channels.values() if talks else ():
            if self.lab.is_open(channel):
                self.lab.ask(channel, GET_ROUTE, GetRouteInfoRequestHeader(topic=TOPICS[0]))
        self.lab.step(SCAN_NOT_ACTIVE_BROKER)
        self.lab.settle()
        self.none_of(tables.overdue(self.lab.server.context.routes, self.lab.now))
        self._forget_gone()

    @rule(key=st.sampled_from(("k", "l")), value=st.sampled_from(("1", "2", None)))
    def change_value(self, key: str, value: str | None) -> None:
        """NAMESRV-KV-1, -5: PUT_KV_CONFIG, and DELETE_KV_CONFIG where there is no value."""
        if self._change_value(key, value).code != SUCCESS:
            self.broken("ToldIsKept", f"{key} refused")
        if value is not None:
            self.values.setdefault("N", {})[key] = value
        elif "N" in self.values:
            self.values["N"].pop(key, None)

    def _change_value(self, key: str, value: str | None) -> RemotingCommand:
        fields = {"namespace": "N", "key": key}
        channel = self._channel("operator")
        if value is None:
            return self.lab.ask(channel, DELETE_KV_CONFIG, fields)
        return self.lab.ask(channel, PUT_KV_CONFIG, {**fields, "value": value})

    @precondition(lambda self: self.allows(NO_SPACE))
    @rule(key=st.sampled_from(("k", "l")), value=st.sampled_from(("3", None)))
    def change_value_without_space(self, key: str, value: str | None) -> None:
        """NAMESRV-KV-8: who is refused has changed nothing."""
        disk = self.lab.disk
        assert isinstance(disk, CrashDisk)
        disk.faults = DiskFaults([DiskFault(FaultPoint.NO_SPACE_CREATE, "*.tmp")])
        answer = self._change_value(key, value)
        disk.faults = None
        self.fault(NO_SPACE)
        changes = self.values.get("N", {}).get(key) != value
        if (answer.code == SUCCESS) == changes:
            self.broken("ToldIsKept", f"{key} to {value} of {self.values}: {answer.code}")
        if self.lab.server.context.kv.config_table != self.values:
            self.broken("RefusalChangesNothing", f"{self.values}")

    @rule(killed=st.booleans())
    def restart(self, killed: bool) -> None:
        """A name server keeps its key-value configuration, and nothing of the brokers."""
        if killed:
            self.lab.kill()
        else:
            self.lab.shutdown()
        self.lab.start()
        self.channels.clear()
        self.told.clear()
        found = self.lab.server.context.kv.config_table
        if found != self.values:
            self.broken("ToldIsKept", f"{found}, told {self.values}")

    def _forget_gone(self) -> None:
        known = self.lab.server.context.routes.broker_addr_table
        self.told = {
            name: topics
            for name, topics in self.told.items()
            if name in known and 0 in known[name].addresses
        }

    def _everything(self) -> str:
        routes = self.lab.server.context.routes
        return repr(
            (
                routes.topic_queue_table,
                routes.broker_addr_table,
                routes.cluster_addr_table,
                routes.broker_live_table,
                routes.filter_server_table,
            )
        )

    @invariant()
    def tables_agree(self) -> None:
        """The six tables, and the routes that clients are given."""
        routes = self.lab.server.context.routes
        self.none_of(self.lab.answer_faults())
        self.none_of(tables.violations(routes))
        for name, topics in self.told.items():
            for topic in topics:
                if name not in routes.topic_queue_table.get(topic, {}):
                    self.broken("RegisteredIsRouted", f"{topic} of {name}")
        self._ask(TOPICS[self.counter % len(TOPICS)])
        self.visit(self._shape())

    def _ask(self, topic: str) -> None:
        header = GetRouteInfoRequestHeader(topic=topic)
        answer = self.lab.ask(self._channel("client"), GET_ROUTE, header)
        expected = any(topic in topics for topics in self.told.values())
        if expected and answer.code != SUCCESS:
            self.broken("RegisteredIsRouted", f"{topic}: {answer.code}")
        if answer.code == SUCCESS and b'"brokerAddrs":{}' in answer.body:
            self.broken(tables.BROKER_HAS_ADDRESS, f"the route of {topic}")

    def _shape(self) -> str:
        routes = self.lab.server.context.routes
        brokers = {n: sorted(e.addresses.items()) for n, e in routes.broker_addr_table.items()}
        topics = {t: sorted(q) for t, q in routes.topic_queue_table.items()}
        return repr((brokers, topics))


MACHINE = Machine(
    name="NameServer",
    machine=NameServerMachine,
    subject="refimpl.namesrv.route_info_manager",
    invariants=(
        tables.BROKER_HAS_ADDRESS,
        tables.ONE_ID_FOR_AN_ADDRESS,
        tables.CLUSTERS_NAME_BROKERS,
        tables.BROKERS_HAVE_CLUSTERS,
        tables.ROUTES_LEAD_TO_BROKERS,
        tables.TOPICS_HAVE_QUEUES,
        tables.LISTED_ARE_LIVE,
        tables.FILTERS_BELONG_TO_THE_LIVE,
        tables.NOBODY_OUTLIVES_A_SCAN,
        "RegisteredIsRouted",
        "ToldIsKept",
        "RefusalChangesNothing",
        "AtMostOneAnswer",
        "NAMESRV-LIFECYCLE-1",
    ),
    untraced="a name server stores nothing that a module speaks of",
)
