"""The broker: composition of everything below it, and the routing of inputs. No rules live here.

Java 4.9.7: broker/BrokerController#initialize, #start, #shutdown; `model.node.Node` is the seam.
"""

from collections.abc import Mapping, Sequence

from refimpl.broker.broadcast_offset_manager import BroadcastOffsetManager
from refimpl.broker.broker_stats import BrokerStats
from refimpl.broker.client_housekeeping import ClientHousekeeping
from refimpl.broker.consumer_filter_manager import ConsumerFilterManager
from refimpl.broker.consumer_manager import ConsumerManager
from refimpl.broker.consumer_offset_manager import ConsumerOffsetManager
from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.dispatch import process_request
from refimpl.broker.filter_server_manager import FilterServerManager
from refimpl.broker.producer_manager import ProducerManager
from refimpl.broker.pull_request_hold import PullRequestHold
from refimpl.broker.rebalance_lock_manager import RebalanceLockManager
from refimpl.broker.registration import Registration
from refimpl.broker.schedule_message import ScheduleMessageService
from refimpl.broker.send_hooks import SendHooks
from refimpl.broker.subscription_group_manager import SubscriptionGroupManager
from refimpl.broker.topic_config_manager import TopicConfigManager
from refimpl.broker.transaction import TransactionalMessageService
from refimpl.broker.transaction_check import TransactionCheck
from refimpl.model.config import Config
from refimpl.model.data_version import DataVersion
from refimpl.model.disk import Disk
from refimpl.model.effect import Effect, Force, Started, Stopped
from refimpl.model.errors import StartRefused
from refimpl.model.ids import Actor, Address, ChannelId, ForceToken, Millis
from refimpl.model.prng import Prng
from refimpl.model.release import Release
from refimpl.model.topic_validator import is_system_topic
from refimpl.model.trace import Tracer
from refimpl.remoting.command import SerializeType
from refimpl.remoting.endpoint import Endpoint
from refimpl.remoting.events import EndpointEvent, RequestReceived, ResponseReceived
from refimpl.store.message_arriving import MessageArrived
from refimpl.store.message_store import MessageStore
from refimpl.store.store_event import ForceWanted, PutCompleted, StoreEvent

FAST_PORT_BELOW = 2
_FIRST_PERSIST = 10_000
PERSIST_CONSUMER_OFFSET = Actor("persist-consumer-offset")
PERSIST_CONSUMER_FILTER = Actor("persist-consumer-filter")


