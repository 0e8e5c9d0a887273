"""`command:...`: a command that starts name server and broker and prints where they listen.

The line is `ready namesrv=HOST:PORT broker=HOST:PORT`; `namesrv=` may be missing. With
`command:NAMESRV,BROKER:...` the addresses are given and only waited for. The command is stopped
with SIGTERM, and killed after that. In the command, `{store}` stands for a temporary folder and
`{release}` for the release; with `{store}` in it the broker can be restarted.
"""

import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from conformance.target import BROKER_NAME, CLUSTER, STANDARD_OPTIONS, Capability
from conformance.targets.address import parse_address
from conformance.targets.ports import FreePorts
from conformance.targets.process import Process
from conformance.targets.tcp_target import TcpTarget, await_listening
from conformance.verdict import TargetUnavailable
from refimpl.model.ids import Address
from refimpl.model.override import override

_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_READY = r"(?m)^ready(?: namesrv=(\S+))? broker=(\S+)"


class CommandTarget(TcpTarget):
    """A process that is the whole target."""

    def __init__(
        self,
        name: str,
        release: str,
        command: Sequence[str],
        *,
        given: tuple[Address | None, Address] | None = None,
        capabilities: frozenset[Capability] = frozenset(),
    ) -> None:
        own = {Capability.NAMESRV} if given is None or given[0] is not None else set()
        if any("{store}" in word for word in command):
            own |= {Capability.RESTART, Capability.KILL, Capability.STORE_DIRECTORY}
            own |= {Capability.OTHER_PROCESS}
            own |= {Capability.START} if given is None else set()
            own |= {Capability.NAMESRV_STAYS} if given is not None and given[0] else set()
        super().__init__(name, release, frozenset(own) | capabilities)
        self._command = list(command)
        self._given = given
        self._home: Path | None = None
        self._process: Process | None = None
        self._runs = 0

    def start(self, options: Mapping[str, str]) -> None:
        """Run the command on an empty store; options are for subclasses."""
        assert not options, options
        self._begin()

    def _begin(self) -> None:
        self.stop()
        if shutil.which(self._command[0]) is None:
            raise TargetUnavailable(f"no command {self._command[0]}")
        self._home = Path(tempfile.mkdtemp(prefix="rmqref-command-"))
        self.start_broker()

    def stop(self) -> None:
        """End the command and remove its folder."""
        if self._process is not None:
            self._process.terminate(_STOP_SECONDS)
            self._process = None
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    @override
    def stop_broker(self, *, kill: bool) -> None:
        """End the whole command: its name server goes with the broker."""
        assert self._process is not None
        if kill:
            self._process.kill()
        else:
            self._process.terminate(_STOP_SECONDS)

    @override
    def start_broker(self) -> None:
        """Run the command on the store that is there."""
        assert self._home is not None
        self._runs += 1
        words = [
            word.replace("{store}", str(self._home / "store")).replace("{release}", self.release)
            for word in self._words()
        ]
        output = self._home / f"command-{self._runs}.out"
        self._process = Process(self.name, words, output, Path.cwd())
        if self._given is None:
            ready = self._process.await_line(_READY, _START_SECONDS)
            self.namesrv = parse_address(ready[1]) if ready[1] else None
            self.broker = parse_address(ready[2])
        else:
            self.namesrv, self.broker = self._given
            await_listening(self.broker, _START_SECONDS)

    @override
    def store_directory(self) -> Path | None:
        """The folder that stands for `{store}`."""
        return None if self._home is None else self._home / "store"

    @property
    def pids(self) -> tuple[int, ...]:
        """The process that is the target now."""
        return () if self._process is None else (self._process.pid,)

    def _words(self) -> list[str]:
        return self._command


class ReferenceTcpTarget(CommandTarget):
    """`reference-tcp`: the reference in a process of its own, on a real directory and clock."""

    def __init__(self, release: str, *, defaults: Mapping[str, str] = STANDARD_OPTIONS) -> None:
        """`defaults` are settings below those of a start."""
        command = [
            sys.executable, "-m", "refimpl.cli", "serve", "--store", "{store}",
            "--release", "{release}", "--broker-name", BROKER_NAME, "--cluster", CLUSTER,
        ]  # fmt: skip
        super().__init__(
            "reference-tcp",
            release,
            command,
            capabilities=frozenset(
                {Capability.OPTIONS, Capability.FAST_PORT, Capability.STANDARD_OPTIONS}
            ),
        )
        self._defaults = defaults
        self._options: Mapping[str, str] = {}
        self._ports_words: list[str] = []

    @override
    def start(self, options: Mapping[str, str]) -> None:
        """Start with `options` as `--set`; ports stay the same over restarts."""
        self._options = {**self._defaults, **options}
        ports = FreePorts()
        self._ports_words = [
            "--broker-port",
            str(ports.broker()),
            "--namesrv-port",
            str(ports.one()),
        ]
        self._begin()

    @override
    def _words(self) -> list[str]:
        settings = [f"--set={name}={value}" for name, value in self._options.items()]
        return [*self._command, *self._ports_words, *settings]


def parse_command(name: str, release: str, text: str) -> CommandTarget:
    """`COMMAND...` or `NAMESRV,BROKER:COMMAND...`; raises `ValueError`."""
    match = re.match(r"([^\s,:]+:\d+)?,([^\s,:]+:\d+):(.+)", text)
    if match is None:
        return CommandTarget(name, release, shlex.split(text))
    namesrv = parse_address(match[1]) if match[1] else None
    return CommandTarget(
        name, release, shlex.split(match[3]), given=(namesrv, parse_address(match[2]))
    )
