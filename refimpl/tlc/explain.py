"""A counterexample in the project's words: a table of what happened, and a test that replays it.

An action is shown by the name that function, trace event and model share, with the variables it
changed and their new values. The arguments of an action are read off the change.
"""

from collections.abc import Callable, Iterator
from typing import Final

from refimpl.tlc import replay
from refimpl.tlc.manifest import Row, subjects
from refimpl.tlc.runner import State, TlcRun
from refimpl.tlc.value import Value, show

_HISTORY: Final = "H"  # actions of a module with a history: HPutRequest is PutRequest


class NoReplay(Exception):
    """There is nothing in the implementation that this module's counterexamples can be run on."""

    def __init__(self, module: str) -> None:
        super().__init__(f"no replay for {module}: nothing of the implementation runs its steps")
        self.module = module


def table(row: Row, run: TlcRun) -> str:
    """Return the counterexample: step, action, the code that does it, what it changed."""
    own = sorted(subjects(), key=lambda subject: row.module.startswith(subject.module))
    codes = {
        action.name: ", ".join(name.removeprefix("refimpl.") for name in action.functions)
        for subject in own  # the module's own words last, so that they stand
        for action in subject.actions
    }
    lines = [f"{row.config}: {row.says}", f"{run.outcome.value} {run.violated}".rstrip(), ""]
    before: dict[str, Value] = {}
    for state in run.trace:
        after = state.values()
        name = action_name(state)
        code = codes.get(name, "")
        lines.append(f"{state.number:3}  {name}" + (f"  ({code})" if code else ""))
        for variable, value in after.items():
            if variable not in before:
                lines.append(f"       {variable} = {show(value)}")
            elif before[variable] != value:
                lines.append(f"       {variable}: {show(before[variable])} -> {show(value)}")
        before = after
    if run.back_to:
        lines.append(f"     and again from {run.back_to}, for ever")
    return "\n".join(lines)


def action_name(state: State) -> str:
    """Return the action that led to `state`, without the mark of a module with a history."""
    name = state.action
    if len(name) > 1 and name[0] == _HISTORY and name[1].isupper():
        return name[1:]
    return name


def replay_test(row: Row, run: TlcRun) -> str:
    """Return a pytest module that drives the implementation as the counterexample goes.

    What the world does (producers, disk, clock, crash) is done; what the implementation decides
    is its own. The test holds it to the invariant that the model broke. Raises `NoReplay`.
    """
    if row.module not in WRITERS:
        raise NoReplay(row.module)
    steps = list(_steps(run))
    return WRITERS[row.module](row, steps)


def _steps(run: TlcRun) -> Iterator[tuple[str, dict[str, Value], dict[str, Value]]]:
    before: dict[str, Value] = {}
    for state in run.trace:
        after = state.values()
        if before:
            yield action_name(state), before, after
        before = after


WRITERS: Final[
    dict[str, Callable[[Row, list[tuple[str, dict[str, Value], dict[str, Value]]]], str]]
] = {"GroupCommit": replay.group_commit, "GroupCommitPromise": replay.group_commit}
