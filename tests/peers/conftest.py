"""Peers run side by side: every wanted run starts when the first test asks for its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias, cast

import pytest

from conformance.targets.apache.target import APACHE_RELEASES
from conformance.targets.command import ReferenceTcpTarget
from conformance.verdict import TargetUnavailable
from tests.peers.administered import administer
from tests.peers.driven import Combination, drive
from tests.peers.outcome import Step

_HERE = Path(__file__).parent
_SIDE_BY_SIDE = 4  # clients mostly wait
Result: TypeAlias = "tuple[list[Step], str]"
Runs: TypeAlias = "dict[object, Future[Result]]"


def _drive(combination: object) -> Result:
    assert isinstance(combination, Combination)
    return drive(ReferenceTcpTarget(combination.release), combination)


def _administer(version: object) -> Result:
    assert isinstance(version, str)
    return administer(version, ReferenceTcpTarget(APACHE_RELEASES[version]))


_STARTS: dict[str, Callable[[object], Result]] = {
    "combination": _drive,
    "mqadmin": _administer,
}


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    """A run for each parameter that a selected test wants, begun in the order of the tests."""
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        begun: Runs = {}
        for item in request.session.items:
            parameters = getattr(getattr(item, "callspec", None), "params", {})
            for name, value in cast("dict[str, object]", parameters).items():
                if name in _STARTS and item.path.parent == _HERE:
                    begun[value] = pool.submit(_STARTS[name], value)
        yield begun


@pytest.fixture
def java_run(runs: Runs, combination: Combination) -> Result:
    """Steps and output of the run of this test; a visible skip where Java is absent."""
    return _result(runs, combination)


@pytest.fixture
def mqadmin_run(runs: Runs, mqadmin: str) -> Result:
    """The same for a version of mqadmin."""
    return _result(runs, mqadmin)


def _result(runs: Runs, key: object) -> Result:
    try:
        return runs[key].result()
    except TargetUnavailable as error:
        pytest.skip(str(error))
