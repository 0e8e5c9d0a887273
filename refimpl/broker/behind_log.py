"""A position that must not be durable before the log that it speaks of.

Requirements  BROKER-SCHEDULE-14, BROKER-TRANS-25

A delay level moves on when the copy of a message is in the log, the walk over half messages when a
half message was put back. The file of positions and the log become durable in any order. If the
position came first, a power failure would take the copy and leave the position: the message would
be lost although it was acknowledged and durable. So a position is written to its file only when
the log was flushed at least as far as it was written at the time of the move.
"""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class BehindLog(Generic[T]):
    """The last position that may be written down, and those that wait for the log."""

    __slots__ = ("_settled", "_waiting")

    def __init__(self, settled: T) -> None:
        self._settled = settled
        self._waiting: deque[tuple[int, T]] = deque()

    def moved(self, position: T, log_end: int) -> None:
        """The position moved while the log was written up to `log_end`."""
        waiting = self._waiting
        last = waiting[-1][1] if waiting else self._settled
        if position == last:
            return
        if waiting and waiting[-1][0] >= log_end:
            waiting[-1] = (waiting[-1][0], position)
        else:
            waiting.append((log_end, position))

    def settled(self, flushed_where: int) -> T:
        """The newest position whose log is durable; those before it are forgotten."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= flushed_where:
            self._settled = waiting.popleft()[1]
        return self._settled
