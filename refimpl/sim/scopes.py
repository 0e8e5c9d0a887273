"""Modules of spec/tla that an implementation can be held against, state by state.

scope_of("DelayQueue", constants).explore()      # all that it reaches within a bound
scope_of("DelayQueue", constants).follow(steps)  # how far it goes along with a behaviour
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from refimpl.model.state_space import Plain, StateSpace, Step
from refimpl.sim import scope as scopes
from refimpl.sim.async_flush_scope import FAIR, AsyncFlushBound, AsyncFlushScope
from refimpl.sim.automata_scope import GroupCommitBound, GroupCommitWorld
from refimpl.sim.delay_scope import DelayBound, DelayScope
from refimpl.sim.dispatch_scope import DispatchBound, DispatchScope
from refimpl.sim.dispatch_store_scope import DispatchStoreScope
from refimpl.sim.mapped_file_scope import FilesBound, FilesScope

Constants = Mapping[str, Plain]
W = TypeVar("W")


class NoScope(Exception):
    """Nothing of the implementation can be held against this module, or not with these bounds."""

    def __init__(self, module: str, why: str) -> None:
        super().__init__(f"no parity for {module}: {why}")
        self.module = module


class Scoped(NamedTuple):
    """What can be done with an implementation and a bound."""

    explore: Callable[[], StateSpace]
    follow: Callable[[Sequence[Step]], int]


def _scoped(scope: scopes.Scope[W], fair: Collection[str] = ()) -> Scoped:
    return Scoped(lambda: scopes.explore(scope), lambda steps: scopes.follow(scope, steps, fair))


_SCOPES: Final[Mapping[str, Callable[[Constants], Scoped]]] = {  # by module
    "GroupCommit": lambda constants: _scoped(GroupCommitWorld(GroupCommitBound.of(constants))),
    "AsyncFlush": lambda constants: _scoped(AsyncFlushScope(AsyncFlushBound.of(constants)), FAIR),
    "Dispatch": lambda constants: _scoped(DispatchScope(DispatchBound.of(constants))),
    "DispatchStates": lambda constants: _scoped(DispatchStoreScope(constants)),
    "MappedFileQueue": lambda constants: _scoped(FilesScope(FilesBound.of(constants))),
    "DelayQueue": lambda constants: _scoped(DelayScope(DelayBound.of(constants))),
}
MODULES: Final = tuple(_SCOPES)


def scope_of(module: str, constants: Constants) -> Scoped:
    """Return the implementation of `module` within a bound. Raises `NoScope`."""
    if module not in _SCOPES:
        raise NoScope(module, f"there is one for {', '.join(MODULES)}")
    if module == "MappedFileQueue" and constants["Pool"]:
        raise NoScope(module, "the buffers of a pool are not explored")
    return _SCOPES[module](constants)
