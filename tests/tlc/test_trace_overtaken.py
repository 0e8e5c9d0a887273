"""A force that retention overtook ends below what counts as flushed; no other one does."""

from itertools import pairwise
from typing import Final

import pytest

from fuzz.dialogue import Client
from refimpl.model.ids import PhysicalOffset
from refimpl.model.release import RELEASE_4_9
from refimpl.model.sys_flag import TRANSACTION_PREPARED_TYPE
from refimpl.model.trace import Flushed, RemoveFirst, TraceEvent
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.node_lab import BrokerLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.store.message_store import CLEAN_FILES, FLUSH_COMMIT_LOG
from refimpl.tlc import trace_check
from refimpl.tlc.trace_check import Judged
from tests.tlc.judging import PATIENCE, check_accepted, check_refused, need_tlc

_FILE: Final = 1000
_SETTINGS: Final = {
    "flushDiskType": "ASYNC_FLUSH",
    "mappedFileSizeCommitLog": str(_FILE),
    "messageDelayLevel": "1s",
}
_HALF: Final = {"TRAN_MSG": "true", "PGROUP": "PG"}
MODELS: Final = {  # each with words of the condition that refuses a second such force
    "Dispatch": "overtook",
    "StoreObservable": "more of it is durable now",
    "DelayQueue": "more of it is durable now",
    "ConsumeOffset": "more is durable",
    "Transaction": "more is durable",
    "Recovery": "overtook",
    "AsyncFlush": "forcing = where",
    "MappedFileQueue": "forcing = where",
}


def overtaken() -> Trace:
    """A full disk: files go, the first of them when its force is done and nobody heard of it."""
    disk = CrashDisk()
    lab = BrokerLab(RELEASE_4_9, disk, _SETTINGS)
    log = lab.trace = TraceLog.of("overtaken", lab.config, RELEASE_4_9)
    lab.start()
    client = Client(lab)
    client.pull("g", "T", 0, 0)
    client.produce("T", b"half", properties=_HALF, sys_flag=TRANSACTION_PREPARED_TYPE)
    for _ in range(8):
        client.produce("T", b"x" * 300)
        lab.settle()
    client.commit_offset("g", "T", 0, 0)
    lab.forces_complete = False
    lab.jump(20_000)
    lab.step(FLUSH_COMMIT_LOG)
    (force,) = [pending for pending in lab.forces if pending.path.startswith("commitlog/")]
    disk.force(force.path, span=force.span)
    lab.forces.remove(force)
    disk.used = 0.88
    lab.step(CLEAN_FILES)
    disk.used = 0.1
    assert not disk.exists(force.path)
    lab.perform(lab.node.forced(force.token, failed=False, now=lab.now))
    lab.forces_complete = True
    for pending in list(lab.forces):
        lab.complete_force(pending)
    lab.jump(20_000)
    return log.trace()


OVERTAKEN = overtaken()
AT = next(
    i
    for i, (a, b) in enumerate(pairwise(OVERTAKEN.events), 1)
    if isinstance(b, Flushed) and any(isinstance(e, RemoveFirst) for e in OVERTAKEN.events[:i])
)


def test_the_trace_has_such_a_force() -> None:
    """Not a single one but this: the next is above all that counted as flushed."""
    event = OVERTAKEN.events[AT]
    assert isinstance(event, Flushed)
    removed = [e.min_offset for e in OVERTAKEN.events[:AT] if isinstance(e, RemoveFirst)]
    assert event.where <= removed[-1]
    later = [e.where for e in OVERTAKEN.events[AT + 1 :] if isinstance(e, Flushed)]
    assert later
    assert min(later) > removed[-1]


def altered(name: str, *events: TraceEvent) -> Trace:
    """The trace, with these in the place of that force."""
    whole = OVERTAKEN.events
    return Trace(OVERTAKEN.header._replace(trace=name), (*whole[:AT], *events, *whole[AT + 1 :]))


def wrong() -> list[Trace]:
    event = OVERTAKEN.events[AT]
    assert isinstance(event, Flushed)
    begun = max(
        e.where
        for e in (Flushed(PhysicalOffset(0)), *OVERTAKEN.events[:AT])
        if isinstance(e, Flushed)
    )
    return [altered("twice", event, event), altered("of before", Flushed(begun), event)]


WRONG = wrong()


@pytest.fixture(scope="module")
def judged() -> dict[tuple[str, str], Judged]:
    """What each model says of each trace."""
    need_tlc()
    found = trace_check.check([OVERTAKEN, *WRONG], models=tuple(MODELS), seconds=PATIENCE)
    return {(one.module, one.trace.header.trace): one for one in found}


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_force_that_retention_overtook_is_told(
    model: str, judged: dict[tuple[str, str], Judged]
) -> None:
    """STORE-FLUSH-1, STORE-RETENTION-10: and no second one, nor one of before."""
    mine = {trace: one for (module, trace), one in judged.items() if module == f"Trace{model}"}
    check_accepted(mine, [OVERTAKEN])
    for trace in WRONG:
        check_refused(mine, trace.header.trace, MODELS[model])
