"""Free ports on loopback, in the neighbourhoods that RocketMQ needs."""

import os
import socket
from collections.abc import Iterator

from conformance.verdict import TargetUnavailable
from refimpl.model.ids import Address

LOOPBACK = "127.0.0.1"
FAST_PORT_BELOW = 2
HA_PORT_ABOVE = 1
RANGE_VARIABLE = "RMQREF_PORTS"  # "FIRST-LAST" confines the choice
_DEFAULT_RANGE = "20000-29999"


def fast_address(broker: Address) -> Address:
    """The fast port of a broker that listens on `broker`."""
    return Address(broker.host, broker.port - FAST_PORT_BELOW)


class FreePorts:
    """Hands out ports that nobody listens on; never the same twice."""

    def __init__(self) -> None:
        first, _, last = os.environ.get(RANGE_VARIABLE, _DEFAULT_RANGE).partition("-")
        self._ports = self._candidates(int(first), int(last))

    @staticmethod
    def _candidates(first: int, last: int) -> Iterator[int]:
        start = first + os.getpid() * 20 % max(last - first - 40, 1)  # two runs rarely meet
        yield from range(start, last + 1)
        yield from range(first, start)

    def one(self) -> int:
        """A free port."""
        for port in self._ports:
            if _is_free(port):
                return port
        raise TargetUnavailable("no free port")

    def broker(self) -> int:
        """A port whose neighbours at -2 and +1 are free too."""
        for port in self._ports:
            if port > FAST_PORT_BELOW and all(
                _is_free(p) for p in (port - FAST_PORT_BELOW, port, port + HA_PORT_ABOVE)
            ):
                next(self._ports, None)
                next(self._ports, None)
                next(self._ports, None)
                return port
        raise TargetUnavailable("no free ports for a broker")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
