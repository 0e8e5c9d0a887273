"""Ids against Java's."""

import pytest

from refimpl.model import calendar, hex_string, message_id
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Address, JsonValue
from refimpl.model.release import Release
from tests import vectors
from tests.vectors import Vector


def _address(text: JsonValue) -> Address:
    host, _, port = str(text).partition("|")
    return Address(host, int(port))


def _text(vector: Vector) -> str | None:
    assert isinstance(vector.input, str | None)
    return vector.input


def test_hex_strings() -> None:
    """STORE-MESSAGE-19."""

    def convert(_release: Release, vector: Vector) -> JsonValue:
        text = _text(vector)
        if not text:
            with pytest.raises(InvalidInput):
                hex_string.hex_to_bytes(text)
            return {"bytes": None, "back": None}
        data = hex_string.hex_to_bytes(text)
        return {"bytes": data.hex(), "back": hex_string.bytes_to_hex(data)}

    assert vectors.mismatches("hex_strings", convert) == []


def test_create_message_id() -> None:
    """STORE-MESSAGE-17."""

    def create(_release: Release, vector: Vector) -> JsonValue:
        offset = vector.fields()["offset"]
        assert isinstance(offset, int)
        text = message_id.create_message_id(_address(vector.fields()["host"]), offset)
        return {"byAddress": text, "byBuffer": text}

    assert vectors.mismatches("create_msgid", create) == []


def test_decode_message_id() -> None:
    """STORE-MESSAGE-18."""

    def decode(_release: Release, vector: Vector) -> JsonValue:
        found = message_id.decode_message_id(_text(vector))
        return {"host": "{}|{}".format(*found.address), "offset": found.offset}

    assert vectors.mismatches("decode_msgid", decode) == []


def test_an_id_reads_back() -> None:
    """STORE-MESSAGE-17."""
    for host in ("10.0.0.1", "2001:db8:0:0:0:0:0:1"):
        text = message_id.create_message_id(Address(host, 10911), 1 << 40)
        assert message_id.decode_message_id(text) == (Address(host, 10911), 1 << 40)
        assert len(text) == (32 if "." in host else 56)


@pytest.mark.parametrize("text", [None, "", "00" * 15, "00" * 17, "7F000001FFFFFFFF" + "0" * 16])
def test_what_is_no_message_id_is_refused(text: str | None) -> None:
    """STORE-MESSAGE-18: too short for its form, or a port below 0."""
    with pytest.raises(InvalidInput):
        message_id.decode_message_id(text)


def test_unique_id_parts() -> None:
    """When the span counts from is a matter of the clock; the span itself is not."""

    def part(function: object, text: str | None) -> JsonValue:
        assert callable(function)
        try:
            found = function(text)
        except InvalidInput:
            return "refused"
        return found.hex() if isinstance(found, bytes) else found

    def refused(value: JsonValue) -> JsonValue:
        return "refused" if isinstance(value, dict) and "error" in value else value

    for release, vector in vectors.each("uniqid_decode"):
        text, expected = _text(vector), vector.result()
        nearly = expected["nearlyTime"]
        span = nearly["span"] if isinstance(nearly, dict) and "span" in nearly else refused(nearly)
        assert part(message_id.unique_id_host, text) == refused(expected["ip"]), vector
        assert part(message_id.unique_id_ip, text) == refused(expected["ipBytes"]), vector
        assert part(message_id.unique_id_span, text) == span, vector
        if "pid" in expected:
            assert release.name != "4.6"
            assert part(message_id.unique_id_process, text) == refused(expected["pid"]), vector


def test_a_unique_id_reads_back() -> None:
    """STORE-MESSAGE-20: each part is cut to its width."""
    text = message_id.create_unique_id(bytes([10, 0, 0, 7]), 70_000, 0x12345678, 99, 65_537)
    assert text == "0A000007" + "1170" + "12345678" + "00000063" + "0001"
    assert message_id.unique_id_host(text) == "10.0.0.7"
    assert message_id.unique_id_process(text) == 70_000 & 0xFFFF
    assert message_id.unique_id_span(text) == 99


def test_month_of_a_unique_id() -> None:
    def month(_release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, int)
        start = calendar.month_start(vector.input)
        return {"startTime": start, "nextStartTime": calendar.next_month_start(vector.input)}

    assert vectors.mismatches("uniqid_month", month) == []


def test_time_strings() -> None:
    def texts(_release: Release, vector: Vector) -> JsonValue:
        at = vector.input
        assert isinstance(at, int)
        return [
            calendar.compact_millis(at),
            calendar.readable(at),
            calendar.compact_seconds(at),
        ]

    assert vectors.mismatches("time_strings", texts) == []
