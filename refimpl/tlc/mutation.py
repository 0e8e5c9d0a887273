"""How much a model notices: one event of an accepted trace is altered, and it must be refused.

An alteration that is still a behaviour of the model is *equivalent*, and says why: the events that
changed places do not touch one another, or what was altered is nothing that the model decides.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from refimpl.model.prng import Prng
from refimpl.model.trace import TraceEvent
from refimpl.model.trace_file import Trace
from refimpl.tlc.trace_check import MODELS, Judged, Verdict, check

_UNSEEN: Final = {  # fields that the models of the log's durability do not look at
    "Append": {"topic", "queue_id", "queue_offset", "messages"},
    "Crash": {"image"},
    "Recovered": {"clean", "min_offset", "reput", "cut"},
}
_WORLD: Final = {
    "Append": "a message that was not sent, or was longer, is as good a world",
    "Crash": "another crash is as good a world",
    "ForceFailed": "a force that fails or never ends is as good a world",
    "WakeupCustomer": "the clock may answer whom it likes, or nobody",
    "Recovered": "a start may count less as flushed than it could",
    "Flush": "nothing follows that depends on it",
    "Flushed": "nothing follows that depends on it",
    "ForceLog": "a flusher that nobody waits for may be slower",
    "SwapRequests": "nothing follows that depends on it",
    "PutRequest": "a producer that does not ask does not wait",
    "DropRequest": "nothing follows that depends on it",
    "Shutdown": "the orderly end has the same effect as a kill",
}


class Mutant(NamedTuple):
    """A trace with one event altered."""

    trace: Trace
    how: str  # drop, duplicate, swap, or change FIELD
    event: int  # from 1
    name: str  # of the event


class Power(NamedTuple):
    """What became of one mutant."""

    mutant: Mutant
    judged: Judged
    reason: str  # why it is equivalent, "" for one that was refused

    @property
    def refused(self) -> bool:
        """Tell whether the model noticed."""
        return self.judged.verdict in {Verdict.REFUSED, Verdict.VIOLATES}


def power(traces: list[Trace], model: str, per_trace: int, prng: Prng) -> list[Power]:
    """Alter each trace `per_trace` times and judge. Raises `TlcMissing`."""
    mutants = {
        mutant.trace.header.trace: mutant
        for trace in traces
        if MODELS[model].applies(trace.header)
        for mutant in _mutants(trace, model, per_trace, prng)
    }
    judged = check([mutant.trace for mutant in mutants.values()], models=(model,))
    return [
        Power(mutant, one, "" if one.verdict is not Verdict.ACCEPTED else _reason(mutant))
        for one in judged
        for mutant in (mutants[one.trace.header.trace],)
    ]


def _mutants(trace: Trace, model: str, count: int, prng: Prng) -> Iterator[Mutant]:
    names = MODELS[model].events
    places = [
        i
        for i, event in enumerate(trace.events)
        if type(event).__name__ in names and i + 1 < len(trace.events)
    ]
    for number in range(count if places else 0):
        at = places[prng.below(len(places))]
        how, events = _altered(list(trace.events), at, model, prng)
        header = trace.header._replace(trace=f"{trace.header.trace}~{number}")
        name = type(trace.events[at]).__name__
        yield Mutant(Trace(header, tuple(events)), how, at + 1, name)


def _altered(
    events: list[TraceEvent], at: int, model: str, prng: Prng
) -> tuple[str, list[TraceEvent]]:
    event = events[at]
    choice = prng.below(4)
    if choice == 0:
        return "drop", events[:at] + events[at + 1 :]
    if choice == 1:
        return "duplicate", [*events[: at + 1], event, *events[at + 1 :]]
    seen_events = MODELS[model].events
    later = range(at + 1, len(events))
    following = next((i for i in later if type(events[i]).__name__ in seen_events), None)
    if choice == 2 and following is not None:  # noqa: PLR2004 - the third of four
        events[at], events[following] = events[following], event
        return "swap", events
    unseen = _UNSEEN.get(type(event).__name__, set())
    if model == "MappedFileQueue":
        unseen = unseen | {"ticket", "attempt"}
    seen = [field for field in event._fields if field not in unseen]
    if not seen:
        return "drop", events[:at] + events[at + 1 :]
    field = seen[prng.below(len(seen))]
    value = event._asdict()[field]
    other = not value if isinstance(value, bool) else value + (1 if prng.below(2) else -1)
    events[at] = type(event)(**{**event._asdict(), field: other})
    return f"change {field}", events


def _reason(mutant: Mutant) -> str:
    if mutant.how == "swap":
        return "the two do not touch one another"
    return _WORLD.get(mutant.name, "")
