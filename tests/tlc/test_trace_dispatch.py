"""Traces of dispatch, through crashes of the power, are behaviours of its model."""

import pytest

from refimpl.model.config import Config
from refimpl.model.ids import PhysicalOffset, QueueOffset
from refimpl.model.preset import MINIMAL
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import Append, Dispatch, Flushed, Sync, TraceEvent
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
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


HONEST = honest()
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
}


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for all."""
    return judged_by("Dispatch", [HONEST, *(trace for trace, _ in WRONG.values())])


@pytest.mark.slow
def test_an_honest_trace_is_accepted(judged: dict[str, Judged]) -> None:
    """STORE-CQ-2, STORE-CQ-14, STORE-CQ-18: through three lives."""
    assert len(DISPATCHES) > 5
    check_accepted(judged, [HONEST])


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_an_altered_trace_is_refused(name: str, judged: dict[str, Judged]) -> None:
    check_refused(judged, name, WRONG[name][1])
