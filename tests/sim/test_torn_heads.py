"""STORE-PROMISE-5: what the ledger lets a torn head do, on a disk that tears, and no more."""

import pytest

from refimpl.model.release import RELEASE_4_9
from refimpl.model.status import PutMessageStatus
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.ledger import Ledger
from refimpl.sim.store_lab import StoreLab

LOG = "commitlog/" + "0" * 20
QUEUE_ID, QUEUE_OFFSET, SYS_FLAG = 12, 20, 36  # where a record has them
FIELDS = {QUEUE_ID: 4, QUEUE_OFFSET: 8, SYS_FLAG: 4}


def lab_with(queues: tuple[int, ...], durable: int, *, tears: bool) -> StoreLab:
    """A lab with a message in each of `queues`, the first `durable` of them flushed.

    The fourth is the half of a transaction.
    """
    lab = StoreLab(RELEASE_4_9, disk=CrashDisk(), ledger=Ledger(sync_flush=False, tears=tears))
    for n, queue_id in enumerate(queues):
        lab.put(queue_id=queue_id, prepared=n == 3)
        if n + 1 == durable:
            lab.settle(20_000)
    return lab


def torn(lab: StoreLab, number: int, field: int) -> list[str]:
    """Power fails, everything survives but a field of one head; what is broken then."""
    disk = lab.disk.disk
    place = lab.ledger.sent[number].offset
    assert place is not None
    disk.write(LOG, place + field, bytes(FIELDS[field]))
    lab.fail_power()
    assert lab.reopen(disk)
    return lab.check()


@pytest.mark.parametrize(
    ("number", "field", "unplaced"),
    [
        (4, QUEUE_ID, {4, 5, 6, 7}),  # 5 and 7 lose their neighbour, 6 stands behind a stranger
        (5, QUEUE_OFFSET, {5, 7}),
        (3, SYS_FLAG, {3, 4, 5, 7}),
    ],
)
def test_what_nobody_was_promised_may_stand_anywhere(
    number: int, field: int, unplaced: set[int]
) -> None:
    lab = lab_with((0, 1, 1, 1, 1, 1, 0, 1), 3, tears=True)
    assert torn(lab, number, field) == []
    lab.settle_ledger()
    assert {s.number for s in lab.ledger.sent if s.unplaced} == unplaced
    for queue_id in (0, 1):
        lab.put(queue_id=queue_id)
    lab.settle(20_000)
    assert lab.check() == []
    assert lab.read(queue_id=0)[0] == 0
    assert lab.read(queue_id=1)[:2] == [1, 2]
    lab.fail_power()
    assert lab.reopen(lab.disk.disk)
    assert lab.check() == []
    for queue_id, last in ((0, 8), (1, 9)):
        assert lab.read(queue_id=queue_id)[-1] == last


@pytest.mark.parametrize(("number", "field"), [(3, SYS_FLAG), (5, QUEUE_ID), (5, QUEUE_OFFSET)])
@pytest.mark.parametrize(("durable", "tears"), [(8, True), (3, False)])
def test_a_head_that_was_promised_is_whole(
    number: int, field: int, durable: int, tears: bool
) -> None:
    """Durable messages, and all of them on a disk that tears nothing."""
    lab = lab_with((0, 1, 1, 1, 1, 1, 0, 1), durable, tears=tears)
    assert {text.partition(":")[0] for text in torn(lab, number, field)} & {
        "STORE-PROMISE-5",
        "STORE-PROMISE-6",
        "STORE-PROMISE-10",
    }


@pytest.mark.parametrize("field", [QUEUE_ID, QUEUE_OFFSET])
@pytest.mark.parametrize("queue_id", [0, 1])
def test_a_torn_head_takes_no_offset_from_who_comes_next(field: int, queue_id: int) -> None:
    """STORE-RECOVERY-5, STORE-PROMISE-10: a put that comes before what was found is dispatched.

    Under SYNC_FLUSH that waits for its force. The torn record gets the unit at the end of its
    queue, or none; the next message one behind it.
    """
    sync = {"flushDiskType": "SYNC_FLUSH", "mappedFileSizeCommitLog": "4096"}
    ledger = Ledger(sync_flush=True, tears=True)
    lab = StoreLab(RELEASE_4_9, sync, CrashDisk(), ledger=ledger)
    for number in range(8):
        lab.put(queue_id=number % 2 if number < 4 else 0 if number < 6 else 1)
    assert torn(lab, 7, field) == []
    lab.settle_ledger()
    put = lab.put(queue_id=queue_id)
    lab.settle(20_000)
    assert lab.check() == []
    assert lab.ledger.sent[put].status is PutMessageStatus.PUT_OK
    assert put in lab.read(queue_id=queue_id)


def test_a_torn_head_excuses_no_other_bug() -> None:
    """The next life's messages follow one another, whatever stands before them."""
    lab = lab_with((0, 1, 1, 1, 1, 1, 0, 1), 3, tears=True)
    assert torn(lab, 4, QUEUE_ID) == []
    lab.settle_ledger()
    lab.put(queue_id=0)
    lab.store.commit_log.topic_queue_table["T", 0] += 1
    lab.put(queue_id=0)
    lab.settle(20_000)
    assert [text.partition(":")[0] for text in lab.check()] == ["STORE-PROMISE-11"]
