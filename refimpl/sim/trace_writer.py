"""Collects what one store does through all its lives, and writes it as a trace (spec/trace.md).

log = TraceLog.of("name", config, release)
store = MessageStore(disk, config, release, HOST, tracer=log)
...
log.crash(power=True, image="names but no bytes")
path.write_text(log.text())
"""

from sys import maxsize

from refimpl.model.config import Config
from refimpl.model.ids import PhysicalOffset
from refimpl.model.message_codec import BLANK_HEADER_SIZE
from refimpl.model.release import RELEASES, Release
from refimpl.model.trace import (
    Append,
    Crash,
    Flushed,
    Observed,
    PutRefused,
    Recovered,
    RemoveFirst,
    Shutdown,
    TraceEvent,
)
from refimpl.model.trace_file import Trace, TraceHeader, lines
from refimpl.sim.image_look import LogOf, survived, torn, unheard
from refimpl.sim.stopping_disk import LabDisk
from refimpl.store.mapped_file import OS_PAGE_SIZE
from refimpl.store.mapped_file_queue import MappedFileQueue

UNKNOWN_END = PhysicalOffset(-1)


class TraceLog:
    """A tracer that remembers; one for all lives of a store."""

    __slots__ = ("_events_max", "_looks", "_over", "_seen", "events", "header")

    def __init__(self, header: TraceHeader, events_max: int = maxsize) -> None:
        self.header = header
        self._events_max = events_max
        self.events: list[TraceEvent] = []
        self._looks = 0  # at this life
        self._seen = 0  # events at the last look
        self._over = False

    @classmethod
    def of(
        cls,
        name: str,
        config: Config,
        release: Release,
        repeat: str = "",
        events_max: int = maxsize,
    ) -> "TraceLog":
        """Begin the trace of a store with this configuration.

        It ends with the look at which it has `events_max` events, or more.
        """
        pool = config.integer("transientStorePoolSize")
        return cls(
            TraceHeader(
                trace=name,
                release=release.name,
                sync_flush=config.text("flushDiskType") == "SYNC_FLUSH",
                file_size=config.integer("mappedFileSizeCommitLog"),
                min_blank=BLANK_HEADER_SIZE,
                page_size=OS_PAGE_SIZE,
                pool=pool if config.boolean("transientStorePoolEnable") else 0,
                flush_least_pages=config.integer("flushCommitLogLeastPages"),
                commit_least_pages=config.integer("commitCommitLogLeastPages"),
                flush_interval=config.integer("flushCommitLogThoroughInterval"),
                commit_interval=config.integer("commitCommitLogThoroughInterval"),
                transaction_check_max=config.integer("transactionCheckMax"),
                flush_attempts_max=release.flush_attempts_max,
                sees_last_flush=release.sees_last_flush,
                repeat=repeat,
            ),
            events_max,
        )

    def __call__(self, event: TraceEvent, /) -> None:
        """Hear of an action."""
        if isinstance(event, Recovered):
            self._looks = 0
        self._append(event)

    def _append(self, event: TraceEvent) -> None:
        if not self._over:
            self.events.append(event)

    def end(self) -> None:
        """Hear nothing any more: the beginning of a behaviour is one."""
        self._over = True

    def unseen(self) -> list[TraceEvent]:
        """Return what was told since the last look."""
        return self.events[self._seen :]

    def observe(
        self, queue: MappedFileQueue, reput: int, under_way: tuple[int, int, int, int]
    ) -> None:
        """Note how an open store stands, where it did something since the last look.

        `queue`: the files of its log. `under_way`: as `FlushManager.under_way` tells.
        """
        if not self.events or isinstance(self.events[-1], (Observed, Crash, Shutdown)):
            return
        forcing, *producers = under_way
        where = queue.max_wrote_position, queue.committed_where, queue.flushed_where, forcing
        self._looks += 1
        positions = (PhysicalOffset(offset) for offset in (*where, reput))
        self._append(Observed(self._looks, *positions, *producers))
        self._seen = len(self.events)
        if self._seen >= self._events_max:
            self.end()

    def crash(self, *, power: bool, image: str) -> None:
        """Note that the process was killed, or that the power failed and what was left."""
        self._append(Crash(power, image, UNKNOWN_END, self._looks))
        self._looks, self._seen = 0, len(self.events)

    def image(self, before: LabDisk, after: LabDisk) -> None:
        """Note what the power left of the page cache `before`: the next start finds `after`."""
        if not self.events or self._over:
            return
        at = len(self.events) - 1
        crash = self.events[at]
        if not isinstance(crash, Crash) or not crash.power:
            return
        size, release = self.header.file_size, RELEASES[self.header.release]
        there, found = LogOf(before, size, release), LogOf(after, size, release)
        flushed = self._flushed()
        start = flushed - flushed % size
        intact, behind = survived(there, found, start)
        self.events[at] = crash._replace(intact=intact, behind=behind)
        while at and isinstance(self.events[at - 1], Crash):
            at -= 1
        written = self._written(at)
        if written is not None:
            self.events[at:at] = unheard(there, written)
        if torn(there, found, start, intact):
            self.end()  # no model knows what half a record says

    def _flushed(self) -> int:
        """Tell how far the log was forced, as far as was heard."""
        taken = 0  # by retention
        for event in reversed(self.events):
            if isinstance(event, Flushed):
                return max(taken, event.where)
            if isinstance(event, Recovered):
                return max(taken, event.flushed)
            if isinstance(event, RemoveFirst):
                taken = max(taken, event.min_offset)
        return taken

    def _written(self, at: int) -> int | None:
        """Tell how far the open store had written before event `at`; None where none was open."""
        for event in reversed(self.events[:at]):
            if isinstance(event, Append):
                return event.offset + event.size
            if isinstance(event, PutRefused):
                return event.where
            if isinstance(event, Recovered):
                return event.max_offset
            if isinstance(event, (Crash, Shutdown)):
                break
        return None

    def shutdown(self, *, clean: bool) -> None:
        """Note the orderly end."""
        self._append(Shutdown(clean, self._looks))
        self._looks, self._seen = 0, len(self.events)

    def branch(self, name: str) -> "TraceLog":
        """Return a trace with the same past: another image of the same crash."""
        other = TraceLog(self.header._replace(trace=name), self._events_max)
        other.events, other._looks = list(self.events), self._looks
        other._over, other._seen = self._over, self._seen
        return other

    def trace(self) -> Trace:
        """Return what was heard; each crash knows where the next life found the end."""
        events: list[TraceEvent] = []
        survived = UNKNOWN_END
        followed = False  # by another crash before any recovery was done
        for event in reversed(self.events):
            if isinstance(event, Recovered):
                survived = self._survived(event)
                followed = False
            elif isinstance(event, Crash):
                if event.power or not followed:  # else the page cache went with the later one
                    event = event._replace(survived=survived)  # noqa: PLW2901 - known by now
                followed = True
            events.append(event)
        return Trace(self.header, tuple(reversed(events)))

    def _survived(self, event: Recovered) -> PhysicalOffset:
        """Tell where the log ended that recovery found: it may close the file behind that."""
        begin = event.max_offset - self.header.file_size
        return PhysicalOffset(max(event.cut, begin) if event.max_offset > event.cut else event.cut)

    def text(self) -> str:
        """Return the trace as lines."""
        return "".join(line + "\n" for line in lines(self.trace()))
