"""Delay levels: `messageDelayLevel` and what follows from it.

Java 4.9.7: store/schedule/ScheduleMessageService#parseDelayLevel, #computeDeliverTimestamp.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from refimpl.model.errors import InvalidInput
from refimpl.model.java import i32, i64, parse_long

_UNITS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DEFAULT_DELAY: Final = 1000  # milliseconds, for a level that the table does not have


class DelayLevels(NamedTuple):
    """The parsed table. `complete` is False where Java stops at an item that it cannot read."""

    table: Mapping[int, int]  # level, from 1 -> delay in milliseconds
    max_level: int
    complete: bool

    def deliver_timestamp(self, level: int, store_timestamp: int) -> int:
        """Time of delivery; an unknown level waits one second (BROKER-CONFIG-10)."""
        return i64(store_timestamp + self.table.get(level, _DEFAULT_DELAY))


def parse_delay_levels(text: str | None) -> DelayLevels:
    """Read `1s 5s 10s`: one number and one of s, m, h, d, with single blanks (BROKER-CONFIG-9).

    Java reads up to the first bad item, keeps what it has and then refuses to start; the highest
    level already counts the bad item unless that is empty.
    """
    if text is None:
        return DelayLevels({}, 0, complete=False)
    items = text.split(" ")
    while len(items) > 1 and not items[-1]:
        items.pop()
    table: dict[int, int] = {}
    max_level = 0
    for level, item in enumerate(items if any(items) or not text else [], start=1):
        if not item:
            return DelayLevels(table, max_level, complete=False)
        max_level = level
        unit = _UNITS.get(item[-1])
        try:
            number = parse_long(item[:-1])
        except InvalidInput:
            return DelayLevels(table, max_level, complete=False)
        if unit is None:
            return DelayLevels(table, max_level, complete=False)
        table[level] = i64(unit * number)
    return DelayLevels(table, max_level, complete=True)


def delay_level_to_queue_id(level: int) -> int:
    """Queue of SCHEDULE_TOPIC_XXXX that holds the messages of `level`."""
    return i32(level - 1)


def queue_id_to_delay_level(queue_id: int) -> int:
    """Level whose messages lie in this queue of SCHEDULE_TOPIC_XXXX."""
    return i32(queue_id + 1)
