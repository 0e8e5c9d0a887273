"""All consumer groups that are online, and the notices that their changes cause.

Java 4.9.7: broker/client/ConsumerManager, DefaultConsumerIdsChangeListener; 5.5.0 adds the
compensation table that pulls fill. Rules BROKER-MEMBER-1 to BROKER-MEMBER-15.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from refimpl.broker.client_channel_info import CHANNEL_EXPIRED_TIMEOUT, ClientChannelInfo
from refimpl.broker.consumer_group_info import BROADCASTING, ConsumerGroupInfo
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.ids import Actor, ChannelId, Millis
from refimpl.model.subscription import SubscriptionData
from refimpl.remoting.header.membership import NotifyConsumerIdsChangedRequestHeader
from refimpl.remoting.request_code import RequestCode

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext

NOTIFY_CONSUMER_CHANGE = Actor("notify-consumer-change")


class ConsumerManager:
    """The table group -> members and subscriptions."""

    __slots__ = (
        "_ctx",
        "_delayed",
        "_topic_groups",
        "compensation_table",
        "consumer_table",
        "fingerprints",
    )

    def __init__(self, ctx: "BrokerContext") -> None:
        self._ctx = ctx
        self.consumer_table: dict[str, ConsumerGroupInfo] = {}
        self.compensation_table: dict[str, ConsumerGroupInfo] = {}  # 5.5: what pulls told
        self.fingerprints: dict[str, int] = {}  # 5.5: of the last heartbeat of each group
        self._topic_groups: dict[str, dict[str, None]] = {}  # 5.5: topic -> groups, insertion order
        self._delayed: dict[str, list[ChannelId]] = {}  # 5.5: notices that wait for their scan

    def start(self, now: Millis) -> None:
        """Add the actor that sends collected notices (5.5, `realTimeNotifyConsumerChange` off)."""
        if self._ctx.release.collects_consumer_notices:
            self._ctx.actors.every(
                NOTIFY_CONSUMER_CHANGE,
                Millis(now + 30_000),
                lambda: 15_000,
                self._notify_collected,
            )

    # --- looking

    def get_consumer_group_info(self, group: str) -> ConsumerGroupInfo | None:
        """The group where it is online."""
        return self.consumer_table.get(group)

    def find_channel(self, group: str, client_id: str) -> ClientChannelInfo | None:
        """A member by its id."""
        info = self.consumer_table.get(group)
        return None if info is None else info.find_channel(client_id)

    def find_subscription_data(self, group: str, topic: str) -> SubscriptionData | None:
        """What the group wants of a topic, from heartbeats or, in 5.5, from its pulls."""
        info = self.consumer_table.get(group)
        data = None if info is None else info.subscription_table.get(topic)
        if data is None:
            compensation = self.compensation_table.get(group)
            if compensation is not None:
                data = compensation.subscription_table.get(topic)
        return data

    def find_subscription_data_count(self, group: str) -> int:
        """How many topics an online group subscribes to."""
        info = self.consumer_table.get(group)
        return 0 if info is None else len(info.subscription_table)

    def query_topic_consume_by_who(self, topic: str) -> list[str]:
        """Online groups that subscribe to a topic. BROKER-ADMIN-40."""
        if self._ctx.release.consumer_compensation:
            return list(self._topic_groups.get(topic, ()))
        return [g for g, info in self.consumer_table.items() if topic in info.subscription_table]

    # --- joining and leaving

    def register_consumer(  # noqa: PLR0917 - Java's parameters
        self,
        group: str | None,
        info: ClientChannelInfo,
        consume_type: str | None,
        message_model: str | None,
        consume_from_where: str | None,
        subscriptions: Sequence[SubscriptionData | None],
        *,
        notify: bool,
    ) -> bool:
        """Take one group of a heartbeat; True where a member or a topic came or went.

        BROKER-MEMBER-1 (a new member), BROKER-MEMBER-6 (whom a change is told to).
        """
        now = info.last_update_timestamp
        known = self._group(group, consume_type, message_model, consume_from_where)
        if self._ctx.release.consumer_compensation:
            for data in subscriptions:
                if data is None:
                    raise null_pointer()
                self._topic_groups.setdefault(data.topic, {})[known.group_name] = None
        joined = known.update_channel(info, consume_type, message_model, consume_from_where)
        changed = known.update_subscription(subscriptions, now)
        if (joined or changed) and notify:
            self._changed(known, now)
        wanted = [data for data in subscriptions if data is not None]
        self._ctx.consumer_filter_manager.register(known.group_name, wanted, now)
        return joined or changed

    def register_consumer_without_sub(
        self,
        group: str | None,
        info: ClientChannelInfo,
        consume_type: str | None,
        message_model: str | None,
        consume_from_where: str | None,
        *,
        notify: bool,
    ) -> bool:
        """Take a 5.5 heartbeat that says its subscriptions are those of the last one."""
        known = self._group(group, consume_type, message_model, consume_from_where)
        for topic in known.subscription_table:
            self._topic_groups.setdefault(topic, {})[known.group_name] = None
        joined = known.update_channel(info, consume_type, message_model, consume_from_where)
        if joined and notify:
            self._changed(known, info.last_update_timestamp)
        return joined

    def _group(
        self,
        group: str | None,
        consume_type: str | None,
        message_model: str | None,
        consume_from_where: str | None,
    ) -> ConsumerGroupInfo:
        if group is None:
            raise null_pointer()
        known = self.consumer_table.get(group)
        if known is None:
            known = ConsumerGroupInfo(group, consume_type, message_model, consume_from_where)
            self.consumer_table[group] = known
        return known

    def unregister_consumer(
        self, group: str, channel: ChannelId, now: Millis, *, notify: bool
    ) -> None:
        """A member says goodbye; the rest is told, the last one takes the group with it.

        BROKER-MEMBER-7. The notice goes out even where the channel was no member.
        """
        info = self.consumer_table.get(group)
        if info is None:
            return
        info.channel_info_table.pop(channel, None)
        if not info.channel_info_table:
            self._remove(info, now)
        if notify:
            self._changed(info, now)

    def channel_closed(self, channel: ChannelId, now: Millis) -> None:
        """A channel is gone: out of every group, whose other members are told. BROKER-MEMBER-8."""
        for group in list(self.consumer_table):
            info = self.consumer_table[group]
            if info.channel_info_table.pop(channel, None) is None:
                continue
            if not info.channel_info_table:
                self._remove(info, now)
            self._changed(info, now)

    def scan_not_active_channel(self, now: Millis) -> list[ChannelId]:
        """Remove members silent too long; the caller closes their channels.

        BROKER-MEMBER-9: strictly more than two minutes. The rest of the group is *not* told: the
        channel has left the table before its close is heard.
        """
        limit = CHANNEL_EXPIRED_TIMEOUT
        release, config = self._ctx.release, self._ctx.config
        if release.consumer_compensation:
            limit = config.integer("channelExpiredTimeout")
        expired: list[ChannelId] = []
        for group in list(self.consumer_table):
            table = self.consumer_table[group].channel_info_table
            for channel in [c for c, i in table.items() if now - i.last_update_timestamp > limit]:
                del table[channel]
                expired.append(channel)
            if not table:
                del self.consumer_table[group]
        if release.consumer_compensation:
            self._remove_expired_compensation(now, config.integer("subscriptionExpiredTimeout"))
        return expired

    def _remove(self, info: ConsumerGroupInfo, now: Millis) -> None:
        del self.consumer_table[info.group_name]
        self._ctx.consumer_filter_manager.unregister(info.group_name, now)
        for topic in info.subscription_table:
            groups = self._topic_groups.get(topic)
            if groups is not None:
                groups.pop(info.group_name, None)
                if not groups:
                    del self._topic_groups[topic]

    # --- 5.5: what pulls tell

    def compensate(
        self, group: str, consume_type: str, message_model: str, data: SubscriptionData | None
    ) -> None:
        """Note how a pull consumes, so that tools see groups without heartbeats."""
        info = self.compensation_table.get(group)
        if info is None:
            info = self.compensation_table[group] = ConsumerGroupInfo(group)
        info.consume_type = consume_type
        info.message_model = message_model
        if data is not None:
            info.subscription_table[data.topic] = data

    def _remove_expired_compensation(self, now: Millis, limit: int) -> None:
        for group in list(self.compensation_table):
            table = self.compensation_table[group].subscription_table
            topics = [t for t, data in table.items() if now - data.sub_version > limit]
            for topic in topics:
                del table[topic]
            if topics and not table:
                del self.compensation_table[group]

    # --- notices

    def _changed(self, info: ConsumerGroupInfo, now: Millis) -> None:
        config, release = self._ctx.config, self._ctx.release
        if release.broadcast_members_hear_no_change and info.message_model == BROADCASTING:
            return
        if not config.boolean("notifyConsumerIdsChangedEnable"):
            return
        channels = info.all_channel()
        if release.collects_consumer_notices and not config.boolean("realTimeNotifyConsumerChange"):
            self._delayed[info.group_name] = channels
            return
        self._notify(info.group_name, channels, now)

    def _notify_collected(self, now: Millis) -> None:
        delayed, self._delayed = self._delayed, {}
        if self._ctx.config.boolean("notifyConsumerIdsChangedEnable"):
            for group, channels in delayed.items():
                self._notify(group, channels, now)

    def _notify(self, group: str, channels: Sequence[ChannelId], now: Millis) -> None:
        header = NotifyConsumerIdsChangedRequestHeader(consumer_group=group)
        for channel in channels:
            if not self._ctx.endpoint.is_open(channel):
                continue  # it closed in the same moment; its own event follows
            self._ctx.endpoint.send_oneway(
                channel, RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, header, b"", now
            )
