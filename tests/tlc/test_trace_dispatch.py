"""Traces of dispatch, through crashes of the power, are behaviours of its model."""

import pytest

from refimpl.model.config import Config
from refimpl.model.ids import PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.preset import MINIMAL
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import (
    Append,
    Dispatch,
    Flushed,
    Recovered,
    RefuseDispatch,
    Sync,
    TraceEvent,
)
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.tlc.trace_check import Judged
from tests.tlc.judging import check_accepted, check_refused, judged_by

SYNC = {"flushDiskType": "SYNC_FLUSH", "mappedFileSizeCommitLog": "600"}


def honest() -> Trace:
    """Three lives: puts over several files and a batch, the end of the power, a kill."""
    config = Config.of(RELEASE_4_9, "broker", {**MINIMAL, **SYNC})
    log = TraceLog.of("honest", config, RELEASE_4_9)
    lab = StoreLab(RELEASE_4_9, SYNC, CrashDisk(), trace=log)
    for size in (100, 150, 90):
        lab.put("T", size % 4 // 2, size=size)
        lab.settle()
    lab.put("T", 0, batch=2, size=20)
    lab.settle()
    lab.put("T", 1, prepared=True)
    lab.fail_power()
    disk = lab.disk.disk
    assert isinstance(disk, CrashDisk)
    image = next(iter(disk.crash().images(4, Prng(1))))
    assert lab.reopen(CrashDisk.from_image(image))
    lab.put("U", 0)
    lab.settle()
    lab.put("U", 0)
    assert lab.reopen(lab.kill())
    lab.settle()
    return log.trace()


def refused() -> Trace:
    """The disk takes no unit, thirty times and more, while another message comes; then it does."""
    config = Config.of(RELEASE_4_9, "broker", {**MINIMAL, **SYNC})
    log = TraceLog.of("refused", config, RELEASE_4_9)
    lab = StoreLab(RELEASE_4_9, SYNC, CrashDisk(), trace=log)
    disk = lab.disk.disk
    assert isinstance(disk, CrashDisk)
    disk.faults = DiskFaults([DiskFault(FaultPoint.NO_SPACE_WRITE, "consumequeue/*", times=70)])
    for queue_id in (0, 1):
        lab.put("T", queue_id)
        lab.settle(1_000)
    lab.settle(40_000)
    return log.trace()


HONEST = honest()
REFUSED = refused()
END = PhysicalOffset(max(e.offset + e.size for e in REFUSED.events if isinstance(e, Append)))
REFUSALS = [i for i, e in enumerate(REFUSED.events) if isinstance(e, RefuseDispatch)]
DISPATCHES = [i for i, e in enumerate(HONEST.events) if isinstance(e, Dispatch)]


def without(kind: type[TraceEvent], number: int = 0) -> Trace:
    where = [i for i, e in enumerate(HONEST.events) if isinstance(e, kind)][number]
    events = [e for i, e in enumerate(HONEST.events) if i != where]
    return Trace(HONEST.header._replace(trace=f"no {kind.__name__}"), tuple(events))


def changed(index: int, event: TraceEvent, name: str) -> Trace:
    events = [event if i == index else e for i, e in enumerate(HONEST.events)]
    return Trace(HONEST.header._replace(trace=name), tuple(events))


def first_dispatch() -> Dispatch:
    event = HONEST.events[DISPATCHES[0]]
    assert isinstance(event, Dispatch)
    return event


def puts_after_thirty() -> Trace:
    """What nobody hears of for so long, and yet the store takes more."""
    thirty = next(i for i, e in enumerate(REFUSED.events) if e == RefuseDispatch(END, 30))
    more = Append(END, 100, Topic("T"), QueueId(0), QueueOffset(1), messages=1)
    events = (*REFUSED.events[: thirty + 1], more)
    return Trace(REFUSED.header._replace(trace="puts after thirty"), events)


def told_of_one_less() -> Trace:
    events = REFUSED.events[: REFUSALS[3]] + REFUSED.events[REFUSALS[3] + 1 :]
    return Trace(REFUSED.header._replace(trace="told of one less"), events)


def ends_elsewhere() -> Trace:
    """The last start found the end of the last record one byte off."""
    at = max(i for i, e in enumerate(HONEST.events) if isinstance(e, Recovered))
    found = HONEST.events[at]
    assert isinstance(found, Recovered)
    return changed(at, found._replace(cut=PhysicalOffset(found.cut + 1)), "ends elsewhere")


WRONG = {  # name: (trace, word of the condition that refuses it)
    "no Flushed": (without(Flushed), "flushed"),
    "no Dispatch": (without(Dispatch), "record"),
    "no Append": (without(Append), "wrote"),
    "wrong place": (
        changed(
            DISPATCHES[0],
            first_dispatch()._replace(queue_offset=QueueOffset(9)),
            "wrong place",
        ),
        "queue offset",
    ),
    "told too far": (
        changed(
            next(i for i, e in enumerate(HONEST.events) if isinstance(e, Sync)),
            Sync(PhysicalOffset(10_000)),
            "told too far",
        ),
        "confirmed",
    ),
    "ends elsewhere": (ends_elsewhere(), "goes on there"),
    "puts after thirty": (puts_after_thirty(), "accepts puts"),
    "told of one less": (told_of_one_less(), "in a row"),
    "nobody says why they wait": (
        Trace(
            REFUSED.header._replace(trace="nobody says why they wait"),
            tuple(e for e in REFUSED.events if not isinstance(e, RefuseDispatch)),
        ),
        "readers heard",
    ),
}


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for all."""
    return judged_by("Dispatch", [HONEST, REFUSED, *(trace for trace, _ in WRONG.values())])


@pytest.mark.slow
def test_an_honest_trace_is_accepted(judged: dict[str, Judged]) -> None:
    """STORE-CQ-2, STORE-CQ-14, STORE-CQ-18: through three lives."""
    assert len(DISPATCHES) > 5
    check_accepted(judged, [HONEST])


@pytest.mark.slow
def test_a_disk_that_refuses_for_a_while_hides_nothing(judged: dict[str, Judged]) -> None:
    """STORE-CQ-15: all of it waits, and is told in the end."""
    last = RefuseDispatch(END, len(REFUSALS))
    assert REFUSED.events[REFUSALS[-1]] == last
    assert last.attempts > 30
    assert Sync(END) in REFUSED.events
    check_accepted(judged, [REFUSED])


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_an_altered_trace_is_refused(name: str, judged: dict[str, Judged]) -> None:
    check_refused(judged, name, WRONG[name][1])
