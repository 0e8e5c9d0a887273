"""Options of the whole project: a clone knows `pytest --stateful` without being installed."""

pytest_plugins = ["fuzz.stateful.plugin"]
