"""The vocabulary of traces: what a store does, one event an action, named as the models name it.

The function, the event and the TLA+ action have one name (decisions/0001). There is no
implementation here: a simulator collects events, a test compares them, a writer prints them.
A part that may be traced holds `Tracer | None` and pays one comparison where nobody listens.
"""

from typing import Final, NamedTuple, Protocol, TypeAlias

from refimpl.model.ids import Group, PhysicalOffset, QueueId, QueueOffset, Ticket, Topic

LATE_MAX: Final = 2**31 - 1  # milliseconds: a model has no greater numbers


class Append(NamedTuple):
    """CommitLog: a record, or all records of a batch, stand in the page cache.

    `has_unit` is false for a half message and for one that was rolled back.
    """

    offset: PhysicalOffset
    size: int
    topic: Topic
    queue_id: QueueId
    queue_offset: QueueOffset
    messages: int
    has_unit: bool = True


class PutRefused(NamedTuple):
    """CommitLog: the disk refused a put. The log is written to `where`.

    That is where it ended, or behind the blank that closed its last file.
    """

    where: PhysicalOffset


class PutRequest(NamedTuple):
    """GroupCommit: a producer waits until everything below `next_offset` is durable."""

    ticket: Ticket
    next_offset: PhysicalOffset


class SwapRequests(NamedTuple):
    """GroupCommit: the write list became the read list."""

    requests: int


class Flush(NamedTuple):
    """GroupCommit: an attempt was spent on the request at the head of the read list.

    `where` is how far the force will reach that began, 0 where there was nothing to force.
    """

    ticket: Ticket
    attempt: int
    where: PhysicalOffset


class DropRequest(NamedTuple):
    """GroupCommit: the flusher came to a request whose producer the clock had answered."""

    ticket: Ticket


class ForceLog(NamedTuple):
    """GroupCommit and AsyncFlush: a force to `where` began that no producer waits for."""

    where: PhysicalOffset


class Flushed(NamedTuple):
    """GroupCommit and AsyncFlush: the disk answered; everything below `where` is durable."""

    where: PhysicalOffset


class ForceFailed(NamedTuple):
    """GroupCommit and AsyncFlush: the disk refused the force to `where`."""

    where: PhysicalOffset


class StepFlush(NamedTuple):
    """AsyncFlush: the flusher made a round, which a `ForceLog` follows where it forces something.

    `passed` is the time in milliseconds since the round before it, of the flusher or the
    committer; 0 for the first of a life. `age` is the time since the last thorough round, at most
    the interval of those.
    """

    passed: int
    age: int


class StepCommit(NamedTuple):
    """AsyncFlush: the committer made a round, which a `Commit` follows where bytes moved.

    `age` is the time since it last moved some, or took everything.
    """

    passed: int
    age: int


class CommitFailed(NamedTuple):
    """AsyncFlush: the disk took nothing of what the round had for it."""

    where: PhysicalOffset


class Commit(NamedTuple):
    """MappedFileQueue: bytes of the pool reached the page cache.

    `where` is the committed position.
    """

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


class FlushConsumeQueue(NamedTuple):
    """Recovery: a force of a consume queue ended well; its units below `where` are durable."""

    topic: Topic
    queue_id: QueueId
    where: QueueOffset


class RemoveFirst(NamedTuple):
    """MappedFileQueue: the oldest files of the log went; it begins at `min_offset` now.

    Whatever of them was not flushed is nobody's concern any more.
    """

    min_offset: PhysicalOffset


class Sync(NamedTuple):
    """Dispatch: units that were gathered are written, and what was dispatched has arrived."""

    reput: PhysicalOffset


class RefuseDispatch(NamedTuple):
    """Dispatch: the disk refused a step, `attempts` times in a row; it stands at `reput`.

    What was dispatched before waits, and nobody heard of it.
    """

    reput: PhysicalOffset
    attempts: int


class ForgetFrom(NamedTuple):
    """Recovery: after a crash a queue ends at `queue_offset`; what follows is dispatched again.

    Of a queue that ends at 0 nothing is told.
    """

    topic: Topic
    queue_id: QueueId
    queue_offset: QueueOffset


