"""Every trace must be a behaviour of its model: batches of traces, one verdict each.

Traces with the same constants share a run of TLC. The verdict is what the model printed: ACCEPT,
or VIOLATES with an invariant. Of what was neither, a second run prints STUCK at the furthest event
that the model could not match; to look for the reason at every event would double the time. A trace
of which nothing was printed has no verdict, which is never a pass.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from refimpl.model.trace import Flush, TraceEvent
from refimpl.model.trace_file import Trace, TraceHeader
from refimpl.tlc import trace_data
from refimpl.tlc.manifest import FOLDER
from refimpl.tlc.runner import TlcRun, run
from refimpl.tlc.trace_view import View, one_level, one_row, walks, whole
from refimpl.tlc.value import Function, Value, parse, show

EVENTS_PER_RUN: Final = 50_000
NO_EVENT: Final = "no event of this model"
_ACCEPT: Final = re.compile(r'<<"ACCEPT", (\d+)>>')
_STUCK: Final = re.compile(r'<<"STUCK", (\d+), (\d+), (.*)>>$')
_VIOLATES: Final = re.compile(r'<<"VIOLATES", (\d+), (\d+), "(\w+)">>')

Constants: TypeAlias = tuple[tuple[str, str], ...]
_Followed: TypeAlias = tuple[Trace, list[tuple[int, TraceEvent]]]  # numbers in the trace, events


class Verdict(Enum):
    """What the model says of a trace."""

    ACCEPTED = "is a behaviour of the model"
    REFUSED = "takes a step that the model does not"
    VIOLATES = "breaks an invariant of the model"
    UNKNOWN = "got no verdict"


class Model(NamedTuple):
    """A module that follows traces."""

    module: str
    events: frozenset[str]  # what it looks at; the rest is somebody else's
    attempts: bool  # also at a Flush that forced nothing
    applies: Callable[[TraceHeader], bool]
    constants: Callable[[TraceHeader], Constants]
    begins: str = ""  # a trace without this event is none of its traces
    view: View = whole  # what it is shown of its events
    viewed: frozenset[str] = frozenset()  # fields that decide what it is shown


class Judged(NamedTuple):
    """One trace, one model, and what came of it."""

    trace: Trace
    module: str
    verdict: Verdict
    event: int = 0  # number in the trace of the event that was refused, from 1
    refused_by: tuple[str, ...] = ()  # conditions, or the invariant
    state: Function | None = None  # of the model, before that event
    allowed: tuple[Function, ...] = ()  # events that would have been accepted
    error: str = ""


def _group_commit_constants(header: TraceHeader) -> Constants:
    return (
        ("FileSize", str(header.file_size)),
        ("MinBlank", str(header.min_blank)),
        ("Sizes", "{1}"),
        ("MaxOffset", str(2**30)),
        ("Producers", str(2**30)),
        ("FlushAttemptsMax", str(header.flush_attempts_max)),
        ("SeesLastFlush", "TRUE" if header.sees_last_flush else "FALSE"),
        ("Design", '"right"'),
    )


def _mapped_file_queue_constants(header: TraceHeader) -> Constants:
    return (
        ("FileSize", str(header.file_size)),
        ("Sizes", "{1}"),
        ("MaxFiles", str(2**30 // header.file_size)),
        ("Pool", "FALSE"),
        ("Design", '"right"'),
    )


def _dispatch_constants(header: TraceHeader) -> Constants:
    return (
        ("Queues", "<- Places"),
        ("NextQueueOffset", "<- NextInQueue"),
        ("Sizes", "{1}"),
        ("FileSize", str(header.file_size)),
        ("BlankSize", str(header.min_blank)),
        ("MaxRecords", str(2**30)),
        ("Attempts", "30"),
        ("MaxRefusals", str(2**30)),
        ("SyncFlush", "TRUE" if header.sync_flush else "FALSE"),
        ("Design", '"reput"'),
    )


def _async_flush_constants(header: TraceHeader) -> Constants:
    return (
        ("FileSize", str(header.file_size)),
        ("PageSize", str(header.page_size)),
        ("FlushLeastPages", str(header.flush_least_pages)),
        ("CommitLeastPages", str(header.commit_least_pages)),
        ("FlushInterval", str(header.flush_interval)),
        ("CommitInterval", str(header.commit_interval)),
        ("PoolSize", str(header.pool)),
        ("Sizes", "{1}"),
        ("MinBlank", str(header.min_blank)),
        ("MaxOffset", str(2**30)),
        ("Design", '"right"'),
    )


def _delay_queue_constants(header: TraceHeader) -> Constants:
    return (
        ("FileSize", str(header.file_size)),
        *((name, str(2**30)) for name in ("MaxMessages", "MaxRefusals", "MaxPuts")),
        ("MaxTime", "0"),
        ("Delay", "0"),
        ("MaxCrashes", "0"),
        ("Design", '"delivers"'),
    )


def _consume_offset_constants(header: TraceHeader) -> Constants:
    bounds = ("MaxMessages", "Pulls", "MaxPersists", "MaxCrashes", "MaxRestarts")
    return (
        *((name, str(2**30)) for name in bounds),
        ("Design", '"commitsConsumed"'),
        *_log_constants(header),
    )


def _log_constants(header: TraceHeader) -> Constants:
    return (
        ("FileSize", str(header.file_size)),
        ("MinBlank", str(header.min_blank)),
        ("SyncFlush", "TRUE" if header.sync_flush else "FALSE"),
    )


def _transaction_constants(header: TraceHeader) -> Constants:
    return (
        ("Transactions", "{0}"),
        ("MaxLog", str(2**30)),
        ("MaxCrashes", str(2**30)),
        ("MaxBatch", str(2**30)),
        ("CheckMax", str(header.transaction_check_max)),
        ("Collects", "TRUE"),
        ("Changes", "TRUE"),
        ("Design", '"ends"'),
        ("Halves", "<- NextHalf"),
        ("Operations", "<- NextOp"),
        ("TxOf", "<- TraceTxOf"),
        ("IsHalfOf", "<- TraceIsHalfOf"),
        *_log_constants(header),
    )


def _recovery_constants(header: TraceHeader) -> Constants:
    moved = ("Window", "UnitWindow", "FirstUnit", "Ids", "Held", "HeldUnit", "Put", "PutUnit")
    files = ("FileBegin", "FileEnd", "InLog", "RecordsTo", "Starts", "FirstStart", "ScanStart")
    return (
        ("Queues", "<- Places"),
        *((name, f"<- Trace{name}") for name in (*moved, *files, "EndFrom", "UnitIsForced")),
        ("FileSize", str(header.file_size)),
        *((name, str(2**30)) for name in ("Slots", "MaxId", "MaxCrashes")),
        ("FileSlots", "1"),
        ("SyncFlush", "TRUE" if header.sync_flush else "FALSE"),
        ("SeesLastFlush", "TRUE" if header.sees_last_flush else "FALSE"),
        ("Design", '"recovery"'),
    )


def _store_observable_constants(header: TraceHeader) -> Constants:
    return (
        ("MaxMessages", str(2**30)),
        ("Accidents", '{"kill", "power"}'),
        ("NeverLost", "<- TheNeverLost"),
        ("ShownIsSafe", "<- TheShownIsSafe"),
        ("SyncFlush", "TRUE" if header.sync_flush else "FALSE"),
        ("FileSize", str(header.file_size)),
        ("SeesLastFlush", "TRUE" if header.sees_last_flush else "FALSE"),
    )


MODELS: Final = {
    "GroupCommit": Model(
        "TraceGroupCommit",
        frozenset(
            {
                *("Append", "PutRequest", "SwapRequests", "Flush", "DropRequest", "ForceLog"),
                *("Flushed", "ForceFailed", "WakeupCustomer", "PutRefused", "RemoveFirst"),
                *("Observed", "Crash", "Shutdown", "Recovered"),
            }
        ),
        True,
        lambda header: header.sync_flush and header.pool == 0,
        _group_commit_constants,
    ),
    "MappedFileQueue": Model(
        "TraceMappedFileQueue",
        frozenset(
            {
                *("Append", "Flush", "ForceLog", "Flushed", "ForceFailed", "PutRefused"),
                *("RemoveFirst", "Observed", "Crash", "Shutdown", "Recovered"),
            }
        ),
        False,
        lambda header: header.pool == 0,
        _mapped_file_queue_constants,
    ),
    "Dispatch": Model(
        "TraceDispatch",
        frozenset(
            {
                *("Append", "PutRefused", "Flushed", "Dispatch", "Sync", "RefuseDispatch"),
                *("RemoveFirst", "Observed", "Crash", "ForgetFrom", "Shutdown", "Recovered"),
            }
        ),
        False,
        lambda header: header.pool == 0,
        _dispatch_constants,
    ),
    "StoreObservable": Model(
        "TraceStoreObservable",
        frozenset(
            {
                *("Append", "PutRefused", "PutRequest", "WakeupCustomer", "Dispatch", "Flushed"),
                *("RemoveFirst", "Observed", "Crash", "Shutdown", "Recovered"),
            }
        ),
        False,
        lambda header: header.pool == 0,
        _store_observable_constants,
    ),
    "Recovery": Model(
        "TraceRecovery",
        frozenset(
            {
                *("Append", "PutRefused", "PutRequest", "WakeupCustomer", "Flushed", "Dispatch"),
                *("FlushConsumeQueue", "RemoveFirst", "Observed", "Crash", "Unheard", "ForgetFrom"),
                *("Shutdown", "Recovered"),
            }
        ),
        False,
        lambda header: header.pool == 0,
        _recovery_constants,
    ),
    "AsyncFlush": Model(
        "TraceAsyncFlush",
        frozenset(
            {
                *("Append", "StepFlush", "StepCommit", "Commit", "CommitFailed", "ForceLog"),
                *("Flushed", "ForceFailed", "Dispatch", "PutRefused", "RemoveFirst", "Observed"),
                *("Crash", "Shutdown", "Recovered"),
            }
        ),
        False,
        lambda header: not header.sync_flush,
        _async_flush_constants,
    ),
    "DelayQueue": Model(
        "TraceDelayQueue",
        frozenset(
            {
                *("Append", "PutRefused", "Flushed", "RemoveFirst", "Observed", "Forced"),
                *("Load", "Persist", "RenameToBackup", "RenameToMain", "ObservedFile"),
                *(
                    "TransactionStarted",
                    "DelayStarted",
                    "DeliverDelayed",
                    "RefuseDelayed",
                    "PassDelayed",
                ),
                *("PersistDelay", "Crash", "Shutdown", "Recovered"),
            }
        ),
        False,
        lambda header: header.pool == 0,
        _delay_queue_constants,
        "DelayStarted",
        view=one_level,
        viewed=frozenset({"level", "file"}),
    ),
    "ConsumeOffset": Model(
        "TraceConsumeOffset",
        frozenset(
            {
                *("Append", "PutRefused", "Flushed", "RemoveFirst", "Observed"),
                *("CommitOffset", "QueryOffset", "MoveOffset", "PersistOffset", "LoadOffset"),
                *("Persist", "RenameToBackup", "RenameToMain", "Forced", "Load"),
                *("ObservedOffset", "ObservedFile", "TransactionStarted"),
                *("Crash", "Shutdown", "Recovered"),
            }
        ),
        False,
        lambda header: header.pool == 0,
        _consume_offset_constants,
        "CommitOffset",
        one_row,
        frozenset({"group", "topic", "queue_id", "file"}),
    ),
    "Transaction": Model(
        "TraceTransaction",
        frozenset(
            {
                *("Append", "PutRefused", "Flushed", "RemoveFirst", "Observed"),
                *("RenameToMain", "Forced", "ObservedFile"),
                *("TransactionStarted", "PrepareMessage", "EndTransaction", "Committed"),
                *("WriteOp", "RefuseOp", "SkipEnded", "Ask", "Discard", "CommitOpOffset"),
                *("PersistWalk", "ObservedWalk", "Crash", "Shutdown", "Recovered"),
            }
        ),
        False,
        lambda header: header.pool == 0,
        _transaction_constants,
        "PrepareMessage",
        walks,
        frozenset({"topic", "file"}),
    ),
}


def check(
    traces: Iterable[Trace],
    *,
    models: Sequence[str] = tuple(MODELS),
    seconds: int = 300,
    folder: Path = FOLDER,
) -> list[Judged]:
    """Judge each trace by each model that applies to it. Raises `TlcMissing`, `EventRefused`."""
    judged: list[Judged] = []
    every = list(traces)
    for name in models:
        model = MODELS[name]
        groups: dict[Constants, list[Trace]] = {}
        for trace in every:
            if model.applies(trace.header) and _begins(model, trace):
                groups.setdefault(model.constants(trace.header), []).append(trace)
        for constants, group in groups.items():
            for batch in _batches(group):
                judged += _judge(model, constants, batch, seconds, folder)
    return judged


def _begins(model: Model, trace: Trace) -> bool:
    return not model.begins or any(
        type(e).__name__ == model.begins for _, e in followed(model, trace.events)
    )


def _batches(traces: list[Trace]) -> Iterator[list[Trace]]:
    batch: list[Trace] = []
    events = 0
    for trace in traces:
        if batch and events + len(trace.events) > EVENTS_PER_RUN:
            yield batch
            batch, events = [], 0
        batch.append(trace)
        events += len(trace.events)
    if batch:
        yield batch


def _judge(
    model: Model, constants: Constants, traces: list[Trace], seconds: int, folder: Path
) -> list[Judged]:
    """Ask for verdicts, and then, of those that were not accepted, for the reasons."""
    shown = [(trace, followed(model, trace.events)) for trace in traces]
    judged = [
        Judged(trace, model.module, Verdict.UNKNOWN, error=NO_EVENT)
        for trace, events in shown
        if not events
    ]
    asked = [one for one in shown if one[1]]
    for specification in ("TSpec", "WhySpec"):
        if not asked:
            break
        bodies = [[event for _, event in events] for _, events in asked]
        found = _follow(model, constants, bodies, specification, seconds, folder)
        printed = _read(found)
        left: list[_Followed] = []
        for number, (trace, events) in enumerate(asked, 1):
            said = printed.get(number, [])
            if specification == "TSpec" and found.holds and not said:
                left.append((trace, events))
                continue
            judged.append(_verdict(model, trace, [n for n, _ in events], said, found))
        asked = left
    return judged


def _follow(  # noqa: PLR0917 - what a run of TLC is made of
    model: Model,
    constants: Constants,
    bodies: Sequence[Sequence[TraceEvent]],
    specification: str,
    seconds: int,
    folder: Path,
) -> TlcRun:
    with tempfile.TemporaryDirectory(prefix="traces-") as name:
        data, config = Path(name) / "TraceData.tla", Path(name) / "Trace.cfg"
        module = folder / f"{model.module}.tla"
        data.write_text(trace_data.module(bodies, trace_data.fields_read(module)), "ascii")
        lines = [
            f"{key} {value}" if value.startswith("<-") else f"{key} = {value}"
            for key, value in constants
        ]
        text = f"SPECIFICATION {specification}\nCONSTANTS\n  " + "\n  ".join(lines)
        config.write_text(text + "\nCONSTRAINT Report\n", "ascii")
        return run(module, config, extra_modules=(data,), seconds=seconds, brief=True)


def follows(model: Model, event: TraceEvent) -> bool:
    """Tell whether a model looks at an event."""
    if isinstance(event, Flush) and not event.where:  # an attempt, and nothing to force
        return model.attempts
    return type(event).__name__ in model.events


def followed(model: Model, events: Sequence[TraceEvent]) -> list[tuple[int, TraceEvent]]:
    """Return what a model is shown of a trace, with the numbers in the trace, from 1."""
    seen = model.view(events)
    shown = ((i, seen(e)) for i, e in enumerate(events, 1) if follows(model, e))
    return [(i, event) for i, event in shown if event is not None]


def _read(found: TlcRun) -> dict[int, list[tuple[str, int, str]]]:
    """Lines by number of the trace: what, next event, rest."""
    printed: dict[int, list[tuple[str, int, str]]] = {}
    for line in found.printed:
        if accept := _ACCEPT.match(line):
            printed.setdefault(int(accept[1]), []).append(("ACCEPT", 0, ""))
        elif stuck := _STUCK.match(line):
            entry = ("STUCK", int(stuck[2]), stuck[3])
            printed.setdefault(int(stuck[1]), []).append(entry)
        elif broken := _VIOLATES.match(line):
            entry = ("VIOLATES", int(broken[2]), broken[3])
            printed.setdefault(int(broken[1]), []).append(entry)
    return printed


def _verdict(
    model: Model,
    trace: Trace,
    numbers: list[int],
    printed: list[tuple[str, int, str]],
    found: TlcRun,
) -> Judged:
    violates = [entry for entry in printed if entry[0] == "VIOLATES"]
    if violates:
        at = min(entry[1] for entry in violates) - 1  # printed behind the event that did it
        names = tuple(dict.fromkeys(entry[2] for entry in violates))
        event = numbers[at - 1] if at else 0
        return Judged(trace, model.module, Verdict.VIOLATES, event, names)
    if not found.holds:
        error = f"{found.outcome.value}: {' '.join(found.errors)[:500]}"
        return Judged(trace, model.module, Verdict.UNKNOWN, error=error)
    if any(entry[0] == "ACCEPT" for entry in printed):
        return Judged(trace, model.module, Verdict.ACCEPTED)
    stuck = [entry for entry in printed if entry[0] == "STUCK"]
    if not stuck:
        return Judged(trace, model.module, Verdict.UNKNOWN, error="TLC printed nothing of it")
    _, event, rest = max(stuck, key=lambda entry: entry[1])
    refused, state, allowed = _texts(rest)
    return Judged(
        trace,
        model.module,
        Verdict.REFUSED,
        numbers[event - 1],
        tuple(text for text in _tuple(refused) if isinstance(text, str)),
        state if isinstance(state, Function) else None,
        tuple(e for text in _tuple(allowed) if isinstance(e := _inner(text), Function)),
    )


def _texts(rest: str) -> tuple[Value, Value, Value]:
    """Read what STUCK prints: three values, each printed into a string."""
    parts = parse(f"<<{rest}>>")
    assert isinstance(parts, tuple)
    refused, state, allowed = (_inner(part) for part in parts)
    return refused, state, allowed


def _inner(part: Value) -> Value:
    assert isinstance(part, str)
    return parse(part)


def _tuple(value: Value) -> tuple[Value, ...]:
    assert isinstance(value, tuple)
    return value


def nearest(judged: Judged) -> Function | None:
    """Return the allowed event that is most like the refused one: same name, most fields equal."""
    if not judged.allowed or not judged.event:
        return None
    event = judged.trace.events[judged.event - 1]
    fields = {"e": type(event).__name__, **event._asdict()}

    def likeness(allowed: Function) -> tuple[bool, int]:
        equal = sum(fields.get(str(name)) == value for name, value in allowed)
        return allowed.field("e") == fields["e"], equal

    return max(judged.allowed, key=likeness)


def report(judged: Judged, path: str) -> str:
    """Say what was refused, by what, in which state, what was allowed, and how to see it again."""
    header = judged.trace.header
    lines = [f"{header.trace}: {judged.verdict.value} ({judged.module})"]
    if judged.error:
        lines.append(f"  {judged.error}")
    if judged.event:
        event = judged.trace.events[judged.event - 1]
        values = ", ".join(f"{name}={value!r}" for name, value in event._asdict().items())
        lines.append(f"  event {judged.event}: {type(event).__name__}({values})")
    by = judged.refused_by or (("the action itself",) if judged.event else ())
    lines += [f"  refused by: {condition}" for condition in by]
    if judged.state is not None:
        lines.append("  state before:")
        lines += [f"    {name} = {show(value)}" for name, value in judged.state]
    closest = nearest(judged)
    if closest is not None:
        rest = ", ".join(f"{name}={show(value)}" for name, value in closest if name != "e")
        lines.append(f"  nearest allowed: {closest.field('e')}({rest})")
        others = [str(e.field("e")) for e in judged.allowed if e is not closest]
        lines.append(f"  also allowed: {', '.join(dict.fromkeys(others)) or 'nothing'}")
    lines.append("  again:")
    lines.append(f"    rmqref trace check {path} --trace {header.trace}")
    lines.append(f"    {header.repeat or '(the trace does not say which run made it)'}")
    return "\n".join(lines)
