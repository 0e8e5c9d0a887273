"""`rmqref model`: list the models, let TLC check them, draw them, explain a counterexample."""

import sys
from pathlib import Path

import click
from tabulate import tabulate

from refimpl.tlc import explain, graph, manifest
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.runner import Outcome

_BROKEN = 1
_UNKNOWN = 2
_HARNESS_FAILED = 3


@click.group("model")
def model_group() -> None:
    """The models of spec/tla: what they say, and whether they still say it.

    Exit status: 0 all as in the manifest, 1 something differs, 2 nothing could be judged (no TLC,
    no time), 3 the manifest itself is broken.
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
@click.option("--seconds", default=120, show_default=True, help="Time limit for each model.")
@click.option("--workers", default=1, show_default=True, help="Threads of TLC.")
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
@click.option("--seconds", default=120, show_default=True, help="Time limit.")
def graph_command(name: str, output: Path | None, seconds: int) -> None:
    """Write the state graph of a model in Graphviz's language, edges named by actions."""
    try:
        text = graph.dot(_rows((name,))[0], seconds=seconds)
    except TlcMissing as missing:
        click.echo(missing.reason, err=True)
        sys.exit(_UNKNOWN)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")


@model_group.command("explain")
@click.argument("name")
@click.option("--test", type=click.Path(path_type=Path), help="Write a pytest that replays it.")
@click.option("--seconds", default=120, show_default=True, help="Time limit.")
def explain_command(name: str, test: Path | None, seconds: int) -> None:
    """Show the counterexample of a model as a table: what happened, and what it changed."""
    row = _rows((name,))[0]
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
            test.write_text(explain.replay_test(row, checked.run), "utf-8")
        except explain.NoReplay as refused:
            click.echo(str(refused), err=True)
            sys.exit(_UNKNOWN)
        click.echo(f"\nwritten: {test}")


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
