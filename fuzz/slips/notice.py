"""Who notices a slip: the cases that cite its rule, else the tests that cite it."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    with slipped(slip):
        pass  # one that does not fit would look as if somebody noticed it
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
    """The files of tests that cite the rule, those of the store first: they are quick."""
    harness = ROOT / "tests" / "conformance"
    paths = [p for p in sorted((ROOT / "tests").rglob("test_*.py")) if harness not in p.parents]
    return sorted(citations(paths).get(rule, ()), key=lambda path: "/store/" not in path)


def by_tests(rule: str) -> Noticed:
    """Run the files of tests that cite the rule in a process of their own, slipped."""
    for path in files_of(rule):
        status = _pytest(rule, path)
        if status == _FAILED:
            return Noticed(rule, f"test {path}", 0.0)
    return Noticed(rule, "", 0.0)


def notices(chosen: Mapping[str, Slip], cases: Sequence[Case], workers: int) -> list[Noticed]:
    """Each rule in order: its cases in this process, then its tests in `workers` others."""
    found = {rule: by_cases(rule, slip, cases) for rule, slip in chosen.items()}
    left = [rule for rule, noticed in found.items() if not noticed.by]
    with ThreadPoolExecutor(workers) as pool:
        found.update(zip(left, pool.map(by_tests, left), strict=True))
    return list(found.values())


def _pytest(rule: str, path: str) -> int:
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider",
        "-p", "fuzz.slips.plugin", "--slip", rule, "-m", "not slow and not peer", path,
    ]  # fmt: skip
    run = subprocess.run(  # noqa: S603 - our own tests
        command, cwd=Path(ROOT), capture_output=True, text=True, check=False, timeout=_TESTS_SECONDS
    )
    return run.returncode
