"""What an endpoint reports: a closed list."""

from enum import Enum
from typing import NamedTuple, TypeAlias

from refimpl.model.ids import ChannelId, Opaque
from refimpl.remoting.command import RemotingCommand


class FailureReason(Enum):
    """Why a request of ours got no response."""

    TIMEOUT = "the response did not come in time"
    CLOSED = "the channel was closed"
    NOT_CONNECTED = "the channel could not be opened"


class RequestReceived(NamedTuple):
    """A peer asks for something; answer with `Endpoint.respond`, once, now or later."""

    command: RemotingCommand


class ResponseReceived(NamedTuple):
    """The answer to a request of ours; `context` is what was given with it."""

    context: object
    command: RemotingCommand


class RequestFailed(NamedTuple):
    """A request of ours has ended without an answer; it may have been executed: indefinite."""

    context: object
    opaque: Opaque
    reason: FailureReason


Event: TypeAlias = RequestReceived | ResponseReceived | RequestFailed
EndpointEvent: TypeAlias = tuple[ChannelId, Event]
