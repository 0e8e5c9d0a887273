"""One thread that waits for sockets, for due nodes, and for calls from other threads and signals.

Smaller than asyncio on purpose: its import is a fifth of the time to the first message, and its
transports, handles and contexts a fifth of the time of a message.
"""

import contextlib
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE


def wall_clock_ms() -> int:
    """Milliseconds since the epoch, as Java's `currentTimeMillis`."""
    return time.time_ns() // 1_000_000


class Timed(Protocol):
    """Something that wants to be called when its time has come."""

    def due(self) -> int | None:
        """Wall-clock milliseconds of the next call; None for never, the past for at once."""

    def fire(self) -> None:
        """The time has come."""


class EventLoop:
    """Everything that happens in a process happens in `run`, one call after the other."""

    def __init__(self) -> None:
        self.interrupted = False  # a signal asks for the end
        self._takes_signals = False
        self._selector = selectors.DefaultSelector()
        self._posted: deque[Callable[[], None]] = deque()
        self._timed: list[Timed] = []
        self._waker, self._wakened = socket.socketpair()
        self._waker.setblocking(False)
        self._wakened.setblocking(False)
        self.watch(self._wakened, READ, self._drain_waker)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def watch(self, watched: socket.socket, events: int, callback: Callable[[int], None]) -> None:
        """Call `callback(ready events)` whenever `watched` is ready for one of `events`."""
        self._selector.register(watched, events, callback)

    def rewatch(self, watched: socket.socket, events: int, callback: Callable[[int], None]) -> None:
        """Watch for other events from now on."""
        self._selector.modify(watched, events, callback)

    def unwatch(self, watched: socket.socket) -> None:
        """Never call for `watched` again; before it is closed."""
        self._selector.unregister(watched)

    def add_timed(self, timed: Timed) -> None:
        """Ask `timed` after every turn when it is due."""
        self._timed.append(timed)

    def remove_timed(self, timed: Timed) -> None:
        """Forget `timed`; harmless where it is not known."""
        with contextlib.suppress(ValueError):
            self._timed.remove(timed)

    def post(self, call: Callable[[], None]) -> None:
        """Make `call` in the next turn; from the thread of the loop."""
        self._posted.append(call)

    def post_from_thread(self, call: Callable[[], None]) -> None:
        """Make `call` in the next turn; from any thread."""
        self._posted.append(call)  # atomic
        with contextlib.suppress(OSError):  # full: it wakes anyway; closed: nobody listens
            self._waker.send(b"\0")

    def interrupt_on(self, *numbers: signal.Signals) -> None:
        """Set `interrupted` when one of these signals comes; from the main thread."""
        self._takes_signals = True
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda _number, _frame: self._interrupt())

    def run(self, satisfied: Callable[[], bool], patience_seconds: float | None = None) -> bool:
        """Turn until `satisfied` is true, at most so long; tells whether it is."""
        deadline = None if patience_seconds is None else time.monotonic() + patience_seconds
        select = self._selector.select
        while not satisfied():
            timeout = self._until_due()
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                timeout = left if timeout is None else min(timeout, left)
            for key, events in select(timeout):
                try:
                    key.data(events)
                except Exception:  # noqa: BLE001 - a defect met by one peer must not end the others
                    _report()
            for _ in range(len(self._posted)):
                try:
                    self._posted.popleft()()
                except Exception:  # noqa: BLE001 - as above
                    _report()
            self._fire_due()
        return True

    def close(self) -> None:
        """Close what the loop itself holds."""
        if self._takes_signals:
            signal.set_wakeup_fd(-1)
        self._selector.close()
        self._waker.close()
        self._wakened.close()

    def _until_due(self) -> float | None:
        """Seconds to wait; 0 where something is due or posted, None where nothing ever is."""
        if self._posted:
            return 0
        first = min((at for t in self._timed if (at := t.due()) is not None), default=None)
        return None if first is None else max(0.0, first / 1000 - time.time())

    def _fire_due(self) -> None:
        now = wall_clock_ms()
        for timed in list(self._timed):
            at = timed.due()
            if at is not None and at <= now:
                try:
                    timed.fire()
                except Exception:  # noqa: BLE001 - as above
                    _report()

    def _interrupt(self) -> None:
        self.interrupted = True

    def _drain_waker(self, _events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wakened.recv(4096):
                pass


def _report() -> None:
    """Tell of a defect on standard error, and go on."""
    import traceback  # noqa: PLC0415 - never needed, one hopes

    traceback.print_exc()
