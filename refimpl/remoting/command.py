"""RemotingCommand: one frame in the middle of its life, before or after the codec.

Java 4.9.7: remoting/protocol/RemotingCommand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from refimpl.model.ids import Opaque

RPC_TYPE = 1  # bit 0 of `flag`: set on responses
RPC_ONEWAY = 2  # bit 1 of `flag`: no answer is wanted


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
    `language` is Java's LanguageCode as a number (0 JAVA ... 12 OTHER).
    """

    code: int
    opaque: Opaque
    flag: int = 0
    language: int = 0
    version: int = 0
    remark: str | None = None
    ext_fields: Mapping[str, str] | None = None
    body: bytes = b""
    serialize_type: SerializeType = field(default=SerializeType.JSON)

    @property
    def is_response(self) -> bool:
        """Bit 0 of the flag."""
        return bool(self.flag & RPC_TYPE)

    @property
    def is_oneway(self) -> bool:
        """Bit 1 of the flag."""
        return bool(self.flag & RPC_ONEWAY)
