"""The table of the benchmarks: ratios, goals, what is missing."""

import json
from pathlib import Path

import pytest

from benchmarks import crash_images, explorer, machine_rules, report, trace_events
from benchmarks.measures import Results, guarded
from benchmarks.report import markdown, rows, write
from conformance.verdict import TargetUnavailable


def results(**figures: dict[str, list[float]]) -> Results:
    return Results(figures={name.replace("_", " "): series for name, series in figures.items()})


def test_start_is_held_against_the_fastest_release_only() -> None:
    taken = results(
        start_ms={
            "reference": [100, 120, 110],
            "apache-4.9.7": [1500, 1500, 1500],
            "apache-4.6.1": [1300, 900, 1250],
        }
    )
    by_target = {row.other: row for row in rows(taken)}
    assert by_target["apache-4.9.7"].met is None
    fastest = by_target["apache-4.6.1"]
    assert (fastest.ours, fastest.theirs, fastest.met) == (110, 1250, True)
    assert fastest.value == 1250 / 110  # the median of 13, 7.5 and 11.4


def test_rates_are_paired_by_turn() -> None:
    taken = Results(
        figures={"sync msg/s, async flush": {"reference": [100, 10, 90], "apache-4.9.7": [100] * 3}}
    )
    (row,) = rows(taken)
    assert (row.value, row.met) == (0.9, True)
    taken.figures["sync msg/s, async flush"]["reference"][2] = 89
    (row,) = rows(taken)
    assert (row.value, row.met) == (0.89, False)
    assert "| NO |" in markdown(taken)


def test_memory_wants_a_fifth() -> None:
    taken = Results(figures={"resident MiB": {"reference": [40], "apache-4.9.7": [199]}})
    assert [row.met for row in rows(taken)] == [False]
    taken.figures["resident MiB"]["apache-4.9.7"] = [200]
    assert [row.met for row in rows(taken)] == [True]


def test_cases_per_second_stand_alone() -> None:
    taken = Results(figures={"suite cases/s": {"reference": [99.9], "reference-tcp": [20]}})
    alone, beside = rows(taken)
    assert (alone.other, alone.theirs, alone.met) == ("", None, False)
    assert (beside.other, beside.met) == ("reference-tcp", None)


def test_what_is_absent_is_told(tmp_path: Path) -> None:
    taken = Results()

    def absent() -> None:
        raise TargetUnavailable("no java on the PATH")

    guarded(taken, "start", absent)
    taken.add_lost("reference", 0)
    taken.add_lost("reference", 2)
    text = markdown(taken)
    assert "Skipped: start: no java on the PATH." in text
    assert "Lost by reference: 2." in text
    write(taken, tmp_path / "build" / "bench.json")
    written = json.loads((tmp_path / "build" / "bench.json").read_text("utf-8"))
    assert written["lost"] == {"reference": 2}
    assert written["rows"] == []


@pytest.mark.parametrize(
    ("goal", "measure"),
    [
        (crash_images.GOAL, "crash images/s"),
        (machine_rules.GOAL, machine_rules.MEASURE),
        (explorer.GOAL, explorer.AUTOMATON),
        (trace_events.GOAL, trace_events.MEASURE),
    ],
)
def test_goals_are_the_same_alone_and_in_the_table(goal: int, measure: str) -> None:
    assert [g.bound for g in report.GOALS if g.measure == measure] == [goal]
