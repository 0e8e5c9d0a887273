"""Locks of queues: BROKER-ORDER-1 to BROKER-ORDER-9."""

import json

import pytest

from refimpl.broker.rebalance_lock_manager import LockEntry, RebalanceLockManager, lock, unlock
from refimpl.model.ids import Millis
from refimpl.model.release import RELEASES, Release
from tests.broker.harness import BrokerUnderTest

NOW = Millis(1000)
MINUTE = 60_000


def test_a_free_queue_is_locked_and_its_owner_renews() -> None:
    """BROKER-ORDER-1, BROKER-ORDER-2."""
    entry, granted = lock(None, "a", NOW)
    assert granted
    assert entry == LockEntry("a", NOW)
    renewed, granted = lock(entry, "a", Millis(NOW + 5))
    assert granted
    assert renewed.last_update_timestamp == NOW + 5


@pytest.mark.parametrize(("silent", "granted"), [(MINUTE, False), (MINUTE + 1, True)])
def test_a_lock_expires_after_more_than_a_minute(silent: int, granted: bool) -> None:
    """BROKER-ORDER-3, BROKER-ORDER-4: a refused request does not move the owner's time."""
    held = LockEntry("a", NOW)
    entry, answer = lock(held, "b", Millis(NOW + silent))
    assert answer is granted
    assert (entry == held) is not granted


def test_only_the_owner_unlocks() -> None:
    """BROKER-ORDER-5."""
    held = LockEntry("a", NOW)
    assert unlock(held, "b") == held
    assert unlock(held, "a") is None
    assert unlock(None, "a") is None


def test_a_batch_is_locked_queue_by_queue() -> None:
    """BROKER-ORDER-6, BROKER-ORDER-7."""
    manager = RebalanceLockManager()
    assert manager.try_lock_batch("g", [1, 2], "a", NOW) == [1, 2]
    assert manager.try_lock_batch("g", [2, 3], "b", NOW) == [3]
    assert manager.try_lock_batch("h", [1, 2], "b", NOW) == [1, 2]
    manager.unlock_batch("g", [1, 2, 9], "b")
    assert manager.holder("g", 2) == LockEntry("a", NOW)
    manager.unlock_batch("g", [2], "a")
    assert manager.try_lock_batch("g", [2], "b", NOW) == [2]
    assert not manager.is_lock_all_expired("g", NOW)
    assert manager.is_lock_all_expired("g", Millis(NOW + MINUTE + 1))


QUEUE = {"topic": "T", "brokerName": "broker-a", "queueId": 0}


def batch(client: str | None, group: str | None = "G") -> bytes:
    return json.dumps({"clientId": client, "consumerGroup": group, "mqSet": [QUEUE]}).encode()


@pytest.mark.parametrize("release", RELEASES.values(), ids=lambda r: r.name)
def test_a_lock_without_an_owner_takes_the_queue_from_nobody(release: Release) -> None:
    """BROKER-ORDER-8: refused, and the queue can be locked; BROKER-ORDER-9 after a restart."""
    broker = BrokerUnderTest(release).start()
    for body in (batch(None), batch("a", None)):
        refused = broker.ask(41, None, body)
        assert refused is not None
        assert refused.code == 1
    granted = broker.ask(41, None, batch("a"))
    assert granted is not None
    assert json.loads(granted.body) == {"lockOKMQSet": [QUEUE]}
    other = broker.ask(41, None, batch("b"))
    assert other is not None
    assert json.loads(other.body) == {"lockOKMQSet": []}
    freed = broker.ask(42, None, batch("a"))
    assert freed is not None
    assert freed.code == 0
    again = broker.ask(41, None, batch("b"))
    assert again is not None
    assert json.loads(again.body) == {"lockOKMQSet": [QUEUE]}
    restarted = BrokerUnderTest(release, disk=broker.disk)
    assert restarted.ctx.rebalance_lock_manager.is_lock_all_expired("G", restarted.now)
