"""TLA+ values as TLC prints them, read into Python values, and written back.

`<<1, 2>>` is a tuple, `{1, 2}` a frozenset, `[a |-> 1]` and `(1 :> 2)` a `Function` (hashable and
ordered as printed, by key), `"text"` a str, TRUE and FALSE bools, `1..3` a frozenset, and a model
value a `ModelValue`. A sequence and a function over 1..n are one thing in TLA+; TLC prints such a
function as a tuple.
"""

import functools
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

Value: TypeAlias = "int | bool | str | ModelValue | tuple[Value, ...] | frozenset[Value] | Function"

_TOKEN: Final = re.compile(
    r'\s*(?:(-?\d+)|("(?:[^"\\]|\\.)*")|(<<|>>|\|->|:>|@@|\.\.|[\[\]{}(),])|([A-Za-z_]\w*))'
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", '"': '"', "\\": "\\"}
_CONJUNCT: Final = re.compile(r"^/\\ (\w+) = ", re.MULTILINE)
_LONE: Final = re.compile(r"^(\w+) = ")


class ValueRefused(Exception):
    """The text is no value that TLC prints."""

    def __init__(self, text: str, position: int) -> None:
        super().__init__(f"no TLA+ value at {position}: {text[position : position + 40]!r}")
        self.text = text
        self.position = position


class ModelValue(str):
    """A value that is equal to itself only; named in the configuration."""

    __slots__ = ()


class Function(tuple[tuple[Value, Value], ...]):
    """A record or function: pairs in the order of their keys."""

    __slots__ = ()

    def mapping(self) -> dict[Value, Value]:
        """Return the same as a dict."""
        return dict(self)

    def field(self, name: str) -> Value:
        """Return one field of a record; raises `KeyError`."""
        return self.mapping()[name]


def function(pairs: Mapping[Value, Value]) -> Function:
    """Make a `Function`, its pairs in a fixed order whatever the order of `pairs`."""
    return Function(sorted(pairs.items(), key=lambda pair: show(pair[0])))


@functools.lru_cache(maxsize=1 << 16)  # in a graph most values of a variable come again
def parse(text: str) -> Value:
    """Read one value; raises `ValueRefused` for anything else or anything more."""
    value, end = _value(text, 0)
    if text[end:].strip():
        raise ValueRefused(text, end)
    return value


def parse_state(text: str) -> dict[str, Value]:
    r"""Read a state: `/\ variable = value` for each variable, or one line for the only one."""
    starts = list(_CONJUNCT.finditer(text))
    if not starts:
        lone = _LONE.match(text)
        if lone is None:
            raise ValueRefused(text, 0)
        return {lone[1]: parse(text[lone.end() :])}
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return {
        start[1]: parse(text[start.end() : end]) for start, end in zip(starts, ends, strict=True)
    }


def show(value: Value) -> str:
    """Write a value as TLA+, sets sorted by their text."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | ModelValue):
        return str(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Function):
        if value and all(isinstance(k, str) and not isinstance(k, ModelValue) for k, _ in value):
            return "[" + ", ".join(f"{k} |-> {show(v)}" for k, v in value) + "]"
        return "(" + " @@ ".join(f"{show(k)} :> {show(v)}" for k, v in value) + ")"
    if isinstance(value, tuple):
        return "<<" + ", ".join(map(show, value)) + ">>"
    if all(isinstance(item, int) for item in value):
        return "{" + ", ".join(map(show, sorted(value, key=_as_int))) + "}"
    return "{" + ", ".join(sorted(map(show, value))) + "}"


def quoted(text: str) -> str:
    """Write a string; only ASCII can be written (TLC reads Latin-1 at best)."""
    plain = text.encode("ascii", "backslashreplace").decode("ascii")
    for letter, character in (("\\", "\\"), ('"', '"'), ("n", "\n"), ("t", "\t"), ("r", "\r")):
        plain = plain.replace(character, "\\" + letter)
    return f'"{plain}"'


def _as_int(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _token(text: str, at: int) -> tuple[str, str, int]:
    """Kind, text, end."""
    match = _TOKEN.match(text, at)
    if match is None:
        raise ValueRefused(text, at)
    kinds = ("number", "string", "mark", "name")
    index = next(i for i in range(4) if match[i + 1] is not None)
    return kinds[index], match[index + 1], match.end()


def _value(text: str, at: int) -> tuple[Value, int]:
    kind, mark, end = _token(text, at)
    if kind == "number":
        return _number(text, int(mark), end)
    if kind == "string":
        return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), mark[1:-1]), end
    if kind == "name":
        if mark in {"TRUE", "FALSE"}:
            return mark == "TRUE", end
        return ModelValue(mark), end
    if mark == "<<":
        items, end = _items(text, end, ">>")
        return tuple(items), end
    if mark == "{":
        items, end = _items(text, end, "}")
        return frozenset(items), end
    if mark == "[":
        return _pairs(text, end, "|->", ",", "]")
    if mark == "(":
        return _pairs(text, end, ":>", "@@", ")")
    raise ValueRefused(text, at)


def _number(text: str, first: int, at: int) -> tuple[Value, int]:
    """Read on behind a number: an interval prints as `1..3`."""
    if not text.startswith("..", at):
        return first, at
    _, last, end = _token(text, at + 2)
    return frozenset(range(first, int(last) + 1)), end


def _items(text: str, at: int, closing: str) -> tuple[list[Value], int]:
    items: list[Value] = []
    if text[at:].lstrip().startswith(closing):
        return items, text.index(closing, at) + len(closing)
    while True:
        item, at = _value(text, at)
        items.append(item)
        _, mark, at = _token(text, at)
        if mark == closing:
            return items, at
        if mark != ",":
            raise ValueRefused(text, at)


def _pairs(text: str, at: int, arrow: str, between: str, closing: str) -> tuple[Function, int]:
    pairs: dict[Value, Value] = {}
    while True:
        key: Value
        if arrow == "|->":
            _, key, at = _token(text, at)
        else:
            key, at = _value(text, at)
        _, mark, at = _token(text, at)
        if mark != arrow:
            raise ValueRefused(text, at)
        pairs[key], at = _value(text, at)
        _, mark, at = _token(text, at)
        if mark == closing:
            return function(pairs), at
        if mark != between:
            raise ValueRefused(text, at)
