"""Apache RocketMQ 4.6.1, 4.9.7 and 5.5.0: one name server and one broker, each a JVM.

Loopback only, small heaps, a home of their own in a temporary folder. The name server lives as
long as the target; the broker is started anew for cases that want other options.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from conformance.channel import TcpChannel
from conformance.frames import Frame, FrameReader, MalformedFrame, decode, encode
from conformance.target import BROKER_NAME, CLUSTER, STANDARD_OPTIONS, Capability
from conformance.targets.apache.artefacts import jars, java
from conformance.targets.ports import LOOPBACK, FreePorts
from conformance.targets.process import Process
from conformance.targets.tcp_target import TcpTarget
from conformance.verdict import TargetDied
from refimpl.model.ids import Address
from refimpl.model.override import override
from refimpl.model.release import RELEASES
from refimpl.remoting.request_code import RequestCode

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
OPENINGS = tuple(  # 4.x needs these under Java 17
    [
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in ("java.nio", "sun.nio.ch", "jdk.internal.ref", "java.lang", "java.util")
    ]
    + ["--add-exports=java.base/sun.nio.ch=ALL-UNNAMED"]
)
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")  # starts matter, not speed
_LOGBACK = """<configuration><appender name="F" class="ch.qos.logback.core.FileAppender">
<file>{file}</file><encoder><pattern>%d %p %t %c - %m%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="F"/></root></configuration>
"""
_CAPABILITIES = frozenset(
    {
        Capability.START,
        Capability.OPTIONS,
        Capability.RESTART,
        Capability.KILL,
        Capability.STORE_DIRECTORY,
        Capability.OTHER_PROCESS,
        Capability.NAMESRV,
        Capability.NAMESRV_STAYS,
        Capability.FAST_PORT,
        Capability.STANDARD_OPTIONS,
    }
)
# Work that no client sees and that takes half a core from an idle broker of 5.5.0: it spins for one
# interval after its start (TransactionMetricsFlushService#run), and writes all slots of its timer
# wheel in each of the other (TimerMessageStore$TimerFlushService#flush).
_QUIET: Mapping[str, Mapping[str, str]] = {
    "5.5.0": {"transactionMetricFlushInterval": "1000", "timerFlushIntervalMs": "10000"}
}
APACHE_RELEASES = {release.apache: release.name for release in RELEASES.values()}


class JavaFlags(NamedTuple):
    """Flags of the two JVMs."""

    namesrv: tuple[str, ...]
    broker: tuple[str, ...]


SMALL = JavaFlags(
    namesrv=(*QUICK, "-Xms64m", "-Xmx64m"),
    broker=(*QUICK, "-Xms160m", "-Xmx160m", "-XX:MaxDirectMemorySize=256m"),
)
PRODUCTION = JavaFlags(  # the JVM's own compilers and collector, a modest heap
    namesrv=("-Xms64m", "-Xmx128m"),
    broker=("-Xms512m", "-Xmx512m", "-XX:MaxDirectMemorySize=512m"),
)


class ApacheTarget(TcpTarget):
    """`apache-VERSION` on the command line."""

    def __init__(
        self,
        version: str,
        *,
        keep: bool = False,
        flags: JavaFlags = SMALL,
        defaults: Mapping[str, str] = STANDARD_OPTIONS,
    ) -> None:
        """`defaults` are broker properties below those of a start; `keep` leaves the home there."""
        super().__init__(f"apache-{version}", APACHE_RELEASES[version], _CAPABILITIES)
        self._version = version
        self._keep = keep
        self._flags = flags
        self._defaults = defaults
        self._ports = FreePorts()
        self._home: Path | None = None
        self._namesrv_process: Process | None = None
        self._broker_process: Process | None = None
        self._broker_runs = 0

    def start(self, options: Mapping[str, str]) -> None:
        """Start the name server if there is none, and a broker on an empty store."""
        self._end_broker(kill=True)
        java()
        jars(self._version)
        if self._namesrv_process is None:
            self._start_namesrv()
        shutil.rmtree(self._require_home() / "store", ignore_errors=True)
        self.broker = Address(LOOPBACK, self._ports.broker())
        self._write_broker_properties({**self._defaults, **options})
        self.start_broker()

    def stop(self) -> None:
        """End both and remove the home."""
        self._end_broker(kill=True)
        if self._namesrv_process is not None:
            self._namesrv_process.kill()
            self._namesrv_process = None
        if self._home is not None and not self._keep:
            shutil.rmtree(self._home, ignore_errors=True)
        self._home = None

    @override
    def stop_broker(self, *, kill: bool) -> None:
        """End the broker: SIGTERM runs Java's shutdown hook, SIGKILL does not."""
        self._end_broker(kill=kill)

    @override
    def start_broker(self) -> None:
        """Start the broker on the store that is there, and wait until it is registered."""
        home = self._require_home()
        self._broker_runs += 1
        self._broker_process = self._java(
            "broker",
            self._flags.broker,
            "org.apache.rocketmq.broker.BrokerStartup",
            home / f"broker-{self._broker_runs}.out",
        )
        self._broker_process.await_line("boot success", _START_SECONDS)
        self._await_registration()

    @override
    def store_directory(self) -> Path | None:
        """`HOME/store`."""
        return None if self._home is None else self._home / "store"

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that make up the target now."""
        both = (self._namesrv_process, self._broker_process)
        return tuple(process.pid for process in both if process is not None)

    def _end_broker(self, *, kill: bool) -> None:
        if self._broker_process is not None:
            if kill:
                self._broker_process.kill()
            else:
                self._broker_process.terminate(_STOP_SECONDS)
            self._broker_process = None

    def _start_namesrv(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix=f"rmqref-{self._version}-"))
        (self._home / "conf").mkdir()
        for part in ("namesrv", "broker"):
            log = _LOGBACK.format(file=self._home / f"{part}.log")
            (self._home / "conf" / f"logback_{part}.xml").write_text(log, "utf-8")
        self.namesrv = Address(LOOPBACK, self._ports.one())
        settings = {"listenPort": str(self.namesrv.port), "bindAddress": LOOPBACK}
        _write_properties(self._home / "conf" / "namesrv.properties", settings)
        self._namesrv_process = self._java(
            "namesrv",
            self._flags.namesrv,
            "org.apache.rocketmq.namesrv.NamesrvStartup",
            self._home / "namesrv.out",
        )
        self._namesrv_process.await_line("boot success", _START_SECONDS)

    def _write_broker_properties(self, options: Mapping[str, str]) -> None:
        assert self.broker is not None
        home = self._require_home()
        settings = {
            "brokerClusterName": CLUSTER,
            "brokerName": BROKER_NAME,
            "brokerId": "0",
            "brokerIP1": LOOPBACK,
            "brokerIP2": LOOPBACK,
            "bindAddress": LOOPBACK,
            "listenPort": str(self.broker.port),
            "namesrvAddr": str(self.namesrv),
            "brokerRole": "ASYNC_MASTER",
            "storePathRootDir": str(home / "store"),
            "storePathCommitLog": str(home / "store" / "commitlog"),
            **_QUIET.get(self._version, {}),
        }
        _write_properties(home / "conf" / "broker.properties", {**settings, **options})

    def _java(self, part: str, flags: Sequence[str], main: str, output: Path) -> Process:
        home = self._require_home()
        command = [
            java(),
            *flags,
            *OPENINGS,
            f"-Drocketmq.home.dir={home}",
            f"-Duser.home={home}",
            f"-Drocketmq.client.logRoot={home}",
            f"-Drmq.logback.configurationFile={home / 'conf' / f'logback_{part}.xml'}",
            "-Dtls.server.mode=disabled",
            "-Djava.net.preferIPv4Stack=true",
            "-cp",
            f"{home / 'conf'}:{jars(self._version)}/*",
            main,
            "-c",
            str(home / "conf" / f"{part}.properties"),
        ]
        return Process(f"{self.name} {part}", command, output, home)

    def _await_registration(self) -> None:
        assert self.namesrv is not None
        namesrv = self.namesrv
        wanted = str(self.broker).encode()
        for _ in range(500):
            if wanted in _cluster_info(namesrv):
                return
            self.pause(20)
        raise TargetDied(f"{self.name}: the broker did not register")

    def _require_home(self) -> Path:
        assert self._home is not None, "not started"
        return self._home


def _cluster_info(namesrv: Address) -> bytes:
    """The body of GET_BROKER_CLUSTER_INFO, or nothing."""
    with contextlib.suppress(OSError, MalformedFrame):
        channel = TcpChannel(namesrv)
        try:
            channel.send(encode(Frame(code=RequestCode.GET_BROKER_CLUSTER_INFO, opaque=1)))
            reader = FrameReader()
            while data := channel.receive(1000):
                reader.feed(data)
                raw = reader.next_raw()
                if raw is not None:
                    return decode(raw).body
        finally:
            channel.close()
    return b""


def _write_properties(path: Path, settings: Mapping[str, str]) -> None:
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    path.write_text(text, "utf-8")
