"""The release of a broker under test: each test that asks for it runs with each."""

import pytest

from refimpl.model.release import RELEASES, Release


@pytest.fixture(params=RELEASES.values(), ids=lambda r: r.name)
def release(request: pytest.FixtureRequest) -> Release:
    """One of the releases that we describe."""
    chosen: Release = request.param
    return chosen
