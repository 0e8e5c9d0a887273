"""A JSON header that only fastjson's leniency accepts. Java: the bean RemotingCommand.

REMOTING-HEADER-5: names in other cases (fastjson 1), numbers as text, text as numbers, a language
as its ordinal, comments, single quotes. Refused is also what fills members of the bean that no
client sends: `body` and `serializeTypeCurrentRPC`, whose values are read and then overwritten.
"""

import binascii

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue, Opaque
from refimpl.model.java import decode_utf8, parse_int
from refimpl.model.release import Release
from refimpl.remoting.body.java_json import NumberText, parse, text_of
from refimpl.remoting.command import RemotingCommand, SerializeType
from refimpl.remoting.errors import BodyRefused, FrameFault, FrameRefused
from refimpl.remoting.header_bytes import header_text
from refimpl.remoting.language_code import CODES, UNKNOWN

_NAMES = {
    name.lower(): name for name in ("code", "extFields", "flag", "language", "opaque", "remark")
} | {"version": "version", "serializetypecurrentrpc": "serializeTypeCurrentRPC", "body": "body"}
_MEMBERS = frozenset(_NAMES.values())
_BEAN = "org.apache.rocketmq.remoting.protocol.RemotingCommand"
_MIN, _MAX = -(1 << 31), (1 << 31) - 1


def _refuse(detail: str) -> FrameRefused:
    return FrameRefused(FrameFault.JSON_HEADER, detail)


def decode_lenient(header: bytes, body: bytes, release: Release) -> RemotingCommand:
    """Read a header as fastjson does; raises `FrameRefused`."""
    try:
        text = decode_utf8(header) if release.oldest_json else header_text(header)
        value = parse(text, release, _MEMBERS)
    except BodyRefused as error:
        raise _refuse(error.reason) from None
    if not isinstance(value, dict):
        raise _refuse("no object")
    fields = _named(value, release)
    _check_unused(fields, release)
    return RemotingCommand(
        code=_integer(fields, "code", release),
        opaque=Opaque(_integer(fields, "opaque", release)),
        flag=_integer(fields, "flag", release),
        language=_language(fields.get("language", "JAVA"), release),
        version=_integer(fields, "version", release),
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


def _check_unused(fields: dict[str, JsonValue], release: Release) -> None:
    """Refuse values that Java's types for `body` and `serializeTypeCurrentRPC` cannot take."""
    if release.oldest_json and fields.get("@type", _BEAN) != _BEAN:
        raise _refuse("@type")
    codec = fields.get("serializeTypeCurrentRPC")
    if isinstance(codec, NumberText):
        if release.oldest_json:
            raise _refuse("serializeTypeCurrentRPC")
    elif isinstance(codec, int):
        if isinstance(codec, bool) or not 0 <= codec < len(SerializeType):
            raise _refuse("serializeTypeCurrentRPC")
    elif not (codec is None or isinstance(codec, str)):
        raise _refuse("serializeTypeCurrentRPC")
    body = fields.get("body")
    if isinstance(body, list):
        fits = all(type(entry) is int for entry in body)
    elif isinstance(body, NumberText) or not isinstance(body, str):
        fits = body is None
    else:
        fits = _is_base64(body) if release.oldest_json else not body
    if not fits:
        raise _refuse("body")


def _is_base64(text: str) -> bool:
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return False
    return True


def _integer(fields: dict[str, JsonValue], name: str, release: Release) -> int:
    value = fields.get(name)
    if not release.oldest_json:
        if isinstance(value, dict):
            return 0
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
    if value is None or (isinstance(value, str) and value in {"", "null"}):
        return 0
    try:
        number = _number(value, release)
    except (ValueError, OverflowError, InvalidInput):
        raise _refuse(f"{name} is no number") from None
    if not _MIN <= number <= _MAX:
        raise _refuse(f"{name} is out of range")
    return number


def _number(value: JsonValue, release: Release) -> int:
    """Cut a fraction off, read a text as Integer.parseInt does; fastjson 1 drops its commas."""
    if isinstance(value, NumberText):
        return int(float(value))
    if isinstance(value, int):
        return int(value)  # a boolean is 0 or 1
    if isinstance(value, str):
        return parse_int(value.replace(",", "") if release.oldest_json else value)
    raise ValueError(value)


def _language(value: JsonValue, release: Release) -> int:
    """A name or an ordinal; null for a name that is unknown, no frame for such an ordinal."""
    if isinstance(value, bool) or not (value is None or isinstance(value, int | str)):
        raise _refuse("language")
    if isinstance(value, int):
        if not 0 <= value < release.languages:
            raise _refuse(f"language {value}")
        return value
    if isinstance(value, NumberText) and release.oldest_json:
        raise _refuse("language")
    number = UNKNOWN if value is None else CODES.get(value, UNKNOWN)
    return number if number < release.languages else UNKNOWN


def _ext_fields(value: JsonValue, release: Release) -> dict[str, str] | None:
    """Every value as text; null ones are as good as absent."""
    if value is None or (value == "" and not release.oldest_json):
        return None
    if not isinstance(value, dict) or (release.oldest_json and "@type" in value):
        raise _refuse("extFields")
    fields: dict[str, str] = {}
    for name, entry in value.items():
        text = text_of(entry, release)
        if text is not None:
            fields[name] = text
    return fields
