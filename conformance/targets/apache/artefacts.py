"""The jars of one Apache release, fetched once by Maven into a cache folder.

The cache is `$RMQREF_PEERS/lib-VERSION` where that variable is set (a folder of jars that is there
already is used as it is), else `build/peers/lib-VERSION` of the working directory.
"""

import os
import shutil
import subprocess
from pathlib import Path

from conformance.verdict import TargetUnavailable

CACHE_VARIABLE = "RMQREF_PEERS"
_POM = Path(__file__).with_name("pom.xml")
_FETCH_SECONDS = 300


def java() -> str:
    """The `java` to run; raises `TargetUnavailable`."""
    found = shutil.which("java")
    if found is None:
        raise TargetUnavailable("no java on the PATH")
    return found


def jars(version: str) -> Path:
    """The folder of jars of `version`; fetches it where it is not there."""
    cache = Path(os.environ.get(CACHE_VARIABLE) or Path("build") / "peers").resolve()
    folder = cache / f"lib-{version}"
    wanted = ("broker", "tools")  # what pom.xml asks for: servers, and clients of administration
    if not all((folder / f"rocketmq-{part}-{version}.jar").exists() for part in wanted):
        _fetch(version, folder)
    return folder


def _fetch(version: str, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise TargetUnavailable(f"no jars of {version} in {folder.name}, and no mvn on the PATH")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [
        maven,
        "-q",
        "-B",
        "-f",
        str(_POM),
        "dependency:copy-dependencies",
        f"-Drocketmq.version={version}",
        f"-DoutputDirectory={partial}",
        "-DincludeScope=runtime",
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TargetUnavailable(f"mvn did not fetch {version} in {_FETCH_SECONDS} s") from error
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        last = (done.stdout.strip() or done.stderr.strip()).splitlines()[:1]
        raise TargetUnavailable(f"mvn cannot fetch {version}: {''.join(last)[:300]}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
