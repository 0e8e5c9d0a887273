"""The bugs that `broker_side` has no story for: one for each invariant that it leaves whole."""

from fuzz.stateful.registry import planted_edit as _bug
from refimpl.broker import message_filter
from refimpl.broker.behind_config import BehindConfig
from refimpl.broker.processor import (
    admin_topic,
    consumer_manage,
    consumer_send_back,
    end_transaction,
    pull_message,
)
from refimpl.broker.schedule_message import ScheduleMessageService
from refimpl.broker.subscription_group_manager import SubscriptionGroupManager
from refimpl.broker.topic_config_manager import TopicConfigManager
from refimpl.broker.transaction_check import TransactionCheck, _Round
from refimpl.namesrv import default_request_processor
from refimpl.namesrv.kv_config_manager import KVConfigManager
from refimpl.namesrv.route_info_manager import RouteInfoManager
from refimpl.store import append_message

DELAY, TRANSACTION, RETRY = "DelayService", "Transaction", "SendBackAndRetry"
OFFSETS, CONFIG, HOLD, NAMES = "ConsumerOffsets", "TopicConfig", "PullHold", "NameServer"

_REFUSAL = 'return make_response(command, ResponseCode.SYSTEM_ERROR, "crc32 not match")'
_TOUCH = "ctx.routes.touch(header.cluster_name, header.broker_addr, request.now + 1)"

_DELAYS = {
    "own-level-beyond-the-last-is-the-first": _bug(
        DELAY,
        "BROKER-SCHEDULE-12",
        append_message,
        "delayed",
        "        level = levels.max_level\n",
        "        level = 1\n",
    ),
    "own-level-that-waits-goes-back": _bug(
        DELAY,
        "DelayOffsetGrows",
        ScheduleMessageService,
        "deliver",
        "self._update_offset(level, offset, now)\n            return offset, Millis(now + wait)",
        "self._update_offset(level, max(0, offset - 1), now)\n"
        "            return offset, Millis(now + wait)",
    ),
    "own-delivery-of-another-body": _bug(
        DELAY,
        "NothingIsInvented",
        ScheduleMessageService,
        "message_time_up",
        "body=message.body",
        "body=message.body + b'00'",
    ),
}

_TRANSACTIONS = {
    "own-commit-is-stored-twice": _bug(
        TRANSACTION,
        "CommittedOnce",
        end_transaction,
        "end_transaction",
        "result = ctx.store.put_message(inner, now)",
        "ctx.store.put_message(inner, now)\n    result = ctx.store.put_message(inner, now)",
    ),
    "own-walk-of-operations-goes-back": _bug(
        TRANSACTION,
        "WalksGoForward",
        _Round,
        "next_op_offset",
        "offset = self.op_offset",
        "offset = max(0, self.op_offset - (not self.done))",
    ),
    "own-walk-leaves-its-queue": _bug(
        TRANSACTION,
        "TransactionOffsetInQueue",
        TransactionCheck,
        "_check_queue",
        "self._commit(RMQ_SYS_TRANS_HALF_TOPIC, queue_id, offset, now)",
        "self._commit(RMQ_SYS_TRANS_HALF_TOPIC, queue_id, offset + 1, now)",
    ),
    "own-commit-of-another-body": _bug(
        TRANSACTION,
        "NothingIsInvented",
        end_transaction,
        "final_message",
        "body=message.body",
        "body=message.body + b'?'",
    ),
    "own-refused-commit-is-delivered": _bug(
        TRANSACTION,
        "RefusalChangesNothing",
        end_transaction,
        "end_transaction",
        "if wrong is not None:",
        "if wrong and ctx.store.put_message(final_message(ctx, message, header), now):",
    ),
    "own-every-release-refuses-late-ends": _bug(
        TRANSACTION,
        "BROKER-TRANS-7",
        end_transaction,
        "end_transaction",
        "if ctx.release.rejects_late_end and _too_late",
        "if _too_late",
    ),
}

_RETRIES = {
    "own-delivery-forgets-attempts": _bug(
        RETRY,
        "AttemptsAreCounted",
        ScheduleMessageService,
        "message_time_up",
        "reconsume_times=message.reconsume_times",
        "reconsume_times=0",
    ),
    "own-given-back-twice": _bug(
        RETRY,
        "GivenBackOnce",
        consumer_send_back,
        "consumer_send_msg_back",
        "    result = ctx.store.put_message(",
        "    ctx.store.put_message(inner, now)\n    result = ctx.store.put_message(",
    ),
    "own-refusal-stores-a-copy": _bug(
        RETRY,
        "RefusalChangesNothing",
        consumer_send_back,
        "consumer_send_msg_back",
        "    if message is None:\n",
        "    first = ctx.store.look_message_by_offset(PhysicalOffset(0))\n"
        "    if message is None:\n"
        "        if first is not None:\n"
        "            ctx.store.put_message(_copy(ctx, first, topic, 0, 1), now)\n",
    ),
    "own-nothing-is-given-back-with-success": _bug(
        RETRY,
        "BROKER-BACK-6",
        consumer_send_back,
        "consumer_send_msg_back",
        "return make_response(command, ResponseCode.SYSTEM_ERROR, remark)",
        "return make_response(command, ResponseCode.SUCCESS)",
    ),
    "own-dead-letter-is-no-success": _bug(
        RETRY,
        "BROKER-BACK-14",
        consumer_send_back,
        "_answer",
        "if status is PutMessageStatus.PUT_OK:",
        "if status is PutMessageStatus.PUT_OK and inner.topic[:4] != '%DLQ':",
    ),
}

