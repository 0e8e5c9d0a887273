"""What an inspection says: one finding for each kind of thing that is wrong with one file.

Cascades are folded: the same kind at the same path is one finding with a count and the first place.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from refimpl.model.errors import RefimplError
from refimpl.model.ids import JsonValue


class Gravity(Enum):
    """How bad it is. Only a violation makes `verify` fail."""

    VIOLATION = "violation"  # no orderly end and no crash leaves this
    CRASH = "crash"  # what a crash may leave; the next recovery repairs it
    NOTE = "note"  # worth knowing; nothing is wrong


class NotAStore(RefimplError):
    """The directory is no store or cannot be read. `reason` is one clear sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Finding(NamedTuple):
    """One kind of defect: the rule that is broken, where it was first seen, how often."""

    gravity: Gravity
    rule: str
    path: str
    place: int | None  # offset within the log, number of a unit or of an entry; by kind
    kind: str  # the same for the same defect
    detail: str  # of the first place
    times: int = 1

    def text(self) -> str:
        """One line for people."""
        place = "" if self.place is None else f" at {self.place}"
        more = "" if self.times == 1 else f" ({self.times} times; the first:)"
        detail = f" {self.detail}" if self.detail else ""
        return f"{self.kind}{place}{more}{detail}"

    def as_json(self) -> dict[str, JsonValue]:
        """The same for programs."""
        return {
            "gravity": self.gravity.value,
            "rule": self.rule,
            "path": self.path,
            "place": self.place,
            "kind": self.kind,
            "detail": self.detail,
            "times": self.times,
        }


class Report(Protocol):
    """`Findings.violated` or `Findings.interrupted`."""

    def __call__(
        self, rule: str, path: str, kind: str, *, place: int | None = None, detail: str = ""
    ) -> None:
        """Note one finding."""


@dataclass(slots=True, eq=False)
class Findings:
    """Collects, folds, and keeps the order of the first sight."""

    unclean: bool = False  # the store was not closed: a crash may have left what is wrong
    _found: dict[tuple[str, str, Gravity], Finding] = field(default_factory=dict)

    def add(
        self,
        gravity: Gravity,
        rule: str,
        path: str,
        kind: str,
        *,
        place: int | None = None,
        detail: str = "",
        count: int = 1,
    ) -> None:
        """Note a finding."""
        key = (kind, path, gravity)
        known = self._found.get(key)
        if known is None:
            self._found[key] = Finding(gravity, rule, path, place, kind, detail, count)
        else:
            self._found[key] = known._replace(times=known.times + count)

    def violated(
        self, rule: str, path: str, kind: str, *, place: int | None = None, detail: str = ""
    ) -> None:
        """Note what neither an orderly end nor a crash leaves."""
        self.add(Gravity.VIOLATION, rule, path, kind, place=place, detail=detail)

    def interrupted(
        self,
        rule: str,
        path: str,
        kind: str,
        *,
        place: int | None = None,
        detail: str = "",
        count: int = 1,
    ) -> None:
        """Note what a crash may leave, and a violation where the store was closed."""
        gravity = Gravity.CRASH if self.unclean else Gravity.VIOLATION
        self.add(gravity, rule, path, kind, place=place, detail=detail, count=count)

    def note(
        self, rule: str, path: str, kind: str, *, place: int | None = None, detail: str = ""
    ) -> None:
        """Note what is merely worth knowing."""
        self.add(Gravity.NOTE, rule, path, kind, place=place, detail=detail)

    def __iter__(self) -> Iterator[Finding]:
        order = list(Gravity)
        return iter(sorted(self._found.values(), key=lambda found: order.index(found.gravity)))

    @property
    def is_violated(self) -> bool:
        """True where some rule is broken."""
        return any(found.gravity is Gravity.VIOLATION for found in self)
