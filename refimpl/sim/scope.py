"""Every state that an implementation reaches within a bound, in the variables of its model.

A `Scope` surrounds a part of the implementation with a world as small as that of the model: what
the model leaves to the world is free here too, what it says of the mechanism the code decides.
"""

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Protocol, TypeVar

from refimpl.model.state_space import (
    REST,
    Plain,
    StateSpace,
    Step,
    Transition,
    Variables,
    variables_of,
)

W = TypeVar("W")


class Scope(Protocol[W]):
    """One module: its worlds, the actions between them, and what the model sees of a world."""

    def first(self) -> W:
        """The world in which everything begins."""
        ...

    def next(self, world: W, /) -> Iterable[tuple[str, W]]:
        """Every world that one action leads to, with the action's name in the model."""
        ...

    def variables(self, world: W, /) -> dict[str, Plain]:
        """The projection: every variable of the model, of any world."""
        ...

    def hidden(self, world: W, /) -> Hashable:
        """What of the world may decide what comes next, and is no variable of the model."""
        ...


def explore(scope: Scope[W]) -> StateSpace:
    """Visit every world within the bound, those first that fewer actions lead to.

    Worlds that differ in what is hidden are visited each for itself, so that the projection
    hides no behaviour.
    """
    world = scope.first()
    start = variables_of(scope.variables(world))
    parents: dict[Variables, tuple[Variables, str] | None] = {start: None}
    transitions: set[Transition] = set()
    seen = {(start, scope.hidden(world))}
    open_worlds = deque([(world, start)])
    while open_worlds:
        world, before = open_worlds.popleft()
        for action, after in scope.next(world):
            state = variables_of(scope.variables(after))
            if state != before:
                transitions.add((before, action, state))
            if state not in parents:
                parents[state] = (before, action)
            key = (state, scope.hidden(after))
            if key not in seen:
                seen.add(key)
                open_worlds.append((after, state))
    return StateSpace(parents, frozenset(transitions))


def follow(scope: Scope[W], steps: Sequence[Step], fair: Collection[str] = ()) -> int:
    """Go along with a behaviour of a model; how many of its states were reached.

    The first step is the first state. Where several worlds look alike to the model, all go on.
    `fair`: actions that happen again and again where they change something. A behaviour that ends
    in rest is followed only where none of them does.
    """

    def rests(world: W, state: Variables) -> bool:
        named = ((name, scope.variables(after)) for name, after in scope.next(world))
        return all(name not in fair or variables_of(after) == state for name, after in named)

    worlds = [scope.first()]
    for number, (action, state) in enumerate(steps):
        if action == REST:
            worlds = [world for world in worlds if fair and rests(world, state)]
        elif number > 0:
            named = (pair for world in worlds for pair in scope.next(world))
            worlds = [after for name, after in named if name == action]
        worlds = [world for world in worlds if variables_of(scope.variables(world)) == state]
        if not worlds:
            return number
    return len(steps)
