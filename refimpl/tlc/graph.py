"""The state graph of a model, dumped by TLC: for pictures, and to compare sets of states."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from refimpl.tlc.manifest import FOLDER, Row
from refimpl.tlc.runner import Outcome, TlcRun, run
from refimpl.tlc.value import Value, parse_state

_NODE: Final = re.compile(r'^(-?\d+) \[label="(.*)"(,style = filled)?\]')
_EDGE: Final = re.compile(r'^(-?\d+) -> (-?\d+) \[label="(\w*)"')


class Graph(NamedTuple):
    """States by TLC's name for them, and edges (from, to, action)."""

    states: dict[str, dict[str, Value]]
    initial: tuple[str, ...]
    edges: tuple[tuple[str, str, str], ...]


class GraphRefused(Exception):
    """TLC did not come to an end, so that the graph is not whole."""

    def __init__(self, row: Row, found: TlcRun) -> None:
        why = " ".join(found.errors)[:500] if found.outcome is Outcome.ERROR else ""
        super().__init__(f"{row.config} {found.outcome.value} {why}".rstrip())
        self.row = row


def dot(row: Row, *, folder: Path = FOLDER, seconds: int = 120) -> str:
    """Return the state graph in Graphviz's language; a counterexample ends it early.

    Raises `TlcMissing`, and `GraphRefused` where there was no verdict.
    """
    with tempfile.TemporaryDirectory(prefix="tlc-dot-") as name:
        path = Path(name) / "states.dot"
        found = run(
            folder / f"{row.module}.tla",
            folder / f"{row.config}.cfg",
            seconds=seconds,
            flags=("-dump", "dot,actionlabels", str(path)),
        )
        if found.outcome in {Outcome.ERROR, Outcome.TIMEOUT} or not path.exists():
            raise GraphRefused(row, found)
        return path.read_text("latin-1")


def read(text: str) -> Graph:
    """Read what `dot` returns."""
    states: dict[str, dict[str, Value]] = {}
    initial: list[str] = []
    for name, label, filled in _nodes(text):
        states[name] = parse_state(label)
        if filled:
            initial.append(name)
    edges = [match for line in text.splitlines() if (match := _EDGE.match(line))]
    found = dict.fromkeys((edge[1], edge[2], edge[3]) for edge in edges)
    return Graph(states, tuple(initial), tuple(found))


def _nodes(text: str) -> Iterator[tuple[str, str, bool]]:
    for line in text.splitlines():
        match = _NODE.match(line)
        if match is not None:
            label = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match[2])
            yield match[1], label, match[3] is not None
