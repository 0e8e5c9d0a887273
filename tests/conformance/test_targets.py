"""Adapters: what the command line means, and targets that start."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from conformance.case import Case, load_cases
from conformance.judge import select
from conformance.results import CaseResult
from conformance.target import Capability, Port, Target
from conformance.targets.choice import UnknownTarget, choose
from conformance.targets.command import CommandTarget, parse_command
from conformance.targets.ports import FreePorts
from conformance.verdict import TargetDied, TargetUnavailable, Verdict
from refimpl.model.ids import Address
from tests.conformance.scenarios import judge

CHOSEN = ("BROKER-SEND-27/*", "NAMESRV-ROUTE-1/*", "STORE-RECOVERY-*/*", "REMOTING-FRAME-3/length*")


@pytest.fixture(scope="module")
def some_cases() -> Sequence[Case]:
    found = select(load_cases(), (), CHOSEN)
    assert len(found) >= 5
    return found


@pytest.mark.parametrize("release", ["4.6", "4.9", "5.5"])
def test_the_reference_in_process_is_judged_twice_alike(
    release: str, some_cases: Sequence[Case]
) -> None:
    def run() -> list[tuple[str, Verdict, str]]:
        results = judge(choose("reference", release), *some_cases).cases
        return [(r.case, r.verdict, r.message) for r in results]

    first = run()
    assert {verdict for _, verdict, _ in first} == {Verdict.PASS}, first
    assert run() == first


def test_the_reference_over_tcp_restarts(some_cases: Sequence[Case]) -> None:
    results = judge(choose("reference-tcp"), *some_cases).cases
    assert [_bad(r) for r in results if r.verdict is not Verdict.PASS] == []
    assert any(r.case.startswith("STORE-RECOVERY") for r in results)


def _bad(result: CaseResult) -> str:
    return f"{result.case}: {result.verdict.value}: {result.message}"


@pytest.mark.peer
@pytest.mark.parametrize("version", ["4.6.1", "4.9.7", "5.5.0"])
def test_apache_is_judged(version: str) -> None:
    if shutil.which("java") is None:
        pytest.skip("no java on the PATH")
    few = select(load_cases(), (), ("BROKER-SEND-27/*", "NAMESRV-ROUTE-1/*"))
    result = judge(choose(f"apache-{version}"), *few)
    if result.skipped:
        pytest.skip(result.skipped)
    if result.aborted == "interrupted":
        raise KeyboardInterrupt
    assert not result.aborted
    assert [_bad(r) for r in result.cases if r.verdict is not Verdict.PASS] == []


@pytest.mark.parametrize(
    "text",
    ["", "apache-1.0", "reference:x", "address:nowhere", "address:a,b", "command:", "nothing"],
)
def test_words_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(UnknownTarget):
        choose(text)


def test_a_release_that_the_target_is_not_is_refused() -> None:
    assert choose("apache-5.5.0", "5.5").release == "5.5"
    with pytest.raises(UnknownTarget, match=r"is 5\.5, not 4\.9"):
        choose("apache-5.5.0", "4.9")


def test_addresses_are_given_or_read() -> None:
    given = parse_command("n", "4.9", "127.0.0.1:1,127.0.0.1:2:run it --now")
    assert Capability.NAMESRV in given.capabilities
    silent = parse_command("n", "4.9", ",127.0.0.1:2:run it")
    assert Capability.NAMESRV not in silent.capabilities
    with_store = parse_command("n", "4.9", "run --store {store}")
    assert {Capability.START, Capability.KILL, Capability.RESTART} <= with_store.capabilities


READY = "print('ready namesrv=127.0.0.1:11 broker=127.0.0.1:{port}', flush=True)"


@pytest.fixture
def ready() -> Iterator[Target]:
    code = READY.replace("{port}", "22") + "; import sys; sys.stdin.read()"
    target = CommandTarget("command:x", "4.9", [sys.executable, "-c", code, "{store}"])
    yield target
    target.stop()


def test_a_command_tells_where_it_listens(ready: Target) -> None:
    ready.start({})
    assert ready.address(Port.NAMESRV) == Address("127.0.0.1", 11)
    assert ready.address(Port.BROKER) == Address("127.0.0.1", 22)
    assert ready.address(Port.FAST) == Address("127.0.0.1", 20)
    store = ready.store_directory()
    assert isinstance(store, Path)
    ready.stop()
    assert not store.parent.exists()


def test_a_command_that_dies_tells_its_last_words() -> None:
    code = "import sys; sys.exit('no such option')"
    target = CommandTarget("command:x", "4.9", [sys.executable, "-c", code])
    with pytest.raises(TargetDied) as death:
        target.start({})
    target.stop()
    assert "no such option" in death.value.output


def test_a_command_that_is_not_there_is_a_skip() -> None:
    with pytest.raises(TargetUnavailable, match="no command"):
        CommandTarget("command:x", "4.9", ["no-such-command-anywhere"]).start({})


def test_ports_are_never_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RMQREF_PORTS", "30100-30199")
    ports = FreePorts()
    given = [ports.broker(), ports.one(), ports.broker(), ports.one()]
    taken = [p + n for p in (given[0], given[2]) for n in (-2, 0, 1)] + [given[1], given[3]]
    assert len(set(taken)) == len(taken)
    monkeypatch.setenv("RMQREF_PORTS", "1-0")
    with pytest.raises(TargetUnavailable):
        FreePorts().one()
