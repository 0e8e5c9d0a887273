"""Traces under ASYNC_FLUSH, with a pool and without, are behaviours of AsyncFlush; bugs are not."""

from contextlib import AbstractContextManager

import pytest

from fuzz.planted import store_side
from refimpl.model.ids import PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.trace import (
    Append,
    Commit,
    Crash,
    Dispatch,
    ForceFailed,
    Recovered,
    StepCommit,
    StepFlush,
    TraceEvent,
)
from refimpl.model.trace_file import Trace
from refimpl.tlc.trace_check import Judged
from tests.tlc import async_flush_traces as traces
from tests.tlc.judging import (
    check_accepted,
    check_bug_refused,
    check_power,
    check_refused,
    judged_by,
    of_bug,
)

FILE = PhysicalOffset(traces.FILE)
NOTHING = PhysicalOffset(0)


def closes_two_files(end: int, reput: int) -> Trace:
    """A recovery closes a file; the next one finds nothing in the file behind it, and closes it."""
    first = Recovered(True, PhysicalOffset(-1), NOTHING, NOTHING, NOTHING, NOTHING)
    cut = PhysicalOffset(100)
    dispatch = Dispatch(NOTHING, cut, Topic("T"), QueueId(0), QueueOffset(0))

    def append(offset: PhysicalOffset) -> Append:
        return Append(offset, cut, Topic("T"), QueueId(0), QueueOffset(0), messages=1)

    events: tuple[TraceEvent, ...] = (
        first,
        append(NOTHING),
        append(cut),
        Crash(True, "", cut, 0),
        dispatch,
        first._replace(clean=False, min_offset=NOTHING, max_offset=FILE, cut=cut, reput=FILE),
        append(FILE),
        Crash(True, "", FILE, 0),
        dispatch,
        Recovered(False, NOTHING, PhysicalOffset(end), NOTHING, cut, PhysicalOffset(reput)),
    )
    return Trace(traces.run(0, pool=0, steps=0).header._replace(trace=f"to {end}, {reput}"), events)


def stops_in_a_commit() -> Trace:
    """The machine stops at the write from the buffer to the page cache, and the store opens."""
    trace = traces.stops_in_a_commit()
    at = next(i for i, e in enumerate(trace.events) if isinstance(e, StepCommit))
    assert isinstance(trace.events[at + 1], Crash)
    return trace


def rests_and_says_it_stopped() -> Trace:
    """A round that takes nothing changes no disk: the machine does not stop within it."""
    trace = stops_in_a_commit()
    step = next(e for e in trace.events if isinstance(e, StepCommit))
    crash = next(e for e in trace.events if isinstance(e, Crash))
    events = (trace.events[0], step, crash._replace(survived=NOTHING, looks=0))
    return Trace(trace.header._replace(trace="rests"), events)


CUT_OFF = [stops_in_a_commit(), closes_two_files(2 * FILE, 2 * FILE)]
BEYOND = {
    "rests": (rests_and_says_it_stopped(), "the round moves what is enough"),
    **{
        f"to {end}, {reput}": (closes_two_files(end, reput), "reput is where dispatch has come")
        for end, reput in ((FILE, 2 * FILE), (2 * FILE, 3 * FILE))
    },
}
HONEST = [*traces.some(12), *CUT_OFF]


BUGS: dict[str, tuple[AbstractContextManager[None], str, str]] = {  # event and condition
    "never thorough": (
        store_side.flush_never_thorough(), "StepFlush", "the round forces what is enough",
    ),
    "always thorough": (
        store_side.flush_always_thorough(), "StepCommit", "the round moves what is enough",
    ),
    "only lends": (
        store_side.pool_only_lends(), "StepCommit", "the round moves what is enough",
    ),
    "ignores the pool": (
        store_side.flushes_what_stands_in_the_pool(), "ForceLog", "the round reaches where",
    ),
}  # fmt: skip


def made_with(bug: str) -> list[Trace]:
    with BUGS[bug][0]:
        return of_bug(bug, [traces.run(seed, pool=2) for seed in range(8)])


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for each size of the pool."""
    others = [trace for trace, _ in BEYOND.values()]
    return judged_by("AsyncFlush", [*HONEST, *others, *(t for b in BUGS for t in made_with(b))])


def test_the_traces_have_everything_that_the_model_speaks_of() -> None:
    events = [e for trace in HONEST for e in trace.events]
    assert {StepFlush, StepCommit, Commit, ForceFailed} <= {type(e) for e in events}
    assert {(e.power, e.survived == -1) for e in events if isinstance(e, Crash)} >= {
        (True, False),
        (False, False),
        (False, True),
    }
    assert {trace.header.pool for trace in HONEST} == {0, 1, 2}


@pytest.mark.slow
def test_honest_traces_are_accepted(judged: dict[str, Judged]) -> None:
    """STORE-FLUSH-6, STORE-FLUSH-7, STORE-FLUSH-9, STORE-FLUSH-10, STORE-FLUSH-13."""
    check_accepted(judged, HONEST)


@pytest.mark.slow
def test_nearly_all_alterations_are_refused() -> None:
    check_power("AsyncFlush", HONEST[:6], 16, seed=5)


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_refused_by_its_condition(bug: str, judged: dict[str, Judged]) -> None:
    _, event, condition = BUGS[bug]
    check_bug_refused(judged, bug, event, condition)


@pytest.mark.slow
@pytest.mark.parametrize("name", BEYOND)
def test_what_no_store_does_is_refused(name: str, judged: dict[str, Judged]) -> None:
    check_refused(judged, name, BEYOND[name][1])
