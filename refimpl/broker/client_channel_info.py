"""One client on one channel: what a heartbeat leaves behind.

Java 4.9.7: broker/client/ClientChannelInfo.
"""

from refimpl.model.ids import ChannelId, Millis

CHANNEL_EXPIRED_TIMEOUT = 120_000  # milliseconds of silence after which a scan removes a client


class ClientChannelInfo:
    """Client id, language and version of the header that brought it; the time moves in place."""

    __slots__ = ("channel", "client_id", "language", "last_update_timestamp", "version")

    def __init__(
        self, channel: ChannelId, client_id: str | None, language: int, version: int, now: Millis
    ) -> None:
        self.channel = channel
        self.client_id = client_id
        self.language = language
        self.version = version
        self.last_update_timestamp = now
