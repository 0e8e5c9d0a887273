"""Counters of what the broker stored and served, with their snapshots.

Java 4.9.7: store/stats/BrokerStatsManager, common/stats/StatsItem, StatsItemSet. A counter costs a
dictionary entry and two additions; snapshots are taken by an actor. BROKER-LIFECYCLE-15.
"""

from collections.abc import Callable
from typing import NamedTuple

from refimpl.broker.actors import ActorTable
from refimpl.model.ids import Actor, Millis

QUEUE_PUT_NUMS = "QUEUE_PUT_NUMS"
QUEUE_PUT_SIZE = "QUEUE_PUT_SIZE"
QUEUE_GET_NUMS = "QUEUE_GET_NUMS"
QUEUE_GET_SIZE = "QUEUE_GET_SIZE"
TOPIC_PUT_NUMS = "TOPIC_PUT_NUMS"
TOPIC_PUT_SIZE = "TOPIC_PUT_SIZE"
GROUP_GET_NUMS = "GROUP_GET_NUMS"
GROUP_GET_SIZE = "GROUP_GET_SIZE"
GROUP_GET_LATENCY = "GROUP_GET_LATENCY"
SNDBCK_PUT_NUMS = "SNDBCK_PUT_NUMS"
BROKER_PUT_NUMS = "BROKER_PUT_NUMS"
BROKER_GET_NUMS = "BROKER_GET_NUMS"
GROUP_GET_FROM_DISK_NUMS = "GROUP_GET_FROM_DISK_NUMS"
GROUP_GET_FROM_DISK_SIZE = "GROUP_GET_FROM_DISK_SIZE"
GROUP_GET_FALL_SIZE = "GROUP_GET_FALL_SIZE"
GROUP_GET_FALL_TIME = "GROUP_GET_FALL_TIME"

NAMES = (
    QUEUE_PUT_NUMS,
    QUEUE_PUT_SIZE,
    QUEUE_GET_NUMS,
    QUEUE_GET_SIZE,
    TOPIC_PUT_NUMS,
    TOPIC_PUT_SIZE,
    GROUP_GET_NUMS,
    GROUP_GET_SIZE,
    GROUP_GET_LATENCY,
    SNDBCK_PUT_NUMS,
    BROKER_PUT_NUMS,
    BROKER_GET_NUMS,
    GROUP_GET_FROM_DISK_NUMS,
    GROUP_GET_FROM_DISK_SIZE,
)

_SECOND = 1000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


class StatsSnapshot(NamedTuple):
    """What a window of samples says. `avgpt` is the mean value per call."""

    total: int
    tps: float
    avgpt: float


class StatsItem:
    """One counter: a sum, a number of calls, and three windows of samples (time, calls, sum)."""

    __slots__ = ("times", "value", "windows")

    def __init__(self) -> None:
        self.value = 0
        self.times = 0
        self.windows: tuple[list[tuple[int, int, int]], ...] = ([], [], [])

    def sample(self, window: int, now: Millis) -> None:
        """Add a sample to the minute (0), hour (1) or day (2) window."""
        samples = self.windows[window]
        if not samples:
            samples.append((now - _PERIOD[window], 0, 0))
        samples.append((now, self.times, self.value))
        if len(samples) > _SAMPLES[window]:
            del samples[0]

    def snapshot(self, window: int) -> StatsSnapshot:
        """The difference between the last and the first sample of a window."""
        samples = self.windows[window]
        if not samples:
            return StatsSnapshot(0, 0.0, 0.0)
        first, last = samples[0], samples[-1]
        total, times = last[2] - first[2], last[1] - first[1]
        elapsed = last[0] - first[0]
        tps = total * 1000.0 / elapsed if elapsed else 0.0
        return StatsSnapshot(total, tps, total / times if times > 0 else 0.0)


_PERIOD = (10 * _SECOND, 10 * _MINUTE, _HOUR)
_SAMPLES = (7, 7, 25)


