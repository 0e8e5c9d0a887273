"""Cases for the harness's own tests, outside of the registry."""

from collections.abc import Callable

from conformance.case import ALL_RELEASES, Case, Level
from conformance.expectations import Expectation
from conformance.results import CaseResult, TargetResult
from conformance.runner import Runner
from conformance.target import Capability, Target
from conformance.wire import Wire
from refimpl.remoting.request_code import RequestCode


def make(
    function: Callable[[Wire], None],
    *,
    identifier: str = "BROKER-TRIAL-1/trial",
    needs: frozenset[Capability] = frozenset(),
    options: dict[str, str] | None = None,
    fresh: bool = False,
    releases: tuple[str, ...] = ALL_RELEASES,
    limit_ms: int = 5000,
) -> Case:
    return Case(
        identifier=identifier,
        title="A trial",
        rules=("BROKER-TRIAL-1",),
        level=Level.MUST,
        releases=releases,
        needs=needs,
        options=options or {},
        fresh=fresh,
        limit_ms=limit_ms,
        function=function,
        origin="test",
        area="trial",
    )


def judge(target: Target, *cases: Case, expected: Expectation | None = None) -> TargetResult:
    table = {expected.case: expected} if expected else {}
    return Runner(target, table, lambda _: None).run(cases)


def judge_one(
    target: Target, function: Callable[[Wire], None], expected: Expectation | None = None
) -> CaseResult:
    (result,) = judge(target, make(function), expected=expected).cases
    return result


def send_and_count(w: Wire) -> None:
    topic = w.create_topic(queues=1)
    w.equal(w.send(topic).queue_offset, 0, "offset of the first")
    w.equal(w.send(topic).queue_offset, 1, "offset of the second")
    w.equal(w.max_offset(topic), 2, "max offset")


def oneway_is_silent(w: Wire) -> None:
    topic = w.create_topic(queues=1)
    opaque = w.broker.oneway(RequestCode.SEND_MESSAGE, ext=w.send_ext(topic))
    w.broker.expect_silence(opaque)
    w.equal(w.max_offset(topic), 1, "max offset")


def refusal_changes_nothing(w: Wire) -> None:
    topic = w.create_topic(queues=1)
    with w.unchanged(topic):
        w.expect(w.try_send(topic, queue_id=1), code=1, remark="queueId[1] is illegal")
