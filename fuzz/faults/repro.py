"""Faults on Apache itself: the cases that show them, run on a real broker of one release."""

from collections.abc import Sequence
from datetime import UTC, datetime  # noqa: TID251 - the day of a run stands in its record
from pathlib import Path
from typing import NamedTuple

from conformance import expectations, results
from conformance.case import load_cases
from conformance.results import CaseResult, RunResult
from conformance.runner import Runner
from conformance.targets.choice import choose
from conformance.trophies import TROPHIES, Trophy
from conformance.verdict import Verdict

_FAILS = frozenset({Verdict.FAIL, Verdict.EXPECTED_FAIL})
_APACHE = "apache-"


class Look(NamedTuple):
    """One look at one release."""

    trophy: Trophy
    target: str
    shown: bool | None  # None: could not be looked at
    said: str

    @property
    def contradicts(self) -> bool:
        """True where the catalogue claims something else of this release."""
        version = self.target.removeprefix(_APACHE)
        if self.shown is None:
            return False
        return version in (self.trophy.absent_on if self.shown else self.trophy.shown_on)

    @property
    def word(self) -> str:
        """In a table."""
        return {True: "shown", False: "absent", None: "not looked at"}[self.shown]


def chosen(names: Sequence[str]) -> list[Trophy]:
    """The trophies with these issues or identifiers of the catalogue; all for no name.

    Raises `KeyError` with the first name that none has.
    """
    if not names:
        return list(TROPHIES)
    found: list[Trophy] = []
    for name in names:
        bare = name.removeprefix("#")
        matching = [t for t in TROPHIES if name == t.fault or (t.issue and bare == t.issue[1:])]
        if not matching:
            raise KeyError(name)
        found += matching
    return found


def look(trophies: Sequence[Trophy], target: str) -> tuple[list[Look], RunResult]:
    """Prepare, start, look: the cases of the trophies on one target."""
    wanted = {t.case for t in trophies}
    runner = Runner(choose(target), expectations.load(target), lambda _: None)
    run = runner.run([c for c in load_cases() if c.identifier in wanted])
    return [_look(t, target, run.skipped, run.cases) for t in trophies], RunResult((run,))


def _look(trophy: Trophy, target: str, skipped: str, cases: Sequence[CaseResult]) -> Look:
    found = next((c for c in cases if c.case == trophy.case), None)
    if found is None or found.verdict in {Verdict.UNSUPPORTED, Verdict.ERROR}:
        return Look(trophy, target, None, skipped or "the case does not apply to this release")
    return Look(trophy, target, found.verdict in _FAILS, found.message)


def record(paths: Sequence[Path]) -> str:
    """The track record as Markdown, from result files of looks."""
    run = results.merge(results.read(path) for path in paths)
    targets = {t.target: t for t in run.targets if t.target.startswith(_APACHE)}
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [
        "# Bugs of RocketMQ, shown on RocketMQ",
        "",
        f"Written by `rmqref faults record` on {day} from runs of `rmqref faults repro --all` on",
        f"{', '.join(sorted(targets))}. *shown*: the case fails on that release, *absent*: it",
        "passes. To see one again: `rmqref faults repro ISSUE --target apache-VERSION`.",
        "",
        f"| fault | issue | bug | {' | '.join(sorted(targets))} |",
        f"|---|---|---|{'---|' * len(targets)}",
    ]
    for trophy in TROPHIES:
        looks = [
            _look(trophy, name, target.skipped, target.cases).word
            for name, target in sorted(targets.items())
        ]
        cells = (trophy.fault or "", trophy.issue or "", trophy.title, *looks)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