_OFFSETS = {
    "own-query-tells-the-next": _bug(
        OFFSETS,
        "BROKER-OFFSET-1",
        consumer_manage,
        "_found",
        "(offset=offset)",
        "(offset=offset + 1)",
    ),
    "own-reset-is-not-told": _bug(
        OFFSETS,
        "BROKER-OFFSET-14",
        pull_message,
        "_pull",
        "if reset is not None and",
        "if False and",
    ),
    "own-refused-commit-is-stored": _bug(
        OFFSETS,
        "RefusalChangesNothing",
        consumer_manage,
        "_check_commit",
        "    if ctx.topic_config_manager.select_topic_config(topic) is None:",
        "    ctx.consumer_offset_manager.commit_offset(group, topic, queue_id, 5, 0)\n"
        "    if ctx.topic_config_manager.select_topic_config(topic) is None:",
    ),
}

_FILES = {
    "own-administered-topic-is-not-written": _bug(
        CONFIG,
        "ToldIsKept",
        TopicConfigManager,
        "_written",
        "self._file.write(self.encode())",
        "pass",
    ),
    "own-new-topic-keeps-the-version": _bug(
        CONFIG,
        "VersionNamesOneTable",
        TopicConfigManager,
        "update_topic_config",
        "self.data_version = self.data_version.next_version(now)",
        "pass",
    ),
    "own-refused-topic-is-made": _bug(
        CONFIG,
        "RefusalChangesNothing",
        admin_topic,
        "update_and_create_topic",
        "    refused = _refuse_name(ctx, request, header.topic)",
        "    ctx.topic_config_manager.update_topic_config(_given(header), request.now)\n"
        "    refused = _refuse_name(ctx, request, header.topic)",
    ),
    "own-topic-of-a-refused-change-stays": _bug(
        CONFIG,
        "RefusalChangesNothing",
        TopicConfigManager,
        "_written",
        "self.topic_config_table, self.data_version = table, version",
        "pass",
    ),
    "own-group-of-a-refused-change-stays": _bug(
        CONFIG,
        "RefusalChangesNothing",
        SubscriptionGroupManager,
        "_written",
        "self.subscription_group_table, self.forbidden_table = groups, forbidden",
        "pass",
    ),
    "own-unwritten-group-is-acknowledged": _bug(
        CONFIG,
        "ToldIsKept",
        SubscriptionGroupManager,
        "_written",
        "raise\n",
        "pass\n",
    ),
    "own-deleted-topic-stays": _bug(
        CONFIG,
        "BROKER-TOPIC-7",
        TopicConfigManager,
        "delete_topic_config",
        "del self.topic_config_table[topic]",
        "pass",
    ),
    "own-answer-before-the-file-is-durable": _bug(
        CONFIG,
        "BROKER-TOPIC-13",
        BehindConfig,
        "keep",
        "waiting.answers.append(answer)\n    return True",
        "return False",
    ),
}

_HOLDS = {
    "own-pull-goes-on-one-too-far": _bug(
        HOLD,
        "FilterComplete",
        pull_message,
        "_response_header",
        "next_begin_offset=result.next_begin_offset",
        "next_begin_offset=result.next_begin_offset + bool(result.records)",
    ),
    "own-unknown-is-a-match": _bug(
        HOLD, "FilterSound", message_filter, "_evaluate", "is True", "is not False"
    ),
}

_NAMES = {
    "own-cluster-leaves-with-its-first-broker": _bug(
        NAMES,
        "BrokersHaveClusters",
        RouteInfoManager,
        "_leave_cluster",
        "del names[name]",
        "names.clear()",
    ),
    "own-topic-without-a-queue": _bug(
        NAMES, "TopicsHaveQueues", RouteInfoManager, "_remove_queues", "if not queues:", "if False:"
    ),
    "own-address-of-the-departed-stays": _bug(
        NAMES, "ListedAreLive", RouteInfoManager, "forget", "if leaving is None:", "if True:"
    ),
    "own-filters-of-the-departed-stay": _bug(
        NAMES,
        "FiltersBelongToTheLive",
        RouteInfoManager,
        "forget",
        "self.filter_server_table.pop(key, None)",
        "pass",
    ),
    "own-damaged-registration-is-a-sign-of-life": _bug(
        NAMES,
        "RefusalChangesNothing",
        default_request_processor,
        "register_broker",
        _REFUSAL,
        f"{_TOUCH}\n        {_REFUSAL}",
    ),
    "own-value-is-in-memory-only": _bug(
        NAMES, "ToldIsKept", KVConfigManager, "_take", "raise\n", "pass\n"
    ),
    "own-value-of-a-refused-change-stays": _bug(
        NAMES,
        "RefusalChangesNothing",
        KVConfigManager,
        "_take",
        "raise\n",
        "self.config_table = table\n            raise\n",
    ),
    "own-one-topic-is-refused-by-every-release": _bug(
        NAMES,
        "NAMESRV-LIFECYCLE-1",
        RouteInfoManager,
        "register_broker",
        "if partial and self._release.namesrv_refuses_partial_registration:",
        "if partial:",
    ),
}

PLANTED = {
    **_DELAYS,
    **_TRANSACTIONS,
    **_RETRIES,
    **_OFFSETS,
    **_FILES,
    **_HOLDS,
    **_NAMES,
}
