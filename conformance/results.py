"""The one result file of a run: everything that reports show comes from here."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import jsonschema

from conformance.verdict import ExitCode, Verdict
from refimpl.model.ids import JsonValue

SCHEMA = Path(__file__).parent / "result.schema.json"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """How one case ended on one target. `exchange` is filled where it did not pass."""

    case: str
    title: str
    area: str
    rules: tuple[str, ...]
    level: str
    verdict: Verdict
    message: str = ""
    milliseconds: float = 0.0
    notes: tuple[str, ...] = ()
    reason: str = ""  # of the expectation
    link: str = ""
    source: str = ""
    fault: str = ""
    exchange: tuple[JsonValue, ...] = ()

    def to_json(self) -> JsonValue:
        """The case as a member of the file."""
        return {
            "case": self.case,
            "title": self.title,
            "area": self.area,
            "rules": list(self.rules),
            "level": self.level,
            "verdict": self.verdict.value,
            "message": self.message,
            "milliseconds": round(self.milliseconds, 3),
            "notes": list(self.notes),
            "reason": self.reason,
            "link": self.link,
            "source": self.source,
            "fault": self.fault,
            "exchange": list(self.exchange),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """One target's cases; `skipped` says why there are none."""

    target: str
    release: str
    skipped: str = ""
    aborted: str = ""
    milliseconds: float = 0.0
    cases: tuple[CaseResult, ...] = ()

    def count(self) -> Counter[Verdict]:
        """How many of each verdict."""
        return Counter(result.verdict for result in self.cases)

    def to_json(self) -> JsonValue:
        """The target as a member of the file."""
        return {
            "target": self.target,
            "release": self.release,
            "skipped": self.skipped,
            "aborted": self.aborted,
            "milliseconds": round(self.milliseconds, 3),
            "cases": [result.to_json() for result in self.cases],
        }


@dataclass(frozen=True, slots=True)
class RunResult:
    """All targets of a run."""

    targets: tuple[TargetResult, ...]

    def exit_code(self) -> ExitCode:
        """What the shell is told: the worst that happened."""
        verdicts = {r.verdict for target in self.targets for r in target.cases}
        if Verdict.ERROR in verdicts:
            return ExitCode.HARNESS
        if any(verdict.violates for verdict in verdicts):
            return ExitCode.VIOLATION
        if not verdicts or any(target.aborted for target in self.targets):
            return ExitCode.UNKNOWN
        return ExitCode.PASS

    def to_json(self) -> JsonValue:
        """The whole file."""
        return {"format": FORMAT, "targets": [target.to_json() for target in self.targets]}


class BadResultFile(Exception):
    """A result file does not fit the schema."""


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def write(run: RunResult, path: Path) -> None:
    """Write the result file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run.to_json(), ensure_ascii=False, indent=1), "utf-8")


def read(path: Path) -> RunResult:
    """Read and check a result file; raises `BadResultFile`."""
    try:
        document = cast("JsonValue", json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise BadResultFile(f"{path}: {error}") from error
    for problem in _validator().iter_errors(document):
        raise BadResultFile(f"{path}: {list(problem.absolute_path)}: {problem.message}")
    assert isinstance(document, dict)
    targets = cast("list[dict[str, JsonValue]]", document["targets"])
    return RunResult(tuple(_target(entry) for entry in targets))


def failed(path: Path) -> frozenset[str]:
    """The cases of a result file that make its run fail; raises `BadResultFile`."""
    run = read(path)
    return frozenset(
        result.case for target in run.targets for result in target.cases if result.verdict.violates
    )


def merge(runs: Iterable[RunResult]) -> RunResult:
    """One run with the targets of all; a later target replaces an earlier one of its name."""
    targets = {target.target: target for run in runs for target in run.targets}
    return RunResult(tuple(targets.values()))


def _target(entry: dict[str, JsonValue]) -> TargetResult:
    cases = cast("Sequence[dict[str, JsonValue]]", entry["cases"])
    return TargetResult(
        target=str(entry["target"]),
        release=str(entry["release"]),
        skipped=str(entry["skipped"]),
        aborted=str(entry["aborted"]),
        milliseconds=cast("float", entry["milliseconds"]),
        cases=tuple(_case(member) for member in cases),
    )


def _case(entry: dict[str, JsonValue]) -> CaseResult:
    return CaseResult(
        case=str(entry["case"]),
        title=str(entry["title"]),
        area=str(entry["area"]),
        rules=tuple(cast("list[str]", entry["rules"])),
        level=str(entry["level"]),
        verdict=Verdict(entry["verdict"]),
        message=str(entry["message"]),
        milliseconds=cast("float", entry["milliseconds"]),
        notes=tuple(cast("list[str]", entry["notes"])),
        reason=str(entry["reason"]),
        link=str(entry["link"]),
        source=str(entry["source"]),
        fault=str(entry["fault"]),
        exchange=tuple(cast("list[JsonValue]", entry["exchange"])),
    )
