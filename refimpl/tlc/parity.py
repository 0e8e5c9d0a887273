"""Parity: the states and steps that an implementation reaches within a bound are those of TLC.

Sets are compared, not counts. A difference names the first states that only one side reaches,
with the way there; steps are compared too, those left out that change nothing.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from refimpl.model.state_space import Plain, StateSpace, Step, Transition, Variables, variables_of
from refimpl.tlc.graph import Graph
from refimpl.tlc.value import Function, Value, parse

_SHOWN: Final = 3
_PAIR: Final = 2


class Parity(NamedTuple):
    """Both sides of one module."""

    config: str
    code: StateSpace
    model: StateSpace
    code_seconds: float  # of the processor
    model_seconds: float  # with the start of TLC, until its graph is read

    @property
    def holds(self) -> bool:
        """Tell whether both sides reach the same states by the same steps."""
        same = self.code.transitions == self.model.transitions
        return same and self.code.states == self.model.states and bool(self.model.transitions)


def constants(config: str) -> dict[str, Plain]:
    """Read the constants of a configuration: `NAME = value`, one a line."""
    found: dict[str, Plain] = {}
    for line in config.splitlines():
        name, equals, text = line.partition(" = ")
        if equals:
            found[name.strip()] = plain(parse(text))
    return found


def behaviour(changes: Sequence[tuple[str, Mapping[str, str]]]) -> list[Step]:
    """Return a behaviour of which each step says what it changes, in TLC's words."""
    values: dict[str, Plain] = {}
    steps: list[Step] = []
    for action, changed in changes:
        values |= {name: plain(parse(said)) for name, said in changed.items()}
        steps.append((action, variables_of(values)))
    return steps


def plain(value: Value) -> Plain:
    """Return what TLC prints as both sides have it."""
    if isinstance(value, Function):
        return frozenset((plain(key), plain(item)) for key, item in value)
    if isinstance(value, tuple):
        return tuple([plain(item) for item in value])
    if isinstance(value, frozenset):
        return frozenset(plain(item) for item in value)
    return value


def space_of(graph: Graph) -> StateSpace:
    """Return the states and steps of TLC's graph, with the shortest way to each state."""
    states = {
        name: variables_of({variable: plain(value) for variable, value in state.items()})
        for name, state in graph.states.items()
    }
    following: dict[str, list[tuple[str, str]]] = {}
    for source, target, action in graph.edges:
        following.setdefault(source, []).append((action, target))
    parents: dict[Variables, tuple[Variables, str] | None] = {
        states[name]: None for name in graph.initial
    }
    open_names = deque(graph.initial)
    while open_names:
        name = open_names.popleft()
        for action, target in following.get(name, ()):
            if states[target] not in parents:
                parents[states[target]] = (states[name], action)
                open_names.append(target)
    steps = ((states[a], action, states[b]) for a, b, action in graph.edges if a != b)
    return StateSpace(parents, frozenset(steps))


def certificate(parity: Parity) -> Iterator[str]:
    """One line where both sides are the same, else what differs."""
    code, model = parity.code, parity.model
    seconds = f"code {parity.code_seconds:.1f} s, TLC {parity.model_seconds:.1f} s"
    if parity.holds:
        yield (
            f"{parity.config}: the same {len(code.states)} states and "
            f"{len(code.transitions)} transitions on both sides ({seconds})"
        )
        return
    yield (
        f"{parity.config} DIFFERS: the code has {len(code.states)} states and "
        f"{len(code.transitions)} transitions, the model {len(model.states)} and "
        f"{len(model.transitions)} ({seconds})"
    )
    yield from _only("the code", code, model)
    yield from _only("the model", model, code)
    if code.states == model.states:
        yield from _only_steps("the code", code, model)
        yield from _only_steps("the model", model, code)


def _only(who: str, side: StateSpace, other: StateSpace) -> Iterator[str]:
    """The states that are nearest to the beginning come first."""
    only = [state for state in side.parents if state not in other.parents]
    if only:
        yield f"  only {who} reaches {len(only)} states, the first:"
    for state in only[:_SHOWN]:
        path = side.path(state)
        yield "    " + ", ".join(action for action, _ in path)
        before = path[-2][1] if len(path) > 1 else frozenset()
        yield from _changed(before, state)
    variables = {name for name, _ in next(iter(side.parents))}
    missing = variables - {name for name, _ in next(iter(other.parents))}
    if missing:
        yield f"  only {who} has the variables {', '.join(sorted(missing))}"


def _only_steps(who: str, side: StateSpace, other: StateSpace) -> Iterator[str]:
    order = {state: at for at, state in enumerate(side.parents)}
    only: list[Transition] = sorted(
        side.transitions - other.transitions, key=lambda step: (order[step[0]], step[1])
    )
    if only:
        yield f"  only {who} takes {len(only)} steps between states of both, the first:"
    for before, action, after in only[:_SHOWN]:
        yield "    " + ", ".join([name for name, _ in side.path(before)] + [action])
        yield from _changed(before, after)


def _changed(before: Variables, after: Variables) -> Iterator[str]:
    """The variables of a state, those with a mark that its last step changed."""
    for name, value in sorted(after, key=lambda pair: pair[0]):
        mark = " " if (name, value) in before else "*"
        yield f"      {mark} {name} = {text(value)}"


def text(value: Plain) -> str:
    """Write a value as both sides have it; what maps names to values as a record."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, tuple):
        return "<<" + ", ".join(map(text, value)) + ">>"
    if isinstance(value, frozenset):
        fields = [item for item in value if isinstance(item, tuple) and _is_field(item)]
        if fields and len(fields) == len(value):
            return "[" + ", ".join(sorted(f"{k} |-> {text(v)}" for k, v in fields)) + "]"
        return "{" + ", ".join(sorted(map(text, value))) + "}"
    return str(value)


def _is_field(item: tuple[Plain, ...]) -> bool:
    return len(item) == _PAIR and isinstance(item[0], str)
