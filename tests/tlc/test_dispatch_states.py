"""Dispatch: the states that the code reaches are those that TLC finds, set by set."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from refimpl.model.ids import QueueId, QueueOffset, Topic
from refimpl.model.release import RELEASE_4_9
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.store_fork import fork
from refimpl.sim.store_lab import StoreLab
from refimpl.store.log_records import records
from refimpl.store.message_store import FLUSH_COMMIT_LOG, REPUT
from refimpl.tlc import graph, locate, manifest
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.value import Function, Value

SETTINGS = {
    "flushDiskType": "SYNC_FLUSH",
    "mappedFileSizeCommitLog": "300",
    "messageIndexEnable": "false",
}
QUEUES = ("q0", "q1")
RECORDS = 3


class State(NamedTuple):
    """What the model has of a store at rest; `reput` is the end of the last dispatched record."""

    log: tuple[tuple[int, int, str, int, bool], ...]
    flushed: int
    reput: int
    units: tuple[tuple[int, ...], ...]


def of_store(lab: StoreLab) -> State:
    """The state of an implementation, from its bytes."""
    store = lab.store
    log = store.commit_log
    found = records(log, 0, log.max_offset(), lab.release)
    entries = tuple(
        (
            r.commit_log_offset,
            r.msg_size,
            QUEUES[r.queue_id],
            r.consume_queue_offset,
            not r.sys_flag & 4,
        )
        for r in found
    )
    reput = store.reput.reput_from_offset
    ends = [at + size for at, size, *_ in entries if at < reput]
    units = []
    for number in range(len(QUEUES)):
        queue = store.queues.find(Topic("T"), QueueId(number))
        count = 0 if queue is None else queue.max_offset_in_queue
        found_units = [queue.get(QueueOffset(n)) for n in range(count)] if queue else []
        units.append(tuple(unit[0] for unit in found_units if unit is not None))
    where = log.mapped_file_queue.flushed_where
    return State(entries, where, max(ends, default=0), tuple(units))


def successors(lab: StoreLab) -> Iterator[StoreLab]:
    """Every action of the model, on a copy."""
    if len(of_store(lab).log) < RECORDS:
        for queue_id in range(len(QUEUES)):
            for prepared in (False, True):
                after = fork(lab)
                after.put("T", queue_id, size=20, waits=False, prepared=prepared)
                yield after
    flushed = fork(lab)
    flushed.step(FLUSH_COMMIT_LOG)
    for token in list(flushed.pending):
        flushed.complete_force(token)
    yield flushed
    dispatched = fork(lab)
    dispatched.step(REPUT)
    yield dispatched


def reached() -> set[State]:
    """Every state of the implementation within the bound."""
    lab = StoreLab(RELEASE_4_9, SETTINGS, CrashDisk())
    found = {of_store(lab)}
    open_labs = [lab]
    while open_labs:
        for after in successors(open_labs.pop()):
            state = of_store(after)
            if state not in found:
                found.add(state)
                open_labs.append(after)
    return found


def of_model(state: dict[str, Value]) -> State:
    log, units = state["log"], state["units"]
    assert isinstance(log, tuple)
    assert isinstance(units, Function)
    assert state["waiting"] == 0
    entries = []
    for record in log:
        assert isinstance(record, Function)
        at, size, queue, n, unit = (record.field(f) for f in ("at", "size", "queue", "n", "unit"))
        assert isinstance(at, int)
        assert isinstance(size, int)
        assert isinstance(queue, str)
        assert isinstance(n, int)
        entries.append((at, size, queue, n, unit is True))
    flushed, reput = state["flushed"], state["reputFromOffset"]
    assert isinstance(flushed, int)
    assert isinstance(reput, int)
    places = [units.field(queue) for queue in QUEUES]
    return State(tuple(entries), flushed, reput, tuple(numbers(place) for place in places))


def numbers(value: Value) -> tuple[int, ...]:
    assert isinstance(value, tuple)
    return tuple(number for number in value if isinstance(number, int))


@pytest.mark.slow
def test_code_and_model_reach_the_same_states() -> None:
    """STORE-CQ-1, STORE-CQ-2, STORE-CQ-16, STORE-CQ-18."""
    try:
        locate.find()
    except TlcMissing as missing:
        pytest.skip(missing.reason)
    found = graph.read(graph.dot(manifest.row_of("DispatchStates"), seconds=60))
    model = {of_model(state) for state in found.states.values()}
    code = reached()
    assert len(model) == len(found.states)
    assert code - model == set()
    assert model - code == set()
    assert any(state.reput > 300 for state in code), "a blank end was passed"
