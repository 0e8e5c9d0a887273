"""Traces of a store keep the promise to clients; those that break it are told."""

import pytest

from refimpl.model.ids import PhysicalOffset
from refimpl.model.trace import Crash, Recovered, TraceEvent, WakeupCustomer
from refimpl.model.trace_file import Trace
from refimpl.tlc.trace_check import Judged
from tests.tlc.judging import check_accepted, check_refused, judged_by
from tests.tlc.test_trace_dispatch import HONEST

EVENTS = list(HONEST.events)
ANSWER = next(i for i, e in enumerate(EVENTS) if isinstance(e, WakeupCustomer))
CRASH = next(i for i, e in enumerate(EVENTS) if isinstance(e, Crash))
NEXT_LIFE = next(i for i, e in enumerate(EVENTS) if isinstance(e, Recovered) and i > CRASH)


def recovered(cut: int) -> Recovered:
    """The next life, with another end of what survived."""
    event = EVENTS[NEXT_LIFE]
    assert isinstance(event, Recovered)
    return event._replace(cut=PhysicalOffset(cut), reput=PhysicalOffset(0))


def killed() -> Crash:
    event = EVENTS[CRASH]
    assert isinstance(event, Crash)
    return event._replace(power=False)


def altered(name: str, events: list[TraceEvent]) -> Trace:
    return Trace(HONEST.header._replace(trace=name), tuple(events))


WRONG = {  # name: (trace, number of the event, words of the condition that refuses it)
    "answered twice": (
        altered("answered twice", [*EVENTS[: ANSWER + 1], EVENTS[ANSWER], *EVENTS[ANSWER + 1 :]]),
        ANSWER + 2,
        "the producer waits",
    ),
    "told OK, and lost": (
        altered("told OK, and lost", [*EVENTS[:NEXT_LIFE], recovered(0), *EVENTS[NEXT_LIFE + 1 :]]),
        CRASH + 1,
        "promised survives",
    ),
    "a kill takes what nobody was told": (
        altered(
            "a kill takes what nobody was told",
            [*EVENTS[:CRASH], killed(), *EVENTS[CRASH + 1 :]],
        ),
        CRASH + 1,
        "promised survives",
    ),
}


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for all."""
    return judged_by("StoreObservable", [HONEST, *(trace for trace, _, _ in WRONG.values())])


@pytest.mark.slow
def test_an_honest_trace_is_accepted(judged: dict[str, Judged]) -> None:
    """STORE-PROMISE-1, STORE-PROMISE-2, STORE-PROMISE-8."""
    check_accepted(judged, [HONEST])


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_broken_promise_is_told(name: str, judged: dict[str, Judged]) -> None:
    _, event, words = WRONG[name]
    assert check_refused(judged, name, words).event == event
