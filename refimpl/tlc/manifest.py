"""`spec/tla/manifest.json`: what each model says when TLC checks it, and what it is about.

`models` has a row per configuration: module, mode, expectation, number of distinct states and
depth. `modules` has an entry per module that describes code: the names of its actions in Python
and in the trace. `spec/tla/README.md` says more.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from refimpl.model.ids import JsonValue
from refimpl.tlc.runner import Outcome, TlcRun, run

FOLDER: Final = Path(__file__).parents[2] / "spec" / "tla"
MODES: Final = ("check", "refinement", "liveness", "debug", "wrong design")
_KEYS: Final = {"config", "module", "mode", "expect", "distinct", "depth", "says"}
HOLDS: Final = "holds"


class ManifestRefused(Exception):
    """The manifest is not as it should be."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


class Row(NamedTuple):
    """One configuration of one module."""

    config: str  # without .cfg; names the row
    module: str  # without .tla
    mode: str
    expect: str  # "holds", or "violates NAME"
    distinct: int  # states that TLC finds; where a counterexample ends it, 0: not compared
    depth: int  # for a counterexample: its states
    says: str


class Action(NamedTuple):
    """One action of a module in the words of the code."""

    name: str
    functions: tuple[str, ...]  # dotted names in Python; empty for the world outside
    event: str  # of refimpl.model.trace, "" for none


class Subject(NamedTuple):
    """What a module describes."""

    module: str
    python: tuple[str, ...]  # modules whose public functions are its actions
    actions: tuple[Action, ...]
    not_actions: dict[str, str]  # function -> why it is no action
    outside: dict[str, str]  # action that no function does -> who does it


class Checked(NamedTuple):
    """A row and what TLC said."""

    row: Row
    run: TlcRun
    problems: tuple[str, ...]

    @property
    def as_expected(self) -> bool:
        """Tell whether the run says what the manifest says."""
        return not self.problems


def rows(folder: Path = FOLDER) -> list[Row]:
    """Every row, in the order of the manifest. Raises `ManifestRefused`."""
    found: list[Row] = []
    for entry in _list(_read(folder), "models"):
        if not isinstance(entry, dict) or set(entry) != _KEYS:
            raise ManifestRefused("models", f"a row has {sorted(_KEYS)}, not {entry}")
        row = Row(
            _text(entry, "config"),
            _text(entry, "module"),
            _text(entry, "mode"),
            _text(entry, "expect"),
            _integer(entry, "distinct"),
            _integer(entry, "depth"),
            _text(entry, "says"),
        )
        if row.mode not in MODES:
            raise ManifestRefused(row.config, f"no mode {row.mode}")
        if row.expect != HOLDS and not row.expect.startswith("violates "):
            raise ManifestRefused(row.config, f"no expectation {row.expect}")
        if (row.expect == HOLDS) == (row.mode in {"debug", "wrong design"}):
            raise ManifestRefused(row.config, f"a row of mode {row.mode} {row.expect}")
        found.append(row)
    return found


def row_of(name: str, folder: Path = FOLDER) -> Row:
    """Return the row of one configuration; raises `ManifestRefused`."""
    for row in rows(folder):
        if row.config == name:
            return row
    raise ManifestRefused(name, "no model of that name; see `rmqref model list`")


def subjects(folder: Path = FOLDER) -> Iterator[Subject]:
    """Every module that describes code."""
    modules = _read(folder).get("modules")
    if not isinstance(modules, dict):
        raise ManifestRefused("modules", "is no object")
    for name, entry in modules.items():
        if not isinstance(entry, dict):
            raise ManifestRefused(name, "is no object")
        actions = entry.get("actions")
        if not isinstance(actions, dict):
            raise ManifestRefused(name, "has no table of actions")
        yield Subject(
            name,
            tuple(str(text) for text in _list(entry, "python")),
            tuple(_action(name, action, names) for action, names in actions.items()),
            _texts(entry.get("not_actions", {}), name),
            _texts(entry.get("outside", {}), name),
        )


def check(row: Row, *, folder: Path = FOLDER, seconds: int = 120, workers: int = 1) -> Checked:
    """Let TLC check one row. Raises `TlcMissing`."""
    outcome = run(
        folder / f"{row.module}.tla",
        folder / f"{row.config}.cfg",
        seconds=seconds,
        workers=workers,
    )
    return Checked(row, outcome, tuple(compare(row, outcome)))


def compare(row: Row, outcome: TlcRun) -> Iterator[str]:
    """Say what differs between a row and a run."""
    if outcome.outcome in {Outcome.ERROR, Outcome.TIMEOUT}:
        yield f"{outcome.outcome.value}: {' '.join(outcome.errors)[:500]}"
        return
    found = HOLDS if outcome.holds else f"violates {outcome.violated}".rstrip()
    if found != row.expect and not _unnamed(row, outcome):
        yield f"expected {row.expect}, found {found}"
        return
    if outcome.holds and outcome.distinct != row.distinct:
        yield f"expected {row.distinct} distinct states, found {outcome.distinct}"
    depth = outcome.depth if outcome.holds else len(outcome.trace)
    if depth != row.depth:
        yield f"expected depth {row.depth}, found {depth}"


def _unnamed(row: Row, outcome: TlcRun) -> bool:
    """TLC does not name the property that a behaviour breaks; the configuration has one."""
    properties = {Outcome.LIVENESS, Outcome.ACTION_PROPERTY}
    return outcome.outcome in properties and row.expect != HOLDS


def _read(folder: Path) -> dict[str, JsonValue]:
    document: JsonValue = json.loads((folder / "manifest.json").read_text("utf-8"))
    if not isinstance(document, dict):
        raise ManifestRefused("manifest.json", "is no object")
    return document


def _action(module: str, name: str, names: JsonValue) -> Action:
    """`{"functions": [...], "event": "..."}`, both optional."""
    if not isinstance(names, dict):
        raise ManifestRefused(module, f"{name} is no object")
    functions = _list(names, "functions") if "functions" in names else []
    return Action(name, tuple(str(f) for f in functions), str(names.get("event", "")))


def _list(entry: dict[str, JsonValue], key: str) -> list[JsonValue]:
    value = entry.get(key)
    if not isinstance(value, list):
        raise ManifestRefused(key, "is no list")
    return value


def _texts(value: JsonValue, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ManifestRefused(where, "is no object of texts")
    return {key: str(text) for key, text in value.items()}


def _text(entry: dict[str, JsonValue], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str) or not value:
        raise ManifestRefused(str(entry.get("config")), f"{key} is no text")
    return value


def _integer(entry: dict[str, JsonValue], key: str) -> int:
    value = entry[key]
    if not isinstance(value, int):
        raise ManifestRefused(str(entry.get("config")), f"{key} is no number")
    return value
