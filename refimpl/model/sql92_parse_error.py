"""What Java's SQL92 parser says of a text that is no selector (BROKER-FILTER-9).

It names the token that it met, where that begins, and what could have stood there instead. Java:
filter/parser/ParseException#initialise; which tokens are listed follows from the choices that the
generated parser tries (SelectorParser#generateParseException).
"""

from collections.abc import Iterable
from typing import Final

from lark import Token

from refimpl.model.release import Release

_TAB: Final = 8
_BMP_MAX: Final = 0xFFFF
_TEXT: Final = ('"CONTAINS"', '"STARTSWITH"', '"ENDSWITH"')
_ORDER: Final = ('">"', '">="', '"<"', '"<="')
# Terminals of our grammar in the order of Java's token kinds, with Java's images.
_IMAGES: Final[dict[str, tuple[str, ...]]] = {
    "NOT": ('"NOT"',),
    "AND": ('"AND"',),
    "OR": ('"OR"',),
    "BETWEEN": ('"BETWEEN"',),
    "IN": ('"IN"',),
    "TRUE": ('"TRUE"',),
    "FALSE": ('"FALSE"',),
    "NULL": ('"NULL"',),
    "IS": ('"IS"',),
    "TEXT_OPERATOR": _TEXT,
    "DECIMAL": ("<DECIMAL_LITERAL>",),
    "FLOAT": ("<FLOATING_POINT_LITERAL>",),
    "STRING": ("<STRING_LITERAL>",),
    "ID": ("<ID>",),
    "EQUAL": ('"="',),
    "NOT_EQUAL": ('"<>"',),
    "ORDER": _ORDER,
    "LPAR": ('"("',),
    "COMMA": ('","',),
    "RPAR": ('")"',),
    "MINUS": ('"-"',),
    "PLUS": ('"+"',),
}
_AFTER_NOT: Final = {"BETWEEN", "IN", "TEXT_OPERATOR"}
_SIGNS: Final = {"PLUS", "MINUS", "NOT"}
_ESCAPES: Final = {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "'": "\\'",
    "\\": "\\\\",
    "\0": "",
}


def escaped(text: str) -> str:
    """`text` as JavaCC quotes it: nothing for a zero, hexadecimal for what is not plain ASCII."""
    return "".join(
        _ESCAPES[char] if char in _ESCAPES else char if " " <= char <= "~" else _hex(char)
        for char in text
    )


def _hex(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def parse_error(
    text: str, read: list[Token], met: Token | None, accepted: Iterable[str], release: Release
) -> str:
    """The message; `read` was good, `met` (None: the end) was not, `accepted` names terminals.

    Tokens know their `start_pos` in `text`.
    """
    wanted = set(accepted)
    if read and read[-1].type == "NOT" and wanted <= _AFTER_NOT:
        met = read[-1]  # the parser looks two tokens ahead, and stands before NOT
        wanted = {"BETWEEN", "IN", "TEXT_OPERATOR", "ORDER"}
    elif "ID" in wanted:
        plus = _plus_without_operand(read)
        if plus is not None:
            met = plus
            wanted -= {"PLUS"}
    if not release.sql_has_text_operators:
        wanted -= {"TEXT_OPERATOR", "PLUS"}  # only the grammar with these operators tries the plus
        if wanted == {"NOT", "NULL"}:
            wanted = {"NOT"}  # and, behind IS, NULL as a choice
    images = [image for kind, images in _IMAGES.items() if kind in wanted for image in images]
    assert images, "something can always follow where the end cannot"
    head = "Was expecting:" if len(images) == 1 else "Was expecting one of:"
    listed = "".join(f"{image} ...\n    " for image in images)
    return f"Encountered {_met(text, met)}.\n{head}\n    {listed}"


def _plus_without_operand(read: list[Token]) -> Token | None:
    """The first plus of the signs at the end: Java takes none before it has seen its operand."""
    first = None
    for token in reversed(read):
        if token.type not in _SIGNS:
            break
        first = token if token.type == "PLUS" else first
    return first


def _met(text: str, met: Token | None) -> str:
    if met is None:
        line, column = _place(text, len(text) - 1)
        return f'"<EOF>" at line {line}, column {column}'
    start = met.start_pos
    assert start is not None
    line, column = _place(text, start)
    image = text[start : start + len(met)]
    kind = _IMAGES[met.type][0]
    if met.type in {"ORDER", "TEXT_OPERATOR"}:
        kind = f'"{image.upper()}"'
    return f'" {kind} "{escaped(image)} "" at line {line}, column {column}'


def _place(text: str, index: int) -> tuple[int, int]:
    """Line and column of a character as JavaCC counts: UTF-16 units, tabs to the next eighth."""
    line, column, before = 1, 0, ""
    if index < 0:
        return 0, 0
    for char in text[: index + 1]:
        if before == "\n" or (before == "\r" and char != "\n"):
            line, column = line + 1, 0
        column += 2 if ord(char) > _BMP_MAX else 1
        if char == "\t":
            column = column - 1 + _TAB - (column - 1) % _TAB
        before = char
    return line, column
