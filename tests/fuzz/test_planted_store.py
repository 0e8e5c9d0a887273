"""The machines of the store find every bug that is planted for them, within a dozen rounds."""

import pytest

from fuzz.planted import store_files, store_side
from fuzz.stateful import play
from fuzz.stateful.machine import InvariantBroken
from fuzz.stateful.registry import machines

PLANTED = {**store_side.PLANTED, **store_files.PLANTED}
ROUNDS = 12  # of seeds 0, 1, ...


def play_until_broken(name: str) -> None:
    bug = PLANTED[name]
    machine = machines()[bug.machine].machine
    machine.start_counting()
    with bug.patch():
        for round_seed in range(ROUNDS):
            play.play_round(machine, round_seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "SHRINK_SECONDS", 0)
    with pytest.raises(InvariantBroken) as found:
        play_until_broken(name)
    assert found.value.invariant == PLANTED[name].breaks


def test_bugs_are_planted_where_a_machine_watches() -> None:
    known = machines()
    for bug in PLANTED.values():
        assert bug.breaks in known[bug.machine].invariants
    watched = {bug.machine for bug in PLANTED.values()}
    assert watched == {"AsyncFlush", "CommitLog", "GroupCommit", "MappedFileQueue", "Store"}
