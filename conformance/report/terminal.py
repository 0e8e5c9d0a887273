"""What a person at a terminal sees: progress while it runs, a table and the failures afterwards."""

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text
from tabulate import tabulate

from conformance import runner
from conformance.results import CaseResult, RunResult, TargetResult
from conformance.verdict import Verdict

STYLE = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold magenta",
    Verdict.UNSUPPORTED: "dim",
    Verdict.EXPECTED_FAIL: "yellow",
    Verdict.UNEXPECTED_PASS: "bold yellow",
}
_SHOWN_VERDICTS = tuple(Verdict)


class TerminalProgress:
    """A bar per target on a terminal; elsewhere one line per case that violates."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, Counter[Verdict]] = {}
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[target]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[counts]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, progress: runner.Progress) -> None:
        """One case has ended."""
        counts = self._counts.setdefault(progress.target, Counter())
        counts[progress.result.verdict] += 1
        if progress.target not in self._tasks:
            self._tasks[progress.target] = self._bar.add_task(
                "", total=progress.total, target=progress.target, counts=""
            )
        shown = " ".join(
            f"[{STYLE[verdict]}]{counts[verdict]} {verdict.value}[/]"
            for verdict in _SHOWN_VERDICTS
            if counts[verdict]
        )
        self._bar.update(self._tasks[progress.target], completed=progress.done, counts=shown)
        if progress.result.verdict.violates:
            self._console.print(
                Text.assemble(
                    (f"{progress.result.verdict.value:15}", STYLE[progress.result.verdict]),
                    f" {progress.target} {progress.result.case}",
                )
            )


def show(run: RunResult, console: Console) -> None:
    """The table of targets, then every case that needs attention."""
    for target in run.targets:
        for result in target.cases:
            if result.verdict.violates:
                _show_failure(target, result, console)
        if target.skipped:
            console.print(Text(f"skipped {target.target}: {target.skipped}", style="yellow"))
        if target.aborted:
            console.print(Text(f"aborted {target.target}: {target.aborted}", style="bold red"))
    if console.is_terminal:
        console.print(_rich_table(run))
    else:
        console.print(_plain_table(run), markup=False, highlight=False, soft_wrap=True)


def _show_failure(target: TargetResult, result: CaseResult, console: Console) -> None:
    console.print()
    console.print(
        Text.assemble(
            (result.verdict.value, STYLE[result.verdict]),
            (f"  {result.case}", "bold"),
            f"  on {target.target}",
        )
    )
    console.print(Text(f"  {result.title}"), soft_wrap=True)
    console.print(Text(f"  rules   {', '.join(result.rules)}"), soft_wrap=True)
    console.print(Text(f"  {result.message}", style="red"), soft_wrap=True)
    name = target.target
    release = "" if name.startswith("apache-") else f" --release {target.release}"
    console.print(
        Text(
            f"  again   rmqref conformance run --target {shlex.quote(name)}{release}"
            f" --case {shlex.quote(result.case)}",
            style="dim",
        ),
        soft_wrap=True,
    )
    console.print(
        Text(f"  why     rmqref conformance explain {result.rules[0]}", style="dim"),
        soft_wrap=True,
    )


_COLUMNS = ("target", "release", "rules", "cases", *(v.value for v in Verdict), "seconds", "rate")


def _rows(run: RunResult) -> Sequence[Sequence[str]]:
    rows = []
    for target in run.targets:
        counts = target.count()
        seconds = target.milliseconds / 1000
        rules = {rule for result in target.cases for rule in result.rules}
        rate = f"{len(target.cases) / seconds:.0f}/s" if seconds and target.cases else ""
        verdicts = [str(counts[verdict] or "") for verdict in Verdict]
        head = [target.target, target.release, str(len(rules)), str(len(target.cases))]
        state = "skipped" if target.skipped else "aborted" if target.aborted else f"{seconds:.1f}"
        rows.append([*head, *verdicts, state, rate])
    return rows


def _rich_table(run: RunResult) -> Table:
    table = Table(title="Conformance", title_style="bold")
    table.add_column("target", style="bold")
    for column in _COLUMNS[1:]:
        style = next((STYLE[v] for v in Verdict if v.value == column), "")
        table.add_column(column, justify="right", style=style)
    for row in _rows(run):
        table.add_row(*row)
    return table


def _plain_table(run: RunResult) -> str:
    return tabulate(_rows(run), headers=_COLUMNS, tablefmt="simple", disable_numparse=True)
