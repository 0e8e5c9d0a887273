"""apache/rocketmq-client-go 2.1.2: all 25 features that work on Apache work here."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future

import pytest

from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES
from tests.peers import foreign
from tests.peers.foreign import Broker, Found

TOPICS = ("basic", "batch", "delay", "tx", "order", "bc", "tag", "retry", "pull")
ORDER = sorted(f"{i % 3}-{i:02}" for i in range(12))
EXPECTED: dict[str, JsonValue] = {
    **{f"admin create topic {name}": "ok" for name in TOPICS},
    "admin fetch all topics": len(TOPICS),
    "admin get all groups": True,
    "send sync": "ok",
    "send zlib": "ok",
    "send async": 5,
    "send one-way": "ok",
    "send to a new topic": "ok",
    "send batch": "ok",
    "send delay level 1": "ok",
    "send delay level 2": "ok",
    **{f"send {kind} {tag}": "ok" for kind in ("tag", "broadcast", "pull") for tag in "ABC"},
    "send retry": "ok",
    **{f"send transaction {end}": "ok" for end in ("commit", "rollback", "unknown")},
    "push basic": [*(f"async{i}" for i in range(5)), "oneway", "sync", "z*9000"],
    "push batch": [f"b{i:02}" for i in range(10)],
    "push delay": ["d0", "d1"],
    "push tag": ["A", "C"],
    "push sql": ["B", "C"],
    "push order": list(ORDER),
    "push order kept": True,
    "push bc1": ["A", "B", "C"],
    "push bc2": ["A", "B", "C"],
    "push tx": ["commit", "unknown"],
    "push retry": ["r", "r"],
    "push retry times": [0, 1],
    "pull poll": ["A", "B", "C"],
    "pull queues": 4,
    "pull from 0": "ok",
    "pull from 0 bodies": ["A", "B", "C"],
    "shutdown producer": "ok",
    "shutdown transaction producer": "ok",
    "admin delete topic": "ok",
    "done": True,
}
_LATE = 20  # seconds that a busy machine may add to a delay


def _drive(release: str) -> Found:
    program = foreign.go_program()
    with Broker(release) as broker:
        return broker.run([*program, *broker.addresses])


@pytest.fixture(scope="module")
def go_runs(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Found]]]:
    with foreign.side_by_side(request, _drive) as runs:
        yield runs


@pytest.mark.peer
@pytest.mark.parametrize("release", list(RELEASES))
def test_what_works_on_apache_works_here(
    release: str, go_runs: Mapping[str, Future[Found]]
) -> None:
    found = foreign.result(go_runs, release)
    checks = found.pop("transaction check-backs")
    assert isinstance(checks, int)
    assert checks >= 1
    delays = found.pop("push delay seconds")
    assert isinstance(delays, list)
    for wanted, seconds in zip((1.0, 5.0), delays, strict=True):
        assert isinstance(seconds, int | float)
        assert wanted <= seconds < wanted + _LATE
    assert found == EXPECTED
