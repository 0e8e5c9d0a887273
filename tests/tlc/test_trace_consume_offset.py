"""Traces of consumer offsets and their file are behaviours of ConsumeOffset; those of bugs not."""

import pytest

from fuzz.planted.broker_side import PLANTED
from refimpl.model.trace import (
    Append,
    Crash,
    Forced,
    Load,
    LoadOffset,
    MoveOffset,
    QueryOffset,
    RenameToBackup,
    TraceEvent,
)
from refimpl.model.trace_file import Trace
from refimpl.tlc import mutation
from refimpl.tlc.manifest import FOLDER
from refimpl.tlc.mutation import Mutant
from refimpl.tlc.trace_check import Judged
from tests.tlc import consume_offset_traces as traces
from tests.tlc.judging import (
    check_accepted,
    check_bug_refused,
    check_power,
    judged_by,
    need_tlc,
    of_bug,
)

HONEST = list(traces.some(12))
SEEDS = range(6)  # of each bug
BUGS = {  # planted bug: (event, condition that refuses it)
    "rust-backward-commit-is-ignored": ("ObservedOffset", "offsetTable = offset"),
    "5905-deleted-before-the-new-one-is-durable": (
        "Load",
        "the backup is for a file that cannot be used",
    ),
    "9705-backup-of-a-torn-file": ("RenameToBackup", "the former file was durable"),
    "own-file-of-before-the-kill-is-believed": ("ObservedFile", "what was loaded is not settled"),
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


@pytest.mark.slow
def test_nearly_all_alterations_are_refused() -> None:
    check_power("ConsumeOffset", HONEST[:5], 10, seed=3)


@pytest.mark.slow
def test_what_only_repeats_is_as_good_and_nothing_else() -> None:
    """A query that is asked again changes nothing; a row that is told again is another table."""
    need_tlc()
    origin = HONEST[0]
    again = [repeated(origin, kind) for kind in (QueryOffset, Append)]
    reasons = mutation._reasons(again, "ConsumeOffset", FOLDER)
    assert reasons == {"QueryOffset": "it changes nothing, and a behaviour may stutter"}


def repeated(origin: Trace, kind: type[TraceEvent]) -> Mutant:
    """The trace with its last such event there twice."""
    at = max(i for i, event in enumerate(origin.events, 1) if isinstance(event, kind))
    events = (*origin.events[:at], origin.events[at - 1], *origin.events[at:])
    header = origin.header._replace(trace=kind.__name__)
    return Mutant(origin, Trace(header, events), "duplicate", at, kind.__name__)
