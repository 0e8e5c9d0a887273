"""A child process of the harness: its output in a file, its ready line, its end."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from conformance.verdict import TargetDied

_POLL_SECONDS = 0.02
_POLL_SHARE = 0.02  # of the time that has gone by: whoever starts fast is not kept waiting
_TAIL_BYTES = 1500


class Process:
    """Started at once; `await_line` waits for it to be ready."""

    def __init__(self, name: str, command: Sequence[str], output: Path, cwd: Path) -> None:
        self.name = name
        self.output = output
        with output.open("wb") as sink:
            self._child = subprocess.Popen(  # noqa: S603 - the command is the adapter's own
                list(command),
                stdout=sink,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=cwd,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    @property
    def running(self) -> bool:
        """True until it has ended."""
        return self._child.poll() is None

    @property
    def pid(self) -> int:
        """Its number in the process table."""
        return self._child.pid

    def await_line(self, pattern: str, seconds: float) -> re.Match[str]:
        """The match of `pattern` in the output; raises `TargetDied` at the end of the time."""
        begun = time.monotonic()
        while True:
            ended = not self.running
            match = re.search(pattern, self.output.read_text("utf-8", "replace"))
            if match is not None:
                return match
            if ended:
                raise TargetDied(
                    f"{self.name} ended with status {self._child.returncode}", self.tail()
                )
            waited = time.monotonic() - begun
            if waited > seconds:
                self.kill()
                raise TargetDied(f"{self.name} not ready within {seconds:.0f} s", self.tail())
            time.sleep(min(_POLL_SECONDS, max(0.001, waited * _POLL_SHARE)))

    def tail(self) -> str:
        """The last of what it printed."""
        with contextlib.suppress(OSError):
            return self.output.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace")
        return ""

    def terminate(self, seconds: float) -> None:
        """SIGTERM, then SIGKILL if it has not ended in time."""
        if self.running:
            self._child.terminate()
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL to the process and its children; returns when it is gone."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
