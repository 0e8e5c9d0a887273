"""What the explorers reach keeps the invariants of the models; tests/tlc has the sets."""

import pytest

from fuzz.planted.store_side import acks_on_wrote
from refimpl.model.state_space import Variables, variables_of
from refimpl.sim.automata_scope import GroupCommitBound, ok_is_durable, walk
from refimpl.sim.dispatch_scope import DispatchBound, DispatchScope, DispatchWorld


def test_the_invariant_holds_and_can_fail() -> None:
    """STORE-FLUSH-2: nothing is acknowledged that a crash takes."""
    bound = GroupCommitBound(max_offset=3)
    assert walk(bound, ok_is_durable).transitions > 1000
    with acks_on_wrote(), pytest.raises(AssertionError):
        walk(bound, ok_is_durable)


def test_messages_from_before_add_no_states() -> None:
    """What is durable and done with does not matter: the same states at other offsets."""
    first = walk(GroupCommitBound(max_offset=4), ok_is_durable)
    later = walk(GroupCommitBound(max_offset=4, begin=3000), ok_is_durable)
    assert (len(later.states), later.transitions) == (len(first.states), first.transitions)
    assert not first.states & later.states


def check_dispatch(world: DispatchWorld) -> None:
    records, told = world.log.records, world.reput.counts()[1]
    assert world.reput_from <= world.log.flushed
    for queue in world.bound.queues:
        mine = [r for r in records if r.queue == queue and r.unit]
        dispatched = tuple(r.at for r in mine if r.at < world.reput_from)
        assert world.units(queue) + world.gathered(queue) == dispatched
        assert {r.at for r in mine if r in records[:told]} <= set(world.units(queue))
    assert world.accepts, "one refusal is half of what stops the store"


def test_dispatch_keeps_the_invariants_of_its_model() -> None:
    """UnitsFollowTheLog, ShownIsConfirmed, ToldIsReadable, in every state of a smaller bound."""
    scope = DispatchScope(DispatchBound(max_records=2, max_refusals=1))
    seen: set[Variables] = set()
    worlds = [scope.first()]
    while worlds:
        for _, world in scope.next(worlds.pop()):
            state = variables_of(scope.variables(world))
            if state not in seen:
                check_dispatch(world)
                seen.add(state)
                worlds.append(world)
    assert len(seen) > 500
