"""Plain fields as a running 5.5.0 read them."""

import pytest

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.json_value import boolean, constant, integer
from refimpl.model.release import RELEASE_4_9, RELEASE_5_5
from refimpl.model.subscription_group import from_json as group_from_json
from refimpl.model.topic_config import TopicFilterType, to_json
from refimpl.model.topic_config import from_json as topic_from_json
from refimpl.remoting.body.java_json import NumberText

INTEGERS: list[tuple[object, int | None]] = [
    *((None, 0), ("", 0), ("null", 0), (True, 1), (False, 0), ("true", 1), ("+", 0), ("-", 0)),
    *(("+5", 5), ("-0", 0), ("007", 7), ("0x1", 0), ("1e3", 1000), ("5.0", 5), ("1e", 1)),
    *(("1.", 1), (".5", 0), ("e5", 0), ("-1.9", -1), ("1.5e1", 15), ("1+1", 1), ("1e-1", 0)),
    *((NumberText("1.5"), 1), (NumberText("1e400"), 2147483647), ("1e10", 2147483647)),
    *(({}, 0), ({"a": 1}, 0), ([1], 1), (["1"], 1), ([], None), ([1, "b"], None), ([True], None)),
    *(("TRUE", None), (" 5", None), ("5 ", None), ("5L", None), ("0x10", None), ("--1", None)),
    *(("2147483648", None), (1 << 31, None), ("-2147483648", -2147483648), ("NaN", None)),
]
BOOLEANS: list[tuple[object, bool | None]] = [
    *((None, False), ("", False), ("null", False), ("tRuE", True), ("FALSE", False), ("1", True)),
    *((1, True), (-1, True), (5, False), (NumberText("1.5"), False), ([True], True), ([0], False)),
    *(("2", None), ("true ", None), ("yes", None), ({}, None), ([], None), (["x"], None)),
]
CONSTANTS: list[tuple[JsonValue, str | None]] = [
    *(
        ("A", "A"),
        ("b", "B"),
        (0, "A"),
        (1, "B"),
        ("1", "B"),
        ("-0", "A"),
        (NumberText("1.5"), "B"),
    ),
    *((None, None), ("", None), ("null", None), ("X", None), ("5", None), ("+1", None)),
]


@pytest.mark.parametrize(("value", "expected"), INTEGERS)
def test_integers(value: JsonValue, expected: int | None) -> None:
    """REMOTING-HEADER-22."""
    if expected is None:
        with pytest.raises(InvalidInput):
            integer(value, "n")
    else:
        assert integer(value, "n") == expected


def test_longs() -> None:
    """REMOTING-HEADER-22."""
    assert integer("9223372036854775807", "n", wide=True) == (1 << 63) - 1
    assert integer("1e10", "n", wide=True) == 10**10
    with pytest.raises(InvalidInput):
        integer("9223372036854775808", "n", wide=True)
    with pytest.raises(InvalidInput):
        integer({}, "n", wide=True)


@pytest.mark.parametrize(("value", "expected"), BOOLEANS)
def test_booleans(value: JsonValue, expected: bool | None) -> None:
    """REMOTING-HEADER-22."""
    if expected is None:
        with pytest.raises(InvalidInput):
            boolean(value, "b")
    else:
        assert boolean(value, "b") is expected


@pytest.mark.parametrize(("value", "expected"), CONSTANTS)
def test_constants(value: JsonValue, expected: str | None) -> None:
    """REMOTING-HEADER-22."""
    assert constant(value, ("A", "B"), "e") == expected


@pytest.mark.parametrize("value", [2, -1, True, {}, [0], "2147483648"])
def test_constants_that_are_refused(value: JsonValue) -> None:
    """REMOTING-HEADER-22."""
    with pytest.raises(InvalidInput):
        constant(value, ("A", "B"), "e")


def test_null_in_a_topic_and_a_group() -> None:
    """REMOTING-HEADER-22: fastjson 1 keeps the initial value."""
    topic: dict[str, JsonValue] = {"topicName": "T", "readQueueNums": None, "topicFilterType": None}
    later, earlier = (topic_from_json(topic, release) for release in (RELEASE_5_5, RELEASE_4_9))
    assert (later.read_queue_nums, later.write_queue_nums, later.topic_filter_type) == (0, 16, None)
    assert "topicFilterType" not in to_json(later, RELEASE_5_5)
    assert earlier.read_queue_nums == 16
    assert earlier.topic_filter_type is TopicFilterType.SINGLE_TAG
    group: dict[str, JsonValue] = {
        "retryMaxTimes": None,
        "consumeEnable": None,
        "brokerId": 1 << 40,
    }
    read = group_from_json(group, RELEASE_5_5)
    assert (read.retry_max_times, read.consume_enable, read.broker_id) == (0, False, 1 << 40)
    read = group_from_json(group, RELEASE_4_9)
    assert (read.retry_max_times, read.consume_enable, read.broker_id) == (16, True, 1 << 40)
    with pytest.raises(InvalidInput):
        group_from_json({"attributes": []}, RELEASE_5_5)
    with pytest.raises(InvalidInput):
        topic_from_json({"attributes": 3}, RELEASE_5_5)
