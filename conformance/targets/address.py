"""`address:NAMESRV,BROKER`: something that already runs and is not ours to stop."""

from collections.abc import Mapping

from conformance.target import Capability, Port
from conformance.targets.tcp_target import TcpTarget, await_listening
from conformance.verdict import TargetDied, TargetUnavailable
from refimpl.model.ids import Address

_PATIENCE_SECONDS = 3.0


class AddressTarget(TcpTarget):
    """Declares nothing but the ports that it was given; cases share its state with the world."""

    def __init__(self, name: str, release: str, namesrv: Address | None, broker: Address) -> None:
        capabilities = {Capability.NAMESRV} if namesrv is not None else set()
        super().__init__(name, release, frozenset(capabilities))
        self.namesrv = namesrv
        self.broker = broker

    def start(self, options: Mapping[str, str]) -> None:
        """Only look whether it is there; options are not asked of a target without START."""
        assert not options, options
        assert self.broker is not None
        try:
            await_listening(self.broker, _PATIENCE_SECONDS)
        except TargetDied as error:
            raise TargetUnavailable(error.reason) from error
        if self.address(Port.FAST) is not None:
            try:
                self.open(Port.FAST).close()
            except OSError:
                return
            self._capabilities |= {Capability.FAST_PORT}

    def stop(self) -> None:
        """It is not ours."""


def parse_address(text: str) -> Address:
    """`HOST:PORT`; raises `ValueError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError(f"{text!r} is no HOST:PORT")
    return Address(host, int(port))
