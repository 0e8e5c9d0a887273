"""Traces under ASYNC_FLUSH, with a pool and without, are behaviours of AsyncFlush; bugs are not."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from unittest.mock import patch

import pytest

from fuzz.planted import store_side
from refimpl.model.trace import Commit, Crash, ForceFailed, StepCommit, StepFlush
from refimpl.model.trace_file import Trace
from refimpl.store.mapped_file import MappedFile
from refimpl.tlc.trace_check import Judged
from tests.tlc import async_flush_traces as traces
from tests.tlc.judging import (
    check_accepted,
    check_bug_refused,
    check_power,
    judged_by,
    of_bug,
)

HONEST = list(traces.some(12))


@contextmanager
def flushes_what_stands_in_the_pool() -> Iterator[None]:
    """A force counts bytes as durable that are not in the page cache (AsyncFlushIgnoresPool)."""
    written = property(lambda file: file.wrote_position)
    with patch.object(MappedFile, "read_position", written):
        yield


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
        flushes_what_stands_in_the_pool(), "ForceLog", "the round reaches where",
    ),
}  # fmt: skip


def made_with(bug: str) -> list[Trace]:
    with BUGS[bug][0]:
        return of_bug(bug, [traces.run(seed, pool=2) for seed in range(8)])


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for each size of the pool."""
    return judged_by("AsyncFlush", [*HONEST, *(t for bug in BUGS for t in made_with(bug))])


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
