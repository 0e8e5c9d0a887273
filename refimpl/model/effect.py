"""Everything a node may ask of the world: a closed list of verbs.

`refimpl.runtime` and `refimpl.sim` interpret exactly these; `assert_never` proves both complete.
Reads and writes of files are not here: they hit the page cache and are synchronous calls of
`refimpl.model.disk.Disk`. What takes time, or may never happen, is an effect.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from refimpl.model.ids import Address, ChannelId, ForceToken


class SendBytes(NamedTuple):
    """Append `data` to what the peer of `channel` will receive, in order."""

    channel: ChannelId
    data: bytes


class CloseChannel(NamedTuple):
    """Close `channel` after what was sent; the node hears `disconnected` for it."""

    channel: ChannelId


class Connect(NamedTuple):
    """Open `channel` (an id that the node chose) to `address`.

    The node hears `connected` or `disconnected` for that id, once.
    """

    channel: ChannelId
    address: Address


class Span(NamedTuple):
    """Bytes of a file from `start` up to `end`."""

    start: int
    end: int


class Force(NamedTuple):
    """Make the bytes of `path` durable; the node hears `forced(token, error)`, or never.

    `span` is what the node counts on; None is the whole file. More may become durable.
    """

    token: ForceToken
    path: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The node serves: from now on its interpreter accepts connections for it."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The node has finished its shutdown; nothing follows."""


Effect: TypeAlias = SendBytes | CloseChannel | Connect | Force | Started | Stopped
