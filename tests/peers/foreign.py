"""Clients of other languages: made from packages by name, started as programs, their lines read.

Sources lie in the folders beside this module; what is made of them goes to the cache of peers
(`conformance.targets.apache.artefacts`), under a name with a digest of the sources. A tool or a
registry that is not there is `TargetUnavailable`: a visible skip. A driver that does not compile
or dies is a failure.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeAlias, cast

import pytest

from conformance.target import Port
from conformance.targets.apache.artefacts import CACHE_VARIABLE
from conformance.targets.command import ReferenceTcpTarget
from conformance.verdict import TargetUnavailable
from conformance.wire import Wire
from refimpl.model.ids import JsonValue

Found: TypeAlias = "dict[str, JsonValue]"
Runs: TypeAlias = "dict[str, Future[Found]]"

_HERE = Path(__file__).parent
_FETCH_SECONDS = 300
_RUN_SECONDS = 120
# Short enough that a run takes seconds, long enough that a busy machine ends its own transactions.
_OPTIONS = {"transactionTimeOut": "3000", "transactionCheckInterval": "1000"}
_one_at_a_time = threading.Lock()  # making; and a target looks for free ports


def tool(name: str) -> str:
    """The program `name`; raises `TargetUnavailable`."""
    found = shutil.which(name)
    if found is None:
        raise TargetUnavailable(f"no {name} on the PATH")
    return found


def _fetch(words: Sequence[str], folder: Path) -> None:
    """Run a package manager; raises `TargetUnavailable` where it cannot reach its registry."""
    try:
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TargetUnavailable(f"{Path(words[0]).name} took {_FETCH_SECONDS} s") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise TargetUnavailable(f"{Path(words[0]).name} cannot fetch: {''.join(last)[:300]}")


def _made(language: str, make: Callable[[Path], None]) -> Path:
    """The folder of `language` in the cache: a copy of its sources, and what `make` added."""
    sources = sorted(path for path in (_HERE / language).iterdir() if path.is_file())
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    cache = Path(os.environ.get(CACHE_VARIABLE) or Path("build") / "peers").resolve()
    folder = cache / f"{language}-{digest}"
    with _one_at_a_time:
        if not folder.is_dir():
            partial = folder.with_name(f"{folder.name}.{os.getpid()}")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for path in sources:
                shutil.copy(path, partial)
            make(partial)
            with contextlib.suppress(OSError):  # another process was faster
                partial.rename(folder)
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def go_program() -> list[str]:
    """The command of the Go driver, compiled."""
    go = tool("go")

    def make(folder: Path) -> None:
        _fetch([go, "mod", "download"], folder)
        words = [go, "build", "-o", "driver", "."]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return [str(_made("go", make) / "driver")]


def node_program(script: str) -> list[str]:
    """The command of a Node driver, with its packages."""
    node, npm = tool("node"), tool("npm")
    folder = _made("js", lambda made: _fetch([npm, "ci", "--ignore-scripts", "--silent"], made))
    return [node, str(folder / script)]


def cpp_program() -> list[str]:
    """The command of the driver of the C++ client, in an environment of its own.

    The environment is made where it stays: it knows its own path.
    """
    folder = _made("cpp", lambda _made_folder: None)
    python = folder / "environment" / "bin" / "python"
    with _one_at_a_time:
        if not (folder / "complete").exists():
            _fetch([sys.executable, "-m", "venv", str(folder / "environment")], folder)
            pip = [str(python), "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
            _fetch(pip, folder)
            (folder / "complete").touch()
    return [str(python), str(folder / "driver.py")]


class Broker:
    """A served reference for one driver."""

    def __init__(self, release: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="rmqref-peer-"))
        self.target = ReferenceTcpTarget(release)

    def __enter__(self) -> Self:
        with _one_at_a_time:
            self.target.start(_OPTIONS)
        return self

    def __exit__(self, *_exception: object) -> None:
        self.target.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def addresses(self) -> tuple[str, str]:
        """Name server and broker, as a client wants them."""
        return str(self.target.address(Port.NAMESRV)), str(self.target.address(Port.BROKER))

    def create_topic(self, name: str) -> None:
        """A topic for clients that make none."""
        wire = Wire(self.target, "peer")
        wire.create_topic(queues=4, name=name)
        wire.close_out()

    def run(self, words: Sequence[str]) -> Found:
        """What a driver found, by check; it must end with `done`."""
        environment = {**os.environ, "HOME": str(self.home)}  # clients write logs there
        try:
            done = subprocess.run(
                words,
                cwd=self.home,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_RUN_SECONDS,
                check=False,
            )
            output, errors = done.stdout, done.stderr
        except subprocess.TimeoutExpired as error:
            output, errors = error.stdout or b"", error.stderr or b""
        found: Found = {}
        for line in output.decode("utf-8", "replace").splitlines():
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if isinstance(said, dict) and "check" in said:
                    found[str(said["check"])] = said["found"]
        ended = any(check.startswith("done") for check in found)
        assert ended, f"{found}\n{output[-2000:]!r}\n{errors[-2000:]!r}"
        return found


@contextlib.contextmanager
def side_by_side(
    request: pytest.FixtureRequest, drive: Callable[[str], Found]
) -> Iterator[Mapping[str, Future[Found]]]:
    """A run for each release that a selected test of the module wants; clients mostly wait."""
    wanted: dict[str, None] = {}
    for item in request.session.items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if item.path == request.path and "release" in parameters:
            wanted[cast("str", parameters["release"])] = None
    with ThreadPoolExecutor(max(1, len(wanted))) as pool:
        yield {release: pool.submit(drive, release) for release in wanted}


def result(runs: Mapping[str, Future[Found]], release: str) -> Found:
    """The findings of one run; a visible skip where the peer is absent."""
    try:
        return runs[release].result()
    except TargetUnavailable as error:
        pytest.skip(str(error))
