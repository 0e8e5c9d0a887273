"""STORE-FLUSH-1..5 under every interleaving of producers, flusher, disk and clock."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from refimpl.model.ids import Millis, PhysicalOffset, Ticket
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, Release
from refimpl.model.status import PutMessageStatus
from refimpl.store.group_commit import (
    Flush,
    GroupCommit,
    GroupCommitRequest,
    WakeupCustomer,
    do_commit,
    expire,
    flushed,
    next_deadline,
    put_request,
    swap_requests,
)

PUT_OK = PutMessageStatus.PUT_OK
FLUSH_DISK_TIMEOUT = PutMessageStatus.FLUSH_DISK_TIMEOUT
FILE_SIZE = 4  # minimal preset: every second message rolls into the next mapped file


class GroupCommitMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.s = GroupCommit(flush_attempts_max=2, sees_last_flush=True)
        self.wrote = 0
        self.now = 0
        self.asked: list[GroupCommitRequest] = []
        self.answers: dict[Ticket, PutMessageStatus] = {}
        self.flushes = 0  # spent on the request now at the head of requests_read

    @rule(size=st.integers(1, 3), patience=st.integers(0, 3))
    def put_request(self, size: int, patience: int) -> None:
        self.wrote += size
        request = GroupCommitRequest(
            Ticket(len(self.asked)), PhysicalOffset(self.wrote), Millis(self.now + patience)
        )
        self.asked.append(request)
        self.s = put_request(self.s, request)

    @precondition(lambda self: not self.s.requests_read)
    @rule()
    def swap_requests(self) -> None:
        self.s = swap_requests(self.s)

    @precondition(lambda self: self.s.requests_read)
    @rule(disk_works=st.booleans())
    def do_commit(self, *, disk_works: bool) -> None:
        self.s, effect = do_commit(self.s)
        if isinstance(effect, Flush):
            self.flushes += 1
            if disk_works:
                end_of_file = (self.s.flushed_where // FILE_SIZE + 1) * FILE_SIZE
                self.s = flushed(self.s, min(end_of_file, self.wrote))
            return
        if isinstance(effect, WakeupCustomer) and effect.status is FLUSH_DISK_TIMEOUT:
            assert self.flushes == 2, "GivingUpIsEarned"
            assert self.s.flushed_where < effect.request.next_offset, "GivingUpIsEarned"
        self.flushes = 0
        self._deliver(effect)

    @rule()
    def tick(self) -> None:
        self.now += 1
        deadline = next_deadline(self.s)
        overdue = deadline is not None and deadline <= self.now
        self.s, effect = expire(self.s, Millis(self.now))
        assert (effect is not None) == overdue, "PatienceIsExact"
        self._deliver(effect)

    def _deliver(self, effect: object) -> None:
        if isinstance(effect, WakeupCustomer):
            assert effect.request.ticket not in self.answers, "AtMostOneAnswer"
            self.answers[effect.request.ticket] = effect.status
            if effect.status is PUT_OK:
                assert self.s.flushed_where >= effect.request.next_offset, "OkIsDurable"

    @invariant()
    def no_request_is_lost(self) -> None:
        waiting = {r.ticket for r in self.s.unanswered}
        assert waiting | set(self.answers) == {r.ticket for r in self.asked}
        in_lists = {r.ticket for r in (*self.s.requests_write, *self.s.requests_read)}
        assert waiting <= in_lists


GroupCommitMachine.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None
)
TestGroupCommit = GroupCommitMachine.TestCase


def _answer_after(release: Release, reached: list[int]) -> tuple[PutMessageStatus, int]:
    """Status and number of flushes for a message that ends at 6, when flush i reaches `reached`."""
    s = GroupCommit(release.flush_attempts_max, release.sees_last_flush)
    s = put_request(s, GroupCommitRequest(Ticket(1), PhysicalOffset(6), Millis(9)))
    s = swap_requests(s)
    flushes = 0
    while True:
        s, effect = do_commit(s)
        if isinstance(effect, WakeupCustomer):
            return effect.status, flushes
        assert isinstance(effect, Flush)
        s = flushed(s, reached[min(flushes, len(reached) - 1)])
        flushes += 1


@pytest.mark.parametrize(
    ("release", "reached", "expected"),
    [
        (RELEASE_4_6, [6], (PUT_OK, 1)),
        (RELEASE_4_9, [6], (PUT_OK, 1)),
        (RELEASE_4_6, [4, 6], (FLUSH_DISK_TIMEOUT, 2)),  # durable, and nobody looks
        (RELEASE_4_9, [4, 6], (PUT_OK, 2)),
        (RELEASE_4_9, [4, 4, 6], (FLUSH_DISK_TIMEOUT, 2)),
        (RELEASE_5_5, [4, 4, 6], (PUT_OK, 3)),
        (RELEASE_5_5, [4], (FLUSH_DISK_TIMEOUT, 1000)),
    ],
)
def test_attempts_of_each_release(
    release: Release, reached: list[int], expected: tuple[PutMessageStatus, int]
) -> None:
    """STORE-FLUSH-4."""
    assert _answer_after(release, reached) == expected


def test_first_answer_stands() -> None:
    """STORE-FLUSH-5: an expired request is drained without a second answer."""
    s = GroupCommit(2, sees_last_flush=True)
    s = put_request(s, GroupCommitRequest(Ticket(1), PhysicalOffset(6), Millis(9)))
    s, answer = expire(swap_requests(s), Millis(9))
    assert isinstance(answer, WakeupCustomer)
    s, effect = do_commit(flushed(s, 6))
    assert effect is None
    assert s.requests_read == ()
