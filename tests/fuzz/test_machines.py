"""Every state machine, played from its seed (`pytest --stateful` plays them longer)."""

import pytest

from fuzz.stateful.plugin import PlayMachine
from fuzz.stateful.registry import Machine


@pytest.mark.slow
def test_no_run_breaks_an_invariant(stateful_machine: Machine, play_machine: PlayMachine) -> None:
    record = play_machine(stateful_machine)
    assert record.steps > 0
    assert record.failed_seed is None
