"""Retention: which files go, by age, by space and by hand, and which topics' queues go.

Requirements  STORE-RETENTION-1..9 in spec/store/retention.md
Java          DefaultMessageStore$CleanCommitLogService, $CleanConsumeQueueService,
              #cleanUnusedTopic, #deleteTopics, #cleanExpiredConsumerQueue (4.6.1, 4.9.7, 5.5.0)

The log goes first, file by file from the oldest; queues and index follow its new beginning.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

from refimpl.model.config import Config
from refimpl.model.disk import Disk
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Millis
from refimpl.model.java import parse_int
from refimpl.model.release import Release
from refimpl.store.consume_queue import ConsumeQueue
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.index_service import IndexService
from refimpl.store.running_flags import RunningFlags

MAX_MANUAL_DELETE_FILE_TIMES: Final = 20
_HOUR: Final = 3_600_000
_LMQ_PREFIX: Final = "%LMQ%"
_SYSTEM_PREFIX: Final = "rmq_sys_"
_SYSTEM_TOPICS: Final = frozenset(
    {
        "BenchmarkTest",
        "OFFSET_MOVED_EVENT",
        "RMQ_SYS_TRACE_TOPIC",
        "RMQ_SYS_TRANS_HALF_TOPIC",
        "RMQ_SYS_TRANS_OP_HALF_TOPIC",
        "SCHEDULE_TOPIC_XXXX",
        "SELF_TEST_TOPIC",
        "TBW102",
        "TRANS_CHECK_MAX_TIME_TOPIC",
    }
)


class RetainedLog(Protocol):
    """What retention asks of the commit log besides reading it."""

    def delete_expired_files(
        self, expired_time: int, now: Millis, *, clean_immediately: bool
    ) -> int:
        """Delete from the oldest file on while expired, never the newest; how many."""

    def min_offset(self) -> int:
        """First offset that is there, -1 for none."""

    def remove_queue_from_topic_queue_table(self, topic: str, queue_id: int) -> None:
        """Let the next message of a queue get queue offset 0."""


def is_time_to_do(when: str, now: Millis) -> bool:
    """STORE-RETENTION-2: the hour of `now` is one of those in `when`, separated by semicolons.

    Hours of the day in UTC (UtilAll#isItTimeToDo uses the zone of the process). Raises
    `InvalidInput` for an item before the hit that is no number.
    """
    hour = now // _HOUR % 24
    return any(parse_int(item) == hour for item in when.split(";"))


class DiskLevels(NamedTuple):
    """Used parts of the partition, 0.0 to 1.0, at which something happens."""

    warning: float = 0.90  # above: no message is accepted any more
    clean_forcibly: float = 0.85  # above: the oldest files go whatever their age
    reclaim: float = 0.75  # above: what is old enough goes at any hour


def disk_levels(config: Config, release: Release) -> DiskLevels:
    """STORE-RETENTION-3: the levels; [New in 5.5]: the upper two are settings, within bounds."""
    reclaim = config.integer("diskMaxUsedSpaceRatio") / 100.0
    if not release.disk_levels_are_configured:
        return DiskLevels(reclaim=reclaim)
    warning = config.integer("diskSpaceWarningLevelRatio") / 100.0
    clean_forcibly = config.integer("diskSpaceCleanForciblyRatio") / 100.0
    return DiskLevels(min(max(warning, 0.35), 0.90), min(max(clean_forcibly, 0.30), 0.85), reclaim)


@dataclass(frozen=True, slots=True)
class CleanState:
    """What the clean-up remembers between two rounds."""

    manual_delete_file_several_times: int = 0  # rounds that an operator has asked for
    last_physical_min_offset: int = 0  # where queues and index begin


def execute_delete_files_manually(s: CleanState) -> CleanState:
    """STORE-RETENTION-6: the next twenty rounds look for expired files at any hour."""
    return replace(s, manual_delete_file_several_times=MAX_MANUAL_DELETE_FILE_TIMES)


class CleanService:
    """Removes files of a store that are no longer wanted; an actor with two steps."""

    __slots__ = (
        "_config",
        "_disk",
        "_flags",
        "_index",
        "_levels",
        "_log",
        "_queues",
        "_release",
        "s",
    )

    def __init__(
        self,
        *,
        disk: Disk,
        log: RetainedLog,
        queues: ConsumeQueueTable,
        index: IndexService,
        flags: RunningFlags,
        config: Config,
        release: Release,
    ) -> None:
        self._disk = disk
        self._log = log
        self._queues = queues
        self._index = index
        self._flags = flags
        self._release = release
        self.s = CleanState()
        self.update_config(config)

    def update_config(self, config: Config) -> None:
        """Obey every setting from the next round on."""
        self._config = config
        self._levels = disk_levels(config, self._release)

    def execute_delete_files_manually(self) -> None:
        """Take note of an operator's wish."""
        self.s = execute_delete_files_manually(self.s)

    def run(self, now: Millis) -> int:
        """One round: the log, then what derives from it; how many files of the log went."""
        deleted = self._clean_commit_log(now)
        self._clean_consume_queues()
        return deleted

    def check_disk_space(self) -> bool:
        """STORE-RETENTION-4: between two rounds, only say whether the disk is full.

        [New in 4.9]: every ten seconds; before, a full disk is noticed by the rounds alone.
        """
        full = self._disk.used_ratio() > self._levels.warning
        self._flags.set_disk_full(full=full)
        return full

    def _clean_commit_log(self, now: Millis) -> int:
        """STORE-RETENTION-1: delete expired files when it is time, space is short, or by hand."""
        config = self._config
        try:
            time_up = is_time_to_do(config.text("deleteWhen"), now)
        except InvalidInput:
            return 0  # Java's round ends with an exception that is only logged
        space_full, clean_immediately = self._judge_space()
        by_hand = self.s.manual_delete_file_several_times
        if not (time_up or space_full or by_hand > 0):
            return 0
        if by_hand > 0:
            self.s = replace(self.s, manual_delete_file_several_times=by_hand - 1)
        return self._log.delete_expired_files(
            config.integer("fileReservedTime") * _HOUR,
            now,
            clean_immediately=clean_immediately and config.boolean("cleanFileForciblyEnable"),
        )

    def _judge_space(self) -> tuple[bool, bool]:
        """STORE-RETENTION-3: (something must go, whatever its age); marks the disk full or not.

        Between the two upper levels the mark stays as it is: the disk must become clearly
        emptier before messages are accepted again.
        """
        used, levels = self._disk.used_ratio(), self._levels
        if used > levels.warning:
            self._flags.set_disk_full(full=True)
        elif used <= levels.clean_forcibly:
            self._flags.set_disk_full(full=False)
        forcibly = used > levels.clean_forcibly
        configured = self._release.disk_levels_are_configured
        return used > levels.reclaim or (forcibly and configured), forcibly

    def _clean_consume_queues(self) -> None:
        """STORE-RETENTION-5: queues and index give up what points below the log's beginning."""
        min_offset = self._log.min_offset()
        if min_offset <= self.s.last_physical_min_offset:
            return
        self.s = replace(self.s, last_physical_min_offset=min_offset)
        for queue in self._queues:
            queue.delete_expired_file(min_offset)
        self._index.delete_expired_file(min_offset)

    # --- topics

    def clean_unused_topic(self, retain: Collection[str]) -> int:
        """STORE-RETENTION-7: destroy the queues of topics that nobody retains; how many topics.

        Topics of the system are retained in any case.
        """
        unused = [
            topic
            for topic in self._queues.topics()
            if topic not in retain and not _is_system_topic(topic)
            and not topic.startswith(_LMQ_PREFIX)
        ]  # fmt: skip
        return self.delete_topics(unused)

    def delete_topics(self, topics: Collection[str]) -> int:
        """STORE-RETENTION-8: destroy the queues of `topics`; how many had any."""
        return sum(self._queues.delete_topic(topic, self._forget) for topic in topics)

    def clean_expired_consume_queue(self) -> int:
        """STORE-RETENTION-9: destroy queues of which no record is left; how many."""
        min_offset = self._log.min_offset()
        deleted = 0
        for queue in self._queues:
            if not _is_system_topic(queue.topic) and -1 < queue.last_offset() < min_offset:
                self._queues.delete_queue(queue, self._forget)
                deleted += 1
        return deleted

    @property
    def _forget(self) -> Callable[[ConsumeQueue], None]:
        log = self._log

        def forget(queue: ConsumeQueue) -> None:
            log.remove_queue_from_topic_queue_table(queue.topic, queue.queue_id)

        return forget


def _is_system_topic(topic: str) -> bool:
    return topic in _SYSTEM_TOPICS or topic.startswith(_SYSTEM_PREFIX)
