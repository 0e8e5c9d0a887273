"""Both header codecs against Java's own answers."""

import pytest

from refimpl.model.ids import JsonValue, Opaque
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.remoting import frame
from refimpl.remoting.command import RemotingCommand, SerializeType
from refimpl.remoting.errors import FrameRefused
from refimpl.remoting.language_code import CODES, NAMES, UNKNOWN
from tests import vectors
from tests.vectors import Vector

ALL = list(RELEASES.values())


def shown(command: RemotingCommand) -> dict[str, JsonValue]:
    """The form of the vectors."""
    codec = command.serialize_type
    assert codec is not None
    return {
        "code": command.code,
        "language": None if command.language == UNKNOWN else NAMES[command.language],
        "version": command.version,
        "opaque": command.opaque,
        "flag": command.flag,
        "remark": command.remark,
        "extFields": None if command.ext_fields is None else dict(command.ext_fields),
        "body": command.body.hex() or None,
        "serializeType": codec.name,
        "type": command.type.name,
        "oneway": command.is_oneway,
    }


def expected(vector: Vector) -> dict[str, JsonValue]:
    """Without entries whose value is null: absent for everybody who asks a map."""
    out = dict(vector.result())
    fields = out.get("extFields")
    if isinstance(fields, dict):
        out["extFields"] = {key: value for key, value in fields.items() if value is not None}
    if out.get("serializeType") == "ROCKETMQ" and out["remark"] == "":
        out["remark"] = None
    return out


def wrong(name: str) -> list[Vector]:
    """Vectors of frames that decode otherwise here."""
    found = []
    for release, vector in vectors.each(name):
        assert isinstance(vector.input, str)
        try:
            mine: dict[str, JsonValue] | None = shown(
                frame.decode(bytes.fromhex(vector.input), release)
            )
        except FrameRefused:
            mine = None
        theirs = None if "error" in vector.result() else expected(vector)
        if mine != theirs:
            found.append(vector)
    return found


def test_json_headers_decode_as_java_decodes_them() -> None:
    """REMOTING-HEADER-2, REMOTING-HEADER-5.

    One exception: fastjson 2 loses count in a key with an escape and a character outside the BMP,
    and refuses a frame that its sister in 4.x reads.
    """
    differ = wrong("rc_decode_json")
    assert [b"\\u0013\xf0\x9f\x91\x98".hex() in str(v.input) for v in differ] == [True]


# Parts of the headers that are read otherwise here: numbers that Java prints in another form
# (150000.0, 2.0) or takes although they have no digit, a comma or a mark of byte order where
# nothing stands. REMOTING-HEADER-5 says so.
_READ_OTHERWISE = (b'"e":1.5E5', b"[1,2F]", b':-"0"', b":E50", b":e11", b"[1,]", b"{\xef\xbb\xbf")


def test_odd_json_headers_decode_as_java_decodes_them() -> None:
    """REMOTING-HEADER-5: one to three places of a header changed at random."""
    differ = wrong("rc_decode_odd_json")
    texts = [bytes.fromhex(str(v.input))[4:] for v in differ]
    assert [text for text in texts if not any(part in text for part in _READ_OTHERWISE)] == []
    assert len(texts) == 10, "an exception that is none any more"


def test_rocketmq_headers_decode_as_java_decodes_them() -> None:
    """REMOTING-HEADER-7, REMOTING-HEADER-8.

    The exceptions are frames with an empty key: Java has them as null, which the program that
    printed the vectors could not sort.
    """
    differ = wrong("rc_decode_rocketmq")
    assert len(differ) == 66
    assert {str(v.result().get("error")) for v in differ} == {"NullPointerException"}


def command_of(vector: Vector, codec: SerializeType) -> RemotingCommand:
    given = vector.fields()
    pairs = given["extFields"]
    assert pairs is None or isinstance(pairs, list)
    fields: dict[str, str] | None = None
    if pairs is not None:
        fields = {}
        for pair in pairs:
            assert isinstance(pair, list)
            if pair[1] is not None:
                fields[str(pair[0])] = str(pair[1])
    code, opaque, flag, version = (given[n] for n in ("code", "opaque", "flag", "version"))
    assert isinstance(code, int)
    assert isinstance(opaque, int)
    assert isinstance(flag, int)
    assert isinstance(version, int)
    remark, body = given["remark"], given["body"]
    return RemotingCommand(
        code=code,
        opaque=Opaque(opaque),
        flag=flag,
        language=CODES[str(given["language"])],
        version=version,
        remark=None if remark is None else str(remark),
        ext_fields=fields,
        body=bytes.fromhex(str(body or "")),
        serialize_type=codec,
    )


