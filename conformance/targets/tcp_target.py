"""What all targets behind sockets share: the real clock, addresses, connections."""

import time
from pathlib import Path

from conformance.channel import Channel, TcpChannel
from conformance.target import Capability, Port
from conformance.targets.ports import fast_address
from conformance.verdict import TargetDied, Unsupported
from refimpl.model.ids import Address


class TcpTarget:
    """Base of adapters whose target listens; a subclass fills `namesrv` and `broker`."""

    def __init__(self, name: str, release: str, capabilities: frozenset[Capability]) -> None:
        self._name = name
        self._release = release
        self._capabilities = capabilities
        self.namesrv: Address | None = None
        self.broker: Address | None = None

    @property
    def name(self) -> str:
        """As on the command line."""
        return self._name

    @property
    def release(self) -> str:
        """The release it is judged by."""
        return self._release

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can be asked to do."""
        return self._capabilities

    @property
    def cases_per_start(self) -> int | None:
        """None: a start takes seconds."""
        return None

    def address(self, port: Port) -> Address | None:
        """Where `port` listens."""
        if port is Port.NAMESRV:
            return self.namesrv
        if port is Port.FAST and self.broker is not None:
            return fast_address(self.broker)
        return self.broker

    def open(self, port: Port) -> Channel:
        """A new socket; raises `Unsupported` where there is no such port, `OSError`."""
        address = self.address(port)
        if address is None:
            raise Unsupported(port.value)
        return TcpChannel(address)

    def now(self) -> int:
        """The real time: it only measures and fills born timestamps."""
        return time.time_ns() // 1_000_000

    def pause(self, milliseconds: int) -> None:
        """Between two polls."""
        time.sleep(milliseconds / 1000)

    def store_directory(self) -> Path | None:
        """None: a subclass that declares it overrides this."""
        return None

    def restart(self, *, kill: bool) -> None:
        """End the broker and start it on the same store and ports."""
        self.stop_broker(kill=kill)
        self.start_broker()

    def stop_broker(self, *, kill: bool) -> None:
        """Not declared by this target."""
        raise Unsupported(Capability.KILL.value if kill else Capability.RESTART.value)

    def start_broker(self) -> None:
        """Not declared by this target."""
        raise Unsupported(Capability.RESTART.value)


def await_listening(address: Address, seconds: float) -> None:
    """Return when somebody accepts on `address`; raises `TargetDied` at the end of the time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            TcpChannel(address).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise TargetDied(f"nobody listens on {address}: {error}") from error
            time.sleep(0.02)
        else:
            return
