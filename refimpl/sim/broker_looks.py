"""How the parts of a broker stand after an input in which they told something, for its trace."""

from collections.abc import Iterable, Iterator

from refimpl.broker.consumer_offset_manager import TOPIC_GROUP_SEPARATOR
from refimpl.broker.context import BrokerContext
from refimpl.model.ids import Group, QueueId, QueueOffset, Topic
from refimpl.model.trace import (
    CommitOffset,
    Forced,
    Load,
    LoadOffset,
    MoveOffset,
    ObservedFile,
    ObservedOffset,
    ObservedWalk,
    Persist,
    PersistOffset,
    RenameToBackup,
    RenameToMain,
    TraceEvent,
    TransactionEvent,
    TransactionStarted,
)

_OF_ROWS = CommitOffset | MoveOffset | PersistOffset | LoadOffset
_OF_FILES = Persist | RenameToBackup | RenameToMain | Forced | Load


def looks(told: Iterable[TraceEvent], ctx: BrokerContext) -> Iterator[TraceEvent]:
    """Look at whatever one of these events was about: rows first, then files, then the walk."""
    told = list(told)
    rows, files = dict[tuple[str, str, int], None](), set[str]()
    offsets = ctx.consumer_offset_manager
    for event in told:
        if isinstance(event, _OF_ROWS):
            rows[event.group, event.topic, event.queue_id] = None
        elif isinstance(event, _OF_FILES):
            files.add(event.file)
        elif isinstance(event, TransactionStarted):  # the log was recovered: every row
            rows |= dict.fromkeys(offsets.rows())
    for group, topic, queue_id in rows:
        offset = offsets.offset_table.get(f"{topic}{TOPIC_GROUP_SEPARATOR}{group}", {})
        here = QueueOffset(offset.get(queue_id, -1))
        yield ObservedOffset(Group(group), Topic(topic), QueueId(queue_id), here)
    for file in ctx.config_files:
        if file.path in files:
            yield ObservedFile(file.path, *file.stands())
    if any(isinstance(event, TransactionEvent) for event in told):
        half, op = offsets.walk()
        yield ObservedWalk(half, op, *ctx.transactional_message_service.under_way())
