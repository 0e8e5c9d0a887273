"""A name server on a memory disk, fed with bytes: what the tests of this package share."""

import json
from collections.abc import Iterable, Mapping
from typing import cast

from refimpl.model.config import Config
from refimpl.model.data_version import DataVersion
from refimpl.model.effect import CloseChannel, Effect, Force, SendBytes
from refimpl.model.ids import Address, ChannelId, JsonValue, Millis, Opaque
from refimpl.model.prng import Prng
from refimpl.model.release import DEFAULT_RELEASE, Release
from refimpl.model.topic_config import TopicConfig
from refimpl.namesrv.name_server import NameServer
from refimpl.remoting import frame
from refimpl.remoting.body.java_json import parse
from refimpl.remoting.body.register_broker import RegisterBrokerBody
from refimpl.remoting.command import RPC_ONEWAY, RemotingCommand
from refimpl.remoting.header import Header, encode_header
from refimpl.remoting.header.registration import (
    RegisterBrokerRequestHeader,
    UnRegisterBrokerRequestHeader,
)
from refimpl.remoting.header.route import GetRouteInfoRequestHeader
from refimpl.sim.memory_disk import MemoryDisk

LOCAL = Address("127.0.0.1", 9876)
NOW = Millis(1_700_000_000_000)
BROKER = ChannelId(0)  # the channel over which brokers register unless a test says otherwise
CLIENT = ChannelId(2)
VERSION = DataVersion(timestamp=Millis(7), counter=3)
TOPICS = (TopicConfig(topic_name="T1"), TopicConfig(topic_name="T2", read_queue_nums=4))


