"""One case running against one target: connections, names, clock and checks."""

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from conformance.connection import Connection
from conformance.matching import ANY, TextMatch, expect
from conformance.recording import Recorder
from conformance.response import Response
from conformance.target import Capability, Port, Target
from conformance.verdict import Failure, Unsupported
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES, Release
from refimpl.remoting.request_code import RequestCode

POLL_MS = 10
EVENTUALLY_MS = 5000

T = TypeVar("T")

# Cheap requests that every release answers on these ports. (An unknown code would not do: the
# name server of 4.9.7 leaves it without an answer.)
_BROKER_PROBE = (RequestCode.GET_MAX_OFFSET, {"topic": "probe", "queueId": "0"})
_PROBES: Mapping[Port, tuple[int, Mapping[str, str]]] = {
    Port.NAMESRV: (RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "probe"}),
    Port.BROKER: _BROKER_PROBE,
    Port.FAST: _BROKER_PROBE,
}


class Session:
    """The part of `Wire` that knows no request codes."""

    def __init__(self, target: Target, identifier: str, token: str = "") -> None:
        self.target = target
        self.release = target.release
        self.recorder = Recorder(target.now)
        self.connections: list[Connection] = []
        self.notes: list[str] = []
        self._main: dict[Port, Connection] = {}
        self._names = 0
        self._prefix = f"{zlib.crc32(identifier.encode()):08x}{token}"

    # --- connections

    @property
    def broker(self) -> Connection:
        """The connection to the broker's main port, opened at first use."""
        return self._main_connection(Port.BROKER)

    @property
    def namesrv(self) -> Connection:
        """The connection to the name server, opened at first use."""
        return self._main_connection(Port.NAMESRV)

    @property
    def fast(self) -> Connection:
        """The connection to the broker's fast (VIP) port, opened at first use."""
        return self._main_connection(Port.FAST)

    def connect(self, port: Port = Port.BROKER) -> Connection:
        """A further connection."""
        if port is Port.FAST:
            self.need(Capability.FAST_PORT)
        if port is Port.NAMESRV:
            self.need(Capability.NAMESRV)
        name = f"{port.value}-{len(self.connections) + 1}"
        try:
            channel = self.target.open(port)
        except OSError as error:
            raise Failure(f"{port.value} port: no connection: {error}") from error
        connection = Connection(
            channel,
            self.recorder,
            self.now,
            name=name,
            version=RELEASES[self.release].header_version,
            first_opaque=1000 * (len(self.connections) + 1),
            probe=_PROBES[port],
        )
        self.connections.append(connection)
        return connection

    def _main_connection(self, port: Port) -> Connection:
        if port not in self._main or self._main[port].closed:
            self._main[port] = self.connect(port)
        return self._main[port]

    def close_out(self) -> None:
        """The end of the case: every connection is looked at for strays, then closed."""
        failure: Failure | None = None
        for connection in self.connections:
            try:
                connection.close_out()
            except Failure as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def abandon(self) -> None:
        """Close everything after a failure, without looking."""
        for connection in self.connections:
            connection.hang_up()

    # --- target

    def need(self, capability: Capability) -> None:
        """Raise `Unsupported` unless the target declares `capability`."""
        if capability not in self.target.capabilities:
            raise Unsupported(capability.value)

    def restart_broker(self, *, kill: bool = False) -> None:
        """Restart the broker on its store; all connections to it are gone afterwards."""
        self.need(Capability.KILL if kill else Capability.RESTART)
        self._hang_up_broker()
        self.recorder.record("broker", "-", b"", "killed and started" if kill else "restarted")
        self.target.restart(kill=kill)

    def stop_broker(self, *, kill: bool = False) -> Path:
        """Stop the broker; the store's folder may be read and changed until `start_broker`."""
        self.need(Capability.STORE_DIRECTORY)
        self.need(Capability.KILL if kill else Capability.RESTART)
        self._hang_up_broker()
        self.recorder.record("broker", "-", b"", "killed" if kill else "stopped")
        self.target.stop_broker(kill=kill)
        directory = self.target.store_directory()
        assert directory is not None, "declared, but not given"
        return directory

    def start_broker(self) -> None:
        """Start the broker again after `stop_broker`."""
        self.target.start_broker()
        self.recorder.record("broker", "-", b"", "started")

    def _hang_up_broker(self) -> None:
        for connection in self.connections:
            if not connection.name.startswith(Port.NAMESRV.value) and not connection.closed:
                connection.close_out()
                connection.close()
        self._main.pop(Port.BROKER, None)
        self._main.pop(Port.FAST, None)

    # --- clock

    def now(self) -> int:
        """Milliseconds since the epoch on the target's clock."""
        return self.target.now()

    def advance(self, milliseconds: int) -> None:
        """Let virtual time pass; `Unsupported` where the clock is real."""
        self.need(Capability.CLOCK)
        self.target.pause(milliseconds)

    def eventually(
        self, attempt: Callable[[], T | None], *, what: str, within_ms: int = EVENTUALLY_MS
    ) -> T:
        """Repeat `attempt` until it gives something other than None and False; return that.

        Raises `Failure` when the time is over, with the last `Failure` of the attempt if it had
        one. This is the only way to wait for what happens in the background of a target.
        """
        deadline = self.now() + within_ms
        last = ""
        while True:
            try:
                value = attempt()
            except Failure as failure:
                last = f": {failure.reason}"
            else:
                if value is not None and value is not False:
                    return value
            if self.now() >= deadline:
                raise Failure(f"{what}: not within {within_ms} ms{last}")
            self.target.pause(POLL_MS)

    # --- names

    def unique(self, prefix: str = "N") -> str:
        """A name that no other case uses; letters, digits and underscores."""
        self._names += 1
        return f"{prefix}_{self._prefix}_{self._names}"

    def group(self, prefix: str = "GID") -> str:
        """A group name that no other case uses; the group is not created."""
        return self.unique(prefix)

    # --- releases and checks

    def by_release(self, values: Mapping[str, T]) -> T:
        """The entry for the target's release; keys "4.6", "4.9", "5.5"."""
        return values[self.release]

    @property
    def switch(self) -> Release:
        """The switches of the release that the target is judged by (`model/release.py`)."""
        return RELEASES[self.release]

    def note(self, text: str) -> None:
        """Add a line to the report of this case."""
        self.notes.append(text)

    def fail(self, reason: str) -> None:
        """Raise `Failure`."""
        raise Failure(reason)

    def check(self, condition: object, reason: str) -> None:
        """Raise `Failure(reason)` unless `condition` is true."""
        if not condition:
            raise Failure(reason)

    def equal(self, actual: T, expected: T, what: str) -> None:
        """Raise `Failure` with both values unless they are equal."""
        if actual != expected:
            raise Failure(f"{what}: {_short(actual)}, expected {_short(expected)}")

    def expect(
        self,
        response: Response,
        *,
        code: int,
        remark: TextMatch = ANY,
        ext: Mapping[str, TextMatch] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """Check a response (see `matching.expect`) and return it."""
        expect(response, code=code, remark=remark, ext=ext, body=body)
        return response


def compact_json(value: JsonValue) -> bytes:
    """A JSON body without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _short(value: object, limit: int = 400) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
