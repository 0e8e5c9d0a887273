"""All consume queues of a store, by topic and queue id.

Requirements  STORE-CQ-1, STORE-CQ-8, STORE-CQ-12 in spec/store/consume_queue.md
Java          DefaultMessageStore#findConsumeQueue, #loadConsumeQueue, #recoverConsumeQueue (4.x),
              queue/ConsumeQueueStore (5.5.0)
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from refimpl.model.disk import Disk
from refimpl.model.errors import InvalidInput
from refimpl.model.java import parse_int
from refimpl.model.release import Release
from refimpl.store.commit_log_view import CommitLogView
from refimpl.store.consume_queue import ConsumeQueue

CONSUME_QUEUE_DIRECTORY: Final = "consumequeue"


class ConsumeQueueTable:
    """The queues, in the order in which they came into being."""

    __slots__ = ("_disk", "_log", "_mapped_file_size", "_release", "_tables")

    def __init__(
        self, disk: Disk, *, mapped_file_size: int, log: CommitLogView, release: Release
    ) -> None:
        self._disk = disk
        self._mapped_file_size = mapped_file_size
        self._log = log
        self._release = release
        self._tables: dict[str, dict[int, ConsumeQueue]] = {}

    def load(self, *, after_crash: bool = False) -> None:
        """Open what the disk holds; a directory whose name is no number is not a queue."""
        for topic in self._disk.list(CONSUME_QUEUE_DIRECTORY):
            for name in self._disk.list(f"{CONSUME_QUEUE_DIRECTORY}/{topic}"):
                try:
                    queue_id = parse_int(name)
                except InvalidInput:
                    continue
                self.find_or_create(topic, queue_id).load(after_crash=after_crash)

    def recover(self) -> int:
        """Recover every queue; the end of the newest record that any of them knows, or -1."""
        for queue in self:
            queue.recover()
        return self.max_physic_offset()

    def truncate_dirty_logic_files(self, physical_offset: int) -> None:
        """Drop, in every queue, what points at or behind the new end of the log."""
        for queue in self:
            queue.truncate_dirty_logic_files(physical_offset)

    def forget_from(
        self,
        physical_offset: int,
        first_offsets: Mapping[tuple[str, int], int],
        begins: Mapping[tuple[str, int], int],
    ) -> None:
        """STORE-RECOVERY-10: after a crash, drop what will be dispatched again in every queue.

        STORE-RECOVERY-11: a queue that was deleted and began again has nothing from before.
        """
        for (topic, queue_id), offset in begins.items():
            queue = self.find_or_create(topic, queue_id)
            queue.destroy()
            queue.max_physic_offset = offset
        for queue in self:
            key = (queue.topic, queue.queue_id)
            if key not in begins:
                queue.forget_from(physical_offset, first_offsets.get(key))

    def recover_topic_queue_table(self, min_physical_offset: int) -> dict[tuple[str, int], int]:
        """Correct every minimum; the next queue offset by topic and queue, for the log."""
        table: dict[tuple[str, int], int] = {}
        for queue in self:
            table[queue.topic, queue.queue_id] = queue.max_offset_in_queue
            queue.correct_min_offset(min_physical_offset)
        return table

    def max_physic_offset(self) -> int:
        """End of the newest record that any queue knows; -1 for none."""
        return max((queue.max_physic_offset for queue in self), default=-1)

    def find(self, topic: str, queue_id: int) -> ConsumeQueue | None:
        """Look for a queue.

        STORE-CQ-12: a question does not make a queue. Java makes an empty one; a reader cannot
        tell, but whoever asks for many queue ids fills the memory.
        """
        queues = self._tables.get(topic)
        return None if queues is None else queues.get(queue_id)

    def find_or_create(self, topic: str, queue_id: int) -> ConsumeQueue:
        """Return the queue, an empty one without files where there is none."""
        queues = self._tables.setdefault(topic, {})
        queue = queues.get(queue_id)
        if queue is None:
            queue = queues[queue_id] = ConsumeQueue(
                self._disk,
                CONSUME_QUEUE_DIRECTORY,
                topic,
                queue_id,
                mapped_file_size=self._mapped_file_size,
                log=self._log,
                release=self._release,
            )
        return queue

    def topics(self) -> tuple[str, ...]:
        """Topics that have a queue."""
        return tuple(self._tables)

    def of_topic(self, topic: str) -> dict[int, ConsumeQueue]:
        """Queues of a topic by id; empty for an unknown topic."""
        return dict(self._tables.get(topic, {}))

    def delete_topic(self, topic: str, removed: Callable[[ConsumeQueue], None]) -> bool:
        """Destroy every queue of `topic`, telling `removed` of each; False where none was."""
        queues = self._tables.pop(topic, None)
        if not queues:
            return False
        for queue in queues.values():
            queue.destroy()
            removed(queue)
        directory = f"{CONSUME_QUEUE_DIRECTORY}/{topic}"
        if self._disk.exists(directory) and not self._disk.list(directory):
            self._disk.remove_directory(directory)
        return True

    def delete_queue(self, queue: ConsumeQueue, removed: Callable[[ConsumeQueue], None]) -> None:
        """Destroy one queue; its topic goes with its last queue."""
        queues = self._tables[queue.topic]
        del queues[queue.queue_id]
        queue.destroy()
        removed(queue)
        if not queues:
            del self._tables[queue.topic]

    def destroy(self) -> None:
        """Destroy every queue."""
        for queue in self:
            queue.destroy()
        self._tables.clear()

    def __iter__(self) -> Iterator[ConsumeQueue]:
        """Every queue; the table may change meanwhile."""
        return iter([queue for queues in self._tables.values() for queue in queues.values()])
