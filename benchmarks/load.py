"""The Java client as load generator: one process a server, told by lines what to do next."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from benchmarks.servers import Server
from conformance.target import Port
from conformance.targets.apache.artefacts import jars, java
from conformance.targets.apache.target import OPENINGS
from conformance.verdict import TargetDied

CLIENT = "4.9.7"  # the same for every server
_SOURCE = Path(__file__).with_name("java") / "Perf.java"


class Slice(NamedTuple):
    """What one command did; `median` and `slow` (99 of 100) are latencies in microseconds."""

    wanted: int
    stored: int
    seconds: float
    median: int
    slow: int

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.stored / self.seconds if self.seconds > 0 else 0.0


class Load:
    """A load generator that is connected to `target`; a context manager."""

    def __init__(self, target: Server) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="rmqref-load-"))
        command = [
            java(),
            "-Xmx256m",
            *OPENINGS,
            "-Djava.net.preferIPv4Stack=true",
            f"-Drocketmq.client.logRoot={self._home}",
            f"-Duser.home={self._home}",
            "-cp",
            f"{_SOURCE.parent}:{jars(CLIENT)}/*",
            str(_SOURCE),  # the launcher compiles it
            str(target.address(Port.NAMESRV)),
            str(target.address(Port.BROKER)),
        ]
        self._log = (self._home / "errors").open("wb")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )

    def __enter__(self) -> Self:
        try:
            self._await("ready")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, kind: str, count: int, size: int) -> Slice:
        """Send or consume `count` messages of `size` bytes and tell how long it took."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{kind} {count} {size}\n")
        self._process.stdin.flush()
        wanted, stored, nanos, median, slow = (int(word) for word in self._read().split())
        return Slice(wanted, stored, nanos / 1e9, median, slow)

    def close(self) -> None:
        """End the process and remove what it wrote."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _await(self, line: str) -> None:
        while self._read() != line:
            pass

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            said = (self._home / "errors").read_text("utf-8", "replace")[-1500:]
            raise TargetDied("the load generator ended", said)
        return line.strip()


@contextlib.contextmanager
def loaded(target: Server, options: dict[str, str]) -> Iterator[Load]:
    """Start `target` on an empty store, and a load generator on it; end both."""
    try:
        target.start(options)
        with Load(target) as load:
            yield load
    finally:
        target.stop()
