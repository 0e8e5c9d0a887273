"""Every bug that is planted is found by its machine, within a dozen rounds."""

import pytest

from fuzz.stateful import play
from fuzz.stateful.machine import InvariantBroken
from fuzz.stateful.registry import machines, planted
from refimpl.broker.schedule_message import ScheduleMessageService

PLANTED = planted()
MACHINES = machines()
ROUNDS = 12  # of seeds 0, 1, ...

# By machine: invariants that still want a planted bug. An entry goes when its bug comes.
NO_BUG_YET: dict[str, tuple[str, ...]] = {}


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
            except Exception as error:  # noqa: BLE001 - whatever a broken core raises
                found.append(type(error).__name__)
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


def without_a_bug() -> dict[str, set[str]]:
    """Invariants that a machine names and that no planted bug has ever broken."""
    shown = {(bug.machine, bug.breaks) for bug in PLANTED.values()}
    found = {
        name: {invariant for invariant in machine.invariants if (name, invariant) not in shown}
        for name, machine in MACHINES.items()
    }
    return {name: invariants for name, invariants in found.items() if invariants}


def test_every_invariant_has_a_bug() -> None:
    """What nothing can break, no machine has to name; what is listed above goes with its bug."""
    assert without_a_bug() == {name: set(listed) for name, listed in NO_BUG_YET.items()}


@pytest.mark.parametrize("name", PLANTED)
def test_what_a_bug_replaces_stands_there(name: str) -> None:
    """An edit that no longer fits is told at once, not by a machine that finds nothing."""
    before = vars(ScheduleMessageService)["deliver"]
    with PLANTED[name].patch():
        pass
    assert vars(ScheduleMessageService)["deliver"] is before
