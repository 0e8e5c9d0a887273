"""`mqadmin` of each release says the same about the reference as about Apache RocketMQ."""

import pytest

from conformance.targets.apache.target import APACHE_RELEASES
from tests.peers import outcome
from tests.peers.deviations import mqadmin_deviations
from tests.peers.outcome import Step


@pytest.mark.peer
@pytest.mark.parametrize("mqadmin", APACHE_RELEASES)
def test_every_line_ends_as_on_apache(mqadmin: str, mqadmin_run: tuple[list[Step], str]) -> None:
    steps, output = mqadmin_run
    assert "DONE" in output, f"the tool did not end:\n{output[-3000:]}"
    release = APACHE_RELEASES[mqadmin]
    found = outcome.differences(outcome.load(f"mqadmin-{release}"), steps)
    unexplained = outcome.unexplained(found, mqadmin_deviations(release))
    assert not unexplained, f"{len(unexplained)} of {len(steps)} lines\n" + "\n".join(unexplained)
