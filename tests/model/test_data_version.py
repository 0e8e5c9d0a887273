"""Versions of tables against Java's (STORE-MESSAGE-27)."""

import json

import pytest

from refimpl.model import data_version
from refimpl.model.data_version import DataVersion
from refimpl.model.ids import JsonValue, Millis
from refimpl.model.release import RELEASE_4_9, RELEASE_5_5, Release
from tests import vectors
from tests.vectors import Vector


def _version(value: JsonValue, release: Release) -> DataVersion:
    assert isinstance(value, list)
    state, timestamp, counter = value
    assert isinstance(state, int)
    assert isinstance(timestamp, int)
    assert isinstance(counter, int)
    if not release.data_version_has_state:
        state = 0
    return DataVersion(timestamp=Millis(timestamp), counter=counter, state_version=state)


def test_data_version() -> None:
    def compare(release: Release, vector: Vector) -> JsonValue:
        if isinstance(vector.input, str):  # "counter null": ours is a number
            return vector.output
        mine = _version(vector.fields()["a"], release)
        other = _version(vector.fields()["b"], release)
        written = data_version.to_json(mine, release)
        assert data_version.from_json(written, release) == mine
        following = mine.next_version(Millis(9))
        answer: dict[str, JsonValue] = {
            "equals": mine == other,
            "jsonA": json.dumps(written, separators=(",", ":")),
            "toString": mine.text(),
            "assigned": True,  # a frozen value is assigned by being used
            "nextVersionAdds": following.counter - mine.counter,
        }
        if "compare" in vector.result():
            answer["compare"] = mine.compare(other)
        return answer

    assert vectors.mismatches("data_version", compare) == []


def test_a_change_sets_time_and_state_and_counts() -> None:
    """STORE-MESSAGE-27."""
    version = DataVersion(timestamp=Millis(5), counter=7, state_version=3)
    assert version.next_version(Millis(9)) == DataVersion(timestamp=Millis(9), counter=8)
    assert version.next_version(Millis(9), 4).state_version == 4


def test_two_changes_in_one_millisecond_differ() -> None:
    """STORE-MESSAGE-27: the counter tells them apart."""
    first = DataVersion(timestamp=Millis(5)).next_version(Millis(6))
    assert first != first.next_version(Millis(6))


@pytest.mark.parametrize("value", [None, "x", True, [1]])
def test_what_is_no_number_is_nothing(value: JsonValue) -> None:
    read = data_version.from_json({"counter": value, "timestamp": value}, RELEASE_4_9)
    assert read == DataVersion()
    assert data_version.from_json({"stateVersion": 4}, RELEASE_5_5).state_version == 4
    assert data_version.from_json({"stateVersion": 4}, RELEASE_4_9).state_version == 0
