"""What a client says to a broker in one line each: the vocabulary of the broker's machines."""

from collections.abc import Iterable, Mapping

from refimpl.model.ids import ChannelId
from refimpl.model.message_property import properties_to_string
from refimpl.model.subscription import SubscriptionData
from refimpl.model.sys_flag import FLAG_COMMIT_OFFSET, FLAG_SUBSCRIPTION, FLAG_SUSPEND
from refimpl.remoting.body.heartbeat import ConsumerData, HeartbeatData, ProducerData
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.header.consumer_admin import ResetOffsetRequestHeader
from refimpl.remoting.header.offset import (
    QueryConsumerOffsetRequestHeader,
    UpdateConsumerOffsetRequestHeader,
)
from refimpl.remoting.header.pull import PullMessageRequestHeader
from refimpl.remoting.header.send import SendMessageRequestHeaderV2
from refimpl.remoting.header.send_back import ConsumerSendMsgBackRequestHeader
from refimpl.remoting.header.transaction import EndTransactionRequestHeader
from refimpl.sim.node_lab import Asked, BrokerLab

PULL_MESSAGE = 11
QUERY_CONSUMER_OFFSET = 14
UPDATE_CONSUMER_OFFSET = 15
HEART_BEAT = 34
CONSUMER_SEND_MSG_BACK = 36
END_TRANSACTION = 37
RESET_OFFSET = 222
SEND_MESSAGE_V2 = 310
SUCCESS = 0
PRODUCER_GROUP = "PG"


class Client:
    """One client with one channel, opened again where the broker closed it."""

    def __init__(self, lab: BrokerLab) -> None:
        self._lab = lab
        self._channel: ChannelId | None = None

    @property
    def channel(self) -> ChannelId:
        """The channel, opened where there is none."""
        if self._channel is None or not self._lab.is_open(self._channel):
            self._channel = self._lab.open()
        return self._channel

    def close(self) -> None:
        """Hang up; the next request opens another channel."""
        if self._channel is not None:
            self._lab.close(self._channel)
            self._channel = None

    def produce(
        self,
        topic: str,
        body: bytes,
        *,
        queue_id: int = 0,
        properties: Mapping[str, str] | None = None,
        sys_flag: int = 0,
        group: str = PRODUCER_GROUP,
    ) -> Asked:
        """SEND_MESSAGE_V2."""
        lab = self._lab
        header = SendMessageRequestHeaderV2(
            a=group,
            b=topic,
            c="TBW102",
            d=4,
            e=queue_id,
            f=sys_flag,
            g=lab.now,
            h=0,
            i=properties_to_string(dict(properties or {}), lab.release),
            j=0,
            k=False,
            m=False,
        )
        return lab.send(self.channel, SEND_MESSAGE_V2, header, body)

    def pull(
        self,
        group: str,
        topic: str,
        queue_id: int,
        offset: int,
        *,
        subscription: str | None = "*",
        kind: str = "TAG",
        suspend: int | None = None,
        commit: int | None = None,
        count: int = 32,
    ) -> Asked:
        """PULL_MESSAGE with its own subscription; held up to `suspend` milliseconds."""
        flags = 0 if subscription is None else FLAG_SUBSCRIPTION
        flags |= 0 if suspend is None else FLAG_SUSPEND
        flags |= 0 if commit is None else FLAG_COMMIT_OFFSET
        header = PullMessageRequestHeader(
            consumer_group=group,
            topic=topic,
            queue_id=queue_id,
            queue_offset=offset,
            max_msg_nums=count,
            sys_flag=flags,
            commit_offset=0 if commit is None else commit,
            suspend_timeout_millis=0 if suspend is None else suspend,
            subscription=subscription,
            sub_version=0,
            expression_type=kind,
        )
        return self._lab.send(self.channel, PULL_MESSAGE, header)

    def commit_offset(self, group: str, topic: str, queue_id: int, offset: int) -> RemotingCommand:
        """UPDATE_CONSUMER_OFFSET."""
        header = UpdateConsumerOffsetRequestHeader(
            consumer_group=group, topic=topic, queue_id=queue_id, commit_offset=offset
        )
        return self._lab.ask(self.channel, UPDATE_CONSUMER_OFFSET, header)

    def query_offset(self, group: str, topic: str, queue_id: int) -> RemotingCommand:
        """QUERY_CONSUMER_OFFSET."""
        header = QueryConsumerOffsetRequestHeader(
            consumer_group=group, topic=topic, queue_id=queue_id
        )
        return self._lab.ask(self.channel, QUERY_CONSUMER_OFFSET, header)

    def reset_offset(self, group: str, topic: str, queue_id: int, offset: int) -> RemotingCommand:
        """INVOKE_BROKER_TO_RESET_OFFSET of one queue."""
        header = ResetOffsetRequestHeader(
            topic=topic, group=group, timestamp=-1, queue_id=queue_id, offset=offset
        )
        return self._lab.ask(self.channel, RESET_OFFSET, header)

    def send_back(
        self, group: str, offset: int, *, level: int, max_times: int, topic: str = "T"
    ) -> Asked:
        """CONSUMER_SEND_MSG_BACK."""
        header = ConsumerSendMsgBackRequestHeader(
            offset=offset,
            group=group,
            delay_level=level,
            max_reconsume_times=max_times,
            origin_topic=topic,
        )
        return self._lab.send(self.channel, CONSUMER_SEND_MSG_BACK, header)

    def end_transaction(
        self,
        half_offset: int,
        physical: int,
        decision: int,
        *,
        group: str = PRODUCER_GROUP,
        from_check: bool = False,
    ) -> Asked:
        """END_TRANSACTION."""
        header = EndTransactionRequestHeader(
            producer_group=group,
            tran_state_table_offset=half_offset,
            commit_log_offset=physical,
            commit_or_rollback=decision,
            from_transaction_check=from_check,
        )
        return self._lab.send(self.channel, END_TRANSACTION, header)

    def heart_beat(
        self,
        client_id: str,
        *,
        producers: Iterable[str] = (),
        consumers: Mapping[str, tuple[SubscriptionData, ...]] | None = None,
    ) -> RemotingCommand:
        """HEART_BEAT of producers and of clustering push consumers."""
        body = HeartbeatData(
            client_id=client_id,
            producer_data_set=tuple(ProducerData(group_name=group) for group in producers),
            consumer_data_set=tuple(
                ConsumerData(
                    consume_from_where="CONSUME_FROM_LAST_OFFSET",
                    consume_type="CONSUME_PASSIVELY",
                    group_name=group,
                    message_model="CLUSTERING",
                    subscription_data_set=subscriptions,
                )
                for group, subscriptions in (consumers or {}).items()
            ),
        )
        return self._lab.ask(self.channel, HEART_BEAT, None, body.encode(self._lab.release))
