"""Settled differences: `expectations/TARGET.yaml` says which cases fail there, and why.

An entry without `settled: true` was written by `--update-expectations` and excuses nothing: a
person has to find the reason in the target's source first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import jsonschema
import yaml

from refimpl.model.ids import JsonValue

FOLDER = Path(__file__).parent / "expectations"
_SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["case", "settled", "reason", "link", "source"],
        "properties": {
            "case": {"type": "string"},
            "settled": {"type": "boolean"},
            "reason": {"type": "string", "minLength": 1},
            "link": {"type": "string"},
            "source": {"type": "string"},
            "fault": {"type": "string"},
        },
    },
}


class BadExpectations(Exception):
    """An expectations file does not fit its schema."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Why one case fails on one target. `source` is `Class#symbol (tag)`."""

    case: str
    settled: bool
    reason: str
    link: str
    source: str
    fault: str | None = None

    def to_json(self) -> JsonValue:
        """As in the file."""
        members: dict[str, JsonValue] = {
            "case": self.case,
            "settled": self.settled,
            "reason": self.reason,
            "link": self.link,
            "source": self.source,
        }
        if self.fault is not None:
            members["fault"] = self.fault
        return members


def path_of(target: str, folder: Path = FOLDER) -> Path:
    """The file of a target; `command:` and `address:` targets are filed under their kind."""
    return folder / f"{target.partition(':')[0]}.yaml"


def load(target: str, folder: Path = FOLDER) -> dict[str, Expectation]:
    """Case identifier -> expectation; empty where there is no file. Raises `BadExpectations`."""
    path = path_of(target, folder)
    if not path.exists():
        return {}
    document = cast("JsonValue", yaml.safe_load(path.read_text("utf-8"))) or []
    for error in jsonschema.Draft202012Validator(_SCHEMA).iter_errors(document):
        raise BadExpectations(f"{path.name}: {list(error.absolute_path)}: {error.message}")
    found: dict[str, Expectation] = {}
    for entry in cast("list[dict[str, JsonValue]]", document):
        fault = entry.get("fault")
        expectation = Expectation(
            case=str(entry["case"]),
            settled=bool(entry["settled"]),
            reason=str(entry["reason"]),
            link=str(entry["link"]),
            source=str(entry["source"]),
            fault=None if fault is None else str(fault),
        )
        if expectation.settled and not (expectation.link and expectation.source):
            raise BadExpectations(f"{path.name}: {expectation.case}: settled without evidence")
        if expectation.case in found:
            raise BadExpectations(f"{path.name}: {expectation.case} stands twice")
        found[expectation.case] = expectation
    return found


def update(
    target: str,
    *,
    failed: Mapping[str, str],
    passed: Sequence[str],
    folder: Path = FOLDER,
) -> tuple[int, int]:
    """Add unsettled entries for `failed` (case -> message), remove `passed`; how many of each."""
    entries = load(target, folder)
    gone = [case for case in passed if entries.pop(case, None) is not None]
    new = [case for case in failed if case not in entries]
    for case in new:
        entries[case] = Expectation(case, settled=False, reason=failed[case], link="", source="")
    path = path_of(target, folder)
    if entries:
        data = [entries[case].to_json() for case in sorted(entries)]
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
        path.write_text(f"# Settled differences of {target}; see conformance/README.md.\n{text}")
    elif path.exists():
        path.unlink()
    return len(new), len(gone)
