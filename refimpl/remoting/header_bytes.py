"""The bytes of a JSON header as fastjson 2 goes over them, which is not always as UTF-8.

It looks at the first byte of a character only, takes its length from there, and so may pass over a
quotation mark; in names of members it is stricter, and what belongs to an unknown member it passes
over unread. Java: fastjson2/JSONReaderUTF8, as observed on a running 5.5.0. REMOTING-HEADER-23.
"""

from collections.abc import Callable

from refimpl.model.java import decode_utf8
from refimpl.remoting.errors import BodyRefused

_QUOTES = b"\"'"
_ASCII_END = 0x80
_SHORT_NAME = 8
_KNOWN = frozenset(
    (
        *("body", "code", "extFields", "flag", "language", "opaque", "remark"),
        *("serializeTypeCurrentRPC", "version"),
    )
)
_CONSTANTS = frozenset(("language", "serializeTypeCurrentRPC"))  # read as names are
_LEADS = {0xC: 2, 0xD: 2, 0xE: 3, 0xF: 4}  # by the upper half of the first byte
_LONGEST_LEAD = 0xF7


def header_text(header: bytes) -> str:
    """The header as text that a reader of JSON takes apart as fastjson 2 does `header`.

    Raises `BodyRefused` for bytes that fastjson 2 does not take for a character.
    """
    if header.isascii():
        return header.decode()
    return _Walk(header).text()


def _refuse(at: int) -> BodyRefused:
    return BodyRefused("JSON", f"malformed input around byte {at}", "fastjson2")


class _Walk:
    """One header, from byte to byte."""

    __slots__ = ("_at", "_data", "_depth", "_member", "_parts", "_wants_name")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._depth = 0
        self._member = ""  # of the header, whose value is being read
        self._wants_name = False
        self._parts: list[str] = []

    def text(self) -> str:
        data = self._data
        while self._at < len(data):
            byte = data[self._at]
            if byte in _QUOTES:
                self._string()
                continue
            if byte >= _ASCII_END:
                raise _refuse(self._at)
            char = chr(byte)
            if char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
            if char in "{,":
                self._wants_name = True
            elif char == ":":
                self._wants_name = False
            self._parts.append(char)
            self._at += 1
        return "".join(self._parts)

    def _string(self) -> None:
        """Pass one string; its text is written so that it ends where it ends for Java."""
        start = self._at + 1
        name = self._depth == 1 and self._wants_name
        if name:
            end = self._end_of_name(start)
        elif self._member and self._member not in _KNOWN:
            end = self._end(start, self._plain)
        elif self._depth == 1 and self._member in _CONSTANTS:
            end = self._end_of_name(start)
        else:
            end = self._end(start, self._lead)
        raw = decode_utf8(self._data[start:end])
        quote = chr(self._data[start - 1])
        self._parts.append(quote + _guarded(raw, quote) + quote)
        if name:
            self._member = raw
        self._at = end + 1

    def _end(self, at: int, step: Callable[[int], int]) -> int:
        """Where the string ends whose characters have the lengths that `step` tells."""
        data, quote = self._data, self._data[at - 1]
        while at < len(data):
            if data[at] == quote:
                return at
            at += 2 if data[at] == ord("\\") else step(at)
        raise _refuse(at)

    def _plain(self, at: int) -> int:  # noqa: ARG002 - one of several steps
        return 1

    def _lead(self, at: int) -> int:
        """What the first byte promises; the others are not looked at."""
        byte = self._data[at]
        if byte < _ASCII_END:
            return 1
        length = _LEADS.get(byte >> 4)
        if length is None or byte > _LONGEST_LEAD:
            raise _refuse(at)
        return length

    def _checked(self, at: int) -> int:
        """A character of two or three bytes, whose others must be its own."""
        length = self._lead(at)
        rest = self._data[at + 1 : at + length]
        if length == _LEADS[0xF] or any(byte >> 6 != 2 for byte in rest):  # noqa: PLR2004 - 10xxxxxx
            raise _refuse(at)
        return length

    def _latin(self, at: int) -> int:
        """In a short name two first bytes take any second one."""
        byte = self._data[at]
        if byte < _ASCII_END:
            return 1
        if byte in {0xC2, 0xC3}:
            return 2
        raise _refuse(at)

    def _end_of_name(self, at: int) -> int:
        length = 0

        def counted(place: int) -> int:
            nonlocal length
            length += 1
            return self._latin(place)

        try:
            end = self._end(at, counted)
        except BodyRefused:
            return self._end(at, self._checked)
        return end if length <= _SHORT_NAME else self._end(at, self._checked)


def _guarded(text: str, quote: str) -> str:
    """Escape a quotation mark that Java has passed over."""
    if quote not in text:
        return text
    parts: list[str] = []
    escaped = False
    for char in text:
        parts.append("\\" + char if char == quote and not escaped else char)
        escaped = char == "\\" and not escaped
    return "".join(parts)
