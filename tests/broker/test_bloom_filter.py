"""Bloom filter, versions, attributes and byte counts against Java's own answers."""

import pytest

from refimpl.broker.attributes import (
    GROUP_ATTRIBUTES,
    TOPIC_ATTRIBUTES,
    alter_attributes,
    parse_to_map,
)
from refimpl.broker.bloom_filter import BloomFilter
from refimpl.broker.mq_version import version_desc
from refimpl.broker.processor.admin_config import human_readable_byte_count
from refimpl.broker.processor_threw import ProcessorThrew
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.release import Release
from tests import vectors
from tests.vectors import Vector


def test_bloom_filter_as_java() -> None:
    """bloom_filter.jsonl: sizes and positions, or the refusal of the numbers."""

    def answer(_release: Release, vector: Vector) -> JsonValue:
        given = vector.fields()
        f, n, text = given["f"], given["n"], given.get("str")
        assert isinstance(f, int)
        assert isinstance(n, int)
        bloom = BloomFilter(f, n)
        if text is None:
            size = f"f: {bloom.f}, n: {bloom.n}, k: {bloom.k}, m: {bloom.m}"
            return {"k": bloom.k, "m": bloom.m, "toString": size}
        assert isinstance(text, str)
        return list(bloom.calc_bit_positions(text))

    assert vectors.mismatches("bloom_filter", answer) == []


def test_data_of_another_size_is_not_valid() -> None:
    bloom, other = BloomFilter(20, 32), BloomFilter(10, 20)
    data = bloom.generate("G#T")
    assert bloom.is_valid(data)
    assert not other.is_valid(data)
    assert not bloom.is_valid(None)


def test_versions_as_java() -> None:
    """const_version.jsonl, the names: BROKER-ADMIN-17 shows one of them."""

    def answer(release: Release, vector: Vector) -> JsonValue:
        if isinstance(vector.input, int):
            return version_desc(vector.input)
        if vector.input == "CURRENT_VERSION":
            return release.header_version
        if vector.input not in numbers:
            raise InvalidInput("version", str(vector.input), "unknown")
        return numbers[vector.input]

    numbers: dict[object, int] = {version_desc(n): n for n in range(613)}
    assert len(numbers) == 613
    assert vectors.mismatches("const_version", answer) == []
    with pytest.raises(ProcessorThrew):
        version_desc(-1)


def test_byte_counts_as_java() -> None:
    """human_bytes.jsonl, the binary form."""

    def answer(_release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, int)
        assert isinstance(vector.output, list)
        return [vector.output[0], human_readable_byte_count(vector.input)]

    assert vectors.mismatches("human_bytes", answer) == []


def test_attributes_are_parsed_as_java() -> None:
    """attribute_parser.jsonl: BROKER-ADMIN-5."""
    for vector in vectors.load("5.5", "attribute_parser"):
        assert vector.input is None or isinstance(vector.input, str)
        if vector.error is not None:
            with pytest.raises(ProcessorThrew) as thrown:
                parse_to_map(vector.input)
            assert vector.error in thrown.value.class_name, vector
        else:
            assert parse_to_map(vector.input) == vector.result()["map"], vector


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"message.type": "NORMAL"}, "only add attribute is supported while creating topic."),
        ({"+no.such": "1"}, "unsupported key: no.such"),
        ({"+message.type": "ODD"}, "value is not in set"),
        ({"+reserve.time": "-2"}, "value is not in range(-1, "),
        ({"+": "1"}, "kv string format wrong."),
    ],
)
def test_attributes_of_a_new_topic_are_checked(asked: dict[str, str], message: str) -> None:
    """BROKER-ADMIN-5: nothing but `+`, known names, values in range."""
    with pytest.raises(ProcessorThrew) as thrown:
        alter_attributes(TOPIC_ATTRIBUTES, {}, asked, create=True)
    text = thrown.value.message or ""
    assert message in text or text.startswith("only add")


def test_attributes_change_by_sign() -> None:
    """BROKER-ADMIN-5, BROKER-ADMIN-22."""
    old = {"message.type": "NORMAL", "queue.type": "SimpleCQ"}
    asked = {"+message.type": "FIFO", "+reserve.time": "5"}
    merged = alter_attributes(TOPIC_ATTRIBUTES, old, asked, create=False)
    assert merged == {"message.type": "FIFO", "queue.type": "SimpleCQ", "reserve.time": "5"}
    gone = alter_attributes(TOPIC_ATTRIBUTES, merged, {"-reserve.time": ""}, create=False)
    assert "reserve.time" not in gone
    for refused in ({"+queue.type": "BatchCQ"}, {"-reserve.time": ""}, {"plain": "1"}):
        with pytest.raises(ProcessorThrew):
            alter_attributes(TOPIC_ATTRIBUTES, gone, refused, create=False)
    group = alter_attributes(GROUP_ATTRIBUTES, {}, {"+priority.factor": "100"}, create=True)
    assert group == {"priority.factor": "100"}


def test_bounds_of_the_filter() -> None:
    for f, n in ((0, 1), (100, 1), (10, 0)):
        with pytest.raises(InvalidInput):
            BloomFilter(f, n)
