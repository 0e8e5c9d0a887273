"""Clients that fell silent or whose channel closed leave every table.

Java 4.9.7: broker/client/ClientHousekeepingService. BROKER-MEMBER-8, -9, -22, -23.
"""

from typing import TYPE_CHECKING

from refimpl.model.ids import Actor, ChannelId, Millis

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext

CLIENT_HOUSEKEEPING = Actor("client-housekeeping")
_SCAN_MILLIS = 10_000


class ClientHousekeeping:
    """The scan of the managers every ten seconds, and what follows a closed channel."""

    __slots__ = ("_ctx",)

    def __init__(self, ctx: "BrokerContext") -> None:
        self._ctx = ctx

    def start(self, now: Millis) -> None:
        """Add the scan."""
        self._ctx.actors.every(
            CLIENT_HOUSEKEEPING,
            Millis(now + _SCAN_MILLIS),
            lambda: _SCAN_MILLIS,
            self.scan_exception_channel,
        )

    def scan_exception_channel(self, now: Millis) -> None:
        """Remove silent clients and close their channels: producers, consumers, filter servers."""
        closing = self._ctx.producer_manager.scan_not_active_channel(now)
        closing += self._ctx.consumer_manager.scan_not_active_channel(now)
        closing += self._ctx.filter_server_manager.scan_not_active_channel(now)
        for channel in dict.fromkeys(closing):
            self._ctx.endpoint.close(channel)
            self.channel_closed(channel, now)

    def channel_closed(self, channel: ChannelId, now: Millis) -> None:
        """Forget a channel that closed, failed or was idle for too long."""
        self._ctx.producer_manager.channel_closed(channel)
        self._ctx.consumer_manager.channel_closed(channel, now)
        self._ctx.filter_server_manager.channel_closed(channel)
        self._ctx.pull_request_hold.channel_closed(channel)
