"""What a slip is, and where slips are found.

A *slip* is the smallest wrong edit of the code that obeys one rule: a comparison turned round, a
call left out. Turned on, a case or a test that cites the rule must fail; a slip that nobody notices
says that its rule is not checked. Faults (`fuzz/faults`) are bugs that RocketMQ had.
"""

import importlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, TypeAlias

from fuzz.on_purpose.edited import edited, revalued

_HERE = Path(__file__).parent
_NO_CHAPTER = {"__init__", "slip", "notice", "citing"}


class Edit(NamedTuple):
    """In the source of the function or property `owner.name`, `old` stands once: now `new`."""

    owner: type | ModuleType
    name: str
    old: str
    new: str

    @property
    def told(self) -> str:
        """What becomes of the line."""
        return f"`{self.old}` becomes `{self.new}`"


class Constant(NamedTuple):
    """`module.name` has another value, also where it was imported by name."""

    module: ModuleType
    name: str
    value: object

    @property
    def told(self) -> str:
        """What becomes of it."""
        return f"becomes {self.value!r}"


Slip: TypeAlias = Edit | Constant


def slipped(slip: Slip) -> AbstractContextManager[None]:
    """Turn it on; raises `AssertionError` where the edit no longer fits the source."""
    if isinstance(slip, Constant):
        return revalued(slip.module, slip.name, slip.value)
    return edited(slip.owner, slip.name, slip.old, slip.new)


def title(slip: Slip) -> str:
    """What is edited: `module.function` or `module.Class.function`."""
    owner = slip.module if isinstance(slip, Constant) else slip.owner
    name = owner.__name__.rpartition(".")[2]
    return f"{name}.{slip.name}"


def slips() -> Mapping[str, Slip]:
    """By rule: those of every module in this folder, in the order of the folder."""
    found: dict[str, Slip] = {}
    for path in sorted(_HERE.glob("*.py")):
        if path.stem not in _NO_CHAPTER:
            chapter: Mapping[str, Slip] = importlib.import_module(f"fuzz.slips.{path.stem}").SLIPS
            assert not found.keys() & chapter.keys(), path.stem
            found.update(chapter)
    return found
