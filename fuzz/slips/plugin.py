"""`pytest -p fuzz.slips.plugin --slip RULE FILE`: those tests with the slip turned on."""

from collections.abc import Iterator

import pytest

from fuzz.slips.slip import slipped, slips


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--slip", metavar="RULE", help="turn on the slip of this rule")


@pytest.fixture(autouse=True, scope="session")
def _slip(request: pytest.FixtureRequest) -> Iterator[None]:
    """From the first test to the last."""
    rule = request.config.getoption("slip")
    if rule is None:
        yield
        return
    with slipped(slips()[rule]):
        yield
