"""Trophies name cases that exist, and are claimed on evidence."""

from dataclasses import replace

from conformance import expectations
from conformance.case import load_cases
from conformance.results import CaseResult, RunResult, TargetResult
from conformance.trophies import TROPHIES, verify
from conformance.verdict import Verdict

PUBLISHED = {"4.6.1", "4.9.7", "5.5.0"}


def test_trophies_name_cases_and_published_releases() -> None:
    known = {entry.identifier for entry in load_cases()}
    assert len({t.issue for t in TROPHIES if t.absent_on}) >= 6
    for trophy in TROPHIES:
        assert trophy.case in known
        assert trophy.shown_on
        assert {*trophy.shown_on, *trophy.absent_on} == PUBLISHED


def test_every_trophy_is_a_settled_expectation_where_it_is_shown_and_only_there() -> None:
    for release in sorted(PUBLISHED):
        settled = expectations.load(f"apache-{release}")
        for trophy in TROPHIES:
            assert (trophy.case in settled) == (release in trophy.shown_on), trophy.case


def test_expectations_name_cases() -> None:
    known = {entry.identifier for entry in load_cases()}
    for release in sorted(PUBLISHED):
        for case, expectation in expectations.load(f"apache-{release}").items():
            assert case in known
            assert f"({release})" in expectation.source


def test_results_that_contradict_a_trophy_are_told() -> None:
    trophy = next(t for t in TROPHIES if t.absent_on)
    result = CaseResult(
        case=trophy.case,
        title="",
        area="",
        rules=("BROKER-TRIAL-1",),
        level="MUST",
        verdict=Verdict.EXPECTED_FAIL,
    )
    passed = replace(result, verdict=Verdict.PASS)

    def on(release: str, found: CaseResult) -> RunResult:
        target = TargetResult(target=f"apache-{release}", release="4.9", cases=(found,))
        return RunResult((target,))

    assert not verify(trophy, on(trophy.shown_on[0], result))
    assert verify(trophy, on(trophy.shown_on[0], passed))
    assert not verify(trophy, on(trophy.absent_on[0], passed))
    assert verify(trophy, on(trophy.absent_on[0], result))
    assert not verify(trophy, on("9.9", passed))
