"""A broker as a name server sees it: registrations of the case's own making.

Cases share a name server, so what registers must go again: `fake_broker` unregisters at the end,
whatever happened. Java 4.9.7: common/protocol/body/RegisterBrokerBody, TopicConfig#encode.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from conformance.connection import Connection, ExtValue
from conformance.matching import dig
from conformance.response import Response
from conformance.session import compact_json
from conformance.verdict import Failure
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_INT = struct.Struct(">i")
_OLD_BROKER_VERSION = 36  # the last whose body is the table of topics alone


@dataclass(frozen=True, slots=True)
class TopicEntry:
    """A topic as a broker announces it."""

    read: int = 4
    write: int = 4
    perm: int = 6
    sys_flag: int = 0

    def json(self, name: str) -> JsonValue:
        """A TopicConfig."""
        return {
            "topicName": name,
            "readQueueNums": self.read,
            "writeQueueNums": self.write,
            "perm": self.perm,
            "topicFilterType": "SINGLE_TAG",
            "topicSysFlag": self.sys_flag,
            "order": False,
        }

    def text(self, name: str) -> bytes:
        """The line of a compressed body, which has no flag."""
        return f"{name} {self.read} {self.write} {self.perm} SINGLE_TAG".encode()


class FakeBroker:
    """One address under one broker name. Versions are counters of its own epoch."""

    def __init__(
        self,
        w: Wire,
        *,
        name: str | None = None,
        cluster: str | None = None,
        broker_id: int = 0,
        on: Connection | None = None,
    ) -> None:
        self._w = w
        self._on = on
        self.epoch = w.now()
        self.name = name or w.unique("B")
        self.cluster = cluster or w.unique("C")
        self.broker_id = broker_id
        number = zlib.crc32(w.unique("A").encode())
        self.address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:10911"
        self.ha_address = self.address.replace(":10911", ":10912")
        self.left = False

    @property
    def identity(self) -> dict[str, ExtValue]:
        """The fields that every request about a broker has."""
        return {
            "brokerName": self.name,
            "brokerAddr": self.address,
            "clusterName": self.cluster,
            "brokerId": self.broker_id,
        }

    def version(self, counter: int, state: int = 0) -> JsonValue:
        """A DataVersion."""
        return {"timestamp": self.epoch, "counter": counter, "stateVersion": state}

    def body(
        self,
        topics: Mapping[str, TopicEntry],
        *,
        counter: int = 1,
        state: int = 0,
        filter_servers: Sequence[str] | None = (),
    ) -> bytes:
        """RegisterBrokerBody as JSON."""
        return compact_json(
            {
                "filterServerList": None if filter_servers is None else list(filter_servers),
                "topicConfigSerializeWrapper": {
                    "dataVersion": self.version(counter, state),
                    "topicConfigTable": {n: e.json(n) for n, e in topics.items()},
                },
            }
        )

    def table_body(self, topics: Mapping[str, TopicEntry], *, counter: int = 1) -> bytes:
        """TopicConfigSerializeWrapper alone: what brokers before 3.0.11 send."""
        return compact_json(
            {
                "dataVersion": self.version(counter),
                "topicConfigTable": {n: e.json(n) for n, e in topics.items()},
            }
        )

    def compressed_body(
        self,
        topics: Mapping[str, TopicEntry],
        *,
        counter: int = 1,
        filter_servers: Sequence[str] = (),
    ) -> bytes:
        """RegisterBrokerBody deflated; with the mappings that 5.x brokers append."""
        parts = [compact_json(self.version(counter))]
        out = _INT.pack(len(parts[0])) + parts[0] + _INT.pack(len(topics))
        for name, entry in topics.items():
            line = entry.text(name)
            out += _INT.pack(len(line)) + line
        servers = compact_json(list(filter_servers))
        out += _INT.pack(len(servers)) + servers
        if self._w.switch.static_topics:
            out += _INT.pack(0)
        return zlib.compress(out)

    def try_register(self, body: bytes, **ext: ExtValue) -> Response:
        """REGISTER_BROKER, whatever the answer; `ext` by Java's names."""
        return self._register(body, None, ext)

    def _register(self, body: bytes, version: int | None, ext: Mapping[str, ExtValue]) -> Response:
        fields: dict[str, ExtValue] = {
            **self.identity,
            "haServerAddr": self.ha_address,
            "compressed": False,
            "bodyCrc32": zlib.crc32(body) & 0x7FFFFFFF,
            **ext,
        }
        return self._connection.request(
            RequestCode.REGISTER_BROKER, ext=fields, body=body, version=version
        )

    def register(
        self,
        topics: Mapping[str, TopicEntry],
        *,
        counter: int = 1,
        state: int = 0,
        filter_servers: Sequence[str] | None = (),
        **ext: ExtValue,
    ) -> Response:
        """REGISTER_BROKER with the whole table, answered with SUCCESS; `ext` by Java's names."""
        body = self.body(topics, counter=counter, state=state, filter_servers=filter_servers)
        return self._w.expect(self.try_register(body, **ext), code=ResponseCode.SUCCESS)

    def register_old(self, topics: Mapping[str, TopicEntry]) -> Response:
        """REGISTER_BROKER as a broker before 3.0.11."""
        body = self.table_body(topics)
        response = self._register(body, _OLD_BROKER_VERSION, {})
        return self._w.expect(response, code=ResponseCode.SUCCESS)

    def query_version(self, counter: int) -> Response:
        """QUERY_DATA_VERSION with this version."""
        response = self._connection.request(
            RequestCode.QUERY_DATA_VERSION,
            ext=self.identity,
            body=compact_json(self.version(counter)),
        )
        return self._w.expect(response, code=ResponseCode.SUCCESS)

    def unregister(self, **ext: ExtValue) -> Response:
        """UNREGISTER_BROKER, answered with SUCCESS."""
        response = self._w.namesrv.request(
            RequestCode.UNREGISTER_BROKER, ext={**self.identity, **ext}
        )
        return self._w.expect(response, code=ResponseCode.SUCCESS)

    def is_known(self) -> bool:
        """True if the cluster information has the address."""
        response = self._w.namesrv.request(RequestCode.GET_BROKER_CLUSTER_INFO)
        self._w.expect(response, code=ResponseCode.SUCCESS)
        return f'"{self.address}"'.encode() in response.body

    @property
    def _connection(self) -> Connection:
        return self._on or self._w.namesrv


@contextmanager
def fake_broker(
    w: Wire,
    *,
    name: str | None = None,
    cluster: str | None = None,
    broker_id: int = 0,
    on: Connection | None = None,
) -> Iterator[FakeBroker]:
    """A broker that is gone again at the end, also after a failure."""
    broker = FakeBroker(w, name=name, cluster=cluster, broker_id=broker_id, on=on)
    try:
        yield broker
    except Exception:
        with suppress(Failure):
            broker.unregister()
        raise
    if not broker.left:
        broker.unregister()


def two(w: Wire) -> dict[str, TopicEntry]:
    """Two topics: a table, and not the announcement of one topic."""
    return {w.unique("T"): TopicEntry(), w.unique("T"): TopicEntry(read=2, write=3)}


def queue_entries(w: Wire, topic: str) -> list[JsonValue]:
    """The queue entries of the route of a topic; none where it has no route."""
    route = w.route(topic)
    queues = [] if route is None else dig(route, "queueDatas")
    assert isinstance(queues, list)
    return queues
