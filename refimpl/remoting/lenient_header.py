"""A JSON header that only fastjson's leniency accepts. Java: the bean RemotingCommand.

REMOTING-HEADER-5: names in other cases (fastjson 1), numbers as text, text as numbers, a language
as its ordinal, comments, single quotes.
"""

from refimpl.model.ids import JsonValue, Opaque
from refimpl.model.java import decode_utf8
from refimpl.model.release import Release
from refimpl.remoting.body.java_json import NumberText, parse, text_of
from refimpl.remoting.command import RemotingCommand, SerializeType
from refimpl.remoting.errors import BodyRefused, FrameFault, FrameRefused
from refimpl.remoting.language_code import CODES, UNKNOWN

_NAMES = {
    name.lower(): name for name in ("code", "extFields", "flag", "language", "opaque", "remark")
} | {"version": "version", "serializetypecurrentrpc": "serializeTypeCurrentRPC", "body": "body"}
_MIN, _MAX = -(1 << 31), (1 << 31) - 1


def _refuse(detail: str) -> FrameRefused:
    return FrameRefused(FrameFault.JSON_HEADER, detail)


def decode_lenient(header: bytes, body: bytes, release: Release) -> RemotingCommand:
    """Read a header as fastjson does; raises `FrameRefused`."""
    try:
        value = parse(decode_utf8(header), release)
    except BodyRefused as error:
        raise _refuse(error.reason) from None
    if not isinstance(value, dict):
        raise _refuse("no object")
    fields = _named(value, release)
    if not release.oldest_json and isinstance(fields.get("body"), str):
        raise _refuse("body")
    return RemotingCommand(
        code=_integer(fields, "code"),
        opaque=Opaque(_integer(fields, "opaque")),
        flag=_integer(fields, "flag"),
        language=_language(fields.get("language", "JAVA"), release),
        version=_integer(fields, "version"),
        remark=text_of(fields.get("remark"), release),
        ext_fields=_ext_fields(fields.get("extFields"), release),
        body=body,
        serialize_type=SerializeType.JSON,
    )


def _named(value: dict[str, JsonValue], release: Release) -> dict[str, JsonValue]:
    """The fields by their Java names; fastjson 1 does not mind case, `_` and `-`."""
    if not release.oldest_json:
        return value
    fields: dict[str, JsonValue] = {}
    for name, entry in value.items():
        plain = name.replace("_", "").replace("-", "").lower()
        fields[_NAMES.get(plain, name)] = entry
    return fields


def _integer(fields: dict[str, JsonValue], name: str) -> int:
    value = fields.get(name)
    if value is None or value in ("", "null"):
        return 0
    try:
        number = int(float(value)) if isinstance(value, NumberText) else int(_plain(value))
    except (ValueError, OverflowError):
        raise _refuse(f"{name} is no number") from None
    if not _MIN <= number <= _MAX:
        raise _refuse(f"{name} is out of range")
    return number


def _plain(value: JsonValue) -> int | str:
    if isinstance(value, int | str):
        return value
    raise ValueError(value)


def _language(value: JsonValue, release: Release) -> int:
    """A name or an ordinal; null for a name that is unknown, no frame for such an ordinal."""
    if isinstance(value, bool) or not (value is None or isinstance(value, int | str)):
        raise _refuse("language")
    if isinstance(value, int):
        if not 0 <= value < release.languages:
            raise _refuse(f"language {value}")
        return value
    number = UNKNOWN if value is None else CODES.get(value, UNKNOWN)
    return number if number < release.languages else UNKNOWN


def _ext_fields(value: JsonValue, release: Release) -> dict[str, str] | None:
    """Every value as text; null ones are as good as absent."""
    if value is None:
        return None
    if not isinstance(value, dict) or (release.oldest_json and "@type" in value):
        raise _refuse("extFields")
    fields: dict[str, str] = {}
    for name, entry in value.items():
        text = text_of(entry, release)
        if text is not None:
            fields[name] = text
    return fields
