"""A name server and a broker in one world: the embedded RocketMQ that needs no socket.

    cluster = Cluster(RELEASES["4.9"], overrides={"mapedFileSizeCommitLog": "16384"})
    cluster.start()
    pipe = cluster.world.connect(cluster.broker_address)

The disk outlives the nodes: `kill` and `start` again is a restart after `kill -9`, `shutdown` and
`start` a clean one. With a `CrashDisk`, `fail_power` takes what was never forced.
"""

from collections.abc import Callable, Mapping

from refimpl.broker.broker import Broker
from refimpl.model.config import Config
from refimpl.model.ids import Address
from refimpl.model.prng import Prng
from refimpl.model.release import Release
from refimpl.namesrv.name_server import NameServer
from refimpl.remoting.command import SerializeType
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Crash, CrashImage
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.world import World

LOOPBACK = "127.0.0.1"
NAMESRV = "namesrv"
BROKER = "broker-a"
_FAST_PORT_BELOW = 2
_REGISTRATION_PATIENCE = 10_000


class Cluster:
    """One name server and one broker; everything but the disks is made anew at each start."""

    def __init__(
        self,
        release: Release,
        overrides: Mapping[str, str] | None = None,
        *,
        seed: int = 0,
        namesrv_port: int = 9876,
        broker_port: int = 10911,
        broker_disk: MemoryDisk | CrashDisk | None = None,
        serialize_type: SerializeType = SerializeType.JSON,
    ) -> None:
        self.release = release
        self.world = World()
        self.namesrv_address = Address(LOOPBACK, namesrv_port)
        self.broker_address = Address(LOOPBACK, broker_port)
        self.fast_address = Address(LOOPBACK, broker_port - _FAST_PORT_BELOW)
        self.namesrv_disk = MemoryDisk()
        self.broker_disk: MemoryDisk | CrashDisk = broker_disk or MemoryDisk()
        self._seed = seed
        self._serialize_type = serialize_type
        self._starts = 0
        self._overrides = {
            "brokerName": BROKER,
            "brokerIP1": LOOPBACK,
            "brokerIP2": LOOPBACK,
            "listenPort": str(broker_port),
            "namesrvAddr": str(self.namesrv_address),
            **(overrides or {}),
        }

    def start(self) -> None:
        """Start both and wait until the broker is registered."""
        self.start_namesrv()
        self.start_broker()

    def start_namesrv(self) -> None:
        """Start the name server on its disk."""
        listen = {"listenPort": str(self.namesrv_address.port)}
        config = Config.of(self.release, "namesrv", listen)
        node = NameServer(
            config,
            self.release,
            self.namesrv_disk,
            Prng(self._seed),
            serialize_type=self._serialize_type,
        )
        self.world.start(NAMESRV, node, self.namesrv_disk, [self.namesrv_address])

    def start_broker(self) -> None:
        """Start the broker on its disk; raises `StartRefused`."""
        self._starts += 1
        config = Config.strict(self.release, "broker", self._overrides)
        broker = Broker(
            config,
            self.release,
            self.broker_disk,
            Prng(self._seed).fork(f"start {self._starts}"),
            self.broker_address,
            (self.namesrv_address,),
            serialize_type=self._serialize_type,
        )
        self.world.start(BROKER, broker, self.broker_disk, [self.broker_address, self.fast_address])
        self.world.run_until(lambda: broker.registered, _REGISTRATION_PATIENCE)

    @property
    def broker_runs(self) -> bool:
        """True between a start and the end of the broker."""
        return self.world.runs(BROKER)

    def shutdown_broker(self) -> None:
        """End the broker in order; its disk stays."""
        self.world.shutdown(BROKER)

    def kill_broker(self) -> None:
        """End the broker as `kill -9` does; what was written stays, nothing else."""
        self.world.kill(BROKER)
        self.broker_disk = self.broker_disk.image()

    def fail_power(self, choose: Callable[[Crash], CrashImage]) -> None:
        """End the broker and everything that was not forced, but for what the image shows."""
        assert isinstance(self.broker_disk, CrashDisk), "give the cluster a disk that can crash"
        self.world.kill(BROKER)
        image = choose(self.broker_disk.crash())
        self.broker_disk = CrashDisk.from_image(image, faults=self.broker_disk.faults)

    def shutdown(self) -> None:
        """End both, broker first."""
        self.shutdown_broker()
        self.world.shutdown(NAMESRV)
