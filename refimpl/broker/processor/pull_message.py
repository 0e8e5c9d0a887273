"""PULL_MESSAGE (11) and, in 5.5, LITE_PULL_MESSAGE (361).

Java 4.9.7: broker/processor/PullMessageProcessor; 5.5.0: also DefaultPullMessageResultHandler.
The checks stand in the order of the flow. Rules BROKER-PULL-1 to BROKER-PULL-29.

Cited in short below: BROKER-PULL-2, BROKER-PULL-3, BROKER-PULL-4, BROKER-PULL-6, BROKER-PULL-7,
BROKER-PULL-11, BROKER-PULL-12, BROKER-PULL-13, BROKER-PULL-14, BROKER-PULL-15.
"""

from dataclasses import replace
from typing import NamedTuple

from refimpl.broker.consumer_filter_manager import ConsumerFilterData, build
from refimpl.broker.consumer_group_info import (
    BROADCASTING,
    CLUSTERING,
    CONSUME_ACTIVELY,
    CONSUME_PASSIVELY,
)
from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.java_text import suggest_todo
from refimpl.broker.message_filter import ExpressionForRetryMessageFilter, ExpressionMessageFilter
from refimpl.broker.processor_threw import ProcessorThrew, null_pointer
from refimpl.broker.pull_request_hold import PullRequest
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Group, QueueId, QueueOffset, Topic
from refimpl.model.status import GetMessageStatus
from refimpl.model.subscription import SubscriptionData, build_typed, is_tag_type
from refimpl.model.subscription_group import SubscriptionGroupConfig
from refimpl.model.sys_flag import (
    FLAG_COMMIT_OFFSET,
    FLAG_SUBSCRIPTION,
    FLAG_SUSPEND,
    PERM_READ,
)
from refimpl.model.topic_config import TopicConfig
from refimpl.model.topic_validator import is_sys_consumer_group_pull_message
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.pull import PullMessageRequestHeader, PullMessageResponseHeader
from refimpl.remoting.response_code import ResponseCode
from refimpl.store.queue_reader import GetMessageResult

_MASTER_ID = 0
_LITE_PULL_MESSAGE = 361
_INDEX_PERM_READ = 2

# PullMessageResponseHeader.forbiddenType of 5.5. Java: ForbiddenType.
_BROKER, _GROUP, _TOPIC, _BROADCASTING, _SUBSCRIPTION = 1, 2, 3, 4, 5

# BROKER-PULL-20. NO_MATCHED_LOGIC_QUEUE and NO_MESSAGE_IN_QUEUE depend on the offset asked for.
_CODES = {
    GetMessageStatus.FOUND: ResponseCode.SUCCESS,
    GetMessageStatus.MESSAGE_WAS_REMOVING: ResponseCode.PULL_RETRY_IMMEDIATELY,
    GetMessageStatus.NO_MATCHED_MESSAGE: ResponseCode.PULL_RETRY_IMMEDIATELY,
    GetMessageStatus.OFFSET_FOUND_NULL: ResponseCode.PULL_NOT_FOUND,
    GetMessageStatus.OFFSET_OVERFLOW_ONE: ResponseCode.PULL_NOT_FOUND,
    GetMessageStatus.OFFSET_OVERFLOW_BADLY: ResponseCode.PULL_OFFSET_MOVED,
    GetMessageStatus.OFFSET_TOO_SMALL: ResponseCode.PULL_OFFSET_MOVED,
    GetMessageStatus.OFFSET_RESET: ResponseCode.PULL_OFFSET_MOVED,
}
_EMPTY = (GetMessageStatus.NO_MATCHED_LOGIC_QUEUE, GetMessageStatus.NO_MESSAGE_IN_QUEUE)


class _Refused(Exception):
    """A check failed; `answer` says how. Never leaves this module."""

    def __init__(self, answer: RemotingCommand) -> None:
        super().__init__(answer.remark)
        self.answer = answer


class _Pull(NamedTuple):
    """One pull on its way: what it asked and what the checks found."""

    request: Request
    header: PullMessageRequestHeader
    group: SubscriptionGroupConfig
    topic: TopicConfig
    message_filter: ExpressionMessageFilter
    may_suspend: bool  # False when a held pull is answered


