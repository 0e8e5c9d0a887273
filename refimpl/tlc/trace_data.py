"""Traces as a TLA+ module: one constructor per shape of event, one event a line.

Long lines are slow to parse and records cost twice the memory of a constructor's call; both
matter from some thousand events on. Parsing is half of a run, and each number in the text of an
event costs the same, however great it is. So an event has the fields alone that the module reads;
one with the same value in the whole batch stands in the constructor; the others are packed into
as few numbers as 31 bits allow, which the constructor takes apart, once for each event. Numbers
must fit 31 bits themselves: TLC knows no greater ones.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

from refimpl.model.ids import JsonValue
from refimpl.model.trace import Append, TraceEvent, Unheard
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


class _Column(NamedTuple):
    """One field of all events of a shape, as numbers from 0."""

    field: str
    numbers: Sequence[int]
    different: int  # all numbers are below it; 1 where all values are equal
    value: Callable[[str], str]  # the TLA+ text of a value, from that of its number


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
    every = list(traces)
    of_shape: dict[type[TraceEvent], list[TraceEvent]] = {}
    for events in every:
        for event in events:
            of_shape.setdefault(type(event), []).append(event)
    places = {("", 0): None}
    of_records = of_shape.get(Append, []) + of_shape.get(Unheard, [])
    places |= {(e.topic, int(e.queue_id)): None for e in _records(of_records)}
    shapes: list[str] = []
    calls: dict[type[TraceEvent], Iterator[str]] = {}
    for kind, alike in of_shape.items():
        shape, texts = _written(alike, fields)
        shapes.append(shape)
        calls[kind] = iter(texts)
    bodies = [
        f"T{number} == <<\n" + ",\n".join([next(calls[type(event)]) for event in events]) + ">>"
        for number, events in enumerate(every, 1)
    ]
    names = ",\n".join(f"T{number}" for number in range(1, len(bodies) + 1))
    head = ["---- MODULE TraceData ----", "EXTENDS Integers, Sequences"]
    queues = ", ".join(f"<<{quoted(topic)}, {queue_id}>>" for topic, queue_id in places)
    ends = ["Traces == <<", names + ">>", f"Places == {{{queues}}}", "====", ""]
    return "\n".join([*head, *shapes, *bodies, *ends])


def _records(events: Iterable[TraceEvent]) -> Iterator[Append | Unheard]:
    return (event for event in events if isinstance(event, (Append, Unheard)))


def _written(alike: Sequence[TraceEvent], fields: Collection[str]) -> tuple[str, list[str]]:
    """Return the constructor of events of one shape, and its call for each of them."""
    name = type(alike[0]).__name__
    columns = [_column(alike, field) for field in alike[0]._fields if field in fields]
    values = {column.field: column.value("0") for column in columns}
    words = _words([column for column in columns if column.different > 1])
    packed: list[list[int]] = []
    for place, word in enumerate(words):
        weight, numbers = 1, [0] * len(alike)
        for column in word:
            part = f"a{place}" if weight == 1 else f"(a{place} \\div {weight})"
            part = part if column is word[-1] else f"({part} % {column.different})"
            values[column.field] = column.value(part)
            both = zip(numbers, column.numbers, strict=True)
            numbers = [number + weight * more for number, more in both]
            weight *= column.different
        packed.append(numbers)
    record = "".join(f", {field} |-> {value}" for field, value in values.items())
    shape = f'[e |-> "{name}"{record}]'
    if not words:
        return f"E_{name} == {shape}", [f"E_{name}"] * len(alike)
    parameters = ", ".join(f"a{place}" for place in range(len(words)))
    call = f"E_{name}({', '.join(['%d'] * len(words))})"
    texts = [call % row for row in zip(*packed, strict=True)]
    return f"E_{name}({parameters}) == {shape}", texts


def _words(columns: Iterable[_Column]) -> list[list[_Column]]:
    """Put each column into the first number that has room for it."""
    words: list[list[_Column]] = []
    rooms: list[int] = []
    for column in columns:
        fits = (i for i, room in enumerate(rooms) if column.different <= room)
        at = next(fits, len(words))
        if at == len(words):
            words.append([])
            rooms.append(GREATEST + 1)
        words[at].append(column)
        rooms[at] //= column.different
    return words


def _column(alike: Sequence[TraceEvent], field: str) -> _Column:
    values: list[JsonValue] = list(map(attrgetter(field), alike))
    numbers = [value for value in values if isinstance(value, int)]
    if not numbers:
        return _texts(field, [value for value in values if isinstance(value, str)])
    assert len(numbers) == len(values), f"{field} is a number, or it is not"
    least, greatest = min(numbers), max(numbers)
    different = greatest - least + 1
    if isinstance(values[0], bool):
        if different == 1:
            return _Column(field, numbers, 1, lambda _: "TRUE" if least else "FALSE")
        return _Column(field, numbers, 2, lambda number: f"({number} = 1)")
    if max(greatest, -least) > GREATEST:
        refused = (event for event, n in zip(alike, numbers, strict=True) if abs(n) > GREATEST)
        raise EventRefused(next(refused), field)
    if different == 1:
        return _Column(field, numbers, 1, lambda _: str(least))
    if least == 0 or different > GREATEST:  # so far apart they do not begin at 0, and stand alone
        return _Column(field, numbers, different, lambda number: number)
    sign = "-" if least < 0 else "+"
    above = [number - least for number in numbers]
    return _Column(field, above, different, lambda number: f"{number} {sign} {abs(least)}")


def _texts(field: str, values: Sequence[str]) -> _Column:
    index = {text: number for number, text in enumerate(dict.fromkeys(values))}
    known = ", ".join(map(quoted, index))
    if len(index) == 1:
        return _Column(field, [0] * len(values), 1, lambda _: known)
    numbers = [index[value] for value in values]
    return _Column(field, numbers, len(index), lambda number: f"<<{known}>>[{number} + 1]")
