"""Peers run side by side: every wanted run starts when the first test asks for its own."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from conformance.targets.command import ReferenceTcpTarget
from conformance.verdict import TargetUnavailable
from tests.peers.driven import Combination, drive
from tests.peers.outcome import Step

_SIDE_BY_SIDE = 4  # clients mostly wait
Run = Future[tuple[list[Step], str]]


def _drive(combination: Combination) -> tuple[list[Step], str]:
    return drive(ReferenceTcpTarget(combination.release), combination)


@pytest.fixture(scope="session")
def java_runs(request: pytest.FixtureRequest) -> Iterator[dict[Combination, Run]]:
    """A run for each combination that a selected test wants, begun in the order of the tests."""
    wanted = [
        item.callspec.params["combination"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and "combination" in getattr(item, "fixturenames", ())
        and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        yield {one: pool.submit(_drive, one) for one in dict.fromkeys(wanted)}


@pytest.fixture
def java_run(
    java_runs: dict[Combination, Run], combination: Combination
) -> tuple[list[Step], str]:
    """Steps and output of the run of this test; a visible skip where Java is absent."""
    try:
        return java_runs[combination].result()
    except TargetUnavailable as error:
        pytest.skip(str(error))
