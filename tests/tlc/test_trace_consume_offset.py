"""Traces of consumer offsets and their file are behaviours of ConsumeOffset; those of bugs not."""

import pytest

from fuzz.planted.broker_side import PLANTED
from refimpl.model.trace import Crash, Forced, Load, LoadOffset, MoveOffset, RenameToBackup
from refimpl.model.trace_file import Trace
from refimpl.tlc.trace_check import Judged
from tests.tlc import consume_offset_traces as traces
from tests.tlc.judging import check_accepted, check_bug_refused, judged_by, of_bug

HONEST = list(traces.some(12))
SEEDS = range(6)  # of each bug
BUGS = {  # planted bug: (event, condition that refuses it)
    "rust-backward-commit-is-ignored": ("QueryOffset", "offsetTable = offset"),
    "5905-deleted-before-the-new-one-is-durable": ("Persist", "what was loaded is durable"),
    "9705-backup-of-a-torn-file": ("RenameToBackup", "the former file was durable"),
    "own-file-of-before-the-kill-is-believed": ("Persist", "what was loaded is durable"),
}


def made_with(bug: str) -> list[Trace]:
    with PLANTED[bug].patch():
        return of_bug(bug, [traces.run(seed) for seed in SEEDS])


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for all, and one for the reasons."""
    planted = [trace for bug in BUGS for trace in made_with(bug)]
    return judged_by("ConsumeOffset", [*HONEST, *planted])


def test_the_traces_have_everything_that_the_model_speaks_of() -> None:
    events = [e for trace in HONEST for e in trace.events]
    assert {Forced, LoadOffset, MoveOffset, RenameToBackup} <= {type(e) for e in events}
    assert {e.backup for e in events if isinstance(e, Load)} == {True, False}
    assert {e.power for e in events if isinstance(e, Crash)} == {True, False}


@pytest.mark.slow
def test_honest_traces_are_accepted(judged: dict[str, Judged]) -> None:
    """BROKER-OFFSET-1, BROKER-OFFSET-20, BROKER-LIFECYCLE-10, BROKER-LIFECYCLE-11."""
    check_accepted(judged, HONEST)


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_refused_by_its_condition(bug: str, judged: dict[str, Judged]) -> None:
    check_bug_refused(judged, bug, *BUGS[bug])
