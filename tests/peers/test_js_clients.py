"""ali-ons 3.12.0 and rocketmq-nodejs 1.1.2 from npm: what works on Apache works here."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from refimpl.model.release import RELEASES
from tests.peers import foreign
from tests.peers.foreign import Broker, Found

TOPIC = "JsTopic"
ALI_ONS: Found = {
    "send": "SEND_OK",
    "send zlib": "SEND_OK",
    "send delay level 1": "SEND_OK",
    "send with a sharding key": "SEND_OK",
    "push": ["delay", "hello", "shard", "x*9000"],
    "push TagA": ["delay", "hello", "shard"],
    "retry": [0, 1],
    "done": True,
}
NODE: Found = {
    "send": "OK",
    "send zlib": "OK",
    "push": ["hello", "x*9000"],
    "redelivered": True,
    "done produce": True,
    "done consume": True,
}


def _drive(release: str) -> Found:
    """Both clients side by side, with one broker."""
    ali_ons = foreign.node_program("ali_ons.js")
    nodejs = foreign.node_program("rocketmq_nodejs.js")
    with Broker(release) as broker, ThreadPoolExecutor(1) as pool:
        broker.create_topic(TOPIC)
        namesrv = broker.addresses[0]
        other = pool.submit(broker.run, [*ali_ons, namesrv, TOPIC])
        words = [*nodejs, namesrv, "NodeTopic", str(broker.home / "logs")]
        found = {f"nodejs {k}": v for k, v in broker.run([*words, "produce"]).items()}
        found |= {f"nodejs {k}": v for k, v in broker.run([*words, "consume"]).items()}
        return found | {f"ali-ons {k}": v for k, v in other.result().items()}


def _of(client: str, found: Found) -> Found:
    prefix = f"{client} "
    return {key.removeprefix(prefix): value for key, value in found.items() if prefix in key}


@pytest.fixture(scope="module")
def js_runs(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Found]]]:
    with foreign.side_by_side(request, _drive) as runs:
        yield runs


@pytest.mark.peer
@pytest.mark.parametrize("release", list(RELEASES))
def test_ali_ons(release: str, js_runs: Mapping[str, Future[Found]]) -> None:
    """It cannot make a topic: it never asks for TBW102, on Apache as here."""
    found = _of("ali-ons", foreign.result(js_runs, release))
    refused = found.pop("send to a new topic")
    assert "No topic route info" in str(refused)
    assert found == ALI_ONS


@pytest.mark.peer
@pytest.mark.parametrize("release", list(RELEASES))
def test_rocketmq_nodejs(release: str, js_runs: Mapping[str, Future[Found]]) -> None:
    """A refused message comes again, once the client has found the route of its retry topic."""
    assert _of("nodejs", foreign.result(js_runs, release)) == NODE
