"""One self-contained HTML page."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from conformance.case import natural_key
from conformance.requirements import Rule, read_specification
from conformance.results import CaseResult, RunResult
from conformance.verdict import Verdict

_FOLDER = Path(__file__).parent
_WORST = (
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.UNEXPECTED_PASS,
    Verdict.EXPECTED_FAIL,
    Verdict.PASS,
    Verdict.UNSUPPORTED,
)


def write(run: RunResult, path: Path) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(run), "utf-8")


def render(run: RunResult, rules: dict[str, Rule] | None = None) -> str:
    """The page; `rules` default to those of the specification."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["hexdump"] = hexdump
    known = read_specification().rules if rules is None else rules
    template = environment.get_template("report.html.j2")
    return template.render(
        run=run,
        code=int(run.exit_code()),
        areas=_areas(run, known),
        verdicts=list(Verdict),
        details=_details(run),
    )


def _areas(run: RunResult, known: dict[str, Rule]) -> list[dict[str, object]]:
    """Area -> rows of the matrix: a rule, its title and a cell per target."""
    cases: dict[str, dict[str, list[CaseResult]]] = {}
    for target in run.targets:
        for result in target.cases:
            for name in result.rules:
                cases.setdefault(name, {}).setdefault(target.target, []).append(result)
    areas: dict[str, list[dict[str, object]]] = {}
    for identifier in sorted(cases, key=natural_key):
        rule = known.get(identifier)
        row: dict[str, object] = {
            "rule": identifier,
            "level": rule.level if rule is not None else "",
            "title": rule.title if rule is not None else "not declared in the specification",
            "text": rule.text if rule is not None else "",
            "why": rule.members.get("why", "") if rule is not None else "",
            "source": rule.members.get("source", "") if rule is not None else "",
            "cells": [_cell(cases[identifier].get(t.target, [])) for t in run.targets],
            "cases": _rows(run, identifier),
        }
        areas.setdefault("-".join(identifier.split("-")[:-1]), []).append(row)
    return [{"name": name, "rows": rows} for name, rows in areas.items()]


def _cell(results: Sequence[CaseResult]) -> dict[str, object]:
    verdicts = [result.verdict for result in results]
    worst = next((verdict for verdict in _WORST if verdict in verdicts), None)
    good = sum(1 for verdict in verdicts if verdict is Verdict.PASS)
    return {"verdict": worst.value if worst else "none", "good": good, "total": len(verdicts)}


def _rows(run: RunResult, rule: str) -> list[dict[str, object]]:
    """The cases of one rule with a verdict per target."""
    by_case: dict[str, dict[str, CaseResult]] = {}
    for target in run.targets:
        for result in target.cases:
            if rule in result.rules:
                by_case.setdefault(result.case, {})[target.target] = result
    return [
        {
            "case": case,
            "title": next(iter(found.values())).title,
            "cells": [
                {
                    "verdict": found[t.target].verdict.value if t.target in found else "none",
                    "anchor": anchor(t.target, case),
                    "detail": t.target in found
                    and found[t.target].verdict not in (Verdict.PASS, Verdict.UNSUPPORTED),
                }
                for t in run.targets
            ],
        }
        for case, found in by_case.items()
    ]


def _details(run: RunResult) -> list[dict[str, object]]:
    """Every case that has something to show, violations first."""
    details: list[dict[str, object]] = [
        {"target": target, "result": result, "anchor": anchor(target.target, result.case)}
        for verdict in _WORST
        for target in run.targets
        for result in target.cases
        if result.verdict is verdict
        and (verdict not in (Verdict.PASS, Verdict.UNSUPPORTED) or result.exchange)
    ]
    return details


def anchor(target: str, case: str) -> str:
    """An element id that needs no escaping."""
    return "c-" + "".join(c if c.isalnum() or c == "-" else "_" for c in f"{target}-{case}")


def hexdump(text: str, width: int = 16) -> str:
    """Offset, hexadecimal and printable columns of a hexadecimal string."""
    data = bytes.fromhex(text)
    lines = []
    for start in range(0, len(data), width):
        row = data[start : start + width]
        cells = " ".join(f"{byte:02x}" for byte in row).ljust(width * 3 - 1)
        shown = "".join(chr(b) if chr(b).isascii() and chr(b).isprintable() else "." for b in row)
        lines.append(f"{start:06x}  {cells}  {shown}")
    return "\n".join(lines)
