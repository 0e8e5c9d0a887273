"""`rmqref model`: what it prints and how it ends, on good and bad input."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from refimpl.cli import model as command
from refimpl.cli.__main__ import main
from refimpl.model.state_space import StateSpace, variables_of
from refimpl.sim import replays
from refimpl.tlc import graph, manifest
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.manifest import Row
from refimpl.tlc.parity import Parity
from refimpl.tlc.runner import Outcome, State, TlcRun, read
from tests.tlc.judging import need_tlc

FIRST = State(1, "Initial predicate", "/\\ n = 0")
SECOND = State(2, "Send", "/\\ n = 1")
HOLDS = read("")._replace(outcome=Outcome.HOLDS, errors=())
BROKEN = HOLDS._replace(outcome=Outcome.INVARIANT, violated="I", trace=(FIRST, SECOND))
LATE = HOLDS._replace(outcome=Outcome.TIMEOUT)
BAD_NAMES = [["check", "Nope"], ["graph", "Nope"], ["explain", "Nope"], ["parity", "Nope"]]


def rmqref(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["model", *arguments])


def no_states() -> StateSpace:
    return StateSpace({}, frozenset())


def says(monkeypatch: pytest.MonkeyPatch, found: TlcRun) -> None:
    """Let TLC say this."""
    monkeypatch.setattr(manifest, "run", lambda *_args, **_named: found)
    monkeypatch.setattr(graph, "run", lambda *_args, **_named: found)


@pytest.fixture
def no_tlc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `tla` is not installed."""
    monkeypatch.delenv("RMQ_TLC_JAR", raising=False)

    def missing() -> None:
        raise TlcMissing("no TLC: install the extra `tla`, or set RMQ_TLC_JAR")

    monkeypatch.setattr("refimpl.tlc.runner.find", missing)


def test_list_has_every_row() -> None:
    result = rmqref("list")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].split() == [
        "model",
        "module",
        "mode",
        "expected",
        "distinct",
        "depth",
        "says",
    ]
    names = {line.split()[0] for line in lines[2:] if line and not line.startswith(" ")}
    assert names == {row.config for row in manifest.rows()}


@pytest.mark.parametrize("arguments", BAD_NAMES, ids=" ".join)
def test_a_name_that_is_no_model(arguments: list[str]) -> None:
    result = rmqref(*arguments)
    assert result.exit_code == 3
    assert result.output == "Nope: no model of that name; see `rmqref model list`\n"


@pytest.mark.usefixtures("no_tlc")
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "DispatchDebug"],
        ["graph", "DispatchDebug"],
        ["explain", "DispatchDebug"],
        ["parity", "DispatchStates"],
    ],
    ids=" ".join,
)
def test_without_tlc_one_line_says_how_to_get_it(arguments: list[str]) -> None:
    result = rmqref(*arguments)
    assert result.exit_code == 2
    assert result.output == "no TLC: install the extra `tla`, or set RMQ_TLC_JAR\n"


def test_a_broken_manifest_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "manifest.json").write_text('{"models": [{}]}')
    monkeypatch.setattr(manifest.rows, "__defaults__", (tmp_path,))
    for arguments in (["list"], ["check"], ["parity", "DelayQueue"]):
        result = rmqref(*arguments)
        assert result.exit_code == 3
        assert result.output.startswith("models: a row has [")
        assert result.output.count("\n") == 1


# --- check


@pytest.mark.parametrize(
    ("found", "status", "told"),
    [
        (BROKEN._replace(violated="NeverArrives", trace=(FIRST,) * 9), 0, "as expected"),
        (BROKEN, 1, "expected violates NeverArrives, found violates I"),
        (HOLDS, 1, "expected violates NeverArrives, found holds"),
        (BROKEN._replace(violated="NeverArrives"), 1, "expected depth 9, found 2"),
        (LATE, 2, "was not finished in time"),
    ],
)
def test_check_compares_with_the_manifest(
    found: TlcRun, status: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, found)
    result = rmqref("check", "DispatchDebug")
    assert result.exit_code == status
    assert told in result.output
    assert ("rmqref model explain DispatchDebug" in result.output) is (status == 1)


def test_a_module_stands_for_its_models(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, LATE)
    both = ("AsyncFlush", "DelayQueue")
    lines = rmqref("check", *both).output.splitlines()
    names = {line.split()[0] for line in lines if not line.startswith(" ")}
    assert names == {row.config for row in manifest.rows() if row.module in both}
    assert rmqref("check", "DelayQueue").output.count("DelayQueue") == 1, "a model of that name"


# --- explain


