"""STORE-CQ-19, STORE-CQ-5: pre-blank units between others hide nothing that stands before them."""

import pytest

from refimpl.model.release import RELEASES, Release
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.store_lab import StoreLab

_QUEUE_ID = 12  # where a record has it


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
