"""`python -m benchmarks.explorer`: transitions per second of the exhaustive explorers.

Of the automaton of the group commit alone, and of whole stores in a small scope: empty at first, or
with messages that are there already, so that each state has them. Time is that of the processor:
one process, one core, whatever else runs.
"""

from dataclasses import replace
from time import process_time

import click

from benchmarks.measures import Results
from benchmarks.servers import REFERENCE
from refimpl.sim.automata_scope import GroupCommitBound, ok_is_durable, walk
from refimpl.sim.small_scope import Bound, explore, first_lab

GOAL = 50_000  # transitions per second of the automaton; the same line stands in report.GOALS
AUTOMATON = "explored transitions/s, group commit"
STORE = "explored transitions/s, store"
MESSAGES = (10, 100, 1000, 10_000)  # that are there when the exploration begins


def measure_explorer(results: Results, rounds: int) -> None:
    """The states of GroupCommit.cfg, and one message with one crash of a whole store."""
    for _ in range(rounds):
        begun = process_time()
        walked = walk(GroupCommitBound(), ok_is_durable)
        results.add(AUTOMATON, REFERENCE, walked.transitions / (process_time() - begun))
        begun = process_time()
        certificate = explore(Bound(puts=1, ticks=0, crashes=1))
        assert not certificate.violations, certificate.violations
        results.add(STORE, REFERENCE, certificate.transitions / (process_time() - begun))
    for messages in MESSAGES:
        rate = automaton_transitions_per_second(messages)
        results.add(f"{AUTOMATON}, behind {messages:,} messages", REFERENCE, rate)
    for messages in MESSAGES:
        rate = transitions_per_second(messages)
        results.add(f"{STORE}, behind {messages:,} messages", REFERENCE, rate)


def transitions_per_second(messages: int) -> float:
    """One more message in every order, in a store that has `messages`."""
    bound = Bound(puts=1, ticks=0, crashes=0, messages=messages)
    lab = first_lab(bound)
    begun = process_time()
    certificate = explore(bound, lab=lab)
    assert not certificate.violations, certificate.violations
    return certificate.transitions / (process_time() - begun)


def automaton_transitions_per_second(messages: int) -> float:
    """The same states behind so many messages that are durable."""
    bound = GroupCommitBound()
    bound = replace(bound, begin=messages * bound.file_size)
    begun = process_time()
    return walk(bound, ok_is_durable).transitions / (process_time() - begun)


@click.command()
@click.option("--rounds", default=3, show_default=True)
def main(*, rounds: int) -> None:
    """Print both figures; exit 1 where the goal is missed."""
    results = Results()
    measure_explorer(results, rounds)
    best = {name: max(series[REFERENCE]) for name, series in results.figures.items()}
    for name, figure in best.items():
        click.echo(f"{name}: {figure:,.0f}")
    raise SystemExit(0 if best[AUTOMATON] >= GOAL else 1)


if __name__ == "__main__":
    main()
