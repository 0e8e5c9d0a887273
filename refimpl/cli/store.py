"""`rmqref store`: look at, check and compare store directories without touching them.

Requirements  STORE-INSPECT-1..4 in spec/store/inspection.md

Exit codes: 0 sound or equal, 1 a rule is violated or something differs, 2 no store.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NoReturn

import click
from tabulate import tabulate

from refimpl.inspect.comparison import Difference, compare
from refimpl.inspect.finding import Finding, NotAStore
from refimpl.inspect.store_reading import StoreReading, open_reading
from refimpl.inspect.tables import Table, inspect_tables
from refimpl.inspect.verification import Verified, verify
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES
from refimpl.runtime.reading_directory import ReadingDirectory

_VIOLATED = 1
_UNREADABLE = 2
_DIFFERENCES_SHOWN = 200

_directory = click.argument("directory", type=click.Path(path_type=Path))
_release = click.option(
    "--release", type=click.Choice(list(RELEASES)), help="Read as this release; else deduced."
)
_settings = click.option(
    "--property", "settings", multiple=True, metavar="NAME=VALUE",
    help="A setting of the broker that wrote the store: messageDelayLevel, maxHashSlotNum.",
)  # fmt: skip
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("store")
def store_group() -> None:
    """Inspect, verify and compare store directories, read-only.

    Exit status: 0 sound or equal, 1 a rule is violated or something differs, 2 no store.
    """


@store_group.command("inspect")
@_directory
@_release
@_settings
@_as_json
def inspect_command(
    directory: Path, release: str | None, settings: Sequence[str], *, as_json: bool
) -> None:
    """Print what the store in DIRECTORY holds."""
    verified = _verified(directory, release, settings)
    tables = inspect_tables(verified)
    findings = list(verified.findings)
    if as_json:
        shown: dict[str, JsonValue] = {name: table.as_json() for name, table in tables.items()}
        shown["findings"] = [found.as_json() for found in findings]
        click.echo(json.dumps(shown, indent=2))
    else:
        for table in tables.values():
            _print_table(table)
        _print_findings(findings)
    if verified.findings.is_violated:
        raise SystemExit(_VIOLATED)


@store_group.command("verify")
@_directory
@_release
@_settings
@_as_json
def verify_command(
    directory: Path, release: str | None, settings: Sequence[str], *, as_json: bool
) -> None:
    """Check every structural rule of the store in DIRECTORY."""
    verified = _verified(directory, release, settings)
    findings = list(verified.findings)
    violated = verified.findings.is_violated
    if as_json:
        shown: dict[str, JsonValue] = {
            "sound": not violated,
            "release": verified.reading.release.name,
            "closed": not verified.reading.unclean,
            "records": verified.log.count,
            "findings": [found.as_json() for found in findings],
        }
        click.echo(json.dumps(shown, indent=2))
    else:
        _print_findings(findings)
        state = "closed" if not verified.reading.unclean else "not closed"
        word = "VIOLATED" if violated else "sound"
        click.echo(
            f"{word}: {verified.log.count} records in {len(verified.reading.queues)} queues, "
            f"release {verified.reading.release.name}, {state}"
        )
    if violated:
        raise SystemExit(_VIOLATED)


@store_group.command("diff")
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@_settings
@_as_json
def diff_command(left: Path, right: Path, settings: Sequence[str], *, as_json: bool) -> None:
    """Compare the stores LEFT and RIGHT: messages, queues, offsets, configuration."""
    readings = []
    for directory in (left, right):
        try:
            readings.append(_open(directory, None, settings))
        except NotAStore as error:
            _refuse(directory, error)
    try:
        differences = list(compare(*readings))
    except NotAStore as error:
        _refuse(Path(f"{left} or {right}"), error)
    if as_json:
        click.echo(json.dumps([found._asdict() for found in differences], indent=2))
    else:
        _print_differences(differences)
    if differences:
        raise SystemExit(_VIOLATED)


def _verified(directory: Path, release: str | None, settings: Iterable[str]) -> Verified:
    try:
        return verify(_open(directory, release, settings))
    except NotAStore as error:
        _refuse(directory, error)


def _open(directory: Path, release: str | None, settings: Iterable[str]) -> StoreReading:
    if not os.path.isdir(directory):  # noqa: PTH112 - Path.is_dir raises where it may not look
        raise NotAStore("it is no directory, or may not be looked into")
    given = _given(settings)
    try:
        return open_reading(
            ReadingDirectory(directory),
            release=None if release is None else RELEASES[release],
            settings=given,
        )
    except InvalidInput as error:
        raise click.UsageError(str(error)) from error


def _given(settings: Iterable[str]) -> Mapping[str, str]:
    pairs = [text.partition("=") for text in settings]
    if not all(separator for _, separator, _ in pairs):
        raise click.UsageError("--property takes NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _refuse(directory: Path, error: NotAStore) -> NoReturn:
    click.echo(f"{directory} is no store: {error.reason}", err=True)
    raise SystemExit(_UNREADABLE)


def _print_table(table: Table) -> None:
    if table.rows:
        click.echo(f"{table.title}\n{tabulate(table.rows, headers=list(table.columns))}\n")


def _print_findings(findings: Sequence[Finding]) -> None:
    if findings:
        rows = [(f.gravity.value, f.rule, f.path, f.text()) for f in findings]
        click.echo(tabulate(rows, headers=["", "rule", "where", "finding"]) + "\n")


def _print_differences(differences: Sequence[Difference]) -> None:
    if not differences:
        click.echo("equal")
        return
    rows = list(islice(differences, _DIFFERENCES_SHOWN))
    click.echo(tabulate(rows, headers=["where", "what", "left", "right"], disable_numparse=True))
    if len(differences) > len(rows):
        click.echo(f"... and {len(differences) - len(rows)} more (--json has all)")
