"""JSON as the tables of `config/` are written and read: fastjson's pretty form.

Java: RemotingSerializable#toJson with prettyFormat; fastjson 1 up to 4.9, fastjson 2 in 5.5.
"""

from collections.abc import Mapping, Sequence

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.release import Release
from refimpl.remoting.body.java_json import ObjectKey, Writable, parse, quote, write
from refimpl.remoting.errors import BodyRefused


def to_pretty(value: Writable, release: Release, depth: int = 0) -> str:
    """Tabs and lines; entries whose value is None are left out.

    fastjson 1 puts a map with bare keys on one line and its brace on the next, fastjson 2 does not.
    Numbers in a list stay on one line with fastjson 1, which prints `int[]` so.
    """
    inner, outer = "\n" + "\t" * (depth + 1), "\n" + "\t" * depth
    old = release.oldest_json
    if isinstance(value, Mapping) and value:
        bare = isinstance(next(iter(value)), int)
        parts = [
            f"{_key(key, release)}:{to_pretty(entry, release, depth + 1)}"
            for key, entry in value.items()
            if entry is not None
        ]
        if bare and old:
            return "{" + ",".join(parts) + outer + "}"
        return "{" + inner + ("," + inner).join(parts) + outer + "}"
    if isinstance(value, Sequence) and value and not isinstance(value, str):
        if isinstance(value[0], int) and old:
            return write(value, release)
        entries = [to_pretty(entry, release, depth + 1) for entry in value]
        return "[" + inner + ("," + inner).join(entries) + outer + "]"
    return write(value, release)


def _key(key: str | int | ObjectKey, release: Release) -> str:
    if isinstance(key, str):
        return quote(key, release)
    return str(key) if isinstance(key, int) else key.text


def parse_object(text: str, release: Release) -> dict[str, JsonValue]:
    """Read a file; raises `InvalidInput` for what is no object."""
    try:
        value = parse(text, release)
    except BodyRefused as error:
        raise InvalidInput("configuration file", text[:40], error.reason) from None
    if not isinstance(value, dict):
        raise InvalidInput("configuration file", text[:40], "is no JSON object")
    return value
