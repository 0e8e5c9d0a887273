"""Verdicts, sharing of brokers, limits, expectations."""

from collections.abc import Callable, Mapping

import pytest

from conformance.case import load_cases
from conformance.channel import Channel
from conformance.expectations import Expectation
from conformance.results import RunResult, TargetResult
from conformance.runner import in_order, settle, stale
from conformance.settings import BrokerSettings
from conformance.target import Capability, Port, Target
from conformance.targets import address
from conformance.verdict import ExitCode, Failure, TargetDied, TargetUnavailable, Verdict
from conformance.wire import Wire
from refimpl.model.ids import Address
from refimpl.model.override import override
from tests.conformance.fake_target import FakeTarget
from tests.conformance.scenarios import judge, judge_one, make, send_and_count

SETTLED = Expectation(
    "BROKER-TRIAL-1/trial",
    settled=True,
    reason="why",
    link="https://example.invalid",
    source="A#b (4.9.7)",
)
UNSETTLED = Expectation("BROKER-TRIAL-1/trial", settled=False, reason="why", link="", source="")


def passes(w: Wire) -> None:
    w.broker.probe()


def fails(w: Wire) -> None:
    w.fail("wrong")


def breaks(_: Wire) -> None:
    raise ZeroDivisionError


def asks_for_the_store(w: Wire) -> None:
    w.stop_broker()


@pytest.mark.parametrize(
    ("function", "expectation", "verdict", "code"),
    [
        (passes, None, Verdict.PASS, ExitCode.PASS),
        (fails, None, Verdict.FAIL, ExitCode.VIOLATION),
        (fails, SETTLED, Verdict.EXPECTED_FAIL, ExitCode.PASS),
        (passes, SETTLED, Verdict.UNEXPECTED_PASS, ExitCode.VIOLATION),
        (fails, UNSETTLED, Verdict.FAIL, ExitCode.VIOLATION),
        (passes, UNSETTLED, Verdict.PASS, ExitCode.PASS),
        (breaks, None, Verdict.ERROR, ExitCode.HARNESS),
        (breaks, SETTLED, Verdict.ERROR, ExitCode.HARNESS),
        (asks_for_the_store, None, Verdict.UNSUPPORTED, ExitCode.PASS),
    ],
)
def test_verdicts_and_exit_codes(
    function: Callable[[Wire], None],
    expectation: Expectation | None,
    verdict: Verdict,
    code: ExitCode,
) -> None:
    result = judge(FakeTarget(), make(function), expected=expectation)
    assert [r.verdict for r in result.cases] == [verdict]
    assert RunResult((result,)).exit_code() is code


def test_nothing_judged_is_undecided() -> None:
    skipped = TargetResult(target="t", release="4.9", skipped="no java on the PATH")
    assert RunResult((skipped,)).exit_code() is ExitCode.UNKNOWN


def test_a_missing_capability_is_unsupported_without_running() -> None:
    (result,) = judge(FakeTarget(), make(breaks, needs=frozenset({Capability.KILL}))).cases
    assert result.verdict is Verdict.UNSUPPORTED
    assert "kill" in result.message


def test_brokers_are_shared_by_equal_options_and_fresh_ones_are_not() -> None:
    target = FakeTarget()
    cases = [
        make(passes, identifier="BROKER-TRIAL-1/d", fresh=True),
        make(passes, identifier="BROKER-TRIAL-1/c", options={"a": "1"}),
        make(passes, identifier="BROKER-TRIAL-1/b"),
        make(passes, identifier="BROKER-TRIAL-10/a"),
        make(passes, identifier="BROKER-TRIAL-2/a", options={"a": "1"}),
    ]
    order = [c.identifier.removeprefix("BROKER-TRIAL-") for c in in_order(cases)]
    assert order == ["1/b", "10/a", "1/c", "2/a", "1/d"]
    judge(target, *cases)
    assert target.starts == [{}, {"a": "1"}, {}]
    assert target.stopped == 1


def test_a_case_that_may_have_failed_without_a_broker_leaves_none_behind() -> None:
    for needs, starts in (({Capability.RESTART}, 2), (set[Capability](), 1)):
        target = FakeTarget()
        first = make(fails, identifier="BROKER-TRIAL-1/a", needs=frozenset(needs))
        judge(target, first, make(passes, identifier="BROKER-TRIAL-1/b"))
        assert len(target.starts) == starts


