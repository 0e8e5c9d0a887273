"""`reference`: the reference in this process, on a virtual clock and a disk in memory.

The one module of the suite that may know the reference from inside, and it only starts and stops
it: cases see bytes.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from conformance.channel import Channel, ChannelClosed
from conformance.target import CLUSTER, STANDARD_OPTIONS, Capability, Port
from conformance.targets.reference_mirror import read_back, write_out
from conformance.verdict import TargetDied
from refimpl.model.errors import StartRefused
from refimpl.model.ids import Address
from refimpl.model.release import RELEASES
from refimpl.sim.cluster import Cluster
from refimpl.sim.world import Pipe

_CAPABILITIES = frozenset(
    {
        Capability.START,
        Capability.OPTIONS,
        Capability.RESTART,
        Capability.KILL,
        Capability.STORE_DIRECTORY,
        Capability.CLOCK,
        Capability.NAMESRV,
        Capability.NAMESRV_STAYS,
        Capability.FAST_PORT,
        Capability.STANDARD_OPTIONS,
    }
)

_CASES_PER_START = 20


class PipeChannel:
    """A channel over a pipe of the simulated world: time passes only while somebody waits."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def send(self, data: bytes) -> None:
        """Queue bytes for the node; raises `ChannelClosed`."""
        if self._pipe.closed:
            raise ChannelClosed
        self._pipe.send(data)

    def receive(self, timeout_ms: int) -> bytes | None:
        """What the node sent; `b""` once it has closed and everything is read."""
        data = self._pipe.receive(timeout_ms)
        if data is None and self._pipe.closed:
            return b""
        return data

    def close(self) -> None:
        """Hang up."""
        self._pipe.close()


class ReferenceTarget:
    """A cluster of `refimpl.sim`, new at every start."""

    def __init__(self, release: str) -> None:
        self._release = release
        self._cluster: Cluster | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._stopped_disk_shown = False

    @property
    def name(self) -> str:
        """As on the command line."""
        return "reference"

    @property
    def release(self) -> str:
        """The release that it was told to be."""
        return self._release

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Everything but being another process."""
        return _CAPABILITIES

    @property
    def cases_per_start(self) -> int | None:
        """Few: a start takes three milliseconds."""
        return _CASES_PER_START

    def start(self, options: Mapping[str, str]) -> None:
        """A new world with empty disks; raises `TargetDied` where a node refuses."""
        overrides = {"brokerClusterName": CLUSTER, **STANDARD_OPTIONS, **options}
        self._cluster = Cluster(RELEASES[self._release], overrides)
        try:
            self._cluster.start()
        except StartRefused as error:
            raise TargetDied(error.reason) from error

    def stop(self) -> None:
        """Forget the world."""
        self._cluster = None
        self._stopped_disk_shown = False
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def restart(self, *, kill: bool) -> None:
        """End the broker and start it on its disk."""
        self.stop_broker(kill=kill)
        self.start_broker()

    def stop_broker(self, *, kill: bool) -> None:
        """End the broker; its disk stays."""
        if kill:
            self._require().kill_broker()
        else:
            self._require().shutdown_broker()

    def start_broker(self) -> None:
        """Start the broker on its disk; raises `TargetDied` where it refuses."""
        cluster = self._require()
        if self._stopped_disk_shown and self._folder is not None:
            cluster.broker_disk = read_back(Path(self._folder.name), cluster.broker_disk)
        try:
            cluster.start_broker()
            self._stopped_disk_shown = False
        except StartRefused as error:
            if self._stopped_disk_shown:
                self.store_directory()
            raise TargetDied(error.reason) from error

    def store_directory(self) -> Path | None:
        """A mirror of the disk in memory; what changes in it while the broker is down counts."""
        cluster = self._require()
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="rmqref-")
        write_out(cluster.broker_disk, Path(self._folder.name))
        self._stopped_disk_shown = not cluster.broker_runs
        return Path(self._folder.name)

    def address(self, port: Port) -> Address | None:
        """An address inside the world."""
        cluster = self._require()
        match port:
            case Port.NAMESRV:
                return cluster.namesrv_address
            case Port.BROKER:
                return cluster.broker_address
            case Port.FAST:
                return cluster.fast_address

    def open(self, port: Port) -> Channel:
        """A pipe to a node; raises `OSError` where nobody listens."""
        address = self.address(port)
        assert address is not None
        pipe = self._require().world.connect(address)
        if pipe is None:
            raise ConnectionRefusedError(str(address))
        return PipeChannel(pipe)

    def now(self) -> int:
        """Virtual milliseconds."""
        return self._require().world.now

    def pause(self, milliseconds: int) -> None:
        """Virtual time passes at once."""
        self._require().world.advance(milliseconds)

    def _require(self) -> Cluster:
        assert self._cluster is not None, "not started"
        return self._cluster
