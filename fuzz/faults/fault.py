"""What a fault is, and where faults are found.

A *fault* is a bug of a release of RocketMQ, named by its public issue, as a patch that turns it on
in the reference. It proves that some check notices it; the core itself is written without faults.
"""

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_NO_BANK = {"__init__", "fault", "notice", "repro"}
DEFAULT_RELEASE = "4.9"


@dataclass(frozen=True, slots=True)
class Fault:
    """One bug, and the checks that must notice it, each of them.

    `machines` are state machines of its own layer (names of `fuzz.stateful.registry`), `tests` are
    tests of its layer (as pytest names them), `cases` are patterns of conformance cases, judged on
    the patched reference as `release`. `hidden`: why no client could see it, where there is no
    case.
    """

    issue: str  # "#6903"; the name of its fix where it has no public number
    layer: str
    title: str
    patch: Callable[[], AbstractContextManager[object]]
    machines: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    hidden: str = ""
    release: str = DEFAULT_RELEASE
    seed: int = 1  # a round of the first machine that notices it, for tests that have little time


@dataclass(frozen=True, slots=True)
class Prevented:
    """A bug that the reference cannot have: by which type or value."""

    issue: str
    title: str
    by: str


PREVENTED: Mapping[str, Prevented] = {
    "B17": Prevented(
        "ROCKETMQ-145",
        "A request for a flush is added to a list that has just been drained, and is lost",
        "group_commit.GroupCommit is a frozen value: a request is added to the one state there is",
    ),
    "B35": Prevented(
        "#2449",
        "Two resets of offsets interleave, and a consumer commits in between",
        "a request is handled in one call; there is no second thread that could come between",
    ),
    "B62": Prevented(
        "#3106",
        "A queue of the route table is changed by who was given it",
        "MessageQueue is a NamedTuple",
    ),
    "B09": Prevented(
        "#7511",
        "A queue offset is assigned under one lock and counted under another",
        "an append is one call: nothing else runs between the two",
    ),
}


def faults() -> dict[str, Fault]:
    """Every fault by its identifier of the catalogue, sorted."""
    found: dict[str, Fault] = {}
    for path in sorted(_HERE.glob("*.py")):
        if path.stem in _NO_BANK:
            continue
        bank: Mapping[str, Fault] = importlib.import_module(f"fuzz.faults.{path.stem}").FAULTS
        for name, fault in bank.items():
            assert name not in found, f"two faults are called {name}"
            found[name] = fault
    return dict(sorted(found.items()))
