"""Queue offsets with a gap: STORE-CQ-5, STORE-CQ-19, and those that cannot be true: STORE-CQ-20."""

import pytest

from refimpl.model.ids import QueueId, Topic
from refimpl.model.release import RELEASES, Release
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.store_lab import StoreLab

_QUEUE_ID = 12  # where a record has it
_QUEUE_OFFSET = 20


@pytest.mark.parametrize("release", RELEASES.values(), ids=lambda r: r.name)
def test_a_torn_head_hides_no_durable_message(release: Release) -> None:
    """STORE-PROMISE-1: a message that nobody was promised comes back under another queue.

    Its queue offset leaves a gap behind the only durable message of that queue.
    """
    disk = CrashDisk()
    lab = StoreLab(release, disk=disk)
    for queue_id in (0, 1, 1):
        lab.put(queue_id=queue_id)
    lab.settle(20_000)
    assert all(sent.durable for sent in lab.ledger.sent)
    number = lab.put(queue_id=1)
    torn = lab.ledger.sent[number].offset
    assert torn is not None
    disk.write("commitlog/" + "0" * 20, torn + _QUEUE_ID, bytes(4))
    lab.fail_power()
    assert lab.reopen(disk)
    queue = lab.store.queues.find("T", 0)
    assert queue is not None
    assert (queue.min_offset_in_queue, queue.max_offset_in_queue) == (0, 3)
    assert lab.read(queue_id=0) == [0]
    assert {text.split(":")[0] for text in lab.check()} == {"STORE-PROMISE-5", "STORE-PROMISE-11"}


@pytest.mark.parametrize("flush", ["SYNC_FLUSH", "ASYNC_FLUSH"])
@pytest.mark.parametrize("flipped", [63, 62, 55, 40, 31, 20, 9, 7])
@pytest.mark.parametrize("last", [False, True])
def test_a_flipped_bit_hides_no_message(flush: str, flipped: int, last: bool) -> None:
    """STORE-CQ-20: every bit of a queue offset that makes it negative or too large.

    The message stands where it stood, and so do those before and behind it, and the next one.
    """
    lab = StoreLab(overrides={"flushDiskType": flush, "mappedFileSizeCommitLog": "500"})
    for _ in range(5):
        lab.put()
    rotten = 4 if last else 2
    offset = lab.ledger.sent[rotten].offset
    assert offset is not None
    disk = lab.kill()
    path, place = f"commitlog/{offset // 500 * 500:020d}", offset % 500 + _QUEUE_OFFSET
    right = disk.read(path, place, 8)
    wrong = int.from_bytes(right, "big") ^ 1 << flipped
    disk.write(path, place, wrong.to_bytes(8, "big"))
    assert lab.reopen(disk)
    lab.put()
    lab.settle(1000)
    assert lab.read() == [0, 1, 2, 3, 4, 5]
    assert lab.ledger.sent[5].queue_offset == 5
    assert lab.store.next_offset(Topic("T"), QueueId(0)) == lab.store.max_offset_in_queue(
        Topic("T"), QueueId(0)
    )
