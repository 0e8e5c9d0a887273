"""END_TRANSACTION (37): a producer commits or rolls back a half message.

Java 4.9.7: broker/processor/EndTransactionProcessor.
"""

from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.processor_threw import ProcessorThrew, null_pointer
from refimpl.broker.send_check import Refusal, send_settings
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Millis, PhysicalOffset, QueueId, Topic
from refimpl.model.java import parse_int, parse_long
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.message_property import (
    PROPERTY_CHECK_IMMUNITY_TIME_IN_SECONDS,
    PROPERTY_PRODUCER_GROUP,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TAGS,
    PROPERTY_TRANSACTION_PREPARED,
    in_java_order,
    properties_to_string,
)
from refimpl.model.status import PutMessageStatus
from refimpl.model.subscription import tags_code
from refimpl.model.sys_flag import (
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_NOT_TYPE,
    reset_transaction_value,
)
from refimpl.model.trace import Committed, EndTransaction
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.transaction import EndTransactionRequestHeader
from refimpl.remoting.response_code import ResponseCode

ILLEGAL_OPERATION = 604
_STORED = frozenset(
    {
        PutMessageStatus.PUT_OK,
        PutMessageStatus.FLUSH_DISK_TIMEOUT,
        PutMessageStatus.FLUSH_SLAVE_TIMEOUT,
        PutMessageStatus.SLAVE_NOT_AVAILABLE,
    }
)


