"""The Java sources beside this module: compiled against the jars of a client, and run.

Nothing here is installed or looked up by a path of this machine: `java`, `javac` and `mvn` are
found on the PATH, jars come by name from Maven (`conformance.targets.apache.artefacts`).
"""

import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from conformance.targets.apache.artefacts import jars, java
from conformance.targets.apache.target import OPENINGS, QUICK
from conformance.verdict import TargetUnavailable

SOURCES = Path(__file__).with_name("java")
_COMPILE_SECONDS = 120
_one_at_a_time = threading.Lock()


def javac() -> str:
    """The compiler; raises `TargetUnavailable`."""
    found = shutil.which("javac")
    if found is None:
        raise TargetUnavailable("no javac on the PATH")
    return found


def compiled(version: str) -> Path:
    """The folder of classes for the client `version`, made where it is not there."""
    sources = sorted(SOURCES.glob("*.java"))
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    folder = jars(version).with_name(f"classes-{version}-{digest}")
    with _one_at_a_time:
        if not folder.is_dir():
            partial = folder.with_name(f"{folder.name}.{os.getpid()}")
            command = [javac(), "-nowarn", "-proc:none", "-encoding", "UTF-8", "-d", str(partial)]
            command += ["-cp", f"{jars(version)}/*", *map(str, sources)]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_COMPILE_SECONDS, check=False
            )
            assert done.returncode == 0, done.stderr
            if folder.is_dir():  # another process was faster
                shutil.rmtree(partial)
            else:
                partial.rename(folder)
    return folder


def command(
    version: str, main: str, home: Path, arguments: Sequence[str], *, codec: str = "JSON"
) -> list[str]:
    """The command line of `main` with the client `version`; `home` takes its files and logs."""
    return [
        java(),
        "-Xmx192m",
        *QUICK,
        *OPENINGS,
        "-Djava.net.preferIPv4Stack=true",
        "-Duser.timezone=UTC",
        f"-Drmq.logback.configurationFile={SOURCES / 'logback.xml'}",
        f"-Drocketmq.serialize.type={codec}",
        f"-Drocketmq.home.dir={home}",
        f"-Drocketmq.client.logRoot={home}",
        f"-Duser.home={home}",
        "-cp",
        f"{SOURCES}:{compiled(version)}:{jars(version)}/*",
        main,
        *arguments,
    ]


def run(words: Sequence[str], home: Path, seconds: float) -> str:
    """What it printed on standard output, up to its end or the end of the time."""
    try:
        done = subprocess.run(
            list(words),
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode("utf-8", "replace") + "\nTIMEOUT\n"
    return done.stdout.decode("utf-8", "replace")
