"""Codes, languages and versions against the constants of Java's classes."""

import pytest

from refimpl.model.ids import Opaque
from refimpl.model.release import RELEASES, Release
from refimpl.remoting.command import CommandType, RemotingCommand, SerializeType, make_response
from refimpl.remoting.language_code import CODES, NAMES, LanguageCode
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode
from tests import vectors
from tests.vectors import Vector


@pytest.mark.parametrize(
    ("name", "codes"),
    [("const_request_code", RequestCode), ("const_response_code", ResponseCode)],
)
def test_every_code_of_every_release(name: str, codes: type[RequestCode | ResponseCode]) -> None:
    """REMOTING-CODES-1, REMOTING-CODES-2."""

    def number(_release: Release, vector: Vector) -> int:
        return int(codes[str(vector.input)])

    assert vectors.mismatches(name, number) == []


def test_no_code_of_our_own() -> None:
    """REMOTING-CODES-1, REMOTING-CODES-2: the union, and nothing else."""
    for name, ours in (
        ("const_request_code", set(RequestCode.__members__)),
        ("const_response_code", set(ResponseCode.__members__)),
    ):
        assert ours == {str(vector.input) for _, vector in vectors.each(name)}


def test_three_numbers_changed_their_meaning() -> None:
    """REMOTING-CODES-2: two names for one number."""
    aliases = {name: code.name for name, code in ResponseCode.__members__.items()}
    assert aliases["POLLING_FULL"] == "UPDATE_AND_CREATE_ACL_CONFIG_FAILED"
    assert aliases["POLLING_TIMEOUT"] == "DELETE_ACL_CONFIG_FAILED"
    assert [name for name in aliases if aliases[name] != name].count("BROKER_NOT_EXIST") == 1


def test_languages_of_every_release() -> None:
    """REMOTING-CODES-3: a release knows the first ones."""
    for release in RELEASES.values():
        known = {str(v.input): v.output for v in vectors.load(release, "const_language")}
        assert known == {name: CODES[name] for name in NAMES[: release.languages]}
    assert LanguageCode(7).name == "OTHER"


def test_header_versions() -> None:
    """REMOTING-CODES-4: the ordinal of the release in Java's list of versions."""
    for release in RELEASES.values():
        ordinals = {v.input: v.output for v in vectors.load(release, "const_version")}
        assert ordinals["CURRENT_VERSION"] == release.header_version
        assert ordinals["V" + release.apache.replace(".", "_")] == release.header_version


@pytest.mark.parametrize(
    ("flag", "kind", "oneway"),
    [
        (0, CommandType.REQUEST_COMMAND, False),
        (1, CommandType.RESPONSE_COMMAND, False),
        (2, CommandType.REQUEST_COMMAND, True),
        (3, CommandType.RESPONSE_COMMAND, True),
        (-4, CommandType.REQUEST_COMMAND, False),
    ],
)
def test_two_bits_of_the_flag(flag: int, kind: CommandType, *, oneway: bool) -> None:
    """REMOTING-CONNECTION-1: other bits mean nothing."""
    command = RemotingCommand(code=0, opaque=Opaque(0), flag=flag)
    assert command.type is kind
    assert command.is_oneway is oneway
    assert command.is_response is (kind is CommandType.RESPONSE_COMMAND)


def test_a_response_answers_its_request() -> None:
    """REMOTING-CONNECTION-4: opaque and codec of the request, language JAVA, flag response."""
    request = RemotingCommand(
        code=30,
        opaque=Opaque(-5),
        language=9,
        version=1,
        ext_fields={"topic": "T"},
        body=b"x",
        serialize_type=SerializeType.ROCKETMQ,
    )
    response = make_response(request, ResponseCode.SUCCESS, "fine")
    assert response == RemotingCommand(
        code=0, opaque=Opaque(-5), flag=1, remark="fine", serialize_type=SerializeType.ROCKETMQ
    )
    assert make_response(request, 1, in_server_codec=True).serialize_type is None
