"""Traces of brokers with transactions are behaviours of Transaction; those of bugs are not."""

import pytest

from fuzz.planted.broker_side import PLANTED
from refimpl.model.trace import (
    Ask,
    Committed,
    Crash,
    Discard,
    PrepareMessage,
    RefuseOp,
    SkipEnded,
    WriteOp,
)
from refimpl.model.trace_file import Trace
from refimpl.tlc.trace_check import Judged
from tests.tlc import transaction_traces as traces
from tests.tlc.judging import (
    check_accepted,
    check_bug_refused,
    check_power,
    judged_by,
    of_bug,
)

HONEST = list(traces.some(8))
SEEDS = range(4)  # of each bug
BUGS = {  # planted bug: (event, condition that refuses it)
    "544-immune-half-is-not-put-back": ("CommitOpOffset", "halfOffset = half"),
    "1627-check-is-lost-when-the-store-is-busy": ("CommitOpOffset", "halfOffset = half"),
    "own-checked-for-ever": ("Ask", "it was not checked too often"),
    "own-rollback-delivers": ("EndTransaction", "the final message stands in the log"),
    "own-rollback-writes-no-operation": ("ObservedWalk", "Len(pending) = pending"),
    "own-commit-writes-no-operation": ("ObservedWalk", "Len(pending) = pending"),
    "own-commit-that-was-not-stored": ("Committed", "its final message is stored"),
    "own-walk-ahead-of-the-log": ("PersistWalk", "the log that it speaks of is durable"),
}


def made_with(bug: str) -> list[Trace]:
    with PLANTED[bug].patch():
        return of_bug(bug, [traces.run(seed, sync=seed % 2 == 0, steps=40) for seed in SEEDS])


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for all, and one for the reasons."""
    planted = [trace for bug in BUGS for trace in made_with(bug)]
    return judged_by("Transaction", [*HONEST, *planted])


def test_the_traces_have_everything_that_the_model_speaks_of() -> None:
    events = [e for trace in HONEST for e in trace.events]
    seen = {Ask, Committed, Discard, RefuseOp, SkipEnded, WriteOp}
    assert seen <= {type(e) for e in events}
    assert {e.power for e in events if isinstance(e, Crash)} == {True, False}
    assert {e.immune for e in events if isinstance(e, Ask)} == {True, False}
    assert {e.durable for e in events if isinstance(e, Committed)} == {True, False}


@pytest.mark.slow
def test_honest_traces_are_accepted(judged: dict[str, Judged]) -> None:
    """BROKER-TRANS-8, BROKER-TRANS-10, BROKER-TRANS-14, BROKER-TRANS-22, BROKER-TRANS-25."""
    check_accepted(judged, HONEST)


@pytest.mark.slow
def test_a_long_trace_is_accepted_whole() -> None:
    """One broker for 800 steps, through all its lives: nothing of the window is missing later."""
    trace = traces.run(0, sync=True, steps=800)
    kinds = [type(e) for e in trace.events]
    assert kinds.count(PrepareMessage) > 100
    assert kinds.count(Crash) > 10
    check_accepted(judged_by("Transaction", [trace]), [trace])


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_refused_by_its_condition(bug: str, judged: dict[str, Judged]) -> None:
    check_bug_refused(judged, bug, *BUGS[bug])


@pytest.mark.slow
def test_nearly_all_alterations_are_refused() -> None:
    check_power("Transaction", HONEST[:4], 8, seed=5)
