"""A bug on purpose as an edit of the source: what stands there, and what could have.

The function stays the same object and runs other code, so that whoever holds it, by an import or
in a table of processors, has the bug as well.
"""

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import CodeType, FunctionType, ModuleType
from unittest.mock import patch


@contextmanager
def edited(owner: type | ModuleType, name: str, old: str, new: str) -> Iterator[None]:
    """Let the function or property `owner.name` be its source with `old`, once there, as `new`.

    Raises `AssertionError` where the edit no longer fits the source.
    """
    function = _plain(vars(owner)[name], name)
    right, wrong = function.__code__, _edited_code(owner, function, old, new)
    try:
        function.__code__ = wrong
        _forget_caches()
        yield
    finally:
        function.__code__ = right
        _forget_caches()


@contextmanager
def revalued(module: ModuleType, name: str, value: object) -> Iterator[None]:
    """Let `module.name` have another value, also where it was imported by name."""
    right = vars(module)[name]
    try:
        with ExitStack() as stack:
            for importer in _of_the_reference():
                if vars(importer).get(name) is right:
                    stack.enter_context(patch.object(importer, name, value))
            _forget_caches()
            yield
    finally:
        _forget_caches()


def _of_the_reference() -> list[ModuleType]:
    return [module for name, module in sys.modules.items() if name.startswith("refimpl.")]


def _forget_caches() -> None:
    """What functions remember was computed by other code."""
    for module in _of_the_reference():
        for held in list(vars(module).values()):
            if hasattr(held, "cache_clear"):
                held.cache_clear()


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


def _edited_code(owner: type | ModuleType, function: FunctionType, old: str, new: str) -> CodeType:
    name = function.__name__
    source = textwrap.dedent(inspect.getsource(function))
    count = source.count(old)
    assert count == 1, f"{name}: {count} times {old!r}"
    source = source.replace(old, new)
    made: dict[str, object] = {}
    if isinstance(owner, type):  # so that `super()` finds its cell
        source = f"class {owner.__name__}:\n{textwrap.indent(source, '    ')}"
    exec(compile(source, f"<{name}, edited>", "exec"), function.__globals__, made)  # noqa: S102 - the source is ours
    if isinstance(owner, type):
        made = dict(vars(made[owner.__name__]))
    edit = _plain(made[name], name)
    assert edit.__code__.co_freevars == function.__code__.co_freevars, f"{name}: another closure"
    assert inspect.signature(edit) == inspect.signature(function), f"{name}: other parameters"
    return edit.__code__
