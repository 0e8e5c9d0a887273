"""`pytest -p fuzz.on_purpose.turned_on --slip RULE TEST…`, or `--fault NAME`: tests with a bug."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from fuzz.faults.fault import faults
from fuzz.slips.slip import slipped, slips


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two options."""
    group = parser.getgroup("bugs on purpose")
    group.addoption("--slip", metavar="RULE", help="turn on the slip of this rule")
    group.addoption("--fault", metavar="NAME", help="turn on this fault of the bank")


@pytest.fixture(autouse=True, scope="session")
def _turned_on(request: pytest.FixtureRequest) -> Iterator[None]:
    """From the first test to the last; what modules of tests compute on import is right."""
    with _bug(request.config):
        yield


def _bug(config: pytest.Config) -> AbstractContextManager[object]:
    if (rule := config.getoption("slip")) is not None:
        return slipped(slips()[rule])
    if (name := config.getoption("fault")) is not None:
        return faults()[name].patch()
    return nullcontext()