def test_explain_shows_steps_and_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, BROKEN)
    result = rmqref("explain", "DispatchDebug")
    assert result.exit_code == 0
    told = result.output.splitlines()
    assert told[1] == "violates an invariant I"
    assert told[3:] == ["  1  Initial predicate", "       n = 0", "  2  Send", "       n: 0 -> 1"]


def test_explain_of_a_model_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, HOLDS)
    result = rmqref("explain", "DelayQueue")
    assert result.exit_code == 0
    assert result.output == "DelayQueue has no counterexample: holds\n"


def test_explain_without_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, LATE)
    result = rmqref("explain", "DelayQueue")
    assert result.exit_code == 2
    assert result.output == "DelayQueue has no counterexample: was not finished in time\n"


def test_a_counterexample_that_cannot_be_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promise alone has no mechanism that could run it."""
    says(monkeypatch, BROKEN)
    path = tmp_path / "test_it.py"
    result = rmqref("explain", "StoreObservableDebug", "--test", str(path))
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == (
        "no replay for StoreObservableModel: nothing of the implementation runs its steps"
    )
    assert not path.exists()


def test_an_implementation_that_goes_along_with_a_wrong_design_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = manifest.row_of("DelayQueueMovesFirst")
    monkeypatch.setattr(command, "_row", lambda _name: row)
    monkeypatch.setattr(replays, "follow", lambda _module, _constants, steps: len(steps))
    says(monkeypatch, BROKEN)
    path = tmp_path / "test_it.py"
    result = rmqref("explain", row.config, "--test", str(path))
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == (
        "DelayQueueMovesFirst: the implementation follows a wrong design: 2 of 2 states"
    )
    assert not path.exists()


# --- graph and parity


def test_a_graph_that_is_not_whole_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, LATE)
    for arguments in (["graph", "DispatchStates"], ["parity", "DispatchStates"]):
        result = rmqref(*arguments)
        assert result.exit_code == 2
        assert result.output == "DispatchStates was not finished in time\n"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Recovery", "no parity for Recovery: there is one for "),
        ("MappedFileQueuePool", "no parity for MappedFileQueue: the buffers of a pool are not"),
        ("DelayQueueDebug", "no parity for DelayQueueDebug: its counterexample ends the "),
    ],
)
def test_parity_of_what_cannot_be_compared(name: str, why: str) -> None:
    result = rmqref("parity", name)
    assert result.exit_code == 2
    assert result.output.startswith(why)
    assert result.output.count("\n") == 1


def test_parity_ends_as_its_worst_module(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = variables_of({"n": 1}), variables_of({"n": 2})
    small = StateSpace({one: None}, frozenset())
    whole = StateSpace({one: None, two: (one, "Up")}, frozenset({(one, "Up", two)}))
    for code, status, told in (
        (whole, 0, "the same 2 states and 1 transitions on both sides"),
        (small, 1, " DIFFERS: the code has 1 states and 0 transitions, the model 2 and 1"),
    ):
        sides = [Parity("A", code, whole, 0.0, 0.0), Parity("B", whole, whole, 0.0, 0.0)]
        monkeypatch.setattr(command, "_both_sides", lambda _row, _limit, left=sides: left.pop(0))
        result = rmqref("parity", "GroupCommit", "Dispatch")
        assert result.exit_code == status
        assert told in result.output.splitlines()[0]
        assert result.output.splitlines()[-1].startswith("B: the same 2 states")
        assert ("    Init, Up" in result.output.splitlines()) is (status == 1)


@pytest.mark.slow
def test_the_graph_and_the_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only start of TLC here: its graph is written, and then compared with the code."""
    need_tlc()
    path = tmp_path / "states.dot"
    result = rmqref("graph", "DispatchStates", "--output", str(path))
    assert (result.exit_code, result.output) == (0, "")
    text = path.read_text("utf-8")
    assert text.startswith("strict digraph")

    def dumped(row: Row, *, seconds: int) -> str:
        assert (row.config, seconds) == ("DispatchStates", 7)
        return text

    monkeypatch.setattr(graph, "dot", dumped)
    result = rmqref("parity", "DispatchStates", "--seconds", "7")
    assert result.exit_code == 0
    assert result.output.startswith(
        "DispatchStates: the same 941 states and 1628 transitions on both sides (code "
    )
    text = text.replace("flushed = 122", "flushed = 121")
    result = rmqref("parity", "DispatchStates", "--seconds", "7")
    assert result.exit_code == 1
    assert result.output.startswith("DispatchStates DIFFERS: the code has 941 states")
    assert "  only the model reaches" in result.output
