"""Filter servers that old clients could send a class to: entered by channel, told to name servers.

Java 4.6.1: broker/filtersrv/FilterServerManager. BROKER-ADMIN-50.
"""

from dataclasses import dataclass

from refimpl.model.ids import ChannelId, Millis

_MAX_IDLE_MILLIS = 30_000


@dataclass(slots=True)
class _FilterServer:
    address: str
    last_update: Millis


class FilterServerManager:
    """The table channel -> filter server of one broker."""

    __slots__ = ("_table",)

    def __init__(self) -> None:
        self._table: dict[ChannelId, _FilterServer] = {}

    def register_filter_server(self, channel: ChannelId, address: str, now: Millis) -> None:
        """Enter the server of a channel; who is there already keeps its address and is renewed."""
        known = self._table.setdefault(channel, _FilterServer(address, now))
        known.last_update = now

    def scan_not_active_channel(self, now: Millis) -> list[ChannelId]:
        """Forget servers that have been silent for more than 30 s; their channels, to be closed."""
        silent = [c for c, one in self._table.items() if now - one.last_update > _MAX_IDLE_MILLIS]
        for channel in silent:
            del self._table[channel]
        return silent

    def channel_closed(self, channel: ChannelId) -> None:
        """Forget the server of a channel."""
        self._table.pop(channel, None)

    def addresses(self) -> tuple[str, ...]:
        """What a registration tells of them."""
        return tuple(one.address for one in self._table.values())
