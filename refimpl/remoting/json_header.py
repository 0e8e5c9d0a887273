"""The JSON header, as fastjson reads and writes it.

The fast path is one `json.loads`: where its result has exactly the names and types that Java
clients send, fastjson would have read the same. All else goes through the lenient reader.
Java: remoting/protocol/RemotingSerializable, RemotingCommand (bean), fastjson 1 (4.x) or 2 (5.5).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from json import loads

from refimpl.model.ids import Opaque
from refimpl.model.java import encode_utf8, hash_map_order
from refimpl.model.release import Release
from refimpl.remoting.command import RemotingCommand, SerializeType
from refimpl.remoting.language_code import CODES, NAMES

_KNOWN = frozenset(
    (
        "code",
        "extFields",
        "flag",
        "language",
        "opaque",
        "remark",
        "serializeTypeCurrentRPC",
        "version",
    )
)
_MIN, _MAX = -(1 << 31), (1 << 31) - 1
_BOOLEANS = {True: "true", False: "false"}


def decode(header: bytes, body: bytes, release: Release) -> RemotingCommand:
    """Read a JSON header; raises `FrameRefused`. REMOTING-HEADER-2, REMOTING-HEADER-5."""
    command = _decode_plain(header, body, release)
    if command is None:
        from refimpl.remoting.lenient_header import decode_lenient  # noqa: PLC0415 - rare

        command = decode_lenient(header, body, release)
    return command


def _decode_plain(header: bytes, body: bytes, release: Release) -> RemotingCommand | None:
    """Read what needs no leniency, or None."""
    try:
        fields = loads(header.decode())
    except (ValueError, RecursionError):
        return None
    if type(fields) is not dict or not fields.keys() <= _KNOWN:
        return None
    get = fields.get
    code, flag = get("code", 0), get("flag", 0)
    opaque, version = get("opaque", 0), get("version", 0)
    if not type(code) is type(flag) is type(opaque) is type(version) is int:
        return None
    if min(code, flag, opaque, version) < _MIN or max(code, flag, opaque, version) > _MAX:
        return None
    language = CODES.get(get("language", "JAVA")) if type(get("language", "")) is str else None
    codec, remark = get("serializeTypeCurrentRPC", "JSON"), get("remark")
    if (
        language is None
        or language >= release.languages
        or type(codec) is not str
        or not (remark is None or type(remark) is str)
    ):
        return None
    ext_fields = get("extFields")
    if ext_fields is not None:
        if type(ext_fields) is not dict or (release.oldest_json and "@type" in ext_fields):
            return None
        for key, value in ext_fields.items():
            kind = type(value)
            if kind is not str:
                if kind is int:
                    ext_fields[key] = str(value)
                elif kind is bool:
                    ext_fields[key] = _BOOLEANS[value]
                else:
                    return None
    return RemotingCommand(
        code=code,
        opaque=Opaque(opaque),
        flag=flag,
        language=language,
        version=version,
        remark=remark,
        ext_fields=ext_fields,
        body=body,
        serialize_type=SerializeType.JSON,
    )


_SPECIAL_1 = re.compile('["\\\\\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff]')
_SPECIAL_2 = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES |= {"\b": "\\b", "\f": "\\f"}


def _escape_1(match: re.Match[str]) -> str:
    char = match.group()
    return _ESCAPES.get(char) or ("?" if char >= "\ud800" else f"\\u{ord(char):04X}")


def _escape_2(match: re.Match[str]) -> str:
    char = match.group()
    return _ESCAPES.get(char) or ("?" if char >= "\ud800" else f"\\u{ord(char):04x}")


def quote(text: str, release: Release) -> str:
    """A JSON string as the release writes it: REMOTING-HEADER-4."""
    return _quote(text, oldest=release.oldest_json)


def _quote(text: str, *, oldest: bool) -> str:
    if text.isalnum() and text.isascii():
        return f'"{text}"'
    if oldest:
        return f'"{_SPECIAL_1.sub(_escape_1, text)}"'
    return f'"{_SPECIAL_2.sub(_escape_2, text)}"'


def encode(command: RemotingCommand, version: int, release: Release) -> bytes:
    """Write the header: fields in alphabetical order, null ones left out. REMOTING-HEADER-3."""
    ext_fields = command.ext_fields
    parts = [f'{{"code":{command.code}']
    if ext_fields is not None:
        parts.append(f',"extFields":{{{_entries(ext_fields, release)}}}')
    parts.append(f',"flag":{command.flag}')
    if command.language >= 0:
        parts.append(f',"language":"{NAMES[command.language]}"')
    parts.append(f',"opaque":{command.opaque}')
    if command.remark is not None:
        parts.append(f',"remark":{quote(command.remark, release)}')
    parts.append(f',"serializeTypeCurrentRPC":"JSON","version":{version}}}')
    return encode_utf8("".join(parts))


def _entries(ext_fields: Mapping[str, str], release: Release) -> str:
    oldest = release.oldest_json
    return ",".join(
        [
            name + _quote(ext_fields[key], oldest=oldest)
            for key, name in _names(tuple(ext_fields), oldest=oldest)
        ]
    )


@lru_cache(maxsize=256)
def _names(keys: tuple[str, ...], *, oldest: bool) -> tuple[tuple[str, str], ...]:
    """Keys in the order of their map, each with its printed form: the same in every answer."""
    ordered = hash_map_order(keys) if len(keys) > 1 else keys
    return tuple((key, _quote(key, oldest=oldest) + ":") for key in ordered)
