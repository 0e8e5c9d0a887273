"""How far each group has come in each queue.

Java 4.9.7: broker/offset/ConsumerOffsetManager; 5.5.0 adds the tables of pulled and of reset
offsets. The file is `config/consumerOffset.json`. Rules BROKER-OFFSET-1 to BROKER-OFFSET-20.

Cited in short below: BROKER-OFFSET-2.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from refimpl.broker.behind_log import BehindLog
from refimpl.broker.json_text import parse_object, to_pretty
from refimpl.model.data_version import DataVersion, from_json, to_json
from refimpl.model.ids import Group, JsonValue, Millis, QueueId, QueueOffset, Topic
from refimpl.model.java import parse_int, remainder
from refimpl.model.topic_validator import RMQ_SYS_TRANS_HALF_TOPIC, RMQ_SYS_TRANS_OP_HALF_TOPIC
from refimpl.model.trace import (
    CommitOffset,
    LoadOffset,
    MoveOffset,
    PersistOffset,
    PersistWalk,
    QueryOffset,
    TransactionStarted,
)
from refimpl.remoting.body.java_json import Writable, write

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext

TOPIC_GROUP_SEPARATOR = "@"
TRANSACTION_GROUP = "CID_RMQ_SYS_TRANS"
_WALKS = tuple(
    topic + TOPIC_GROUP_SEPARATOR + TRANSACTION_GROUP
    for topic in (RMQ_SYS_TRANS_HALF_TOPIC, RMQ_SYS_TRANS_OP_HALF_TOPIC)
)

OffsetTable = dict[str, dict[int, int]]
_Row = CommitOffset | QueryOffset | MoveOffset | PersistOffset | LoadOffset


class ConsumerOffsetManager:
    """The table `topic@group` -> queue -> offset, and in 5.5 its two companions."""

    __slots__ = (
        "_ctx",
        "_file",
        "_versions",
        "_walks",
        "data_version",
        "offset_table",
        "pull_offset_table",
        "reset_offset_table",
    )

    def __init__(self, ctx: "BrokerContext") -> None:
        self._ctx = ctx
        self._file = ctx.config_file("config/consumerOffset.json")
        self._versions = 0
        self.data_version = DataVersion()
        self.offset_table: OffsetTable = {}
        self.pull_offset_table: OffsetTable = {}  # 5.5: the next offset that a pull was told
        self.reset_offset_table: OffsetTable = {}  # 5.5: resets that the consumer has not heard of
        self._walks = BehindLog[OffsetTable]({})  # the rows of the transaction check

    # --- one offset

    def commit_offset(
        self, group: str, topic: str, queue_id: int, offset: int, now: Millis
    ) -> None:
        """Store what the consumer says, lower than before or not. BROKER-OFFSET-1, -2."""
        key = topic + TOPIC_GROUP_SEPARATOR + group
        table = self.offset_table.get(key)
        if table is None:
            self.offset_table[key] = {queue_id: offset}
        else:
            table[queue_id] = offset
        if self._ctx.tracer is not None:
            self._tell(CommitOffset, {key: {queue_id: offset}})
        if self._ctx.release.consumer_offset_has_version:
            self._versions += 1
            step = self._ctx.config.integer("consumerOffsetUpdateVersionStep")
            if remainder(self._versions, step) == 0:
                self.data_version = self.data_version.next_version(now)

    def query_offset(self, group: str, topic: str, queue_id: int) -> int:
        """The stored offset, -1 where there is none; a pending reset answers first in 5.5.

        BROKER-OFFSET-3, BROKER-OFFSET-12.
        """
        key = topic + TOPIC_GROUP_SEPARATOR + group
        if self.reset_offset_table and self._ctx.config.boolean("useServerSideResetOffset"):
            reset = self.reset_offset_table.get(key)
            if reset is not None and queue_id in reset:
                return reset[queue_id]
        table = self.offset_table.get(key)
        offset = -1 if table is None else table.get(queue_id, -1)
        if self._ctx.tracer is not None:
            self._tell(QueryOffset, {key: {queue_id: offset}})
        return offset

    def query_offsets(self, group: str, topic: str) -> dict[int, int] | None:
        """All queues of one group and topic; None where nothing was ever committed."""
        return self.offset_table.get(topic + TOPIC_GROUP_SEPARATOR + group)

    # --- 5.5: pulled and reset offsets

    def commit_pull_offset(self, group: str, topic: str, queue_id: int, offset: int) -> None:
        """Remember the next offset that a pull was told; never used as a consumer offset."""
        key = topic + TOPIC_GROUP_SEPARATOR + group
        table = self.pull_offset_table.get(key)
        if table is None:
            self.pull_offset_table[key] = {queue_id: offset}
        else:
            table[queue_id] = offset

    def query_pull_offset(self, group: str, topic: str, queue_id: int) -> int:
        """The pulled offset, or the consumer offset where none was pulled."""
        table = self.pull_offset_table.get(topic + TOPIC_GROUP_SEPARATOR + group)
        if table is not None and queue_id in table:
            return table[queue_id]
        return self.query_offset(group, topic, queue_id)

    def assign_reset_offset(self, topic: str, group: str, queue_id: int, offset: int) -> None:
        """Reset one queue; the next pull of it is told. Illegal values are ignored.

        BROKER-OFFSET-12; the record is made even for a group that had none (fault B37).
        """
        if not topic or not group or queue_id < 0 or offset < 0:
            return
        key = topic + TOPIC_GROUP_SEPARATOR + group
        self.reset_offset_table.setdefault(key, {})[queue_id] = offset
        self.offset_table.setdefault(key, {})[queue_id] = offset
        self._tell(MoveOffset, {key: {queue_id: offset}})

    def has_offset_reset(self, topic: str, group: str, queue_id: int) -> bool:
        """True while a reset waits for the next pull. BROKER-OFFSET-13."""
        table = self.reset_offset_table.get(topic + TOPIC_GROUP_SEPARATOR + group)
        return table is not None and queue_id in table

    def query_then_erase_reset_offset(self, topic: str, group: str, queue_id: int) -> int | None:
        """Take the pending reset of a queue. BROKER-OFFSET-14."""
        table = self.reset_offset_table.get(topic + TOPIC_GROUP_SEPARATOR + group)
        return None if table is None else table.pop(queue_id, None)

    # --- whole groups and topics

    def which_topic_by_consumer(self, group: str) -> list[str]:
        """Topics of which the group has an offset. BROKER-OFFSET-7."""
        return [topic for topic, owner in self._pairs() if owner == group]

    def which_group_by_topic(self, topic: str) -> list[str]:
        """Groups that have an offset of the topic. BROKER-OFFSET-7."""
        return [group for owned, group in self._pairs() if owned == topic]

    def clone_offset(self, source: str, target: str, topic: str) -> None:
        """Copy the offsets of one topic; the target's own are replaced. BROKER-OFFSET-8."""
        offsets = self.offset_table.get(topic + TOPIC_GROUP_SEPARATOR + source)
        if offsets is not None:
            key = topic + TOPIC_GROUP_SEPARATOR + target
            self._tell(MoveOffset, _gone(self.offset_table, key))
            self.offset_table[key] = dict(offsets)
            self._tell(MoveOffset, {key: offsets})

    def remove_offset(self, group: str) -> None:
        """Forget a group in every table. BROKER-OFFSET-9."""
        for table in (self.offset_table, self.reset_offset_table, self.pull_offset_table):
            for key in [k for k in table if _two(k) and _parts(k)[1] == group]:
                if table is self.offset_table:
                    self._tell(MoveOffset, _gone(table, key))
                del table[key]

    def clean_offset_by_topic(self, topic: str) -> None:
        """Forget a deleted topic (5.5); companions go only with an offset. BROKER-OFFSET-10."""
        for key in [k for k in self.offset_table if _two(k) and _parts(k)[0] == topic]:
            self._tell(MoveOffset, _gone(self.offset_table, key))
            del self.offset_table[key]
            self.pull_offset_table.pop(key, None)
            self.reset_offset_table.pop(key, None)

    def scan_unsubscribed_topic(self) -> None:
        """Drop offsets that nobody subscribes to, at or below the log. BROKER-OFFSET-11."""
        for key in [k for k in self.offset_table if _two(k)]:
            topic, group = _parts(key)
            if self._ctx.consumer_manager.find_subscription_data(group, topic) is not None:
                continue
            table = self.offset_table[key]
            if table and all(
                offset <= self._ctx.store.min_offset_in_queue(Topic(topic), QueueId(queue_id))
                for queue_id, offset in table.items()
            ):
                self._tell(MoveOffset, _gone(self.offset_table, key))
                del self.offset_table[key]

    def query_min_offset_in_all_group(
        self, topic: str, filter_groups: str | None
    ) -> dict[int, int]:
        """The smallest offset of every queue over all groups but `filter_groups`.

        BROKER-OFFSET-16: Java *deletes* the filtered groups' offsets here; we leave them out.
        """
        excluded = [] if not (filter_groups or "").strip() else (filter_groups or "").split(",")
        least: dict[int, int] = {}
        for key, table in self.offset_table.items():
            parts = _parts(key)
            if parts[0] != topic or (len(parts) > 1 and parts[1] in excluded):
                continue
            for queue_id, offset in table.items():
                if offset >= self._ctx.store.min_offset_in_queue(Topic(topic), QueueId(queue_id)):
                    least[queue_id] = min(least.get(queue_id, offset), offset)
        return least

    def _pairs(self) -> list[list[str]]:
        return [_parts(key) for key in self.offset_table if _two(key)]

    # --- what the log has to say

    def correct_offsets(self) -> None:
        """After the recovery: no offset lies behind messages that are gone. BROKER-OFFSET-20.

        An orderly end loses no message, so that offsets of clients stay as they were; the offsets
        of the transaction check are the broker's own and are always held to their queues. What was
        corrected is written before anything is served: the queue grows again, and after another
        kill the old offset would no longer stand out.
        """
        before = {key: dict(table) for key, table in self.offset_table.items()}
        lost = not self._ctx.store.last_exit_ok
        for key, table in self.offset_table.items():
            if not (lost or key in _WALKS) or not _two(key):
                continue
            topic = Topic(_parts(key)[0])
            for queue_id, offset in table.items():
                if offset > 0:
                    end = self._ctx.store.next_offset(topic, QueueId(queue_id))
                    table[queue_id] = min(offset, end)
                    if offset > end:
                        self._tell(MoveOffset, {key: {queue_id: end}})
        self._walks = BehindLog(self._rows_of_walks())
        if self._ctx.tracer is not None:
            self._ctx.tracer(TransactionStarted(*_walk(self.offset_table)))
        if self.offset_table != before:
            self.persist()

    def transactions_walked(self) -> None:
        """The check has moved its offsets; they are written when the log is. BROKER-TRANS-25."""
        end = self._ctx.store.commit_log.mapped_file_queue.max_wrote_position
        self._walks.moved(self._rows_of_walks(), end)

    def _rows_of_walks(self) -> OffsetTable:
        return {key: dict(self.offset_table[key]) for key in _WALKS if key in self.offset_table}

    def rows(self) -> Iterator[tuple[str, str, int]]:
        """Group, topic and queue of every offset."""
        for key, queues in self.offset_table.items():
            topic, _, group = key.partition(TOPIC_GROUP_SEPARATOR)
            yield from ((group, topic, queue_id) for queue_id in queues)

    def walk(self) -> Iterator[QueueOffset]:
        """The offsets of the transaction check in the half and in the op queue, -1 for none."""
        return _walk(self.offset_table)

    # --- the file

    def config_file_path(self) -> str:
        """Path below the root of the store."""
        return self._file.path

    def load(self) -> bool:
        """Read the file or its backup."""
        loaded = self._file.load(self.decode)
        self._tell(LoadOffset, self.offset_table)
        return loaded

    def _tell(self, event: type[_Row], table: OffsetTable) -> None:
        """Tell a tracer of each row."""
        tracer = self._ctx.tracer
        if tracer is None:
            return
        for key, rows in table.items():
            topic, _, group = key.partition(TOPIC_GROUP_SEPARATOR)
            for queue_id, offset in rows.items():
                tracer(event(Group(group), Topic(topic), QueueId(queue_id), QueueOffset(offset)))

    def persist(self) -> None:
        """Write the file; the offsets of the transaction check as far as the log is durable."""
        queue = self._ctx.store.commit_log.mapped_file_queue
        settled = self._walks.settled(queue.flushed_where)
        table = {
            key: settled[key] if key in _WALKS else rows
            for key, rows in self.offset_table.items()
            if key not in _WALKS or key in settled
        }
        self._tell(PersistOffset, table)
        written = self._file.persist(to_pretty(self._tree(table), self._ctx.release))
        if written and self._ctx.tracer is not None:
            self._ctx.tracer(PersistWalk(*_walk(table)))

    def encode(self) -> str:
        """The table as Java writes its file. BROKER-OFFSET-17."""
        return to_pretty(self._tree(self.offset_table), self._ctx.release)

    def encode_line(self) -> str:
        """The table on one line, as GET_ALL_CONSUMER_OFFSET answers."""
        return write(self._tree(self.offset_table), self._ctx.release)

    def _tree(self, table: OffsetTable) -> Writable:
        if not self._ctx.release.consumer_offset_has_version:
            return {"offsetTable": table}
        topics: dict[str, list[str]] = {}
        for topic, group in self._pairs():
            topics.setdefault(group, []).append(topic)
        tree: dict[str, Writable] = {
            "dataVersion": to_json(self.data_version, self._ctx.release),
            "groupTopicMap": topics,
            "offsetTable": table,
            "pullOffsetTable": self.pull_offset_table,
        }
        return tree

    def decode(self, text: str) -> None:
        """Replace the table by what the text holds. BROKER-OFFSET-18.

        Raises `InvalidInput` for text that is no object, and then changes nothing.
        """
        tree = parse_object(text, self._ctx.release)
        table = _read_table(tree.get("offsetTable"))
        if self._ctx.release.consumer_offset_has_version:
            version = tree.get("dataVersion")
            if isinstance(version, dict):
                self.data_version = from_json(version, self._ctx.release)
        self.offset_table = table


def _read_table(value: JsonValue) -> OffsetTable:
    table: OffsetTable = {}
    if not isinstance(value, dict):
        return table
    for key, queues in value.items():
        if isinstance(queues, dict):
            table[key] = {
                parse_int(queue): offset
                for queue, offset in queues.items()
                if isinstance(offset, int)
            }
    return table


def _walk(table: OffsetTable) -> Iterator[QueueOffset]:
    """The two offsets of the transaction check, -1 where there is none; for a tracer."""
    return (QueueOffset(table.get(key, {}).get(0, -1)) for key in _WALKS)


def _gone(table: OffsetTable, key: str) -> OffsetTable:
    """The rows of a key that is forgotten."""
    return {key: dict.fromkeys(table.get(key, {}), -1)}


def _parts(key: str) -> list[str]:
    """`String#split`: empty parts at the end are dropped."""
    parts = key.split(TOPIC_GROUP_SEPARATOR)
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def _two(key: str) -> bool:
    return len(_parts(key)) == 2  # noqa: PLR2004 - a topic and a group
