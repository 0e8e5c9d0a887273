"""The embedded RocketMQ, asked by a plain socket."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from refimpl.model.errors import InvalidInput, StartRefused
from refimpl.model.ids import Opaque
from refimpl.model.release import RELEASES
from refimpl.remoting import frame
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.request_code import RequestCode
from refimpl.runtime.embedded import EmbeddedRocketMQ


class Client:
    """Speaks JSON headers over one connection."""

    def __init__(self, address: str) -> None:
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.decoder = frame.FrameDecoder()
        self.opaque = 0

    def ask(self, code: int, fields: dict[str, str], body: bytes = b"") -> RemotingCommand:
        release = RELEASES["4.9"]
        self.opaque += 1
        command = RemotingCommand(
            code=code, opaque=Opaque(self.opaque), version=407, ext_fields=fields, body=body
        )
        self.socket.sendall(frame.encode(command, release))
        while True:
            data = self.socket.recv(65_536)
            assert data, "closed"
            for found in self.decoder.feed(data):
                answer = frame.decode(found, release)
                assert answer.opaque == self.opaque
                return answer


def _send(address: str, topic: str, body: bytes) -> RemotingCommand:
    fields = dict(zip("abcdefghijkm", (
        "PG", topic, "TBW102", "4", "0", "0", "1700000000000", "0", "", "0", "false", "false",
    ), strict=True))  # fmt: skip
    client = Client(address)
    answer = client.ask(RequestCode.SEND_MESSAGE_V2, fields, body)
    client.socket.close()
    return answer


@pytest.fixture
def rocketmq() -> Iterator[EmbeddedRocketMQ]:
    with EmbeddedRocketMQ() as embedded:
        yield embedded


def test_the_name_server_knows_its_port(rocketmq: EmbeddedRocketMQ) -> None:
    client = Client(rocketmq.namesrv_address)
    answer = client.ask(RequestCode.GET_NAMESRV_CONFIG, {})
    client.socket.close()
    port = rocketmq.namesrv_address.rsplit(":", 1)[1]
    assert f"listenPort={port}" in answer.body.decode().splitlines()


def test_a_message_and_its_route(rocketmq: EmbeddedRocketMQ) -> None:
    answer = _send(rocketmq.broker_address, "T", b"hello")
    assert answer.code == 0
    assert answer.ext_fields is not None
    assert answer.ext_fields["queueOffset"] == "0"
    namesrv = Client(rocketmq.namesrv_address)
    route = namesrv.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "TBW102"})
    assert rocketmq.broker_address.encode() in route.body
    namesrv.socket.close()


@pytest.mark.parametrize("release", list(RELEASES))
def test_each_release_with_its_settings(release: str) -> None:
    settings = {"regionId": "somewhere"}
    with EmbeddedRocketMQ(release, flush="sync", settings=settings) as embedded:
        answer = _send(embedded.broker_address, "T", b"hello")
    assert answer.code == 0
    assert answer.version == RELEASES[release].header_version
    assert answer.ext_fields is not None
    assert answer.ext_fields["MSG_REGION"] == "somewhere"


def test_two_at_once_know_nothing_of_each_other() -> None:
    with EmbeddedRocketMQ() as one, EmbeddedRocketMQ() as other:
        assert _send(one.broker_address, "T", b"1").code == 0
        second = _send(other.broker_address, "T", b"2")
        assert second.ext_fields is not None
        assert second.ext_fields["queueOffset"] == "0"


def test_the_end_is_an_end() -> None:
    """Nobody listens, no thread stays, the temporary store is gone."""
    with EmbeddedRocketMQ() as embedded:
        broker, root = embedded.broker_address, embedded._root
        assert (root / "namesrv").is_dir()
        assert "rocketmq" in {thread.name for thread in threading.enumerate()}
    assert not root.exists()
    assert "rocketmq" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(OSError, match="refused"):
        Client(broker)
    with pytest.raises(RuntimeError, match="within"):
        _ = embedded.broker_address


def test_a_store_that_stays(tmp_path: Path) -> None:
    with EmbeddedRocketMQ(store=tmp_path) as first:
        assert _send(first.broker_address, "T", b"1").code == 0
    assert not (tmp_path / "abort").exists()  # stopped in order
    with EmbeddedRocketMQ(store=tmp_path) as second:
        answer = _send(second.broker_address, "T", b"2")
    assert answer.ext_fields is not None
    assert answer.ext_fields["queueOffset"] == "1"


def test_refusals_reach_who_asked(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="noSuchSetting"):
        EmbeddedRocketMQ(settings={"noSuchSetting": "1"})
    with (
        EmbeddedRocketMQ(store=tmp_path) as first,
        pytest.raises(StartRefused),
        EmbeddedRocketMQ(store=tmp_path),
    ):
        raise AssertionError("two brokers on one store")
    assert first._finished
