"""Who notices a bug on purpose: a case on the reference, or a test in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from conformance.case import Case
from conformance.runner import Runner
from conformance.targets.choice import choose

_ROOT = Path(__file__).parents[2]
_TEST_SECONDS = 900  # on a machine that does much else
_PLUGIN = "fuzz.on_purpose.turned_on"
_PLAIN = ("-rA", "-q", "--tb=no", "--no-header", "-p", "no:cacheprovider")
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
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "pytest", "-p", _PLUGIN, *_PLAIN, *options, *tests],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_TEST_SECONDS,
        check=False,
    )
    assert done.returncode in _RAN, done.stdout + done.stderr
    results = [line.split()[:2] for line in done.stdout.splitlines() if " " in line]
    return RunOfTests(
        tuple(test for word, test in results if word == "PASSED"),
        tuple(test for word, test in results if word in {"FAILED", "ERROR"}),
    )
