"""A reader of JSON as fastjson writes it: keys without quotes, numbers and objects as keys.

`{0:"127.0.0.1:10911"}` and `{{"topic":"T",...}:{...}}` are what brokers of all releases send.
A key that is no string becomes its own text.
"""

import json
import re
from typing import cast

from refimpl.model.ids import JsonValue

_SPACE = re.compile(r"\s*")
_BARE_KEY = re.compile(r"[-+A-Za-z0-9_.$]+")
_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[-+A-Za-z0-9.]+', re.DOTALL)


class NotJson(Exception):
    """The text is not even lenient JSON."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse(data: bytes) -> JsonValue:
    """The value in `data`; raises `NotJson`. Standard JSON takes the fast way."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise NotJson(str(error)) from error
    try:
        return cast("JsonValue", json.loads(text))
    except ValueError:
        value, end = _value(text, 0)
        end = _skip(text, end)
        if end != len(text):
            raise NotJson(f"text behind the value at {end}") from None
        return value


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _value(text: str, at: int) -> tuple[JsonValue, int]:
    at = _skip(text, at)
    if text[at : at + 1] == "{":
        return _object(text, at + 1)
    if text[at : at + 1] == "[":
        return _array(text, at + 1)
    match = _SCALAR.match(text, at)
    if match is None:
        raise NotJson(f"no value at {at}")
    try:
        return cast("JsonValue", json.loads(match.group(), strict=False)), match.end()
    except ValueError as error:
        raise NotJson(f"{match.group()!r} at {at}") from error


def _object(text: str, at: int) -> tuple[JsonValue, int]:
    members: dict[str, JsonValue] = {}
    at = _skip(text, at)
    if text[at : at + 1] == "}":
        return members, at + 1
    while True:
        key, at = _key(text, _skip(text, at))
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise NotJson(f"no colon at {at}")
        members[key], at = _value(text, at + 1)
        at = _skip(text, at)
        separator = text[at : at + 1]
        if separator not in (",", "}"):
            raise NotJson(f"no comma at {at}")
        at += 1
        if separator == "}":
            return members, at


def _key(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] in ('"', "{", "["):
        value, end = _value(text, at)
        return (value if isinstance(value, str) else text[at:end]), end
    match = _BARE_KEY.match(text, at)
    if match is None:
        raise NotJson(f"no key at {at}")
    return match.group(), match.end()


def _array(text: str, at: int) -> tuple[JsonValue, int]:
    items: list[JsonValue] = []
    at = _skip(text, at)
    if text[at : at + 1] == "]":
        return items, at + 1
    while True:
        item, at = _value(text, at)
        items.append(item)
        at = _skip(text, at)
        separator = text[at : at + 1]
        if separator not in (",", "]"):
            raise NotJson(f"no comma at {at}")
        at += 1
        if separator == "]":
            return items, at
