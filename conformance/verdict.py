"""Verdicts of cases, and the exceptions by which a case reaches them.

A case that returns has passed. `Failure` says that the target broke a rule; `Unsupported` that it
cannot be asked; any other exception is a defect of the harness and counts as `Verdict.ERROR`.
"""

from enum import Enum, IntEnum


class Verdict(Enum):
    """How one case ended on one target."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNSUPPORTED = "unsupported"  # a capability that the case needs is not declared
    EXPECTED_FAIL = "expected-fail"  # fails, and the expectations say why
    UNEXPECTED_PASS = "unexpected-pass"  # noqa: S105 - expected to fail, and passes
    ERROR = "error"  # the harness, not the target

    @property
    def violates(self) -> bool:
        """True where this verdict alone makes a run fail."""
        return self in _VIOLATIONS


_VIOLATIONS = frozenset({Verdict.FAIL, Verdict.UNEXPECTED_PASS, Verdict.ERROR})


class ExitCode(IntEnum):
    """What a run tells the shell."""

    PASS = 0
    VIOLATION = 1
    UNKNOWN = 2  # nothing was judged, or the run was interrupted
    HARNESS = 3


class Failure(Exception):
    """The target did something that the rules of the case forbid."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unsupported(Exception):
    """The target does not declare what the case needs."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class TargetUnavailable(Exception):
    """A target cannot start on this machine: a visible skip."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TargetDied(Exception):
    """A target that had started is gone, or does not come up; carries the tail of its output."""

    def __init__(self, reason: str, output: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.output = output
