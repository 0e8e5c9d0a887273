"""Which processor answers which request code, and what surrounds a processor.

Java 4.9.7: remoting/netty/NettyRemotingAbstract#processRequestCommand,
broker/BrokerController#registerProcessor, broker/processor/AdminBrokerProcessor#processRequest.
A processor's module is imported when its first request arrives.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias, cast

from refimpl.broker.context import BrokerContext, Request
from refimpl.model.errors import RefimplError
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.errors import BodyRefused, HeaderRefused
from refimpl.remoting.response_code import ResponseCode

Processor: TypeAlias = Callable[[BrokerContext, Request], RemotingCommand | None]

# code -> (module below refimpl.broker.processor, function)
PROCESSORS: dict[int, tuple[str, str]] = {
    10: ("send_message", "send_message"),  # SEND_MESSAGE
    310: ("send_message", "send_message"),  # SEND_MESSAGE_V2
    320: ("send_message", "send_message"),  # SEND_BATCH_MESSAGE
    36: ("consumer_send_back", "consumer_send_msg_back"),  # CONSUMER_SEND_MSG_BACK
    37: ("end_transaction", "end_transaction"),  # END_TRANSACTION
    324: ("reply_message", "send_reply_message"),  # SEND_REPLY_MESSAGE
    325: ("reply_message", "send_reply_message"),  # SEND_REPLY_MESSAGE_V2
    # --- pull, queries
    11: ("pull_message", "pull_message"),  # PULL_MESSAGE
    12: ("query_message", "query_message"),  # QUERY_MESSAGE
    33: ("query_message", "view_message_by_id"),  # VIEW_MESSAGE_BY_ID
    # --- membership
    34: ("client_manage", "heart_beat"),  # HEART_BEAT
    35: ("client_manage", "unregister_client"),  # UNREGISTER_CLIENT
    46: ("client_manage", "check_client_config"),  # CHECK_CLIENT_CONFIG
    38: ("consumer_manage", "get_consumer_list_by_group"),  # GET_CONSUMER_LIST_BY_GROUP
    # --- offsets
    15: ("consumer_manage", "update_consumer_offset"),  # UPDATE_CONSUMER_OFFSET
    14: ("consumer_manage", "query_consumer_offset"),  # QUERY_CONSUMER_OFFSET
    29: ("queue_offset", "search_offset_by_timestamp"),  # SEARCH_OFFSET_BY_TIMESTAMP
    30: ("queue_offset", "get_max_offset"),  # GET_MAX_OFFSET
    31: ("queue_offset", "get_min_offset"),  # GET_MIN_OFFSET
    32: ("queue_offset", "get_earliest_msg_store_time"),  # GET_EARLIEST_MSG_STORETIME
    # --- locks
    41: ("lock_batch", "lock_batch_mq"),  # LOCK_BATCH_MQ
    42: ("lock_batch", "unlock_batch_mq"),  # UNLOCK_BATCH_MQ
    # --- administration
}

REJECTING = frozenset({10, 310, 320, 36})  # SendMessageProcessor#rejectRequest
NOT_ON_FAST_PORT = frozenset({11, 361})  # never registered at listenPort - 2

_resolved: dict[int, Processor] = {}


def processor_of(code: int) -> Processor | None:
    """The processor of a code, imported at its first use; None for an unknown code."""
    processor = _resolved.get(code)
    if processor is None:
        entry = PROCESSORS.get(code)
        if entry is None:
            return None
        module = import_module("refimpl.broker.processor." + entry[0])
        processor = cast("Processor", getattr(module, entry[1]))
        _resolved[code] = processor
    return processor


def process_request(ctx: BrokerContext, request: Request, *, fast_port: bool = False) -> None:
    """Run the processor of one request and send what it answers.

    BROKER-LIFECYCLE-1 (unknown code), -2 (exceptions), -3 (flow control), -4 (fast port).
    """
    command = request.command
    code = command.code
    processor = _resolved.get(code) or processor_of(code)
    if (
        processor is None
        or code in ctx.release.unregistered_codes
        or (fast_port and code in NOT_ON_FAST_PORT)
    ):
        if ctx.release.answers_unknown_code:
            ctx.respond(request, unsupported(command))
        return
    if code in REJECTING and _reject(ctx, request):
        return
    try:
        response = processor(ctx, request)
    except (HeaderRefused, BodyRefused) as error:
        response = _threw(command, error.remark)
    except RefimplError as error:
        response = _threw(command, str(error))
    if response is not None:
        ctx.respond(request, response)


def _threw(command: RemotingCommand, remark: str) -> RemotingCommand:
    """The answer where Java's processor throws. BROKER-LIFECYCLE-2."""
    return make_response(command, ResponseCode.SYSTEM_ERROR, remark, in_server_codec=True)


def unsupported(command: RemotingCommand) -> RemotingCommand:
    """The answer to a code that nothing is registered for."""
    return make_response(
        command,
        ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
        f" request type {command.code} not supported",
    )


def _reject(ctx: BrokerContext, request: Request) -> bool:
    store = ctx.store
    if not (store.is_os_page_cache_busy(request.now) or store.is_transient_store_pool_deficient()):
        return False
    command = request.command
    aloud = ctx.release.rejects_oneway_aloud
    response = make_response(
        command,
        ResponseCode.SYSTEM_BUSY,
        "[REJECTREQUEST]system busy, start flow control for a while",
        in_server_codec=True,
        even_oneway=aloud,
    )
    if aloud or not command.is_oneway:
        ctx.endpoint.respond(request.channel, response)
    return True
