"""`pytest --stateful`: same seed, same run; one table for all workers; failures that repeat."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis.stateful import rule
from hypothesis.strategies import integers

from fuzz.stateful import machine as stateful_machine
from fuzz.stateful import plugin
from fuzz.stateful.machine import CountedMachine, InvariantBroken
from fuzz.stateful.play import PROFILES, STEPS_PER_RUN, Play, Record, play_round
from fuzz.stateful.plugin import failure_of, table
from fuzz.stateful.registry import Machine, machines
from fuzz.stateful.traces import Checked

ROOT = Path(__file__).parent.parent.parent
SCRIPT = """
from fuzz.stateful.play import play_round
from fuzz.stateful.registry import machines
chosen = machines()["GroupCommit"].machine
steps = []
class Told(chosen):
    def visit(self, state):
        steps.append(repr(state))
play_round(Told, 5, runs=4)
print(len(steps), Told.tally.rules, Told.tally.faults, *steps)
"""
FAILING = """
from fuzz.stateful.play import Play
from fuzz.stateful.registry import machines, planted
bug = planted()["acks-on-wrote"]
with bug.patch():
    try:
        Play(machines()[bug.machine], 5).rounds(1)
    except AssertionError as error:
        print(error, *error.__notes__, sep="\\n")
"""


class Counter(CountedMachine):
    """Counts to three; `break` is a fault that some runs may cause."""

    FAULTS: ClassVar[tuple[str, ...]] = ("slip", "never")
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("add",)
    LIMIT: ClassVar[int] = 1 << 30
    count = 0
    allowed: ClassVar[set[bool]] = set()

    @rule(by=integers(1, 3))
    def add(self, by: int) -> None:
        self.count += by
        self.visit(self.count)
        self.allowed.add(self.allows("slip"))
        if self.count > self.LIMIT:
            self.broken("COUNT-1", f"{self.count}")

    @rule()
    def slip(self) -> None:
        if self.allows("slip"):
            self.fault("slip")


class Limited(Counter):
    LIMIT: ClassVar[int] = 3


def machine_of(kind: type[CountedMachine]) -> Machine:
    return Machine("Counter", kind, "tests", ("COUNT-1",))


def run_again(hash_seed: str, script: str = SCRIPT) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.slow
def test_the_same_seed_is_the_same_run_under_every_hash_seed() -> None:
    first = run_again("1")
    assert int(first.split()[0]) > 20
    assert first == run_again("2")


@pytest.mark.slow
def test_a_failure_has_the_same_steps_under_every_hash_seed() -> None:
    """What is shrunk is the same too, and so is the line that repeats it."""
    first = run_again("1", FAILING)
    assert "state.put(" in first
    assert "--stateful-seed 5 -k GroupCommit" in first
    assert first == run_again("2", FAILING)


def test_records_count_what_happened() -> None:
    play = Play(machine_of(Counter), 3)
    play.rounds(2)
    record = play.record()
    assert record.first_seed == 3
    assert record.failed_seed is None
    assert record.runs >= 40
    assert record.steps == sum(record.rules.values())
    assert record.rules["add"] > 0
    assert record.faults["slip"] > 0
    assert record.never_fired == ["never"]
    assert record.states > 10
    assert Counter.allowed == {True, False}


def test_a_long_play_keeps_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table says that more states were seen than it tells apart."""
    for module in (stateful_machine, plugin):
        monkeypatch.setattr(module, "STATES_MAX", 5)
    play = Play(machine_of(Counter), 3)
    play.rounds(1)
    assert play.record().states == 5
    assert "5+" in table([play.record()])[1].split()


def test_the_swarm_never_forbids_what_is_essential() -> None:
    tally = Counter.start_counting()
    play_round(Counter, 0)
    assert tally.rules["add"] >= tally.runs


def test_a_failure_names_the_seed_that_repeats_it() -> None:
    play = Play(machine_of(Limited), 8)
    with pytest.raises(InvariantBroken) as found:
        play.seconds(60)
    record = play.record()
    assert record.failed_seed is not None
    assert f"--stateful-seed {record.failed_seed} -k Counter" in found.value.__notes__[-1]
    with pytest.raises(InvariantBroken, match="COUNT-1") as again:
        play_round(Limited, record.failed_seed)
    assert str(again.value) == str(found.value)


def test_the_table_has_a_line_for_each_record() -> None:
    record = Record("Counter", 0, None, 2.0, 3, 4, {"add": 4, "slip": 0}, {"never": 0}, 5, 6, 7, 8)
    head, line = table([record])
    assert (
        " ".join(head.split())
        == "machine runs steps steps/s rules faults images states traces events s"
    )
    assert line.split() == ["Counter", "3", "4", "2", "1/2", "0/1", "5", "6", "7", "8", "2.0"]


def test_every_machine_names_its_subject_and_its_invariants() -> None:
    for machine in machines().values():
        assert (ROOT / f"{machine.subject.replace('.', '/')}.py").exists(), machine.subject
        assert machine.invariants
        assert len(machine.machine.rule_names()) > 2
        for name in (*machine.machine.ESSENTIAL, *machine.machine.WEIGHTS):
            assert name in machine.machine.rule_names()
    assert len(STEPS_PER_RUN) > 1


def test_a_record_survives_the_way_from_a_worker() -> None:
    play = Play(machine_of(Counter), 0)
    play.rounds(1)
    record = play.record()
    assert Record(**json.loads(json.dumps(record.as_json()))) == record


NEVER_FIRES = """
def pytest_configure():
    from fuzz.stateful import plugin
    from tests.fuzz.test_stateful import {kind}, machine_of
    plugin.machines = lambda: {{"Counter": machine_of({kind})}}
"""


class Fires(Counter):
    FAULTS: ClassVar[tuple[str, ...]] = ("slip",)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "kind", "status"), [("long", Counter, 1), ("ci", Counter, 0), ("long", Fires, 0)]
)
def test_a_fault_that_never_fires_fails_a_long_play(
    tmp_path: Path, profile: str, kind: type[Counter], status: int
) -> None:
    """`Counter` declares the fault `never` and has no rule that causes it."""
    (tmp_path / "never_fires.py").write_text(NEVER_FIRES.format(kind=kind.__name__), "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "never_fires", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"--stateful={profile}", "--stateful-time", "0.1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert ("Failed: Counter: never fired: never" in done.stdout) == (status == 1)
    assert "never 0" in done.stdout or kind is Fires


@pytest.mark.parametrize(("name", "fired"), [("long", {"slip": 1}), ("ci", {"slip": 0})])
def test_what_fails_a_play_beside_its_machine(name: str, fired: dict[str, int]) -> None:
    record = Record("Counter", 0, None, 2.0, 3, 4, {"add": 4}, fired, 5, 6, 7, 8)
    profile = PROFILES[name]
    assert failure_of(record, profile, Checked()) == ""
    assert failure_of(record, profile, Checked(refused=["a", "b"])) == "a\n\nb"
    silent = Record("Counter", 0, None, 2.0, 3, 4, {"add": 0}, {"slip": 0}, 5, 6, 7, 8)
    told = failure_of(silent, profile, Checked())
    assert told == ("Counter: never fired: add, slip" if name == "long" else "")


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_only_the_long_profile_wants_everything_to_fire(profile: str) -> None:
    assert PROFILES[profile].everything_must_fire == (profile == "long")
