"""The machine of the disk finds every disk that is planted wrong, within a dozen rounds."""

import pytest

from fuzz.machines.disk import MACHINE
from fuzz.planted.disk import PLANTED
from fuzz.stateful import play
from fuzz.stateful.machine import InvariantBroken
from fuzz.stateful.registry import Planted

ROUNDS = 12  # of seeds 0, 1, ...


def rounds_until_broken(bug: Planted) -> None:
    MACHINE.machine.start_counting()
    with bug.patch():
        for round_seed in range(ROUNDS):
            play.play_round(MACHINE.machine, round_seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_disk_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "SHRINK_SECONDS", 0)
    bug = PLANTED[name]
    with pytest.raises(InvariantBroken) as found:
        rounds_until_broken(bug)
    assert found.value.invariant == bug.breaks


def test_every_invariant_of_the_machine_has_a_planted_disk() -> None:
    assert {bug.breaks for bug in PLANTED.values()} == set(MACHINE.invariants)
    assert {bug.machine for bug in PLANTED.values()} == {MACHINE.name}