class NameServerUnderTest:
    """One name server, a clock that the test moves, channels that the test opens."""

    def __init__(
        self,
        release: Release = DEFAULT_RELEASE,
        overrides: dict[str, str] | None = None,
        *,
        disk: MemoryDisk | None = None,
    ) -> None:
        self.release = release
        self.now = NOW
        self.disk = disk or MemoryDisk()
        config = Config.strict(release, "namesrv", overrides or {})
        self.server = NameServer(config, release, self.disk, Prng(1))
        self.forces: list[Force] = []
        self.closed: list[ChannelId] = []
        self.received: dict[ChannelId, list[RemotingCommand]] = {}
        self._decoders: dict[ChannelId, frame.FrameDecoder] = {}
        self._opaque = 0

    def start(self) -> "NameServerUnderTest":
        self.perform(self.server.start(self.now))
        self.open(BROKER)
        self.open(CLIENT)
        return self

    def open(self, channel: ChannelId, port: int | None = None) -> None:
        self.received[channel] = []
        self._decoders[channel] = frame.FrameDecoder()
        peer = Address("127.0.0.1", port or 40_000 + channel)
        self.perform(self.server.accepted(channel, peer, LOCAL, self.now))

    def close(self, channel: ChannelId) -> None:
        self.perform(self.server.disconnected(channel, self.now))

    def perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, SendBytes):
                for payload in self._decoders[effect.channel].feed(effect.data):
                    command = frame.decode(payload, self.release)
                    self.received[effect.channel].append(command)
            elif isinstance(effect, Force):
                self.forces.append(effect)
            elif isinstance(effect, CloseChannel):
                self.closed.append(effect.channel)
                self.close(effect.channel)

    def run(self, millis: int) -> None:
        """Let time pass; whatever becomes due runs when it is due."""
        end = self.now + millis
        while True:
            due = self.server.next_timer()
            if due is None or due > end:
                break
            self.now = Millis(max(self.now, due))
            self.perform(self.server.handle_timer(self.now))
        self.now = Millis(end)

    def send(
        self,
        code: int,
        header: Header | Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        channel: ChannelId = CLIENT,
        version: int | None = None,
        oneway: bool = False,
    ) -> RemotingCommand | None:
        """Send a request; the answer, or None where there is none.

        A channel that the server closed, because it was idle, is opened again under a new id.
        """
        while channel in self.closed:
            channel = ChannelId(channel + 100)
            if channel not in self.received:
                self.open(channel)
        self._opaque += 1
        fields = encode_header(header) if isinstance(header, Header) else header
        command = RemotingCommand(
            code=code,
            opaque=Opaque(self._opaque),
            flag=RPC_ONEWAY if oneway else 0,
            version=self.release.header_version if version is None else version,
            ext_fields=fields,
            body=body,
        )
        before = len(self.received[channel])
        data = frame.encode(command, self.release)
        self.perform(self.server.receive_data(channel, data, self.now))
        answers = self.received[channel][before:]
        assert len(answers) <= 1
        assert all(answer.opaque == self._opaque for answer in answers)
        return answers[0] if answers else None

    def ask(
        self,
        code: int,
        header: Header | Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        channel: ChannelId = CLIENT,
        version: int | None = None,
    ) -> RemotingCommand:
        answer = self.send(code, header, body, channel=channel, version=version)
        assert answer is not None, code
        return answer

    def register(
        self,
        name: str = "broker-a",
        broker_id: int = 0,
        address: str = "10.0.0.1:10911",
        topics: Iterable[TopicConfig] = TOPICS,
        version: DataVersion = VERSION,
        *,
        cluster: str = "C",
        channel: ChannelId = BROKER,
        filter_servers: tuple[str, ...] | None = (),
        compressed: bool = False,
        body: bytes | None = None,
        crc: int | None = None,
        broker_version: int | None = None,
        timeout: int | None = None,
        acting: bool | None = None,
        zone: str | None = None,
    ) -> RemotingCommand:
        if body is None:
            body = RegisterBrokerBody(
                data_version=version,
                topic_config_table={topic.topic_name: topic for topic in topics},
                filter_server_list=filter_servers,
            ).encode(self.release, compressed=compressed)
        header = RegisterBrokerRequestHeader(
            broker_name=name,
            broker_addr=address,
            cluster_name=cluster,
            ha_server_addr=address.replace("10911", "10912"),
            broker_id=broker_id,
            compressed=compressed,
            body_crc32=crc or 0,
            heartbeat_timeout_millis=timeout,
            enable_acting_master=acting,
        )
        fields = encode_header(header)
        if zone is not None:
            fields["__ZONE_NAME"] = zone
        return self.ask(103, fields, body, channel=channel, version=broker_version)

    def unregister(
        self,
        name: str = "broker-a",
        broker_id: int = 0,
        address: str = "10.0.0.1:10911",
        cluster: str = "C",
    ) -> RemotingCommand:
        header = UnRegisterBrokerRequestHeader(
            broker_name=name, broker_addr=address, cluster_name=cluster, broker_id=broker_id
        )
        answer = self.ask(104, header)
        self.settle()
        return answer

    def settle(self) -> None:
        """Work off the departures that wait."""
        self.perform(self.server.handle_timer(self.now))

    def route(self, topic: str = "T1") -> dict[str, JsonValue] | None:
        """The route of a topic, or None where the name server knows of none."""
        answer = self.ask(105, GetRouteInfoRequestHeader(topic=topic))
        if answer.code != 0:
            assert answer.code == 17
            return None
        return json_of(answer, self.release)

    def addresses(self, topic: str = "T1") -> dict[str, dict[str, str]]:
        """Addresses by id, by broker name, in the route of a topic."""
        route = self.route(topic)
        if route is None:
            return {}
        brokers = cast("list[dict[str, JsonValue]]", route["brokerDatas"])
        return {
            str(broker["brokerName"]): cast("dict[str, str]", broker["brokerAddrs"])
            for broker in brokers
        }

    def permissions(self, topic: str = "T1") -> dict[str, int]:
        """Permission by broker name in the route of a topic."""
        route = self.route(topic)
        assert route is not None
        queues = cast("list[dict[str, JsonValue]]", route["queueDatas"])
        return {str(queue["brokerName"]): cast("int", queue["perm"]) for queue in queues}

    def tables(self) -> str:
        """Everything that the name server knows, as text: equal texts are equal states."""
        routes = self.server.context.routes
        return repr(
            (
                routes.topic_queue_table,
                sorted((n, e.addresses) for n, e in routes.broker_addr_table.items()),
                routes.cluster_addr_table,
                sorted(routes.broker_live_table),
                routes.filter_server_table,
                self.server.context.kv.config_table,
                self.server.context.config.properties(),
            )
        )


def json_of(answer: RemotingCommand, release: Release) -> dict[str, JsonValue]:
    """Body of an answer, read as leniently as Java reads it."""
    value = parse(answer.body.decode(), release)
    assert isinstance(value, dict)
    return value


def strict_json(answer: RemotingCommand) -> dict[str, JsonValue]:
    """Body of an answer, read as any JSON reader reads it; ValueError otherwise."""
    value = cast("JsonValue", json.loads(answer.body))
    assert isinstance(value, dict)
    return value
