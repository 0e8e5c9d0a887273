"""Traces of the store are behaviours of the models; altered ones are not, and it is said why."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from fuzz.store_rig import HOST, START, message
from refimpl.model.config import Config
from refimpl.model.ids import Millis, PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import (
    Append,
    Crash,
    DeliverDelayed,
    Flushed,
    Recovered,
    SwapRequests,
    TraceEvent,
    WakeupCustomer,
)
from refimpl.model.trace_file import Trace, lines, read
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.trace_writer import TraceLog
from refimpl.store.message_store import MessageStore
from refimpl.tlc import trace_check, trace_data
from refimpl.tlc.manifest import FOLDER
from refimpl.tlc.runner import run as run_tlc
from refimpl.tlc.trace_check import Judged, Verdict
from refimpl.tlc.value import Function, parse
from tests.store.harness import run
from tests.tlc.judging import PATIENCE, judged_by, need_tlc

SYNC = {**MINIMAL, "flushDiskType": "SYNC_FLUSH", "mappedFileSizeCommitLog": "400"}
NOW = Millis(START + 5)


@pytest.fixture(scope="module", autouse=True)
def tlc() -> None:
    need_tlc()


def honest() -> Trace:
    """Two puts, the second in a new file; the process is killed, and a third put follows."""
    config = Config.of(RELEASE_4_9, "broker", SYNC)
    log = TraceLog.of("honest", config, RELEASE_4_9, "make it again")
    disk = MemoryDisk()
    for bodies in ((b"a" * 150, b"b" * 150), (b"c",)):
        store = MessageStore(disk, config, RELEASE_4_9, HOST, tracer=log)
        store.load(START)
        store.start(START)
        run(store, START)
        for body in bodies:
            store.put_message(message(body), NOW)
            run(store, NOW)
        log.crash(power=False, image="the page cache")
        disk.unlock("lock")
    return log.trace()


HONEST = honest()


def first(kind: type, after: int = 0) -> int:
    return next(i for i, e in enumerate(HONEST.events) if isinstance(e, kind) and i >= after)


def altered(name: str, events: Iterable[TraceEvent]) -> Trace:
    return Trace(HONEST.header._replace(trace=name), tuple(events))


def without(index: int) -> list[TraceEvent]:
    return [e for i, e in enumerate(HONEST.events) if i != index]


def changed(index: int, **fields: int) -> list[TraceEvent]:
    """The honest events, one with other values."""
    text = list(lines(HONEST))
    text[index + 1] = json.dumps({**json.loads(text[index + 1]), **fields})
    return list(read(text)[0].events)


SWAP, FLUSHED, CRASH = first(SwapRequests), first(Flushed), first(Crash)
SECOND_LIFE = first(Recovered, 1)
ALTERED = {  # name: (events, number of the event that is refused, word of the condition)
    "no force ended": (without(FLUSHED), FLUSHED + 1, "FlusherIsFree"),
    "a request too many": (changed(SWAP, requests=2), SWAP + 1, "requests"),
    "a hole in the log": (
        changed(first(Append), offset=8), first(Append) + 1, "offset",
    ),
    "somebody else is answered": (
        changed(first(WakeupCustomer), ticket=7), first(WakeupCustomer) + 1, "heads",
    ),
    "a lie about durability": (
        changed(first(WakeupCustomer), durable=False), first(WakeupCustomer) + 1, "IsDurable",
    ),
    "what was durable is lost": (
        changed(CRASH, survived=0, power=True), CRASH + 1, "durable survives",
    ),
    "recovery believes too much": (
        changed(SECOND_LIFE, flushed=10_000),
        SECOND_LIFE + 1,
        "flushed is durable",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for all: the honest trace, and those that are not."""
    traces = [HONEST, *(altered(name, events) for name, (events, _, _) in ALTERED.items())]
    return judged_by("GroupCommit", traces)


def test_an_honest_trace_is_accepted(judged: dict[str, Judged]) -> None:
    assert judged["honest"].verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_trace_is_refused_where_it_was_altered(
    name: str, judged: dict[str, Judged]
) -> None:
    one = judged[name]
    _, event, condition = ALTERED[name]
    assert one.verdict is Verdict.REFUSED, one
    assert one.event == event
    assert any(condition in text for text in one.refused_by), one.refused_by


def test_a_mismatch_says_everything(judged: dict[str, Judged]) -> None:
    told = trace_check.report(judged["a request too many"], "traces.ndjson")
    assert "a request too many: takes a step that the model does not (TraceGroupCommit)" in told
    assert f"event {SWAP + 1}: SwapRequests(requests=2)" in told
    assert "refused by: Len(requestsWrite) = requests" in told
    assert "requestsWrite = <<[next |-> " in told
    assert "nearest allowed: SwapRequests(requests=1)" in told
    assert "rmqref trace check traces.ndjson --trace a request too many" in told
    assert "make it again" in told


