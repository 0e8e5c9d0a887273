"""The loop: posted calls, other threads, deadlines, signals."""

import signal
import threading
from collections.abc import Iterator

import pytest

from refimpl.runtime.event_loop import EventLoop, wall_clock_ms

PATIENCE = 10.0


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    with EventLoop() as loop:
        yield loop


def test_posted_calls_in_order(loop: EventLoop) -> None:
    made: list[int] = []
    loop.post(lambda: made.append(1))
    loop.post(lambda: loop.post(lambda: made.append(3)))
    loop.post(lambda: made.append(2))
    assert loop.run(lambda: len(made) == 3, PATIENCE)
    assert made == [1, 2, 3]


def test_another_thread_wakes_it(loop: EventLoop) -> None:
    made: list[str] = []
    thread = threading.Thread(
        target=lambda: loop.post_from_thread(lambda: made.append(threading.current_thread().name))
    )
    thread.start()
    assert loop.run(lambda: bool(made), PATIENCE)
    thread.join()
    assert made == [threading.main_thread().name]


def test_patience_ends(loop: EventLoop) -> None:
    assert not loop.run(lambda: False, 0.001)
    assert loop.run(lambda: True, 0)


def test_a_defect_is_reported(loop: EventLoop, capsys: pytest.CaptureFixture[str]) -> None:
    made: list[int] = []

    def broken() -> None:
        raise AssertionError("as scripted")

    loop.post(broken)
    loop.post(lambda: made.append(1))
    assert loop.run(lambda: bool(made), PATIENCE)
    assert "as scripted" in capsys.readouterr().err


class Ticking:
    def __init__(self, at: int | None) -> None:
        self.at = at
        self.fired = 0

    def due(self) -> int | None:
        return self.at

    def fire(self) -> None:
        self.fired += 1
        self.at = None


def test_only_what_is_due_fires(loop: EventLoop) -> None:
    past, soon, far, never = (
        Ticking(wall_clock_ms() - 5),
        Ticking(wall_clock_ms() + 5),
        Ticking(wall_clock_ms() + 10**9),
        Ticking(None),
    )
    for ticking in (past, soon, far, never):
        loop.add_timed(ticking)
    assert loop.run(lambda: past.fired + soon.fired == 2, PATIENCE)
    assert (past.fired, soon.fired, far.fired, never.fired) == (1, 1, 0, 0)
    past.at = wall_clock_ms()
    loop.remove_timed(past)
    loop.remove_timed(past)
    loop.run(lambda: False, 0.001)
    assert past.fired == 1


def test_signals_ask_for_the_end() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    try:
        with EventLoop() as loop:
            loop.interrupt_on(signal.SIGUSR1)
            assert not loop.interrupted
            loop.post(lambda: signal.raise_signal(signal.SIGUSR1))
            assert loop.run(lambda: loop.interrupted, PATIENCE)
    finally:
        signal.signal(signal.SIGUSR1, before)