def pull_message(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """Answer a pull, or hold it until a message arrives."""
    return _pull(ctx, request, may_suspend=True)


def pull_again(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """Answer a held pull now, whatever there is; every check runs once more. BROKER-PULL-24.

    Nothing is committed a second time and nothing is held again. Java:
    PullMessageProcessor#executeRequestWhenWakeup.
    """
    return _pull(ctx, request, may_suspend=False)


def _pull(ctx: BrokerContext, request: Request, *, may_suspend: bool) -> RemotingCommand | None:
    header = decode_header(PullMessageRequestHeader, request.command.ext_fields, ctx.release)
    try:
        group = _check_broker_and_group(ctx, request, header)
        if (
            ctx.release.suspend_time_is_read_first
            and header.sys_flag & FLAG_SUSPEND
            and header.suspend_timeout_millis is None
        ):
            raise null_pointer()  # BROKER-PULL-43
        topic = _check_topic_and_queue(ctx, request, header)
        message_filter = _filter(ctx, request, header, group)
    except _Refused as refused:
        return refused.answer
    pull = _Pull(request, header, group, topic, message_filter, may_suspend)
    release = ctx.release
    if release.server_side_reset_offset:
        offsets = ctx.consumer_offset_manager
        reset = offsets.query_then_erase_reset_offset(
            header.topic, header.consumer_group, header.queue_id
        )
        if reset is not None and ctx.config.boolean("useServerSideResetOffset"):
            return _answer(ctx, pull, _reset(ctx, header, reset))
    try:
        result = ctx.store.get_message(
            Group(header.consumer_group),
            Topic(header.topic),
            QueueId(header.queue_id),
            QueueOffset(header.queue_offset),
            header.max_msg_nums,
            message_filter,
            request.now,
        )
    except InvalidInput as error:  # a negative count, where the release prepares room for it
        raise ProcessorThrew("java.lang.IllegalArgumentException", error.reason) from None
    if result is None:
        _commit(ctx, pull)
        return make_response(
            request.command, ResponseCode.SYSTEM_ERROR, "store getMessage return null"
        )
    try:
        return _answer(ctx, pull, result)
    except ProcessorThrew:
        if release.loses_pull_that_throws:
            return None  # BROKER-PULL-43
        raise


# --- checks


def _refuse(
    ctx: BrokerContext, request: Request, code: int, remark: str, forbidden: int = 0
) -> _Refused:
    response = make_response(request.command, code, remark)
    if forbidden and ctx.release.pull_tells_forbidden_type:
        response = replace(response, ext_fields={"forbiddenType": str(forbidden)})
    return _Refused(response)


def _check_broker_and_group(
    ctx: BrokerContext, request: Request, header: PullMessageRequestHeader
) -> SubscriptionGroupConfig:
    """BROKER-PULL-1 (broker), -2 (lite pull), -3 (group missing), -4 (group disabled)."""
    config = ctx.config
    if not config.integer("brokerPermission") & PERM_READ:
        raise _refuse(
            ctx,
            request,
            ResponseCode.NO_PERMISSION,
            f"the broker[{config.text('brokerIP1')}] pulling message is forbidden",
            _BROKER,
        )
    if request.command.code == _LITE_PULL_MESSAGE and not config.boolean("litePullMessageEnable"):
        raise _refuse(
            ctx,
            request,
            ResponseCode.NO_PERMISSION,
            f"the broker[{config.text('brokerIP1')}] for lite pull consumer is forbidden",
            _BROKER,
        )
    name = header.consumer_group
    group = ctx.subscription_group_manager.find_subscription_group_config(name, request.now)
    if group is None:
        raise _refuse(
            ctx,
            request,
            ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
            f"subscription group [{name}] does not exist, {suggest_todo(ctx.release)}",
        )
    if not group.consume_enable:
        raise _refuse(
            ctx,
            request,
            ResponseCode.NO_PERMISSION,
            "subscription group no permission, " + name,
            _GROUP,
        )
    return group


def _check_topic_and_queue(
    ctx: BrokerContext, request: Request, header: PullMessageRequestHeader
) -> TopicConfig:
    """BROKER-PULL-5 (topic missing), -6 (not readable), -7 (queue id)."""
    topic = ctx.topic_config_manager.select_topic_config(header.topic)
    if topic is None:
        raise _refuse(
            ctx,
            request,
            ResponseCode.TOPIC_NOT_EXIST,
            f"topic[{header.topic}] not exist, apply first please! {suggest_todo(ctx.release)}",
        )
    if not topic.perm & PERM_READ:
        raise _refuse(
            ctx,
            request,
            ResponseCode.NO_PERMISSION,
            f"the topic[{header.topic}] pulling message is forbidden",
            _TOPIC,
        )
    if not 0 <= header.queue_id < topic.read_queue_nums:
        raise _refuse(
            ctx,
            request,
            ctx.release.illegal_queue_id_code,
            f"queueId[{header.queue_id}] is illegal, topic:[{header.topic}] "
            f"topicConfig.readQueueNums:[{topic.read_queue_nums}] "
            f"consumer:[/{ctx.endpoint.peer(request.channel)}]",
        )
    return topic


def _filter(
    ctx: BrokerContext,
    request: Request,
    header: PullMessageRequestHeader,
    group: SubscriptionGroupConfig,
) -> ExpressionMessageFilter:
    """The filter of the request's own subscription, or of the heartbeat's. BROKER-PULL-8 to -15."""
    if ctx.release.consumer_compensation:
        _compensate(ctx, header, None)
    if header.sys_flag & FLAG_SUBSCRIPTION:
        subscription, data = _own_subscription(ctx, request, header)
    else:
        subscription, data = _known_subscription(ctx, request, header, group)
    kind = subscription.expression_type
    if not is_tag_type(kind) and not ctx.config.boolean("enablePropertyFilter"):
        raise _refuse(
            ctx,
            request,
            ResponseCode.SYSTEM_ERROR,
            f"The broker does not support consumer to filter message by {kind}",
        )
    if ctx.release.rejects_pull_consumers and ctx.config.boolean("rejectPullConsumerEnable"):
        _check_pull_consumer(ctx, request, header)
    if ctx.config.boolean("filterSupportRetry"):
        return ExpressionForRetryMessageFilter(subscription, data, ctx.consumer_filter_manager)
    return ExpressionMessageFilter(subscription, data)


def _compensate(
    ctx: BrokerContext, header: PullMessageRequestHeader, data: SubscriptionData | None
) -> None:
    consume_type, model = CONSUME_PASSIVELY, CLUSTERING
    if header.request_source == 1:
        model = BROADCASTING
    elif header.request_source == 2:  # noqa: PLR2004 - RequestSource.PROXY_FOR_STREAM
        consume_type = CONSUME_ACTIVELY
    ctx.consumer_manager.compensate(header.consumer_group, consume_type, model, data)


def _own_subscription(
    ctx: BrokerContext, request: Request, header: PullMessageRequestHeader
) -> tuple[SubscriptionData, ConsumerFilterData | None]:
    """BROKER-PULL-8 (own subscription), BROKER-PULL-9 (refused text), BROKER-PULL-33 (bad SQL)."""
    try:
        subscription = build_typed(
            header.topic, header.subscription, header.expression_type, request.now
        )
    except InvalidInput:
        raise _refuse(
            ctx,
            request,
            ResponseCode.SUBSCRIPTION_PARSE_FAILED,
            "parse the consumer's subscription failed",
        ) from None
    if ctx.release.consumer_compensation:
        _compensate(ctx, header, subscription)
    if is_tag_type(subscription.expression_type):
        return subscription, None
    data = build(
        ctx.release,
        header.topic,
        header.consumer_group,
        header.subscription or "",
        header.expression_type,
        header.sub_version or 0,
        request.now,
    )
    return subscription, data


def _known_subscription(
    ctx: BrokerContext,
    request: Request,
    header: PullMessageRequestHeader,
    group: SubscriptionGroupConfig,
) -> tuple[SubscriptionData, ConsumerFilterData | None]:
    """BROKER-PULL-10 (offline), -11 (broadcast), -12 (topic), -13 (version), -14, -15 (SQL)."""
    name = header.consumer_group
    info = ctx.consumer_manager.get_consumer_group_info(name)
    if info is None:
        raise _refuse(
            ctx,
            request,
            ResponseCode.SUBSCRIPTION_NOT_EXIST,
            "the consumer's group info not exist" + suggest_todo(ctx.release),
        )
    if not group.consume_broadcast_enable and info.message_model == BROADCASTING:
        raise _refuse(
            ctx,
            request,
            ResponseCode.NO_PERMISSION,
            f"the consumer group[{name}] can not consume by broadcast way",
            _BROADCASTING,
        )
    if ctx.subscription_group_manager.is_forbidden(name, header.topic, _INDEX_PERM_READ):
        raise _refuse(
            ctx,
            request,
            ResponseCode.NO_PERMISSION,
            f"the consumer group[{name}] is forbidden for topic[{header.topic}]",
            _SUBSCRIPTION,
        )
    subscription = info.subscription_table.get(header.topic)
    if subscription is None:
        raise _refuse(
            ctx,
            request,
            ResponseCode.SUBSCRIPTION_NOT_EXIST,
            "the consumer's subscription not exist" + suggest_todo(ctx.release),
        )
    if header.sub_version is None:
        raise null_pointer()
    if subscription.sub_version < header.sub_version:
        raise _refuse(
            ctx,
            request,
            ResponseCode.SUBSCRIPTION_NOT_LATEST,
            "the consumer's subscription not latest",
        )
    if is_tag_type(subscription.expression_type):
        return subscription, None
    data = ctx.consumer_filter_manager.get(header.topic, name)
    if data is None:
        raise _refuse(
            ctx,
            request,
            ResponseCode.FILTER_DATA_NOT_EXIST,
            "The broker's consumer filter data is not exist!Your expression may be wrong!",
        )
    if data.client_version < header.sub_version:
        raise _refuse(
            ctx,
            request,
            ResponseCode.FILTER_DATA_NOT_LATEST,
            "the consumer's consumer filter data not latest",
        )
    return subscription, data


def _check_pull_consumer(
    ctx: BrokerContext, request: Request, header: PullMessageRequestHeader
) -> None:
    """With `rejectPullConsumerEnable` (5.5) only registered channels may pull actively."""
    info = ctx.consumer_manager.get_consumer_group_info(header.consumer_group)
    if info is not None and (
        info.consume_type != CONSUME_ACTIVELY or request.channel in info.channel_info_table
    ):
        return
    if is_sys_consumer_group_pull_message(header.consumer_group):
        return
    raise _refuse(
        ctx,
        request,
        ResponseCode.SUBSCRIPTION_NOT_EXIST,
        "the consumer's group info not exist, or the pull consumer is rejected by server."
        + suggest_todo(ctx.release),
    )


# --- the answer


def _reset(ctx: BrokerContext, header: PullMessageRequestHeader, offset: int) -> GetMessageResult:
    """What a pull of a queue with a pending reset is told. BROKER-OFFSET-14."""
    topic, queue_id = Topic(header.topic), QueueId(header.queue_id)
    return GetMessageResult(
        status=GetMessageStatus.OFFSET_RESET,
        next_begin_offset=QueueOffset(offset),
        min_offset=ctx.store.min_offset_in_queue(topic, queue_id),
        max_offset=ctx.store.max_offset_in_queue(topic, queue_id),
    )


def _answer(ctx: BrokerContext, pull: _Pull, result: GetMessageResult) -> RemotingCommand | None:
    """Turn a read into an answer, a hold or a correction. BROKER-PULL-16 to -29, -36."""
    header, request, release, config = pull.header, pull.request, ctx.release, ctx.config
    if release.pull_offset_table:
        ctx.consumer_offset_manager.commit_pull_offset(
            header.consumer_group, header.topic, header.queue_id, result.next_begin_offset
        )
    _commit(ctx, pull)
    if release.remembers_broadcast_offsets:
        _remember_broadcast(ctx, pull, result)
    status = result.status
    if status is GetMessageStatus.FOUND:
        ctx.broker_stats.got(
            header.consumer_group,
            header.topic,
            config.text("brokerClusterName"),
            len(result.records),
            result.total_size,
        )
        return make_response(
            request.command,
            ResponseCode.SUCCESS,
            "FOUND",
            _response_header(ctx, pull, result),
            b"".join(result.records),
        )
    code = _code(status, header.queue_offset)
    if code is ResponseCode.PULL_NOT_FOUND and pull.may_suspend and header.sys_flag & FLAG_SUSPEND:
        timeout = header.suspend_timeout_millis
        if timeout is None:
            raise null_pointer()
        if not config.boolean("longPollingEnable"):
            timeout = config.integer("shortPollingTimeMills")
        held = PullRequest(request, timeout, header.queue_offset, pull.message_filter)
        ctx.pull_request_hold.suspend_pull_request(header.topic, header.queue_id, held)
        return None
    response_header = _response_header(ctx, pull, result)
    if code is ResponseCode.PULL_OFFSET_MOVED:
        slave = config.text("brokerRole") == "SLAVE"
        if slave and not config.boolean("offsetCheckInSlave"):
            code = ResponseCode.PULL_RETRY_IMMEDIATELY
            response_header = _response_header(ctx, pull, result, pull.group.broker_id)
        elif release.stores_offset_moved_event:
            from refimpl.broker.offset_moved_event import store_event  # noqa: PLC0415 - rare

            store_event(ctx, header, result.next_begin_offset, request.now)
    return make_response(request.command, code, status.name, response_header)


def _commit(ctx: BrokerContext, pull: _Pull) -> None:
    """Store the offset that the pull carries. BROKER-PULL-19."""
    header = pull.header
    if (
        pull.may_suspend
        and header.sys_flag & FLAG_COMMIT_OFFSET
        and (ctx.release.slave_commits_pull_offset or ctx.config.text("brokerRole") != "SLAVE")
    ):
        if header.commit_offset is None:
            raise null_pointer()
        ctx.consumer_offset_manager.commit_offset(
            header.consumer_group,
            header.topic,
            header.queue_id,
            header.commit_offset,
            pull.request.now,
        )


def _code(status: GetMessageStatus, queue_offset: int) -> ResponseCode:
    """BROKER-PULL-20; BROKER-PULL-21: an empty queue moves every offset but 0."""
    if status in _EMPTY:
        return ResponseCode.PULL_OFFSET_MOVED if queue_offset else ResponseCode.PULL_NOT_FOUND
    return _CODES[status]


def _response_header(
    ctx: BrokerContext, pull: _Pull, result: GetMessageResult, asked: int | None = None
) -> PullMessageResponseHeader:
    """Offsets, and which broker to ask next (or `asked`). BROKER-PULL-22; system flags in 5.5."""
    suggest = _MASTER_ID if asked is None else asked
    if asked is None and ctx.config.boolean("slaveReadEnable"):
        group = pull.group
        suggest = (
            group.which_broker_when_consume_slowly
            if result.suggest_pulling_from_slave
            else group.broker_id
        )
    extended = ctx.release.pull_tells_sys_flags
    return PullMessageResponseHeader(
        suggest_which_broker_id=suggest,
        next_begin_offset=result.next_begin_offset,
        min_offset=result.min_offset,
        max_offset=result.max_offset,
        topic_sys_flag=pull.topic.topic_sys_flag if extended else None,
        group_sys_flag=pull.group.group_sys_flag if extended else None,
    )


def _remember_broadcast(ctx: BrokerContext, pull: _Pull, result: GetMessageResult) -> None:
    """5.5: note where each broadcast consumer is. BROKER-PULL-27."""
    header, channel = pull.header, pull.request.channel
    info = ctx.consumer_manager.get_consumer_group_info(header.consumer_group)
    if (
        info is None
        or info.message_model != BROADCASTING
        or info.consume_type != CONSUME_PASSIVELY
        or not ctx.config.boolean("enableBroadcastOffsetStore")
    ):
        return
    member = info.channel_info_table.get(channel)
    if member is None or member.client_id is None:
        return
    offset = header.queue_offset
    if _code(result.status, offset) is ResponseCode.PULL_OFFSET_MOVED:
        offset = result.next_begin_offset
    ctx.broadcast_offset_manager.update_offset(
        header.topic,
        header.consumer_group,
        header.queue_id,
        offset,
        member.client_id,
        pull.request.now,
    )
