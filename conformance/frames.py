"""A second, independent frame codec: the judge must not share its mistakes with the judged.

It writes anything, well-formed or not, and reads strictly: a target whose answer does not parse
has failed. Java 4.9.7: remoting/protocol/RemotingCommand, RocketMQSerializable.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from refimpl.model.ids import JsonValue
from refimpl.remoting.command import RPC_ONEWAY, RPC_TYPE, SerializeType

LENGTH = struct.Struct(">i")
PREFIX_BYTES = 8  # both length words
_BINARY_HEAD = struct.Struct(">hbhii")
_KEY_LENGTH = struct.Struct(">h")
_LANGUAGES = (  # by number: Java's LanguageCode
    *("JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY"),
    *("OTHER", "HTTP", "GO", "PHP", "OMS", "RUST", "NODE_JS"),
)


class MalformedFrame(Exception):
    """The target sent bytes that are no frame; `reason` says where."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One decoded or to-be-encoded command. `ext` is None where the header has no `extFields`."""

    code: int
    opaque: int
    flag: int = 0
    language: str = "JAVA"
    version: int = 0
    remark: str | None = None
    ext: Mapping[str, JsonValue] | None = None
    body: bytes = b""
    serialize: SerializeType = SerializeType.JSON
    header: bytes = field(default=b"", repr=False)  # as it stood on the wire

    @property
    def is_response(self) -> bool:
        """Bit 0 of the flag."""
        return bool(self.flag & RPC_TYPE)

    @property
    def is_oneway(self) -> bool:
        """Bit 1 of the flag."""
        return bool(self.flag & RPC_ONEWAY)


def encode(frame: Frame) -> bytes:
    """The whole frame, with both lengths."""
    if frame.serialize is SerializeType.JSON:
        header = encode_json_header(frame)
    else:
        header = encode_binary_header(frame)
    return encode_parts(header, frame.body, frame.serialize)


def encode_parts(header: bytes, body: bytes, serialize: int) -> bytes:
    """A frame around header bytes of the caller's choice; `serialize` is the byte as sent."""
    mark = (serialize & 0xFF) << 24 | (len(header) & 0xFFFFFF)
    return LENGTH.pack(4 + len(header) + len(body)) + struct.pack(">I", mark) + header + body


def encode_json_header(frame: Frame) -> bytes:
    """The header as the Java client writes it: null members left out."""
    members: dict[str, JsonValue] = {
        "code": frame.code,
        "flag": frame.flag,
        "language": frame.language,
        "opaque": frame.opaque,
        "serializeTypeCurrentRPC": "JSON",
        "version": frame.version,
    }
    if frame.ext is not None:
        members["extFields"] = dict(frame.ext)
    if frame.remark is not None:
        members["remark"] = frame.remark
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def encode_binary_header(frame: Frame) -> bytes:
    """The ROCKETMQ header; the code is narrowed to 16 bits, as Java does."""
    code = (frame.code + 0x8000 & 0xFFFF) - 0x8000
    language = _LANGUAGES.index(frame.language)
    remark = (frame.remark or "").encode()
    entries = bytearray()
    for key, value in (frame.ext or {}).items():
        key_bytes, value_bytes = key.encode(), str(value).encode()
        entries += _KEY_LENGTH.pack(len(key_bytes)) + key_bytes
        entries += LENGTH.pack(len(value_bytes)) + value_bytes
    head = _BINARY_HEAD.pack(code, language, frame.version, frame.opaque, frame.flag)
    return head + LENGTH.pack(len(remark)) + remark + LENGTH.pack(len(entries)) + entries


class FrameReader:
    """Cuts a stream into frames; `feed` bytes, then `next_raw` until it gives None."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> bytes:
        """Bytes that are not yet a whole frame."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> None:
        """Append what arrived."""
        self._buffer += data

    def next_raw(self) -> bytes | None:
        """The bytes of the next whole frame, lengths included; raises `MalformedFrame`."""
        if len(self._buffer) < LENGTH.size:
            return None
        length: int = LENGTH.unpack_from(self._buffer)[0]
        if not LENGTH.size <= length <= 64 << 20:
            raise MalformedFrame(f"frame length {length}")
        if len(self._buffer) < LENGTH.size + length:
            return None
        raw = bytes(self._buffer[: LENGTH.size + length])
        del self._buffer[: LENGTH.size + length]
        return raw


def decode(raw: bytes) -> Frame:
    """One whole frame, strictly; raises `MalformedFrame`."""
    mark: int = struct.unpack_from(">I", raw, 4)[0]
    header_length = mark & 0xFFFFFF
    if 8 + header_length > len(raw):
        raise MalformedFrame(f"header of {header_length} bytes in a frame of {len(raw)}")
    header, body = raw[8 : 8 + header_length], raw[8 + header_length :]
    if mark >> 24 == SerializeType.JSON:
        frame = _decode_json(header)
    elif mark >> 24 == SerializeType.ROCKETMQ:
        frame = _decode_binary(header)
    else:
        raise MalformedFrame(f"serialize type {mark >> 24}")
    return replace(frame, body=body, header=header)


def _decode_json(header: bytes) -> Frame:
    try:
        value = cast("JsonValue", json.loads(header))
    except ValueError as error:
        raise MalformedFrame(f"JSON header: {error}") from error
    if not isinstance(value, dict):
        raise MalformedFrame("JSON header is no object")
    ext = value.get("extFields")
    if ext is not None and not isinstance(ext, dict):
        raise MalformedFrame("extFields is no object")
    remark = value.get("remark")
    if remark is not None and not isinstance(remark, str):
        raise MalformedFrame("remark is no string")
    return Frame(
        code=_integer(value, "code"),
        opaque=_integer(value, "opaque"),
        flag=_integer(value, "flag"),
        version=_integer(value, "version"),
        language=str(value.get("language")),
        remark=remark,
        ext=ext,
    )


def _integer(members: Mapping[str, JsonValue], name: str) -> int:
    value = members.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedFrame(f"{name} is {value!r}, no integer")
    return value


def _decode_binary(header: bytes) -> Frame:
    try:
        code, language, version, opaque, flag = _BINARY_HEAD.unpack_from(header)
        at = _BINARY_HEAD.size
        remark, at = _sized(header, at, LENGTH)
        ext_bytes, at = _sized(header, at, LENGTH)
        ext: dict[str, JsonValue] = {}
        position = 0
        while position < len(ext_bytes):
            key, position = _sized(ext_bytes, position, _KEY_LENGTH)
            entry, position = _sized(ext_bytes, position, LENGTH)
            ext[key.decode()] = entry.decode()
        if at != len(header):
            raise MalformedFrame(f"{len(header) - at} bytes behind the binary header")
        return Frame(
            code=code,
            opaque=opaque,
            flag=flag,
            version=version,
            language=_LANGUAGES[language] if 0 <= language < len(_LANGUAGES) else str(language),
            remark=remark.decode() or None,
            ext=ext or None,
            serialize=SerializeType.ROCKETMQ,
        )
    except (struct.error, UnicodeDecodeError) as error:
        raise MalformedFrame(f"binary header: {error}") from error


def _sized(data: bytes, at: int, length: struct.Struct) -> tuple[bytes, int]:
    size: int = length.unpack_from(data, at)[0]
    start = at + length.size
    if size < 0 or start + size > len(data):
        raise MalformedFrame(f"length {size} at {at} of {len(data)} bytes")
    return data[start : start + size], start + size
