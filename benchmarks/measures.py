"""The measurements. Targets take turns in short slices, so that other load hits both alike."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import Load, Slice, loaded
from benchmarks.servers import (
    REFERENCE,
    Server,
    flush_options,
    processor_seconds,
    resident_mebibytes,
    seconds_to_first_message,
    server,
)

_WARM_UP_SLICES = 4
_FIRST_COUNT = 1000
_SYNC_BYTES = 100
_ASYNC_BYTES = 1024
_PUSHED = 20_000


@dataclass(slots=True)
class Results:
    """Every figure, by measure and target, in the order of its taking."""

    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)  # messages, by target
    skipped: list[str] = field(default_factory=list)  # what was not measured, and why

    def add(self, measure: str, target: str, value: float) -> None:
        """Keep one figure."""
        self.figures.setdefault(measure, {}).setdefault(target, []).append(value)

    def add_lost(self, target: str, count: int) -> None:
        """Count messages that were sent and not found."""
        self.lost[target] = self.lost.get(target, 0) + count


def measure_start(results: Results, targets: Sequence[str], rounds: int) -> None:
    """Milliseconds from start to the first acknowledged message; a first start is not counted."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users have compiled modules after one run
    for round_number in range(rounds + 1):
        for target in targets:
            seconds = seconds_to_first_message(target)
            if round_number:
                results.add("start ms", target, seconds * 1000)


def measure_suite(results: Results, rounds: int) -> None:
    """Cases per second of the conformance suite, its own start included."""
    for _ in range(rounds):
        for target in (REFERENCE, "reference-tcp"):
            with tempfile.TemporaryDirectory(prefix="rmqref-bench-") as folder:
                path = Path(folder) / "results.json"
                command = [sys.executable, "-m", "refimpl.cli", "conformance", "run"]
                begun = time.perf_counter()
                subprocess.run(
                    [*command, "--target", target, "--json", str(path)],
                    stdout=subprocess.DEVNULL,
                    check=False,
                )
                took = time.perf_counter() - begun
                results.add("suite cases/s", target, _cases(path) / took)


def _cases(path: Path) -> int:
    document = json.loads(path.read_text("utf-8"))
    return sum(len(target["cases"]) for target in document["targets"])


def measure_messages(
    results: Results, targets: Sequence[str], rounds: int, slice_seconds: float, *, sync: bool
) -> None:
    """Rates of one Java client, and memory afterwards; `sync` is the flush of the disk."""
    with contextlib.ExitStack() as stack:
        servers = {name: server(name) for name in targets}
        options = dict(flush_options(sync=sync))
        loads = {n: stack.enter_context(loaded(s, options)) for n, s in servers.items()}
        turns = _Turns(results, servers, loads, rounds, slice_seconds)
        flush = "sync flush" if sync else "async flush"
        turns.take(f"sync msg/s, {flush}", "sync", _SYNC_BYTES)
        turns.take(f"async msg/s, {flush}", "async", _ASYNC_BYTES)
        if sync:
            return
        turns.take(f"one-way msg/s, {flush}", "oneway", _ASYNC_BYTES)
        for name, load in loads.items():
            done = load.run("fill", _PUSHED, _ASYNC_BYTES)
            results.add_lost(name, done.wanted - done.stored)
        turns.take("push msg/s", "push", 0, count=_PUSHED)
        for name, target in servers.items():
            results.add("resident MiB", name, resident_mebibytes(target.pids))
            anonymous = resident_mebibytes(target.pids, "RssAnon")
            results.add("resident MiB, mapped files left out", name, anonymous)


@dataclass(slots=True)
class _Turns:
    """One slice here, one slice there."""

    results: Results
    servers: dict[str, Server]
    loads: dict[str, Load]
    rounds: int
    slice_seconds: float

    def take(self, measure: str, kind: str, size: int, *, count: int | None = None) -> None:
        """Warm up, then add `rounds` figures a target; without `count` slices have a length."""
        counts = dict.fromkeys(self.loads, _FIRST_COUNT if count is None else count)
        warm_up = _WARM_UP_SLICES if count is None else 1
        for turn in range(warm_up + self.rounds):
            for name, load in self.loads.items():
                used = self._used(name)
                done = load.run(kind, counts[name], size)
                self.results.add_lost(name, done.wanted - done.stored)
                if count is None:
                    counts[name] = max(200, int(done.rate * self.slice_seconds))
                if turn >= warm_up:
                    self._keep(measure, name, done, self._used(name) - used)

    def _used(self, name: str) -> float:
        return processor_seconds(self.servers[name].pids)

    def _keep(self, measure: str, name: str, done: Slice, used: float) -> None:
        self.results.add(measure, name, done.rate)
        per_message = used / max(done.stored, 1) * 1e6
        self.results.add(f"{measure}: processor us each", name, per_message)
        if done.median:
            self.results.add(f"{measure}: median latency us", name, done.median)


def guarded(results: Results, what: str, measure: Callable[[], None]) -> None:
    """Measure, or say why not: a skip is seen, never silent."""
    from conformance.verdict import TargetDied, TargetUnavailable  # noqa: PLC0415 - only here

    try:
        measure()
    except (TargetUnavailable, TargetDied) as error:
        results.skipped.append(f"{what}: {error}")
