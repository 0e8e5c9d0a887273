"""Traces as a TLA+ module: one constructor per shape of event, one event a line.

Long lines are slow to parse and records cost twice the memory of a constructor's call; both
matter from some thousand events on. Parsing is near half of a run, and each value of an event
costs the same: so an event has the fields alone that the module reads. Numbers must fit 31 bits:
TLC knows no greater ones.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from refimpl.model.ids import JsonValue
from refimpl.model.trace import Append, TraceEvent
from refimpl.tlc.value import quoted

GREATEST: Final = 2**31 - 1
_FIELD: Final = re.compile(r"\.(\w+)\b")
_UNDER: Final = re.compile(r"^EXTENDS .*\b(Trace(?!Data\b)\w+)", re.MULTILINE)


class EventRefused(Exception):
    """An event cannot be written for TLC."""

    def __init__(self, event: TraceEvent, field: str) -> None:
        super().__init__(f"{type(event).__name__}.{field} is beyond 31 bits: {event}")
        self.event = event
        self.field = field


def fields_read(path: Path) -> frozenset[str]:
    """Return the names of all fields that a module, with what it extends, reads of anything."""
    text = path.read_text("utf-8")
    under = [path.parent / f"{name}.tla" for name in _UNDER.findall(text)]
    return frozenset(_FIELD.findall(text)).union(*(fields_read(other) for other in under))


def module(traces: Iterable[Sequence[TraceEvent]], fields: Collection[str]) -> str:
    """Return the module TraceData: `Traces`, and `Places`, the queues that they write to.

    An event has its name and those of its fields that are in `fields`. TLC would unite a set such
    as `Places` anew at every use. Raises `EventRefused`.
    """
    shapes: dict[str, str] = {}
    bodies: list[str] = []
    places = {("", 0): None}
    for number, events in enumerate(traces, 1):
        places |= {(e.topic, int(e.queue_id)): None for e in events if isinstance(e, Append)}
        bodies.append(f"T{number} == <<")
        bodies.append(",\n".join(_call(event, shapes, fields) for event in events) + ">>")
    names = ",\n".join(f"T{number}" for number in range(1, len(bodies) // 2 + 1))
    head = ["---- MODULE TraceData ----", "EXTENDS Integers, Sequences"]
    queues = ", ".join(f"<<{quoted(topic)}, {queue_id}>>" for topic, queue_id in places)
    ends = ["Traces == <<", names + ">>", f"Places == {{{queues}}}", "====", ""]
    return "\n".join([*head, *shapes.values(), *bodies, *ends])


def _call(event: TraceEvent, shapes: dict[str, str], fields: Collection[str]) -> str:
    name = type(event).__name__
    if name not in shapes:
        shapes[name] = _shape(event, fields)
    values = ", ".join(_values(event, fields))
    return f"E_{name}({values})" if values else f"E_{name}"


def _shape(event: TraceEvent, fields: Collection[str]) -> str:
    name = type(event).__name__
    seen = [field for field in event._fields if field in fields]
    parameters = f"({', '.join(f'a_{field}' for field in seen)})" if seen else ""
    record = "".join(f", {field} |-> a_{field}" for field in seen)
    return f'E_{name}{parameters} == [e |-> "{name}"{record}]'


def _values(event: TraceEvent, fields: Collection[str]) -> Iterator[str]:
    values: dict[str, JsonValue] = event._asdict()
    for field, value in values.items():
        if field not in fields:
            continue
        if isinstance(value, bool):
            yield "TRUE" if value else "FALSE"
        elif isinstance(value, int):
            if abs(value) > GREATEST:
                raise EventRefused(event, field)
            yield str(value)
        else:
            assert isinstance(value, str)
            yield quoted(value)
