"""Java's pure functions, against what Java answered (STORE-MESSAGE-1 stands on them)."""

import pytest

from refimpl.model import java
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.release import Release
from refimpl.model.topic_validator import is_blank
from tests import vectors
from tests.vectors import Vector


def _text(vector: Vector) -> str:
    assert isinstance(vector.input, str)
    return vector.input


def test_string_hash() -> None:
    assert vectors.mismatches("string_hash", lambda _, v: java.string_hash(_text(v))) == []


def test_a_long_string_hashes_as_its_definition_says() -> None:
    for text in ("a" * 255, "b" * 256, "c" * 257, "d" * 10_000, "\U0001f41c" * 300):
        total = 0
        for unit in memoryview(text.encode("utf-16-le")).cast("H"):
            total = java.i32(total * 31 + unit)
        assert java.string_hash(text) == total


def test_crc32() -> None:
    def crcs(_release: Release, vector: Vector) -> JsonValue:
        fields = vector.fields()
        text, at, length = fields["bytes"], fields["offset"], fields["length"]
        assert isinstance(at, int)
        assert isinstance(length, int)
        if text is None:
            return [0, {"error": "NullPointerException"}]  # None is not in the type here
        assert isinstance(text, str)
        data = bytes.fromhex(text)
        return [java.crc32(data), java.crc32(data[at : at + length])]

    assert vectors.mismatches("crc32", crcs) == []


@pytest.mark.parametrize(
    ("function", "bits"), [(java.i8, 8), (java.i16, 16), (java.i32, 32), (java.i64, 64)]
)
def test_wrap(function: "type[int]", bits: int) -> None:
    top = 1 << bits - 1
    assert [function(top - 1), function(top), function(-top), function(-top - 1)] == [
        top - 1,
        -top,
        -top,
        top - 1,
    ]
    assert function(3 << bits | 5) == 5


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient", "rest"),
    [(7, 3, 2, 1), (-7, 3, -2, -1), (7, -3, -2, 1), (-7, -3, 2, -1), (0, 5, 0, 0)],
)
def test_division_rounds_towards_zero(
    dividend: int, divisor: int, quotient: int, rest: int
) -> None:
    assert java.divide(dividend, divisor) == quotient
    assert java.remainder(dividend, divisor) == rest


@pytest.mark.parametrize(
    "text", ["0", "-1", "+7", "2147483647", "-2147483648", "٣", "\uff11\uff12"]
)
def test_parse_int(text: str) -> None:
    assert java.parse_int(text) == int(text)


@pytest.mark.parametrize(
    "text",
    [None, "", "+", "-", "--1", " 1", "1 ", "1_0", "0x1", "1.0", "2147483648", "\U0001d7cf", "²"],
)
def test_parse_int_refuses(text: str | None) -> None:
    with pytest.raises(InvalidInput):
        java.parse_int(text)


def test_parse_long_ends_at_64_bits() -> None:
    assert java.parse_long("-9223372036854775808") == -(1 << 63)
    with pytest.raises(InvalidInput):
        java.parse_long("9223372036854775808")


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("TrUe", True), ("yes", False), ("", False), (None, False)]
)
def test_parse_boolean(text: str | None, value: bool) -> None:
    assert java.parse_boolean(text) is value


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("中", b"\xe4\xb8\xad"),
        ("\ud83d", b"?"),
        ("a\udc00b", b"a?b"),
        ("\ud83d\udc1c", b"\xf0\x9f\x90\x9c"),
    ],
)
def test_encode_utf8(text: str, data: bytes) -> None:
    assert java.encode_utf8(text) == data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xe4\xb8\xad", "中"),
        (b"\xff", "�"),
        (b"\xe4\xb8", "�"),
        (b"\xed\xa0\x80x", "�x"),  # an encoded surrogate is one mistake
        (b"\xed\xa0x", "�x"),
        (b"\xed\xa0", "�"),
        (b"\xc0\x80", "��"),
    ],
)
def test_decode_utf8(data: bytes, text: str) -> None:
    assert java.decode_utf8(data) == text


def test_hash_map_order_follows_the_buckets_and_doubles() -> None:
    keys = ["UNIQ_KEY", "TAGS", "KEYS", "DELAY", "WAIT"]
    assert java.hash_map_order(keys) != keys
    assert java.hash_map_order(["b", "a"]) == ["a", "b"]
    assert java.hash_map_order(["BB", "Aa"]) == ["BB", "Aa"]  # one hash: order of insertion
    crossed = ["q", "b", "a"]  # q shares the bucket of a among 16, not among 32
    assert java.hash_map_order(crossed) == ["q", "a", "b"]
    assert java.hash_map_order(crossed, 32) == ["a", "b", "q"]
    filler = [f"k{number}" for number in range(10)]  # 12 keys fill 16 buckets, the 13th doubles
    full = java.hash_map_order(["q", "a", *filler])
    doubled = java.hash_map_order(["q", "a", *filler, "one more"])
    assert full.index("q") < full.index("a")
    assert doubled.index("q") > doubled.index("a")


def test_util_strings() -> None:
    """Cutting and splitting text is Python's own here and not compared."""

    def parse(_release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, str | None)
        answer = dict(vector.result())
        for name, function in (("asInt7", java.parse_int), ("asLong7", java.parse_long)):
            try:
                answer[name] = function(vector.input)
            except InvalidInput:
                answer[name] = 7
        answer["isBlank"] = is_blank(vector.input)
        return answer

    assert vectors.mismatches("util_strings", parse) == []
