"""`python -m benchmarks.machine_rules`: rules per second in the machine of the store, no crashes.

Hypothesis chooses and prints nothing, the swarm is as always; the rules that end a life are left
out. Time is that of the processor: one process, one core, whatever else runs. For each number of
messages that the store holds already, a few rounds are played.
"""

import statistics
from time import process_time
from typing import ClassVar

import click
from hypothesis.stateful import Rule

from benchmarks.measures import Results
from benchmarks.servers import REFERENCE
from fuzz.machines.store import CRASHES, StoreMachine
from fuzz.stateful.play import play_round
from refimpl.model.override import override

GOAL = 1500  # rules per second; the same line stands in report.GOALS
MEASURE = "machine rules/s, store without crashes"
MESSAGES = (10, 100, 1000)  # that are there when the rules begin
_RUNS = 20


class LongLivedStore(StoreMachine):
    """The machine of the store, without an end, and with messages at the beginning."""

    MESSAGES: ClassVar[int] = 0

    @override
    def may_fire(self, rule: Rule) -> bool:
        """Leave out every rule that ends a life, and the one that reads all there is."""
        return rule.function.__name__ not in CRASHES and super().may_fire(rule)

    @override
    def began(self) -> None:
        """Send the messages that are there from the beginning."""
        for _ in range(self.MESSAGES):
            self.lab.put("T", 0)


def rules_per_second(messages: int, seeds: range) -> float:
    """Play a round of each seed; rules by seconds of the processor, filling included."""
    kind = type(f"Store{messages}", (LongLivedStore,), {"MESSAGES": messages})
    assert issubclass(kind, StoreMachine)
    tally = kind.start_counting()
    begun = process_time()
    for seed in seeds:
        play_round(kind, seed, runs=_RUNS)
    return tally.steps / (process_time() - begun)


def measure_machine_rules(results: Results, rounds: int) -> None:
    """Add a figure per round; a first round is not counted."""
    for round_number in range(rounds + 1):
        rate = rules_per_second(0, range(round_number * 3, round_number * 3 + 3))
        if round_number:
            results.add(MEASURE, REFERENCE, rate)
    for messages in MESSAGES:
        rate = rules_per_second(messages, range(3))
        results.add(f"machine rules/s, after {messages} messages", REFERENCE, rate)


@click.command()
@click.option("--rounds", default=5, show_default=True)
def main(rounds: int) -> None:
    """Measure and print."""
    results = Results()
    measure_machine_rules(results, rounds)
    for measure, series in results.figures.items():
        click.echo(f"{measure}: {statistics.median(series[REFERENCE]):.0f}")


if __name__ == "__main__":
    main()
