"""What the processors of a name server may reach."""

from collections.abc import Callable
from typing import NamedTuple

from refimpl.model.config import Config
from refimpl.model.ids import ChannelId, Millis
from refimpl.model.release import Release
from refimpl.namesrv.kv_config_manager import KVConfigManager
from refimpl.namesrv.route_info_manager import RouteInfoManager, Unregistration
from refimpl.remoting.command import RemotingCommand


class Request(NamedTuple):
    """One request on its way through a processor; `now` is the time of its arrival."""

    channel: ChannelId
    command: RemotingCommand
    now: Millis


class NamesrvContext:
    """The parts of one name server, by name; no rules here."""

    __slots__ = ("config", "kv", "persist_config", "release", "routes", "started", "unregister")

    def __init__(
        self,
        *,
        release: Release,
        config: Config,
        routes: RouteInfoManager,
        kv: KVConfigManager,
        persist_config: Callable[[], None],
        unregister: Callable[[Unregistration, Millis], bool],
    ) -> None:
        self.release = release
        self.config = config
        self.routes = routes
        self.kv = kv
        self.persist_config = persist_config
        self.unregister = unregister  # False where the queue of departures is full
        self.started = Millis(0)
