"""Every target that is wrong on purpose is caught, and by the right law."""

from collections.abc import Callable

import pytest

from conformance.targets.choice import UnknownTarget, choose
from conformance.targets.misbehaving import MISBEHAVIOURS, MisbehavingTarget
from conformance.verdict import Verdict
from conformance.wire import Wire
from tests.conformance.fake_target import FakeTarget
from tests.conformance.scenarios import (
    judge_one,
    oneway_is_silent,
    refusal_changes_nothing,
    send_and_count,
)

CATCHES: dict[str, tuple[Callable[[Wire], None], str]] = {
    "drops": (send_and_count, "no answer within"),
    "answers-twice": (send_and_count, "answered a second time"),
    "wrong-opaque": (send_and_count, "which was never asked"),
    "offset-backwards": (send_and_count, "offset of the second: 0, expected 1"),
    "answers-oneway": (oneway_is_silent, "a one-way request was answered"),
    "garbles": (send_and_count, "malformed frame"),
    "accepts-refused": (refusal_changes_nothing, "code 0 SUCCESS"),
    "forgets-remark": (refusal_changes_nothing, "remark None"),
}


def test_every_misbehaviour_has_its_test() -> None:
    assert set(CATCHES) == set(MISBEHAVIOURS)


@pytest.mark.parametrize("how", CATCHES)
def test_what_is_wrong_is_caught(how: str) -> None:
    scenario, law = CATCHES[how]
    result = judge_one(MisbehavingTarget(FakeTarget(), how), scenario)
    assert result.verdict is Verdict.FAIL
    assert law in result.message
    assert result.exchange, "a failure must show what went over the wire"


@pytest.mark.parametrize("scenario", [send_and_count, oneway_is_silent, refusal_changes_nothing])
def test_what_is_right_passes(scenario: Callable[[Wire], None]) -> None:
    result = judge_one(FakeTarget(), scenario)
    assert (result.verdict, result.message) == (Verdict.PASS, "")


def test_a_second_answer_at_the_very_end_is_caught() -> None:
    def last_request_is_the_send(w: Wire) -> None:
        w.send(w.create_topic(queues=1))

    result = judge_one(MisbehavingTarget(FakeTarget(), "answers-twice"), last_request_is_the_send)
    assert result.verdict is Verdict.FAIL
    assert "second time" in result.message


def test_a_refusal_that_stores_is_caught() -> None:
    result = judge_one(FakeTarget(leaks_on_refusal=True), refusal_changes_nothing)
    assert result.verdict is Verdict.FAIL
    assert "a refusal changed state: queue offset" in result.message


def test_the_command_line_knows_them() -> None:
    with pytest.raises(UnknownTarget, match="drops"):
        choose("misbehaving:nonsense:reference")
