"""`rmqref faults`: bugs that RocketMQ really had, and who notices them here."""

import sys
from fnmatch import fnmatchcase
from pathlib import Path

import click
from tabulate import tabulate

_ROUNDS = 30


@click.group("faults")
def faults_group() -> None:
    """Bugs that RocketMQ really had, as patches of the reference (needs the repository)."""


@faults_group.command("list")
def list_command() -> None:
    """One line each: identifier, issue, layer, title; then what a type makes impossible."""
    from fuzz.faults.fault import PREVENTED, faults  # noqa: PLC0415 - only when asked for

    rows = [(name, f.issue, f.layer, f.title) for name, f in faults().items()]
    click.echo(tabulate(rows, ("fault", "issue", "layer", "bug")))
    click.echo()
    prevented = [(name, p.issue, p.title, p.by) for name, p in PREVENTED.items()]
    click.echo(tabulate(prevented, ("prevented", "issue", "bug", "by")))


@faults_group.command("run")
@click.option("--fault", "chosen", multiple=True, help="Only this fault; repeatable.")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=_ROUNDS,
    show_default=True,
    help="Of twenty runs, for each machine, at most.",
)
def run_command(*, chosen: tuple[str, ...], rounds: int) -> None:
    """Turn each fault on and let its checks look for it.

    Exit status: 0 every fault was noticed by each of its checks, 1 one was not, 2 no such fault.
    """
    from fuzz.faults.fault import faults  # noqa: PLC0415 - only when asked for
    from fuzz.faults.notice import notices  # noqa: PLC0415 - the same

    known = faults()
    unknown = [name for name in chosen if name not in known]
    if unknown:
        click.echo(f"no fault {', '.join(unknown)}", err=True)
        sys.exit(2)
    rows, unnoticed = [], []
    for name in chosen or known:
        fault = known[name]
        found = []
        for notice in notices(name, fault, rounds):
            found.append(notice)
            rows.append(
                (
                    name,
                    fault.issue,
                    notice.check,
                    "noticed" if notice.noticed else "-",
                    notice.steps,
                    f"{notice.seconds:.1f}",
                    notice.said[:70],
                )
            )
        if not found or not all(notice.noticed for notice in found):
            unnoticed.append(name)
    click.echo(tabulate(rows, ("fault", "issue", "check", "", "steps", "CPU s", "said")))
    if unnoticed:
        click.echo(f"not noticed: {', '.join(unnoticed)}")
        sys.exit(1)


@faults_group.command("rules")
@click.option("--rule", "patterns", multiple=True, help="Only this rule; `*` as in shells.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Processes for tests.",
)
def rules_command(*, patterns: tuple[str, ...], workers: int) -> None:
    """Break each rule of the store by one edit of the code: a case or a test must notice.

    Only a case or a test that cites the rule counts, and only one that passes without the edit.
    Exit status: 0 every slip was noticed, 1 one was not or a test fails anyway, 2 no such rule.
    """
    from conformance.case import load_cases  # noqa: PLC0415 - only when asked for
    from fuzz.slips.notice import notices  # noqa: PLC0415 - the same
    from fuzz.slips.slip import slips, title  # noqa: PLC0415 - the same

    known = slips()
    chosen = {
        rule: slip
        for rule, slip in known.items()
        if not patterns or any(fnmatchcase(rule, pattern) for pattern in patterns)
    }
    if not chosen:
        click.echo(f"no slip for {', '.join(patterns)}", err=True)
        sys.exit(2)
    found, not_sober = notices(chosen, load_cases(), workers)
    rows = [(n.rule, title(known[n.rule]), n.by or "-") for n in found]
    click.echo(tabulate(rows, ("rule", "edited", "noticed by")))
    unnoticed = [n.rule for n in found if not n.by]
    click.echo(f"{len(found)} rules, {len(found) - len(unnoticed)} slips noticed")
    if unnoticed:
        click.echo(f"not noticed: {', '.join(unnoticed)}")
    if not_sober:
        click.echo(f"fails without a slip: {', '.join(not_sober)}")
    if unnoticed or not_sober:
        sys.exit(1)


@faults_group.command("repro")
@click.argument("issues", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every bug of the catalogue of trophies.")
@click.option("--target", required=True, help="apache-4.6.1, apache-4.9.7 or apache-5.5.0.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the results.")
def repro_command(
    *, issues: tuple[str, ...], everything: bool, target: str, path: Path | None
) -> None:
    """Show a bug on a real broker: prepare its store or send the frames, start it, look.

    ISSUES are numbers of issues or identifiers of faults. Exit status: 0 as the catalogue says,
    1 otherwise, 2 no such bug or target, or nothing could be looked at.
    """
    from conformance import results  # noqa: PLC0415 - only when asked for
    from conformance.targets.choice import UnknownTarget  # noqa: PLC0415 - the same
    from fuzz.faults import repro  # noqa: PLC0415 - the same

    if everything == bool(issues):
        raise click.UsageError("give issues, or --all")
    try:
        looks, run = repro.look(repro.chosen(issues), target)
    except (KeyError, UnknownTarget) as error:
        click.echo(f"unknown: {error}", err=True)
        sys.exit(2)
    rows = [(k.trophy.fault, k.trophy.issue, k.trophy.title, k.word, k.said[:90]) for k in looks]
    click.echo(tabulate(rows, ("fault", "issue", "bug", target, "said")))
    if path is not None:
        results.write(run, path)
    wrong = [k.trophy.case for k in looks if k.contradicts]
    if wrong:
        click.echo(f"not as the catalogue says: {', '.join(wrong)}")
        sys.exit(1)
    if all(k.shown is None for k in looks):
        sys.exit(2)


@faults_group.command("record")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def record_command(*, paths: tuple[Path, ...]) -> None:
    """Print the track record (docs/trophies.md) from files of results."""
    from fuzz.faults import repro  # noqa: PLC0415 - only when asked for

    click.echo(repro.record(paths), nl=False)
