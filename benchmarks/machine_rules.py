"""`python -m benchmarks.machine_rules`: rules per second in the machine of the store, no crashes.

Hypothesis chooses and prints nothing, the swarm is as always; the rules that end a life are left
out. Time is that of the processor: one process, one core, whatever else runs. For each number of
messages that the store holds already, a few rounds are played. Two things are no rules and have
their own figures: sending those messages, and the look at everything at the end of each run.
"""

import statistics
from time import process_time
from typing import ClassVar

import click
from hypothesis.stateful import Rule

from benchmarks.measures import Results
from benchmarks.servers import REFERENCE
from fuzz.machines.store import StoreMachine
from fuzz.stateful.play import play_round
from fuzz.store_lives import CRASHES
from refimpl.model.override import override
from refimpl.store.message_store import COMMIT_COMMIT_LOG, FLUSH_COMMIT_LOG, FLUSH_CONSUME_QUEUE

GOAL = 1500  # rules per second; the same line stands in report.GOALS
MEASURE = "machine rules/s, store without crashes"
MESSAGES = (10, 100, 1000, 10_000)  # that are there when the rules begin
_RUNS = 20
_RUNS_OF_MANY = 5  # where sending takes longer than the rules
_MANY = 10_000
_THOROUGH = 60_000  # milliseconds after which a flush takes every byte


class LongLivedStore(StoreMachine):
    """The machine of the store, without an end, and with messages at the beginning."""

    MESSAGES: ClassVar[int] = 0
    aside: ClassVar[float] = 0.0  # seconds that were not spent on rules
    at_ends: ClassVar[float] = 0.0  # of them, on looking at everything

    @override
    def may_fire(self, rule: Rule) -> bool:
        """Leave out every rule that ends a life."""
        return rule.function.__name__ not in CRASHES and super().may_fire(rule)

    @override
    def began(self) -> None:
        """Send what is there from the beginning; nothing of it is left for the rules to do."""
        begun = process_time()
        lab = self.lab
        for _ in range(self.MESSAGES):
            lab.put("T", 0)
        while self._owes():
            lab.settle()
            lab.advance(_THOROUGH)
            for actor in (COMMIT_COMMIT_LOG, FLUSH_COMMIT_LOG, FLUSH_CONSUME_QUEUE):
                lab.step(actor)
            while lab.pending:
                lab.complete_force(next(iter(lab.pending)))
        self.none_of(self.look.violations(self.lab.ledger, self.lab.disk.take_written()))
        self.read_to[0] = len(self.lab.read("T", 0))
        type(self).aside += process_time() - begun

    def _owes(self) -> bool:
        store = self.lab.store
        queues = [store.commit_log, *store.queues]
        return store.reput.behind() > 0 or any(
            files.flushed_where < files.max_wrote_position
            for files in (queue.mapped_file_queue for queue in queues)
        )

    @override
    def at_end(self) -> None:
        """Look at everything, on a clock of its own."""
        begun = process_time()
        super().at_end()
        took = process_time() - begun
        type(self).aside += took
        type(self).at_ends += took


def rules_per_second(messages: int, seeds: range) -> tuple[float, float]:
    """Play a round of each seed: rules by seconds of the processor, seconds of a last look."""
    kind = type(f"Store{messages}", (LongLivedStore,), {"MESSAGES": messages})
    assert issubclass(kind, LongLivedStore)
    tally = kind.start_counting()
    begun = process_time()
    for seed in seeds:
        play_round(kind, seed, runs=_RUNS_OF_MANY if messages >= _MANY else _RUNS)
    rate = tally.steps / (process_time() - begun - kind.aside)
    return rate, kind.at_ends / tally.runs


def measure_machine_rules(results: Results, rounds: int) -> None:
    """Add a figure per round; a first round is not counted."""
    for round_number in range(rounds + 1):
        rate, _ = rules_per_second(0, range(round_number * 3, round_number * 3 + 3))
        if round_number:
            results.add(MEASURE, REFERENCE, rate)
    for messages in MESSAGES:
        rate, last_look = rules_per_second(messages, range(1 if messages >= _MANY else 3))
        results.add(f"machine rules/s, after {messages} messages", REFERENCE, rate)
        name = f"last look of a run at {messages} messages, microseconds per message"
        results.add(name, REFERENCE, last_look * 1e6 / messages)


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
