"""The states and steps of the implementation are those that TLC finds, set by set."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import patch

import pytest

from fuzz.planted import store_side
from refimpl.broker.behind_log import BehindLog
from refimpl.broker.schedule_message import ScheduleMessageService
from refimpl.model.release import RELEASE_4_9, RELEASES, Release
from refimpl.model.state_space import StateSpace
from refimpl.sim.delay_scope import DelayBound, DelayScope
from refimpl.sim.scope import explore
from refimpl.sim.scopes import NoScope, scope_of
from refimpl.store import mapped_file_queue, reput
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.tlc import graph, manifest, parity
from refimpl.tlc.manifest import FOLDER
from refimpl.tlc.parity import Parity
from tests.tlc.judging import need_tlc

Patch = AbstractContextManager[object]

SMALL = {  # a bound that TLC goes through in a second: NAME = value in place of the configuration's
    "AsyncFlush": {"MaxOffset": "3"},
    "AsyncFlushPool": {"MaxOffset": "2"},
    "GroupCommit": {"MaxOffset": "2", "Producers": "1"},
    "MappedFileQueue": {"MaxFiles": "2", "FileSize": "2"},
    "Dispatch": {"MaxRecords": "2", "Queues": '{"q0"}', "MaxRefusals": "2"},
    "DelayQueue": {"MaxMessages": "1", "MaxTime": "1", "MaxPuts": "2", "MaxCrashes": "1"},
}
CONFIGS = (
    "AsyncFlush",
    "AsyncFlushPool",
    "GroupCommit46",
    "GroupCommit55",
    "Dispatch",
    "DispatchAsync",
    "DispatchStates",
    "MappedFileQueue",
    "DelayQueue",
)
TINY = {**SMALL, "MappedFileQueue": {"MaxFiles": "1", "FileSize": "2"}}  # enough for a planted bug


def configured(name: str, changes: dict[str, str]) -> str:
    """The text of a configuration with other constants."""
    lines = (FOLDER / f"{name}.cfg").read_text("utf-8").splitlines()
    given = {line.partition(" = ")[0].strip() for line in lines if " = " in line}
    assert changes.keys() <= given, changes.keys() - given
    return "\n".join(
        f"{constant} = {changes[constant]}"
        if (constant := line.split(" = ")[0].strip()) in changes
        else line
        for line in lines
    )


def code_of(name: str, changes: dict[str, str]) -> StateSpace:
    constants = parity.constants(configured(name, changes))
    return scope_of(manifest.row_of(name).module, constants).explore()


def model_of(name: str, changes: dict[str, str], folder: Path) -> StateSpace:
    row = manifest.row_of(name)
    for path in FOLDER.glob("*.tla"):
        shutil.copyfile(path, folder / path.name)
    (folder / f"{name}.cfg").write_text(configured(name, changes))
    return parity.space_of(graph.read(graph.dot(row, folder=folder, seconds=60)))


def told(code: StateSpace, model: StateSpace) -> list[str]:
    return list(parity.certificate(Parity("X", code, model, 0.0, 0.0)))


def forgets_what_a_force_lost() -> Patch:
    return patch.object(MappedFileQueue, "dirty_again", lambda _queue, _wanted: None)


def does_not_sync_names() -> Patch:
    return patch.object(mapped_file_queue, "sync_names", lambda _disk, _directory: None)


def stops_too_early() -> Patch:
    return patch.object(reput, "_QUEUE_ATTEMPTS", 15)


def delivers_early() -> Patch:
    return patch.object(ScheduleMessageService, "_countdown", lambda *_: 0)


def writes_what_is_not_durable() -> Patch:
    right = BehindLog[int].settled
    return patch.object(BehindLog, "settled", lambda behind, _flushed: right(behind, 1 << 30))


PLANTED = [
    ("AsyncFlush", store_side.flush_always_thorough),
    ("AsyncFlushPool", store_side.flushes_what_stands_in_the_pool),
    ("GroupCommit", store_side.acks_on_wrote),
    ("MappedFileQueue", forgets_what_a_force_lost),
    ("MappedFileQueue", does_not_sync_names),
    ("Dispatch", stops_too_early),
    ("DelayQueue", delivers_early),
    ("DelayQueue", writes_what_is_not_durable),
]


@pytest.mark.parametrize(("name", "plant"), PLANTED)
def test_a_planted_bug_is_seen_in_the_states(name: str, plant: Callable[[], Patch]) -> None:
    """Against the unchanged code, which stands here for the model: they are the same, see below."""
    right = code_of(name, TINY[name])
    with plant():
        lines = told(code_of(name, TINY[name]), right)
    assert lines[0].startswith("X DIFFERS")
    assert any(line.startswith("  only the code ") for line in lines)
    assert any(line.startswith("    Init, ") for line in lines), "the way there"
    assert any(line.startswith("      * ") for line in lines), "what the last step changed"


def test_equal_states_by_other_steps_are_no_parity() -> None:
    right = code_of("DelayQueue", SMALL["DelayQueue"])
    less = StateSpace(right.parents, frozenset(list(right.transitions)[1:]))
    lines = told(less, right)
    assert lines[0].startswith("X DIFFERS")
    assert "only the model takes 1 steps between states of both, the first:" in lines[1]
    both = f"the same {len(right.states)} states and {len(right.transitions)} transitions"
    assert told(right, right) == [f"X: {both} on both sides (code 0.0 s, TLC 0.0 s)"]


def test_nothing_on_both_sides_is_no_parity() -> None:
    empty = StateSpace({}, frozenset())
    assert not Parity("X", empty, empty, 0.0, 0.0).holds


def test_a_module_without_an_implementation_to_explore() -> None:
    with pytest.raises(NoScope, match="there is one for GroupCommit"):
        scope_of("Recovery", {})
    with pytest.raises(NoScope, match="pool"):
        scope_of("MappedFileQueue", {"Pool": True})


def test_the_code_and_tlc_in_a_small_bound(tmp_path: Path) -> None:
    """STORE-FILES-1, STORE-FLUSH-1, STORE-FLUSH-3; and another constant is another set."""
    need_tlc()
    model = model_of("MappedFileQueue", SMALL["MappedFileQueue"], tmp_path)
    lines = told(code_of("MappedFileQueue", SMALL["MappedFileQueue"]), model)
    assert lines[0].startswith("X: the same "), "\n".join(lines)
    other = {**SMALL["MappedFileQueue"], "Sizes": "{1}"}
    lines = told(code_of("MappedFileQueue", other), model)
    assert lines[0].startswith("X DIFFERS")
    assert "  only the model takes" in lines[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_the_code_and_tlc_in_the_bound_of_the_configuration(name: str, tmp_path: Path) -> None:
    """STORE-FLUSH-4, -6, -7, -9, -10, -13, STORE-CQ-1, -2, -13, -15, -16, -18.

    BROKER-SCHEDULE-1, -3, -6, -9, -14.
    """
    need_tlc()
    lines = told(code_of(name, {}), model_of(name, {}, tmp_path))
    assert lines[0].startswith("X: the same "), "\n".join(lines)


@pytest.mark.parametrize("release", RELEASES.values(), ids=lambda r: r.name)
def test_the_releases_deliver_alike(release: Release) -> None:
    """BROKER-SCHEDULE-3, -9: they differ in when an actor comes again, not in what it does."""
    bound = DelayBound.of(parity.constants(configured("DelayQueue", SMALL["DelayQueue"])))
    found = [explore(DelayScope(bound, each)) for each in (release, RELEASE_4_9)]
    assert found[0] == found[1]
