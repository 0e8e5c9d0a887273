"""Traces as lines of JSON (NDJSON): a header, then one event a line; the format of spec/trace.md.

A file may hold many traces: every header begins one. Reading checks names, fields and types, so
that what comes behind can rely on them.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, get_args, get_type_hints

from refimpl.model.ids import JsonValue
from refimpl.model.trace import TraceEvent

FORMAT: Final = 1
EVENTS: Final[dict[str, type[TraceEvent]]] = {
    event.__name__: event for event in get_args(TraceEvent)
}


class TraceRefused(Exception):
    """A line is no line of a trace."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class TraceHeader(NamedTuple):
    """What a trace is of: the settings that the models take as constants."""

    trace: str  # its name, unique in a run
    release: str
    sync_flush: bool
    file_size: int  # of a mapped file of the log
    min_blank: int  # room that a record leaves for the blank of its file
    page_size: int
    pool: int  # buffers of the transient store pool, 0 for none
    flush_least_pages: int  # what a round of ASYNC_FLUSH leaves that is not thorough
    commit_least_pages: int
    flush_interval: int  # milliseconds between two thorough rounds
    commit_interval: int
    transaction_check_max: int
    flush_attempts_max: int
    sees_last_flush: bool
    repeat: str  # the command that makes this trace again, "" where nobody knows


class Trace(NamedTuple):
    """One store through all its lives."""

    header: TraceHeader
    events: tuple[TraceEvent, ...]


def lines(trace: Trace) -> Iterator[str]:
    """Write a trace, line by line, without line ends."""
    yield json.dumps({"format": FORMAT, **trace.header._asdict()}, separators=(",", ":"))
    for event in trace.events:
        named = {"e": type(event).__name__, **event._asdict()}
        yield json.dumps(named, separators=(",", ":"))


def read(text: Iterable[str]) -> list[Trace]:
    """Read every trace. Raises `TraceRefused` with the line that is none."""
    traces: list[tuple[TraceHeader, list[TraceEvent]]] = []
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            entry: JsonValue = json.loads(line)
        except ValueError:
            raise TraceRefused(number, "no JSON") from None
        if not isinstance(entry, dict):
            raise TraceRefused(number, "no object")
        if "format" in entry:
            traces.append((_header(entry, number), []))
        elif not traces:
            raise TraceRefused(number, "an event before any header")
        else:
            traces[-1][1].append(_event(entry, number))
    return [Trace(header, tuple(events)) for header, events in traces]


def _header(entry: dict[str, JsonValue], line: int) -> TraceHeader:
    if entry["format"] != FORMAT:
        raise TraceRefused(line, f"format {entry['format']}, not {FORMAT}")
    rest = {name: value for name, value in entry.items() if name != "format"}
    _check(rest, get_type_hints(TraceHeader), line, "header")
    return TraceHeader(**rest)  # type: ignore[arg-type]  # checked by name and type


def _event(entry: dict[str, JsonValue], line: int) -> TraceEvent:
    name = entry.get("e")
    kind = EVENTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise TraceRefused(line, f"no event {name}")
    rest = {field: value for field, value in entry.items() if field != "e"}
    _check(rest, get_type_hints(kind), line, kind.__name__)
    return kind(**rest)  # type: ignore[arg-type]  # checked by name and type


def _check(entry: dict[str, JsonValue], hints: dict[str, type], line: int, what: str) -> None:
    if set(entry) != set(hints):
        raise TraceRefused(line, f"{what} has {', '.join(hints)}, not {', '.join(entry)}")
    for name, hint in hints.items():
        plain = getattr(hint, "__supertype__", hint)
        if type(entry[name]) is not plain:
            raise TraceRefused(line, f"{what}.{name} is no {plain.__name__}")
