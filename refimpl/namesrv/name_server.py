"""The name server as a node: requests in, effects out, two background actors.

Java: namesrv/NamesrvController, namesrv/routeinfo/BrokerHousekeepingService,
namesrv/routeinfo/BatchUnregistrationService (5.5.0).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from refimpl.model.config import Config
from refimpl.model.config_file import ConfigFile
from refimpl.model.disk import Disk, DiskError
from refimpl.model.effect import Effect, Force, Started, Stopped
from refimpl.model.ids import Actor, Address, ChannelId, ForceToken, Millis
from refimpl.model.node import Node
from refimpl.model.override import override
from refimpl.model.prng import Prng
from refimpl.model.release import Release
from refimpl.namesrv.client_request_processor import get_route_info
from refimpl.namesrv.context import NamesrvContext, Request
from refimpl.namesrv.default_request_processor import PROCESSORS, Processor
from refimpl.namesrv.kv_config_manager import KVConfigManager
from refimpl.namesrv.route_info_manager import BrokerKey, RouteInfoManager, Unregistration
from refimpl.remoting.command import RemotingCommand, SerializeType, make_response
from refimpl.remoting.endpoint import Endpoint
from refimpl.remoting.errors import BodyRefused, HeaderRefused
from refimpl.remoting.events import RequestReceived
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

SCAN_NOT_ACTIVE_BROKER: Final = Actor("scanNotActiveBroker")
BATCH_UNREGISTRATION: Final = Actor("BatchUnregistrationService")
_PROCESSORS: Final[dict[int, Processor]] = {
    **PROCESSORS,
    RequestCode.GET_ROUTEINFO_BY_TOPIC: get_route_info,
}
# Codes whose answer is made with a class of fields in Java: `extFields` are there, be they empty.
_ANSWERS_WITH_HEADER: Final = frozenset({101, 103, 205, 322, 327})
_FIRST_SCAN: Final = 5_000
_SCAN_PERIOD: Final = 10_000


class NameServer(Node):
    """One name server. `prng` is not used: a name server decides nothing by chance."""

    def __init__(
        self,
        config: Config,
        release: Release,
        disk: Disk,
        prng: Prng,
        *,
        serialize_type: SerializeType = SerializeType.JSON,
    ) -> None:
        """`serialize_type` is Java's property rocketmq.serialize.type of the process."""
        assert config.kind == "namesrv"
        del prng
        self._release = release
        self._disk = disk
        self._endpoint = Endpoint(release, serialize_type=serialize_type)
        self._files: dict[str, ConfigFile] = {}
        self._force_waiters: dict[ForceToken, Callable[[bool], None]] = {}
        self._next_force = 0
        self._starting = False
        self._effects: list[Effect] = []
        self._channels: dict[ChannelId, Address] = {}
        self._departures: list[Unregistration] = []
        self._due: dict[Actor, Millis] = {}
        self.context = NamesrvContext(
            release=release,
            config=config,
            routes=RouteInfoManager(release, lambda: self.context.config),
            kv=KVConfigManager(release, lambda: self._file("kvConfigPath")),
            persist_config=self._persist_config,
            unregister=self._unregister,
        )

    # --- Node

    @override
    def start(self, now: Millis) -> Sequence[Effect]:
        """Read the key-value file, then begin to serve: NAMESRV-LIFECYCLE-15.

        As for a broker, a file that was loaded is durable first: BROKER-LIFECYCLE-10.
        """
        self.context.kv.load()
        self.context.started = now
        self._due[SCAN_NOT_ACTIVE_BROKER] = Millis(now + _FIRST_SCAN)
        self._starting = True
        return self._drain()

    @override
    def shutdown(self, now: Millis) -> Sequence[Effect]:  # noqa: ARG002 - every input has its time
        """Close every channel and stop: NAMESRV-LIFECYCLE-16."""
        self._starting = False
        self._due.clear()
        for channel in list(self._channels):
            self._endpoint.close(channel)
        effects = self._drain()
        return [*effects, Stopped()]

    @override
    def accepted(
        self, channel: ChannelId, peer: Address, local: Address, now: Millis
    ) -> Sequence[Effect]:
        """Remember the peer: its address counts when the channel closes."""
        self._channels[channel] = peer
        self._endpoint.accepted(channel, peer, local, now)
        return self._drain()

    @override
    def connected(self, channel: ChannelId, local: Address, now: Millis) -> Sequence[Effect]:
        """A name server opens no channel of its own."""
        self._endpoint.connected(channel, local, now)
        return self._drain()

    @override
    def receive_data(self, channel: ChannelId, data: bytes, now: Millis) -> Sequence[Effect]:
        """Answer every request in the bytes, in order."""
        for source, event in self._endpoint.receive_data(channel, data, now):
            if isinstance(event, RequestReceived):
                self._process(Request(source, event.command, now))
        return self._drain()

    @override
    def disconnected(self, channel: ChannelId, now: Millis) -> Sequence[Effect]:
        """The broker that registered over the channel departs: NAMESRV-LIFECYCLE-14."""
        peer = self._channels.pop(channel, None)
        self._endpoint.disconnected(channel, now)
        if peer is not None:
            self._on_channel_destroy(channel, peer, now)
        return self._drain()

    @override
    def forced(
        self,
        token: ForceToken,
        *,
        failed: bool,
        now: Millis,  # noqa: ARG002 - every input has its time
    ) -> Sequence[Effect]:
        """A configuration file is durable, or not."""
        waiter = self._force_waiters.pop(token, None)
        if waiter is not None:
            waiter(failed)
        return self._drain()

    @override
    def actors(self) -> Mapping[Actor, Millis]:
        """The scan for silent brokers, and departures that wait."""
        return self._due

    @override
    def step(self, actor: Actor, now: Millis) -> Sequence[Effect]:
        """Scan for silent brokers, or work off the queue of departures."""
        if actor == SCAN_NOT_ACTIVE_BROKER:
            self._scan_not_active_broker(now)
            name = "scanNotActiveBrokerInterval"
            config = self.context.config
            period = config.integer(name) if config.knows(name) else _SCAN_PERIOD
            self._due[SCAN_NOT_ACTIVE_BROKER] = Millis(now + max(1, period))
        elif actor == BATCH_UNREGISTRATION:
            self._run_departures()
        return self._drain()

    @override
    def next_timer(self) -> Millis | None:
        """The first of the actors and of the endpoint's deadlines."""
        due = list(self._due.values())
        timer = self._endpoint.next_timer()
        if timer is not None:
            due.append(timer)
        return min(due, default=None)

    @override
    def handle_timer(self, now: Millis) -> Sequence[Effect]:
        """Run every actor that is due."""
        effects: list[Effect] = []
        for actor, due in list(self._due.items()):
            if due <= now:
                effects += self.step(actor, now)
        self._endpoint.handle_timer(now)
        return [*effects, *self._drain()]

    # --- requests

    def _process(self, request: Request) -> None:
        """Answer a request; NAMESRV-LIFECYCLE-17 (code), NAMESRV-LIFECYCLE-18 (exceptions).

        NAMESRV-LIFECYCLE-22 (fields that could have been there). What the disk refuses is an
        error: NAMESRV-KV-8.
        """
        command = request.command
        processor = _PROCESSORS.get(command.code)
        if processor is None or command.code in self._release.namesrv_unknown_codes:
            if self._release.namesrv_answers_unknown_codes:
                self._endpoint.respond(request.channel, _unsupported(command))
            return
        try:
            response = processor(self.context, request)
        except (HeaderRefused, BodyRefused) as error:
            response = make_response(
                command, ResponseCode.SYSTEM_ERROR, error.remark, in_server_codec=True
            )
        except DiskError as error:
            remark = f"java.io.IOException: {error.reason}"
            response = make_response(
                command, ResponseCode.SYSTEM_ERROR, remark, in_server_codec=True
            )
        else:
            if response.ext_fields is None and command.code in _ANSWERS_WITH_HEADER:
                response = replace(response, ext_fields={})
        self._endpoint.respond(request.channel, response)

    # --- departures

    def _unregister(self, leaving: Unregistration, now: Millis) -> bool:
        """Take a broker out, now or in the next batch; False where the queue is full."""
        if not self._release.namesrv_unregisters_in_batches:
            self.context.routes.unregister([leaving])
            return True
        capacity = self.context.config.integer("unRegisterBrokerQueueCapacity")
        if len(self._departures) >= capacity:
            return False
        self._departures.append(leaving)
        self._due.setdefault(BATCH_UNREGISTRATION, now)
        return True

    def _run_departures(self) -> None:
        leaving = list(dict.fromkeys(self._departures))
        self._departures.clear()
        self._due.pop(BATCH_UNREGISTRATION, None)
        self.context.routes.unregister(leaving)

    def _depart(self, key: BrokerKey, now: Millis) -> None:
        """A live broker is lost: NAMESRV-LIFECYCLE-14."""
        if not self._release.namesrv_unregisters_in_batches:
            if key.address:
                self.context.routes.forget(key)
            else:  # Java looks for nothing where the address is empty
                self.context.routes.broker_live_table.pop(key, None)
            return
        leaving = self.context.routes.unregistration_of(key)
        if leaving is not None:
            self._unregister(leaving, now)

    def _on_channel_destroy(self, channel: ChannelId, peer: Address, now: Millis) -> None:
        key = self.context.routes.broker_of_channel(channel)
        if not self._release.namesrv_unregisters_in_batches:
            if key is None:
                key = self.context.routes.key("", str(peer))
            elif not key.address:
                return
        if key is not None:
            self._depart(key, now)

    def _scan_not_active_broker(self, now: Millis) -> None:
        for key, channel in self.context.routes.expired(now):
            if channel in self._channels:
                self._endpoint.close(channel)
            self._depart(key, now)

    # --- files

    def _file(self, setting: str) -> ConfigFile:
        """File of a path setting: the disk is the directory, only the last component counts."""
        name = self.context.config.text(setting).rpartition("/")[2]
        if name not in self._files:
            self._files[name] = ConfigFile(self._disk, name, self._force)
        return self._files[name]

    def _persist_config(self) -> None:
        self._file("configStorePath").persist(self.context.config.properties_text())

    def _force(self, path: str, done: Callable[[bool], None]) -> None:
        self._next_force += 1
        token = ForceToken(self._next_force)
        self._force_waiters[token] = done
        self._effects.append(Force(token, path))

    def _drain(self) -> list[Effect]:
        if self._starting and not self._file("kvConfigPath").is_settling:
            self._starting = False
            self._effects.append(Started())
        effects = [*self._effects, *self._endpoint.drain_effects()]
        self._effects.clear()
        return effects


def _unsupported(command: RemotingCommand) -> RemotingCommand:
    return make_response(
        command,
        ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
        f" request type {command.code} not supported",
    )
