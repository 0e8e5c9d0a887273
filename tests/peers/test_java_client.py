"""Official Java clients see the same from the reference as from Apache RocketMQ."""

import pytest

from refimpl.model.release import RELEASES
from tests.peers import outcome
from tests.peers.deviations import client_deviations, unstable
from tests.peers.driven import CLIENTS, CODECS, Combination
from tests.peers.outcome import Step

COMBINATIONS = [
    Combination(client, release, codec)
    for client in CLIENTS
    for release in RELEASES
    for codec in CODECS
]


@pytest.mark.peer
@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_every_step_ends_as_on_apache(
    combination: Combination, java_run: tuple[list[Step], str]
) -> None:
    steps, output = java_run
    assert "DONE" in output, f"the driver did not end:\n{output[-3000:]}"
    skipped = unstable(combination.recording)
    found = outcome.differences(
        [step for step in outcome.load(combination.recording) if step["step"] not in skipped],
        [step for step in steps if step["step"] not in skipped],
    )
    unexplained = outcome.unexplained(found, client_deviations(combination.release))
    assert not unexplained, f"{len(unexplained)} of {len(steps)} steps\n" + "\n".join(unexplained)
