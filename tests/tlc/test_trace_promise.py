"""Traces of a store keep the promise to clients; those that break it are told."""

import pytest

from refimpl.model.ids import PhysicalOffset
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import Crash, Recovered, TraceEvent, WakeupCustomer
from refimpl.model.trace_file import Trace
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.tlc import mutation
from refimpl.tlc.trace_check import Judged
from tests.tlc.judging import check_accepted, check_refused, check_windows, judged_by
from tests.tlc.test_trace_dispatch import HONEST, SYNC

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


def long_life(messages: int) -> Trace:
    """Messages one after the other, all answered and shown; then a look that is refused."""
    log = TraceLog.of(f"{messages} messages", StoreLab(RELEASE_4_9, SYNC).config, RELEASE_4_9)
    lab = StoreLab(RELEASE_4_9, SYNC, trace=log)
    for _ in range(messages):
        lab.put()
        lab.settle()
    log.events.append(mutation.NEVER)
    return log.trace()


LONG = [long_life(messages) for messages in (10, 100)]
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
    wrong = (trace for trace, _, _ in WRONG.values())
    return judged_by("StoreObservable", [HONEST, *LONG, *wrong])


@pytest.mark.slow
def test_an_honest_trace_is_accepted(judged: dict[str, Judged]) -> None:
    """STORE-PROMISE-1, STORE-PROMISE-2, STORE-PROMISE-8."""
    check_accepted(judged, [HONEST])


@pytest.mark.slow
def test_a_longer_life_needs_no_more_room(judged: dict[str, Judged]) -> None:
    """What was answered and shown is forgotten."""
    check_windows(judged, LONG, ("log", "spans", "asks", "shown"))


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_broken_promise_is_told(name: str, judged: dict[str, Judged]) -> None:
    _, event, words = WRONG[name]
    assert check_refused(judged, name, words).event == event
