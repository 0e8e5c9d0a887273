"""A plugin of pytest that turns one fault on for all tests: `pytest -p fuzz.faults.turned_on`.

Which one, says the variable RMQREF_FAULT.
"""

import os  # noqa: TID251 - the plugin has no other way to be told
from contextlib import ExitStack

import pytest

from fuzz.faults.fault import faults

VARIABLE = "RMQREF_FAULT"


def pytest_configure(config: pytest.Config) -> None:
    """Patch the core until pytest ends."""
    stack = ExitStack()
    stack.enter_context(faults()[os.environ[VARIABLE]].patch())
    config.add_cleanup(stack.close)
