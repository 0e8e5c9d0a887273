"""`python -m benchmarks`: measure, print the table, write build/bench.json.

Exit status: 0 every goal that was measured is met, 1 one is not or a message was lost.
"""

import sys
from pathlib import Path

import click

from benchmarks.crash_images import measure_crash_images
from benchmarks.explorer import measure_explorer
from benchmarks.machine_rules import measure_machine_rules
from benchmarks.measures import (
    Results,
    guarded,
    measure_messages,
    measure_start,
    measure_suite,
)
from benchmarks.report import markdown, rows, write
from benchmarks.servers import REFERENCE
from benchmarks.trace_events import measure_trace_events

_PARTS = (
    "start",
    "suite",
    "async-flush",
    "sync-flush",
    "crash-images",
    "machine-rules",
    "explorer",
    "trace-events",
)


@click.command()
@click.option(
    "--against",
    multiple=True,
    default=("4.9.7",),
    show_default=True,
    help="Release of Apache for memory and messages; repeatable.",
)
@click.option(
    "--starts",
    multiple=True,
    default=("4.6.1", "4.9.7", "5.5.0"),
    show_default=True,
    help="Releases of Apache to start; repeatable.",
)
@click.option("--part", "parts", multiple=True, type=click.Choice(_PARTS), default=_PARTS)
@click.option("--rounds", default=7, show_default=True, help="Figures per measure and target.")
@click.option("--slice", "slice_seconds", default=0.7, show_default=True, help="Seconds of a turn.")
@click.option(
    "--json", "path", default="build/bench.json", show_default=True, type=click.Path(path_type=Path)
)
def main(
    *,
    against: tuple[str, ...],
    starts: tuple[str, ...],
    parts: tuple[str, ...],
    rounds: int,
    slice_seconds: float,
    path: Path,
) -> None:
    """Measure the reference and Apache RocketMQ on this machine, turn by turn."""
    results = Results()
    started = [REFERENCE, *(f"apache-{version}" for version in starts)]
    targets = [REFERENCE, *(f"apache-{version}" for version in against)]
    if "start" in parts:
        guarded(results, "start", lambda: measure_start(results, started, rounds))
    if "suite" in parts:
        guarded(results, "suite", lambda: measure_suite(results, min(rounds, 3)))
    for part, sync in (("async-flush", False), ("sync-flush", True)):
        if part in parts:
            guarded(
                results,
                part,
                lambda sync=sync: measure_messages(  # type: ignore[misc]
                    results, targets, rounds, slice_seconds, sync=sync
                ),
            )
    if "crash-images" in parts:
        measure_crash_images(results, rounds, slice_seconds)
    if "machine-rules" in parts:
        measure_machine_rules(results, min(rounds, 3))
    if "explorer" in parts:
        measure_explorer(results, min(rounds, 3))
    if "trace-events" in parts:
        measure_trace_events(results, min(rounds, 3))
    write(results, path)
    click.echo(markdown(results), nl=False)
    missed = any(row.met is False for row in rows(results)) or results.lost.get(REFERENCE, 0) > 0
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
