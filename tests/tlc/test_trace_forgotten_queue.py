"""Retention takes every record of a queue, a crash its units: nothing tells how far it had come."""

from typing import Final

import pytest

from refimpl.model.config import Config
from refimpl.model.ids import QueueId, QueueOffset, Topic
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import Append, ForgetFrom, Recovered, RemoveFirst, TraceEvent
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Extreme
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.store.message_store import CLEAN_FILES
from refimpl.tlc import trace_check
from refimpl.tlc.trace_check import Judged
from tests.tlc.judging import PATIENCE, check_accepted, check_refused, need_tlc

SYNC: Final = {"flushDiskType": "SYNC_FLUSH", "mappedFileSizeCommitLog": "600"}
MODELS: Final = ("Dispatch", "Recovery")


def _lives(name: str, extreme: Extreme) -> Trace:
    """The records of queue 0 go before their units are forced, then the power; it all goes on."""
    config = Config.of(RELEASE_4_9, "broker", {**MINIMAL, **SYNC})
    log = TraceLog.of(name, config, RELEASE_4_9)
    lab = StoreLab(RELEASE_4_9, SYNC, CrashDisk(), trace=log)

    def put(*queue_ids: int) -> None:
        for queue_id in queue_ids:
            lab.put("T", queue_id, size=150)
            lab.settle()

    def lose_power() -> None:
        disk = lab.fail_power()
        assert isinstance(disk, CrashDisk)
        assert lab.reopen(CrashDisk.from_image(disk.crash().extreme(extreme)))

    put(0, 0, 1, 1, 1)
    disk = lab.disk.disk
    assert isinstance(disk, CrashDisk)
    disk.used = 0.88
    lab.step(CLEAN_FILES)
    disk.used = 0.1
    lose_power()
    put(0, 1, 1)
    lab.settle(10_000)
    put(1)
    lab.shutdown()
    lab.settle()
    assert lab.reopen(lab.kill())
    put(0)
    lose_power()
    return log.trace()


LOST, KEPT = _lives("lost", Extreme.NOTHING), _lives("kept", Extreme.EVERYTHING)


def _given(trace: Trace, queue_id: int) -> list[int]:
    appends = (e for e in trace.events if isinstance(e, Append))
    return [e.queue_offset for e in appends if e.queue_id == queue_id]


def _instead(name: str, trace: Trace, old: TraceEvent, *new: TraceEvent) -> Trace:
    """The trace with other events in the place of the first such one behind retention."""
    events = trace.events
    removed = next(i for i, e in enumerate(events) if isinstance(e, RemoveFirst))
    at = events.index(old, removed)
    return Trace(trace.header._replace(trace=name), (*events[:at], *new, *events[at + 1 :]))


def _append(trace: Trace, queue_id: int) -> Append:
    """The first of the queue behind retention."""
    behind = False
    for event in trace.events:
        behind = behind or isinstance(event, RemoveFirst)
        if behind and isinstance(event, Append) and event.queue_id == queue_id:
            return event
    raise AssertionError


def _wrong() -> list[Trace]:
    lost, kept = _append(LOST, 0), _append(KEPT, 0)
    other = _append(LOST, 1)
    told = ForgetFrom(Topic("T"), QueueId(0), QueueOffset(2))
    return [
        _instead("goes on untold", LOST, lost, lost._replace(queue_offset=QueueOffset(2))),
        _instead(
            "begins again though told", KEPT, kept, kept._replace(queue_offset=QueueOffset(0))
        ),
        _instead("told more", KEPT, told, told._replace(queue_offset=QueueOffset(3))),
        _instead("has records", LOST, other, other._replace(queue_offset=QueueOffset(0))),
        _instead("nothing is told", KEPT, told),
    ]


WRONG = _wrong()


def test_the_queue_begins_again_where_nothing_is_left_of_it() -> None:
    """The other queue goes on where it was; a later recovery begins above all that went."""
    assert _given(LOST, 0) == [0, 1, 0, 1]
    assert _given(KEPT, 0) == [0, 1, 2, 3]
    assert _given(LOST, 1) == _given(KEPT, 1) == [0, 1, 2, 3, 4, 5]
    for trace in (LOST, KEPT):
        starts = [e for e in trace.events if isinstance(e, Recovered)]
        assert 0 < starts[1].min_offset < starts[-1].flushed


@pytest.fixture(scope="module")
def judged() -> dict[tuple[str, str], Judged]:
    """What each model says of each trace."""
    need_tlc()
    found = trace_check.check([LOST, KEPT, *WRONG], models=MODELS, seconds=PATIENCE)
    return {(one.module, one.trace.header.trace): one for one in found}


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_queue_without_records_goes_on_where_its_units_say(
    model: str, judged: dict[tuple[str, str], Judged]
) -> None:
    """STORE-PROMISE-11: what is not promised where retention was sooner; and nothing else."""
    mine = {trace: one for (module, trace), one in judged.items() if module == f"Trace{model}"}
    check_accepted(mine, [LOST, KEPT])
    for trace in WRONG:
        words = "has no more than" if trace.header.trace == "told more" else "NextQueueOffset"
        check_refused(mine, trace.header.trace, words)
