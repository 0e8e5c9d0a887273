"""Who notices a slip: a case that cites its rule, else a test that does; each passes without it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from conformance.case import Case
from fuzz.on_purpose.noticing import broken_by, run_tests
from fuzz.slips.citing import citing_tests
from fuzz.slips.slip import Slip, slipped
from refimpl.model.release import RELEASES

_QUICK = ("-m", "not slow and not peer")


class Noticed(NamedTuple):
    """By whom; nobody where `by` is empty."""

    rule: str
    by: str


class Notices(NamedTuple):
    """Who noticed each slip; the tests that fail without any, and so can notice nothing."""

    found: list[Noticed]
    not_sober: list[str]


def by_cases(rule: str, slip: Slip, cases: Sequence[Case]) -> Noticed:
    """Judge the cases of the rule on the slipped reference, release by release."""
    with slipped(slip):
        pass  # one that does not fit would look as if somebody noticed it
    for release in RELEASES:
        for entry in cases:
            if rule in entry.rules and entry.applies_to(release):
                with slipped(slip):
                    said = broken_by(entry, release)
                if said and not broken_by(entry, release):
                    return Noticed(rule, f"case {said}")
    return Noticed(rule, "")


def by_tests(rule: str, tests: Sequence[str]) -> Noticed:
    """Run these tests in a process of their own, slipped."""
    ran = run_tests(tests, "-x", "-n", "0", *_QUICK, "--slip", rule) if tests else None
    return Noticed(rule, f"test {ran.failed[0]}" if ran and ran.failed else "")


def notices(chosen: Mapping[str, Slip], cases: Sequence[Case], workers: int) -> Notices:
    """Each rule in order: its cases in this process, then its tests in `workers` others."""
    found = {rule: by_cases(rule, slip, cases) for rule, slip in chosen.items()}
    left = [rule for rule, noticed in found.items() if not noticed.by]
    citing = citing_tests()
    every = sorted({test for rule in left for test in citing.get(rule, ())})
    sober = run_tests(every, "-n", str(workers), *_QUICK).failed if every else ()
    not_sober = {test.partition("[")[0] for test in sober}
    tests = [[t for t in citing.get(rule, ()) if t not in not_sober] for rule in left]
    with ThreadPoolExecutor(workers) as pool:
        found.update(zip(left, pool.map(by_tests, left, tests), strict=True))
    return Notices(list(found.values()), sorted(not_sober))
