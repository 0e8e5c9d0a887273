"""What a slip is, and where slips are found.

A *slip* is the smallest wrong edit of the code that obeys one rule: a comparison turned round, a
call left out. Turned on, a case or a test that cites the rule must fail; a slip that nobody notices
says that its rule is not checked. Faults (`fuzz/faults`) are bugs that RocketMQ had.
"""

import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import NamedTuple, TypeAlias
from unittest.mock import patch

_HERE = Path(__file__).parent
_NO_CHAPTER = {"__init__", "slip", "notice", "plugin"}


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


@contextmanager
def slipped(slip: Slip) -> Iterator[None]:
    """Turn it on; raises `AssertionError` where the edit no longer fits the source."""
    try:
        with _with_constant(slip) if isinstance(slip, Constant) else _with_edit(slip):
            _forget_caches()
            yield
    finally:
        _forget_caches()


def _forget_caches() -> None:
    """What functions remember was computed by other code."""
    for name, module in list(sys.modules.items()):
        if name.startswith("refimpl."):
            for held in list(vars(module).values()):
                if hasattr(held, "cache_clear"):
                    held.cache_clear()


@contextmanager
def _with_edit(slip: Edit) -> Iterator[None]:
    function = _function(slip)
    right = function.__code__
    function.__code__ = _edited(slip, function)
    try:
        yield
    finally:
        function.__code__ = right


def _function(slip: Edit) -> FunctionType:
    return _plain(vars(slip.owner)[slip.name], slip.name)


def _plain(attribute: object, name: str) -> FunctionType:
    """The function below its decorators."""
    if isinstance(attribute, property):
        attribute = attribute.fget
    if isinstance(attribute, (staticmethod, classmethod)):
        attribute = attribute.__func__
    assert callable(attribute), f"{name} is no function"
    function = inspect.unwrap(attribute)
    assert isinstance(function, FunctionType), f"{name} is no function of Python"
    return function


def _edited(slip: Edit, function: FunctionType) -> CodeType:
    source = textwrap.dedent(inspect.getsource(function))
    count = source.count(slip.old)
    assert count == 1, f"{slip.name}: {count} times {slip.old!r}"
    source = source.replace(slip.old, slip.new)
    made: dict[str, object] = {}
    if isinstance(slip.owner, type):  # so that `super()` finds its cell
        source = f"class {slip.owner.__name__}:\n{textwrap.indent(source, '    ')}"
    exec(compile(source, f"<{slip.name}, slipped>", "exec"), function.__globals__, made)  # noqa: S102
    if isinstance(slip.owner, type):
        made = dict(vars(made[slip.owner.__name__]))
    code = _plain(made[slip.name], slip.name).__code__
    assert code.co_freevars == function.__code__.co_freevars, f"{slip.name}: another closure"
    return code


@contextmanager
def _with_constant(slip: Constant) -> Iterator[None]:
    right = vars(slip.module)[slip.name]
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith("refimpl.") and vars(module).get(slip.name) is right:
                stack.enter_context(patch.object(module, slip.name, slip.value))
        yield


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
