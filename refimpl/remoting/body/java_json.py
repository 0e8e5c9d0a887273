"""JSON as fastjson reads and writes it, for bodies and files.

`parse` reads what the release's fastjson reads; `write` prints what it prints: no blanks, null left
out, numbers as keys bare, objects as keys. fastjson 1 is that of 4.6.1 and 4.9.7, fastjson 2 that
of 5.5.0. REMOTING-HEADER-5, REMOTING-HEADER-15, REMOTING-HEADER-17, REMOTING-HEADER-18.
"""

import re
from collections.abc import Mapping, Sequence
from json import dumps, loads
from typing import NamedTuple, TypeAlias, cast

from refimpl.model.ids import JsonValue
from refimpl.model.java import decode_utf8
from refimpl.model.java_double import double_to_string
from refimpl.model.release import Release
from refimpl.remoting.errors import BodyRefused
from refimpl.remoting.json_header import quote

__all__ = [
    "DEPTH_MAX",
    "NumberText",
    "ObjectKey",
    "Writable",
    "parse",
    "parse_body",
    "quote",
    "text_of",
    "write",
    "write_standard",
]

ASCII_END = 0x80
DEPTH_MAX = 200  # fastjson 1 has no limit but the stack of its thread, fastjson 2 has 2048
_BLANKS = " \t\r\n\f\b"
_CONTROLS = "".join(map(chr, range(0x20))).replace("\x1a", "") + "\x7f"
_END_MARK = "\x1a"
_SUFFIXES = "LSBFD"  # of Java's long, short, byte, float and double
_LITERALS = {"true": True, "false": False, "null": None}
_NUMBER = frozenset("+-0123456789.eE")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "F": "\f"}
_DIGITS = {str(n): chr(n) for n in range(8)}
_SHORT_NAMES = range(1, 9)  # lengths for which fastjson 2 minds the end while it reads a name
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_MAP_MEMBER = "extFields"
_NO_ERROR = "{[\"'\ufeff/0123456789" + _BLANKS + _CONTROLS + _END_MARK  # tokens, or no tokens
_IDENTIFIER = re.compile(r"[TNSu][A-Za-z0-9_$]*")
_DIGITS_1 = frozenset("+-0123456789")
_FAST = re.compile(r'\{(?:"code":-?[0-9]+,)?"extFields":')
_NO_TOKENS = _END_MARK + "/"  # the end, and a comment that is none
_NUMBER_1 = re.compile(r"\+?-?[0-9]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]*)?")
_BEHIND_LITERAL = ("", *" ,}]\n\r\t\x1a\f\b:/")  # JSONLexerBase#scanTrue
# Tokens of fastjson 1 that are no strings: JSONLexerBase#nextToken.
_TOKEN = re.compile(
    r"(?:[-+][0-9]*|[0-9]+)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]*)?[LSBFD]?"
    r"|(?:true|false|null|new)(?=[ ,}\]\n\r\t\x1a\f\b:/]|$)"
    r"|(?:undefined|NULL|Set|TreeSet)(?![A-Za-z0-9_$])"
    r"|x'[0-9A-F]*'|[()\[\]{};.]"
)


class NumberText(str):
    """A number with a fraction or an exponent, as it was written."""

    __slots__ = ()


class ObjectKey(NamedTuple):
    """The text of an object that stands where JSON has a string: a key of a table."""

    text: str


Writable: TypeAlias = (
    "str | int | float | bool | Sequence[Writable] | Mapping[str, Writable]"
    " | Mapping[int, Writable] | Mapping[ObjectKey, Writable] | None"
)


def _plain(name: str) -> str:
    """A name of a member as fastjson 1 compares it: without case, `_` and `-`."""
    return name.replace("_", "").replace("-", "").lower()


class _Malformed(Exception):
    """The text is not even what fastjson reads."""


class _PastEnd(_Malformed):
    """fastjson 2 reads on behind the last byte."""


