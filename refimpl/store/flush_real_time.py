"""The decisions of ASYNC_FLUSH: when to flush or commit, and how little is too little.

Requirements  STORE-FLUSH-6..8 in spec/store/flush.md
Java          store/CommitLog$FlushRealTimeService, $CommitRealTimeService,
              store/DefaultMessageStore$FlushConsumeQueueService

Three threads of Java share one rhythm: every interval they move what makes up enough whole pages,
and once in a thorough interval everything. Each is one value of `Rhythm`.
"""

from dataclasses import dataclass

from refimpl.model.ids import Millis


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When the last thorough round was; the first round of a life is thorough."""

    last_thorough: Millis = Millis(0)  # noqa: RUF009 - a NewType is the number


def least_pages(s: Rhythm, pages: int, thorough_interval: int, now: Millis) -> tuple[Rhythm, int]:
    """Pages that must be dirty for this round; 0 takes every byte (STORE-FLUSH-7)."""
    if now >= s.last_thorough + thorough_interval:
        return Rhythm(now), 0
    return s, pages


def age(s: Rhythm, thorough_interval: int, now: Millis) -> int:
    """Milliseconds since the last thorough round, at most the interval; for a tracer."""
    return min(now - s.last_thorough, thorough_interval)


def committed_some(_s: Rhythm, now: Millis) -> Rhythm:
    """Put the next thorough round off: a commit moved bytes just now (CommitRealTimeService)."""
    return Rhythm(now)