def test_json_headers_encode_to_the_same_bytes() -> None:
    """REMOTING-HEADER-3, REMOTING-HEADER-4: order of fields and maps, null, escapes."""

    def encoded(release: Release, vector: Vector) -> JsonValue:
        data = frame.encode(command_of(vector, SerializeType.JSON), release)
        size = int.from_bytes(data[4:8], "big")
        return {
            "lengths": data[:8].hex(),
            "header": data[8 : 8 + size].decode(),
            "tail": data[8 + size :].hex(),
            "fastEncodeHeader": "same",
        }

    problems = []
    for release, vector in vectors.each("rc_encode_json"):
        mine, theirs = encoded(release, vector), dict(vector.result())
        theirs.setdefault("fastEncodeHeader", "same")
        header = theirs["header"]
        assert isinstance(header, str)
        theirs["header"] = header.encode("utf-8", "replace").decode()
        if mine != theirs:
            problems.append((release.name, vector.name))
    assert problems == []


def test_rocketmq_headers_encode_to_the_same_bytes() -> None:
    """REMOTING-HEADER-6: code and version as 16 bits."""
    problems = []
    for release, vector in vectors.each("rc_encode_rocketmq"):
        mine = frame.encode(command_of(vector, SerializeType.ROCKETMQ), release).hex()
        if mine != vector.result()["frame"]:
            problems.append((release.name, vector.name))
    assert problems == []


def header(text: bytes, release: Release) -> RemotingCommand:
    return frame.decode(len(text).to_bytes(4, "big") + text, release)


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (b"{}", None),
        (b'{"extFields":null}', None),
        (b'{"extFields":{}}', {}),
        (b'{"extFields":{"d":4,"k":false,"x":"y"}}', {"d": "4", "k": "false", "x": "y"}),
        (b'{"extFields":{"d":1.50,"o":{"b":1}}}', {"d": "1.50", "o": '{"b":1}'}),
        (b'{"extFields":{"d":null}}', {}),
    ],
)
def test_what_clients_send_as_ext_fields(
    text: bytes, fields: dict[str, str] | None, release: Release
) -> None:
    """REMOTING-HEADER-2: absent, null, empty, numbers and booleans."""
    assert header(text, release).ext_fields == fields


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
def test_what_clients_send_elsewhere(release: Release) -> None:
    """REMOTING-HEADER-2: a language as number, a blank remark, a newline behind the header."""
    assert header(b'{"code":34,"language":9}', release).language == 9
    assert header(b'{"code":34,"language":"GO"}', release).language == 9
    assert header(b'{"code":34,"remark":""}\n', release).remark == ""
    assert header(b'{"code":34}', release).remark is None
    assert header(b'{"code":"34"}', release).code == 34


