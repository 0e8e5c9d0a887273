"""How much a model notices: one event of an accepted trace is altered, and it must be refused.

Altered are the events that the model follows, in the fields that its module reads, at any place. A
mutant that is accepted is *equivalent* where that is shown, and else *unnoticed*:

- the last event is missing: what is left is the beginning of an accepted trace;
- one event is missing, or there twice, that changes nothing: the model is in the same state before
  and after it, and a behaviour that stutters is one;
- two events changed places that touch different things (`INDEPENDENT`), and the model is in the
  same state after both orders;
- a field has another value that the model leaves open (`OPEN`), and the model is in the same state
  after both.

Nothing else is a reason. A mutant that another model refuses, which follows the same trace, is not
equivalent, and counts against the model; but it is noticed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from refimpl.model.ids import PhysicalOffset
from refimpl.model.prng import Prng
from refimpl.model.trace import Observed, TraceEvent, WakeupCustomer
from refimpl.model.trace_file import Trace
from refimpl.tlc import trace_data
from refimpl.tlc.manifest import FOLDER
from refimpl.tlc.trace_check import MODELS, Judged, Verdict, check, followed

_NOTICED: Final = frozenset({Verdict.REFUSED, Verdict.VIOLATES})
ENOUGH: Final = 95  # of a hundred mutants that are not equivalent are refused
_Events: TypeAlias = tuple[TraceEvent, ...]
_NOWHERE: Final = (PhysicalOffset(-1),) * 5
NEVER: Final = Observed(-1, *_NOWHERE, 0, 0, 0)  # refused in every state, which it shows
INDEPENDENT: Final = {  # names of two events that touch different things, each with the reason
    ("WakeupCustomer", "WakeupCustomer"): "two producers whose patience ended in one step",
    ("Forced", "Observed"): "a look shows the log, and nothing of the files beside it",
    ("Observed", "Forced"): "a look shows the log, and nothing of the files beside it",
    ("Append", "Flushed"): "a force makes durable what was written before",
    ("Flushed", "Append"): "a force makes durable what was written before",
    ("FlushConsumeQueue", "FlushConsumeQueue"): "forces of two queues: each has its files",
    ("Observed", "StepFlush"): "a look, and a round that changes nothing of what it sees",
    ("StepFlush", "Observed"): "a round that changes nothing of what a look sees",
    ("Observed", "StepCommit"): "a look, and a round that changes nothing of what it sees",
    ("StepCommit", "Observed"): "a round that changes nothing of what a look sees",
    ("Observed", "FlushConsumeQueue"): "a look shows the log, and nothing of its queues' files",
    ("FlushConsumeQueue", "Observed"): "a look shows the log, and nothing of its queues' files",
    ("Forced", "TransactionStarted"): "a file is forced, and services start",
    ("Observed", "QueryOffset"): "neither a look nor a question changes anything",
    ("QueryOffset", "Observed"): "neither a look nor a question changes anything",
}
OPEN: Final = {  # name of an event and a field that a model asks little of, each with the reason
    ("DeliverDelayed", "late"): "no clock says how late: any time that is not before it is due",
    ("RefuseDelayed", "late"): "no clock says how late: any time that is not before it is due",
}


class Mutant(NamedTuple):
    """A trace with one event altered."""

    origin: Trace
    trace: Trace
    how: str  # drop, duplicate, swap, or change FIELD
    event: int  # from 1
    name: str  # of the event
    other: int = 0  # the event that it changed places with


class Power(NamedTuple):
    """What became of one mutant."""

    mutant: Mutant
    judged: Judged
    reason: str  # why it is equivalent, "" for one that was refused or not noticed
    elsewhere: str = ""  # another module that refuses it

    @property
    def refused(self) -> bool:
        """Tell whether the model noticed."""
        return self.judged.verdict in _NOTICED

    @property
    def unnoticed(self) -> bool:
        """Tell whether every model accepts it, and nothing shows that it is as good."""
        accepted = self.judged.verdict is Verdict.ACCEPTED
        return accepted and not self.reason and not self.elsewhere


def is_enough(found: list[Power]) -> bool:
    """Tell whether nearly all mutants were refused of those that are not equivalent."""
    refused = sum(one.refused for one in found)
    counted = sum(not one.reason for one in found)
    return counted > 0 and 100 * refused >= ENOUGH * counted


def power(
    traces: list[Trace], model: str, per_trace: int, prng: Prng, folder: Path = FOLDER
) -> list[Power]:
    """Alter each trace `per_trace` times and judge. Raises `TlcMissing`."""
    mutants = {
        mutant.trace.header.trace: mutant
        for trace in traces
        if MODELS[model].applies(trace.header)
        for mutant in mutants_of(trace, model, per_trace, prng, folder)
    }
    judged = check([one.trace for one in mutants.values()], models=(model,), folder=folder)
    by_mutant = [(mutants[one.trace.header.trace], one) for one in judged]
    accepted = [mutant for mutant, one in by_mutant if one.verdict is Verdict.ACCEPTED]
    reasons = _reasons(accepted, model, folder)
    return [Power(m, one, reasons.get(m.trace.header.trace, "")) for m, one in by_mutant]


def with_others(found: list[Power], model: str, folder: Path = FOLDER) -> list[Power]:
    """Ask the other models about what this one did not notice. Raises `TlcMissing`."""
    traces = [one.mutant.trace for one in found if one.unnoticed]
    others = tuple(name for name in MODELS if name != model)
    refusing: dict[str, str] = {}
    for one in check(traces, models=others, folder=folder):
        if one.verdict in _NOTICED:
            refusing.setdefault(one.trace.header.trace, one.module)
    return [
        one._replace(elsewhere=refusing.get(one.mutant.trace.header.trace, "")) for one in found
    ]


def fields_read(model: str, folder: Path = FOLDER) -> frozenset[str]:
    """Return the names of all fields that decide what a model says of an event."""
    return trace_data.fields_read(folder / f"{MODELS[model].module}.tla") | MODELS[model].viewed


def mutants_of(
    trace: Trace, model: str, count: int, prng: Prng, folder: Path = FOLDER
) -> Iterator[Mutant]:
    """Draw `count` mutants of a trace, every event as likely as any other."""
    shown = followed(MODELS[model], trace.events)
    places = [number - 1 for number, _ in shown]
    fields = fields_read(model, folder)
    number = 0
    while places and number < count:
        at = prng.below(len(places))
        how, events, other = _altered(trace.events, places, at, fields, prng)
        if [e for _, e in followed(MODELS[model], events)] == [e for _, e in shown]:
            continue  # two equal events changed places, or it is nothing that the model is shown
        header = trace.header._replace(trace=f"{trace.header.trace}~{number}")
        name = type(trace.events[places[at]]).__name__
        yield Mutant(trace, Trace(header, events), how, places[at] + 1, name, other)
        number += 1


def _altered(
    events: tuple[TraceEvent, ...], places: list[int], at: int, fields: frozenset[str], prng: Prng
) -> tuple[str, tuple[TraceEvent, ...], int]:
    place = places[at]
    event = events[place]
    seen = [field for field in event._fields if field in fields]
    hows = ["drop", "duplicate"]
    hows += ["swap"] if at + 1 < len(places) else []
    hows += ["change"] if seen else []
    how = hows[prng.below(len(hows))]
    if how == "drop":
        return how, events[:place] + events[place + 1 :], 0
    if how == "duplicate":
        return how, (*events[: place + 1], event, *events[place + 1 :]), 0
    altered = list(events)
    if how == "swap":
        other = places[at + 1]
        altered[place], altered[other] = altered[other], altered[place]
        return how, tuple(altered), other + 1
    field = seen[prng.below(len(seen))]
    value = event._asdict()[field]
    if isinstance(value, bool):
        changed: object = not value
    elif isinstance(value, int):
        changed = value + (1 if prng.below(2) else -1)
    else:
        changed = f"{value}'"
    altered[place] = type(event)(**{**event._asdict(), field: changed})
    return f"change {field}", tuple(altered), 0


def _reasons(accepted: list[Mutant], model: str, folder: Path) -> dict[str, str]:
    """Show of each accepted mutant, if it can be shown, why it is as good: by its name."""
    found: dict[str, str] = {}
    claims: dict[str, str] = {}  # what is true where the model is in one state after two prefixes
    halted: list[Trace] = []
    for mutant in accepted:
        last = followed(MODELS[model], mutant.origin.events)[-1][0]
        header, name = mutant.trace.header, mutant.trace.header.trace
        if mutant.how == "drop" and mutant.event == last:
            found[name] = "the rest is the beginning of an accepted trace"
            continue
        prefixes = _prefixes(mutant)
        if prefixes is None:
            continue
        claims[name], *two = prefixes
        halted += [
            Trace(header._replace(trace=f"{name}~{i}"), (*events, NEVER))
            for i, events in enumerate(two)
        ]
    if halted:
        judged = check(halted, models=(model,), folder=folder)
        states = {  # of those that came to their end
            one.trace.header.trace: one.state
            for one in judged
            if one.event == len(one.trace.events)
        }
        for name, claim in claims.items():
            first, second = states.get(f"{name}~0"), states.get(f"{name}~1")
            if first is not None and first == second:
                found[name] = claim
    return found


def _prefixes(mutant: Mutant) -> tuple[str, _Events, _Events] | None:
    """Two beginnings after which the model must be in one state, and what that shows."""
    whole, altered, at = mutant.origin.events, mutant.trace.events, mutant.event
    if mutant.how == "swap" and _names(mutant) in INDEPENDENT:
        claim = f"the same state after both orders: {INDEPENDENT[_names(mutant)]}"
        return claim, whole[: mutant.other], altered[: mutant.other]
    field = mutant.how.removeprefix("change ")
    if claim := OPEN.get((mutant.name, field), ""):
        return f"the same state after both values: {claim}", whole[:at], altered[:at]
    claim = "it changes nothing, and a behaviour may stutter"
    if mutant.how == "drop":
        return claim, whole[: at - 1], whole[:at]
    if mutant.how == "duplicate":
        return claim, whole[:at], altered[: at + 1]
    return None


def _names(mutant: Mutant) -> tuple[str, str]:
    one, two = (mutant.origin.events[i - 1] for i in (mutant.event, mutant.other))
    if isinstance(one, WakeupCustomer) and not (isinstance(two, WakeupCustomer) and two.expired):
        return "", ""  # an answer of the flusher follows its list
    return type(one).__name__, type(two).__name__
