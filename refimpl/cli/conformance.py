"""`rmqref conformance`: judge targets, list cases, make reports, explain rules."""

import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from refimpl.model.release import RELEASES

_HARNESS_FAILED = 3


@click.group("conformance")
def conformance_group() -> None:
    """Judge name servers and brokers over the wire."""


@conformance_group.command("run")
@click.option(
    "--target",
    "targets",
    multiple=True,
    default=("reference",),
    show_default=True,
    help="reference, reference-tcp, apache-VERSION, command:COMMAND, address:NS,BROKER; repeatable",
)
@click.option("--release", type=click.Choice(sorted(RELEASES)), help="What it is judged as.")
@click.option("--rule", "rules", multiple=True, help="Only cases of this rule; `*` as in shells.")
@click.option("--case", "names", multiple=True, help="Only this case; `*` as in shells.")
@click.option(
    "--failed",
    type=click.Path(exists=True, path_type=Path),
    help="Only cases that ended against the expectations in this file of results.",
)
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the results.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the report.")
@click.option("--exchanges", is_flag=True, help="Keep the wire exchange of passing cases too.")
@click.option(
    "--update-expectations",
    is_flag=True,
    help="File new failures as unsettled, drop expectations that pass.",
)
def run_command(
    *,
    targets: tuple[str, ...],
    release: str | None,
    rules: tuple[str, ...],
    names: tuple[str, ...],
    failed: Path | None,
    junit: Path | None,
    json_path: Path | None,
    html: Path | None,
    exchanges: bool,
    update_expectations: bool,
) -> None:
    """Run cases against targets.

    Exit status: 0 everything passed or failed as expected, 1 a rule is broken or an expectation
    is stale, 2 nothing could be judged or the run was interrupted, 3 the harness failed.
    """
    from conformance import judge  # noqa: PLC0415 - only when asked for

    request = judge.Request(
        targets=targets,
        release=release,
        rules=rules,
        names=names,
        failed=failed,
        junit=junit,
        json_path=json_path,
        html=html,
        keep_exchanges=exchanges,
        update_expectations=update_expectations,
    )
    sys.exit(_guarded(lambda: judge.run(request)))


@conformance_group.command("list")
@click.option("--rule", "rules", multiple=True, help="Only cases of this rule.")
@click.option("--case", "names", multiple=True, help="Only this case.")
@click.option("--release", type=click.Choice(sorted(RELEASES)), help="Only cases for it.")
@click.option(
    "--rules", "by_rule", is_flag=True, help="List rules: who checks, obeys, breaks each."
)
def list_command(
    *, rules: tuple[str, ...], names: tuple[str, ...], release: str | None, by_rule: bool
) -> None:
    """List cases, or rules with their cases, tests, code, models and faults."""
    from conformance import inspection  # noqa: PLC0415 - only when asked for
    from fuzz.slips.slip import slips  # noqa: PLC0415 - the same

    _print(
        inspection.list_rules(slips()) if by_rule else inspection.list_cases(rules, names, release)
    )


@conformance_group.command("report")
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write merged results.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the report.")
def report_command(
    *, results: tuple[Path, ...], junit: Path | None, json_path: Path | None, html: Path | None
) -> None:
    """Make reports again from result files; several are merged."""
    from conformance import judge  # noqa: PLC0415 - only when asked for

    sys.exit(_guarded(lambda: judge.report(results, junit=junit, json_path=json_path, html=html)))


@conformance_group.command("explain")
@click.argument("rule")
def explain_command(*, rule: str) -> None:
    """Show a rule: its text, why, sources, cases, tests, code, models and slip."""
    from conformance import inspection  # noqa: PLC0415 - only when asked for
    from fuzz.slips.slip import slips, title  # noqa: PLC0415 - the same

    lines = inspection.explain(rule)
    if not lines:
        raise click.ClickException(f"no rule {rule}")
    _print(lines)
    if rule in (known := slips()):
        click.echo(f"slip  {title(known[rule])}: {known[rule].told}")


@conformance_group.command("trophies")
@click.argument("results", nargs=-1, type=click.Path(exists=True, path_type=Path))
def trophies_command(*, results: tuple[Path, ...]) -> None:
    """List catalogued bugs that the suite shows on real releases; check them against results."""
    from conformance import inspection  # noqa: PLC0415 - only when asked for

    lines, problems = inspection.trophies(results)
    _print(lines)
    if problems:
        _print(problems)
        sys.exit(1)


def _guarded(command: Callable[[], int]) -> int:
    """Run it; whatever escapes is a defect of the harness, and the shell is told so."""
    try:
        return command()
    except Exception:  # noqa: BLE001 - see above
        traceback.print_exc()
        return _HARNESS_FAILED


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(line)
