"""A broker on a memory disk, fed with bytes: what the tests of this package share."""

from collections.abc import Iterable

from refimpl.broker.broker import Broker
from refimpl.model.config import Config
from refimpl.model.effect import Effect, Force, SendBytes
from refimpl.model.ids import Address, ChannelId, Millis, Opaque
from refimpl.model.message_property import properties_to_string
from refimpl.model.prng import Prng
from refimpl.model.release import DEFAULT_RELEASE, Release
from refimpl.remoting import frame
from refimpl.remoting.command import RPC_ONEWAY, RemotingCommand, SerializeType
from refimpl.remoting.header import Header, encode_header
from refimpl.remoting.header.send import SendMessageRequestHeaderV2
from refimpl.sim.memory_disk import MemoryDisk

ADDRESS = Address("127.0.0.1", 10911)
PEER = Address("127.0.0.1", 40000)
CLIENT = ChannelId(0)
NOW = Millis(1_700_000_000_000)
SMALL = {
    "brokerName": "broker-a",
    "brokerIP1": "127.0.0.1",
    "brokerIP2": "127.0.0.1",
    "mappedFileSizeCommitLog": "65536",
    "mappedFileSizeConsumeQueue": "2000",
    "maxHashSlotNum": "100",
    "maxIndexNum": "400",
    "maxMessageSize": "8192",
}


class BrokerUnderTest:
    """One broker, one client channel, a clock that the test moves."""

    def __init__(
        self,
        release: Release = DEFAULT_RELEASE,
        overrides: dict[str, str] | None = None,
        *,
        disk: MemoryDisk | None = None,
        name_servers: tuple[Address, ...] = (),
        now: Millis = NOW,
    ) -> None:
        self.release = release
        self.now = now
        self.disk = disk or MemoryDisk()
        config = Config.strict(release, "broker", {**SMALL, **(overrides or {})})
        self.broker = Broker(config, release, self.disk, Prng(1), ADDRESS, name_servers)
        self.ctx = self.broker.ctx
        self.effects: list[Effect] = []
        self.forces_complete = True
        self.opaque = 0
        self._decoders: dict[ChannelId, frame.FrameDecoder] = {}
        self.received: dict[ChannelId, list[RemotingCommand]] = {}

    def start(self) -> "BrokerUnderTest":
        self.perform(self.broker.start(self.now))
        self.open(CLIENT)
        return self

    def open(self, channel: ChannelId, peer: Address = PEER, local: Address = ADDRESS) -> None:
        self.received.setdefault(channel, [])
        self.perform(self.broker.accepted(channel, peer, local, self.now))

    def perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            self.effects.append(effect)
            if isinstance(effect, SendBytes):
                decoder = self._decoders.setdefault(effect.channel, frame.FrameDecoder())
                for payload in decoder.feed(effect.data):
                    command = frame.decode(payload, self.release)
                    self.received.setdefault(effect.channel, []).append(command)
            elif isinstance(effect, Force) and self.forces_complete:
                self.perform(self.broker.forced(effect.token, failed=False, now=self.now))

    def send(
        self,
        code: int,
        header: Header | dict[str, str] | None = None,
        body: bytes = b"",
        *,
        channel: ChannelId = CLIENT,
        flag: int = 0,
        version: int = 407,
        serialize_type: SerializeType = SerializeType.JSON,
    ) -> None:
        """Feed one request to the broker."""
        self.opaque += 1
        fields = encode_header(header) if isinstance(header, Header) else header
        command = RemotingCommand(
            code=code,
            opaque=Opaque(self.opaque),
            flag=flag,
            version=version,
            ext_fields=fields,
            body=body,
            serialize_type=serialize_type,
        )
        data = frame.encode(command, self.release)
        self.perform(self.broker.receive_data(channel, data, self.now))

    def ask(
        self,
        code: int,
        header: Header | dict[str, str] | None = None,
        body: bytes = b"",
        *,
        channel: ChannelId = CLIENT,
        version: int = 407,
    ) -> RemotingCommand | None:
        """The answer to one request; None where nothing came at once."""
        before = len(self.received[channel])
        self.send(code, header, body, channel=channel, version=version)
        answers = [c for c in self.received[channel][before:] if c.is_response]
        assert len(answers) <= 1, answers
        return answers[0] if answers else None

    def oneway(self, code: int, header: Header, body: bytes = b"") -> None:
        self.send(code, header, body, flag=RPC_ONEWAY)

    def run(self, millis: int = 0) -> None:
        """Let time pass; every timer on the way is handled at its time."""
        end = Millis(self.now + millis)
        for _ in range(10_000):
            due = self.broker.next_timer()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.perform(self.broker.handle_timer(self.now))
        else:
            raise AssertionError("the broker never rests")
        self.now = end

    def produce(
        self,
        topic: str = "T",
        body: bytes = b"hello",
        *,
        queue_id: int = 0,
        properties: dict[str, str] | None = None,
        code: int = 310,
        **fields: str,
    ) -> RemotingCommand | None:
        """SEND_MESSAGE_V2 with the fields of a client; keyword arguments override wire names."""
        header = encode_header(send_header(topic, queue_id, properties or {}, self.release))
        return self.ask(code, {**header, **fields}, body)


def send_header(
    topic: str, queue_id: int, properties: dict[str, str], release: Release
) -> SendMessageRequestHeaderV2:
    return SendMessageRequestHeaderV2(
        a="PG",
        b=topic,
        c="TBW102",
        d=4,
        e=queue_id,
        f=0,
        g=NOW - 5,
        h=7,
        i=properties_to_string(properties, release),
        j=0,
        k=False,
        m=False,
    )
