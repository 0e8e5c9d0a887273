"""What is measured: the reference and Apache releases as production would run them.

The adapters are those of the conformance suite, without its small files and quick JVM flags.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from conformance.frames import Frame, FrameReader, decode, encode
from conformance.target import Port
from conformance.targets.apache.target import PRODUCTION, ApacheTarget
from conformance.targets.command import ReferenceTcpTarget
from conformance.verdict import TargetDied
from refimpl.model.release import DEFAULT_RELEASE
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

Server: TypeAlias = ApacheTarget | ReferenceTcpTarget

REFERENCE = "reference"
_FIRST = {  # a SendMessageRequestHeaderV2 without its born timestamp
    "a": "PG_START",
    "b": "FIRST",
    "c": "TBW102",
    "d": "4",
    "e": "0",
    "f": "0",
    "h": "0",
    "i": "KEYS\x011\x02",
    "j": "0",
    "k": "false",
    "m": "false",
}
_MEBIBYTE = 1024 * 1024
_ACKNOWLEDGE_SECONDS = 60.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_STAT_USER, _STAT_SYSTEM = 11, 12  # of the fields behind the name in /proc/PID/stat


def server(name: str) -> Server:
    """A target by its name on the command line of the suite, with its release's own defaults."""
    if name == REFERENCE:
        return ReferenceTcpTarget(DEFAULT_RELEASE.name, defaults={})
    return ApacheTarget(name.removeprefix("apache-"), flags=PRODUCTION, defaults={})


def seconds_to_first_message(name: str) -> float:
    """From the start of the first process until a broker has acknowledged a message; then stop."""
    started = server(name)
    begun = time.perf_counter()
    try:
        started.start({})
        _send_one(started)
        return time.perf_counter() - begun
    finally:
        started.stop()


def _send_one(started: Server) -> None:
    request = Frame(
        code=RequestCode.SEND_MESSAGE_V2,
        opaque=1,
        ext={**_FIRST, "g": str(started.now())},
        body=b"x" * 100,
    )
    deadline = time.monotonic() + _ACKNOWLEDGE_SECONDS
    while time.monotonic() < deadline:
        answer = _exchange(started, request)
        if answer is not None and answer.code == ResponseCode.SUCCESS:
            return
        time.sleep(0.01)
    raise TargetDied(f"{started.name} acknowledged nothing in {_ACKNOWLEDGE_SECONDS:.0f} s")


def _exchange(started: Server, request: Frame) -> Frame | None:
    assert started.address(Port.BROKER) is not None
    channel = started.open(Port.BROKER)
    try:
        channel.send(encode(request))
        reader = FrameReader()
        while data := channel.receive(1000):
            reader.feed(data)
            raw = reader.next_raw()
            if raw is not None:
                return decode(raw)
        return None
    finally:
        channel.close()


def resident_mebibytes(pids: Sequence[int], kind: str = "VmRSS") -> float:
    """What the kernel counts as resident, over all processes; `RssAnon` leaves files out."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
            if line.startswith(f"{kind}:"):
                total += int(line.split()[1]) * 1024
    return total / _MEBIBYTE


def processor_seconds(pids: Sequence[int]) -> float:
    """User and system time that a target has used so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        ticks += int(fields[_STAT_USER]) + int(fields[_STAT_SYSTEM])
    return ticks / _TICKS_PER_SECOND


def flush_options(*, sync: bool) -> Mapping[str, str]:
    """The options of a broker that acknowledges after, or before, the disk has a message."""
    return {"flushDiskType": "SYNC_FLUSH" if sync else "ASYNC_FLUSH"}