class Recovered(NamedTuple):
    """Recovery: a store was opened; the log ends at `max_offset`, queues know it to `reput`.

    `cut` is the end of the last record behind `flushed`, or `flushed` itself. The log goes on
    there, or behind the blank that ends that file.
    """

    clean: bool
    min_offset: PhysicalOffset
    max_offset: PhysicalOffset
    flushed: PhysicalOffset
    cut: PhysicalOffset
    reput: PhysicalOffset


class Crash(NamedTuple):
    """The world: the process was killed, or the power failed; `image` says what survived.

    `survived` is where the log ends that the next life finds, before a blank closes its last
    file; -1 while there is none. `looks` is how often the life was observed.

    The rest is what the world sees of the disk that the power left: up to `intact` each record of
    the page cache is there, and `behind` that something stands in the same file. -1 where nobody
    has looked: there is no next start, or the page cache outlived.
    """

    power: bool
    image: str
    survived: PhysicalOffset
    looks: int = 0
    intact: PhysicalOffset = PhysicalOffset(-1)
    behind: bool = False


class Unheard(NamedTuple):
    """The world: the machine stops within an append; this record stands in the page cache."""

    offset: PhysicalOffset
    size: int
    topic: Topic
    queue_id: QueueId
    queue_offset: QueueOffset
    has_unit: bool


class Shutdown(NamedTuple):
    """The store came to its orderly end; `clean` where everything was forced.

    `looks` is how often the life was observed.
    """

    clean: bool
    looks: int = 0


class Observed(NamedTuple):
    """The world: after an input that did something, this is what the store says of itself.

    `looks` counts the observations of a life. `forcing` is how far the force under way reaches, 0
    for none; the last three are producers: in the two lists of the group commit, and unanswered.
    """

    looks: int
    wrote: PhysicalOffset
    committed: PhysicalOffset
    flushed: PhysicalOffset
    forcing: PhysicalOffset
    reput: PhysicalOffset
    requests_write: int
    requests_read: int
    unanswered: int


class DelayStarted(NamedTuple):
    """DelayQueue: after a start, a level goes on at `offset` of its queue."""

    level: int
    offset: QueueOffset


class DeliverDelayed(NamedTuple):
    """DelayQueue: the message at `offset` was stored for its topic, `late` milliseconds after due.

    At most `LATE_MAX`. The log is written up to `where`.
    """

    level: int
    offset: QueueOffset
    late: int
    where: PhysicalOffset


class RefuseDelayed(NamedTuple):
    """DelayQueue: the store refused the message at `offset`; it is tried again."""

    level: int
    offset: QueueOffset
    late: int


class PassDelayed(NamedTuple):
    """The world: what it left at `offset` can never be delivered; the level goes on behind it.

    The log is written up to `where`.
    """

    level: int
    offset: QueueOffset
    where: PhysicalOffset


class PersistDelay(NamedTuple):
    """DelayQueue: the file of offsets was written; it has `offset` for a level."""

    level: int
    offset: QueueOffset


class TransactionStarted(NamedTuple):
    """Transaction: after a start of the broker the walk goes on at these offsets.

    -1 where it has none.
    """

    half: QueueOffset
    op: QueueOffset


class PrepareMessage(NamedTuple):
    """Transaction: the half message at `half` stands in its queue."""

    half: QueueOffset


class EndTransaction(NamedTuple):
    """Transaction: a producer ended the half message at `half`.

    The final message of a commit ends at `where`.
    """

    half: QueueOffset
    commit: bool
    where: PhysicalOffset


class Committed(NamedTuple):
    """Transaction: the producer hears that its commit is stored.

    `durable` where the disk has said so.
    """

    half: QueueOffset
    durable: bool


class WriteOp(NamedTuple):
    """Transaction: the operation at `op` ends the next `halves` messages that were deleted."""

    op: QueueOffset
    halves: int


class RefuseOp(NamedTuple):
    """Transaction: the store refused that operation; this process remembers what has ended."""

    halves: int


class SkipEnded(NamedTuple):
    """Transaction: the walk passed the half message at `half`, which has ended."""

    half: QueueOffset


class Ask(NamedTuple):
    """Transaction: the half message at `half` was put back at `renewed`, counting `times` checks.

    Its producer is asked, unless its own immunity lasts.
    """

    half: QueueOffset
    renewed: QueueOffset
    times: int
    immune: bool


class Discard(NamedTuple):
    """Transaction: the half message at `half` was moved out of the way; `old` where for its age."""

    half: QueueOffset
    old: bool


