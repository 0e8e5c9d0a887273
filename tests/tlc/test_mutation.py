"""Altered traces are refused, or shown to be as good, or else the model is too weak."""

import itertools
import shutil
from pathlib import Path

import pytest

from refimpl.model.ids import PhysicalOffset, Ticket
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import Append, Crash, DeliverDelayed, TraceEvent, WakeupCustomer
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.store.message_store import FLUSH_DISK_WATCHER
from refimpl.tlc import mutation
from refimpl.tlc.manifest import FOLDER
from refimpl.tlc.mutation import Mutant, Power, fields_read, is_enough, mutants_of, power
from refimpl.tlc.trace_check import MODELS, Judged, Verdict, followed
from tests.tlc.judging import check_power, need_tlc
from tests.tlc.test_trace_delay_queue import HONEST as DELAYED

_SYNC = {"flushDiskType": "SYNC_FLUSH", "mappedFileSizeCommitLog": "600"}


def honest() -> Trace:
    """Puts over three files, two whose patience ends, a kill, and one more."""
    config = StoreLab(RELEASE_4_9, _SYNC).config
    log = TraceLog.of("honest", config, RELEASE_4_9)
    lab = StoreLab(RELEASE_4_9, _SYNC, CrashDisk(), trace=log)
    for size in (100, 150, 90, 200):
        lab.put("T", size % 4 // 2, size=size)
        lab.settle()
    lab.put("T", 0)
    lab.put("T", 0)
    lab.advance(10_000)
    lab.step(FLUSH_DISK_WATCHER)
    lab.settle()
    assert lab.reopen(lab.kill())
    lab.settle()
    lab.put("U", 0)
    lab.settle()
    return log.trace()


HONEST = honest()


def weak(module: str, condition: str, folder: Path) -> Path:
    """The modules, one of them without a condition."""
    copy = folder / "tla"
    shutil.copytree(FOLDER, copy)
    path = copy / f"{module}.tla"
    text = path.read_text("utf-8")
    assert condition in text
    path.write_text(text.replace(condition, "TRUE"), "utf-8")
    return copy


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "trace"),
    [
        ("GroupCommit", HONEST),
        ("MappedFileQueue", HONEST),
        ("Dispatch", HONEST),
        ("StoreObservable", HONEST),
        ("DelayQueue", DELAYED),
    ],
)
def test_nearly_all_alterations_are_refused(model: str, trace: Trace) -> None:
    check_power(model, [trace], 120, seed=3)


@pytest.mark.slow
def test_a_weak_module_is_told(tmp_path: Path) -> None:
    """It does not look where the log ends: what is left out or altered is not noticed."""
    need_tlc()
    folder = weak("TraceDispatch", "Ev.wrote = wrote", tmp_path)
    text = (folder / "TraceDispatch.tla").read_text("utf-8")
    for condition in ("Ev.looks = looks + 1", "Ev.flushed = flushed", "Ev.reput = reputFromOffset"):
        text = text.replace(condition, "TRUE")
    (folder / "TraceDispatch.tla").write_text(text + "\\* .wrote .flushed .reput .looks\n", "utf-8")
    found = power([HONEST], "Dispatch", 120, Prng(3), folder)
    assert not is_enough(found)
    assert {one.mutant.how for one in found if one.unnoticed} > {"drop"}


def swapped(kind: type[TraceEvent]) -> Mutant:
    """Two neighbours of a kind in the other order."""
    events = HONEST.events
    pairs = itertools.pairwise(events)
    at = next(i for i, (a, b) in enumerate(pairs) if type(a) is type(b) is kind)
    changed = (*events[:at], events[at + 1], events[at], *events[at + 2 :])
    name = kind.__name__
    trace = Trace(HONEST.header._replace(trace="swapped"), changed)
    return Mutant(HONEST, trace, "swap", at + 1, name, at + 2)


