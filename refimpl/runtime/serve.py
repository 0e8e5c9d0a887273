"""Name server and broker on loopback in one process: bind, start in order, wait, stop in order.

Start: name server, then broker (it registers), then the ready line. Stop: broker (it unregisters
and flushes), then name server: the reverse, as the shutdown hooks of both processes would.
"""

import gc
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from refimpl.model.config import Config
from refimpl.model.errors import StartRefused
from refimpl.model.ids import Address
from refimpl.model.prng import Prng
from refimpl.model.release import Release
from refimpl.runtime.directory_disk import DirectoryDisk
from refimpl.runtime.event_loop import EventLoop
from refimpl.runtime.host import Host

LOOPBACK = "127.0.0.1"
FAST_PORT_BELOW = 2  # the fast ("VIP") port lies two below the broker's own
_BIND_ATTEMPTS = 50
_REGISTRATION_PATIENCE_SECONDS = 3.0
_PORT_MAX = 65_535


class NameServerPlan(NamedTuple):
    """What to start: a port of 0 takes any."""

    release: Release
    port: int
    store: Path
    config: Config


class BrokerPlan(NamedTuple):
    """What to start; `make_config` learns the port that was bound."""

    release: Release
    port: int
    store: Path
    make_config: Callable[[int], Config]
    namesrv: Sequence[Address]  # besides the one that this process runs
    seed: int


class Ready(NamedTuple):
    """Where the nodes of this process listen."""

    namesrv: Address | None
    broker: Address | None

    def line(self) -> str:
        """The one line on standard output that tells others where we are."""
        parts = ["ready"]
        if self.namesrv is not None:
            parts.append(f"namesrv={self.namesrv}")
        if self.broker is not None:
            parts.append(f"broker={self.broker}")
        return " ".join(parts)


def bind(port: int) -> socket.socket:
    """A bound, not yet listening socket on loopback; raises `StartRefused`."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "not a port"
        raise StartRefused(f"cannot listen on {LOOPBACK}:{port}: {reason}") from error
    return listener


def bind_broker(port: int) -> tuple[socket.socket, socket.socket]:
    """The broker's port and its fast port; with 0 any such pair."""
    for _ in range(_BIND_ATTEMPTS if port == 0 else 1):
        main = bind(port)
        bound = port_of(main)
        try:
            return main, bind(bound - FAST_PORT_BELOW)
        except StartRefused:
            main.close()
            if port != 0:
                raise
    raise StartRefused(f"no free pair of ports in {_BIND_ATTEMPTS} attempts")


def port_of(listener: socket.socket) -> int:
    """The bound port."""
    port = listener.getsockname()[1]
    assert isinstance(port, int)
    assert 0 < port <= _PORT_MAX
    return port


def start_name_server(plan: NameServerPlan, loop: EventLoop) -> tuple[Host, Address]:
    """Bind and start; raises `StartRefused`."""
    from refimpl.namesrv.name_server import NameServer  # noqa: PLC0415 - only where it is wanted

    listener = bind(plan.port)
    address = Address(LOOPBACK, port_of(listener))
    disk = DirectoryDisk(plan.store)
    config = plan.config.updated({"listenPort": str(address.port)})
    host = Host(NameServer(config, plan.release, disk, Prng(0)), disk, loop)
    try:
        host.start([listener])
    except BaseException:
        listener.close()
        disk.close()
        raise
    return host, address


def start_broker(
    plan: BrokerPlan, name_servers: Sequence[Address], loop: EventLoop
) -> tuple[Host, Address]:
    """Bind, start and wait (boundedly) for the registration; raises `StartRefused`."""
    from refimpl.broker.broker import Broker  # noqa: PLC0415 - only where it is wanted

    listeners = bind_broker(plan.port)
    address = Address(LOOPBACK, port_of(listeners[0]))
    disk = DirectoryDisk(plan.store)
    try:
        config = plan.make_config(address.port)
        broker = Broker(config, plan.release, disk, Prng(plan.seed), address, tuple(name_servers))
        host = Host(broker, disk, loop)
        host.start(listeners)
    except BaseException:
        for listener in listeners:
            listener.close()
        disk.close()
        raise
    if name_servers:
        loop.run(lambda: broker.registered, _REGISTRATION_PATIENCE_SECONDS)
    return host, address


def serve(
    name_server: NameServerPlan | None,
    broker: BrokerPlan | None,
    announce: Callable[[Ready], None],
) -> bool:
    """Run until SIGINT or SIGTERM. False: something did not stop in time.

    The collector sleeps during the start, and never looks again at what that made.
    """
    gc.disable()
    hosts: list[Host] = []
    namesrv_address: Address | None = None
    broker_address: Address | None = None
    with EventLoop() as loop:
        loop.interrupt_on(signal.SIGINT, signal.SIGTERM)
        try:
            if name_server is not None:
                host, namesrv_address = start_name_server(name_server, loop)
                hosts.append(host)
            if broker is not None:
                own = [] if namesrv_address is None else [namesrv_address]
                host, broker_address = start_broker(broker, [*own, *broker.namesrv], loop)
                hosts.append(host)
            announce(Ready(namesrv_address, broker_address))
            gc.freeze()
            gc.enable()
            loop.run(lambda: loop.interrupted)
        finally:
            finished = [host.shutdown() for host in reversed(hosts)]
    return all(finished)
