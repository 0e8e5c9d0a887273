"""Group commit: how SYNC_FLUSH turns "appended" into "durable".

Requirements  STORE-FLUSH-1..5 in spec/store/flush.md
Model         spec/tla/GroupCommit.tla; each public function is the action it names
Java          store/CommitLog$GroupCommitService, store/FlushDiskWatcher (from 4.9)

Sans-IO: the caller performs the returned effect and reports what the disk did through `flushed`.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from refimpl.model.ids import Millis, PhysicalOffset, Ticket
from refimpl.model.status import PutMessageStatus


class GroupCommitRequest(NamedTuple):
    """One producer waiting for durability."""

    ticket: Ticket
    next_offset: PhysicalOffset  # wroteOffset + wroteBytes: the first byte NOT covered
    deadline: Millis


class Flush(NamedTuple):
    """Force the mapped file that holds `flushed_where`."""


class WakeupCustomer(NamedTuple):
    """Answer one producer: at most once each."""

    request: GroupCommitRequest
    status: PutMessageStatus


Requests: TypeAlias = tuple[GroupCommitRequest, ...]

FLUSH = Flush()


@dataclass(frozen=True, slots=True)
class GroupCommit:
    """The whole state; the fields are the variables of the model."""

    flush_attempts_max: int  # STORE-FLUSH-4 [Modified in 5.5: 2 -> 1000]
    sees_last_flush: bool  # STORE-FLUSH-4 [Modified in 4.9: no -> yes]
    flushed_where: int = 0
    requests_write: Requests = ()
    requests_read: Requests = ()
    unanswered: Requests = ()
    attempts: int = 0  # flushes spent on the head of `requests_read`


def put_request(s: GroupCommit, request: GroupCommitRequest) -> GroupCommit:
    """PutRequest: a producer joins the write list. It never waits for a flush to start."""
    return GroupCommit(
        s.flush_attempts_max,
        s.sees_last_flush,
        s.flushed_where,
        (*s.requests_write, request),
        s.requests_read,
        (*s.unanswered, request),
        s.attempts,
    )


def swap_requests(s: GroupCommit) -> GroupCommit:
    """SwapRequests: the lists trade places, so producers append while the flusher drains."""
    assert not s.requests_read  # DoCommit drained it: else a request would be lost here (B17).
    return GroupCommit(
        s.flush_attempts_max,
        s.sees_last_flush,
        s.flushed_where,
        (),
        s.requests_write,
        s.unanswered,
        0,
    )


def do_commit(s: GroupCommit) -> tuple[GroupCommit, Flush | WakeupCustomer | None]:
    """DoCommit: one step for the oldest request. Repeat while `requests_read` is not empty.

    STORE-FLUSH-3: a flush stops at the end of a mapped file, so a message that rolled into the
    next file needs a second one; after `flush_attempts_max` we stop trying. STORE-FLUSH-4: 4.6
    does not look at what the last attempt achieved.
    """
    assert s.requests_read
    request, *rest = s.requests_read
    looks = s.attempts < s.flush_attempts_max or s.sees_last_flush
    durable = looks and s.flushed_where >= request.next_offset
    if not durable and s.attempts < s.flush_attempts_max:
        return _with(s, s.requests_read, s.unanswered, s.attempts + 1), FLUSH
    if request not in s.unanswered:  # Expire got there first, and the first answer stands.
        return _with(s, tuple(rest), s.unanswered, 0), None
    status = PutMessageStatus.PUT_OK if durable else PutMessageStatus.FLUSH_DISK_TIMEOUT
    unanswered = tuple(r for r in s.unanswered if r is not request)
    return _with(s, tuple(rest), unanswered, 0), WakeupCustomer(request, status)


def flushed(s: GroupCommit, where: int) -> GroupCommit:
    """Flushed: the disk replies. STORE-FLUSH-1: durability never moves backwards."""
    assert where >= s.flushed_where
    return GroupCommit(
        s.flush_attempts_max,
        s.sees_last_flush,
        where,
        s.requests_write,
        s.requests_read,
        s.unanswered,
        s.attempts,
    )


def expire(s: GroupCommit, now: Millis) -> tuple[GroupCommit, WakeupCustomer | None]:
    """Expire: answer the oldest overdue producer. STORE-FLUSH-5: its flush still goes on."""
    overdue = next((r for r in s.unanswered if r.deadline <= now), None)
    if overdue is None:
        return s, None
    unanswered = tuple(r for r in s.unanswered if r is not overdue)
    answer = WakeupCustomer(overdue, PutMessageStatus.FLUSH_DISK_TIMEOUT)
    return _with(s, s.requests_read, unanswered, s.attempts), answer


def next_deadline(s: GroupCommit) -> Millis | None:
    """When `expire` has something to say; None while nobody waits."""
    return min((r.deadline for r in s.unanswered), default=None)


def _with(s: GroupCommit, read: Requests, unanswered: Requests, attempts: int) -> GroupCommit:
    return GroupCommit(
        s.flush_attempts_max,
        s.sees_last_flush,
        s.flushed_where,
        s.requests_write,
        read,
        unanswered,
        attempts,
    )