class _Reader:
    """One text on its way through the lenient grammar."""

    __slots__ = ("_at", "_map", "_members", "_old", "_text", "before_comma")

    def __init__(self, text: str, *, old: bool, members: frozenset[str]) -> None:
        self._members = members  # of the Java object, as `_plain` has them; empty in fastjson 2
        self._map = False  # the object that comes next is a table of texts
        self.before_comma: str | None = None  # the last member of the document, if a comma follows
        self._text = text
        self._old = old
        self._at = 0

    def document(self) -> JsonValue:
        """The whole text; only blanks, and all that is behind an end mark, may follow the value."""
        self._text = self._text.strip(_CONTROLS if self._old else "\0")
        if self._old and self._text.startswith("\ufeff"):
            self._at = 1
        value = self._value(0) if self._has_brace() else self._object(0)
        self._skip()
        if not self._old and self._text[self._at : self._at + 1] == ",":
            self._at += 1
        if self._at < len(self._text) and self._text[self._at] != _END_MARK:
            raise _Malformed(f"something follows the value at {self._at}")
        return value

    def _has_brace(self) -> bool:
        """False where fastjson 2 reads members although their brace was left out."""
        if self._old or not self._members or self._peek() != '"':
            return True
        self._at -= 1  # where the brace would stand
        return False

    def _skip(self) -> None:
        """Pass blanks and comments."""
        text, end = self._text, len(self._text)
        while self._at < end:
            char = text[self._at]
            if char in _BLANKS:
                self._at += 1
            elif char == "/" and text.startswith("//", self._at):
                newline = text.find("\n", self._at)
                self._at = end if newline < 0 else newline + 1
            elif char == "/" and text.startswith("/*", self._at):
                close = text.find("*/", self._at + 2)
                if close < 0:
                    raise _Malformed("a comment has no end")
                self._at = close + 2
            else:
                return

    def _peek(self) -> str:
        self._skip()
        return self._text[self._at] if self._at < len(self._text) else ""

    def _pass_controls(self, *, before: bool = False) -> None:
        """Pass what fastjson 1 takes for blank before and behind a value, but not at a name.

        The end mark is one of them before a value, and the end behind one.
        """
        controls = _CONTROLS + _END_MARK if before else _CONTROLS
        self._skip()
        while self._old and self._at < len(self._text) and self._text[self._at] in controls:
            self._at += 1
            self._skip()

    def _value(self, depth: int) -> JsonValue:
        if depth > DEPTH_MAX:
            raise _Malformed(f"more than {DEPTH_MAX} levels")
        self._pass_controls(before=True)
        char = self._peek()
        if char and (char in "{[\"'" or char in (_DIGITS_1 if self._old else _NUMBER)):
            value = self._delimited(char, depth)
            self._pass_controls(before=depth == 1 and char == "{")
            return value
        if depth == 0 and char == "}":  # both releases take a lone brace for an empty object
            self._at += 1
            return {}
        return self._literal()

    def _delimited(self, char: str, depth: int) -> JsonValue:
        if char == "{":
            return self._object(depth)
        if char == "[":
            return self._array(depth)
        return self._number() if char in _NUMBER else self._string(char)

    def _literal(self) -> JsonValue:
        for word, value in _LITERALS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                if self._old and self._text[self._at : self._at + 1] not in _BEHIND_LITERAL:
                    raise _Malformed(f"something follows a literal at {self._at}")
                return value
        if self._old and self._text.startswith("NaN", self._at):
            self._at += 3
            return None
        raise _Malformed(f"no value at {self._at}")

    def _number(self) -> JsonValue:
        start, text = self._at, self._text
        if self._old:
            found = _NUMBER_1.match(text, start)
            assert found is not None, "it may be empty"
            self._at = found.end()
        while not self._old and self._at < len(text) and text[self._at] in _NUMBER:
            self._at += 1
        word = text[start : self._at]
        if text[self._at : self._at + 1] in _SUFFIXES and self._at < len(text):
            self._at += 1
        if not self._old and text[self._at :].lstrip(_BLANKS).startswith("/*"):
            raise _Malformed(f"a comment behind a number at {self._at}")
        if self._old and len(word) > 1 and word[0] == "0" and word.isdecimal():
            return NumberText(word)  # as a text it keeps its zeros
        try:
            return int(word)
        except ValueError:
            pass
        try:
            float(word)
        except ValueError:
            raise _Malformed(f"no number at {start}") from None
        return NumberText(word.removeprefix("+"))

    def _string(self, end: str) -> str:
        text, start = self._text, self._at + 1
        close = text.find(end, start)
        escape = text.find("\\", start)
        if close >= 0 and (escape < 0 or close < escape):
            self._at = close + 1
            return text[start:close]
        parts: list[str] = []
        at = start
        while True:
            if at >= len(text):
                raise _Malformed("a string has no end")
            char = text[at]
            if char == end:
                self._at = at + 1
                return "".join(parts)
            if char != "\\":
                parts.append(char)
                at += 1
                continue
            written, at = self._escape(at + 1)
            parts.append(written)

    def _escape(self, at: int) -> tuple[str, int]:
        """The character that an escape stands for, and where the next one begins."""
        text = self._text
        char = text[at : at + 1]
        if char in {"u", "x"} and char:
            width = 4 if char == "u" else 2
            digits = text[at + 1 : at + 1 + width]
            if len(digits) < width or not _HEX_DIGITS.issuperset(digits):
                raise _Malformed(f"an escape at {at}")
            return chr(int(digits, 16)), at + 1 + width
        if char in _ESCAPED:
            return _ESCAPED[char], at + 1
        if char and char in "\"'\\/":
            return char, at + 1
        if char in _DIGITS:
            return _DIGITS[char], at + 1
        raise _Malformed(f"an escape at {at}")

    def _array(self, depth: int) -> list[JsonValue]:
        self._at += 1
        values: list[JsonValue] = []
        while True:
            self._commas("]", first=not values)
            if self._peek() == "]":
                self._at += 1
                return values
            values.append(self._value(depth + 1))
            if self._peek() not in {",", "]"} and not self._old:  # fastjson 1 needs no comma
                raise _Malformed(f"an array at {self._at}")

    def _commas(self, end: str, *, first: bool) -> None:
        """Pass what is between two values; fastjson 1 takes any number of commas anywhere.

        fastjson 2 takes one, and one behind the last member of an object.
        """
        if not self._old:
            if not first and self._peek() == ",":
                self._at += 1
                if end == "]" and self._peek() == end:
                    raise _Malformed(f"a comma before the end at {self._at}")
            return
        while self._peek() == ",":
            self._at += 1

    def _object(self, depth: int) -> dict[str, JsonValue]:
        self._at += 1
        fields: dict[str, JsonValue] = {}
        key: str | None = None
        is_map, self._map = self._map and bool(self._members), False
        while True:
            before = self._at
            self._commas("}", first=not fields)
            if self._peek() == "}":
                if depth == 0 and self._at > before:
                    self.before_comma = key
                self._at += 1
                return fields
            key = self._key(depth)
            if self._peek() != ":":
                raise _Malformed(f"no colon at {self._at}")
            self._at += 1
            self._map = depth == 0 and key == _MAP_MEMBER
            fast = self._map and _FAST.fullmatch(self._text, 0, self._at) is not None
            if self._map and not self._text.startswith('""', self._at) and not self._has_brace():
                fields[key] = self._object(depth + 1)
            else:
                fields[key] = self._value(depth + 1)
            if self._peek() in {",", "}"}:
                continue
            if self._old and depth == 0 and self._members:
                self._pass_token(refused=":?" if _plain(key) in self._members else "", fast=fast)
            elif self._old and is_map:
                if self._peek() == "]":  # ends the map as a brace does
                    self._at += 1
                    return fields
                self._pass_token(refused="")
            elif self._old or not self._needs_no_comma(depth, key):
                raise _Malformed(f"an object at {self._at}")

    def _needs_no_comma(self, depth: int, key: str) -> bool:
        """True where fastjson 2 reads on: a name follows, and the value was not passed over."""
        known = depth > 0 or not self._members or key in self._members
        return known and self._peek() in {'"', "'"}

    def _pass_token(self, *, refused: str, fast: bool = False) -> None:
        """Pass one token of fastjson 1 that has no place behind a value: it is not looked at.

        Kinds that are `refused`: a colon, and with a question mark what is no token at all. Behind
        a table that was read the `fast` way, which knows the order of the members, the next name
        must follow at once.
        """
        self._pass_any_token(refused)
        if fast and self._text[self._at : self._at + 1] != '"':
            raise _Malformed(f"no member at {self._at}")

    def _pass_any_token(self, refused: str) -> None:
        text, char = self._text, self._peek()
        if not char or char in refused or char in _NO_TOKENS:
            raise _Malformed(f"an object at {self._at}")
        if char in {'"', "'"}:
            self._string(char)
            return
        found = _TOKEN.match(text, self._at)
        if found is None and not refused:
            found = _IDENTIFIER.match(text, self._at)
        if found is None:
            if "?" in refused or char in "tfnx":
                raise _Malformed(f"no token at {self._at}")
            self._at += 1
            return
        self._at = found.end()

    def _key(self, depth: int) -> str:
        char, text = self._peek(), self._text
        if char in {'"', "'"} and char:
            start = self._at + 1
            try:
                key = self._string(char)
            except _Malformed as error:
                if not self._old and len(self._text) - start not in _SHORT_NAMES:
                    raise _PastEnd(*error.args) from None
                raise
            if self._old and _END_MARK in text[start : self._at]:
                raise _Malformed(f"an end mark in the key at {start}")
            return key
        if char in {"{", "["} and char:
            return dumps(self._value(depth + 1), ensure_ascii=False, separators=(",", ":"))
        start = self._at
        if char in _NUMBER and char:
            return str(self._number())
        while self._at < len(text) and (text[self._at].isalnum() or text[self._at] in "_$"):
            self._at += 1
        # an identifier as key is fastjson 1's; null as a key both print and read
        if self._at == start or not (self._old or text[start : self._at] == "null"):
            raise _Malformed(f"no key at {start}")
        return text[start : self._at]


