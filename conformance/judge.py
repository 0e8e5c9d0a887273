"""The commands that run cases and write reports; results go to the standard output."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import FrameType

from rich.console import Console

from conformance import expectations, results
from conformance.case import BadCase, Case, load_cases
from conformance.report import junit as junit_report
from conformance.report import terminal
from conformance.results import RunResult, TargetResult
from conformance.runner import Runner, stale
from conformance.target import Target
from conformance.targets.choice import UnknownTarget, choose
from conformance.verdict import ExitCode, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for."""

    targets: tuple[str, ...]
    release: str | None = None
    rules: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    failed: Path | None = None
    junit: Path | None = None
    json_path: Path | None = None
    html: Path | None = None
    keep_exchanges: bool = False
    update_expectations: bool = False


def select(cases: Sequence[Case], rules: Sequence[str], names: Sequence[str]) -> list[Case]:
    """The cases that match any of `rules` and any of `names`; an empty list matches all."""
    return [
        entry
        for entry in cases
        if (not rules or any(fnmatchcase(r, pattern) for r in entry.rules for pattern in rules))
        and (not names or any(_named(entry.identifier, pattern) for pattern in names))
    ]


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM ends a run as Ctrl-C does: targets are stopped, what is known is reported."""
    raise KeyboardInterrupt


def _named(identifier: str, pattern: str) -> bool:
    return fnmatchcase(identifier, pattern) or identifier.startswith(f"{pattern}/")


def run(request: Request) -> ExitCode:
    """Judge every target; the exit code is the worst of all."""
    console = Console()
    try:
        cases = load_cases()
        again = None if request.failed is None else results.failed(request.failed)
        targets = [choose(text, request.release) for text in request.targets]
        known = {target.name: expectations.load(target.name) for target in targets}
    except (BadCase, UnknownTarget, expectations.BadExpectations, results.BadResultFile) as error:
        console.print(str(error), style="bold red", markup=False)
        return ExitCode.HARNESS
    chosen = select(cases, request.rules, request.names)
    if again is not None:
        chosen = [entry for entry in chosen if entry.identifier in again]
    judged: list[TargetResult] = []
    signal.signal(signal.SIGTERM, _interrupted)
    with terminal.TerminalProgress(console) as progress:
        for target in targets:
            runner = Runner(
                target, known[target.name], progress, keep_exchanges=request.keep_exchanges
            )
            judged.append(runner.run(chosen))
    outcome = RunResult(tuple(judged))
    if request.update_expectations:
        for target_result in judged:
            _update(target_result, console)
    _write(outcome, request.junit, request.json_path, request.html)
    terminal.show(outcome, console)
    code = outcome.exit_code()
    if _report_stale(targets, cases, console) and code is ExitCode.PASS:
        return ExitCode.VIOLATION
    return code


def report(
    paths: Sequence[Path], *, junit: Path | None, json_path: Path | None, html: Path | None
) -> ExitCode:
    """Reports of result files that are there; the exit code is that of the merged run."""
    console = Console()
    try:
        outcome = results.merge(results.read(path) for path in paths)
    except results.BadResultFile as error:
        console.print(str(error), style="bold red", markup=False)
        return ExitCode.HARNESS
    _write(outcome, junit, json_path, html)
    terminal.show(outcome, console)
    return outcome.exit_code()


def _write(
    outcome: RunResult, junit: Path | None, json_path: Path | None, html: Path | None
) -> None:
    if json_path is not None:
        results.write(outcome, json_path)
    if junit is not None:
        junit_report.write(outcome, junit)
    if html is not None:
        from conformance.report.html import write  # noqa: PLC0415 - jinja2 only if asked

        write(outcome, html)


def _update(target: TargetResult, console: Console) -> None:
    failed = {r.case: r.message for r in target.cases if r.verdict is Verdict.FAIL}
    passed = [r.case for r in target.cases if r.verdict in (Verdict.PASS, Verdict.UNEXPECTED_PASS)]
    new, gone = expectations.update(target.target, failed=failed, passed=passed)
    console.print(
        f"{target.target}: {new} unsettled entries added, {gone} removed;"
        " an entry counts when a person has settled it",
        markup=False,
    )


def _report_stale(targets: Sequence[Target], cases: Sequence[Case], console: Console) -> bool:
    found = False
    for target in targets:
        for case in stale(expectations.load(target.name), cases):
            found = True
            console.print(f"{target.name}: expectation of {case}, which is no case", style="red")
    return found