class Broker:
    """One broker process without its sockets, files, clock and threads; a `Node`."""

    __slots__ = ("_fast", "_housekeeping", "_starting", "_stop", "_transaction_check", "ctx")

    def __init__(  # noqa: PLR0917 - what a process is started with
        self,
        config: Config,
        release: Release,
        disk: Disk,
        prng: Prng,
        address: Address,
        namesrv_addresses: tuple[Address, ...] = (),
        *,
        serialize_type: SerializeType = SerializeType.JSON,
        tracer: Tracer | None = None,
    ) -> None:
        """`address` is where clients reach it: brokerIP1 and listenPort.

        `serialize_type` is Java's property rocketmq.serialize.type of the process.
        """
        ctx = self.ctx = BrokerContext(
            release=release,
            config=config,
            disk=disk,
            prng=prng,
            address=address,
            store=MessageStore(disk, config, release, address, tracer=tracer),
            endpoint=Endpoint(release, serialize_type=serialize_type),
            tracer=tracer,
        )
        self._fast: dict[ChannelId, None] = {}  # channels of the fast port
        self._starting = False
        self._stop: _Stop | None = None
        ctx.send_hooks = SendHooks()
        totals = None if release.runtime_info_is_extended else self._totals
        ctx.broker_stats = BrokerStats(totals, self._is_system)
        ctx.registration = Registration(ctx, namesrv_addresses)
        ctx.producer_manager = ProducerManager(ctx)
        ctx.filter_server_manager = FilterServerManager()
        ctx.rebalance_lock_manager = RebalanceLockManager()
        ctx.consumer_manager = ConsumerManager(ctx)
        ctx.consumer_filter_manager = ConsumerFilterManager(ctx)
        ctx.consumer_offset_manager = ConsumerOffsetManager(ctx)
        ctx.broadcast_offset_manager = BroadcastOffsetManager(ctx)
        ctx.pull_request_hold = PullRequestHold(ctx)
        ctx.schedule_message_service = ScheduleMessageService(ctx)
        ctx.transactional_message_service = TransactionalMessageService(ctx)
        self._housekeeping = ClientHousekeeping(ctx)
        self._transaction_check = TransactionCheck(ctx)

    @property
    def registered(self) -> bool:
        """True when every name server has answered a registration with SUCCESS."""
        registration = self.ctx.registration
        return all(address in registration.registered for address in registration.name_servers)

    def _is_system(self, topic: str) -> bool:
        ctx = self.ctx
        return topic in ctx.topic_config_manager.system_topics or is_system_topic(
            topic, ctx.release
        )

    def _totals(self) -> tuple[int, int]:
        """What the store has put and handed out, messages of the broker itself among them."""
        stats = self.ctx.store.store_stats
        return stats.put_message_times_total, stats.get_message_transferred_msg_count

    # --- life

    def start(self, now: Millis) -> Sequence[Effect]:
        """Load tables, then the log; serve, then register. Raises `StartRefused`.

        BROKER-LIFECYCLE-12: nothing is served before the store shows all that it has recovered,
        nor before the tables may be written again.
        """
        ctx = self.ctx
        ctx.config_version = DataVersion(timestamp=now)
        ctx.consumer_offset_manager.data_version = DataVersion(timestamp=now)
        ctx.schedule_message_service.data_version = DataVersion(timestamp=now)
        ctx.config = ctx.consumer_filter_manager.with_bloom_filter_size(ctx.config)
        ctx.topic_config_manager = TopicConfigManager(ctx, now)
        ctx.subscription_group_manager = SubscriptionGroupManager(ctx, now)
        ctx.store.load(now)
        for manager in (
            ctx.topic_config_manager,
            ctx.consumer_offset_manager,
            ctx.subscription_group_manager,
            ctx.schedule_message_service,
        ):
            if not manager.load():
                raise StartRefused(f"{manager.config_file_path()} and its backup cannot be read")
        if not ctx.consumer_filter_manager.load(now):
            raise StartRefused("config/consumerFilter.json and its backup cannot be read")
        ctx.store.start(now)
        self._starting = True
        return self._effects(now)

    def _serve(self, now: Millis) -> None:
        self._starting = False
        ctx = self.ctx
        ctx.consumer_offset_manager.correct_offsets()
        ctx.broker_stats.start(ctx.actors, now)
        ctx.pull_request_hold.start(now)
        ctx.consumer_manager.start(now)
        ctx.broadcast_offset_manager.start(now)
        self._housekeeping.start(now)
        ctx.actors.every(
            PERSIST_CONSUMER_OFFSET,
            Millis(now + _FIRST_PERSIST),
            lambda: ctx.config.integer("flushConsumerOffsetInterval"),
            lambda _now: ctx.consumer_offset_manager.persist(),
        )
        ctx.actors.every(
            PERSIST_CONSUMER_FILTER,
            Millis(now + _FIRST_PERSIST),
            lambda: _FIRST_PERSIST,
            ctx.consumer_filter_manager.persist_at,
        )
        if ctx.config.text("brokerRole") != "SLAVE":
            ctx.schedule_message_service.start(now)
            ctx.transactional_message_service.start(now)
            self._transaction_check.start(now)
        ctx.registration.start(now)
        ctx.effects.append(Started())

    def shutdown(self, now: Millis) -> Sequence[Effect]:
        """Stop to serve, drain the store, unregister, persist; `Stopped` when all is durable.

        BROKER-LIFECYCLE-13.
        """
        if self._stop is not None:
            return ()
        ctx = self.ctx
        self._starting = False
        self._stop = stop = _Stop()
        ctx.transactional_message_service.flush(now)
        ctx.actors.clear()
        for channel in ctx.endpoint.channels:
            if channel % 2 == 0:
                ctx.endpoint.close(channel)
        ctx.schedule_message_service.persist()
        ctx.consumer_offset_manager.persist()
        ctx.consumer_filter_manager.persist_at(now)
        ctx.store.shutdown(now)
        ctx.registration.unregister_broker_all(now, stop.unregistered_at)
        return self._effects(now)

    # --- channels

    def accepted(
        self, channel: ChannelId, peer: Address, local: Address, now: Millis
    ) -> Sequence[Effect]:
        """A client connected; the fast port is two below the broker's own."""
        self.ctx.endpoint.accepted(channel, peer, local, now)
        if local.port == self.ctx.address.port - FAST_PORT_BELOW:
            self._fast[channel] = None
        return self._effects(now)

    def connected(self, channel: ChannelId, local: Address, now: Millis) -> Sequence[Effect]:
        """A name server is reached."""
        self.ctx.endpoint.connected(channel, local, now)
        return self._effects(now)

    def receive_data(self, channel: ChannelId, data: bytes, now: Millis) -> Sequence[Effect]:
        """Bytes of a client or of a name server."""
        self._take(self.ctx.endpoint.receive_data(channel, data, now), now)
        return self._effects(now)

    def disconnected(self, channel: ChannelId, now: Millis) -> Sequence[Effect]:
        """A client left, or a name server is not there."""
        self._take(self.ctx.endpoint.disconnected(channel, now), now)
        self._fast.pop(channel, None)
        self._housekeeping.channel_closed(channel, now)
        return self._effects(now)

    def forced(self, token: ForceToken, *, failed: bool, now: Millis) -> Sequence[Effect]:
        """A force of the store or of a configuration file ended."""
        if not self.ctx.force_ended(token, failed=failed):
            self.ctx.store.forced(token, failed=failed, now=now)
        return self._effects(now)

    # --- time

    def actors(self) -> Mapping[Actor, Millis]:
        """The broker's actors and the store's."""
        return {**self.ctx.actors.due(), **self.ctx.store.actors()}

    def step(self, actor: Actor, now: Millis) -> Sequence[Effect]:
        """One step of one actor."""
        if not self.ctx.actors.step(actor, now):
            self.ctx.store.step(actor, now)
        return self._effects(now)

    def next_timer(self) -> Millis | None:
        """The earliest of actors, store and open requests."""
        ctx = self.ctx
        due = (ctx.actors.next_due(), ctx.store.next_timer(), ctx.endpoint.next_timer())
        return min((at for at in due if at is not None), default=None)

    def handle_timer(self, now: Millis) -> Sequence[Effect]:
        """One step of everything that is due; the store first, as its messages wake others."""
        ctx = self.ctx
        for actor in [name for name, due in ctx.store.actors().items() if due <= now]:
            ctx.store.step(actor, now)
        ctx.actors.run_due(now)
        self._take(ctx.endpoint.handle_timer(now), now)
        return self._effects(now)

    # --- inside

    def _take(self, events: list[EndpointEvent], now: Millis) -> None:
        """Requests go to their processors, answers to whoever asked."""
        for channel, event in events:
            if isinstance(event, RequestReceived):
                if self._stop is None:
                    process_request(
                        self.ctx,
                        Request(channel, event.command, now),
                        fast_port=channel in self._fast,
                    )
                continue
            answer = event.command if isinstance(event, ResponseReceived) else None
            assert callable(event.context), event.context
            event.context(answer, now)

    def _effects(self, now: Millis) -> Sequence[Effect]:
        """Route what the store tells, then hand over all effects."""
        ctx = self.ctx
        while True:
            events = ctx.store.poll()
            if not events:
                break
            for event in events:
                self._route(event, now)
        settling = self._starting and any(file.is_settling for file in ctx.config_files)
        if self._starting and not settling and ctx.store.catch_up(now):
            self._serve(now)
        effects: list[Effect] = ctx.endpoint.drain_effects()
        if ctx.effects:
            effects += ctx.effects
            ctx.effects = []
        stop = self._stop
        if stop is not None and stop.ready() and not ctx.forces_wanted:
            stop.told = True
            for channel in ctx.endpoint.channels:
                ctx.endpoint.close(channel)
            effects += ctx.endpoint.drain_effects()
            effects.append(Stopped())
        return effects

    def _route(self, event: StoreEvent, now: Millis) -> None:
        if isinstance(event, MessageArrived):
            self.ctx.pull_request_hold.notify_message_arriving(
                event.topic,
                event.queue_id,
                event.logic_offset,
                now,
                event.tags_code,
                event.properties,
            )
        elif isinstance(event, PutCompleted):
            self.ctx.put_completed(event.ticket, event.status, now)
        elif isinstance(event, ForceWanted):
            self.ctx.effects.append(Force(event.token, event.path, event.span))
        elif self._stop is not None:
            self._stop.store_stopped = True
            self.ctx.schedule_message_service.persist()  # once more: the log is durable now
            self.ctx.consumer_offset_manager.persist()


class _Stop:
    """What an orderly end waits for."""

    __slots__ = ("store_stopped", "told", "unregistered")

    def __init__(self) -> None:
        self.store_stopped = False
        self.unregistered = False
        self.told = False

    def unregistered_at(self, _now: Millis) -> None:
        """Every name server has answered, or three seconds are over."""
        self.unregistered = True

    def ready(self) -> bool:
        """True once, when the store and the name servers are done."""
        return self.store_stopped and self.unregistered and not self.told
