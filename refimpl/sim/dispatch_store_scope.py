"""Every state of a whole store that appends, flushes and dispatches: DispatchStates.tla.

Where `dispatch_scope` calls the parts of a step one by one, here a store runs on a disk and every
actor comes as a whole; the state is read off its bytes.
"""

from collections.abc import Hashable, Iterator, Mapping

from refimpl.model.ids import QueueId, Topic
from refimpl.model.release import RELEASE_4_9
from refimpl.model.state_space import Plain, names, number, numbers, record
from refimpl.model.sys_flag import TRANSACTION_PREPARED_TYPE
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.store_fork import fork
from refimpl.sim.store_lab import StoreLab
from refimpl.store.consume_queue import UNIT
from refimpl.store.log_records import records
from refimpl.store.message_store import FLUSH_COMMIT_LOG, REPUT

_TOPIC = Topic("T")
_OVERHEAD = 102  # bytes of a record besides its body


class DispatchStoreScope:
    """The actions of the model on a real store."""

    def __init__(self, constants: Mapping[str, Plain]) -> None:
        self._queues = names(constants, "Queues")
        self._sizes = numbers(constants, "Sizes")
        self._max_records = number(constants, "MaxRecords")
        assert number(constants, "SyncFlush"), "a store with SYNC_FLUSH"
        self._settings = {
            "flushDiskType": "SYNC_FLUSH",
            "mappedFileSizeCommitLog": str(number(constants, "FileSize")),
            "messageIndexEnable": "false",
        }

    def first(self) -> StoreLab:
        """An empty store runs."""
        return StoreLab(RELEASE_4_9, self._settings, CrashDisk())

    def next(self, lab: StoreLab) -> Iterator[tuple[str, StoreLab]]:
        """Every state that one action leads to."""
        if len(_log(lab)) < self._max_records:
            for queue_id in range(len(self._queues)):
                for size in self._sizes:
                    for prepared in (False, True):
                        twin = fork(lab)
                        body = size - _OVERHEAD
                        twin.put(_TOPIC, queue_id, size=body, waits=False, prepared=prepared)
                        yield "DoAppend", twin
        twin = fork(lab)
        twin.step(FLUSH_COMMIT_LOG)
        for token in list(twin.pending):
            twin.complete_force(token)
        yield "FlushOneFile", twin
        twin = fork(lab)
        twin.step(REPUT)
        yield "Step", twin

    def variables(self, lab: StoreLab) -> dict[str, Plain]:
        """The state, from the bytes of the store."""
        store, log = lab.store, _log(lab)
        dispatched = [at + size for at, size, *_ in log if at < store.reput.reput_from_offset]
        waiting, _, attempts = store.reput.counts()
        fields = ("at", "size", "queue", "n", "unit")
        entries = (
            (at, size, self._queues[queue_id], n, unit) for at, size, queue_id, n, unit in log
        )
        return {
            "log": tuple([record(**dict(zip(fields, e, strict=True))) for e in entries]),
            "wrote": log[-1][0] + log[-1][1] if log else 0,
            "flushed": store.commit_log.mapped_file_queue.flushed_where,
            "reputFromOffset": dispatched[-1] if dispatched else 0,
            "gathered": record(**{q: self._units(lab, q, written=False) for q in self._queues}),
            "units": record(**{q: self._units(lab, q, written=True) for q in self._queues}),
            "waiting": waiting,
            "arrived": len(dispatched) - waiting,  # the lab takes at once what has arrived
            "attempts": attempts,
            "refusals": 0,  # this disk refuses nothing
            "logicsQueueError": not store.running_flags.is_writeable,
        }

    def _units(self, lab: StoreLab, queue: str, *, written: bool) -> tuple[int, ...]:
        found = lab.store.queues.find(_TOPIC, QueueId(self._queues.index(queue)))
        if found is None:
            return ()
        data = found.mapped_file_queue.read_from(0) if written else found.gathered
        return tuple([offset for offset, _, _ in UNIT.iter_unpack(data or b"")])

    @staticmethod
    def hidden(lab: StoreLab) -> Hashable:
        """A blank may have been passed or not."""
        return lab.store.reput.reput_from_offset


def _log(lab: StoreLab) -> list[tuple[int, int, int, int, bool]]:
    """Records: where, size, queue, queue offset, whether they have a unit."""
    log = lab.store.commit_log
    return [
        (
            r.commit_log_offset,
            r.msg_size,
            r.queue_id,
            r.consume_queue_offset,
            not r.sys_flag & TRANSACTION_PREPARED_TYPE,
        )
        for r in records(log, 0, log.max_offset(), lab.release)
    ]
