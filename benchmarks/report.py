"""Medians, ratios and goals: as a table, as JSON."""

import json
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from os import cpu_count
from pathlib import Path
from typing import NamedTuple

from benchmarks.measures import Results
from benchmarks.servers import REFERENCE


class Relation(Enum):
    """How a measure of the reference is held against its goal."""

    RATE_RATIO = "ours / theirs >="  # more is better
    SPEED_UP = "theirs / ours >="  # less is better
    AT_LEAST = "ours >="


class Goal(NamedTuple):
    """One line of the table."""

    measure: str
    relation: Relation
    bound: float


GOALS = (
    Goal("start ms", Relation.SPEED_UP, 10),
    Goal("resident MiB", Relation.SPEED_UP, 5),
    Goal("suite cases/s", Relation.AT_LEAST, 100),
    Goal("crash images/s", Relation.AT_LEAST, 1000),
    Goal("machine rules/s, store without crashes", Relation.AT_LEAST, 1500),
    Goal("explored transitions/s, group commit", Relation.AT_LEAST, 50_000),
    Goal("trace events/s, GroupCommit", Relation.AT_LEAST, 10_000),
    Goal("sync msg/s, async flush", Relation.RATE_RATIO, 0.9),
    Goal("async msg/s, async flush", Relation.RATE_RATIO, 0.3),
    Goal("one-way msg/s, async flush", Relation.RATE_RATIO, 0.3),
    Goal("push msg/s", Relation.RATE_RATIO, 0.5),
    Goal("sync msg/s, sync flush", Relation.RATE_RATIO, 0.9),
    Goal("async msg/s, sync flush", Relation.RATE_RATIO, 0.3),
)


class Row(NamedTuple):
    """A measure as it came out; `other` is what the reference is held against."""

    measure: str
    ours: float
    other: str
    theirs: float | None
    value: float
    goal: str
    met: bool | None


def rows(results: Results) -> list[Row]:
    """Every measure against every other target: goals first, in their order."""
    goals = {goal.measure: goal for goal in GOALS}
    ordered = [name for name in goals if name in results.figures]
    ordered += [name for name in results.figures if name not in goals]
    found: list[Row] = []
    for measure in ordered:
        series = results.figures[measure]
        ours = series.get(REFERENCE)
        if not ours:
            continue
        others = {name: theirs for name, theirs in series.items() if name != REFERENCE}
        goal = goals.get(measure)
        if goal is not None and goal.relation is Relation.AT_LEAST:
            found.append(_alone(goal, ours))
            found += [_plain(measure, ours, n, theirs) for n, theirs in others.items()]
        elif goal is None and not others:
            value = statistics.median(ours)
            found.append(Row(measure, value, "", None, value, "", None))
        elif goal is not None and goal.measure == "start ms":
            fastest = min(others, key=lambda name: statistics.median(others[name]), default=None)
            found += [
                _held(goal if name == fastest else None, measure, ours, name, theirs)
                for name, theirs in others.items()
            ]
        else:
            found += [_held(goal, measure, ours, n, theirs) for n, theirs in others.items()]
    return found


def _held(
    goal: Goal | None, measure: str, ours: Sequence[float], name: str, theirs: Sequence[float]
) -> Row:
    """Figures of the same turn make a ratio; the median of the ratios is what counts."""
    if goal is None and not measure.startswith("start"):
        return _plain(measure, ours, name, theirs)
    less = goal is None or goal.relation is Relation.SPEED_UP
    pairs = zip(ours, theirs, strict=False)
    value = statistics.median([b / a if less else a / b for a, b in pairs])
    return Row(
        measure,
        statistics.median(ours),
        name,
        statistics.median(theirs),
        value,
        "" if goal is None else f"{goal.relation.value} {goal.bound:g}",
        None if goal is None else value >= goal.bound,
    )


def _alone(goal: Goal, ours: Sequence[float]) -> Row:
    value = statistics.median(ours)
    aim = f"{goal.relation.value} {goal.bound:g}"
    return Row(goal.measure, value, "", None, value, aim, value >= goal.bound)


def _plain(measure: str, ours: Sequence[float], name: str, theirs: Sequence[float]) -> Row:
    mine, other = statistics.median(ours), statistics.median(theirs)
    return Row(measure, mine, name, other, mine / other if other else 0.0, "", None)


def markdown(results: Results) -> str:
    """The table, lost messages, and what was skipped."""
    lines = [
        "| measure | reference | other | its figure | ratio or value | goal | met |",
        "|---|---:|---|---:|---:|---|---|",
    ]
    for row in rows(results):
        theirs = "" if row.theirs is None else _number(row.theirs)
        met = "" if row.met is None else ("yes" if row.met else "NO")
        cells = (row.measure, _number(row.ours), row.other, theirs, _number(row.value))
        lines.append(f"| {' | '.join(cells)} | {row.goal} | {met} |")
    lines += ["", *(f"Lost by {name}: {count}." for name, count in results.lost.items())]
    lines += [f"Skipped: {what}." for what in results.skipped]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - a matter of looks


def write(results: Results, path: Path) -> None:
    """All figures as JSON, with what they were taken on."""
    document = {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": cpu_count(),
        "figures": results.figures,
        "lost": results.lost,
        "skipped": results.skipped,
        "rows": [row._asdict() for row in rows(results)],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
