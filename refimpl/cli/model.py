"""`rmqref model`: list the models, let TLC check them, draw them, explain a counterexample."""

import sys
import time
from pathlib import Path

import click
from tabulate import tabulate

from refimpl.sim import replays
from refimpl.sim.scopes import NoScope, scope_of
from refimpl.tlc import explain, graph, manifest, parity, replay
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.runner import Outcome, TlcRun

_BROKEN = 1
_UNKNOWN = 2
_HARNESS_FAILED = 3
_POSITIVE = click.IntRange(min=1)
_SETS = ("GroupCommit", "MappedFileQueue", "Dispatch", "DelayQueue")


@click.group("model")
def model_group() -> None:
    """The models of spec/tla: what they say, and whether they still say it.

    Exit status: 0 all as in the manifest, 1 something differs, 2 nothing could be judged (no TLC,
    no time, or nothing of the implementation to hold the model against), 3 no model of that name,
    or the manifest itself is broken.
    """


@model_group.command("list")
def list_command() -> None:
    """Print the manifest: a row per configuration."""
    table = [
        (row.config, row.module, row.mode, row.expect, row.distinct or "", row.depth, row.says)
        for row in _rows(())
    ]
    heads = ("model", "module", "mode", "expected", "distinct", "depth", "says")
    click.echo(tabulate(table, heads, maxcolwidths=[None] * 6 + [60]))


@model_group.command("check")
@click.argument("names", nargs=-1)
@click.option(
    "--seconds", type=_POSITIVE, default=120, show_default=True, help="Time limit for each model."
)
@click.option(
    "--workers",
    type=_POSITIVE,
    default=1,
    show_default=True,
    help="Threads of TLC.",
)
def check_command(names: tuple[str, ...], seconds: int, workers: int) -> None:
    """Let TLC check models (all, or those NAMED; a module stands for its models)."""
    unknown = broken = 0
    for row in _rows(names):
        try:
            checked = manifest.check(row, seconds=seconds, workers=workers)
        except TlcMissing as missing:
            click.echo(missing.reason, err=True)
            sys.exit(_UNKNOWN)
        seen = f"{checked.run.distinct} states, depth {checked.run.depth}"
        verdict = "as expected" if checked.as_expected else "DIFFERS"
        click.echo(
            f"{row.config:32} {row.expect:32} {verdict:12} {seen} {checked.run.seconds:.1f}s"
        )
        for problem in checked.problems:
            click.echo(f"    {problem}")
        if checked.run.outcome in {Outcome.ERROR, Outcome.TIMEOUT}:
            unknown += 1
        elif not checked.as_expected:
            broken += 1
            click.echo(f"    rmqref model explain {row.config}")
    sys.exit(_BROKEN if broken else _UNKNOWN if unknown else 0)


@model_group.command("graph")
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path), help="Else standard output.")
@click.option("--seconds", type=_POSITIVE, default=120, show_default=True, help="Time limit.")
def graph_command(name: str, output: Path | None, seconds: int) -> None:
    """Write the state graph of a model in Graphviz's language, edges named by actions."""
    try:
        text = graph.dot(_row(name), seconds=seconds)
    except (TlcMissing, graph.GraphRefused) as missing:
        click.echo(str(missing), err=True)
        sys.exit(_UNKNOWN)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")


@model_group.command("explain")
@click.argument("name")
@click.option("--test", type=click.Path(path_type=Path), help="Write a pytest that replays it.")
@click.option("--seconds", type=_POSITIVE, default=120, show_default=True, help="Time limit.")
def explain_command(name: str, test: Path | None, seconds: int) -> None:
    """Show the counterexample of a model as a table: what happened, and what it changed.

    With --test the implementation is led along the same way. Exit status 1 where it goes along
    with a wrong design, or does not reach what the right one reaches; 2 where nothing of it runs
    the steps of that module.
    """
    row = _row(name)
    try:
        checked = manifest.check(row, seconds=seconds)
    except TlcMissing as missing:
        click.echo(missing.reason, err=True)
        sys.exit(_UNKNOWN)
    if not checked.run.trace:
        click.echo(f"{row.config} has no counterexample: {checked.run.outcome.value}")
        sys.exit(_UNKNOWN if checked.run.outcome in {Outcome.ERROR, Outcome.TIMEOUT} else 0)
    click.echo(explain.table(row, checked.run))
    if test is not None:
        try:
            test.write_text(_replay(row, checked.run), "utf-8")
        except (explain.NoReplay, NoScope) as refused:
            click.echo(str(refused), err=True)
            sys.exit(_UNKNOWN)
        click.echo(f"\nwritten: {test}")


