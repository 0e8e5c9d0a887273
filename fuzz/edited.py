"""A bug on purpose as an edit of the source: what stands there, and what could have."""

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from unittest.mock import patch

from fuzz.stateful.registry import Planted
from refimpl.broker import dispatch


@contextmanager
def edited(owner: type | ModuleType, name: str, old: str, new: str) -> Iterator[None]:
    """Let `owner.name` be its own source with `old`, which must stand there once, as `new`."""
    function = inspect.unwrap(vars(owner)[name])
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{name}: {source.count(old)} times {old!r}"
    module = owner if isinstance(owner, ModuleType) else sys.modules[owner.__module__]
    made: dict[str, object] = {}
    code = compile(source.replace(old, new), f"<{name} with a planted bug>", "exec")
    exec(code, vars(module), made)  # noqa: S102 - the source is ours
    with (
        patch.object(owner, name, made[name]),
        patch.dict(dispatch._resolved, clear=True),  # noqa: SLF001 - processors by code
    ):
        yield


def planted_edit(  # noqa: PLR0917 - a row of a table of planted bugs
    machine: str, breaks: str, owner: type | ModuleType, name: str, old: str, new: str
) -> Planted:
    """Plant a bug that is one edit: which machine must notice what, and where it stands."""
    return Planted(machine, breaks, partial(edited, owner, name, old, new))
