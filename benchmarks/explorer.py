"""`python -m benchmarks.explorer`: transitions per second of the exhaustive explorers.

Of the automaton of the group commit alone, and of whole stores in a small scope. Time is that of
the processor: one process, one core, whatever else runs.
"""

from time import process_time

import click

from benchmarks.measures import Results
from benchmarks.servers import REFERENCE
from refimpl.sim.automata_scope import GroupCommitBound, ok_is_durable, walk
from refimpl.sim.small_scope import Bound, explore

GOAL = 50_000  # transitions per second of the automaton; the same line stands in report.GOALS
AUTOMATON = "explored transitions/s, group commit"
STORE = "explored transitions/s, store"


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
