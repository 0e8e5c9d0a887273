"""Which processor answers which request code, and what surrounds a processor.

Java 4.9.7: remoting/netty/NettyRemotingAbstract#processRequestCommand,
broker/BrokerController#registerProcessor, broker/processor/AdminBrokerProcessor#processRequest.
A processor's module is imported when its first request arrives.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import TypeAlias, cast

from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.processor_threw import exception_text
from refimpl.model.disk import DiskError
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
    361: ("pull_message", "pull_message"),  # LITE_PULL_MESSAGE
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
    17: ("admin_topic", "update_and_create_topic"),
    18: ("admin_topic", "update_and_create_topic_list"),
    21: ("admin_topic", "get_all_topic_config"),
    215: ("admin_topic", "delete_topic"),
    305: ("admin_topic", "get_system_topic_list"),
    316: ("admin_topic", "clean_unused_topic"),
    351: ("admin_topic", "get_topic_config"),
    200: ("admin_group", "update_and_create_subscription_group"),
    225: ("admin_group", "update_and_create_subscription_group_list"),
    201: ("admin_group", "get_all_subscription_group"),
    207: ("admin_group", "delete_subscription_group"),
    352: ("admin_group", "get_subscription_group"),
    353: ("admin_group", "update_and_get_group_forbidden"),
    203: ("admin_connection", "get_consumer_connection_list"),
    204: ("admin_connection", "get_producer_connection_list"),
    328: ("admin_connection", "get_all_producer_info"),
    300: ("admin_connection", "query_topic_consume_by_who"),
    343: ("admin_connection", "query_topics_by_consumer"),
    345: ("admin_connection", "query_subscription_by_consumer"),
    202: ("admin_stats", "get_topic_stats_info"),
    208: ("admin_stats", "get_consume_stats"),
    317: ("admin_stats", "fetch_all_consume_stats_in_broker"),
    303: ("admin_stats", "query_consume_time_span"),
    315: ("admin_stats", "view_broker_stats_data"),
    43: ("admin_offset", "get_all_consumer_offset"),
    45: ("admin_offset", "get_all_delay_offset"),
    308: ("admin_offset", "query_correction_offset"),
    314: ("admin_offset", "clone_group_offset"),
    222: ("admin_offset", "reset_offset"),
    307: ("admin_client", "get_consumer_running_info"),
    309: ("admin_client", "consume_message_directly"),
    223: ("admin_client", "get_consumer_status"),
    25: ("admin_config", "update_broker_config"),
    26: ("admin_config", "get_broker_config"),
    28: ("admin_config", "get_broker_runtime_info"),
    306: ("admin_store", "clean_expired_consume_queue"),
    329: ("admin_store", "delete_expired_commit_log"),
    321: ("admin_store", "query_consume_queue"),
    50: ("admin_acl", "update_and_create_acl_config"),
    51: ("admin_acl", "delete_acl_config"),
    52: ("admin_acl", "stay_silent"),  # GET_BROKER_CLUSTER_ACL_INFO
    53: ("admin_acl", "update_global_white_addrs_config"),
    54: ("admin_acl", "stay_silent"),  # GET_BROKER_CLUSTER_ACL_CONFIG
    323: ("admin_store", "resume_check_half_message"),
    301: ("admin_store", "register_filter_server"),
}

REJECTING = frozenset({10, 310, 320, 36})  # SendMessageProcessor#rejectRequest
NOT_ON_FAST_PORT = frozenset({11, 361})  # never registered at listenPort - 2
# Codes whose answer is made with a class of fields in Java: also where no field is set, the
# `extFields` of the answer are there, empty. BROKER-LIFECYCLE-16.
ANSWERS_WITH_HEADER = frozenset(
    {10, 11, 12, 14, 15, 21, 26, 29, 30, 32, 35, 38, 301, 310, 320, 324, 325, 361}
)

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

    BROKER-LIFECYCLE-1 (unknown code), BROKER-LIFECYCLE-2 (exceptions), BROKER-LIFECYCLE-3 (flow
    control), BROKER-LIFECYCLE-4 (fast port), BROKER-TOPIC-13 (files).
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
    first_force = ctx.next_force
    try:
        response = processor(ctx, request)
    except HeaderRefused as error:
        response = _threw(command, error.remark)
    except BodyRefused as error:
        library = "fastjson" if ctx.release.oldest_json else "fastjson2"
        response = _threw(command, error.of_library(library).remark)
    except RefimplError as error:
        response = _threw(command, exception_text(error))
    except DiskError as error:
        response = _threw(command, f"java.io.IOException: {error.reason}")
    else:
        if response is not None:
            response = with_header(response, code)
    if ctx.next_force != first_force:
        ctx.await_config(request, first_force)
    if response is not None:
        ctx.respond(request, response)


def with_header(response: RemotingCommand, code: int) -> RemotingCommand:
    """The answer of a processor with its fields, be there none. BROKER-LIFECYCLE-16."""
    if response.ext_fields is None and code in ANSWERS_WITH_HEADER:
        return replace(response, ext_fields={})
    return response


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
