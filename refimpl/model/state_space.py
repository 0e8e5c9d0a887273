"""States in the words of a model, and how they were reached: what parity compares.

A state is a set of (variable, value). A sequence is a tuple, a set is frozen, a record or a
function is a set of pairs: so two states are equal where TLC would take them for one.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

Plain: TypeAlias = "int | str | tuple[Plain, ...] | frozenset[Plain]"  # a bool is an int
Variables: TypeAlias = frozenset[tuple[str, Plain]]
Step: TypeAlias = tuple[str, Variables]  # an action, and the state that it led to
Transition: TypeAlias = tuple[Variables, str, Variables]
REST: Final = "Stuttering"  # what TLC calls a step that changes nothing for ever


class StateSpace(NamedTuple):
    """What one side reaches; steps that change nothing are none."""

    parents: Mapping[Variables, tuple[Variables, str] | None]  # None: a first state
    transitions: frozenset[Transition]

    @property
    def states(self) -> frozenset[Variables]:
        """Every state."""
        return frozenset(self.parents)

    def path(self, state: Variables) -> list[Step]:
        """How `state` was reached, the shortest way that was found; the first is `Init`."""
        steps: list[Step] = []
        parent = self.parents[state]
        while parent is not None:
            steps.append((parent[1], state))
            state = parent[0]
            parent = self.parents[state]
        return [("Init", state), *reversed(steps)]


def variables_of(values: Mapping[str, Plain]) -> Variables:
    """Freeze a state."""
    return frozenset(values.items())


def record(**fields: Plain) -> Plain:
    """Freeze a record, or a function whose keys are names."""
    return frozenset(fields.items())


def number(constants: Mapping[str, Plain], name: str) -> int:
    """One constant of a configuration that is a number or TRUE or FALSE; raises `KeyError`."""
    value = constants[name]
    assert isinstance(value, int), name
    return value


def numbers(constants: Mapping[str, Plain], name: str) -> tuple[int, ...]:
    """One constant that is a set of numbers, in their order; raises `KeyError`."""
    value = constants[name]
    assert isinstance(value, frozenset), name
    return tuple(sorted(n for n in value if isinstance(n, int)))


def names(constants: Mapping[str, Plain], name: str) -> tuple[str, ...]:
    """One constant that is a set of strings, in their order; raises `KeyError`."""
    value = constants[name]
    assert isinstance(value, frozenset), name
    return tuple(sorted(n for n in value if isinstance(n, str)))
