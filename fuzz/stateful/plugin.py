"""`pytest --stateful[=quick|ci|long] --stateful-seed N --stateful-time SECONDS`.

Without the option the machines are ordinary tests, played as the quick profile says. With it they
are the only tests. One machine is one test, so `-k` and `pytest -n` work as always; each test
carries its record in its report, and the table is made of the records wherever they were made.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import pytest

from fuzz.stateful import traces
from fuzz.stateful.machine import STATES_MAX
from fuzz.stateful.play import PROFILES, Play, Profile, Record, repeat_line
from fuzz.stateful.registry import Machine, machines
from fuzz.stateful.traces import Checked

MACHINES_FILE = "tests/fuzz/test_machines.py"
_PROPERTY = "stateful"
_MACHINE = "stateful_machine"
_COUNTED = pytest.StashKey[int]()

PlayMachine: TypeAlias = Callable[[Machine], Record]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the three options."""
    group = parser.getgroup("stateful", "state machines that drive the implementation")
    group.addoption(
        "--stateful",
        nargs="?",
        const="quick",
        choices=sorted(PROFILES),
        help="play the state machines and nothing else: quick (the default), ci or long",
    )
    group.addoption(
        "--stateful-seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the first round of every machine",
    )
    group.addoption(
        "--stateful-time",
        type=float,
        metavar="SECONDS",
        help="time to play all machines (ci: 200, long: 3600); traces are checked after it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect only the machines where the option says so."""
    given = config.args_source is pytest.Config.ArgsSource.ARGS
    if config.getoption("stateful") is not None and not given:
        config.args = [str(config.rootpath / MACHINES_FILE)]
    config.pluginmanager.register(_Table(), "stateful-table")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each machine."""
    if _MACHINE in metafunc.fixturenames:
        found = machines()
        metafunc.parametrize(_MACHINE, found.values(), ids=list(found))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the machines alone on the field where the option says so."""
    played = [item for item in items if _MACHINE in getattr(item, "fixturenames", ())]
    if config.getoption("stateful") is not None and len(played) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in played])
        items[:] = played


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember among how many machines the time is shared."""
    played = [item for item in session.items if _MACHINE in getattr(item, "fixturenames", ())]
    session.config.stash[_COUNTED] = len(played)


@pytest.fixture
def play_machine(request: pytest.FixtureRequest) -> PlayMachine:
    """Play a machine as the options say; what it did travels with the report of the test."""
    config = request.config
    profile = PROFILES[config.getoption("stateful") or "quick"]

    def run(machine: Machine) -> Record:
        play = Play(machine, config.getoption("stateful_seed"), profile.trace_events)
        checked = Checked()
        try:
            _play(play, profile, config)
            if profile.trace_events:
                held = [name for name in traces.MODELS if name not in machine.not_held]
                checked = traces.check(play.bag, config.rootpath / "build" / "traces", held)
        finally:
            record = replace(
                play.record(),
                traces=checked.traces,
                trace_events=checked.events,
                untraced=checked.skipped,
            )
            request.node.user_properties.append((_PROPERTY, record.as_json()))
        failure = failure_of(record, profile, checked)
        if failure:
            pytest.fail(failure)
        return record

    return run


def failure_of(record: Record, profile: Profile, checked: Checked) -> str:
    """Why a play failed that broke no invariant; empty where it did not."""
    if checked.refused:
        return "\n\n".join(checked.refused)
    if profile.everything_must_fire and record.never_fired:
        return f"{record.machine}: never fired: {', '.join(record.never_fired)}"
    return ""


def _play(play: Play, profile: Profile, config: pytest.Config) -> None:
    seconds = config.getoption("stateful_time")
    if seconds is None and profile.rounds is not None:
        play.rounds(profile.rounds)
        return
    whole: float = profile.seconds if seconds is None else seconds
    given = getattr(config, "workerinput", {"workercount": 1})
    play.seconds(whole * min(given["workercount"], config.stash[_COUNTED]) / config.stash[_COUNTED])


class _Table:
    """Collect the records of all workers and print them at the end."""

    def __init__(self) -> None:
        self._records: list[Record] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record out of a finished test's report."""
        if report.when == "call":
            found = (value for name, value in report.user_properties if name == _PROPERTY)
            for value in found:
                assert isinstance(value, dict)
                self._records.append(Record(**value))

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        """Print a row for each machine, what never fired, and how to repeat what failed."""
        if not self._records:
            return
        records = sorted(self._records, key=lambda record: record.machine)
        terminalreporter.section("state machines")
        terminalreporter.write_line(f"first seed {records[0].first_seed}")
        for line in table(records):
            terminalreporter.write_line(line)
        for record in records:
            if record.untraced:
                line = f"SKIPPED {record.machine}: its traces were not checked: {record.untraced}"
                terminalreporter.write_line(line, yellow=True)
        if PROFILES[config.getoption("stateful") or "quick"].trace_events:
            for line in not_held([machines()[record.machine] for record in records]):
                terminalreporter.write_line(line)
        if config.getoption("stateful") is not None:
            for record in records:
                terminalreporter.write_line(f"{record.machine}: {_counts(record)}")
        for record in records:
            if record.failed_seed is not None:
                line = f"FAILED {record.machine}: {repeat_line(record.machine, record.failed_seed)}"
                terminalreporter.write_line(line, red=True)


def table(records: list[Record]) -> list[str]:
    """Lay the records out, a line each, under a line of headings."""
    rows = [
        (
            "machine",
            "runs",
            "steps",
            "steps/s",
            "rules",
            "faults",
            "images",
            "states",
            "traces",
            "events",
            "s",
        )
    ]
    rows += [
        (
            record.machine,
            str(record.runs),
            str(record.steps),
            f"{record.steps / max(record.seconds, 1e-9):.0f}",
            _fired(record.rules),
            _fired(record.faults),
            str(record.images),
            f"{record.states}+" if record.states >= STATES_MAX else str(record.states),
            str(record.traces),
            str(record.trace_events),
            f"{record.seconds:.1f}",
        )
        for record in records
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def not_held(played: list[Machine]) -> Iterator[str]:
    """Say which runs are not held against which models, and why."""
    for name, reason in traces.NOT_HELD.items():
        yield f"no machine is held against {name}: {reason}"
    for machine in played:
        if machine.untraced:
            yield f"{machine.name} is not traced: {machine.untraced}"
        for reason in dict.fromkeys(machine.not_held.values()):
            models = ", ".join(m for m, why in machine.not_held.items() if why == reason)
            yield f"{machine.name} is not held against {models}: {reason}"


def _fired(counts: dict[str, int]) -> str:
    return f"{sum(1 for count in counts.values() if count)}/{len(counts)}"


def _counts(record: Record) -> str:
    fired = [f"{name} {count}" for name, count in {**record.rules, **record.faults}.items()]
    return ", ".join(fired)
