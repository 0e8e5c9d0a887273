"""Every bug that is planted is found by its machine, within a dozen rounds."""

import pytest

from fuzz.stateful import play
from fuzz.stateful.machine import InvariantBroken
from fuzz.stateful.registry import machines, planted
from refimpl.broker.schedule_message import ScheduleMessageService

PLANTED = planted()
MACHINES = machines()
ROUNDS = 12  # of seeds 0, 1, ...


def broken_by(name: str) -> list[str]:
    """Play until the bug breaks what it should; what it broke, one invariant a round.

    A bug may break others on the way: which is seen first is a matter of the seed.
    """
    bug = PLANTED[name]
    machine = MACHINES[bug.machine].machine
    machine.start_counting()
    found: list[str] = []
    with bug.patch():
        for round_seed in range(ROUNDS):
            try:
                play.play_round(machine, round_seed)
            except InvariantBroken as error:
                found.append(error.invariant)
            if bug.breaks in found:
                break
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "SHRINK_SECONDS", 0)
    assert PLANTED[name].breaks in broken_by(name)


def test_bugs_are_planted_where_a_machine_watches() -> None:
    for bug in PLANTED.values():
        assert bug.breaks in MACHINES[bug.machine].invariants


def test_every_machine_has_a_bug_to_find() -> None:
    assert {bug.machine for bug in PLANTED.values()} == set(MACHINES)


def test_every_invariant_of_the_disk_has_a_bug() -> None:
    of_the_disk = {bug.breaks for bug in PLANTED.values() if bug.machine == "Disk"}
    assert of_the_disk == set(MACHINES["Disk"].invariants)


@pytest.mark.parametrize("name", PLANTED)
def test_what_a_bug_replaces_stands_there(name: str) -> None:
    """An edit that no longer fits is told at once, not by a machine that finds nothing."""
    before = vars(ScheduleMessageService)["deliver"]
    with PLANTED[name].patch():
        pass
    assert vars(ScheduleMessageService)["deliver"] is before
