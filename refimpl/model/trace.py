"""The vocabulary of traces: what a store does, one event an action, named as the models name it.

The function, the event and the TLA+ action have one name (decisions/0001). There is no
implementation here: a simulator collects events, a test compares them, a writer prints them.
A part that may be traced holds `Tracer | None` and pays one comparison where nobody listens.
"""

from typing import NamedTuple, Protocol, TypeAlias

from refimpl.model.ids import PhysicalOffset, QueueId, QueueOffset, Ticket, Topic


class Append(NamedTuple):
    """CommitLog: a record, or all records of a batch, stand in the page cache."""

    offset: PhysicalOffset
    size: int
    topic: Topic
    queue_id: QueueId
    queue_offset: QueueOffset
    messages: int


class PutRequest(NamedTuple):
    """GroupCommit: a producer waits until everything below `next_offset` is durable."""

    ticket: Ticket
    next_offset: PhysicalOffset


class SwapRequests(NamedTuple):
    """GroupCommit: the write list became the read list."""

    requests: int


class Flush(NamedTuple):
    """GroupCommit: a force was asked for, for the request at the head of the read list."""

    ticket: Ticket
    attempt: int


class Flushed(NamedTuple):
    """GroupCommit and AsyncFlush: the disk answered; everything below `where` is durable."""

    where: PhysicalOffset


class WakeupCustomer(NamedTuple):
    """GroupCommit: a producer was answered, by the flusher or by the clock."""

    ticket: Ticket
    durable: bool
    expired: bool


class Dispatch(NamedTuple):
    """Dispatch: a record was told to its queue and to the index."""

    offset: PhysicalOffset
    size: int
    topic: Topic
    queue_id: QueueId
    queue_offset: QueueOffset


class Recovered(NamedTuple):
    """Recovery: a store was opened; the log ends at `max_offset`, queues know it to `reput`."""

    clean: bool
    min_offset: PhysicalOffset
    max_offset: PhysicalOffset
    flushed: PhysicalOffset
    reput: PhysicalOffset


TraceEvent: TypeAlias = (
    Append | PutRequest | SwapRequests | Flush | Flushed | WakeupCustomer | Dispatch | Recovered
)


class Tracer(Protocol):
    """Somebody who listens; must not change what it hears about."""

    def __call__(self, event: TraceEvent, /) -> None:
        """Hear of one action, in the order of the actions."""
