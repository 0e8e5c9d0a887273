"""RemotingCommand: one frame in the middle of its life, before or after the codec.

Java 4.9.7: remoting/protocol/RemotingCommand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum

from refimpl.model.ids import Opaque
from refimpl.remoting.header import Header, encode_header

RPC_TYPE = 1  # bit 0 of `flag`: set on responses
RPC_ONEWAY = 2  # bit 1 of `flag`: no answer is wanted
REMARK_NOT_SET = "not set any response code"  # of a fresh answer; some processors never clear it


class SerializeType(IntEnum):
    """The header codec, high byte of the second length word."""

    JSON = 0
    ROCKETMQ = 1


class CommandType(Enum):
    """Request or response, by bit 0 of `flag`."""

    REQUEST_COMMAND = 0
    RESPONSE_COMMAND = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotingCommand:
    """A request or a response.

    `ext_fields` is None where the header had none; values are the text that Java would hold.
    `language` is Java's LanguageCode as a number (0 JAVA, -1 for one that the release does not
    know). `serialize_type` is None in an answer that goes out in the codec of the server, whatever
    the request had: REMOTING-CONNECTION-5.
    """

    code: int
    opaque: Opaque
    flag: int = 0
    language: int = 0
    version: int = 0
    remark: str | None = None
    ext_fields: Mapping[str, str] | None = None
    body: bytes = b""
    serialize_type: SerializeType | None = SerializeType.JSON

    @property
    def is_response(self) -> bool:
        """Bit 0 of the flag."""
        return bool(self.flag & RPC_TYPE)

    @property
    def is_oneway(self) -> bool:
        """Bit 1 of the flag."""
        return bool(self.flag & RPC_ONEWAY)

    @property
    def type(self) -> CommandType:
        """What the receiver takes this for: REMOTING-CONNECTION-1."""
        if self.flag & RPC_TYPE:
            return CommandType.RESPONSE_COMMAND
        return CommandType.REQUEST_COMMAND


def make_response(
    request: RemotingCommand,
    code: int,
    remark: str | None = None,
    header: Header | None = None,
    body: bytes = b"",
    *,
    in_server_codec: bool = False,
    even_oneway: bool = False,
) -> RemotingCommand:
    """Make the answer to `request`: its opaque, flag response, language JAVA.

    The endpoint stamps the version of the release, and sends nothing where the request was one-way
    (the flag keeps that bit until then) unless `even_oneway`. `in_server_codec` is for answers that
    Java makes outside of a processor (exceptions, flow control): REMOTING-CONNECTION-5.
    """
    flag = RPC_TYPE if even_oneway else RPC_TYPE | (request.flag & RPC_ONEWAY)
    return RemotingCommand(
        code=code,
        opaque=request.opaque,
        flag=flag,
        remark=remark,
        ext_fields=None if header is None else encode_header(header),
        body=body,
        serialize_type=None if in_server_codec else request.serialize_type,
    )
