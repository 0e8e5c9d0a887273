"""Runs of machines are traced, and what is no behaviour of its model fails with everything."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest

from fuzz.machines.delay_service import DelayServiceMachine
from fuzz.planted.store_side import shows_what_is_written
from fuzz.stateful import traces
from fuzz.stateful.machine import InvariantBroken
from fuzz.stateful.play import PROFILES, Play, play_round
from fuzz.stateful.plugin import not_held
from fuzz.stateful.registry import machines, planted
from fuzz.stateful.traces import MODELS, NOT_HELD, TraceBag
from fuzz.store_rig import config_of
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace_file import read
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.store.message_store import REPUT
from refimpl.tlc import trace_check
from refimpl.tlc.locate import TlcMissing
from tests.tlc.judging import need_tlc

_SYNC = {"flushDiskType": "SYNC_FLUSH"}


def a_run(bag: TraceBag) -> None:
    """A put that is dispatched as soon as the code allows it."""
    trace = bag.begin(config_of("4.9", tuple(_SYNC.items())), RELEASE_4_9)
    assert trace is not None
    lab = StoreLab(RELEASE_4_9, _SYNC, trace=trace)
    lab.put()
    lab.step(REPUT)
    lab.settle()


@pytest.mark.slow
def test_a_planted_bug_is_refused_and_its_trace_is_kept(tmp_path: Path) -> None:
    need_tlc()
    bag = TraceBag("Store", 100)
    bag.begin_round(17)
    a_run(bag)
    with shows_what_is_written():
        a_run(bag)
    checked = traces.check(bag, tmp_path, models=("Dispatch",))
    assert checked.traces == 2
    assert checked.events == sum(len(trace.events) for trace in bag.traces())
    [report] = checked.refused
    assert report.startswith("Store-17-1: takes a step that the model does not (TraceDispatch)")
    for words in ("Dispatch(offset=0", "refused by: it is confirmed", "flushed = 0", "nearest"):
        assert words in report
    assert "pytest --stateful=ci --stateful-time 1 --stateful-seed 17 -k Store" in report
    [kept] = read((tmp_path / "Store.ndjson").read_text("utf-8").splitlines())
    assert kept == bag.traces()[1]


def test_without_java_the_table_says_why(tmp_path: Path) -> None:
    bag = TraceBag("Store", 100)
    a_run(bag)
    with patch.object(trace_check, "check", side_effect=TlcMissing("no Java here")):
        checked = traces.check(bag, tmp_path)
    assert (checked.traces, checked.skipped) == (0, "no Java here")


def test_runs_are_traced_round_by_round_up_to_the_bound() -> None:
    bag = TraceBag("DelayService", 30)
    with patch.object(DelayServiceMachine, "traces", bag):
        for seed in range(3):
            bag.begin_round(seed)
            play_round(DelayServiceMachine, seed, runs=2)
    found = bag.traces()
    assert {trace.header.trace.split("-")[1] for trace in found} == {"0"}
    assert sum(len(trace.events) for trace in found) >= 30


def test_the_ci_profile_traces_every_run() -> None:
    """Much of the first run of a round, and the beginning of the others, each with its own name."""
    play = Play(machines()["GroupCommit"], 0, PROFILES["ci"].trace_events)
    play.rounds(3)
    found = play.bag.traces()
    assert len(found) == play.record().runs > 3
    assert len({trace.header.trace for trace in found}) == len(found)
    bag = TraceBag("Store", PROFILES["ci"].trace_events)
    bag.begin_round(5)
    for _ in range(2):
        lab = StoreLab(trace=bag.begin(config_of("4.9", ()), RELEASE_4_9))
        for _ in range(100):
            lab.put()
            lab.settle(100)
    first, second = bag.traces()
    assert (first.header.trace, second.header.trace) == ("Store-5-0", "Store-5-1")
    assert len(first.events) > 2 * traces.EVENTS_OF_A_RUN
    assert traces.EVENTS_OF_A_RUN <= len(second.events) < traces.EVENTS_OF_A_RUN + 10


def test_the_quick_profile_traces_nothing() -> None:
    assert PROFILES["quick"].trace_events == 0
    play = Play(machines()["DelayService"], 0, PROFILES["quick"].trace_events)
    play_round(DelayServiceMachine, 0, runs=1)
    assert not play.bag.traces()
    assert PROFILES["ci"].trace_events > 0


def test_every_model_is_held_or_says_why_not() -> None:
    assert set(MODELS) | set(NOT_HELD) == set(trace_check.MODELS)
    assert all(NOT_HELD.values())


@pytest.mark.slow
def test_runs_of_the_machine_of_transactions_are_behaviours_of_its_model(tmp_path: Path) -> None:
    """Its producers end again, otherwise, and by old numbers; the power fails while it starts."""
    need_tlc()
    play = Play(machines()["Transaction"], 1, 2_000)
    play.rounds(1)
    checked = traces.check(play.bag, tmp_path, models=("Transaction", "ConsumeOffset"))
    assert checked.traces > 0
    assert not checked.refused, checked.refused[0]


def test_runs_of_the_store_are_traced_until_the_disk_breaks_its_word() -> None:
    """A force that lied, or a bit that changed, is known to no model: what was before it stays."""
    play = Play(machines()["Store"], 0, 500)
    play.rounds(2)
    found = play.bag.traces()
    assert sum(len(trace.events) for trace in found) >= 500
    assert {type(event).__name__ for trace in found for event in trace.events} >= {
        "Append", "Crash", "Dispatch", "Flushed", "Observed", "Recovered",
    }  # fmt: skip
    lab = StoreLab(trace=TraceLog.of("t", config_of("4.9", ()), RELEASE_4_9))
    assert lab.trace is not None
    lab.put()
    before = len(lab.trace.events)
    lab.trace.end()
    lab.put()
    lab.kill()
    assert len(lab.trace.events) == before > 0


@pytest.mark.slow
def test_runs_of_the_store_under_async_flush_are_held(tmp_path: Path) -> None:
    """And a committer without a pool, which no broker has, is refused."""
    need_tlc()
    play = Play(machines()["Store"], 0, 700)
    play.rounds(1)
    checked = traces.check(play.bag, tmp_path, models=("AsyncFlush",))
    assert checked.traces > 3
    assert not checked.refused, checked.refused[0]
    bag = TraceBag("Store", 100)
    lab = StoreLab(trace=bag.begin(config_of("4.9", ()), RELEASE_4_9))
    lab.put()
    lab.store.flush_manager.step_commit(lab.now)
    [report] = traces.check(bag, tmp_path, models=("AsyncFlush",)).refused
    assert "refused by: there is a pool" in report


RIGS = {  # machine: one of its planted bugs, the model and the condition that refuse it
    "AsyncFlush": ("flush-never-thorough", "AsyncFlush", "the round forces what is enough"),
    "CommitLog": ("dispatch-skips", "Dispatch", "it is the next record"),
    "GroupCommit": ("failed-force-counts", "GroupCommit", "flushed"),
    "MappedFileQueue": ("failed-force-counts-in-files", "MappedFileQueue", "flushed"),
}


def runs_of(machine: str, count: int) -> TraceBag:
    bag = TraceBag(machine, 5000)
    with (
        patch.object(machines()[machine].machine, "traces", bag),
        patch("fuzz.stateful.play.SHRINK_SECONDS", 0),
        suppress(InvariantBroken),  # what is planted is found without a trace as well
    ):
        play_round(machines()[machine].machine, 0, runs=count)
    return bag


@pytest.mark.slow
@pytest.mark.parametrize("machine", RIGS)
def test_runs_without_a_whole_store_are_held(machine: str, tmp_path: Path) -> None:
    """The honest ones by every model that knows them; one with a planted bug is refused."""
    need_tlc()
    name, model, condition = RIGS[machine]
    held = [model for model in MODELS if model not in machines()[machine].not_held]
    checked = traces.check(runs_of(machine, 6), tmp_path, held)
    assert checked.traces >= 6
    assert not checked.refused, checked.refused[0]
    with planted()[name].patch():
        found = traces.check(runs_of(machine, 6), tmp_path, (model,)).refused
    assert any(f"  refused by: {condition}\n" in report for report in found), found[:1]


def test_every_machine_is_traced_or_says_why_not() -> None:
    """And a machine that says so is not traced."""
    for name, machine in machines().items():
        play = Play(machine, 0, 10)
        with patch("fuzz.stateful.play.play_round", partial(play_round, runs=1)):
            play.rounds(1)
        assert bool(play.bag.traces()) is not bool(machine.untraced), name
        assert set(machine.not_held) < set(trace_check.MODELS), name


def test_the_table_says_what_is_not_held() -> None:
    lines = list(not_held(list(machines().values())))
    for name, machine in machines().items():
        reasons = {*machine.not_held.values(), machine.untraced} - {""}
        told = [line for line in lines if line.startswith(f"{name} is not ")]
        assert len(told) == len(reasons), name
        assert all(any(line.endswith(f": {reason}") for line in told) for reason in reasons)
    assert sum(line.startswith("no machine ") for line in lines) == len(NOT_HELD)


def test_a_long_run_is_traced_to_a_look() -> None:
    """What is beyond the bound of events is not heard of, and what is traced is a whole step."""
    log = TraceLog.of("t", config_of("4.9", ()), RELEASE_4_9, events_max=20)
    lab = StoreLab(trace=log)
    while len(log.events) < 20:
        lab.put()
        lab.settle(100)
    kept = list(log.events)
    lab.put()
    lab.settle(100)
    assert log.events == kept
    assert type(kept[-1]).__name__ == "Observed"
