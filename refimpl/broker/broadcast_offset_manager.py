"""Where the members of broadcast groups are (5.5).

Java 5.5.0: broker/offset/BroadcastOffsetManager, BroadcastOffsetStore. The smallest offset of a
queue over the members is committed below `group@broadcast`, so that it is persisted with the rest.
Only the part that clients without a proxy reach. BROKER-PULL-27.
"""

from typing import TYPE_CHECKING

from refimpl.model.ids import Actor, Millis

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext

BROADCAST_OFFSET = Actor("broadcast-offset")
_SCAN_MILLIS = 5000


class _Member:
    """One client's offsets and when it last pulled."""

    __slots__ = ("offsets", "timestamp")

    def __init__(self) -> None:
        self.timestamp = Millis(0)
        self.offsets: dict[int, int] = {}


class BroadcastOffsetManager:
    """The table (topic, group) -> client -> queue -> offset."""

    __slots__ = ("_ctx", "_table")

    def __init__(self, ctx: "BrokerContext") -> None:
        self._ctx = ctx
        self._table: dict[tuple[str, str], dict[str, _Member]] = {}

    def start(self, now: Millis) -> None:
        """Add the scan, every five seconds, in a release that has one."""
        if self._ctx.release.remembers_broadcast_offsets:
            self._ctx.actors.every(
                BROADCAST_OFFSET,
                Millis(now + _SCAN_MILLIS),
                lambda: _SCAN_MILLIS,
                self.scan_offset_data,
            )

    def update_offset(  # noqa: PLR0917 - a key of four parts, its value and the time
        self, topic: str, group: str, queue_id: int, offset: int, client_id: str, now: Millis
    ) -> None:
        """Note where a member pulls; its offset of a queue never goes back."""
        members = self._table.setdefault((topic, group), {})
        member = members.setdefault(client_id, _Member())
        member.timestamp = now
        known = member.offsets.get(queue_id)
        if known is None or offset > known:
            member.offsets[queue_id] = offset

    def scan_offset_data(self, now: Millis) -> None:
        """Commit the smallest offset of every queue and forget members that are long silent."""
        config = self._ctx.config
        expire = config.integer("broadcastOffsetExpireSecond") * 1000
        expire_max = config.integer("broadcastOffsetExpireMaxSecond") * 1000
        for (topic, group), members in list(self._table.items()):
            least: dict[int, int] = {}
            for client_id, member in list(members.items()):
                online = self._ctx.consumer_manager.find_channel(group, client_id) is not None
                silent = now - member.timestamp
                if online or silent < expire:
                    for queue_id, offset in member.offsets.items():
                        least[queue_id] = min(least.get(queue_id, offset), offset)
                if silent >= (expire_max if online else expire):
                    del members[client_id]
            if not members:
                del self._table[topic, group]
            for queue_id, offset in least.items():
                self._ctx.consumer_offset_manager.commit_offset(
                    group + "@broadcast", topic, queue_id, offset, now
                )
