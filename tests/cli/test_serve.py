"""`rmqref serve`, `namesrv`, `broker` as processes: ready line, refusals, orderly end."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from refimpl.model.ids import Opaque
from refimpl.model.release import RELEASES
from refimpl.remoting import frame
from refimpl.remoting.command import RemotingCommand

ROOT = Path(__file__).parents[2]
PATIENCE = 20


class Served:
    """One `rmqref` process that printed its ready line."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "refimpl.cli", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline().strip()

    def port(self, what: str) -> int:
        found = re.search(rf"{what}=127\.0\.0\.1:(\d+)", self.line)
        assert found is not None, (self.line, self.end())
        return int(found[1])

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


@pytest.fixture
def started() -> Iterator[list[Served]]:
    processes: list[Served] = []
    yield processes
    for served in processes:
        if served.process.poll() is None:
            served.process.kill()
        served.process.communicate(timeout=PATIENCE)


def refused(*arguments: str) -> tuple[int, str]:
    run = subprocess.run(
        [sys.executable, "-m", "refimpl.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert run.stdout == ""
    return run.returncode, run.stderr


def ask(port: int, code: int, fields: dict[str, str], body: bytes = b"") -> RemotingCommand:
    release = RELEASES["4.9"]
    command = RemotingCommand(code=code, opaque=Opaque(7), ext_fields=fields, body=body)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(frame.encode(command, release))
        data = b""
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
            more = connection.recv(65536)
            assert more, "closed without an answer"
            data += more
    return frame.decode(data[4:], release)


SEND = {
    "a": "PG",
    "b": "Served",
    "c": "TBW102",
    "d": "1",
    "e": "0",
    "f": "0",
    "g": "1700000000000",
    "h": "0",
    "i": "",
    "j": "0",
    "k": "false",
    "l": "16",
    "m": "false",
}
ANY = ("--namesrv-port", "0", "--broker-port", "0")
MAX_OFFSET = {"topic": "Served", "queueId": "0"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_acknowledged_is_there_after_an_orderly_end(
    started: list[Served], tmp_path: Path, number: signal.Signals
) -> None:
    store = tmp_path / "store"
    first = Served("serve", *ANY, "--store", str(store))
    started.append(first)
    assert first.line.startswith("ready namesrv=")
    assert ask(first.port("broker"), 310, SEND, b"body").code == 0
    assert ask(first.port("namesrv"), 105, {"topic": "Served"}).code == 0
    assert (store / "abort").exists()
    assert first.end(number) == (0, "")
    assert not (store / "abort").exists()
    second = Served("serve", *ANY, "--store", str(store))
    started.append(second)
    assert dict(ask(second.port("broker"), 30, MAX_OFFSET).ext_fields or {}) == {"offset": "1"}
    assert second.end()[0] == 0


def test_what_was_acknowledged_is_there_after_a_kill(started: list[Served], tmp_path: Path) -> None:
    first = Served("serve", *ANY, "--store", str(tmp_path), "--flush", "sync")
    started.append(first)
    assert ask(first.port("broker"), 310, SEND, b"body").code == 0
    first.process.kill()
    first.process.communicate(timeout=PATIENCE)
    assert (tmp_path / "abort").exists()
    second = Served("serve", *ANY, "--store", str(tmp_path), "--flush", "sync")
    started.append(second)
    assert dict(ask(second.port("broker"), 30, MAX_OFFSET).ext_fields or {}) == {"offset": "1"}
    assert second.end()[0] == 0


def test_a_store_has_one_holder(started: list[Served], tmp_path: Path) -> None:
    first = Served("serve", *ANY, "--store", str(tmp_path))
    started.append(first)
    first.port("broker")
    status, errors = refused("serve", *ANY, "--store", str(tmp_path))
    assert status == 1
    assert "lock" in errors
    assert "Traceback" not in errors
    assert ask(first.port("broker"), 310, SEND, b"still here").code == 0
    assert first.end()[0] == 0


def test_name_server_and_broker_alone_find_each_other(
    started: list[Served], tmp_path: Path
) -> None:
    namesrv = Served("namesrv", "--port", "0")
    started.append(namesrv)
    address = f"127.0.0.1:{namesrv.port('namesrv')}"
    settings = tmp_path / "broker.properties"
    settings.write_text("brokerName = somebody\nmaxMessageSize: 1000\n", "utf-8")
    broker = Served(
        "broker", "--port", "0", "--namesrv", address, "-c", str(settings), "--cluster", "C9"
    )
    started.append(broker)
    assert broker.line == f"ready broker=127.0.0.1:{broker.port('broker')}"
    known = ask(namesrv.port("namesrv"), 106, {}).body
    assert b'"somebody"' in known
    assert b'"C9"' in known
    assert ask(broker.port("broker"), 310, SEND, b"x" * 1001).code == 13
    assert broker.end() == (0, "")
    assert b'"somebody"' not in ask(namesrv.port("namesrv"), 106, {}).body
    assert namesrv.end() == (0, "")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["serve", *ANY, "--set", "noSuchName=1"], 2, "noSuchName"),
        (["serve", *ANY, "--set", "maxMessageSize=many"], 2, "maxMessageSize"),
        (["serve", *ANY, "--set", "maxMessageSize"], 2, "KEY=VALUE"),
        (["serve", *ANY, "--release", "3.2"], 2, "3.2"),
        (["serve", *ANY, "-c", "no/such/file"], 2, "no/such/file"),
        (["broker", "--namesrv", "nowhere"], 2, "HOST:PORT"),
        (["namesrv", "--port", "70000"], 1, "70000"),
    ],
)
def test_a_wrong_option_is_one_clear_error(
    arguments: Sequence[str], status: int, says: str
) -> None:
    got, errors = refused(*arguments)
    assert got == status
    assert says in errors
    assert "Traceback" not in errors


def test_a_taken_port_is_one_clear_error(started: list[Served]) -> None:
    first = Served("namesrv", "--port", "0")
    started.append(first)
    status, errors = refused("namesrv", "--port", str(first.port("namesrv")))
    assert status == 1
    assert "cannot listen" in errors
    assert "Traceback" not in errors
