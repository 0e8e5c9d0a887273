"""Frames and headers that no client sends: torn, lengthened, of other types."""

import json
import struct
from typing import cast

from fuzz.differential import values
from fuzz.differential.values import pick
from refimpl.model.ids import JsonValue
from refimpl.model.prng import Prng

_MEMBERS = (
    "code",
    "flag",
    "language",
    "opaque",
    "version",
    "remark",
    "extFields",
    "serializeTypeCurrentRPC",
)
_VALUES: tuple[JsonValue, ...] = (
    *values.JSON_VALUES, "", "0", "12", "+5", " 5", "x", "GO", "CPP", "java", "JAVA", "NODE_JS",
    "ROCKETMQ", "null",
    13, 14, 127, 128, 255, 32768, 4294967296, -2147483649, {"topic": None}, {"topic": 1,
    "queueId": {}}, {"": ""},
)  # fmt: skip


def odd_header(dice: Prng, header: bytes) -> tuple[bytes, str]:
    """A JSON header with one thing changed, and what it is."""
    members = cast("dict[str, JsonValue]", json.loads(header))
    roll = dice.below(12)
    if roll < 5:
        name = pick(dice, _MEMBERS)
        if name == "flag":  # an answer or a one-way request that was not meant
            members[name] = pick(dice, (0, 2, 4, -2, "0", "2", None, 0.0, False))
        elif name == "opaque":
            members[name] = pick(dice, (*range(-2, 3), 2147483647, -2147483648))
        else:
            members[name] = pick(dice, _VALUES)
        return _text(members), f"member {name}"
    if roll < 7:
        name = pick(dice, tuple(members))
        del members[name]
        return _text(members), f"no member {name}"
    if roll == 7:
        members = {name: members[name] for name in reversed(members)}
        members["unknown"] = pick(dice, _VALUES)
        return _text(members), "other order, one more"
    if roll == 8:
        return json.dumps(members, indent=2).encode(), "indented"
    text = _text(members).decode()
    old, new, note = pick(
        dice,
        (
            ('"', "'", "apostrophes"), ('"code":', "code:", "bare key"), ("}", ",}",
            "comma at the end"),
            (":", " : ", "blanks"), ("{", "/* c */{", "comment"), ('"extFields":{',
            '"extFields":{"topic":"x",', "twice"),
            ('"language":"JAVA"', '"language":3', "integer language"), ('"code":', '"Code":',
            "wrong case"),
            ('"opaque"', '"o\\u0070aque"', "escaped key"), ("{", "[{", "array"), ("}", "",
            "no end"),
            ('"version"', '"version":0,"version"', "version twice"), ('":"', '":\n"', "newline"),
            ("{", "\ufeff{", "byte order mark"), ('"flag":0', '"flag":00', "leading zero"),
            ('"flag":0', '"flag":+0', "plus"),
            ('"flag":0', '"flag":0x0', "hexadecimal"), ('"flag":0', '"flag":0.0', "fraction"),
            ('"JAVA"', '"\\x4aAVA"', "x escape"),
            ('"flag":0', '"flag":0L', "suffix"), ("}", "}x", "text behind"), ("}", "}}",
            "one brace more"),
        ),
    )  # fmt: skip
    return text.replace(old, new, 1 if new != ",}" else -1).encode(), note


def damaged_frame(dice: Prng, frame: bytes) -> tuple[bytes, str]:
    """A whole frame with its lengths or some bytes changed."""
    roll = dice.below(10)
    if roll < 2:
        at = 4 + dice.below(min(len(frame) - 4, 120))
        byte = dice.below(256)
        return frame[:at] + bytes([byte]) + frame[at + 1 :], f"byte {at} is {byte}"
    if roll < 4:
        length = pick(dice, (0, 1, 3, 4, 5, 8, -1, 16777216, 16777217, 2147483647, -2147483648))
        if 8 < length <= 1 << 24:
            length = 1 << 24 | 1
        return struct.pack(">i", length) + frame[4:], f"frame length {length}"
    if roll < 7:
        mark = struct.unpack_from(">I", frame, 4)[0]
        length = pick(
            dice, (0, 1, 2, 3, (mark & 0xFFFFFF) - 1, (mark & 0xFFFFFF) + 1, 0xFFFFFF, 0x800000)
        )
        mark = mark & 0xFF000000 | length & 0xFFFFFF
        return frame[:4] + struct.pack(">I", mark) + frame[8:], f"header length {length}"
    if roll < 9:
        kind = pick(dice, (0, 1, 2, 3, 127, 128, 255))
        return frame[:4] + bytes([kind]) + frame[5:], f"serialize type {kind}"
    at = 8 + dice.below(max(len(frame) - 12, 1))
    word = struct.pack(">i", pick(dice, (-1, 0, 1, 65535, 65536, 16777216, 2147483647)))
    return frame[:at] + word + frame[at + 4 :], f"word {at} is {word.hex()}"


def _text(members: dict[str, JsonValue]) -> bytes:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
