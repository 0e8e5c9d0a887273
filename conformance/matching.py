"""Comparing what came with what the rule asks for; every mismatch is a `Failure` with both."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

from conformance.recording import code_name
from conformance.response import Response
from conformance.verdict import Failure
from refimpl.model.ids import JsonValue


class Presence(Enum):
    """Expectations that are no values."""

    ABSENT = "absent"  # the member must not be there
    PRESENT = "present"  # it must be there; any value
    ANY = "any"  # nothing is said


ABSENT = Presence.ABSENT
PRESENT = Presence.PRESENT
ANY = Presence.ANY

TextMatch: TypeAlias = "str | re.Pattern[str] | Presence"


def matches(actual: str | None, expected: TextMatch) -> bool:
    """One text: equal, found by the pattern, or present."""
    if expected is ANY:
        return True
    if expected is ABSENT:
        return actual is None
    if expected is PRESENT:
        return actual is not None
    if isinstance(expected, re.Pattern):
        return actual is not None and expected.search(actual) is not None
    return actual == expected


def expect(
    response: Response,
    *,
    code: int,
    remark: TextMatch = ANY,
    ext: Mapping[str, TextMatch] | None = None,
    body: bytes | None = None,
) -> None:
    """Raise `Failure` unless the response has this code, remark, these ext fields, this body.

    Ext fields that are not named may be there; absence is asked for with `ABSENT`. The remark of
    a ROCKETMQ header cannot be absent: the empty one counts as absent.
    """
    if response.code != code:
        raise Failure(
            f"{response.label}: code {_named(response.code)} with remark {response.remark!r},"
            f" expected {_named(code)}"
        )
    if not matches(response.remark, remark):
        raise Failure(f"{response.label}: remark {response.remark!r}, expected {_shown(remark)}")
    for name, wanted in (ext or {}).items():
        if not matches(response.ext.get(name), wanted):
            raise Failure(
                f"{response.label}: field {name} is {response.ext.get(name)!r},"
                f" expected {_shown(wanted)}"
            )
    if body is not None and response.body != body:
        raise Failure(f"{response.label}: body {response.body[:200]!r}, expected {body[:200]!r}")


def expect_json(actual: JsonValue, expected: JsonValue, where: str = "body") -> None:
    """Raise `Failure` unless `expected` is contained in `actual`.

    Members that are not named may be there; arrays must have the same length; strings that begin
    with `re:` are patterns, `absent:` as a value asks that the member is not there.
    """
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            raise Failure(f"{where}: {actual!r}, expected an object")
        for name, wanted in expected.items():
            if wanted == "absent:":
                if name in actual:
                    raise Failure(f"{where}.{name} is {actual[name]!r}, expected to be absent")
            elif name not in actual:
                raise Failure(f"{where} has no member {name}")
            else:
                expect_json(actual[name], wanted, f"{where}.{name}")
    elif isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            raise Failure(f"{where}: {actual!r}, expected {expected!r}")
        for at, (item, wanted) in enumerate(zip(actual, expected, strict=True)):
            expect_json(item, wanted, f"{where}[{at}]")
    elif isinstance(expected, str) and expected.startswith("re:"):
        if re.search(expected[3:], str(actual)) is None:
            raise Failure(f"{where}: {actual!r} does not match {expected[3:]!r}")
    elif actual != expected or isinstance(actual, bool) != isinstance(expected, bool):
        raise Failure(f"{where}: {actual!r}, expected {expected!r}")


def dig(value: JsonValue, *path: str | int) -> JsonValue:
    """The member at `path`; raises `Failure` where it is missing."""
    at = value
    for depth, step in enumerate(path):
        item = _member(at, step)
        if item is None:
            where = ".".join(map(str, path[:depth])) or "the top"
            raise Failure(f"no {step!r} at {where}: {at!r}")
        at = item[0]
    return at


def _member(value: JsonValue, step: str | int) -> tuple[JsonValue] | None:
    if isinstance(value, dict) and isinstance(step, str):
        return (value[step],) if step in value else None
    if isinstance(value, list) and isinstance(step, int):
        return (value[step],) if -len(value) <= step < len(value) else None
    return None


def _named(code: int) -> str:
    return f"{code} {code_name(code, response=True)}".strip()


def _shown(expected: TextMatch) -> str:
    if isinstance(expected, Presence):
        return expected.value
    return f"/{expected.pattern}/" if isinstance(expected, re.Pattern) else repr(expected)
