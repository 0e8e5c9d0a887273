"""Bugs of real brokers and name servers, planted one at a time; numbers are those of the issues.

Each is an edit of one function; `FAULTS.md` and the issue tell the story. Names begin with the
issue where there is one; `rust-` is a bug of the other implementation, `own-` one that our machines
found in this code or in the design of every release.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from fuzz.on_purpose.edited import edited
from fuzz.stateful.registry import Planted
from fuzz.stateful.registry import planted_edit as _bug
from refimpl.broker.consumer_offset_manager import ConsumerOffsetManager
from refimpl.broker.message_filter import ExpressionMessageFilter
from refimpl.broker.processor import consumer_send_back, end_transaction
from refimpl.broker.pull_request_hold import PullRequestHold
from refimpl.broker.schedule_message import ScheduleMessageService
from refimpl.broker.transaction import TransactionalMessageService
from refimpl.broker.transaction_check import TransactionCheck
from refimpl.model.config_file import ConfigFile
from refimpl.namesrv.route_info_manager import RouteInfoManager

DELAY, TRANSACTION, RETRY = "DelayService", "Transaction", "SendBackAndRetry"
OFFSETS, CONFIG, HOLD, NAMES = "ConsumerOffsets", "TopicConfig", "PullHold", "NameServer"


@contextmanager
def _rollback_delivers() -> Iterator[None]:
    """A rollback takes the way of a commit."""
    decided = "if header.commit_or_rollback != TRANSACTION_COMMIT_TYPE:"
    flag = "message.sys_flag, header.commit_or_rollback"
    with (
        edited(end_transaction, "final_message", flag, "message.sys_flag, 8"),
        edited(end_transaction, "end_transaction", decided, "if False:"),
    ):
        yield


_DELAYS = {
    "9249-failed-delivery-is-skipped": _bug(
        DELAY,
        "EveryAcknowledgedIsDelivered",
        ScheduleMessageService,
        "deliver",
        "return offset, Millis(now + pause)",
        "return offset + 1, Millis(now + pause)",
    ),
    "1869-delay-offset-out-of-range": _bug(
        DELAY,
        "OffsetIsInTheQueue",
        ScheduleMessageService,
        "correct_delay_offset",
        "min(max(offset, low), high)",
        "offset",
    ),
    "own-delivered-early": _bug(
        DELAY, "NeverEarly", ScheduleMessageService, "_countdown", ") - now", ") - now - 400"
    ),
    "own-delay-offset-ahead-of-the-log": _bug(
        DELAY,
        "EveryAcknowledgedIsDelivered",
        ScheduleMessageService,
        "persist",
        "level not in self._behind",
        "True",
    ),
    "own-delivery-forgets-properties": _bug(
        DELAY,
        "BROKER-SCHEDULE-7",
        ScheduleMessageService,
        "message_time_up",
        "text = properties_to_string(properties, release)",
        'text = ""',
    ),
    "own-newest-delayed-first": _bug(
        DELAY,
        "LevelOrder",
        ScheduleMessageService,
        "deliver",
        "_UNIT.iter_unpack(units)",
        "reversed(list(_UNIT.iter_unpack(units)))",
    ),
    "own-delay-offset-does-not-move": _bug(
        DELAY,
        "NeverTwice",
        ScheduleMessageService,
        "deliver",
        "offset += 1",
        "offset += 0",
    ),
}

_TRANSACTIONS = {
    "544-immune-half-is-not-put-back": _bug(
        TRANSACTION,
        "OpenIsFoundAgain",
        TransactionCheck,
        "_keep_immune",
        "    service = self._ctx",
        "    return True\n    service = self._ctx",
    ),
    "9487-checked-before-its-immunity": _bug(
        TRANSACTION,
        "CheckedAfterImmunity",
        TransactionCheck,
        "_check_message",
        "immunity = timeout if own is None",
        "immunity = timeout - 1500 if own is None",
    ),
    "1540-delay-level-on-a-half-message": _bug(
        TRANSACTION,
        "BROKER-TRANS-23",
        TransactionalMessageService,
        "prepare_message",
        "if k != PROPERTY_DELAY_TIME_LEVEL",
        "if True",
    ),
    "1627-check-is-lost-when-the-store-is-busy": _bug(
        TRANSACTION,
        "OpenIsFoundAgain",
        TransactionCheck,
        "_ask",
        "return False",
        "return True",
    ),
    "own-discarded-and-not-stored": _bug(
        TRANSACTION,
        "OpenIsFoundAgain",
        TransactionCheck,
        "_discard",
        "return result.status is PutMessageStatus.PUT_OK",
        "return True",
    ),
    "own-checked-for-ever": _bug(
        TRANSACTION,
        "ChecksAreBounded",
        TransactionCheck,
        "_counted",
        "if times >= self",
        "if times >= 10 + self",
    ),
    "own-rollback-delivers": Planted(TRANSACTION, "OnlyCommittedIsVisible", _rollback_delivers),
    "own-rollback-writes-no-operation": _bug(
        TRANSACTION,
        "EndedIsNotAsked",
        end_transaction,
        "end_transaction",
        "service.delete_prepare_message(message, now)",
        "pass",
    ),
    "own-commit-writes-no-operation": _bug(
        TRANSACTION,
        "EndedIsNotAsked",
        TransactionalMessageService,
        "delete_prepare_message",
        "self._ended.setdefault(message.queue_id, {})[message.queue_offset] = None",
        "return",
    ),
    "own-commit-that-was-not-stored": _bug(
        TRANSACTION,
        "ToldIsVisible",
        end_transaction,
        "end_transaction",
        "if status not in _STORED:",
        "if False:",
    ),
    "own-walk-ahead-of-the-log": _bug(
        TRANSACTION,
        "OpenIsFoundAgain",
        ConsumerOffsetManager,
        "persist",
        "self._walks.settled(queue.flushed_where)",
        "self._rows_of_walks()",
    ),
    "own-end-by-another-group": _bug(
        TRANSACTION,
        "BROKER-TRANS-5",
        end_transaction,
        "_mismatch",
        "group != header.producer_group",
        "False",
    ),
}

_RETRIES = {
    "2724-dead-letter-keeps-its-delay": _bug(
        RETRY,
        "DeadLetterAtTheMaximum",
        consumer_send_back,
        "consumer_send_msg_back",
        "level = 0",
        "level = 3",
    ),
    "2869-origin-is-overwritten": _bug(
        RETRY,
        "OriginIsKept",
        consumer_send_back,
        "_copy",
        'if not properties.get(PROPERTY_ORIGIN_MESSAGE_ID, "").strip():',
        "if True:",
    ),
    "own-attempts-are-not-counted": _bug(
        RETRY,
        "RetryLevel",
        consumer_send_back,
        "_copy",
        "message.reconsume_times + 1",
        "message.reconsume_times",
    ),
    "own-dead-one-attempt-late": _bug(
        RETRY,
        "DeadLetterAtTheMaximum",
        consumer_send_back,
        "consumer_send_msg_back",
        "message.reconsume_times >= limit",
        "message.reconsume_times > limit",
    ),
    "own-every-retry-at-the-first-level": _bug(
        RETRY,
        "RetryLevel",
        consumer_send_back,
        "consumer_send_msg_back",
        "FIRST_RETRY_LEVEL + message.reconsume_times",
        "FIRST_RETRY_LEVEL",
    ),
    "own-refused-copy-is-acknowledged": _bug(
        RETRY,
        "AcknowledgedIsStored",
        consumer_send_back,
        "_answer",
        "if status is PutMessageStatus.PUT_OK:",
        "if True:",
    ),
    "own-first-topic-is-forgotten": _bug(
        RETRY,
        "OriginIsKept",
        consumer_send_back,
        "_copy",
        "properties.setdefault(PROPERTY_RETRY_TOPIC, message.topic)",
        "properties[PROPERTY_RETRY_TOPIC] = message.topic",
    ),
}

_OFFSETS = {
    "8239-offset-beyond-what-is-left": _bug(
        OFFSETS,
        "CommittedIsKept",
        ConsumerOffsetManager,
        "correct_offsets",
        "not self._ctx.store.last_exit_ok",
        "False",
    ),
    "9149-reset-needs-a-record": _bug(
        OFFSETS,
        "CommittedIsKept",
        ConsumerOffsetManager,
        "assign_reset_offset",
        "    self.reset_offset_table",
        "    if key not in self.offset_table:\n        return\n    self.reset_offset_table",
    ),
    "9607-reset-is-kept-in-memory-only": _bug(
        OFFSETS,
        "CommittedIsKept",
        ConsumerOffsetManager,
        "assign_reset_offset",
        "self.offset_table.setdefault(key, {})[queue_id] = offset",
        "return",
    ),
    "rust-backward-commit-is-ignored": _bug(
        OFFSETS,
        "CommittedIsKept",
        ConsumerOffsetManager,
        "commit_offset",
        "table[queue_id] = offset",
        "table[queue_id] = max(offset, table.get(queue_id, 0))",
    ),
    "own-corrected-offset-is-not-written": _bug(
        OFFSETS,
        "CommittedIsKept",
        ConsumerOffsetManager,
        "correct_offsets",
        "if self.offset_table != before:",
        "if False:",
    ),
    "own-reset-is-told-again": _bug(
        OFFSETS,
        "CommittedIsKept",
        ConsumerOffsetManager,
        "query_then_erase_reset_offset",
        "table.pop(queue_id, None)",
        "table.get(queue_id)",
    ),
}

_FILES = {
    "5905-deleted-before-the-new-one-is-durable": _bug(
        CONFIG,
        "EveryImageOpens",
        ConfigFile,
        "_replace",
        "disk.rename(path, backup)",
        "disk.unlink(path)",
    ),
    "9705-backup-of-a-torn-file": _bug(
        CONFIG, "EveryImageOpens", ConfigFile, "_replace", "elif self._durable:", "else:"
    ),
    "own-first-file-has-no-backup": _bug(
        CONFIG, "EveryImageOpens", ConfigFile, "_replace", "disk.create(backup, 0)", "pass"
    ),
    "own-file-of-before-the-kill-is-believed": _bug(
        CONFIG,
        "FileIsNeverHalf",
        ConfigFile,
        "load",
        "self._durable = second is None",
        "self._durable = True",
    ),
}

_HOLDS = {
    "own-woken-by-any-tag": _bug(
        HOLD,
        "WokenForAReason",
        PullRequestHold,
        "notify_message_arriving",
        " and _wanted(pull, tags_code, properties)",
        "",
    ),
    "own-held-pull-is-answered-twice": _bug(
        HOLD,
        "AtMostOneAnswer",
        PullRequestHold,
        "notify_message_arriving",
        "self._wake(pull.request, now)",
        "self._wake(pull.request, now)\n            self._wake(pull.request, now)",
    ),
    "own-others-of-the-queue-are-forgotten": _bug(
        HOLD,
        "AnsweredInTime",
        PullRequestHold,
        "notify_message_arriving",
        "self._table[key] = waiting + self._table.get(key, [])",
        "pass",
    ),
    "own-woken-one-message-late": _bug(
        HOLD,
        "HeldIsUnsatisfied",
        PullRequestHold,
        "notify_message_arriving",
        "wake = newest > pull",
        "wake = newest > 1 + pull",
    ),
    "own-time-is-never-over": _bug(
        HOLD,
        "AnsweredInTime",
        PullRequestHold,
        "notify_message_arriving",
        "now >= pull.request.now + pull.timeout_millis",
        "False",
    ),
    "own-closed-channels-are-held": _bug(
        HOLD,
        "HeldHasAChannel",
        PullRequestHold,
        "channel_closed",
        "for key in list(self._table):",
        "for key in ():",
    ),
    "own-tags-are-not-compared": _bug(
        HOLD,
        "FilterSound",
        ExpressionMessageFilter,
        "matches_consume_queue",
        "return i32(tags_code) in self._codes",
        "return True",
    ),
}

_NAMES = {
    "1464-one-address-under-two-ids": _bug(
        NAMES,
        "OneIdForAnAddress",
        RouteInfoManager,
        "register_broker",
        "a == address and i != broker_id",
        "False",
    ),
    "own-routes-of-the-departed-stay": _bug(
        NAMES,
        "RoutesLeadToBrokers",
        RouteInfoManager,
        "_remove_broker_name",
        "for topic in list(self.topic_queue_table):",
        "for topic in ():",
    ),
    "own-silence-is-not-noticed": _bug(
        NAMES,
        "NobodyOutlivesAScan",
        RouteInfoManager,
        "expired",
        "live.last_update + live.timeout < now",
        "live.last_update + 2 * live.timeout < now",
    ),
    "own-empty-cluster-stays": _bug(
        NAMES,
        "ClustersNameBrokers",
        RouteInfoManager,
        "_leave_cluster",
        "if not names:",
        "if False:",
    ),
    "own-name-without-an-address": _bug(
        NAMES,
        "BrokerHasAddress",
        RouteInfoManager,
        "forget",
        "if addresses:",
        "if True:",
    ),
    "own-topics-of-a-known-version-only": _bug(
        NAMES,
        "RegisteredIsRouted",
        RouteInfoManager,
        "_take_topics",
        "if not changed and",
        "if not first and",
    ),
}

PLANTED = {**_DELAYS, **_TRANSACTIONS, **_RETRIES, **_OFFSETS, **_FILES, **_HOLDS, **_NAMES}
