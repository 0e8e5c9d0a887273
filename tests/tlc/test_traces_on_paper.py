"""What runs of the store and of brokers write is what spec/trace.schema.json says."""

import json
from pathlib import Path

import jsonschema

from refimpl.model.trace_file import Trace, lines
from tests.tlc import async_flush_traces, consume_offset_traces, transaction_traces

SCHEMA = Path(__file__).parents[2] / "spec" / "trace.schema.json"
RUNS: tuple[Trace, ...] = (
    *async_flush_traces.some(3),
    *consume_offset_traces.some(3),
    *transaction_traces.some(3),
)


def test_lines_of_runs_fit_the_schema() -> None:
    """Each line by the definition of its event, of which exactly one can fit."""
    kinds = json.loads(SCHEMA.read_text("utf-8"))["$defs"]
    validators = {name: jsonschema.Draft202012Validator(kind) for name, kind in kinds.items()}
    seen = set()
    for trace in RUNS:
        for line in lines(trace):
            found = json.loads(line)
            seen.add(name := found.get("e", "Header"))
            validators[name].validate(found)
    assert {"Append", "Crash", "Recovered", "StepFlush", "CommitOffset", "WriteOp"} <= seen
    assert len(seen) > len(kinds) // 2
