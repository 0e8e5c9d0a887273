"""The C++ client inside PyPI's `rocketmq` 0.4.4: what works on Apache works here."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future

import pytest

from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES
from tests.peers import foreign
from tests.peers.foreign import Broker, Found

ALL: list[JsonValue] = ["delay", "hello", "oneway", "orderly", "x*9000"]
EXPECTED: Found = {
    "send": 0,
    "send zlib": 0,
    "send delay level 1": 0,
    "send one-way": None,
    "send orderly": 0,
    "push": ALL,
    "push TagB": ["x*9000"],
    "push orderly": ALL,
    "retry": [0, 1],
    "pull": ALL,
    "done": [4, True],
}


def _drive(release: str) -> Found:
    program = foreign.cpp_program()
    with Broker(release) as broker:
        return broker.run([*program, broker.addresses[0], "CppTopic"])


@pytest.fixture(scope="module")
def cpp_runs(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Found]]]:
    with foreign.side_by_side(request, _drive) as runs:
        yield runs


@pytest.mark.peer
@pytest.mark.parametrize("release", list(RELEASES))
def test_what_works_on_apache_works_here(
    release: str, cpp_runs: Mapping[str, Future[Found]]
) -> None:
    assert foreign.result(cpp_runs, release) == EXPECTED