def parse(text: str, release: Release, members: frozenset[str] | None = None) -> JsonValue:
    """Read `text` as the release's fastjson does; raises `BodyRefused`.

    A number with a fraction comes as `NumberText`, which is a string; keys that are numbers or
    objects come as their text. `members` are those of the Java object to be made of the text:
    fastjson 2 refuses a comma at the end behind any other one. REMOTING-HEADER-18.
    """
    old = release.oldest_json
    if old and (text[:1] == "," or (text[1:2] == '"' and text[0] not in _NO_ERROR)):
        text = "{" + text[1:]  # fastjson 1 notes an illegal first character and goes on behind it
    try:
        names = [name for name in members or () if name]
        reader = _Reader(text, old=old, members=frozenset(map(_plain, names) if old else names))
        value = reader.document()
    except _PastEnd:
        raise BodyRefused.threw("java.lang.ArrayIndexOutOfBoundsException") from None
    except (_Malformed, RecursionError) as error:
        raise BodyRefused("JSON", str(error), "fastjson" if old else "fastjson2") from None
    last = reader.before_comma
    if members is not None and not old and last is not None and last not in members:
        raise BodyRefused.not_valid(f"a comma behind {last}")
    return value


def parse_body(data: bytes, release: Release, members: frozenset[str] | None = None) -> JsonValue:
    """Read a body; what every JSON reader reads is read by the fast one. Raises `BodyRefused`.

    Java has no body where it has no bytes, and meets a null: REMOTING-HEADER-21.
    """
    if not data:
        raise BodyRefused.null("body")
    try:
        value: JsonValue = loads(data.decode(), parse_float=NumberText)
    except (ValueError, RecursionError):
        return parse(decode_utf8(data), release, members)
    return value


