"""What an interpreter (runtime or simulator) knows of a name server, a broker or a client.

Inputs are calls, outputs are effects; time is an argument. A node never blocks: what waits in Java
is an answer that a later input completes.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from refimpl.model.effect import Effect
from refimpl.model.ids import Actor, Address, ChannelId, ForceToken, Millis


class Node(Protocol):
    """One process of RocketMQ without its sockets, files, clock and threads."""

    def start(self, now: Millis) -> Sequence[Effect]:
        """Load what is stored; `Started` follows, now or later. Raises `errors.StartRefused`."""

    def shutdown(self, now: Millis) -> Sequence[Effect]:
        """Begin the orderly end; `Stopped` is the last effect, now or later."""

    def accepted(
        self, channel: ChannelId, peer: Address, local: Address, now: Millis
    ) -> Sequence[Effect]:
        """A peer connected to us; `local` tells on which port. Ids come from the interpreter."""

    def connected(self, channel: ChannelId, local: Address, now: Millis) -> Sequence[Effect]:
        """A `Connect` of ours succeeded; `local` is our end."""

    def receive_data(self, channel: ChannelId, data: bytes, now: Millis) -> Sequence[Effect]:
        """Bytes arrived, cut anywhere."""

    def disconnected(self, channel: ChannelId, now: Millis) -> Sequence[Effect]:
        """The channel is gone, or a `Connect` failed."""

    def forced(self, token: ForceToken, *, failed: bool, now: Millis) -> Sequence[Effect]:
        """A `Force` ended."""

    def actors(self) -> Mapping[Actor, Millis]:
        """Every background actor with the time at which its next step is due."""

    def step(self, actor: Actor, now: Millis) -> Sequence[Effect]:
        """One step of one actor, due or not: the simulator may run them in any order."""

    def next_timer(self) -> Millis | None:
        """When `handle_timer` wants to be called; None for never. May lie in the past: at once."""

    def handle_timer(self, now: Millis) -> Sequence[Effect]:
        """One step of every actor that is due."""
