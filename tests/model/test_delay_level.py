"""The table of delay levels."""

from refimpl.model.delay_level import (
    DelayLevels,
    delay_level_to_queue_id,
    parse_delay_levels,
    queue_id_to_delay_level,
)
from refimpl.model.ids import JsonValue
from refimpl.model.release import Release
from tests import vectors
from tests.vectors import Vector

NOW = 1_600_000_000_000


def test_delay_levels() -> None:
    """BROKER-CONFIG-9, BROKER-CONFIG-10."""

    def parsed(_release: Release, vector: Vector) -> JsonValue:
        assert vector.input is None or isinstance(vector.input, str)
        levels = parse_delay_levels(vector.input)
        times = vector.result()[f"computeDeliverTimestamp@{NOW}"]
        assert isinstance(times, dict)
        return {
            "parsed": levels.complete,
            "maxDelayLevel": levels.max_level,
            "table": {str(level): delay for level, delay in levels.table.items()},
            f"computeDeliverTimestamp@{NOW}": {
                level: levels.deliver_timestamp(int(level), NOW) for level in times
            },
        }

    assert vectors.mismatches("delay_levels", parsed) == []


def test_queue_ids() -> None:
    def both(_release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, int)
        return [queue_id_to_delay_level(vector.input), delay_level_to_queue_id(vector.input)]

    assert vectors.mismatches("delay_queue_ids", both) == []


def test_an_unknown_level_waits_a_second() -> None:
    """BROKER-CONFIG-10."""
    levels = DelayLevels({1: 5}, 1, complete=True)
    assert levels.deliver_timestamp(1, 100) == 105
    assert levels.deliver_timestamp(2, 100) == 1100