def test_a_target_that_starts_quickly_is_started_anew_before_its_tables_grow() -> None:
    target = FakeTarget(cases_per_start=2)
    judge(target, *(make(passes, identifier=f"BROKER-TRIAL-{n}/x") for n in range(5)))
    assert target.starts == [{}, {}, {}]


def test_results_do_not_depend_on_the_order_of_declaration() -> None:
    cases = [make(send_and_count, identifier=f"BROKER-TRIAL-{n}/x") for n in range(12)]
    forward = judge(FakeTarget(), *cases)
    backward = judge(FakeTarget(), *reversed(cases))
    assert [r.case for r in forward.cases] == [r.case for r in backward.cases]
    assert forward.cases[2].case == "BROKER-TRIAL-2/x"


def test_other_releases_are_left_out() -> None:
    assert not judge(FakeTarget(), make(fails, releases=("5.5",))).cases


def test_a_case_that_never_ends_is_ended() -> None:
    def endless(_: Wire) -> None:
        while True:
            pass

    (result,) = judge(FakeTarget(), make(endless, limit_ms=50)).cases
    assert result.verdict is Verdict.FAIL
    assert "not finished within 50 ms" in result.message


class Dying(FakeTarget):
    """Comes up, and dies with every case."""

    @override
    def open(self, port: Port) -> Channel:
        raise TargetDied("gone", "last words")


def test_a_target_that_keeps_dying_aborts_the_run() -> None:
    cases = [make(passes, identifier=f"BROKER-TRIAL-{n}/x") for n in range(9)]
    result = judge(Dying(), *cases)
    assert "last words" in result.aborted
    assert [r.verdict for r in result.cases] == [Verdict.FAIL] * 3
    assert RunResult((result,)).exit_code() is ExitCode.VIOLATION


class Absent(FakeTarget):
    """Cannot start here."""

    @override
    def start(self, options: Mapping[str, str]) -> None:
        raise TargetUnavailable("no java on the PATH")


def test_a_target_that_cannot_start_is_a_visible_skip() -> None:
    result = judge(Absent(), make(passes))
    assert (result.skipped, result.cases) == ("no java on the PATH", ())


def test_nobody_at_the_address_is_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_PATIENCE_SECONDS", 0.0)
    target: Target = address.AddressTarget("address:x", "4.9", None, Address("127.0.0.1", 1))
    result = judge(target, make(passes))
    assert "nobody listens" in result.skipped


def test_expectations_of_cases_that_are_gone_are_stale() -> None:
    assert stale({"BROKER-TRIAL-1/gone": SETTLED}, [make(passes)]) == ["BROKER-TRIAL-1/gone"]
    assert not stale({"BROKER-TRIAL-1/trial": SETTLED}, [make(passes)])


def test_the_reason_reaches_the_result() -> None:
    result = judge_one(FakeTarget(), fails, SETTLED)
    assert (result.reason, result.source) == ("why", "A#b (4.9.7)")
    assert settle(result, None) is result


def test_eventually_polls_with_a_bound_and_tells_the_last_failure() -> None:
    tries = []

    def third_time(w: Wire) -> None:
        def attempt() -> bool:
            tries.append(w.now())
            w.check(len(tries) % 3 == 0, f"try {len(tries)}")
            return True

        w.eventually(attempt, what="a third try")

    assert judge_one(FakeTarget(), third_time).verdict is Verdict.PASS
    assert len(tries) == 3

    def never(w: Wire) -> None:
        def attempt() -> bool:
            w.fail("still not")
            return True

        w.eventually(attempt, what="the impossible", within_ms=100)

    result = judge_one(FakeTarget(), never)
    assert result.message == "the impossible: not within 100 ms: still not"


def test_every_case_with_options_says_so() -> None:
    wanting = [entry for entry in load_cases() if entry.options]
    assert wanting
    assert [e.identifier for e in wanting if Capability.OPTIONS not in e.needs] == []


def test_a_setting_that_is_not_told_is_the_failure_of_the_broker() -> None:
    with pytest.raises(Failure, match="does not tell regionId"):
        BrokerSettings({"a": "b"})["regionId"]
