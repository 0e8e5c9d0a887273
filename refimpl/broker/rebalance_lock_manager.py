"""Who may consume a queue in order: one lock a queue and group, for one minute at a time.

Java 4.9.7: broker/client/rebalance/RebalanceLockManager. The lock of one queue is an automaton
(`lock`, `unlock`); the manager only keeps the table. BROKER-ORDER-1 to BROKER-ORDER-9.
"""

from collections.abc import Hashable, Iterable
from typing import NamedTuple, TypeVar

from refimpl.model.ids import Millis

REBALANCE_LOCK_MAX_LIVE_TIME = 60_000  # Java: -Drocketmq.broker.rebalance.lockMaxLiveTime

Queue = TypeVar("Queue", bound=Hashable)


class LockEntry(NamedTuple):
    """The owner of one queue and when it last asked. Java: RebalanceLockManager.LockEntry."""

    client_id: str
    last_update_timestamp: Millis

    def expired(self, now: Millis) -> bool:
        """True once strictly more than a minute has passed. BROKER-ORDER-3."""
        return now - self.last_update_timestamp > REBALANCE_LOCK_MAX_LIVE_TIME


def lock(entry: LockEntry | None, client_id: str, now: Millis) -> tuple[LockEntry, bool]:
    """Take or renew the lock; a live lock of another client stays as it is.

    BROKER-ORDER-1 (free), BROKER-ORDER-2 (renewed by its owner), BROKER-ORDER-3 (taken over after
    expiry), BROKER-ORDER-4 (refused, and the owner's time does not move).
    """
    if entry is not None and entry.client_id != client_id and not entry.expired(now):
        return entry, False
    return LockEntry(client_id, now), True


def unlock(entry: LockEntry | None, client_id: str) -> LockEntry | None:
    """Give the lock back; only its owner can, expired or not. BROKER-ORDER-5."""
    if entry is not None and entry.client_id == client_id:
        return None
    return entry


class RebalanceLockManager:
    """The table group -> queue -> lock. BROKER-ORDER-9: it lives in memory only."""

    __slots__ = ("_table",)

    def __init__(self) -> None:
        self._table: dict[str, dict[Hashable, LockEntry]] = {}

    def try_lock_batch(
        self, group: str, queues: Iterable[Queue], client_id: str, now: Millis
    ) -> list[Queue]:
        """Lock each queue on its own; the answer is those that the client now holds.

        BROKER-ORDER-6: one refused queue does not refuse the others.
        """
        locks = self._table.setdefault(group, {})
        granted: list[Queue] = []
        for queue in queues:
            entry, locked = lock(locks.get(queue), client_id, now)
            locks[queue] = entry
            if locked:
                granted.append(queue)
        return granted

    def unlock_batch(self, group: str, queues: Iterable[Hashable], client_id: str) -> None:
        """Unlock what the client holds; unknown groups, queues and other owners are no error."""
        locks = self._table.get(group)
        if locks is None:
            return
        for queue in queues:
            entry = locks.get(queue)
            if entry is not None and unlock(entry, client_id) is None:
                del locks[queue]

    def knows(self, group: str) -> bool:
        """True where a queue was ever locked in the group."""
        return group in self._table

    def is_lock_all_expired(self, group: str, now: Millis) -> bool:
        """True where no queue of the group has a live lock (5.5, for retries of orderly groups)."""
        return all(entry.expired(now) for entry in self._table.get(group, {}).values())

    def holder(self, group: str, queue: Hashable) -> LockEntry | None:
        """The entry of one queue, expired or not."""
        return self._table.get(group, {}).get(queue)
