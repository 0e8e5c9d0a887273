"""Hexadecimal text as message ids have it. Java: common/UtilAll#bytes2string, #string2bytes."""

from refimpl.model.errors import InvalidInput

_DIGITS = "0123456789ABCDEF"


def bytes_to_hex(data: bytes) -> str:
    """Two upper-case digits for each byte."""
    return data.hex().upper()


def hex_to_bytes(text: str | None) -> bytes:
    """The bytes of `text`, leniently (STORE-MESSAGE-19); raises `InvalidInput` where it is empty.

    Either case; an odd last character is dropped; a character that is no digit counts as -1: it
    sets the upper half as the first of a pair, and both as the second.
    """
    if not text:
        raise InvalidInput("hex", str(text), "empty")  # Java answers null, and its users fall over
    upper = text.upper()
    try:
        if upper.isalnum() and upper.isascii():
            return bytes.fromhex(upper[: len(upper) & ~1])
    except ValueError:
        pass
    data = bytearray()
    for at in range(0, len(upper) - 1, 2):
        high, low = _DIGITS.find(upper[at]), _DIGITS.find(upper[at + 1])
        data.append((high << 4 | low) & 0xFF)
    return bytes(data)
