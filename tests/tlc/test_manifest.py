"""The models of spec/tla are what the manifest and the page about them say."""

import json
import re
from pathlib import Path

import pytest

from refimpl.tlc import graph, manifest
from refimpl.tlc.explain import NoReplay, replay_test, table
from refimpl.tlc.manifest import FOLDER, HOLDS, ManifestRefused, Row
from refimpl.tlc.runner import Outcome, TlcRun
from tests.tlc.judging import need_tlc

ROWS = manifest.rows()


def test_every_configuration_has_a_row_and_every_row_its_files() -> None:
    assert len({row.config for row in ROWS}) == len(ROWS)
    configs = {path.stem for path in FOLDER.glob("*.cfg") if not path.stem.startswith("Trace")}
    assert {row.config for row in ROWS} == configs
    for row in ROWS:
        assert (FOLDER / f"{row.module}.tla").exists()
        assert row.distinct > 0 or row.expect != HOLDS, row.config
        assert row.depth > 0


def test_every_module_is_checked_and_can_fail() -> None:
    modules = {path.stem for path in FOLDER.glob("*.tla") if not path.stem.startswith("Trace")}
    extended = {name for path in FOLDER.glob("*.tla") for name in extends(path)}
    checked = {row.module for row in ROWS}
    assert modules == checked | (extended & modules)
    for subject in manifest.subjects():
        modes = {row.mode for row in ROWS if row.module == subject.module}
        assert {"check", "debug"} <= modes, subject.module


def extends(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    found = re.findall(r"(?:^EXTENDS (.+)$|INSTANCE (\w+))", text, re.MULTILINE)
    return [name.strip() for pair in found for part in pair for name in part.split(",") if part]


@pytest.mark.parametrize("subject", list(manifest.subjects()), ids=lambda s: s.module)
def test_every_module_says_what_it_says_and_what_not(subject: manifest.Subject) -> None:
    head = (FOLDER / f"{subject.module}.tla").read_text("utf-8").partition("EXTENDS")[0]
    assert "Says" in head
    assert "Leaves out" in head
    for owner in subject.python:
        path = owner.split(".")
        while path and not (FOLDER.parents[1] / "/".join(path)).with_suffix(".py").exists():
            path.pop()
        assert f"{'/'.join(path)}.py" in head, f"the header names the code: {owner}"


def test_wrong_designs_are_found_across_the_set() -> None:
    wrong = {row.module for row in ROWS if row.mode == "wrong design"}
    assert len(wrong) >= 2


def test_the_page_has_the_table_of_the_manifest() -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([a-z ]+) \| (.+?) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(row.config, row.module, row.mode, shown(row.expect), row.says) for row in ROWS]


def shown(expect: str) -> str:
    return re.sub(r"violates (\w+)", r"violates `\1`", expect)


ROW = Row("A", "A", "check", HOLDS, 4, 2, "x")
DEBUG = ROW._replace(mode="debug", expect="violates I", depth=0)
RUN = TlcRun(Outcome.HOLDS, "", 9, 4, 2, (), (), 0, (), 0.1, "")


@pytest.mark.parametrize(
    ("row", "run", "fine"),
    [
        (ROW, RUN, True),
        (ROW, RUN._replace(distinct=5), False),
        (ROW, RUN._replace(depth=3), False),
        (ROW, RUN._replace(outcome=Outcome.ERROR), False),
        (ROW, RUN._replace(outcome=Outcome.TIMEOUT), False),
        (ROW, RUN._replace(outcome=Outcome.INVARIANT, violated="I"), False),
        (ROW._replace(expect="violates I"), RUN, False),
        (DEBUG, RUN._replace(outcome=Outcome.INVARIANT, violated="I"), True),
        (DEBUG, RUN._replace(outcome=Outcome.INVARIANT, violated="J"), False),
        (DEBUG, RUN._replace(outcome=Outcome.LIVENESS), True),
        (DEBUG, RUN._replace(outcome=Outcome.DEADLOCK), False),
    ],
)
def test_a_run_is_compared_with_its_row(row: Row, run: TlcRun, *, fine: bool) -> None:
    assert (not list(manifest.compare(row, run))) is fine


@pytest.mark.parametrize(
    "change",
    [{"mode": "other"}, {"expect": "fails"}, {"mode": "debug"}, {"depth": "2"}, {"says": ""}],
)
def test_a_wrong_manifest_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    entry = {**ROW._asdict(), **change}
    (tmp_path / "manifest.json").write_text(json.dumps({"models": [entry], "modules": {}}))
    with pytest.raises(ManifestRefused):
        manifest.rows(tmp_path)


def test_a_counterexample_is_told_and_replayed() -> None:
    """STORE-FLUSH-2: the design that acknowledges what is written, and the code that does not."""
    need_tlc()
    row = manifest.row_of("GroupCommitAcksOnWrote")
    checked = manifest.check(row, seconds=20)
    assert checked.as_expected, checked.problems
    told = table(row, checked.run)
    assert "WakeupCustomer  (store.group_commit.do_commit)" in told
    assert "okAtRisk: {} -> {1}" in told
    source = replay_test(row, checked.run)
    names: dict[str, object] = {}
    exec(compile(source, "replay", "exec"), names)  # noqa: S102 - the test that explain writes
    replay = next(thing for name, thing in names.items() if name.startswith("test_"))
    assert callable(replay)
    replay()
    with pytest.raises(NoReplay):
        replay_test(row._replace(module="Other"), checked.run)


@pytest.mark.slow
def test_the_graph_of_a_model_has_its_states_and_actions() -> None:
    need_tlc()
    row = manifest.row_of("StoreObservableDebug")
    found = graph.read(graph.dot(row, seconds=20))
    assert len(found.initial) == 1
    assert found.states[found.initial[0]] == {"log": (), "shown": 0, "up": False}
    assert {action for _, _, action in found.edges} >= {"Open", "Send", "Answer", "Show"}
