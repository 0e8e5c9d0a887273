"""The automaton of the group commit reaches exactly as many states as its model."""

import json
from pathlib import Path

import pytest

from refimpl.model.status import PutMessageStatus
from refimpl.sim.automata_scope import GroupCommitBound, ok_is_durable, reachable, walk
from refimpl.sim.dispatch_scope import DispatchBound
from refimpl.store import group_commit
from refimpl.store.group_commit import GroupCommit, WakeupCustomer
from refimpl.store.group_commit import do_commit as the_right_one

MODELS = Path(__file__).parents[2] / "spec/tla"
BOUNDS = {  # constants of the configurations of the same names
    "GroupCommit46": GroupCommitBound(max_offset=4, sees_last_flush=False),
    "GroupCommit55": GroupCommitBound(max_offset=4, flush_attempts_max=3),
}


def distinct(name: str) -> int:
    rows = json.loads((MODELS / "manifest.json").read_text("utf-8"))["models"]
    (count,) = (row["distinct"] for row in rows if row["config"] == name)
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize("name", list(BOUNDS))
def test_as_many_states_as_tlc_found(name: str) -> None:
    """STORE-FLUSH-4: with the constants of the configuration."""
    text = (MODELS / f"{name}.cfg").read_text("utf-8")
    bound = BOUNDS[name]
    assert f"MaxOffset = {bound.max_offset}\n" in text
    assert f"FlushAttemptsMax = {bound.flush_attempts_max}\n" in text
    assert f"SeesLastFlush = {str(bound.sees_last_flush).upper()}\n" in text
    states = reachable("GroupCommit", bound)
    assert len(states) == distinct(name)
    variables = dict(next(iter(states)))
    assert len(variables) == 12
    assert {"durable", "live", "flushed", "requestsWrite", "up"} <= set(variables)


def test_the_invariant_holds_and_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """STORE-FLUSH-2: nothing is acknowledged that a crash takes."""
    bound = GroupCommitBound(max_offset=3)
    assert walk(bound, ok_is_durable).transitions > 1000

    def acks_on_wrote(s: GroupCommit) -> tuple[GroupCommit, object]:
        s, effect = the_right_one(s)
        if isinstance(effect, WakeupCustomer):
            effect = effect._replace(status=PutMessageStatus.PUT_OK)
        return s, effect

    monkeypatch.setattr(group_commit, "do_commit", acks_on_wrote)
    with pytest.raises(AssertionError):
        walk(bound, ok_is_durable)


def test_an_automaton_that_is_not_explored() -> None:
    with pytest.raises(KeyError):
        reachable("Nothing", GroupCommitBound())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sync_flush"), [("Dispatch", True), ("DispatchAsync", False)])
def test_dispatch_has_as_many_states_as_tlc_found(name: str, sync_flush: bool) -> None:
    """STORE-CQ-13, STORE-CQ-15, STORE-CQ-18: the service itself, not a copy of its rules."""
    states = reachable("Dispatch", DispatchBound(sync_flush=sync_flush))
    assert len(states) == distinct(name)


def test_dispatch_keeps_the_invariants_of_its_model() -> None:
    """UnitsFollowTheLog, ShownIsConfirmed, ToldIsReadable, in every state of a smaller bound."""
    states = reachable("Dispatch", DispatchBound(max_records=2, max_refusals=1))
    assert len(states) > 500
    stopped = 0
    for state in states:
        v = dict(state)
        log = [dict(record) for record in v["log"]]  # type: ignore[attr-defined]
        assert v["reputFromOffset"] <= v["flushed"]  # type: ignore[operator]
        units = dict(v["units"])  # type: ignore[call-overload]
        gathered = dict(v["gathered"])  # type: ignore[call-overload]
        for queue in ("q0", "q1"):
            dispatched = tuple(
                r["at"]
                for r in log
                if r["queue"] == queue and r["unit"] and r["at"] < v["reputFromOffset"]
            )
            assert units[queue] + gathered[queue] == dispatched
        arrived = v["arrived"]
        assert isinstance(arrived, int)
        told = log[:arrived]
        assert all(r["at"] in units[r["queue"]] for r in told if r["unit"])
        stopped += bool(v["logicsQueueError"])
    assert stopped == 0, "one refusal is half of what stops the store"


def test_a_bound_of_another() -> None:
    with pytest.raises(TypeError):
        reachable("Dispatch", GroupCommitBound())
