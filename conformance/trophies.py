"""Catalogued bugs of real releases that the suite shows on the wire.

A trophy is a case that fails on the release that has the bug and passes on the one that fixed it.
`verify` checks that against results, so that a trophy cannot be claimed by memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.results import RunResult
from conformance.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Trophy:
    """One demonstration. `shown_on` and `absent_on` are published Apache releases."""

    fault: str  # identifier in the catalogue
    issue: str  # of apache/rocketmq, or the commit that fixed it
    title: str
    case: str
    shown_on: tuple[str, ...]
    absent_on: tuple[str, ...]


TROPHIES: tuple[Trophy, ...] = ()


def verify(trophy: Trophy, run: RunResult) -> list[str]:
    """What contradicts the trophy in these results; targets that did not run are not asked."""
    problems: list[str] = []
    for target in run.targets:
        release = target.target.removeprefix("apache-")
        for result in target.cases:
            if result.case != trophy.case:
                continue
            shown = result.verdict in (Verdict.FAIL, Verdict.EXPECTED_FAIL)
            if release in trophy.shown_on and not shown:
                problems.append(f"{trophy.case} is {result.verdict.value} on {release}")
            absent = result.verdict is Verdict.PASS
            if release in trophy.absent_on and not absent:
                problems.append(f"{trophy.case} is {result.verdict.value} on {release}")
    return problems


def for_case(case: str) -> Sequence[Trophy]:
    """The trophies that a case shows."""
    return [trophy for trophy in TROPHIES if trophy.case == case]
