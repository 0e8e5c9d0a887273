"""Options of the whole project: a clone knows `pytest --stateful` without being installed."""

import contextlib
import signal

pytest_plugins = ["fuzz.stateful.plugin"]


def pytest_configure() -> None:
    """SIGTERM ends a run as Ctrl-C does, so that fixtures stop the servers that they started."""
    with contextlib.suppress(ValueError):  # not the main thread: somebody else's process
        signal.signal(signal.SIGTERM, signal.default_int_handler)
