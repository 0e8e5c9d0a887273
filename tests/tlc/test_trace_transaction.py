"""Traces of brokers with transactions are behaviours of Transaction; those of bugs are not."""

import pytest

from fuzz.planted.broker_side import PLANTED
from refimpl.model.trace import Ask, Committed, Crash, Discard, RefuseOp, SkipEnded, WriteOp
from refimpl.model.trace_file import Trace
from refimpl.tlc import locate, trace_check
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.trace_check import Judged, Verdict
from tests.tlc import transaction_traces as traces

HONEST = list(traces.some(12))
SEEDS = range(6)  # of each bug
BUGS = {  # planted bug: (event, condition that refuses it)
    "544-immune-half-is-not-put-back": ("CommitOpOffset", "halfOffset = half"),
    "1627-check-is-lost-when-the-store-is-busy": ("CommitOpOffset", "halfOffset = half"),
    "own-checked-for-ever": ("Ask", "it was not checked too often"),
    "own-rollback-delivers": ("EndTransaction", "the final message stands in the log"),
    "own-rollback-writes-no-operation": ("Ask", "it is there and has not ended"),
    "own-commit-writes-no-operation": ("Shutdown", "what has ended is written"),
    "own-commit-that-was-not-stored": ("Committed", "its final message is stored"),
    "own-walk-ahead-of-the-log": ("PersistWalk", "the log that it speaks of is durable"),
}


def made_with(bug: str) -> list[Trace]:
    with PLANTED[bug].patch():
        found = [traces.run(seed, sync=seed % 2 == 0, steps=40) for seed in SEEDS]
    return [
        trace._replace(header=trace.header._replace(trace=f"{bug} {i}"))
        for i, trace in enumerate(found)
    ]


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for all, and one for the reasons."""
    try:
        locate.find()
    except TlcMissing as missing:
        pytest.skip(missing.reason)
    planted = [trace for bug in BUGS for trace in made_with(bug)]
    found = trace_check.check([*HONEST, *planted], models=("Transaction",), seconds=300)
    return {one.trace.header.trace: one for one in found}


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
    for trace in HONEST:
        assert judged[trace.header.trace].verdict is Verdict.ACCEPTED, judged[trace.header.trace]


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_refused_by_its_condition(bug: str, judged: dict[str, Judged]) -> None:
    refused = [one for name, one in judged.items() if name.startswith(bug) and one.event]
    where = {
        (type(one.trace.events[one.event - 1]).__name__, words)
        for one in refused
        for words in one.refused_by
    }
    assert BUGS[bug] in where, where
