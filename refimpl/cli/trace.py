"""`rmqref trace`: hold traces against the models."""

import sys
from collections import Counter
from pathlib import Path

import click

from refimpl.model.prng import Prng
from refimpl.model.trace_file import Trace, TraceRefused, read
from refimpl.tlc import mutation, trace_check
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.trace_check import Verdict
from refimpl.tlc.trace_data import EventRefused

_BROKEN = 1
_UNKNOWN = 2
_HARNESS_FAILED = 3


@click.group("trace")
def trace_group() -> None:
    """Traces of the implementation: each must be a behaviour of its model."""


@trace_group.command("check")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--trace", "names", multiple=True, help="Only this trace; repeatable.")
@click.option(
    "--model", "models", multiple=True, type=click.Choice(list(trace_check.MODELS)), help="Only it."
)
@click.option(
    "--seconds",
    type=click.IntRange(min=1),
    default=300,
    show_default=True,
    help="Time limit for each run of TLC.",
)
def check_command(
    files: tuple[Path, ...], names: tuple[str, ...], models: tuple[str, ...], seconds: int
) -> None:
    """Check the traces of FILES (NDJSON, spec/trace.md) against the models.

    Exit status: 0 every trace is accepted, 1 one is not, 2 one got no verdict, 3 a file is no
    trace, or there is none of that name.
    """
    worst = 0
    events: Counter[str] = Counter()
    found = {path: _read(path) for path in files}
    known = {trace.header.trace for traces in found.values() for trace in traces}
    unknown = [name for name in names if name not in known]
    if unknown:
        click.echo(f"no trace of that name: {', '.join(unknown)}", err=True)
        sys.exit(_HARNESS_FAILED)
    for path, there in found.items():
        traces = [t for t in there if not names or t.header.trace in names]
        if not traces:
            continue  # those that were asked for are in another file
        try:
            judged = trace_check.check(
                traces, models=models or tuple(trace_check.MODELS), seconds=seconds
            )
        except TlcMissing as missing:
            click.echo(missing.reason, err=True)
            sys.exit(_UNKNOWN)
        except EventRefused as refused:
            click.echo(f"{path}: {refused}", err=True)
            sys.exit(_HARNESS_FAILED)
        worst = max(worst, _told(judged, path))
        checked = {id(one.trace) for one in judged}
        for trace in traces:
            events.update(type(event).__name__ for event in trace.events)
            if id(trace) not in checked and not models:
                click.echo(f"{trace.header.trace}: no model follows it")
                worst = max(worst, _UNKNOWN if worst != _BROKEN else _BROKEN)
    click.echo(f"events: {', '.join(f'{name} {count}' for name, count in events.most_common())}")
    sys.exit(worst)


@trace_group.command("power")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--model",
    type=click.Choice(list(trace_check.MODELS)),
    default="GroupCommit",
    show_default=True,
    help="Whose power.",
)
@click.option(
    "--traces",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    help="So many traces of the file.",
)
@click.option(
    "--mutants", type=click.IntRange(min=1), default=10, show_default=True, help="Of each trace."
)
@click.option("--seed", default=1, show_default=True, help="Of the alterations.")
def power_command(file: Path, model: str, traces: int, mutants: int, seed: int) -> None:
    """Alter one event of each trace of FILE, again and again: the model must refuse it.

    Exit status: 0 at least 95 % of the mutants that are not equivalent were refused, 1 fewer
    were, 2 one got no verdict.
    """
    try:
        found = mutation.power(_read(file)[:traces], model, mutants, Prng(seed))
        found = mutation.with_others(found, model)
    except TlcMissing as missing:
        click.echo(missing.reason, err=True)
        sys.exit(_UNKNOWN)
    equal = sum(bool(one.reason) for one in found)
    unnoticed = sum(one.unnoticed for one in found)
    refused = sum(one.refused for one in found)
    elsewhere = sum(bool(one.elsewhere) for one in found)
    counts = f"{refused} refused, {equal} equivalent, {elsewhere} refused elsewhere"
    counts += f", {unnoticed} unnoticed"
    click.echo(f"{model}: {len(found)} mutants, {counts}")
    kinds = Counter(
        (m.how, m.name, one.reason or (one.elsewhere and f"{one.elsewhere} refuses it"))
        for one in found
        if not one.refused
        for m in (one.mutant,)
    )
    for (how, name, reason), count in kinds.most_common():
        click.echo(f"  {count:4} {how} {name}: {reason or 'UNNOTICED'}")
    if refused + equal + elsewhere + unnoticed < len(found):
        sys.exit(_UNKNOWN)
    sys.exit(0 if mutation.is_enough(found) else _BROKEN)


def _told(judged: list[trace_check.Judged], path: Path) -> int:
    """Print what is not accepted and the counts; the exit status."""
    counts = Counter((one.module, one.verdict) for one in judged)
    for one in judged:
        if one.verdict is not Verdict.ACCEPTED:
            click.echo(trace_check.report(one, str(path)))
    for (module, verdict), count in sorted(counts.items(), key=str):
        click.echo(f"{path}: {module}: {count} traces: {verdict.value}")
    found = {one.verdict for one in judged}
    if found & {Verdict.REFUSED, Verdict.VIOLATES}:
        return _BROKEN
    return _UNKNOWN if Verdict.UNKNOWN in found or not judged else 0


def _read(path: Path) -> list[Trace]:
    """The traces of a file; ends the command where it holds none."""
    try:
        traces = read(path.read_text("utf-8").splitlines())
    except (TraceRefused, UnicodeDecodeError) as refused:
        why = refused if isinstance(refused, TraceRefused) else "is no text in UTF-8"
        click.echo(f"{path}: {why}", err=True)
        sys.exit(_HARNESS_FAILED)
    if not traces:
        click.echo(f"{path}: holds no trace", err=True)
        sys.exit(_HARNESS_FAILED)
    return traces
