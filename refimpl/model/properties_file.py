"""Java's .properties files. java.util.Properties#load, MixAll#string2Properties."""

from typing import Final

from refimpl.model.errors import InvalidInput

_BLANK: Final = " \t\f"
_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_HEX_DIGITS: Final = 4


def _logical_lines(text: str) -> list[str]:
    """Join continued lines, drop comments and blank lines, cut the blanks that begin a line."""
    lines: list[str] = []
    pending = ""
    naturals = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, natural in enumerate(naturals, start=1):
        line = natural.lstrip(_BLANK)
        if not pending and (not line or line[0] in "#!"):
            continue
        joined = pending + line
        continued = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        pending = joined[:-1] if continued else ""
        if not continued or number == len(naturals):
            lines.append(pending if continued else joined)
    return lines


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    out: list[str] = []
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if char != "\\":
            out.append(char)
            continue
        char = text[position : position + 1]
        position += 1
        if char != "u":
            out.append(_ESCAPES.get(char, char))
            continue
        digits = text[position : position + _HEX_DIGITS]
        if len(digits) != _HEX_DIGITS or not _HEX.issuperset(digits):
            raise InvalidInput("properties", digits, "malformed \\uxxxx encoding")
        out.append(chr(int(digits, 16)))
        position += _HEX_DIGITS
    return "".join(out)


def _split(line: str) -> tuple[str, str]:
    """Cut at the first separator that no backslash protects."""
    escaped = False
    end = len(line)
    for position, char in enumerate(line):
        if not escaped and (char in _BLANK or char in "=:"):
            end = position
            break
        escaped = char == "\\" and not escaped
    rest = line[end:].lstrip(_BLANK)
    if rest[:1] in ("=", ":"):
        rest = rest[1:].lstrip(_BLANK)
    return line[:end], rest


def parse_properties(text: str | bytes) -> dict[str, str]:
    """Read a properties file, in the order of its lines; the last of equal keys wins.

    Java reads the file as ISO 8859-1, so a UTF-8 character becomes several (BROKER-CONFIG-8);
    text is taken as the file that holds it in UTF-8. A malformed escape of four hexadecimal digits
    raises `InvalidInput`: Java then has no properties at all.
    """
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    properties: dict[str, str] = {}
    for line in _logical_lines(data.decode("latin-1")):
        key, value = _split(line)
        properties[_unescaped(key)] = _unescaped(value)
    return properties
