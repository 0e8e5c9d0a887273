"""The Java sources beside this module: compiled against the jars of a client, and run.

Nothing here is installed or looked up by a path of this machine: `java`, `javac` and `mvn` are
found on the PATH, jars come by name from Maven (`conformance.targets.apache.artefacts`).
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from conformance.targets.apache import java_classes
from conformance.targets.apache.artefacts import jars, java
from conformance.targets.apache.target import OPENINGS, QUICK

SOURCES = Path(__file__).with_name("java")


def compiled(version: str) -> Path:
    """The folder of classes for the client `version`, made where it is not there."""
    return java_classes.compiled(version, SOURCES, "classes")


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
