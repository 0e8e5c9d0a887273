"""Record what Apache answers: `python -m tests.peers.record [NAME ...]`.

A name is that of a file in recorded/ without its ending; without names all are made. Each runs
twice, on fresh brokers (Java clients once with each form of header); steps in which the runs differ
are printed, for such a step is not a fact about Apache and must be changed. The first is kept.
"""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

from conformance.targets.apache.target import APACHE_RELEASES, ApacheTarget
from tests.peers import outcome
from tests.peers.administered import administer
from tests.peers.driven import CLIENTS, CODECS, Combination, drive
from tests.peers.outcome import Step

_Run: TypeAlias = "Callable[[], tuple[list[Step], str]]"


def main(wanted: Sequence[str]) -> None:
    """Record what is named, or all."""
    chosen = {name: runs for name, runs in _recordings().items() if not wanted or name in wanted}
    with ThreadPoolExecutor(2) as pool:
        for report in pool.map(_record, chosen, chosen.values()):
            print(report, flush=True)  # noqa: T201 - a command for a terminal


def _recordings() -> dict[str, list[_Run]]:
    found: dict[str, list[_Run]] = {}
    for version, release in APACHE_RELEASES.items():
        for client in CLIENTS:
            combinations = [Combination(client, release, codec) for codec in CODECS]
            found[combinations[0].recording] = [partial(_drive, version, c) for c in combinations]
        found[f"mqadmin-{release}"] = [partial(_administer, version)] * 2
    return found


def _drive(version: str, combination: Combination) -> tuple[list[Step], str]:
    return drive(ApacheTarget(version), combination)


def _administer(version: str) -> tuple[list[Step], str]:
    return administer(version, ApacheTarget(version))


def _record(name: str, runs: Sequence[_Run]) -> str:
    steps: list[list[Step]] = []
    report = [name]
    for run in runs:
        done, output = run()
        if "DONE" not in output:
            return f"{name}: did not end\n{output[-2000:]}"
        steps.append(done)
        report += [line for line in output.splitlines() if line.startswith("DONE")]
    outcome.save(name, steps[0])
    return "\n".join([*report, *outcome.differences(*steps)])


if __name__ == "__main__":
    main(sys.argv[1:])
