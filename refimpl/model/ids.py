"""Names for the numbers and strings that must not be mixed up.

A `NewType` costs nothing at run time; mypy refuses a queue offset where a physical one is meant.
"""

from typing import NamedTuple, NewType, TypeAlias

from refimpl.model.override import override

Topic = NewType("Topic", str)
Group = NewType("Group", str)
ClientId = NewType("ClientId", str)
QueueId = NewType("QueueId", int)
QueueOffset = NewType("QueueOffset", int)  # position in one queue, in messages
PhysicalOffset = NewType("PhysicalOffset", int)  # position in the commit log, in bytes
Millis = NewType("Millis", int)  # since the epoch, or a duration where the name says so
Opaque = NewType("Opaque", int)  # correlates a response with its request on one channel
ChannelId = NewType("ChannelId", int)  # one TCP connection in the life of one node; never reused
ForceToken = NewType("ForceToken", int)  # correlates a `Force` with its completion
Ticket = NewType("Ticket", int)  # correlates a waiting put with its completion
Actor = NewType("Actor", str)  # one background thread of Java: its step is an input here

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"


class Address(NamedTuple):
    """A TCP endpoint. `host` is a numeric IPv4 or IPv6 address, or a name before it is resolved."""

    host: str
    port: int

    @override
    def __str__(self) -> str:
        """`host:port`, the form of RocketMQ's tables."""
        return f"{self.host}:{self.port}"
