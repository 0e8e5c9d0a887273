"""Traces as lines: what is written is read, and nothing else is."""

import json
from pathlib import Path
from typing import NewType, get_type_hints

import jsonschema
import pytest

from refimpl.model.ids import PhysicalOffset, Ticket
from refimpl.model.trace import Crash, Flush, SwapRequests, WakeupCustomer
from refimpl.model.trace_file import EVENTS, Trace, TraceHeader, TraceRefused, lines, read

HEADER = TraceHeader("t", "4.9", True, 400, 8, 4096, 0, 4, 4, 10_000, 200, 15, 2, True, "")
TRACE = Trace(
    HEADER,
    (
        SwapRequests(2),
        Flush(Ticket(1), 1, PhysicalOffset(40)),
        WakeupCustomer(Ticket(1), durable=True, expired=False),
        Crash(power=True, image="all", survived=PhysicalOffset(40)),
    ),
)
SPEC = Path(__file__).parents[2] / "spec"


def test_what_is_written_is_read() -> None:
    text = [*lines(TRACE), "", *lines(TRACE._replace(events=()))]
    assert read(text) == [TRACE, TRACE._replace(events=())]


def test_the_schema_says_the_same() -> None:
    schema = json.loads((SPEC / "trace.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for line in lines(TRACE):
        validator.validate(json.loads(line))
    assert set(schema["$defs"]) == {"Header", *EVENTS}
    for name, kind in EVENTS.items():
        assert set(schema["$defs"][name]["required"]) == {"e", *kind._fields}
    assert set(schema["$defs"]["Header"]["required"]) == {"format", *TraceHeader._fields}
    assert not validator.is_valid({"e": "SwapRequests"})


JSON_TYPES = {bool: "boolean", int: "integer", str: "string"}


def plain(annotation: object) -> type:
    """The type below a `NewType`."""
    while isinstance(annotation, NewType):
        annotation = annotation.__supertype__
    assert isinstance(annotation, type)
    return annotation


@pytest.mark.parametrize("name", EVENTS)
def test_the_schema_has_the_types_of_the_fields(name: str) -> None:
    schema = json.loads((SPEC / "trace.schema.json").read_text("utf-8"))["$defs"][name]
    fields = {
        field: {"type": JSON_TYPES[plain(of)]} for field, of in get_type_hints(EVENTS[name]).items()
    }
    assert schema["properties"] == {"e": {"const": name}, **fields}
    assert schema["additionalProperties"] is False


def test_the_example_of_the_page_is_a_trace() -> None:
    page = (SPEC / "trace.md").read_text("utf-8")
    example = page.partition("```\n")[2].partition("```")[0].splitlines()
    [trace] = read(example)
    assert list(lines(trace)) == example
    schema = json.loads((SPEC / "trace.schema.json").read_text("utf-8"))
    for line in example:
        jsonschema.validate(json.loads(line), schema)


def test_the_page_names_every_event() -> None:
    page = (SPEC / "trace.md").read_text("utf-8")
    for name in EVENTS:
        assert f"\n| `{name}` | " in page


SWAP = '{"e":"SwapRequests","requests":2}'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "no object"),
        ('{"e":"Other"}', "no event Other"),
        ('{"e":"SwapRequests"}', "has requests"),
        ('{"e":"SwapRequests","requests":2,"more":1}', "has requests"),
        ('{"e":"SwapRequests","requests":true}', "no int"),
        ('{"e":"SwapRequests","requests":"2"}', "no int"),
        ('{"format":2}', "format 2"),
        ('{"format":1}', "header has"),
    ],
)
def test_anything_else_is_refused(line: str, reason: str) -> None:
    with pytest.raises(TraceRefused, match=reason) as refused:
        read([*lines(TRACE), line])
    assert refused.value.line == len(TRACE.events) + 2


def test_an_event_needs_a_header() -> None:
    with pytest.raises(TraceRefused, match="before any header"):
        read([SWAP])
