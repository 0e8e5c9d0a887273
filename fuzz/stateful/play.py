"""Run one machine: rounds of a few dozen runs, each round derandomised by a seed of its own.

Round k of a play that began with seed N has the seed N + k and nothing else, so that the command
that repeats a failure names that seed, and finds the failure in its first round whatever the
profile. The same seed is the same run on every machine, under every PYTHONHASHSEED, and whatever
other modules are loaded: Hypothesis would else draw constants from the modules it finds.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from sys import maxsize
from time import perf_counter  # noqa: TID251 - how long a play takes is no input of a machine
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import engine, providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.stateful import run_state_machine_as_test

from fuzz.stateful.machine import CountedMachine
from fuzz.stateful.registry import Machine
from fuzz.stateful.traces import TraceBag

RUNS_PER_ROUND = 20
SHRINK_SECONDS = 20
STEPS_PER_RUN = (40, 80, 20)  # by turns: a long run reaches what ten short ones do not


@dataclass(frozen=True, slots=True)
class Profile:
    """How long to play: a number of rounds, or seconds for all machines together."""

    name: str
    rounds: int | None
    seconds: float
    everything_must_fire: bool = False
    trace_events: int = 0  # of each machine: what is traced and checked against the models


PROFILES = {
    "quick": Profile("quick", rounds=1, seconds=0),
    "ci": Profile("ci", rounds=None, seconds=60, trace_events=maxsize),
    "long": Profile(
        "long", rounds=None, seconds=3600, everything_must_fire=True, trace_events=20_000
    ),
}


@dataclass(frozen=True, slots=True)
class Record:
    """What a play did; every field is JSON."""

    machine: str
    first_seed: int
    failed_seed: int | None
    seconds: float
    runs: int
    steps: int
    rules: dict[str, int]  # every rule of the machine, also those that never fired
    faults: dict[str, int]
    images: int
    states: int
    traces: int = 0  # checked against the models
    trace_events: int = 0
    untraced: str = ""  # why no trace was checked, where some should have been

    def as_json(self) -> dict[str, object]:
        """Field by field."""
        return asdict(self)

    @property
    def never_fired(self) -> list[str]:
        """Rules and faults that did not happen once."""
        return [name for name, count in (*self.rules.items(), *self.faults.items()) if not count]


def repeat_line(machine: str, failed_seed: int) -> str:
    """Write the command that repeats a failure."""
    return f"pytest --stateful --stateful-seed {failed_seed} -k {machine}"


def play_round(machine: type[CountedMachine], round_seed: int, runs: int = RUNS_PER_ROUND) -> None:
    """Run `machine` a few dozen times; raises what the first broken run, shrunk, raised."""

    @seed(round_seed)
    def new_machine() -> CountedMachine:
        return machine()

    with _constants_of_no_module(), patch.object(engine, "MAX_SHRINKING_SECONDS", SHRINK_SECONDS):
        run_state_machine_as_test(
            new_machine,  # type: ignore[arg-type]  # "anything that returns an instance"
            settings=settings(
                max_examples=runs,
                stateful_step_count=STEPS_PER_RUN[round_seed % len(STEPS_PER_RUN)],
                database=None,
                deadline=None,
                derandomize=False,  # the seed above decides
                phases=(Phase.generate, Phase.shrink),
                print_blob=False,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )


class Play:
    """One machine, played from one seed on."""

    def __init__(self, machine: Machine, first_seed: int, trace_events: int = 0) -> None:
        self._machine = machine
        self.bag = TraceBag(machine.name, trace_events)
        self._traces = trace_events > 0 and not machine.untraced
        self._first_seed = first_seed
        self._failed_seed: int | None = None
        self._seconds = 0.0
        self._tally = machine.machine.start_counting()

    def rounds(self, count: int) -> None:
        """Play that many rounds."""
        self._until(lambda played: played >= count)

    def seconds(self, limit: float) -> None:
        """Play rounds until the time is over; one at least."""
        self._until(lambda _: self._seconds >= limit)

    def _until(self, over: Callable[[int], bool]) -> None:
        played = 0
        while played == 0 or not over(played):
            round_seed = self._first_seed + played
            begun = perf_counter()
            self.bag.begin_round(round_seed)
            machine = self._machine.machine
            try:
                with patch.object(machine, "traces", self.bag if self._traces else None):
                    play_round(machine, round_seed)
            except BaseException as error:
                self._failed_seed = round_seed
                error.add_note(f"Repeat it: {repeat_line(self._machine.name, round_seed)}")
                raise
            finally:
                self._seconds += perf_counter() - begun
            played += 1

    def record(self) -> Record:
        """Sum up what was played so far."""
        tally, machine = self._tally, self._machine.machine
        return Record(
            machine=self._machine.name,
            first_seed=self._first_seed,
            failed_seed=self._failed_seed,
            seconds=self._seconds,
            runs=tally.runs,
            steps=tally.steps,
            rules={name: tally.rules[name] for name in machine.told_rules()},
            faults={name: tally.faults[name] for name in machine.FAULTS},
            images=tally.images,
            states=len(tally.states),
        )


@contextmanager
def _constants_of_no_module() -> Iterator[None]:
    """Let Hypothesis draw no constant from loaded modules: they differ from command to command."""
    with (
        patch.object(providers, "CONSTANTS_CACHE", LRUCache(1024)),
        patch.object(providers.HypothesisProvider, "_local_constants", Constants()),
    ):
        yield
