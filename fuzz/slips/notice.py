"""Who notices a slip: the cases that cite its rule, else the tests that cite it."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time  # noqa: TID251 - a price is no input of a check
from typing import NamedTuple

from conformance.case import Case
from conformance.requirements import ROOT, citations
from conformance.runner import Runner
from conformance.targets.choice import choose
from fuzz.slips.slip import Slip, slipped
from refimpl.model.release import RELEASES

_TESTS_SECONDS = 300
_FAILED = 1  # pytest: it ran, and some failed


class Noticed(NamedTuple):
    """By whom; nobody where `by` is empty."""

    rule: str
    by: str
    seconds: float  # of this processor, for cases


def by_cases(rule: str, slip: Slip, cases: Sequence[Case]) -> Noticed:
    """Judge the cases of the rule on the slipped reference, release by release."""
    begun = process_time()
    for release in RELEASES:
        chosen = [c for c in cases if rule in c.rules and c.applies_to(release)]
        for entry in chosen:
            with slipped(slip):
                result = Runner(choose("reference", release), {}, lambda _: None).run([entry])
            broken = [c.case for c in result.cases if c.verdict.violates]
            if broken or result.aborted:
                by = f"case {(broken or [entry.identifier])[0]}"
                return Noticed(rule, by, process_time() - begun)
    return Noticed(rule, "", process_time() - begun)


def files_of(rule: str) -> list[str]:
    """The files of tests that cite the rule."""
    harness = ROOT / "tests" / "conformance"
    paths = [p for p in sorted((ROOT / "tests").rglob("test_*.py")) if harness not in p.parents]
    return citations(paths).get(rule, [])


def by_tests(rule: str, slip: Slip) -> Noticed:
    """Run the files of tests that cite the rule in a process of their own, slipped."""
    with slipped(slip):
        pass  # a slip that does not fit would look like one that is noticed
    for path in files_of(rule):
        status = _pytest(rule, path)
        if status == _FAILED:
            return Noticed(rule, f"test {path}", 0.0)
    return Noticed(rule, "", 0.0)


def _pytest(rule: str, path: str) -> int:
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider",
        "-p", "fuzz.slips.plugin", "--slip", rule, "-m", "not slow and not peer", path,
    ]  # fmt: skip
    run = subprocess.run(  # noqa: S603 - our own tests
        command, cwd=Path(ROOT), capture_output=True, text=True, check=False, timeout=_TESTS_SECONDS
    )
    return run.returncode
