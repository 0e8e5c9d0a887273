"""One consumer group as its members' heartbeats describe it.

Java 4.9.7: broker/client/ConsumerGroupInfo. Rules BROKER-MEMBER-1 to BROKER-MEMBER-9.
"""

from collections.abc import Iterable

from refimpl.broker.client_channel_info import ClientChannelInfo
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.ids import ChannelId, Millis
from refimpl.model.subscription import SubscriptionData

CONSUME_PASSIVELY = "CONSUME_PASSIVELY"  # push
CONSUME_ACTIVELY = "CONSUME_ACTIVELY"  # pull
BROADCASTING = "BROADCASTING"
CLUSTERING = "CLUSTERING"


class ConsumerGroupInfo:
    """Members by channel, subscriptions by topic; how they consume is what the last one said."""

    __slots__ = (
        "channel_info_table",
        "consume_from_where",
        "consume_type",
        "group_name",
        "last_update_timestamp",
        "message_model",
        "subscription_table",
    )

    def __init__(
        self,
        group_name: str,
        consume_type: str | None = None,
        message_model: str | None = None,
        consume_from_where: str | None = None,
    ) -> None:
        self.group_name = group_name
        self.consume_type = consume_type
        self.message_model = message_model
        self.consume_from_where = consume_from_where
        self.last_update_timestamp = Millis(0)
        self.channel_info_table: dict[ChannelId, ClientChannelInfo] = {}
        self.subscription_table: dict[str, SubscriptionData] = {}

    def find_channel(self, client_id: str) -> ClientChannelInfo | None:
        """The first member of that client id."""
        for info in self.channel_info_table.values():
            if info.client_id == client_id:
                return info
        return None

    def all_channel(self) -> list[ChannelId]:
        """Every member's channel, in the order of joining."""
        return list(self.channel_info_table)

    def all_client_id(self) -> list[str | None]:
        """Every member's id, in the order of joining; one id twice where it has two channels."""
        return [info.client_id for info in self.channel_info_table.values()]

    def update_channel(
        self,
        info: ClientChannelInfo,
        consume_type: str | None,
        message_model: str | None,
        consume_from_where: str | None,
    ) -> bool:
        """Enter or renew a member; True only for a channel that was not there.

        BROKER-MEMBER-2: another client id on a known channel replaces the entry, silently.
        BROKER-MEMBER-3: the last heartbeat decides how the whole group consumes.
        """
        self.consume_type = consume_type
        self.message_model = message_model
        self.consume_from_where = consume_from_where
        now = info.last_update_timestamp
        self.last_update_timestamp = now
        old = self.channel_info_table.get(info.channel)
        if old is None:
            self.channel_info_table[info.channel] = info
            return True
        if old.client_id is None:
            raise null_pointer()
        if old.client_id != info.client_id:
            self.channel_info_table[info.channel] = info
        old.last_update_timestamp = now
        return False

    def update_subscription(
        self, subscriptions: Iterable[SubscriptionData | None], now: Millis
    ) -> bool:
        """Make the table say what the heartbeat says; True where a topic came or went.

        BROKER-MEMBER-4: a newer version replaces, an older or equal one does not, and neither
        counts as a change. BROKER-MEMBER-5: a topic that is not in the list leaves the table.
        """
        updated = False
        named: set[str] = set()
        for data in subscriptions:
            if data is None:
                raise null_pointer()
            old = self.subscription_table.get(data.topic)
            if old is None:
                self.subscription_table[data.topic] = data
                updated = True
            elif data.sub_version > old.sub_version:
                self.subscription_table[data.topic] = data
            named.add(data.topic)
        for topic in [t for t in self.subscription_table if t not in named]:
            del self.subscription_table[topic]
            updated = True
        self.last_update_timestamp = now
        return updated
