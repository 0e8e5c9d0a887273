"""Traces as a TLA+ module: one constructor per shape of event, one event a line.

Long lines are slow to parse and records cost twice the memory of a constructor's call; both
matter from some thousand events on. Numbers must fit 31 bits: TLC knows no greater ones.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from refimpl.model.ids import JsonValue
from refimpl.model.trace import Append, TraceEvent
from refimpl.tlc.value import quoted

GREATEST: Final = 2**31 - 1


class EventRefused(Exception):
    """An event cannot be written for TLC."""

    def __init__(self, event: TraceEvent, field: str) -> None:
        super().__init__(f"{type(event).__name__}.{field} is beyond 31 bits: {event}")
        self.event = event
        self.field = field


def module(traces: Iterable[Sequence[TraceEvent]]) -> str:
    """Return the module TraceData: `Traces`, and `Places`, the queues that they write to.

    TLC would unite such a set anew at every use. Raises `EventRefused`.
    """
    shapes: dict[str, str] = {}
    bodies: list[str] = []
    places = {("", 0): None}
    for number, events in enumerate(traces, 1):
        places |= {(e.topic, int(e.queue_id)): None for e in events if isinstance(e, Append)}
        bodies.append(f"T{number} == <<")
        bodies.append(",\n".join(_call(event, shapes) for event in events) + ">>")
    names = ",\n".join(f"T{number}" for number in range(1, len(bodies) // 2 + 1))
    head = ["---- MODULE TraceData ----", "EXTENDS Integers, Sequences"]
    queues = ", ".join(f"<<{quoted(topic)}, {queue_id}>>" for topic, queue_id in places)
    ends = ["Traces == <<", names + ">>", f"Places == {{{queues}}}", "====", ""]
    return "\n".join([*head, *shapes.values(), *bodies, *ends])


def _call(event: TraceEvent, shapes: dict[str, str]) -> str:
    name = type(event).__name__
    if name not in shapes:
        shapes[name] = _shape(event)
    return f"E_{name}({', '.join(_values(event))})"


def _shape(event: TraceEvent) -> str:
    name = type(event).__name__
    parameters = ", ".join(f"a_{field}" for field in event._fields)
    fields = "".join(f", {field} |-> a_{field}" for field in event._fields)
    return f'E_{name}({parameters}) == [e |-> "{name}"{fields}]'


def _values(event: TraceEvent) -> Iterator[str]:
    fields: dict[str, JsonValue] = event._asdict()
    for field, value in fields.items():
        if isinstance(value, bool):
            yield "TRUE" if value else "FALSE"
        elif isinstance(value, int):
            if abs(value) > GREATEST:
                raise EventRefused(event, field)
            yield str(value)
        else:
            assert isinstance(value, str)
            yield quoted(value)