@pytest.mark.parametrize(
    "text",
    [
        b"null",
        b"1",
        b"[]",
        b"",
        b'{"code":1',
        b'{"code":99999999999}',
        b'{"code":[]}',
        b'{"extFields":[]}',
        b'{"language":99}',
        b'{"language":{}}',
        b'{"code":1}}',
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
def test_what_is_no_json_header(text: bytes, release: Release) -> None:
    """REMOTING-HEADER-2: refused, and nothing is guessed."""
    with pytest.raises(FrameRefused):
        header(text, release)


def test_a_language_that_a_release_does_not_know() -> None:
    """REMOTING-CODES-3: null, and so not written back; never a refusal."""
    for name, number, release, known in [
        ("NODE_JS", 13, RELEASE_4_9, False),
        ("NODE_JS", 13, RELEASE_5_5, True),
        ("RUST", 12, RELEASE_4_6, False),
        ("RUST", 12, RELEASE_4_9, True),
    ]:
        command = header(f'{{"code":1,"language":"{name}"}}'.encode(), release)
        assert command.language == (number if known else UNKNOWN)
        assert (b"language" in frame.encode(command, release)) is known


def test_fastjson_1_does_not_mind_case_and_comments() -> None:
    """REMOTING-HEADER-5: fastjson 2 does."""
    assert header(b'{"CODE":5}', RELEASE_4_9).code == 5
    assert header(b'{"CODE":5}', RELEASE_5_5).code == 0
    assert header(b"{code:5 /* five */}", RELEASE_4_9).code == 5
    with pytest.raises(FrameRefused):
        header(b'{"code":5 /* five */}', RELEASE_5_5)
    assert header(b'/* five */ {"code":5}', RELEASE_5_5).code == 5


@pytest.mark.parametrize(
    ("text", "fastjson_1", "fastjson_2"),
    [
        (b'{"opaque":true,"code":5}', True, True),
        (b'{"code":5L}', True, True),
        (b'{"code":" 5"}', False, False),
        (b'{"code":"5_0"}', False, False),
        (b'{"code":"0,5"}', True, False),
        (b'{"code":5}\0', True, True),
        (b'{"code":5}\x01', True, False),
        (b'{"code":5}\x1agarbage', True, True),
        (b'{"code":5},', False, True),
        (b'{"code":5,}', True, True),
        (b'{,"code":5}', True, False),
        (b'{"code":5,,"flag":0}', True, False),
        (b'{"code":5,"x":[1,]}', True, False),
        (b'{"code":5,"x":[1,2]}', True, True),
        (b'{"code":5,"version":{}}', False, True),
        (b'{"code":5,"version":[1]}', False, True),
        (b'{"code":5,"version":[]}', False, False),
        (b'{"code":5,"language":0.5}', False, True),
        (b'{"code":5,"extFields":""}', False, True),
        (b'{"code":5,"serializeTypeCurrentRPC":1}', True, True),
        (b'{"code":5,"serializeTypeCurrentRPC":2}', False, False),
        (b'{"code":5,"serializeTypeCurrentRPC":true}', False, False),
        (b'{"code":5,"serializeTypeCurrentRPC":0.5}', False, True),
        (b'{"code":5,"body":"aGk="}', True, False),
        (b'{"code":5,"body":"!!!"}', False, False),
        (b'{"code":5,"body":[1,2]}', True, True),
        (b'{"code":5,"body":1}', False, False),
        (b'{"code":5,"body":null}', True, True),
        (b'{"@type":"java.lang.Object","code":5}', False, True),
    ],
)
def test_leniency(text: bytes, *, fastjson_1: bool, fastjson_2: bool) -> None:
    """REMOTING-HEADER-2, REMOTING-HEADER-5: as 4.9.7 and 5.5.0 answer or close on the wire."""
    for release, read in ((RELEASE_4_9, fastjson_1), (RELEASE_5_5, fastjson_2)):
        if read:
            command = header(text, release)
            assert command.code == 5
            assert type(command.opaque) is int  # and not a boolean, which would be printed so
        else:
            with pytest.raises(FrameRefused):
                header(text, release)


def rocketmq(fields: bytes, remark: bytes = b"", tail: bytes = b"") -> bytes:
    head = b"\0\x0b\0\1\x97" + bytes(8)
    content = head + len(remark).to_bytes(4, "big") + remark
    content += len(fields).to_bytes(4, "big") + fields
    return (1 << 24 | len(content)).to_bytes(4, "big") + content + tail


def test_an_empty_value_is_null_from_4_9_on() -> None:
    """REMOTING-HEADER-7: absent for a processor; in 4.6 an empty text."""
    data = rocketmq(b"\0\1a\0\0\0\0\0\1b\0\0\0\1c")
    assert frame.decode(data, RELEASE_4_6).ext_fields == {"a": "", "b": "c"}
    assert frame.decode(data, RELEASE_4_9).ext_fields == {"b": "c"}


def test_bytes_behind_the_fields() -> None:
    """REMOTING-HEADER-8: 4.6 passes over the rest of a long header, later releases begin the body
    there."""
    plain = rocketmq(b"\0\1b\0\0\0\1c", tail=b"BODY")
    size = int.from_bytes(plain[:4], "big") & 0xFFFFFF
    longer = (1 << 24 | size + 2).to_bytes(4, "big") + plain[4:-4] + b"xx" + b"BODY"
    assert frame.decode(longer, RELEASE_4_6).body == b"BODY"
    assert frame.decode(longer, RELEASE_4_9).body == b"xxBO"


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
def test_lengths_that_leave_the_header(release: Release) -> None:
    """REMOTING-HEADER-7: negative and too large lengths of key, value, remark and fields."""
    for fields in (
        b"\xff\xffa\0\0\0\1c",
        b"\0\1a\xff\xff\xff\xff",
        b"\0\1a\x7f\xff\xff\xffc",
        b"\0",
    ):
        with pytest.raises(FrameRefused):
            frame.decode(rocketmq(fields), release)
    good = rocketmq(b"")
    for at in (17, 21):
        broken = bytearray(good)
        broken[at : at + 4] = b"\x7f\xff\xff\xff"
        with pytest.raises(FrameRefused):
            frame.decode(bytes(broken), release)


def test_the_code_is_sixteen_bits() -> None:
    """REMOTING-HEADER-6: 200050 becomes 3442, as 5.5's own client finds out."""
    command = RemotingCommand(code=200_050, opaque=Opaque(1), serialize_type=SerializeType.ROCKETMQ)
    assert frame.decode(frame.encode(command, RELEASE_5_5)[4:], RELEASE_5_5).code == 3442
