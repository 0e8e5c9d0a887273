"""How far the implementation goes along with a behaviour of a module of spec/tla.

    reached = follow("ConsumeOffset", constants(BOUND), behaviour(STEPS))

In a world as small as the model's where there is one (`sim.scopes`), else on a whole broker.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from refimpl.model.state_space import Plain, Step
from refimpl.sim import scopes
from refimpl.sim.offset_replay import follow_offsets
from refimpl.sim.transaction_replay import follow_transactions

_BROKERS: Final[Mapping[str, Callable[[Mapping[str, Plain], Sequence[Step]], int]]] = {
    "ConsumeOffset": follow_offsets,
    "Transaction": follow_transactions,
}
MODULES: Final = (*scopes.MODULES, *_BROKERS)


def follow(module: str, constants: Mapping[str, Plain], steps: Sequence[Step]) -> int:
    """How many states of a behaviour the implementation reaches. Raises `NoScope`."""
    if module in _BROKERS:
        return _BROKERS[module](constants, steps)
    return scopes.scope_of(module, constants).follow(steps)
