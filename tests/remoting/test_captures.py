"""Every recorded frame of every client decodes, and comes back as it was.

Canonical are the frames of Java: header fields sorted, extFields in the order of a HashMap with 16
buckets, null left out. 4.6.1 writes all of its frames so, and 4.9.7 all with JSON headers: they
re-encode to the same bytes. Where Java fills the map in another way (fast headers of 4.9.7 and
5.5.0, maps of 256 buckets in 5.5.0), the same entries stand in another order: the bytes are the
same but for that order. Clients in other languages order, quote and leave out as they like: there
the fields are compared as text.
"""

import json
import lzma
from functools import cache
from typing import NamedTuple, cast

import pytest

from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES, Release
from refimpl.remoting import frame
from refimpl.remoting.command import CommandType, SerializeType
from refimpl.remoting.language_code import CODES, NAMES
from tests import vectors

FILES = sorted(path.name.removesuffix(".jsonl.xz") for path in vectors.ROOT.glob("captures/*.xz"))
JAVA = [name for name in FILES if name.startswith("java-client")]
OTHERS = [name for name in FILES if name not in JAVA]
BY_APACHE = {release.apache: release for release in RELEASES.values()}


class Recorded(NamedTuple):
    """One frame; `dir` is c2s or s2c."""

    number: int
    direction: str
    conn: int
    data: bytes
    request_n: int | None


@cache
def recording(name: str) -> tuple[dict[str, JsonValue], tuple[Recorded, ...]]:
    text = lzma.decompress((vectors.ROOT / "captures" / f"{name}.jsonl.xz").read_bytes())
    lines = [cast("dict[str, JsonValue]", json.loads(line)) for line in text.splitlines()]
    frames = []
    for line in lines[1:]:
        number, conn, request = line["n"], line["conn"], line.get("request_n")
        assert isinstance(number, int)
        assert isinstance(conn, int | str)
        assert request is None or isinstance(request, int)
        data = bytes.fromhex(str(line["frame"]))
        frames.append(Recorded(number, str(line["dir"]), int(conn), data, request))
    return lines[0], tuple(frames)


def release_of(name: str) -> Release:
    return BY_APACHE[str(recording(name)[0]["version"])]


def test_there_are_recordings_of_every_kind() -> None:
    assert len(JAVA) == 6
    assert len(OTHERS) == 9
    assert sum(len(recording(name)[1]) for name in FILES) > 2_800


@pytest.mark.parametrize("name", JAVA)
def test_frames_of_java_come_back(name: str) -> None:
    """REMOTING-FRAME-1, REMOTING-HEADER-3, REMOTING-HEADER-6."""
    release = release_of(name)
    same = reordered = 0
    for recorded in recording(name)[1]:
        command = frame.decode(recorded.data[4:], release)
        again = frame.encode(command, release)
        if again == recorded.data:
            same += 1
            continue
        reordered += 1
        assert frame.decode(again[4:], release) == command
        if len(again) == len(recorded.data):
            assert sorted(again) == sorted(recorded.data)
        else:  # empty values are null in a ROCKETMQ header of 5.5, and not written again
            assert command.serialize_type is SerializeType.ROCKETMQ
            assert len(recorded.data) > len(again)
    assert same > 190
    exact = release.header_in_own_array or (release.answers_in_request_codec and "json" in name)
    assert not (exact and reordered)


@pytest.mark.parametrize("name", JAVA)
def test_responses_of_java_answer_their_requests(name: str) -> None:
    """REMOTING-CONNECTION-2, REMOTING-CONNECTION-3: opaque by channel, never to one-way."""
    release = release_of(name)
    asked = {}
    matched = 0
    for recorded in recording(name)[1]:
        command = frame.decode(recorded.data[4:], release)
        if command.type is CommandType.REQUEST_COMMAND:
            asked[recorded.number] = (recorded.conn, command)
            continue
        if recorded.request_n not in asked:
            continue  # a repeat that was dropped
        conn, request = asked[recorded.request_n]
        assert (conn, request.opaque) == (recorded.conn, command.opaque)
        assert not request.is_oneway
        assert command.version == release.header_version
        assert command.language == CODES["JAVA"]
        matched += 1
    assert matched > 100


def text_of(value: JsonValue) -> JsonValue:
    """What Java makes of a value in extFields."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("release", list(RELEASES.values()), ids=list(RELEASES))
def test_requests_of_other_clients_keep_their_meaning(name: str, release: Release) -> None:
    """REMOTING-HEADER-2: every field that a JSON reader sees is there, in every release."""
    for recorded in recording(name)[1]:
        data = recorded.data
        command = frame.decode(data[4:], release)
        assert command.type is CommandType.REQUEST_COMMAND
        size = int.from_bytes(data[4:8], "big") & 0xFFFFFF
        fields = cast("dict[str, JsonValue]", json.loads(data[8 : 8 + size]))
        texts = fields.get("extFields")
        if isinstance(texts, dict):
            texts = {key: text_of(value) for key, value in texts.items()}
        language = fields.get("language", 0)
        shown = {
            "code": command.code,
            "opaque": command.opaque,
            "flag": command.flag,
            "version": command.version,
            "remark": command.remark,
            "extFields": None if command.ext_fields is None else dict(command.ext_fields),
            "language": command.language if isinstance(language, int) else NAMES[command.language],
        }
        expected = {key: fields.get(key) for key in shown}
        expected |= {"extFields": texts, "language": language, "flag": fields.get("flag", 0)}
        assert shown == expected
        assert command.body == data[8 + size :]
        assert frame.decode(frame.encode(command, release)[4:], release) == command
