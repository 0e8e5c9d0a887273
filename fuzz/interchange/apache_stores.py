"""Apache's own store opens many directories in one JVM: `java/OpenStores.java`.

`java`, `javac` and the jars are found as the suite finds them (`conformance.targets.apache`).
"""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from conformance.targets.apache.artefacts import jars, java
from conformance.targets.apache.java_classes import compiled
from conformance.targets.apache.target import OPENINGS, QUICK
from fuzz.interchange.served import OPENED, Message, Served
from refimpl.inspect.store_reading import open_reading
from refimpl.runtime.reading_directory import ReadingDirectory

_SOURCES = Path(__file__).with_name("java")
_AT_A_TIME = 8  # most of the time of a store is spent waiting
_BOTH_SPELLINGS = {
    "mappedFileSizeCommitLog": "mapedFileSizeCommitLog",
    "mappedFileSizeConsumeQueue": "mapedFileSizeConsumeQueue",
}
_SMALL = {"maxMessageSize": "65536"}  # each store holds two buffers of that size
_LOGBACK = '<configuration><root level="OFF"/></configuration>'


def serve(
    version: str,
    directories: Sequence[Path],
    settings: Mapping[str, str],
    home: Path,
    *,
    seconds: float = 600,
) -> dict[Path, Served]:
    """What Apache `version` serves of each directory, which it changes; `home` takes its files."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "logback.xml").write_text(_LOGBACK, "utf-8")
    words = [f"{name}={value}" for name, value in (_SMALL | dict(settings)).items()]
    words += [f"{old}={settings[new]}" for new, old in _BOTH_SPELLINGS.items() if new in settings]
    command = [
        java(),
        "-Xmx512m",
        *QUICK,
        *OPENINGS,
        "-Djava.net.preferIPv4Stack=true",
        "-Duser.timezone=UTC",
        f"-Duser.home={home}",
        f"-Drocketmq.home.dir={home}",
        f"-Dlogback.configurationFile={home / 'logback.xml'}",
        f"-Drmq.logback.configurationFile={home / 'logback.xml'}",
        "-cp",
        f"{home}:{compiled(version, _SOURCES, 'stores')}:{jars(version)}/*",
        "OpenStores",
        str(_AT_A_TIME),
        *words,
    ]
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        input="".join(f"{directory}\n" for directory in directories),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    found = _parsed(done.stdout.splitlines())
    for directory, served in found.items():
        _take_what_is_left(directory, served)
    lost = [directory for directory in directories if directory not in found]
    assert not lost, f"no answer for {lost[:3]}: {done.stderr[-2000:]}"
    return found


def _parsed(lines: Iterable[str]) -> dict[Path, Served]:
    answers: dict[Path, Served] = {}
    served = Served()
    for line in lines:
        word, _, rest = line.partition(" ")
        fields = rest.split(" ")
        if word == "BEGIN":
            served = answers[Path(rest)] = Served()
        elif word == "LOG":
            served.log = (int(fields[0]), int(fields[1]))
        elif word == "QUEUE":
            served.queues[fields[0], int(fields[1])] = (int(fields[2]), int(fields[3]))
        elif word == "NONE":
            served.holes[fields[0], int(fields[1]), int(fields[2])] = fields[3]
        elif word == "MESSAGE":
            _take_message(served, fields)
        elif word == "END":
            served.status = OPENED if rest == OPENED else rest
    return answers


def _take_what_is_left(directory: Path, served: Served) -> None:
    """From the files that Apache left: tags codes, which no release tells, and the index."""
    if served.status == OPENED:
        reading = open_reading(ReadingDirectory(directory))
        served.index_files, queues = len(reading.index), reading.queues
        for topic, queue_id, offset in served.messages:
            unit = queues[topic, queue_id].unit(offset)
            if unit is not None:
                served.tags_codes[topic, queue_id, offset] = unit.tags_code


def _take_message(served: Served, fields: Sequence[str]) -> None:
    key = (fields[0], int(fields[1]), int(fields[2]))
    if fields[3] == "-":
        served.holes[key] = "unreadable"
        return
    *_, queue_offset, place, size, checksum, indexed = fields
    served.messages[key] = Message(
        int(queue_offset),
        int(place),
        int(size),
        int(checksum, 16),
        None if indexed == "-" else indexed == "indexed",
    )
