"""Record what Apache answers: `python -m tests.peers.record [CLIENT-on-RELEASE-CODEC ...]`.

Each combination runs twice, on fresh brokers; steps in which the runs differ are printed, for such
a step is not a fact about Apache and must be changed. The JSON run is what is kept; the ROCKETMQ run
must agree with it.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from conformance.targets.apache.target import APACHE_RELEASES, ApacheTarget
from tests.peers import outcome
from tests.peers.driven import CLIENTS, CODECS, Combination, drive

_VERSIONS = {release: version for version, release in APACHE_RELEASES.items()}


def main(wanted: Sequence[str]) -> None:
    """Record the combinations named, or all."""
    pairs = [(client, release) for client in CLIENTS for release in _VERSIONS]
    chosen = [p for p in pairs if not wanted or f"{p[0]}-on-{p[1]}" in wanted]
    with ThreadPoolExecutor(2) as pool:
        for report in pool.map(lambda pair: _record(*pair), chosen):
            print(report, flush=True)


def _record(client: str, release: str) -> str:
    runs = []
    for codec in CODECS:
        combination = Combination(client, release, codec)
        steps, output = drive(ApacheTarget(_VERSIONS[release]), combination)
        if "DONE" not in output:
            return f"{combination}: did not end\n{output[-2000:]}"
        runs.append(steps)
    outcome.save(combination.recording, runs[0])
    found = outcome.differences(*runs)
    times = [line for line in output.splitlines() if line.startswith(("TIME", "DONE"))]
    return "\n".join([f"{combination.recording}: {len(runs[0])} steps", *found, "; ".join(times)])


if __name__ == "__main__":
    main(sys.argv[1:])
