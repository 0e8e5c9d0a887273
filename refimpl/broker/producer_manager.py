"""Producers by group and channel, as heartbeats tell.

Java 4.9.7: broker/client/ProducerManager. BROKER-MEMBER-20 to BROKER-MEMBER-24.
"""

from typing import TYPE_CHECKING

from refimpl.broker.client_channel_info import CHANNEL_EXPIRED_TIMEOUT, ClientChannelInfo
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.ids import ChannelId, Millis
from refimpl.model.release import Release

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext


class ProducerManager:
    """The tables group -> channel -> client, and client -> channel (the latest that registered)."""

    __slots__ = ("_counter", "_release", "client_channel_table", "group_channel_table")

    def __init__(self, ctx: "BrokerContext") -> None:
        self._release: Release = ctx.release
        self._counter = 0
        self.group_channel_table: dict[str, dict[ChannelId, ClientChannelInfo]] = {}
        self.client_channel_table: dict[str, ChannelId] = {}

    def register_producer(self, group: str, info: ClientChannelInfo) -> None:
        """Enter or renew a channel; a renewal keeps the entry of the first. BROKER-MEMBER-20."""
        table = self.group_channel_table.setdefault(group, {})
        found = table.get(info.channel)
        if found is not None:
            found.last_update_timestamp = info.last_update_timestamp
            return
        table[info.channel] = info
        if info.client_id is None:
            raise null_pointer()
        self.client_channel_table[info.client_id] = info.channel

    def unregister_producer(self, group: str, channel: ChannelId, client_id: str | None) -> None:
        """Remove a channel; an emptied group goes with it. BROKER-MEMBER-21."""
        table = self.group_channel_table.get(group)
        if not table:
            return
        table.pop(channel, None)
        if client_id is None:
            raise null_pointer()
        self.client_channel_table.pop(client_id, None)
        if not table:
            del self.group_channel_table[group]

    def channel_closed(self, channel: ChannelId) -> None:
        """Forget a channel everywhere. BROKER-MEMBER-22: what happens to an emptied group."""
        for group in list(self.group_channel_table):
            table = self.group_channel_table[group]
            info = table.pop(channel, None)
            if info is None:
                continue
            if info.client_id is not None:
                self.client_channel_table.pop(info.client_id, None)
            if not table and self._release.removes_empty_producer_groups:
                del self.group_channel_table[group]

    def scan_not_active_channel(self, now: Millis) -> list[ChannelId]:
        """Remove channels silent for more than two minutes; the caller closes them.

        BROKER-MEMBER-23.
        """
        expired: list[ChannelId] = []
        for group in list(self.group_channel_table):
            table = self.group_channel_table[group]
            for channel, info in list(table.items()):
                if now - info.last_update_timestamp <= CHANNEL_EXPIRED_TIMEOUT:
                    continue
                del table[channel]
                expired.append(channel)
                if info.client_id is None:
                    continue
                if (
                    not self._release.removes_empty_producer_groups
                    or self.client_channel_table.get(info.client_id) == channel
                ):
                    self.client_channel_table.pop(info.client_id, None)
            if not table and self._release.removes_empty_producer_groups:
                del self.group_channel_table[group]
        return expired

    def get_available_channel(self, group: str | None) -> ChannelId | None:
        """Some channel of the group, in turn; None where it has none. BROKER-MEMBER-24.

        Java prefers a writable channel; here every channel of the table is open and writable.
        """
        if group is None:
            return None
        table = self.group_channel_table.get(group)
        if not table:
            return None
        self._counter = (self._counter + 1) & 0x7FFFFFFF
        channels = list(table)
        return channels[self._counter % len(channels)]

    def find_channel(self, client_id: str) -> ChannelId | None:
        """The channel on which `client_id` registered last."""
        return self.client_channel_table.get(client_id)