def reads_as_null(value: JsonValue, release: Release) -> bool:
    """True for what is null where an object is wanted: null, an empty text, and one more.

    In 4.x that is an empty array, in 5.5 the text `null`. REMOTING-HEADER-16.
    """
    return value is None or value in ("", [] if release.oldest_json else "null")


def text_of(value: JsonValue, release: Release) -> str | None:
    """What fastjson puts into a `String` field: `"1.50"` for 1.50, JSON for an object."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, NumberText):
        return str.__str__(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return write(value, release)


def write(value: Writable, release: Release) -> str:
    """Print `value` without blanks; entries whose value is None are left out of objects."""
    if isinstance(value, NumberText):
        return str.__str__(value)
    if isinstance(value, str):
        return quote(value, release)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return double_to_string(value)
    if isinstance(value, Sequence):
        return f"[{','.join([write(entry, release) for entry in value])}]"
    return f"{{{','.join(_entries(value, release))}}}"


def _entries(
    value: Mapping[str, Writable] | Mapping[int, Writable] | Mapping[ObjectKey, Writable],
    release: Release,
) -> list[str]:
    return [
        f"{_key(key, release)}:{write(entry, release)}"
        for key, entry in value.items()
        if entry is not None
    ]


def _key(key: str | int | ObjectKey, release: Release) -> str:
    if isinstance(key, str):
        return quote(key, release)
    return str(key) if isinstance(key, int) else key.text


def write_standard(value: Writable, release: Release) -> str:
    """Print as `BrowserCompatible` with `MapSortField`: what any JSON reader reads.

    Every key is a string, keys are sorted, what is not ASCII is escaped.
    """
    if isinstance(value, str):
        return _ascii(quote(value, release), release)
    if isinstance(value, Mapping):
        keys = {str(key.text if isinstance(key, ObjectKey) else key): key for key in value}
        table = cast("Mapping[str | int | ObjectKey, Writable]", value)
        return (
            "{"
            + ",".join(
                f"{_ascii(quote(name, release), release)}:{write_standard(table[key], release)}"
                for name, key in sorted(keys.items())
                if table[key] is not None
            )
            + "}"
        )
    if isinstance(value, Sequence):
        return f"[{','.join([write_standard(entry, release) for entry in value])}]"
    return write(value, release)


def _ascii(text: str, release: Release) -> str:
    """Escape every UTF-16 unit that is not ASCII; hexadecimal digits as the release writes them."""
    if text.isascii():
        return text
    form = "\\u%04X" if release.oldest_json else "\\u%04x"
    units = text.encode("utf-16-be", "surrogatepass")
    pairs = zip(units[::2], units[1::2], strict=True)
    return "".join(
        chr(low) if high == 0 and low < ASCII_END else form % (high << 8 | low)
        for high, low in pairs
    )
