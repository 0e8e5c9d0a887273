"""Where machines and planted bugs are found: by listing their folders, sorted by name.

`fuzz/machines/<name>.py` defines `MACHINE`, `fuzz/planted/<name>.py` defines `PLANTED`.
"""

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType

from fuzz.on_purpose.edited import edited
from fuzz.stateful.machine import CountedMachine

_FUZZ = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Machine:
    """One state machine, and what it watches."""

    name: str  # as in `pytest --stateful -k NAME`
    machine: type[CountedMachine]
    subject: str  # the module that it drives
    invariants: tuple[str, ...]  # IDs that it can report as broken
    untraced: str = ""  # why no model knows what its runs do
    not_held: Mapping[str, str] = field(default_factory=dict)  # models, and why not against them


@dataclass(frozen=True, slots=True)
class Planted:
    """One bug on purpose: while `patch()` is entered, `machine` must find `breaks` broken."""

    machine: str
    breaks: str
    patch: Callable[[], AbstractContextManager[object]]


def planted_edit(  # noqa: PLR0917 - a row of a table of planted bugs
    machine: str, breaks: str, owner: type | ModuleType, name: str, old: str, new: str
) -> Planted:
    """Plant a bug that is one edit: which machine must notice what, and where it stands."""
    return Planted(machine, breaks, partial(edited, owner, name, old, new))


def machines() -> dict[str, Machine]:
    """Every machine by its name, sorted."""
    found: dict[str, Machine] = {}
    for module in _modules("machines"):
        machine = importlib.import_module(module).MACHINE
        assert isinstance(machine, Machine), module
        assert machine.name not in found, f"two machines are called {machine.name}"
        found[machine.name] = machine
    return dict(sorted(found.items()))


def planted() -> dict[str, Planted]:
    """Every planted bug by its name, sorted."""
    found: dict[str, Planted] = {}
    for module in _modules("planted"):
        bugs: Mapping[str, Planted] = importlib.import_module(module).PLANTED
        for name, bug in bugs.items():
            assert name not in found, f"two planted bugs are called {name}"
            found[name] = bug
    return dict(sorted(found.items()))


def _modules(folder: str) -> list[str]:
    names = sorted(path.stem for path in (_FUZZ / folder).glob("*.py"))
    return [f"fuzz.{folder}.{name}" for name in names if name != "__init__"]
