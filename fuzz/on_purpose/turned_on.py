"""`pytest -p fuzz.on_purpose.turned_on --slip RULE TEST…`, or `--fault NAME`: tests with a bug.

`--outcomes FILE` writes a line for each phase of a test: its outcome and its id. What is printed
is for people: it may hold anything that a test, or a plugin, writes between.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from fuzz.faults.fault import faults
from fuzz.slips.slip import slipped, slips


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("bugs on purpose")
    group.addoption("--slip", metavar="RULE", help="turn on the slip of this rule")
    group.addoption("--fault", metavar="NAME", help="turn on this fault of the bank")
    group.addoption("--outcomes", metavar="FILE", type=Path, help="write the outcomes there")


def pytest_configure(config: pytest.Config) -> None:
    """Write outcomes where it was asked, in the process that hears of all tests."""
    path = config.getoption("outcomes")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Outcomes(path))


class _Outcomes:
    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(f"{report.when} {report.outcome} {report.nodeid}\n")


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
