"""What a model is shown of a trace that tells of many things of its kind."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from refimpl.model.ids import Group, QueueId, QueueOffset, Topic
from refimpl.model.topic_validator import (
    RMQ_SYS_SCHEDULE_TOPIC,
    RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC,
    RMQ_SYS_TRANS_HALF_TOPIC,
    RMQ_SYS_TRANS_OP_HALF_TOPIC,
)
from refimpl.model.trace import (
    Append,
    CommitOffset,
    Crash,
    DelayStarted,
    DeliverDelayed,
    Forced,
    Load,
    LoadOffset,
    MoveOffset,
    ObservedFile,
    ObservedOffset,
    PassDelayed,
    Persist,
    PersistDelay,
    PersistOffset,
    QueryOffset,
    RefuseDelayed,
    RenameToBackup,
    RenameToMain,
    TraceEvent,
)

View: TypeAlias = Callable[[Sequence[TraceEvent]], Callable[[TraceEvent], TraceEvent | None]]

_FILE: Final = "config/consumerOffset.json"
_DELAY_OFFSETS: Final = "config/delayOffset.json"
_OF_TRANSACTIONS: Final = frozenset(
    {RMQ_SYS_TRANS_HALF_TOPIC, RMQ_SYS_TRANS_OP_HALF_TOPIC, RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC}
)
_WALKER: Final = Group("CID_RMQ_SYS_TRANS")
_OF_A_ROW: Final = (
    CommitOffset,
    QueryOffset,
    MoveOffset,
    PersistOffset,
    LoadOffset,
    ObservedOffset,
)
_OF_A_DELIVERY: Final = (DeliverDelayed, RefuseDelayed, PassDelayed)
_OF_A_LEVEL: Final = (*_OF_A_DELIVERY, DelayStarted, PersistDelay)
_OF_A_FILE: Final = (Persist, RenameToBackup, RenameToMain, Forced, Load, ObservedFile)


def whole(_events: Sequence[TraceEvent]) -> Callable[[TraceEvent], TraceEvent | None]:
    """Show every event as it is."""
    return lambda event: event


def one_row(events: Sequence[TraceEvent]) -> Callable[[TraceEvent], TraceEvent | None]:
    """Show the first row that a client commits, its file, and its queue in the log.

    Of the records of other queues only the room in the log is shown. The rows of the transaction
    check are the broker's own: `Transaction` follows them.
    """
    first = next((e for e in events if isinstance(e, CommitOffset) and e.group != _WALKER), None)

    def shown(event: TraceEvent) -> TraceEvent | None:
        if first is None:
            return None
        if isinstance(event, _OF_A_ROW):
            mine = (event.group, event.topic, event.queue_id) == first[:3]
            return event if mine else None
        if isinstance(event, _OF_A_FILE):
            return event if event.file == _FILE else None
        if isinstance(event, Crash):
            return _with_some_image(event)
        if isinstance(event, Append) and (event.topic, event.queue_id) != first[1:3]:
            return _of_another(event)
        return event

    return shown


def one_level(events: Sequence[TraceEvent]) -> Callable[[TraceEvent], TraceEvent | None]:
    """Show the first delay level that delivers, or else starts, and the file of its offset.

    Of the records of other queues only the room in the log is shown.
    """
    told = (e for e in events if isinstance(e, _OF_A_DELIVERY))
    started = (e for e in events if isinstance(e, DelayStarted))
    level = next((e.level for kind in (told, started) for e in kind), 0)
    queue = (RMQ_SYS_SCHEDULE_TOPIC, level - 1)

    def shown(event: TraceEvent) -> TraceEvent | None:
        if isinstance(event, _OF_A_FILE):
            return event if event.file == _DELAY_OFFSETS else None
        if isinstance(event, _OF_A_LEVEL):
            return event if event.level == level else None
        if isinstance(event, Append) and (event.topic, event.queue_id) != queue:
            return _of_another(event)
        return event

    return shown


def walks(_events: Sequence[TraceEvent]) -> Callable[[TraceEvent], TraceEvent | None]:
    """Show the log, of whose records the queues of transactions matter, and the file of offsets."""

    def shown(event: TraceEvent) -> TraceEvent | None:
        if isinstance(event, Crash):
            return _with_some_image(event)
        if isinstance(event, RenameToMain | Forced | ObservedFile):
            return event if event.file == _FILE else None
        if isinstance(event, Append) and event.topic not in _OF_TRANSACTIONS:
            return _of_another(event)
        return event

    return shown


def _of_another(event: Append) -> Append:
    """Only its room in the log is shown."""
    return event._replace(topic=Topic(""), queue_id=QueueId(0), queue_offset=QueueOffset(-1))


def _with_some_image(event: Crash) -> Crash:
    """Only that there is one is shown: it is there where the power failed."""
    return event._replace(image="some" if event.image else "")
