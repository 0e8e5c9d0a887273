"""What every state machine derives from: counts, the swarm's choice, broken invariants.

A machine declares its faults in `FAULTS` and its rules with Hypothesis's decorators. The swarm of a
run forbids some of both: a run that never flushes reaches states that a run of everything does not.
Rules that are in `ESSENTIAL` are never forbidden.

The choice of the next rule replaces Hypothesis's own, which draws a flag for every rule at every
step and describes every precondition: it halves the steps per second.
"""

import functools
import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Concatenate, NoReturn, ParamSpec

from hypothesis.errors import InvalidDefinition
from hypothesis.internal.conjecture.data import ConjectureData
from hypothesis.stateful import RULE_MARKER, Rule, RuleBasedStateMachine, initialize
from hypothesis.strategies import SearchStrategy, binary

from fuzz.stateful.traces import TraceBag
from refimpl.model.config import Config
from refimpl.model.override import override
from refimpl.model.release import Release
from refimpl.sim.trace_writer import TraceLog

_P = ParamSpec("_P")
_SWARM_BYTES = 8
_BITS_FOR_NAMES = 8 * _SWARM_BYTES - 2
STATES_MAX = 200_000  # of a machine: no more are told apart, so that a long play keeps its size


class InvariantBroken(AssertionError):
    """A machine saw what must never be: the ID of the invariant and what was seen."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant
        self.detail = detail


@dataclass(slots=True)
class Tally:
    """What the runs of one machine did, all together."""

    runs: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    images: int = 0
    states: set[int] = field(default_factory=set)

    @property
    def steps(self) -> int:
        """Rules fired in all."""
        return self.rules.total()


class CountedMachine(RuleBasedStateMachine):
    """A rule-based state machine that knows what it did. One `Tally` per class."""

    FAULTS: ClassVar[tuple[str, ...]] = ()  # every fault that the machine can cause
    ESSENTIAL: ClassVar[tuple[str, ...]] = ()  # rules without which a run is worth nothing
    WEIGHTS: ClassVar[Mapping[str, int]] = {}  # how often a rule is drawn, 1 where it is not there
    tally: ClassVar[Tally] = Tally()
    traces: ClassVar[TraceBag | None] = None  # where runs are traced
    _bits: ClassVar[dict[str, int]] = {}
    _forbidden = 0

    @override
    def __init_subclass__(cls) -> None:
        """Count every rule of the class, and give each rule and each fault its bit in the swarm."""
        super().__init_subclass__()
        cls.tally = Tally()
        for member in vars(cls).values():
            rule = getattr(member, RULE_MARKER, None)
            if rule is not None:
                rule.function = _counted(rule.function)
        names = [*cls.FAULTS, *cls.rule_names()]
        cls._bits = {name: 1 << n % _BITS_FOR_NAMES for n, name in enumerate(names)}

    def __init__(self) -> None:
        super().__init__()
        self.tally.runs += 1
        self._rules_strategy = _NextRule(self)  # type: ignore[assignment]  # has its `do_draw`

    @classmethod
    def rule_names(cls) -> tuple[str, ...]:
        """Name every rule of the class, sorted."""
        marked = (name for name in dir(cls) if hasattr(getattr(cls, name), RULE_MARKER))
        return tuple(sorted(marked))

    @classmethod
    def told_rules(cls) -> tuple[str, ...]:
        """Name the rules that this machine can fire; the others stay out of its table."""
        return cls.rule_names()

    @classmethod
    def start_counting(cls) -> Tally:
        """Count from zero; the tally that will be counted in."""
        cls.tally = Tally()
        return cls.tally

    def may_fire(self, rule: Rule) -> bool:
        """Tell whether the swarm of this run has the rule, and the state is one for it."""
        name: str = rule.function.__name__
        allowed = name in self.ESSENTIAL or not self._forbidden & self._bits[name]
        return allowed and self._is_possible(rule)

    def _is_possible(self, rule: Rule) -> bool:
        return all(self.bundle(bundle.name) for bundle in rule.bundles) and all(
            condition(self) for condition in rule.preconditions
        )

    def possible_rules(self) -> list[Rule]:
        """List what the swarm and the state permit; where that is nothing, what the state does."""
        found = [rule for rule in self.rules if self.may_fire(rule)]
        return found or [rule for rule in self.rules if self._is_possible(rule)]

    @initialize(choice=binary(min_size=_SWARM_BYTES, max_size=_SWARM_BYTES))
    def choose_swarm(self, choice: bytes) -> None:
        """Forbid half of the names; nothing in a quarter, every fault in an eighth of the runs."""
        bits = int.from_bytes(choice, "big")
        style = bits & 3
        self._forbidden = 0 if style == 0 else bits >> 2
        if style == 1 and bits & 4:
            self._forbidden = (1 << len(self.FAULTS)) - 1

    def allows(self, name: str) -> bool:
        """Tell whether this run may use the fault or the rule `name`."""
        bit = self._bits.get(name)
        assert bit is not None, f"{type(self).__name__} declares no fault and no rule {name}"
        return not self._forbidden & bit

    def fault(self, name: str) -> None:
        """Count a fault when it really happened."""
        assert name in self._bits, f"{type(self).__name__} declares no fault {name}"
        self.tally.faults[name] += 1

    def trace_of(self, config: Config, release: Release) -> TraceLog | None:
        """Begin the trace of a store with this configuration, where this run is traced."""
        return None if self.traces is None else self.traces.begin(config, release)

    def image(self, count: int = 1) -> None:
        """Count crash images that were opened again."""
        self.tally.images += count

    def visit(self, state: Hashable) -> None:
        """Count a state, once however often it is visited; `STATES_MAX` of them at most."""
        if len(self.tally.states) < STATES_MAX:
            self.tally.states.add(hash(state))

    def at_end(self) -> None:
        """Look once more at everything, when the last step of a run went well."""

    @override
    def teardown(self) -> None:
        """End the run; what broke it before is not hidden by what is broken at its end.

        A run that Hypothesis ends before the machine has begun has nothing to look at.
        """
        if sys.exc_info()[0] is None and not self._initialize_rules_to_run:
            self.at_end()

    def broken(self, invariant: str, detail: str) -> NoReturn:
        """End the run: `invariant` does not hold."""
        raise InvariantBroken(invariant, detail)

    def none_of(self, violations: Iterable[str]) -> None:
        """End the run at the first violation; each is `ID: what`."""
        for violation in violations:
            invariant, _, detail = violation.partition(": ")
            raise InvariantBroken(invariant, detail)


class _NextRule(SearchStrategy[tuple[Rule, dict[str, object]]]):
    """Draws a rule that may fire, and its arguments."""

    def __init__(self, machine: CountedMachine) -> None:
        super().__init__()
        self._machine = machine
        weights = machine.WEIGHTS
        self._deck = [r for r in machine.rules for _ in range(weights.get(r.function.__name__, 1))]

    @override
    def do_draw(self, data: ConjectureData) -> tuple[Rule, dict[str, object]]:
        """Draw from all rules first: then a step that shrinks away moves no later choice."""
        machine = self._machine
        deck = self._deck
        rule = deck[data.draw_integer(0, len(deck) - 1)]
        if not machine.may_fire(rule):
            possible = machine.possible_rules()
            if not possible:
                raise InvalidDefinition(f"no rule of {type(machine).__name__} can fire")
            rule = possible[data.draw_integer(0, len(possible) - 1)]
        return rule, {name: data.draw(given) for name, given in rule.arguments_strategies.items()}


def _counted(
    function: Callable[Concatenate[CountedMachine, _P], object],
) -> Callable[Concatenate[CountedMachine, _P], object]:
    name = function.__name__

    @functools.wraps(function)
    def fire(self: CountedMachine, /, *positional: _P.args, **named: _P.kwargs) -> object:
        self.tally.rules[name] += 1
        return function(self, *positional, **named)

    return fire
