"""Bugs that every machine of a broker must notice, each in its own way.

They stand below the broker's services: in the answers, in the files of `config/`, in the flush of
the log and in its recovery.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from unittest.mock import patch

from fuzz.on_purpose.edited import edited
from fuzz.planted.store_side import acks_on_wrote
from fuzz.stateful.registry import Planted, planted_edit
from refimpl.broker.processor import consumer_send_back
from refimpl.broker.schedule_message import ScheduleMessageService
from refimpl.model.config_file import ConfigFile
from refimpl.model.ids import ChannelId, Millis
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.endpoint import Endpoint
from refimpl.store.flush_manager import FlushManager
from refimpl.store.message_store import MessageStore
from refimpl.store.recovery import LogScan

_ALL = (
    "ConsumerOffsets",
    "DelayService",
    "NameServer",
    "PullHold",
    "SendBackAndRetry",
    "TopicConfig",
    "Transaction",
)
_WITH_A_LOG = ("DelayService", "PullHold", "SendBackAndRetry", "Transaction")
_UNDER_SYNC_FLUSH = ("ConsumerOffsets", "DelayService", "PullHold", "SendBackAndRetry")


@contextmanager
def _answers_twice() -> Iterator[None]:
    right = Endpoint.respond

    def wrong(self: Endpoint, channel: ChannelId, command: RemotingCommand) -> None:
        right(self, channel, command)
        right(self, channel, command)

    with patch.object(Endpoint, "respond", wrong):
        yield


_TORN_RECORD = partial(
    edited,
    LogScan,
    "_records_of",
    "if not request.success:",
    "if not request.success and any(window[position - base :][:200]):\n"
    "            raise DiskError('read', mapped_file.path, 'no record')\n"
    "        if not request.success:",
)
_OTHER_FILE = partial(
    edited,
    FlushManager,
    "_force_log",
    "self._force(wanted.path, wanted.span)",
    'self._force("abort")',
)


@contextmanager
def _later_lives_lose_tags() -> Iterator[None]:
    """What waited for its delay through a death comes back without its tags."""
    start, time_up = ScheduleMessageService.start, ScheduleMessageService.message_time_up
    later: set[int] = set()

    def start_again(self: ScheduleMessageService, now: Millis) -> None:
        (later.add if self.offset_table else later.discard)(id(self))
        start(self, now)

    def without_tags(
        self: ScheduleMessageService, message: MessageExt
    ) -> MessageExtBrokerInner | None:
        if id(self) in later:
            kept = {name: text for name, text in message.properties.items() if name != "TAGS"}
            message = replace(message, properties=kept)
        return time_up(self, message)

    with (
        patch.object(ScheduleMessageService, "start", start_again),
        patch.object(ScheduleMessageService, "message_time_up", without_tags),
    ):
        yield


PLANTED = {
    "own-tags-are-lost-in-a-later-life": Planted(
        "SendBackAndRetry", "OriginIsKept", _later_lives_lose_tags
    ),
    **{
        f"own-every-answer-is-sent-twice-{machine}": Planted(
            machine, "AtMostOneAnswer", _answers_twice
        )
        for machine in _ALL
    },
    **{
        f"own-torn-record-stops-the-start-{machine}": Planted(
            machine, "EveryImageOpens", _TORN_RECORD
        )
        for machine in ("ConsumerOffsets", *_WITH_A_LOG)
    },
    **{
        f"own-another-file-is-forced-{machine}": Planted(machine, "DurableIsKept", _OTHER_FILE)
        for machine in _WITH_A_LOG
    },
    "own-new-name-is-not-durable": planted_edit(
        "ConsumerOffsets",
        "DurableIsKept",
        ConfigFile,
        "_replace",
        "disk.sync_directory(directory)\n    self._make_durable()",
        "'Offset' in path or disk.sync_directory(directory)\n    self._make_durable()",
    ),
    **{
        f"own-loaded-file-is-replaced-at-once-{machine}": planted_edit(
            machine,
            breaks,
            ConfigFile,
            "load",
            "self._loaded = first\n            self._settle()",
            f"if {name!r} in self.path:\n"
            "                self._replace(first.encode())\n"
            "            else:\n"
            "                self._loaded = first\n"
            "                self._settle()",
        )
        for machine, breaks, name in (
            ("ConsumerOffsets", "DurableIsKept", "consumerOffset"),
            ("TopicConfig", "FileIsNeverHalf", "topics"),
        )
    },
    "own-serves-before-it-is-caught-up": planted_edit(
        "PullHold",
        "ServesWhatItHas",
        MessageStore,
        "catch_up",
        "if self.flush_manager.owes_recovered:",
        "if False:",
    ),
    "own-serves-before-it-has-dispatched": planted_edit(
        "PullHold",
        "ServesWhatItHas",
        MessageStore,
        "catch_up",
        "self._dispatch_all(now)",
        "pass",
    ),
    **{
        f"own-send-is-answered-before-the-force-{machine}": Planted(
            machine, "SuccessIsDurable", acks_on_wrote
        )
        for machine in _UNDER_SYNC_FLUSH
    },
    "own-back-is-answered-before-the-force": planted_edit(
        "SendBackAndRetry",
        "SuccessIsDurable",
        consumer_send_back,
        "consumer_send_msg_back",
        "waits_for_flush=True",
        "waits_for_flush=False",
    ),
    **{
        f"own-nobody-waits-as-long-as-told-{machine}": planted_edit(
            machine,
            "TimeoutHasAReason",
            FlushManager,
            "put_request",
            "now + self._config",
            "now - 4_500 + self._config",
        )
        for machine in _UNDER_SYNC_FLUSH
    },
    **{
        f"own-nobody-looks-whose-time-is-over-{machine}": planted_edit(
            machine,
            "PutIsAnswered",
            MessageStore,
            "_stored",
            "due[FLUSH_DISK_WATCHER] = deadline",
            "pass",
        )
        for machine in _UNDER_SYNC_FLUSH
    },
}
