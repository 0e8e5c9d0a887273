"""Faults of a disk at named points, from a schedule, counted when they really happened.

A schedule is a list of `DiskFault`: the nth call that reaches the point with a path that fits. The
disk asks at each point; what a fault did not get to do is listed by `never_fired`, because a fault
that never fires proves nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

from refimpl.model.disk import DiskError


class FaultPoint(Enum):
    """Where a disk can fail."""

    FORCE_FAILS = "force fails once and drops its dirty pages"
    FORCE_LIES = "force reports success and makes nothing durable"
    FORCE_NEVER_ENDS = "force is never heard of again"
    NO_SPACE_CREATE = "no space for a new file"
    NO_SPACE_EXTEND = "no space for a longer file"
    NO_SPACE_WRITE = "no space for the bytes of a write"
    READ_ERROR = "input/output error on read"
    EMPTY_AFTER_CREATE = "a new file is left behind with length zero"
    BIT_ROT = "one bit of what is read has changed on the platter"
    SLOW = "a write stalls, the page cache is busy"


class ForceNeverEnds(DiskError):
    """A force that nobody hears of again: its interpreter tells the node nothing."""

    def __init__(self, path: str) -> None:
        super().__init__("force", path, "never ends")


class ForceOutcome(Enum):
    """How a force ends."""

    OK = "ok"
    FAIL = "fail"
    LIE = "lie"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class DiskFault:
    """One line of a schedule: `point` happens at call `nth` (from 1) on a path like `path`.

    It then happens at `times` calls in a row. `path` is a shell pattern in which `*` also matches
    `/`. `millis` is how long a slow write takes; `seed` chooses the bit that rots.
    """

    point: FaultPoint
    path: str = "*"
    nth: int = 1
    times: int = 1
    millis: int = 1500
    seed: int = 0


_FORCE = {
    FaultPoint.FORCE_FAILS: ForceOutcome.FAIL,
    FaultPoint.FORCE_LIES: ForceOutcome.LIE,
    FaultPoint.FORCE_NEVER_ENDS: ForceOutcome.NEVER,
}


class DiskFaults:
    """A schedule and what became of it. `fired` counts by point."""

    __slots__ = ("_calls", "_schedule", "fired")

    def __init__(self, schedule: Iterable[DiskFault] = ()) -> None:
        self._schedule: dict[FaultPoint, list[DiskFault]] = {}
        self._calls: Counter[DiskFault] = Counter()
        self.fired: Counter[FaultPoint] = Counter()
        for fault in schedule:
            self.add(fault)

    def add(self, fault: DiskFault) -> None:
        """Extend the schedule; calls are counted from now on."""
        assert fault.nth >= 1
        assert fault.times >= 1
        faults = self._schedule.setdefault(fault.point, [])
        assert fault not in faults, "one line, one fault"
        faults.append(fault)

    def due(self, point: FaultPoint, path: str) -> DiskFault | None:
        """Count a call at `point`; the fault that happens now, or None."""
        faults = self._schedule.get(point)
        if faults is None:
            return None
        found = None
        for fault in faults:
            if fnmatchcase(path, fault.path):
                self._calls[fault] += 1
                if fault.nth <= self._calls[fault] < fault.nth + fault.times:
                    found = found or fault
        return found

    def count(self, point: FaultPoint) -> None:
        """Note that a fault changed something."""
        self.fired[point] += 1

    def force_outcome(self, path: str) -> ForceOutcome:
        """How the force of `path` that begins now will end; counted here, once a force."""
        outcome = ForceOutcome.OK
        for point, result in _FORCE.items():
            if self.due(point, path) is not None and outcome is ForceOutcome.OK:
                self.count(point)
                outcome = result
        return outcome

    def never_fired(self) -> tuple[FaultPoint, ...]:
        """Points of the schedule at which nothing ever happened, in their order."""
        return tuple(
            point for point in FaultPoint if point in self._schedule and not self.fired[point]
        )

    def copy(self) -> "DiskFaults":
        """An independent schedule that has come as far."""
        twin = DiskFaults()
        twin._schedule = {point: list(faults) for point, faults in self._schedule.items()}
        twin._calls = self._calls.copy()
        twin.fired = self.fired.copy()
        return twin