@pytest.mark.slow
def test_the_files_of_the_log_are_followed_too() -> None:
    lost = altered("lost", changed(CRASH, survived=0, power=True))
    found = trace_check.check([HONEST, lost], models=("MappedFileQueue",), seconds=PATIENCE)
    assert [one.verdict for one in found] == [Verdict.ACCEPTED, Verdict.REFUSED]
    assert found[1].refused_by[0] == "what was flushed survives"


def test_what_no_model_looks_at_has_no_verdict() -> None:
    nothing = altered("nothing", ())
    found = [one.verdict for one in trace_check.check([nothing])]
    always = [
        model
        for model in trace_check.MODELS.values()
        if not model.begins and model.applies(nothing.header)
    ]
    assert found == [Verdict.UNKNOWN] * len(always)


def test_numbers_that_tlc_does_not_know_are_refused() -> None:
    with pytest.raises(trace_data.EventRefused, match="31 bits"):
        trace_data.module([[Flushed(PhysicalOffset(2**31))]], {"where"})


def test_events_are_written_one_a_line() -> None:
    first: list[TraceEvent] = [Flushed(PhysicalOffset(0)), SwapRequests(2), SwapRequests(2)]
    second: list[TraceEvent] = [Flushed(PhysicalOffset(700)), SwapRequests(2)]
    text = trace_data.module([first, second], {"where", "requests"})
    assert 'E_Flushed(a0) == [e |-> "Flushed", where |-> a0]' in text
    assert 'E_SwapRequests == [e |-> "SwapRequests", requests |-> 2]' in text  # always the same
    assert "T1 == <<\nE_Flushed(0),\nE_SwapRequests,\nE_SwapRequests>>" in text
    assert "T2 == <<\nE_Flushed(700),\nE_SwapRequests>>" in text


# each field in another form: with others in a number, below zero, a word, a flag, too wide for that
PACKED: list[TraceEvent] = [
    Append(PhysicalOffset(at), size, topic, QueueId(queue), QueueOffset(7), messages, unit)
    for at, size, topic, queue, messages, unit in (
        (2**30, 100, Topic("one"), 3, -1, True),
        (0, 2**31 - 1, Topic('a "word" {}'), 0, 1, False),
        (5, -(2**31) + 1, Topic("one"), 9, 0, True),
        (2**29 + 1, 104, Topic("three"), 1, 5, True),
    )
]
UNPACKED = """---- MODULE Unpacked ----
EXTENDS TraceData, TLC
VARIABLE i
Init == i = 1
Next == i <= Len(Traces[1]) /\\ PrintT(<<i, ToString(Traces[1][i])>>) /\\ i' = i + 1
====
"""


def test_tlc_unpacks_what_was_packed(tmp_path: Path) -> None:
    fields = Append._fields
    text = trace_data.module([PACKED], fields)
    calls = re.findall(r"^E_Append\((-?\d+), (-?\d+), (-?\d+)\)", text, re.MULTILINE)
    assert len(calls) == len(PACKED)  # of seven fields, three numbers
    (tmp_path / "TraceData.tla").write_text(text, "ascii")
    (tmp_path / "Unpacked.tla").write_text(UNPACKED, "ascii")
    (tmp_path / "Unpacked.cfg").write_text("INIT Init\nNEXT Next\n", "ascii")
    found = run_tlc(tmp_path / "Unpacked.tla", tmp_path / "Unpacked.cfg", brief=True)
    assert found.holds, found.errors
    for number, (event, line) in enumerate(zip(PACKED, found.printed, strict=True), 1):
        read_line = parse(line)
        assert isinstance(read_line, tuple)
        of, told = read_line
        assert of == number
        assert isinstance(told, str)
        record = parse(told)
        assert isinstance(record, Function)
        assert record.mapping() == {"e": "Append", **event._asdict()}


def test_an_event_has_what_the_module_reads_and_no_more() -> None:
    """A field that is beyond 31 bits is nobody's matter then."""
    late = DeliverDelayed(2, QueueOffset(1), 2**40, PhysicalOffset(7))
    text = trace_data.module([[late, SwapRequests(3)]], {"offset", "where"})
    assert "offset |-> 1, where |-> 7]" in text
    assert "E_DeliverDelayed,\nE_SwapRequests>>" in text
    fields = trace_data.fields_read(FOLDER / "TraceGroupCommit.tla")
    assert fields > {"where", "unanswered", "expired"}
    assert not fields & {"topic", "reput", "image"}