def _replay(row: manifest.Row, run: TlcRun) -> str:
    """The test of a counterexample: by the states of the implementation where those are known."""
    text = (manifest.FOLDER / f"{row.config}.cfg").read_text("utf-8")
    if row.module == "Recovery":
        return replay.recovered(row, run, text)
    if row.module not in replays.MODULES or row.module in explain.WRITERS:
        return explain.replay_test(row, run)
    steps = parity.behaviour(replay.changes(run))
    reached = replays.follow(row.module, parity.constants(text), steps)
    if (reached == len(steps)) is (row.mode == "wrong design"):
        what = "follows a wrong design" if reached == len(steps) else "is not as the model"
        click.echo(f"{row.config}: the implementation {what}: {reached} of {len(steps)} states")
        sys.exit(_BROKEN)
    return replay.followed(row, run, text, reached)


@model_group.command("parity")
@click.argument("names", nargs=-1)
@click.option(
    "--seconds",
    type=_POSITIVE,
    default=300,
    show_default=True,
    help="Time limit for TLC, each model.",
)
def parity_command(names: tuple[str, ...], seconds: int) -> None:
    """Compare the states and steps of the implementation with those that TLC finds.

    NAMES are models of the manifest; without any: GroupCommit, MappedFileQueue, Dispatch and
    DelayQueue. Both sides go through all that the constants of the configuration allow, and the
    sets are compared. Exit status 1 where they differ: then the first states that only one side
    reaches are shown, with the way there.
    """
    worst = 0
    for name in names or _SETS:
        row = _row(name)
        try:
            found = _both_sides(row, seconds)
        except (NoScope, TlcMissing, graph.GraphRefused) as missing:
            click.echo(str(missing), err=True)
            sys.exit(_UNKNOWN)
        for line in parity.certificate(found):
            click.echo(line)
        worst = max(worst, 0 if found.holds else _BROKEN)
    sys.exit(worst)


def _both_sides(row: manifest.Row, limit: int) -> parity.Parity:
    """Explore a model on both sides. Raises `NoScope`, `TlcMissing`, `GraphRefused`."""
    if row.expect != manifest.HOLDS:
        raise NoScope(row.config, "its counterexample ends the exploration")
    text = (manifest.FOLDER / f"{row.config}.cfg").read_text("utf-8")
    scoped = scope_of(row.module, parity.constants(text))
    begun = time.monotonic()
    model = parity.space_of(graph.read(graph.dot(row, seconds=limit)))
    between, computed = time.monotonic(), time.process_time()
    code = scoped.explore()
    seconds = time.process_time() - computed
    return parity.Parity(row.config, code, model, seconds, between - begun)


def _row(name: str) -> manifest.Row:
    """The row of one model; a module stands for the first of its models."""
    return _rows((name,))[0]


def _rows(names: tuple[str, ...]) -> list[manifest.Row]:
    """Rows by the name of their configuration or module; ends the command for a wrong name."""
    try:
        rows = manifest.rows()
        for name in names:
            if name not in {n for row in rows for n in (row.config, row.module)}:
                manifest.row_of(name)
    except manifest.ManifestRefused as refused:
        click.echo(str(refused), err=True)
        sys.exit(_HARNESS_FAILED)
    exact = [row for row in rows if row.config in names]
    return (
        exact
        if exact and len(names) == 1
        else [row for row in rows if not names or {row.config, row.module} & set(names)]
    )