@pytest.mark.slow
def test_an_exchange_is_as_good_only_where_the_states_say_so() -> None:
    need_tlc()
    both = swapped(WakeupCustomer)
    assert mutation._reasons([both], "GroupCommit", FOLDER)["swapped"].startswith("the same state")
    later = list(both.trace.events)
    at = both.other - 1
    event = later[at]
    assert isinstance(event, WakeupCustomer)
    later[at] = event._replace(ticket=Ticket(event.ticket + 1))
    other = both._replace(trace=both.trace._replace(events=tuple(later)))
    assert not mutation._reasons([other], "GroupCommit", FOLDER)


def changed(trace: Trace, kind: type[TraceEvent], field: str, value: int) -> Mutant:
    """The last event of a kind has another value."""
    at = max(i for i, e in enumerate(trace.events) if isinstance(e, kind))
    event = kind(**{**trace.events[at]._asdict(), field: value})
    altered = Trace(
        trace.header._replace(trace=f"{field} {value}"),
        (*trace.events[:at], event, *trace.events[at + 1 :]),
    )
    return Mutant(trace, altered, f"change {field}", at + 1, kind.__name__)


@pytest.mark.slow
def test_another_value_is_as_good_only_where_the_model_leaves_it_open() -> None:
    """Whoever is delivered to later is; not at another place."""
    need_tlc()
    later = changed(DELAYED, DeliverDelayed, "late", 7)
    assert mutation._reasons([later], "DelayQueue", FOLDER)["late 7"].startswith("the same state")
    for other in (
        changed(DELAYED, DeliverDelayed, "late", -1),
        changed(DELAYED, DeliverDelayed, "offset", 7),
    ):
        assert not mutation._reasons([other], "DelayQueue", FOLDER)


@pytest.mark.slow
def test_what_one_model_does_not_ask_another_does() -> None:
    """How many messages a record has nobody asks but who counts them; what is as good stays so."""
    need_tlc()
    more = changed(HONEST, Append, "messages", 2)
    same = swapped(WakeupCustomer)
    found = [
        Power(more, Judged(more.trace, "TraceGroupCommit", Verdict.ACCEPTED), ""),
        Power(same, Judged(same.trace, "TraceGroupCommit", Verdict.ACCEPTED), "as good"),
    ]
    assert [one.unnoticed for one in found] == [True, False]
    asked = mutation.with_others(found, "GroupCommit")
    assert [one.elsewhere for one in asked] == ["TraceDispatch", ""]
    assert not any(one.unnoticed for one in asked)
    assert not is_enough(asked), "it counts against the model"
    alone = [found[0]._replace(mutant=more._replace(trace=HONEST))]
    assert mutation.with_others(alone, "GroupCommit")[0].unnoticed


def test_no_reason_fits_everything() -> None:
    """A lost append or crash is no equivalent; the end that is missing is one."""
    for kind in (Append, Crash):
        at = max(i for i, e in enumerate(HONEST.events) if isinstance(e, kind))
        rest = HONEST.events[:at] + HONEST.events[at + 1 :]
        lost = Mutant(HONEST, HONEST._replace(events=rest), "drop", at + 1, kind.__name__)
        assert not mutation._reasons([lost], "GroupCommit", FOLDER)
    last, _ = followed(MODELS["Dispatch"], HONEST.events)[-1]
    end = Mutant(HONEST, HONEST, "drop", last, "Observed")
    assert mutation._reasons([end], "Dispatch", FOLDER)


def test_the_same_seed_alters_the_same_and_only_what_the_module_reads() -> None:
    drawn = [list(mutants_of(HONEST, "MappedFileQueue", 40, Prng(seed))) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert {m.how.partition(" ")[0] for m in drawn[0]} == {"drop", "duplicate", "swap", "change"}
    assert "where" in fields_read("MappedFileQueue")
    assert "topic" not in fields_read("MappedFileQueue")
    assert all(m.trace.events != HONEST.events for m in drawn[0])
    assert PhysicalOffset(0) in {e.offset for e in HONEST.events if isinstance(e, Append)}
