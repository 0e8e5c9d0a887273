"""What every processor and every manager of a broker may reach, and what a request is to them.

`BrokerContext` is filled by `broker.Broker` in the order of its fields; it contains no rules.
A manager is constructed as `Manager(ctx)`, has `load()`, `persist()` where it has a file, and
`start(now)` where it has background work (it adds rows to `ctx.actors`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from refimpl.broker.actors import ActorTable
from refimpl.broker.behind_config import BehindConfig
from refimpl.broker.unique_ids import UniqueIds
from refimpl.model.config import Config
from refimpl.model.config_file import ConfigFile
from refimpl.model.data_version import DataVersion
from refimpl.model.disk import Disk
from refimpl.model.effect import Effect, Force
from refimpl.model.ids import Address, ChannelId, ForceToken, Millis, Ticket
from refimpl.model.prng import Prng
from refimpl.model.release import Release
from refimpl.model.status import PutMessageStatus
from refimpl.model.trace import Tracer
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.endpoint import Endpoint
from refimpl.remoting.header import Header
from refimpl.store.message_store import MessageStore

if TYPE_CHECKING:
    from refimpl.broker.broadcast_offset_manager import BroadcastOffsetManager
    from refimpl.broker.broker_stats import BrokerStats
    from refimpl.broker.consumer_filter_manager import ConsumerFilterManager
    from refimpl.broker.consumer_manager import ConsumerManager
    from refimpl.broker.consumer_offset_manager import ConsumerOffsetManager
    from refimpl.broker.filter_server_manager import FilterServerManager
    from refimpl.broker.producer_manager import ProducerManager
    from refimpl.broker.pull_request_hold import PullRequestHold
    from refimpl.broker.rebalance_lock_manager import RebalanceLockManager
    from refimpl.broker.registration import Registration
    from refimpl.broker.schedule_message import ScheduleMessageService
    from refimpl.broker.send_check import SendSettings
    from refimpl.broker.send_hooks import SendHooks
    from refimpl.broker.subscription_group_manager import SubscriptionGroupManager
    from refimpl.broker.topic_config_manager import TopicConfigManager
    from refimpl.broker.transaction import TransactionalMessageService


class Request(NamedTuple):
    """One request on its way through a processor; `now` is the time of its arrival."""

    channel: ChannelId
    command: RemotingCommand
    now: Millis


class BrokerContext:
    """The parts of one broker, by name."""

    __slots__ = (
        "_behind_config",
        "_force_waiters",
        "_next_force",
        "_put_waiters",
        "actors",
        "address",
        "broadcast_offset_manager",
        "broker_stats",
        "config",
        "config_files",
        "config_version",
        "consumer_filter_manager",
        "consumer_manager",
        "consumer_offset_manager",
        "disk",
        "effects",
        "endpoint",
        "filter_server_manager",
        "prng",
        "producer_manager",
        "pull_request_hold",
        "rebalance_lock_manager",
        "registration",
        "release",
        "schedule_message_service",
        "send_hooks",
        "send_settings",
        "store",
        "store_host",
        "subscription_group_manager",
        "topic_config_manager",
        "tracer",
        "transactional_message_service",
        "unique_ids",
    )

    broadcast_offset_manager: "BroadcastOffsetManager"
    broker_stats: "BrokerStats"
    topic_config_manager: "TopicConfigManager"
    subscription_group_manager: "SubscriptionGroupManager"
    consumer_offset_manager: "ConsumerOffsetManager"
    consumer_filter_manager: "ConsumerFilterManager"
    filter_server_manager: "FilterServerManager"
    producer_manager: "ProducerManager"
    consumer_manager: "ConsumerManager"
    rebalance_lock_manager: "RebalanceLockManager"
    pull_request_hold: "PullRequestHold"
    schedule_message_service: "ScheduleMessageService"
    transactional_message_service: "TransactionalMessageService"
    send_hooks: "SendHooks"
    registration: "Registration"  # tells the name servers of topics

    def __init__(
        self,
        *,
        release: Release,
        config: Config,
        disk: Disk,
        prng: Prng,
        address: Address,
        store: MessageStore,
        endpoint: Endpoint,
        tracer: Tracer | None = None,
    ) -> None:
        self.tracer = tracer
        self.release = release
        self.config = config  # replaced as a whole by UPDATE_BROKER_CONFIG: do not keep a copy
        self.config_version = DataVersion()  # Java: Configuration#dataVersion
        self.disk = disk
        self.prng = prng
        self.address = address  # brokerIP1 and listenPort, also the store host of records
        self.store_host = address
        self.store = store
        self.endpoint = endpoint
        self.config_files: list[ConfigFile] = []
        self.actors = ActorTable()
        self.effects: list[Effect] = []  # effects of no channel; drained by the broker
        self.send_settings: SendSettings | None = None
        self.unique_ids = UniqueIds(prng.fork("unique-ids"), address)
        self._put_waiters: dict[Ticket, Callable[[PutMessageStatus, Millis], None]] = {}
        self._force_waiters: dict[ForceToken, Callable[[bool], None]] = {}
        self._next_force = -1
        self._behind_config = BehindConfig(endpoint.respond)

    def respond(self, request: Request, response: RemotingCommand | None) -> None:
        """Answer a request now or later. A one-way request and None are never answered.

        BROKER-LIFECYCLE-14; behind the forces of `await_config`.
        """
        if response is None or request.command.flag & 2:
            return
        if self._force_waiters and self._behind_config.keep(request.channel, response):
            return
        self.endpoint.respond(request.channel, response)

    def await_put(self, ticket: Ticket, done: Callable[[PutMessageStatus, Millis], None]) -> None:
        """Call `done(status, now)` when the store completes the put of `ticket`."""
        self._put_waiters[ticket] = done

    def put_completed(self, ticket: Ticket, status: PutMessageStatus, now: Millis) -> None:
        """The store completed a put; a ticket that nobody awaits is no error."""
        done = self._put_waiters.pop(ticket, None)
        if done is not None:
            done(status, now)

    def force(self, path: str, done: Callable[[bool], None]) -> None:
        """Ask for the content of a configuration file to become durable; `done(failed)` later."""
        token = ForceToken(self._next_force)
        self._next_force -= 1
        self._force_waiters[token] = done
        self.effects.append(Force(token, path))

    def force_ended(self, token: ForceToken, *, failed: bool) -> bool:
        """A force ended; False where the token is the store's."""
        done = self._force_waiters.pop(token, None)
        if done is None:
            return False
        done(failed)
        self._behind_config.force_ended(token)
        return True

    @property
    def next_force(self) -> int:
        """The number of the next force of a configuration file; they go down."""
        return self._next_force

    def await_config(self, request: Request, first: int) -> None:
        """Answer `request` when the forces from `first` on have ended. BROKER-TOPIC-13."""
        if self.release.forces_config_files or self.store.commit_log.sync_flush:
            tokens = [token for token in self._force_waiters if token <= first]
            self._behind_config.await_forces(request.channel, request.command.opaque, tokens)

    def update_config(self, config: Config, now: Millis) -> None:
        """Obey another configuration from now on; its version counts up."""
        self.config = config
        self.config_version = self.config_version.next_version(now)
        self.store.update_config(config)

    def call_client(  # noqa: PLR0917 - a request with its end
        self,
        channel: ChannelId,
        code: int,
        header: Header,
        body: bytes,
        timeout: Millis,
        done: Callable[[RemotingCommand | None, Millis], None],
        now: Millis,
    ) -> None:
        """Ask a peer something; `done(answer, now)` once, with None where none came.

        A channel that is gone is told at once.
        """
        if not self.endpoint.is_open(channel):
            done(None, now)
            return
        self.endpoint.send_request(channel, code, header, body, timeout, done, now)

    @property
    def forces_wanted(self) -> int:
        """How many configuration files wait to become durable."""
        return len(self._force_waiters)

    def config_file(self, path: str) -> ConfigFile:
        """A file of `config/`, persisted through this broker's disk and forces."""
        self.config_files.append(ConfigFile(self.disk, path, self.force, self.tracer))
        return self.config_files[-1]