class BrokerStats:
    """All counters of one broker, and what had been counted at midnight."""

    __slots__ = (
        "_count",
        "_got",
        "_is_system",
        "_put",
        "msg_get_total_today_morning",
        "msg_get_total_yesterday_morning",
        "msg_put_total_today_morning",
        "msg_put_total_yesterday_morning",
        "tables",
    )

    def __init__(
        self,
        count: Callable[[], tuple[int, int]] | None = None,
        is_system: Callable[[str], bool] = lambda _topic: False,
    ) -> None:
        """`count` tells the totals where the store's are meant: BROKER-ADMIN-62.

        Topics that `is_system` knows are left out of totals that are counted here.
        """
        self.tables: dict[str, dict[str, StatsItem]] = {name: {} for name in NAMES}
        self._count = count
        self._is_system = is_system
        self._put = 0
        self._got = 0
        self.msg_put_total_today_morning = 0
        self.msg_put_total_yesterday_morning = 0
        self.msg_get_total_today_morning = 0
        self.msg_get_total_yesterday_morning = 0

    def add(self, name: str, key: str, value: int, times: int = 1) -> None:
        """Count `value` in `times` calls below `key` of the set `name`."""
        table = self.tables[name]
        item = table.get(key)
        if item is None:
            item = table[key] = StatsItem()
        item.value += value
        item.times += times

    def put(self, topic: str, cluster: str, count: int, size: int) -> None:
        """Count a stored send: messages and bytes of the topic, messages of the broker."""
        if self._count is None and not self._is_system(topic):
            self._put += count
        self.add(TOPIC_PUT_NUMS, topic, count)
        self.add(TOPIC_PUT_SIZE, topic, size)
        self.add(BROKER_PUT_NUMS, cluster, count)

    def got(self, group: str, topic: str, cluster: str, count: int, size: int) -> None:
        """Count a served pull: messages and bytes of the group, messages of the broker."""
        if self._count is None and not self._is_system(topic):
            self._got += count
        key = topic + "@" + group
        self.add(GROUP_GET_NUMS, key, count)
        self.add(GROUP_GET_SIZE, key, size)
        self.add(BROKER_GET_NUMS, cluster, count)

    def find(self, name: str, key: str) -> StatsItem | None:
        """One counter; None where the set or the key is unknown."""
        table = self.tables.get(name)
        return None if table is None else table.get(key)

    def start(self, actors: ActorTable, now: Millis) -> None:
        """Begin to sample: every ten seconds, ten minutes and hour; totals at midnight (UTC)."""
        for window, period in enumerate(_PERIOD):
            actors.every(
                Actor(f"broker-stats-{window}"),
                now,
                lambda period=period: period,  # type: ignore[misc]
                lambda at, window=window: self._sample(window, at),  # type: ignore[misc]
            )
        morning = Millis(now - now % _DAY + _DAY)
        actors.every(Actor("broker-stats-record"), morning, lambda: _DAY, self.record)

    def totals(self) -> tuple[int, int]:
        """Messages put and got since the start. BROKER-ADMIN-62."""
        return (self._put, self._got) if self._count is None else self._count()

    def record(self, _now: Millis) -> None:
        """Remember the totals of midnight (BrokerStats#record)."""
        self.msg_put_total_yesterday_morning = self.msg_put_total_today_morning
        self.msg_get_total_yesterday_morning = self.msg_get_total_today_morning
        self.msg_put_total_today_morning, self.msg_get_total_today_morning = self.totals()

    def delete_topic(self, topic: str) -> None:
        """Forget the counters of a deleted topic (BrokerStatsManager#onTopicDeleted)."""
        for name in (TOPIC_PUT_NUMS, TOPIC_PUT_SIZE):
            self.tables[name].pop(topic, None)
        for name in (GROUP_GET_NUMS, GROUP_GET_SIZE, SNDBCK_PUT_NUMS):
            _drop(self.tables[name], prefix=topic + "@")
        for name in (QUEUE_PUT_NUMS, QUEUE_PUT_SIZE, QUEUE_GET_NUMS, QUEUE_GET_SIZE):
            _drop(self.tables[name], prefix=topic + "@")

    def delete_group(self, group: str) -> None:
        """Forget the counters of a deleted group (BrokerStatsManager#onGroupDeleted)."""
        for name in (GROUP_GET_NUMS, GROUP_GET_SIZE, SNDBCK_PUT_NUMS, GROUP_GET_LATENCY):
            table = self.tables[name]
            for key in [k for k in table if k.endswith("@" + group)]:
                del table[key]

    def _sample(self, window: int, now: Millis) -> None:
        for table in self.tables.values():
            for item in table.values():
                item.sample(window, now)


def _drop(table: dict[str, StatsItem], *, prefix: str) -> None:
    for key in [k for k in table if k.startswith(prefix)]:
        del table[key]
