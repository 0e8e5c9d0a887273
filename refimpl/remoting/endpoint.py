"""All channels of one node: what `Broker` and `NameServer` talk through.

REMOTING-CONNECTION-6: opaques of ours are counted here, those of peers are only given back.

Inputs are calls with `now`; what must happen on the wire is collected and taken with
`drain_effects`. Channels that peers opened have ids of the interpreter (even numbers); channels
that this node opens get odd ids here.
"""

from dataclasses import replace

from refimpl.model.effect import CloseChannel, Connect, Effect, SendBytes
from refimpl.model.ids import Address, ChannelId, Millis, Opaque
from refimpl.model.java import i32
from refimpl.model.release import Release
from refimpl.remoting import frame
from refimpl.remoting.command import (
    RPC_ONEWAY,
    RPC_TYPE,
    RemotingCommand,
    SerializeType,
)
from refimpl.remoting.connection import Connection
from refimpl.remoting.errors import ChannelUnknown, FrameRefused
from refimpl.remoting.events import EndpointEvent
from refimpl.remoting.header import Header, encode_header

MAX_IDLE = Millis(120_000)  # serverChannelMaxIdleTimeSeconds, clientChannelMaxIdleTimeSeconds


class Endpoint:
    """The channels of a node, their open requests, and the effects that are not taken yet."""

    __slots__ = (
        "_asking",
        "_by_address",
        "_connections",
        "_effects",
        "_gone",
        "_idle_check",
        "_max_idle",
        "_next_channel",
        "_next_opaque",
        "_orphans",
        "_release",
        "_serialize_type",
        "_waiting",
    )

    def __init__(
        self,
        release: Release,
        *,
        serialize_type: SerializeType = SerializeType.JSON,
        max_idle: Millis = MAX_IDLE,
    ) -> None:
        """`serialize_type` is Java's rocketmq.serialize.type: the codec of what starts here."""
        self._release = release
        self._serialize_type = serialize_type
        self._max_idle = max_idle
        self._connections: dict[ChannelId, Connection] = {}
        self._asking: dict[ChannelId, Connection] = {}  # those with open requests, and some more
        self._by_address: dict[Address, ChannelId] = {}  # channels that this node opened
        self._waiting: dict[ChannelId, list[bytes]] = {}  # frames for channels not yet open
        self._effects: list[Effect] = []
        self._gone: dict[ChannelId, Connection] = {}  # closed by us, `disconnected` not heard yet
        self._orphans: list[tuple[ChannelId, Connection]] = []  # accepted, gone, with requests
        self._next_channel = 1
        self._next_opaque = 0
        self._idle_check: Millis | None = None

    # --- what the interpreter reports

    def accepted(self, channel: ChannelId, peer: Address, local: Address, now: Millis) -> None:
        """A peer connected to us."""
        assert channel not in self._connections, channel
        self._add(channel, Connection(self._release, peer, local, now, server=True), now)

    def connected(self, channel: ChannelId, local: Address, now: Millis) -> None:
        """A channel of ours is open: what waited for it goes out."""
        connection = self._connections.get(channel)
        if connection is None:  # closed by us in the meantime
            return
        connection.local = local
        connection.last_activity = now
        for data in self._waiting.pop(channel, ()):
            self._effects.append(SendBytes(channel, data))

    def disconnected(self, channel: ChannelId, now: Millis) -> list[EndpointEvent]:  # noqa: ARG002 - every input has its time
        """A channel is gone, or could not be opened: requests on a channel of ours fail."""
        self._gone.pop(channel, None)
        connection = self._forget(channel)
        return [] if connection is None else self._failed(channel, connection)

    def receive_data(self, channel: ChannelId, data: bytes, now: Millis) -> list[EndpointEvent]:
        """Read bytes, cut anywhere; bytes that are no frame close the channel.

        REMOTING-FRAME-4: the events before the fault are reported, nothing after it, and the
        requests of ours that were open fail. The addresses of the channel are known until
        `disconnected`, so that those events can be served.
        """
        connection = self._connections.get(channel)
        if connection is None:  # closed by us; these bytes were on their way
            return []
        events: list[EndpointEvent] = []
        try:
            for event in connection.receive_data(data, now):
                events.append((channel, event))  # noqa: PERF401 - kept when a later frame is refused
        except FrameRefused:
            events += self.close(channel)
        return events

    # --- what the node asks for

    def connect(self, address: Address, now: Millis) -> ChannelId:
        """The channel of ours to `address`: the open one, or one that is now being opened.

        REMOTING-CONNECTION-11.
        """
        channel = self._by_address.get(address)
        if channel is None:
            channel = ChannelId(self._next_channel)
            self._next_channel += 2
            self._by_address[address] = channel
            self._waiting[channel] = []
            self._add(channel, Connection(self._release, address, None, now, server=False), now)
            self._effects.append(Connect(channel, address))
        return channel

    def send_request(  # noqa: PLR0917 - in the order of the wire
        self,
        channel: ChannelId,
        code: int,
        header: Header | None,
        body: bytes,
        timeout: Millis,
        context: object,
        now: Millis,
    ) -> Opaque:
        """Ask something; `ResponseReceived` or `RequestFailed` with `context` follows, once."""
        connection = self._connection(channel)
        command = self._request(code, header, body, 0)
        self._asking[channel] = connection
        connection.expect(command.opaque, context, Millis(now + timeout))
        self._write(channel, connection, frame.encode(command, self._release), now)
        return command.opaque

    def send_oneway(
        self, channel: ChannelId, code: int, header: Header | None, body: bytes, now: Millis
    ) -> None:
        """Say something that is never answered: bit 1 of the flag."""
        connection = self._connection(channel)
        command = self._request(code, header, body, RPC_ONEWAY)
        self._write(channel, connection, frame.encode(command, self._release), now)

    def ask(
        self,
        channel: ChannelId,
        command: RemotingCommand,
        timeout: Millis,
        context: object,
        now: Millis,
    ) -> Opaque:
        """Ask with fields and body that are there already, under an opaque of our own."""
        connection = self._connection(channel)
        own = replace(
            command, opaque=self._opaque(), flag=0, serialize_type=self._serialize_type, language=0
        )
        self._asking[channel] = connection
        connection.expect(own.opaque, context, Millis(now + timeout))
        data = frame.encode(own, self._release, version=self._release.header_version)
        self._write(channel, connection, data, now)
        return own.opaque

    def respond(self, channel: ChannelId, command: RemotingCommand) -> None:
        """Answer a request. Nothing goes out for a one-way request or on a channel that is gone.

        REMOTING-CONNECTION-3 (one-way), REMOTING-CONNECTION-4 (the codec of the answer),
        REMOTING-CODES-4 (the version).
        """
        if command.flag & RPC_ONEWAY or channel not in self._connections:
            return
        assert command.flag & RPC_TYPE, command.flag
        release = self._release
        codec = command.serialize_type if release.answers_in_request_codec else None
        if codec is None:
            codec = self._serialize_type
        self._effects.append(
            SendBytes(channel, frame.encode(command, release, codec, release.header_version))
        )

    def close(self, channel: ChannelId) -> list[EndpointEvent]:
        """Close a channel, as if the peer had. A channel that is gone is no error."""
        connection = self._forget(channel)
        if connection is None:
            return []
        self._gone[channel] = connection
        self._effects.append(CloseChannel(channel))
        return self._failed(channel, connection)

    def drain_effects(self) -> list[Effect]:
        """Take what must happen on the wire, in order."""
        effects = self._effects
        self._effects = []
        return effects

    # --- what the node may look at

    def peer(self, channel: ChannelId) -> Address:
        """The address of the other end; raises `ChannelUnknown`."""
        return self._known(channel).peer

    def local(self, channel: ChannelId) -> Address:
        """Our end: for an accepted channel the port that it came in on."""
        local = self._known(channel).local
        if local is None:
            raise ChannelUnknown(channel)
        return local

    def is_open(self, channel: ChannelId) -> bool:
        """Whether something can be sent on `channel` (an opening one counts)."""
        return channel in self._connections

    @property
    def channels(self) -> tuple[ChannelId, ...]:
        """All open channels, in the order of their opening."""
        return tuple(self._connections)

    # --- time

    def next_timer(self) -> Millis | None:
        """When the first open request fails, or a channel may have been silent for too long."""
        first = self._idle_check
        if self._asking:
            self._asking = {c: one for c, one in self._asking.items() if one.open_requests}
            for connection in self._asking.values():
                deadline = connection.next_deadline()
                if deadline is not None and (first is None or deadline < first):
                    first = deadline
        for _, orphan in self._orphans:
            deadline = orphan.next_deadline()
            if deadline is not None and (first is None or deadline < first):
                first = deadline
        return first

    def handle_timer(self, now: Millis) -> list[EndpointEvent]:
        """Fail requests that are late, close channels that are idle. REMOTING-CONNECTION-7."""
        events: list[EndpointEvent] = []
        for channel, connection in self._asking.items():
            events += [(channel, event) for event in connection.expire(now)]
        if self._orphans:
            for channel, orphan in self._orphans:
                events += [(channel, event) for event in orphan.expire(now)]
            self._orphans = [(c, orphan) for c, orphan in self._orphans if orphan.open_requests]
        if self._idle_check is not None and self._idle_check <= now:
            idle_since = now - self._max_idle
            for channel, connection in list(self._connections.items()):
                if connection.last_activity <= idle_since:
                    events += self.close(channel)
            oldest = min((c.last_activity for c in self._connections.values()), default=None)
            self._idle_check = None if oldest is None else Millis(oldest + self._max_idle)
        return events

    # --- inside

    def _add(self, channel: ChannelId, connection: Connection, now: Millis) -> None:
        self._connections[channel] = connection
        if self._idle_check is None:
            self._idle_check = Millis(now + self._max_idle)

    def _forget(self, channel: ChannelId) -> Connection | None:
        connection = self._connections.pop(channel, None)
        if connection is not None and self._by_address.get(connection.peer) == channel:
            del self._by_address[connection.peer]
        self._waiting.pop(channel, None)
        self._asking.pop(channel, None)
        if not self._connections:
            self._idle_check = None
        return connection

    def _connection(self, channel: ChannelId) -> Connection:
        connection = self._connections.get(channel)
        if connection is None:
            raise ChannelUnknown(channel)
        return connection

    def _failed(self, channel: ChannelId, connection: Connection) -> list[EndpointEvent]:
        """What the end of a channel means for the requests on it. REMOTING-CONNECTION-9.

        On a channel that the peer opened they wait for their time, as in Java.
        """
        if channel % 2:
            return [(channel, event) for event in connection.closed()]
        if connection.open_requests:
            self._orphans.append((channel, connection))
        return []

    def _known(self, channel: ChannelId) -> Connection:
        """An open channel, or one whose end was not reported yet."""
        gone = self._gone.get(channel)
        return self._connection(channel) if gone is None else gone

    def _request(self, code: int, header: Header | None, body: bytes, flag: int) -> RemotingCommand:
        return RemotingCommand(
            code=code,
            opaque=self._opaque(),
            flag=flag,
            version=self._release.header_version,
            ext_fields=None if header is None else encode_header(header),
            body=body,
            serialize_type=self._serialize_type,
        )

    def _opaque(self) -> Opaque:
        opaque = Opaque(self._next_opaque)
        self._next_opaque = i32(self._next_opaque + 1)
        return opaque

    def _write(self, channel: ChannelId, connection: Connection, data: bytes, now: Millis) -> None:
        if connection.local is None:
            self._waiting[channel].append(data)
            return
        connection.last_activity = now
        self._effects.append(SendBytes(channel, data))
