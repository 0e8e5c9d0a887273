"""Who notices a bug on purpose: a case on the reference, or a test in a process of its own."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from conformance.case import Case
from conformance.runner import Runner
from conformance.targets.choice import choose

_ROOT = Path(__file__).parents[2]
_TEST_SECONDS = 900  # on a machine that does much else
_PLUGIN = "fuzz.on_purpose.turned_on"
_PLAIN = ("-q", "--tb=no", "--no-header", "-p", "no:cacheprovider")
_RAN = (0, 1, 5)  # pytest: all passed, some failed, none was chosen


def broken_by(entry: Case, release: str) -> str:
    """What the case finds wrong with the reference as it is now; empty where it passes."""
    result = Runner(choose("reference", release), {}, lambda _: None).run([entry])
    broken = [c.case for c in result.cases if c.verdict.violates]
    if broken:
        return broken[0]
    return f"{entry.identifier}: {result.aborted}" if result.aborted else ""


class RunOfTests(NamedTuple):
    """The tests that ran, as pytest names them."""

    passed: tuple[str, ...]
    failed: tuple[str, ...]


def run_tests(tests: Sequence[str], *options: str) -> RunOfTests:
    """Run these tests in a process of their own, which takes `--slip` and `--fault`."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as told:
        outcomes = ("-p", _PLUGIN, "--outcomes", told.name)
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "pytest", *outcomes, *_PLAIN, *options, *tests],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=_TEST_SECONDS,
            check=False,
        )
        assert done.returncode in _RAN, done.stdout + done.stderr
        phases = [line.rstrip("\n").split(" ", 2) for line in told]
    return RunOfTests(
        tuple(test for when, outcome, test in phases if (when, outcome) == ("call", "passed")),
        tuple(dict.fromkeys(test for _, outcome, test in phases if outcome == "failed")),
    )