def end_transaction(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """Deliver or drop a half message, and write that it has ended.

    BROKER-TRANS-3, BROKER-TRANS-4, BROKER-TRANS-5, BROKER-TRANS-6, BROKER-TRANS-7, BROKER-TRANS-8,
    BROKER-TRANS-24.
    An undecided end is not answered.
    """
    command, now = request.command, request.now
    header = decode_header(EndTransactionRequestHeader, command.ext_fields, ctx.release)
    if ctx.config.text("brokerRole") == "SLAVE":
        return make_response(command, ResponseCode.SLAVE_NOT_AVAILABLE)
    if header.commit_or_rollback == TRANSACTION_NOT_TYPE:
        return None
    service, tracer = ctx.transactional_message_service, ctx.tracer
    message = service.half_message(header.commit_log_offset)
    if message is None:
        remark = "Find prepared transaction message failed"
        return make_response(command, ResponseCode.SYSTEM_ERROR, remark)
    if ctx.release.rejects_late_end and _too_late(ctx, header, message, now):
        return make_response(command, ILLEGAL_OPERATION)
    wrong = _mismatch(message, header)
    if wrong is not None:
        return make_response(command, ResponseCode.SYSTEM_ERROR, wrong)
    if header.commit_or_rollback != TRANSACTION_COMMIT_TYPE:
        if tracer is not None:
            tracer(EndTransaction(message.queue_offset, False, PhysicalOffset(0)))
        service.delete_prepare_message(message, now)
        return make_response(command, ResponseCode.SUCCESS)
    inner = final_message(ctx, message, header)
    result = ctx.store.put_message(inner, now)
    if tracer is not None and result.append is not None:
        end = result.append.wrote_offset + result.append.wrote_bytes
        commit = header.commit_or_rollback == TRANSACTION_COMMIT_TYPE
        tracer(EndTransaction(message.queue_offset, commit, PhysicalOffset(end)))

    def finish(status: PutMessageStatus, at: Millis) -> RemotingCommand:
        if status not in _STORED:
            refusal = _refusal(ctx, status)
            return make_response(command, refusal.code, refusal.remark)
        if result.ticket is None or service.confirm_final(result.ticket):
            if tracer is not None:
                durable = result.ticket is not None and status is PutMessageStatus.PUT_OK
                tracer(Committed(message.queue_offset, durable))
            service.delete_prepare_message(message, at)
        if ctx.release.counts_committed and result.append is not None:
            ctx.broker_stats.put(
                inner.topic,
                send_settings(ctx).cluster,
                result.append.msg_num,
                result.append.wrote_bytes,
            )
        return make_response(command, ResponseCode.SUCCESS)

    if result.ticket is None:
        return finish(result.status, now)
    service.await_final(result.ticket, message)
    ctx.await_put(result.ticket, lambda status, at: ctx.respond(request, finish(status, at)))
    return None


def _too_late(
    ctx: BrokerContext, header: EndTransactionRequestHeader, message: MessageExt, now: Millis
) -> bool:
    """An end that no check asked for, after the immunity that the message itself names."""
    own = message.properties.get(PROPERTY_CHECK_IMMUNITY_TIME_IN_SECONDS)
    if header.from_transaction_check or not own:
        return False
    timeout = ctx.config.integer("transactionTimeOut")
    try:
        immunity = parse_long(own) * 1000
    except InvalidInput:
        immunity = 0
    return now - message.born_timestamp > max(immunity, timeout)


def _mismatch(message: MessageExt, header: EndTransactionRequestHeader) -> str | None:
    """Why the record is not the half message that is ended. BROKER-TRANS-5."""
    group = message.properties.get(PROPERTY_PRODUCER_GROUP)
    if group is None:
        raise null_pointer()
    if group != header.producer_group:
        return "The producer group wrong"
    if message.queue_offset != header.tran_state_table_offset:
        return "The transaction state table offset wrong"
    if message.physical_offset != header.commit_log_offset:
        return "The commit log offset wrong"
    return None


def final_message(
    ctx: BrokerContext, message: MessageExt, header: EndTransactionRequestHeader
) -> MessageExtBrokerInner:
    """The committed message, for the topic and queue that its sender named. BROKER-TRANS-6."""
    release = ctx.release
    properties = in_java_order(message.properties, release)
    kept = properties_to_string(properties, release)
    topic = properties.pop(PROPERTY_REAL_TOPIC, None)
    real_queue = properties.pop(PROPERTY_REAL_QUEUE_ID, None)
    try:
        queue_id = parse_int(real_queue)
    except InvalidInput as error:
        shown = "null" if real_queue is None else f'For input string: "{real_queue}"'
        raise ProcessorThrew("java.lang.NumberFormatException", shown) from error
    if topic is None:
        raise null_pointer()
    if release.commit_drops_real_topic:
        kept = properties_to_string(properties, release)
    properties.pop(PROPERTY_TRANSACTION_PREPARED, None)
    return MessageExtBrokerInner(
        topic=Topic(topic),
        queue_id=QueueId(queue_id),
        body=message.body,
        flag=message.flag,
        sys_flag=reset_transaction_value(message.sys_flag, header.commit_or_rollback),
        properties=properties,
        properties_string=kept,
        tags_code=tags_code(properties.get(PROPERTY_TAGS)),
        born_timestamp=message.born_timestamp,
        born_host=message.born_host,
        store_host=message.store_host,
        reconsume_times=message.reconsume_times,
        prepared_transaction_offset=PhysicalOffset(header.commit_log_offset),
    )


def _refusal(ctx: BrokerContext, status: PutMessageStatus) -> Refusal:
    """Code and remark of a commit that stored nothing: other words than a send. BROKER-TRANS-7."""
    match status:
        case PutMessageStatus.CREATE_MAPPED_FILE_FAILED:
            return Refusal(ResponseCode.SYSTEM_ERROR, "Create mapped file failed.")
        case PutMessageStatus.MESSAGE_ILLEGAL | PutMessageStatus.PROPERTIES_SIZE_EXCEEDED:
            limit = send_settings(ctx).max_message_size
            remark = ctx.release.illegal_message_remark.format(limit=limit)
            return Refusal(ResponseCode.MESSAGE_ILLEGAL, "The" + remark)
        case PutMessageStatus.SERVICE_NOT_AVAILABLE:
            return Refusal(ResponseCode.SERVICE_NOT_AVAILABLE, "Service not available now.")
        case PutMessageStatus.OS_PAGE_CACHE_BUSY:
            remark = "OS page cache busy, please try another machine"
            return Refusal(ResponseCode.SYSTEM_ERROR, remark)
        case PutMessageStatus.UNKNOWN_ERROR:
            return Refusal(ResponseCode.SYSTEM_ERROR, "UNKNOWN_ERROR")
        case _:
            return Refusal(ResponseCode.SYSTEM_ERROR, "UNKNOWN_ERROR DEFAULT")
