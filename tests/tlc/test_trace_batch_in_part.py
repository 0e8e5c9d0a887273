"""Power cuts a batch: its first messages are there, and the models say so; never a promised one."""

from typing import Final

import pytest

from refimpl.model.ids import QueueOffset
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import Append, Crash, Dispatch, TraceEvent
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.store.message_store import REPUT
from tests.tlc.judging import check_accepted, check_refused, judged_by

_LOG: Final = "commitlog/" + "0" * 20
_SYNC: Final = {"flushDiskType": "SYNC_FLUSH"}
MODELS: Final = ("Dispatch", "StoreObservable", "Recovery")


def cut(name: str, *, sync: bool = False, settles: bool = False, left: int = 2) -> Trace:
    """A batch of three messages behind a single one; `left` of them survive, and then one comes."""
    settings = _SYNC if sync else {}
    log = TraceLog.of(name, StoreLab(RELEASE_4_9, settings).config, RELEASE_4_9)
    lab = StoreLab(RELEASE_4_9, settings, CrashDisk(), trace=log)
    lab.put()
    if not sync:
        lab.step(REPUT)
    lab.put(batch=3)
    (batch,) = [e for e in log.events if isinstance(e, Append) and e.messages == 3]
    if settles:
        lab.settle()
    lab.fail_power()
    disk = lab.disk.disk
    assert isinstance(disk, CrashDisk)
    begin = batch.offset + batch.size * left // 3
    disk.write(_LOG, begin, bytes(batch.offset + batch.size - begin))
    disk.force(_LOG)
    assert lab.reopen(disk), lab.refused
    lab.put()
    lab.settle()
    lab.kill()
    return log.trace()


def renamed(trace: Trace, name: str, events: list[TraceEvent]) -> Trace:
    return Trace(trace.header._replace(trace=name), tuple(events))


ASYNC = [cut(f"async {left}", left=left) for left in (0, 1, 2, 3)]
SYNC = [cut(f"sync {left}", sync=True, left=left) for left in (0, 1, 2, 3)]


def last_append(trace: Trace) -> int:
    return max(i for i, event in enumerate(trace.events) if isinstance(event, Append))


def one_offset_too_many(trace: Trace) -> Trace:
    """The next message stands as if one more of the batch had survived."""
    events, at = list(trace.events), last_append(trace)
    for i, event in enumerate(events):
        if i >= at and isinstance(event, (Append, Dispatch)):
            events[i] = event._replace(queue_offset=QueueOffset(event.queue_offset + 2))
    return renamed(trace, f"{trace.header.trace} too many", events)


def of_one_message(trace: Trace) -> Trace:
    """What was cut is a single message, of which nothing can be left."""
    events = [
        event._replace(messages=1) if isinstance(event, Append) else event for event in trace.events
    ]
    return renamed(trace, f"{trace.header.trace} single", events)


def test_the_traces_have_such_a_crash() -> None:
    for trace in (*ASYNC[1:3], *SYNC[1:3]):
        (begin,) = [e for e in trace.events if isinstance(e, Append) and e.messages == 3]
        crash = next(e for e in trace.events if isinstance(e, Crash) and e.power)
        assert begin.offset < crash.intact < begin.offset + begin.size


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_batch_of_which_a_part_survives_is_a_behaviour(model: str) -> None:
    check_accepted(judged_by(model, [*ASYNC, *SYNC]), [*ASYNC, *SYNC])


@pytest.mark.slow
def test_only_what_survived_has_queue_offsets() -> None:
    wrong = [one_offset_too_many(trace) for trace in (*ASYNC[1:3], *SYNC[1:3])]
    judged = judged_by("Dispatch", wrong)
    for trace in wrong:
        check_refused(judged, trace.header.trace, "queue_offset")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "words"), [("Dispatch", "it is the next record"), ("StoreObservable", "in the log")]
)
def test_a_single_message_has_no_part_that_survives(model: str, words: str) -> None:
    wrong = [of_one_message(trace) for trace in ASYNC[1:3]]
    judged = judged_by(model, wrong)
    for trace in wrong:
        check_refused(judged, trace.header.trace, words)


@pytest.mark.slow
def test_a_batch_that_was_promised_is_not_cut() -> None:
    """The disk took what it had forced: no such life is one of the promise."""
    wrong = [cut(f"promised {left}", sync=True, settles=True, left=left) for left in (0, 1, 2)]
    judged = judged_by("StoreObservable", wrong)
    for trace in wrong:
        check_refused(judged, trace.header.trace, "what was promised survives")
