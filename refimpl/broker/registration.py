"""What the broker tells its name servers: that it is there, which topics it has, that it leaves.

Java 4.9.7: broker/BrokerController#registerBrokerAll, #doRegisterBrokerAll,
broker/out/BrokerOuterAPI. Java waits for the answers; here each answer is an input.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from refimpl.model.ids import Actor, Address, Millis
from refimpl.model.java import crc32
from refimpl.model.sys_flag import is_readable, is_writeable
from refimpl.model.topic_config import TopicConfig
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.header import Header
from refimpl.remoting.header.registration import (
    QueryDataVersionRequestHeader,
    RegisterBrokerRequestHeader,
    UnRegisterBrokerRequestHeader,
)
from refimpl.remoting.response_code import ResponseCode

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext

REGISTER_BROKER = 103
UNREGISTER_BROKER = 104
QUERY_DATA_VERSION = 322
REGISTER_TOPIC_IN_NAMESRV = 217
REGISTER = Actor("register-broker")
FIRST_PERIOD = 10_000
UNREGISTER_TIMEOUT = Millis(3000)
REGISTER_TOPIC_TIMEOUT = Millis(3000)

Answer = Callable[[RemotingCommand | None, Millis], None]


class Registration:
    """The broker's side of the name servers. Each is told on a channel of its own."""

    __slots__ = ("_ctx", "_leaving", "name_servers", "registered")

    def __init__(self, ctx: "BrokerContext", name_servers: tuple[Address, ...]) -> None:
        self._ctx = ctx
        self._leaving = False
        self.name_servers = name_servers
        self.registered: dict[Address, Millis] = {}  # when a name server last said SUCCESS

    def start(self, now: Millis) -> None:
        """Register at once, then every `registerNameServerPeriod` (10 to 60 s).

        BROKER-LIFECYCLE-5, BROKER-LIFECYCLE-6.
        """
        self.register_broker_all(now, check_order_conf=True, oneway=False, force=True)
        self._ctx.actors.every(
            REGISTER, Millis(now + FIRST_PERIOD), self._period, self._register_again
        )

    def _period(self) -> int:
        return max(10_000, min(self._ctx.config.integer("registerNameServerPeriod"), 60_000))

    def _register_again(self, now: Millis) -> None:
        force = self._ctx.config.boolean("forceRegister")
        self.register_broker_all(now, check_order_conf=True, oneway=False, force=force)

    # --- registering

    def register_broker_all(
        self, now: Millis, *, check_order_conf: bool, oneway: bool, force: bool
    ) -> None:
        """Tell every name server the whole table; without `force` only where versions differ."""
        if force or not self.name_servers:
            self._register(
                self._whole_table(), now, check_order_conf=check_order_conf, oneway=oneway
            )
            return
        open_questions = [len(self.name_servers)]
        changed = [False]

        def answered(response: RemotingCommand | None, at: Millis) -> None:
            open_questions[0] -= 1
            changed[0] |= self._differs(response)
            if not open_questions[0] and changed[0]:
                table = self._whole_table()
                self._register(table, at, check_order_conf=check_order_conf, oneway=oneway)

        header = QueryDataVersionRequestHeader(
            broker_name=self._name(),
            broker_addr=str(self._ctx.address),
            cluster_name=self._cluster(),
            broker_id=self._id(),
        )
        version = self._ctx.topic_config_manager.data_version
        from refimpl.remoting.body.data_version import encode_data_version  # noqa: PLC0415 - rare

        body = encode_data_version(version, self._ctx.release)
        timeout = self._timeout()
        for address in self.name_servers:
            self._ask(address, QUERY_DATA_VERSION, header, body, timeout, answered, now)

    def _differs(self, response: RemotingCommand | None) -> bool:
        """No answer counts as changed; a refusal does not. BROKER-LIFECYCLE-7."""
        if response is None:
            return True
        if response.code != ResponseCode.SUCCESS:
            return False
        fields = response.ext_fields or {}
        return fields.get("changed") != "false"

    def topic_created(self, config: TopicConfig, now: Millis) -> None:
        """A send or an administrator made a topic. BROKER-LIFECYCLE-8.

        Older releases send the whole table one-way; later ones only the topic, and want an answer.
        """
        if not self._ctx.release.registers_created_topic_alone:
            self.register_broker_all(now, check_order_conf=False, oneway=True, force=True)
        elif self._ctx.config.boolean("enableSingleTopicRegister"):
            self.register_single_topic(config, now)
        else:
            self.register_increment([config], now)

    def register_increment(self, configs: Iterable[TopicConfig], now: Millis) -> None:
        """Tell some topics with the version of the whole table."""
        table = {config.topic_name: self._limited(config) for config in configs}
        if table:
            self._register(table, now, check_order_conf=True, oneway=False)

    def register_single_topic(self, config: TopicConfig, now: Millis) -> None:
        """REGISTER_TOPIC_IN_NAMESRV with the route of one topic (5.5, off by default)."""
        from refimpl.remoting.body.route import QueueData, TopicRouteData  # noqa: PLC0415 - rare
        from refimpl.remoting.header.namesrv import RegisterTopicRequestHeader  # noqa: PLC0415

        limited = self._limited(config)
        queue = QueueData(
            broker_name=self._ctx.config.text("brokerName"),
            read_queue_nums=limited.read_queue_nums,
            write_queue_nums=limited.write_queue_nums,
            perm=limited.perm,
            topic_sys_flag=limited.topic_sys_flag,
        )
        body = TopicRouteData(queue_datas=(queue,)).encode(self._ctx.release)
        header = RegisterTopicRequestHeader(topic=config.topic_name)
        for address in self.name_servers:
            self._ask(
                address,
                REGISTER_TOPIC_IN_NAMESRV,
                header,
                body,
                REGISTER_TOPIC_TIMEOUT,
                lambda *_: None,
                now,
            )

    def _whole_table(self) -> dict[str, TopicConfig]:
        table = self._ctx.topic_config_manager.topic_config_table
        return {name: self._limited(config) for name, config in table.items()}

    def _limited(self, config: TopicConfig) -> TopicConfig:
        """A topic as a broker without full permission shows it. BROKER-LIFECYCLE-9."""
        permission = self._ctx.config.integer("brokerPermission")
        if is_writeable(permission) and is_readable(permission):
            return config
        if self._ctx.release.masks_registered_permission:
            permission &= config.perm
        return replace(config, perm=permission)

    def _register(
        self, table: dict[str, TopicConfig], now: Millis, *, check_order_conf: bool, oneway: bool
    ) -> None:
        if self._leaving or not self.name_servers:
            return
        from refimpl.remoting.body.register_broker import RegisterBrokerBody  # noqa: PLC0415

        ctx = self._ctx
        compressed = ctx.config.boolean("compressedRegister")
        body = RegisterBrokerBody(
            data_version=ctx.topic_config_manager.data_version,
            topic_config_table=table,
            filter_server_list=ctx.filter_server_manager.addresses(),
        ).encode(ctx.release, compressed=compressed)
        header = RegisterBrokerRequestHeader(
            broker_name=self._name(),
            broker_addr=str(self._ctx.address),
            cluster_name=self._cluster(),
            broker_id=self._id(),
            ha_server_addr=f"{ctx.config.text('brokerIP2')}:{ctx.config.integer('haListenPort')}",
            compressed=compressed and not ctx.release.registers_acting_master,
            body_crc32=crc32(body),
            enable_acting_master=(
                ctx.config.boolean("enableSlaveActingMaster")
                if ctx.release.registers_acting_master
                else None
            ),
        )
        wants_order = [check_order_conf]  # the first answer of a round tells the order flags
        for address in self.name_servers:
            if oneway:
                channel = ctx.endpoint.connect(address, now)
                ctx.endpoint.send_oneway(channel, REGISTER_BROKER, header, body, now)
                continue
            done = self._registered(address, wants_order)
            self._ask(address, REGISTER_BROKER, header, body, self._timeout(), done, now)

    def _registered(self, address: Address, wants_order: list[bool]) -> Answer:
        def done(response: RemotingCommand | None, at: Millis) -> None:
            if response is None or response.code != ResponseCode.SUCCESS:
                return
            self.registered[address] = at
            if wants_order[0] and response.body:
                from refimpl.remoting.body.kv_table import decode_kv_table  # noqa: PLC0415 - rare

                table = decode_kv_table(response.body, self._ctx.release)
                self._ctx.topic_config_manager.update_order_topic_config(table, at)
            wants_order[0] = False

        return done

    # --- leaving

    def unregister_broker_all(self, now: Millis, done: Callable[[Millis], None]) -> None:
        """UNREGISTER_BROKER to every name server; `done` when all have answered or 3 s are over."""
        self._leaving = True
        self._ctx.actors.remove(REGISTER)
        waiting = [len(self.name_servers)]
        if not waiting[0]:
            done(now)
            return

        def answered(_response: RemotingCommand | None, at: Millis) -> None:
            waiting[0] -= 1
            if not waiting[0]:
                done(at)

        header = UnRegisterBrokerRequestHeader(
            broker_name=self._name(),
            broker_addr=str(self._ctx.address),
            cluster_name=self._cluster(),
            broker_id=self._id(),
        )
        for address in self.name_servers:
            self._ask(address, UNREGISTER_BROKER, header, b"", UNREGISTER_TIMEOUT, answered, now)

    # --- inside

    def _name(self) -> str:
        return self._ctx.config.text("brokerName")

    def _cluster(self) -> str:
        return self._ctx.config.text("brokerClusterName")

    def _id(self) -> int:
        return self._ctx.config.integer("brokerId")

    def _timeout(self) -> Millis:
        return Millis(self._ctx.config.integer("registerBrokerTimeoutMills"))

    def _ask(  # noqa: PLR0917 - a request with its end
        self,
        address: Address,
        code: int,
        header: Header,
        body: bytes,
        timeout: Millis,
        done: Answer,
        now: Millis,
    ) -> None:
        channel = self._ctx.endpoint.connect(address, now)
        self._ctx.endpoint.send_request(channel, code, header, body, timeout, done, now)