class CommitOpOffset(NamedTuple):
    """Transaction: a round of the walk moved on; the next begins at these offsets."""

    half: QueueOffset
    op: QueueOffset


class PersistWalk(NamedTuple):
    """Transaction: the file of offsets was written with these; -1 where it has none."""

    half: QueueOffset
    op: QueueOffset


class ObservedWalk(NamedTuple):
    """The world: after an input that told something of a transaction, the broker stands so.

    The walk is at these offsets, -1 where it has none; this process remembers `ended` half
    messages, `pending` of them without an operation, and `awaits` commits that wait for the disk.
    """

    half: QueueOffset
    op: QueueOffset
    ended: int
    pending: int
    awaits: int


class CommitOffset(NamedTuple):
    """ConsumeOffset: the broker stored what a consumer says, for a queue of a group."""

    group: Group
    topic: Topic
    queue_id: QueueId
    offset: QueueOffset


class QueryOffset(NamedTuple):
    """ConsumeOffset: the broker answered with this offset, -1 where it has none."""

    group: Group
    topic: Topic
    queue_id: QueueId
    offset: QueueOffset


class MoveOffset(NamedTuple):
    """The world: an administrator or a recovery moved the offset.

    -1: it is forgotten.
    """

    group: Group
    topic: Topic
    queue_id: QueueId
    offset: QueueOffset


class PersistOffset(NamedTuple):
    """The file of offsets: the table that is written down next has this row."""

    group: Group
    topic: Topic
    queue_id: QueueId
    offset: QueueOffset


class LoadOffset(NamedTuple):
    """The file of offsets: the table that was loaded has this row."""

    group: Group
    topic: Topic
    queue_id: QueueId
    offset: QueueOffset


class Persist(NamedTuple):
    """ConsumeOffset: the new text of a file of `config/` stands in its temporary file.

    `text` is a checksum of it.
    """

    file: str
    text: int


class RenameToBackup(NamedTuple):
    """ConsumeOffset: the former file became the backup."""

    file: str


class RenameToMain(NamedTuple):
    """ConsumeOffset: the temporary file took its place."""

    file: str


class Forced(NamedTuple):
    """ConsumeOffset: the file, as it is, is durable."""

    file: str


class Load(NamedTuple):
    """ConsumeOffset: the file was read; `backup` where it could not be used.

    `text` is a checksum of what was read, 0 where there was nothing to use.
    """

    file: str
    backup: bool
    text: int


class ObservedOffset(NamedTuple):
    """The world: after an input that told something of a row, the table has this; -1 for no row."""

    group: Group
    topic: Topic
    queue_id: QueueId
    offset: QueueOffset


class ObservedFile(NamedTuple):
    """The world: after an input that told something of a file of `config/`, it stands so.

    `text` is a checksum of what is in place, which this life has put there `writes` times;
    `durable` where that is known, `loaded` where what was read at the start is not settled yet.
    """

    file: str
    text: int
    writes: int
    durable: bool
    loaded: bool


TransactionEvent: TypeAlias = (
    TransactionStarted
    | PrepareMessage
    | EndTransaction
    | Committed
    | WriteOp
    | RefuseOp
    | SkipEnded
    | Ask
    | Discard
    | CommitOpOffset
    | PersistWalk
)
TraceEvent: TypeAlias = (
    Append
    | PutRefused
    | PutRequest
    | SwapRequests
    | Flush
    | DropRequest
    | ForceLog
    | Flushed
    | ForceFailed
    | StepFlush
    | StepCommit
    | CommitFailed
    | Commit
    | WakeupCustomer
    | Dispatch
    | FlushConsumeQueue
    | RemoveFirst
    | Sync
    | RefuseDispatch
    | Crash
    | Unheard
    | Shutdown
    | Observed
    | ForgetFrom
    | Recovered
    | DelayStarted
    | DeliverDelayed
    | RefuseDelayed
    | PassDelayed
    | PersistDelay
    | TransactionEvent
    | CommitOffset
    | QueryOffset
    | MoveOffset
    | PersistOffset
    | LoadOffset
    | Persist
    | RenameToBackup
    | RenameToMain
    | Forced
    | Load
    | ObservedOffset
    | ObservedFile
    | ObservedWalk
)


class Tracer(Protocol):
    """Somebody who listens; must not change what it hears about."""

    def __call__(self, event: TraceEvent, /) -> None:
        """Hear of one action, in the order of the actions."""
