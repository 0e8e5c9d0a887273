"""The text of properties against Java's."""

import pytest

from refimpl.model import message_property as properties
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, Release
from tests import vectors
from tests.vectors import Vector


def test_props_to_string() -> None:
    def encode(release: Release, vector: Vector) -> JsonValue:
        if vector.input is None:
            return properties.properties_to_string(None, release)
        assert isinstance(vector.input, list)
        pairs: dict[str, str | None] = {}
        for pair in vector.input:
            assert isinstance(pair, list)
            name, value = pair
            assert isinstance(value, str | None)
            pairs["null" if name is None else str(name)] = value  # Java prints a null name so
        return properties.properties_to_string(pairs, release)

    assert vectors.mismatches("props_to_string", encode) == []


def test_string_to_props() -> None:
    def decode(release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, str | None)
        return dict(properties.string_to_properties(vector.input, release))

    assert vectors.mismatches("string_to_props", decode) == []


# Names of 5.5 for what the reference leaves out: pop, tiered store, timer wheel, lite, proxy.
def test_constants_are_java_s() -> None:
    mine = {
        name: value
        for name, value in vars(properties).items()
        if name.startswith("PROPERTY_") and isinstance(value, str) and name != "PROPERTY_SEPARATOR"
    }
    java = {
        str(vector.input): vector.output for _, vector in vectors.each("const_message_property")
    }
    assert {name: java.get(name) for name in mine} == mine
    for _, vector in vectors.each("const_message_property", "4.6"):
        name = str(vector.input)
        assert mine.get(name, getattr(properties, name, None)) == vector.output or (
            name.startswith("PROPERTY_EXTEND_UNIQ")
        ), name


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("a\x01b\x01c", {}, {"a": "b\x01c"}),
        ("a\x01b\x01", {"a": "b"}, {"a": "b\x01"}),
        ("\x01b", {"": "b"}, {}),
        ("a\x01\x02c\x01d", {"c": "d"}, {"c": "d"}),
        ("a\x01b\x02\x02", {"a": "b"}, {"a": "b"}),
        ("a\x01b\x02a\x01c", {"a": "c"}, {"a": "c"}),
    ],
)
def test_what_a_separator_in_a_value_does(
    text: str, old: dict[str, str], new: dict[str, str]
) -> None:
    """STORE-MESSAGE-9, STORE-MESSAGE-10."""
    assert properties.string_to_properties(text, RELEASE_4_6) == old
    assert properties.string_to_properties(text, RELEASE_4_9) == new
    assert properties.string_to_properties(text, RELEASE_5_5) == new


def test_the_end_of_the_text() -> None:
    """STORE-MESSAGE-8: 4.9 leaves the last separator away."""
    given = {"a": "b", "c": "d"}
    printed = [
        properties.properties_to_string(given, release)
        for release in (RELEASE_4_6, RELEASE_4_9, RELEASE_5_5)
    ]
    assert printed == ["a\x01b\x02c\x01d\x02", "a\x01b\x02c\x01d", "a\x01b\x02c\x01d\x02"]


def test_order_of_what_was_parsed() -> None:
    """STORE-MESSAGE-11: by bucket, and 5.5 begins with more of them."""
    given = {"UNIQ_KEY": "1", "WAIT": "2", "TAGS": "3", "KEYS": "4", "DELAY": "5"}
    old = list(properties.in_java_order(given, RELEASE_4_9))
    # WAIT and DELAY share a bucket
    assert old == ["KEYS", "UNIQ_KEY", "WAIT", "DELAY", "TAGS"]
    assert properties.in_java_order(given, RELEASE_5_5) == given
    letters = {"z": "1", "a": "2", "m": "3"}
    assert "".join(properties.in_java_order(letters, RELEASE_4_9)) == "azm"
    assert "".join(properties.in_java_order(letters, RELEASE_5_5)) == "amz"
