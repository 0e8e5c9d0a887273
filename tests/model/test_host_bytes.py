"""Hosts as bytes and text (STORE-MESSAGE-5)."""

import pytest

from refimpl.model import host_bytes
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Address, JsonValue
from refimpl.model.release import Release
from tests import vectors
from tests.vectors import Vector


def test_ip_text() -> None:
    """The checks of which interface a client may use are no business of a broker: not made here."""

    def text(_release: Release, vector: Vector) -> JsonValue:
        data = bytes.fromhex(str(vector.input))
        answer = dict(vector.result())
        if len(data) in {4, 16}:
            name = "ipToIPv4Str" if len(data) == 4 else "ipToIPv6Str"
            answer[name] = host_bytes.bytes_to_padded_host(data)
        return answer

    assert vectors.mismatches("ip_checks", text) == []


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("::1", "0:0:0:0:0:0:0:1"),
        ("2001:DB8::1", "2001:db8:0:0:0:0:0:1"),
        ("fe80::1%eth0", "fe80:0:0:0:0:0:0:1"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("::", "0:0:0:0:0:0:0:0"),
    ],
)
def test_ipv6_is_printed_in_full(text: str, full: str) -> None:
    """STORE-MESSAGE-5."""
    packed = host_bytes.host_to_bytes(text)
    assert len(packed) == 16
    assert host_bytes.bytes_to_host(packed) == full
    assert host_bytes.is_v6(text)


def test_an_ipv4_address_in_ipv6_form_is_ipv4() -> None:
    """STORE-MESSAGE-5."""
    assert host_bytes.host_to_bytes("::ffff:10.0.0.1") == bytes([10, 0, 0, 1])
    mapped = bytes(10) + b"\xff\xff" + bytes([10, 0, 0, 1])
    assert host_bytes.bytes_to_host(mapped) == "10.0.0.1"


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "1.2.3", "1.2.3.256", "1.2.3.x", "1:2", ":::", "1::2::3", "g::1", "12345::1"],
)
def test_a_name_is_no_address(text: str) -> None:
    with pytest.raises(InvalidInput):
        host_bytes.host_to_bytes(text)


def test_a_port_is_four_bytes_with_a_limit() -> None:
    assert (
        host_bytes.address_to_bytes(Address("1.2.3.4", 65535))
        == b"\x01\x02\x03\x04\x00\x00\xff\xff"
    )
    for port in (b"\x00\x01\x00\x00", b"\xff\xff\xff\xff"):
        with pytest.raises(InvalidInput):
            host_bytes.bytes_to_address(b"\x01\x02\x03\x04" + port)
