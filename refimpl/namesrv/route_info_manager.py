"""Routes: which broker has which queues of which topic, and which brokers are alive.

Java 4.9.7: namesrv/routeinfo/RouteInfoManager. Tables are Java's; where a table is a HashMap whose
order shows on the wire, it is read in that order (`java.hash_map_order`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from refimpl.model.config import Config
from refimpl.model.data_version import DataVersion
from refimpl.model.ids import ChannelId, Millis
from refimpl.model.java import hash_map_order
from refimpl.model.release import Release
from refimpl.model.sys_flag import PERM_READ, PERM_WRITE, has_unit_flag, has_unit_sub_flag
from refimpl.model.topic_config import TopicConfig
from refimpl.remoting.body.route import BrokerData, QueueData, TopicRouteData

MASTER_ID = 0
CHANNEL_EXPIRED_MILLIS = 120_000
_TOPIC_TABLE = 1024  # initial size of the table of topics, which shows in lists
_MEMBER_GROUP_PREFIX = "rmq_sys_SYNC_BROKER_MEMBER_"


class BrokerKey(NamedTuple):
    """What a live broker is known by; `cluster` is empty where the release ignores it."""

    cluster: str
    address: str


@dataclass(slots=True)
class BrokerLiveInfo:
    """Last sign of life of one broker. `version` is None while its topics are incomplete."""

    last_update: Millis
    timeout: int
    version: DataVersion | None
    channel: ChannelId
    ha_server_addr: str | None


@dataclass(slots=True)
class BrokerEntry:
    """All brokers of one name: a master and its slaves by id."""

    cluster: str
    name: str
    addresses: dict[int, str]
    enable_acting_master: bool = False
    zone_name: str | None = None

    def data(self) -> BrokerData:
        """Copy for an answer; addresses by id."""
        return BrokerData(
            cluster=self.cluster,
            broker_name=self.name,
            broker_addrs=dict(sorted(self.addresses.items())),
            enable_acting_master=self.enable_acting_master,
            zone_name=self.zone_name,
        )


class Registration(NamedTuple):
    """What one REGISTER_BROKER says."""

    cluster_name: str
    broker_addr: str
    broker_name: str
    broker_id: int
    ha_server_addr: str | None
    topics: Mapping[str, TopicConfig]
    version: DataVersion
    filter_servers: Sequence[str] | None
    channel: ChannelId
    zone_name: str | None = None
    timeout_millis: int | None = None
    enable_acting_master: bool | None = None


class RegisterBrokerResult(NamedTuple):
    """What a slave learns of its master."""

    ha_server_addr: str | None = None
    master_addr: str | None = None


class Unregistration(NamedTuple):
    """One broker that leaves."""

    cluster_name: str
    broker_addr: str
    broker_name: str
    broker_id: int


class RouteInfoManager:
    """The tables of one name server."""

    def __init__(self, release: Release, config: Callable[[], Config]) -> None:
        self._release = release
        self._config = config
        self.topic_queue_table: dict[str, dict[str, QueueData]] = {}
        self.broker_addr_table: dict[str, BrokerEntry] = {}
        self.cluster_addr_table: dict[str, dict[str, None]] = {}
        self.broker_live_table: dict[BrokerKey, BrokerLiveInfo] = {}
        self.filter_server_table: dict[BrokerKey, tuple[str, ...]] = {}

    def key(self, cluster: str, address: str) -> BrokerKey:
        """Key of the live table: NAMESRV-LIFECYCLE-9."""
        return BrokerKey(cluster if self._release.namesrv_knows_groups else "", address)

    # --- registration

    def register_broker(
        self, registration: Registration, now: Millis
    ) -> RegisterBrokerResult | None:
        """Take a broker in or renew it; None where the release refuses it.

        NAMESRV-LIFECYCLE-1, NAMESRV-LIFECYCLE-2 (one id for an address), NAMESRV-LIFECYCLE-8 (one
        topic is not a table). RouteInfoManager#registerBroker.
        """
        name, address = registration.broker_name, registration.broker_addr
        broker_id = registration.broker_id
        known = self.broker_addr_table.get(name)
        partial = len(registration.topics) == 1 and (
            known is None or broker_id not in known.addresses
        )
        if partial and self._release.namesrv_refuses_partial_registration:
            return None
        self.cluster_addr_table.setdefault(registration.cluster_name, {})[name] = None
        entry = self.broker_addr_table.get(name)
        first = entry is None
        if entry is None:
            entry = BrokerEntry(registration.cluster_name, name, {})
            self.broker_addr_table[name] = entry
        if self._release.namesrv_knows_groups:
            entry.enable_acting_master = bool(registration.enable_acting_master)
            entry.zone_name = registration.zone_name
        for other in [i for i, a in entry.addresses.items() if a == address and i != broker_id]:
            del entry.addresses[other]
        if self._release.namesrv_knows_groups and self._conflicts(registration, entry):
            self.broker_live_table.pop(self.key(registration.cluster_name, address), None)
            return RegisterBrokerResult()
        first = first or not entry.addresses.get(broker_id)
        entry.addresses[broker_id] = address
        self._take_topics(registration, entry, first=first)
        self._renew(registration, now, partial=partial)
        if broker_id != MASTER_ID:
            return self._master_of(registration.cluster_name, entry)
        return RegisterBrokerResult()

    def _conflicts(self, registration: Registration, entry: BrokerEntry) -> bool:
        """True where another address with a newer state holds the id: NAMESRV-LIFECYCLE-7."""
        old_address = entry.addresses.get(registration.broker_id)
        if old_address is None or old_address == registration.broker_addr:
            return False
        old = self.broker_live_table.get(self.key(registration.cluster_name, old_address))
        return (
            old is not None
            and old.version is not None
            and old.version.state_version > registration.version.state_version
        )

    def _take_topics(self, registration: Registration, entry: BrokerEntry, *, first: bool) -> None:
        """Store topics where the version changed: NAMESRV-LIFECYCLE-4, NAMESRV-ADMIN-3."""
        groups = self._release.namesrv_knows_groups
        prime_slave = (
            groups
            and registration.enable_acting_master is not None
            and registration.broker_id != MASTER_ID
            and registration.broker_id == min(entry.addresses)
        )
        if registration.broker_id != MASTER_ID and not prime_slave:
            return
        name = registration.broker_name
        if groups and self._config().boolean("deleteTopicWithBrokerRegistration"):
            for topic in [t for t, q in self.topic_queue_table.items() if name in q]:
                if topic not in registration.topics:
                    self._remove_queues(topic, name)
        changed = first or self.is_changed(
            registration.cluster_name, registration.broker_addr, registration.version
        )
        for config in registration.topics.values():
            known = name in self.topic_queue_table.get(config.topic_name, {})
            if not changed and (known or not groups):
                continue
            perm = config.perm
            if prime_slave and entry.enable_acting_master:
                perm &= ~PERM_WRITE
            self._create_and_update_queue_data(name, config, perm)

    def _create_and_update_queue_data(self, name: str, config: TopicConfig, perm: int) -> None:
        queue_data = QueueData(
            broker_name=name,
            read_queue_nums=config.read_queue_nums,
            write_queue_nums=config.write_queue_nums,
            perm=perm,
            topic_sys_flag=config.topic_sys_flag,
        )
        queues = self.topic_queue_table.setdefault(config.topic_name, {})
        if queues.get(name) != queue_data:
            queues.pop(name, None)  # a changed entry goes to the end of a list in 4.6
            queues[name] = queue_data

    def _renew(self, registration: Registration, now: Millis, *, partial: bool) -> None:
        """Note the sign of life and the filter servers: NAMESRV-ROUTE-10."""
        timeout = CHANNEL_EXPIRED_MILLIS
        if self._release.namesrv_knows_groups and registration.timeout_millis is not None:
            timeout = registration.timeout_millis
        key = self.key(registration.cluster_name, registration.broker_addr)
        self.broker_live_table[key] = BrokerLiveInfo(
            now,
            timeout,
            None if partial else registration.version,
            registration.channel,
            registration.ha_server_addr,
        )
        if registration.filter_servers:
            self.filter_server_table[key] = tuple(registration.filter_servers)
        elif registration.filter_servers is not None:
            self.filter_server_table.pop(key, None)

    def _master_of(self, cluster: str, entry: BrokerEntry) -> RegisterBrokerResult:
        master = entry.addresses.get(MASTER_ID)
        if master is None:
            return RegisterBrokerResult()
        live = self.broker_live_table.get(self.key(cluster, master))
        if live is None:
            return RegisterBrokerResult()
        return RegisterBrokerResult(live.ha_server_addr, master)

    def is_changed(self, cluster: str, address: str, version: DataVersion | None) -> bool:
        """True unless the broker is live with exactly this data version (NAMESRV-LIFECYCLE-4)."""
        known = self.query_version(cluster, address)
        return known is None or known != version

    def query_version(self, cluster: str, address: str) -> DataVersion | None:
        """Data version of the last complete registration of a live broker."""
        live = self.broker_live_table.get(self.key(cluster, address))
        return None if live is None else live.version

    def touch(self, cluster: str, address: str, now: Millis) -> None:
        """Renew a live broker without a registration."""
        live = self.broker_live_table.get(self.key(cluster, address))
        if live is not None:
            live.last_update = now

    def register_topic(self, topic: str, queue_datas: Iterable[QueueData | None]) -> None:
        """Add queues of known brokers; an unknown one or null ends it (NAMESRV-ADMIN-13)."""
        taken: dict[str, QueueData] = {}
        existing = self.topic_queue_table.get(topic)
        for queue_data in queue_datas:
            name = None if queue_data is None else queue_data.broker_name
            if queue_data is None or name is None or name not in self.broker_addr_table:
                return
            target = taken if existing is None else existing
            target[name] = queue_data
        if existing is None and taken:
            self.topic_queue_table[topic] = taken

    # --- departure

    def unregister(self, leaving: Iterable[Unregistration]) -> None:
        """Take brokers out, then their topics: NAMESRV-LIFECYCLE-10, NAMESRV-LIFECYCLE-11."""
        reduced: list[str] = []
        for one in leaving:
            key = self.key(one.cluster_name, one.broker_addr)
            self.broker_live_table.pop(key, None)
            self.filter_server_table.pop(key, None)
            entry = self.broker_addr_table.get(one.broker_name)
            if entry is None:
                continue
            if self._release.namesrv_knows_groups:
                entry.addresses = {i: a for i, a in entry.addresses.items() if a != one.broker_addr}
            else:
                entry.addresses.pop(one.broker_id, None)
            if entry.addresses:
                reduced.append(one.broker_name)
            else:
                del self.broker_addr_table[one.broker_name]
                self._leave_cluster(one.cluster_name, one.broker_name)
                self._remove_broker_name(one.broker_name)
        if self._release.namesrv_knows_groups:
            for name in reduced:
                self._wipe_masterless(name)

    def _leave_cluster(self, cluster: str, name: str) -> bool:
        names = self.cluster_addr_table.get(cluster)
        if names is None or name not in names:
            return False
        del names[name]
        if not names:
            del self.cluster_addr_table[cluster]
        return True

    def _remove_broker_name(self, name: str) -> None:
        for topic in list(self.topic_queue_table):
            self._remove_queues(topic, name)

    def _remove_queues(self, topic: str, name: str) -> bool:
        queues = self.topic_queue_table[topic]
        removed = queues.pop(name, None) is not None
        if not queues:
            del self.topic_queue_table[topic]
        return removed

    def _wipe_masterless(self, name: str) -> None:
        """Clear the write bit where an acting master remains (NAMESRV-LIFECYCLE-12)."""
        entry = self.broker_addr_table.get(name)
        if entry is None or not entry.enable_acting_master or min(entry.addresses) <= MASTER_ID:
            return
        for queues in self.topic_queue_table.values():
            queue_data = queues.get(name)
            if queue_data is not None:
                queues[name] = queue_data.with_fields(perm=queue_data.perm & ~PERM_WRITE)

    def expired(self, now: Millis) -> list[tuple[BrokerKey, ChannelId]]:
        """Live brokers whose time is over: NAMESRV-LIFECYCLE-13."""
        return [
            (key, live.channel)
            for key, live in self.broker_live_table.items()
            if live.last_update + live.timeout < now
        ]

    def broker_of_channel(self, channel: ChannelId) -> BrokerKey | None:
        """The live broker that registered over `channel`; of several the first of Java's table."""
        keys = [key for key, live in self.broker_live_table.items() if live.channel == channel]
        if len(keys) < 2:  # noqa: PLR2004 - the rare case is more than one
            return keys[0] if keys else None
        by_text = {f"{c}_{a}" if c else a: BrokerKey(c, a) for c, a in keys}
        return by_text[hash_map_order(by_text, 256)[0]]

    def unregistration_of(self, key: BrokerKey) -> Unregistration | None:
        """What the departure of a live broker means; None where no name has its address."""
        for name in hash_map_order(self.broker_addr_table, 128):
            entry = self.broker_addr_table[name]
            if self._release.namesrv_knows_groups and entry.cluster != key.cluster:
                continue
            for broker_id, address in entry.addresses.items():
                if address == key.address:
                    return Unregistration(entry.cluster, address, entry.name, broker_id)
        return None

    def forget(self, key: BrokerKey) -> None:
        """Clean up after a lost channel at once (NAMESRV-LIFECYCLE-14). #onChannelDestroy."""
        self.broker_live_table.pop(key, None)
        self.filter_server_table.pop(key, None)
        leaving = self.unregistration_of(key)
        if leaving is None:
            return
        name = leaving.broker_name
        addresses = self.broker_addr_table[name].addresses
        del addresses[leaving.broker_id]
        if addresses:
            return
        del self.broker_addr_table[name]
        for cluster in list(self.cluster_addr_table):
            if self._leave_cluster(cluster, name):
                break
        self._remove_broker_name(name)

    # --- permissions and topics

    def wipe_write_permission(self, broker_name: str) -> int:
        """Clear the write bit in every topic of a broker name; answers how many topics it has."""
        return self._operate(broker_name, lambda perm: perm & ~PERM_WRITE)

    def add_write_permission(self, broker_name: str) -> int:
        """Set exactly read and write in every topic of a broker name (NAMESRV-ADMIN-2)."""
        return self._operate(broker_name, lambda _perm: PERM_READ | PERM_WRITE)

    def _operate(self, broker_name: str, change: Callable[[int], int]) -> int:
        count = 0
        for queues in self.topic_queue_table.values():
            queue_data = queues.get(broker_name)
            if queue_data is not None:
                queues[broker_name] = queue_data.with_fields(perm=change(queue_data.perm))
                count += 1
        return count

    def delete_topic(self, topic: str, cluster: str | None = None) -> None:
        """Remove a topic everywhere, or from the brokers of one cluster (NAMESRV-ADMIN-4)."""
        if not cluster:
            self.topic_queue_table.pop(topic, None)
            return
        for name in list(self.cluster_addr_table.get(cluster, ())):
            if topic in self.topic_queue_table:
                self._remove_queues(topic, name)

    # --- questions

    def _queues_in_order(self, queues: Mapping[str, QueueData]) -> list[QueueData]:
        if self._release.namesrv_queues_keep_order:
            return list(queues.values())
        return [queues[name] for name in hash_map_order(queues)]

    def pickup_route(self, topic: str) -> TopicRouteData | None:
        """Route of a topic; None unless it has queues on a known broker (NAMESRV-ROUTE-1)."""
        queues = self.topic_queue_table.get(topic)
        if queues is None:
            return None
        entries = [
            self.broker_addr_table[name]
            for name in hash_map_order(queues)
            if name in self.broker_addr_table
        ]
        if not entries:
            return None
        filters: dict[str, tuple[str, ...]] = {}
        for entry in entries:
            for address in entry.addresses.values():
                servers = self.filter_server_table.get(self.key(entry.cluster, address))
                if servers is not None:
                    filters[address] = servers
        queue_datas = tuple(self._queues_in_order(queues))
        brokers = tuple(entry.data() for entry in entries)
        if self._acts_for_masters() and not topic.startswith(_MEMBER_GROUP_PREFIX):
            brokers = tuple(_with_acting_master(broker, queue_datas) for broker in brokers)
        return TopicRouteData(
            queue_datas=queue_datas, broker_datas=brokers, filter_server_table=filters
        )

    def _acts_for_masters(self) -> bool:
        return self._release.namesrv_knows_groups and self._config().boolean("supportActingMaster")

    def all_topics(self) -> list[str]:
        """Every topic with a queue, in the order of Java's table."""
        return hash_map_order(self.topic_queue_table, _TOPIC_TABLE)

    def system_topics(self) -> tuple[list[str], str | None]:
        """Names of clusters and brokers, and the address of some broker (NAMESRV-ADMIN-8)."""
        names: list[str] = []
        for cluster in hash_map_order(self.cluster_addr_table, 32):
            names += [cluster, *hash_map_order(self.cluster_addr_table[cluster])]
        for name in hash_map_order(self.broker_addr_table, 128):
            addresses = self.broker_addr_table[name].addresses
            if addresses:
                return list(dict.fromkeys(names)), addresses[min(addresses)]
        return list(dict.fromkeys(names)), None

    def topics_of_cluster(self, cluster: str | None) -> list[str]:
        """Topics with queues on a broker of the cluster; none for an unknown cluster."""
        names = self.cluster_addr_table.get(cluster, {}) if cluster is not None else {}
        table = self.topic_queue_table
        topics = self.all_topics()
        found = (t for name in hash_map_order(names) for t in topics if name in table[t])
        return list(dict.fromkeys(found))

    def unit_topics(self) -> list[str]:
        """Topics whose first queue entry has the unit flag."""
        return self._by_first_flag(has_unit_flag)

    def unit_sub_topics(self) -> list[str]:
        """Topics whose first queue entry has the unit subscription flag."""
        return self._by_first_flag(has_unit_sub_flag)

    def unit_sub_un_unit_topics(self) -> list[str]:
        """Topics with the unit subscription flag and without the unit flag."""
        return self._by_first_flag(lambda f: has_unit_sub_flag(f) and not has_unit_flag(f))

    def _by_first_flag(self, wanted: Callable[[int], bool]) -> list[str]:
        table = self.topic_queue_table
        return [
            topic
            for topic in self.all_topics()
            if wanted(self._queues_in_order(table[topic])[0].topic_sys_flag)
        ]


def _with_acting_master(broker: BrokerData, queue_datas: Iterable[QueueData]) -> BrokerData:
    """Show the slave with the smallest id as master where it acts as one: NAMESRV-ROUTE-8."""
    addresses = broker.broker_addrs or {}
    if not addresses or MASTER_ID in addresses or not broker.enable_acting_master:
        return broker
    for queue_data in queue_datas:
        if queue_data.broker_name == broker.broker_name:
            if queue_data.perm & PERM_WRITE:
                return broker
            smallest = min(addresses)
            rest = {i: a for i, a in addresses.items() if i != smallest}
            return broker.with_fields(broker_addrs={MASTER_ID: addresses[smallest], **rest})
    return broker
