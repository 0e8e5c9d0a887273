"""Java sources of our own, compiled once against the jars of one release.

`java`, `javac` and `mvn` are found on the PATH, jars come by name from Maven (`artefacts`).
"""

import hashlib
import os
import shutil
import subprocess
import threading
from pathlib import Path

from conformance.targets.apache.artefacts import jars
from conformance.verdict import TargetUnavailable

_COMPILE_SECONDS = 120
_one_at_a_time = threading.Lock()


def compiled(version: str, sources: Path, kind: str) -> Path:
    """The folder of classes of the folder `sources`, made beside the jars where it is not there.

    `kind` begins its name. Raises `TargetUnavailable`.
    """
    compiler = shutil.which("javac")
    if compiler is None:
        raise TargetUnavailable("no javac on the PATH")
    files = sorted(sources.glob("*.java"))
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]
    folder = jars(version).with_name(f"{kind}-{version}-{digest}")
    with _one_at_a_time:
        if not folder.is_dir():
            partial = folder.with_name(f"{folder.name}.{os.getpid()}")
            command = [compiler, "-nowarn", "-proc:none", "-encoding", "UTF-8", "-d", str(partial)]
            command += ["-cp", f"{jars(version)}/*", *map(str, files)]
            done = subprocess.run(  # noqa: S603 - our own command
                command, capture_output=True, text=True, timeout=_COMPILE_SECONDS, check=False
            )
            assert done.returncode == 0, done.stderr
            if folder.is_dir():  # another process was faster
                shutil.rmtree(partial)
            else:
                partial.rename(folder)
    return folder
