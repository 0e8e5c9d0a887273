"""The ROCKETMQ header: binary, big-endian.

`code` i16, `language` i8, `version` i16, `opaque` i32, `flag` i32, `remark` with an i32 length,
`extFields` with an i32 length, each entry a key with an i16 and a value with an i32 length.
Java: remoting/protocol/RocketMQSerializable (4.6.1; 4.9.7 and 5.5.0 read the frame in place).
"""

from collections.abc import Mapping
from struct import Struct, error

from refimpl.model.ids import Opaque
from refimpl.model.java import decode_utf8, encode_utf8, hash_map_order, i16
from refimpl.model.release import Release
from refimpl.remoting.command import RemotingCommand, SerializeType
from refimpl.remoting.errors import FrameFault, FrameRefused
from refimpl.remoting.language_code import UNKNOWN

_HEAD = Struct(">hbhii")
_SHORT = Struct(">h")
_INT = Struct(">i")


def _refuse(detail: str) -> FrameRefused:
    return FrameRefused(FrameFault.ROCKETMQ_HEADER, detail)


def _read(data: bytes, at: int, length: int, limit: int, end: int) -> str:
    """Read `length` bytes of UTF-8, of at most `limit`, that end before `end`."""
    if length < 0 or length > limit or at + length > end:
        raise _refuse(f"{length} bytes at {at}")
    return decode_utf8(data[at : at + length])


def _ext_fields(data: bytes, at: int, length: int, end: int) -> dict[str, str]:
    """Read the entries from `at`; an empty key or value is null in Java but in 4.6."""
    entries: dict[str, str] = {}
    stop = at + length
    while at < stop:
        size = _SHORT.unpack_from(data, at)[0]
        key = _read(data, at + 2, size, length, end)
        at += 2 + size
        size = _INT.unpack_from(data, at)[0]
        entries[key] = _read(data, at + 4, size, length, end)
        at += 4 + size
    return entries


def decode(frame: bytes, header_length: int, release: Release) -> RemotingCommand:
    """Read a frame (without its length) with a header of this codec; raises `FrameRefused`.

    REMOTING-HEADER-7, REMOTING-HEADER-8.
    """
    end = 4 + header_length if release.header_in_own_array else len(frame)
    try:
        return _decode(frame, header_length, end, release)
    except error as short:
        raise _refuse(str(short)) from None


def _decode(frame: bytes, header_length: int, end: int, release: Release) -> RemotingCommand:
    data = frame[:end] if end < len(frame) else frame
    code, language, version, opaque, flag = _HEAD.unpack_from(data, 4)
    at = 4 + _HEAD.size
    size = _INT.unpack_from(data, at)[0]
    at += 4
    remark = None
    own = release.header_in_own_array
    if size > 0 or (size < 0 and not own):
        remark = _read(data, at, size, header_length, end)
        at += size
    size = _INT.unpack_from(data, at)[0]
    at += 4
    ext_fields = None
    if size > 0:
        if size > header_length or (own and at + size > end):
            raise _refuse(f"extFields of {size} bytes")
        ext_fields = _ext_fields(data, at, size, at + size if own else end)
        if not own:
            ext_fields = {key: value for key, value in ext_fields.items() if key and value}
            at = _position(data, at, size)
    body_at = 4 + header_length if own else at
    body_length = len(frame) - 4 - header_length
    if body_at + body_length > len(frame):
        raise _refuse(f"a body of {body_length} bytes at {body_at}")
    return RemotingCommand(
        code=code,
        opaque=Opaque(opaque),
        flag=flag,
        language=language if 0 <= language < release.languages else UNKNOWN,
        version=version,
        remark=remark,
        ext_fields=ext_fields,
        body=frame[body_at : body_at + body_length],
        serialize_type=SerializeType.ROCKETMQ,
    )


def _position(data: bytes, at: int, length: int) -> int:
    """Where the reader stands after entries of `length` bytes: the last may lie beyond them."""
    stop = at + length
    while at < stop:
        at += 2 + _SHORT.unpack_from(data, at)[0]
        at += 4 + _INT.unpack_from(data, at)[0]
    return at


def encode(command: RemotingCommand, version: int) -> bytes:
    """Write the header; code and version wrap to 16 bits: REMOTING-HEADER-6."""
    remark = encode_utf8(command.remark) if command.remark else b""
    entries = _entries(command.ext_fields) if command.ext_fields else b""
    return b"".join(
        (
            _HEAD.pack(
                i16(command.code), command.language, i16(version), command.opaque, command.flag
            ),
            _INT.pack(len(remark)),
            remark,
            _INT.pack(len(entries)),
            entries,
        )
    )


def _entries(ext_fields: Mapping[str, str]) -> bytes:
    parts = []
    for key in hash_map_order(ext_fields) if len(ext_fields) > 1 else ext_fields:
        name, value = encode_utf8(key), encode_utf8(ext_fields[key])
        parts += [_SHORT.pack(i16(len(name))), name, _INT.pack(len(value)), value]
    return b"".join(parts)
