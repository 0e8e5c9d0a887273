"""Tests written from counterexamples: the world's part of a behaviour, played to the code.

Each writer turns steps (action, state before, state after) into the source of a pytest module.
"""

from typing import TypeAlias

from refimpl.model.state_space import REST
from refimpl.tlc.manifest import Row
from refimpl.tlc.runner import TlcRun
from refimpl.tlc.value import Function, Value, show

State: TypeAlias = dict[str, Value]
Step: TypeAlias = tuple[str, State, State]

_GROUP_COMMIT = '''"""{says}

Written by `rmqref model explain {config} --test FILE` from the counterexample of that model.
"""

from refimpl.model.ids import Millis, PhysicalOffset, Ticket
from refimpl.model.status import PutMessageStatus
from refimpl.store import group_commit as commits


def test_the_implementation_does_not_follow_{name}() -> None:
    """STORE-FLUSH-2: whatever is answered PUT_OK on the way is durable at that moment."""
    s = commits.GroupCommit(flush_attempts_max={attempts}, sees_last_flush={sees})
    durable = 0
    answered: list[commits.WakeupCustomer] = []

    def do_commit(s: commits.GroupCommit) -> commits.GroupCommit:
        if not s.requests_read:
            return s  # answered or dropped in an earlier step
        s, effect = commits.do_commit(s)
        if isinstance(effect, commits.WakeupCustomer):
            answered.append(effect)
            if effect.status is PutMessageStatus.PUT_OK:
                assert effect.request.next_offset <= durable
        return s

{body}
    assert all(r.next_offset > durable for r in s.unanswered) or s.requests_read
    tickets = [answer.request.ticket for answer in answered]
    assert len(tickets) == len(set(tickets)), "nobody is answered twice"
'''


_FOLLOWED = '''"""{says}

Written by `rmqref model explain {config} --test FILE` from the counterexample of that model.
"""

from refimpl.sim.replays import follow
from refimpl.tlc.parity import behaviour, constants

BOUND = """
{bound}
"""
STEPS = [
{steps}
]


def test_{name}() -> None:
    """{violated}: {verdict}"""
    reached = follow({module!r}, constants(BOUND), behaviour(STEPS))
    assert reached == {reached}, STEPS[: reached + 1]
'''


_RECOVERED = '''"""{says}

Written by `rmqref model explain {config} --test FILE` from the counterexample of that model.
"""

from refimpl.sim.recovery_replay import replay_recovery
from refimpl.tlc.parity import behaviour, constants

BOUND = """
{bound}
"""
STEPS = [
{steps}
]


def test_the_store_keeps_its_promises_in_{name}() -> None:
    """{violated}: a store that lives through the same keeps every promise after every step."""
    assert replay_recovery(constants(BOUND), behaviour(STEPS)) == []
'''


def changes(run: TlcRun) -> list[tuple[str, dict[str, str]]]:
    """Return the counterexample as what each step changes."""
    found: list[tuple[str, dict[str, str]]] = []
    before: State = {}
    for state in run.trace:
        after = state.values()
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        action = state.action if before else "Init"
        found.append((action, {name: show(value) for name, value in sorted(changed.items())}))
        before = after
    return found


def followed(row: Row, run: TlcRun, bound: str, reached: int) -> str:
    """Replay on the part of the implementation that parity explores, or on a broker.

    `reached`: how many states of the counterexample the implementation reaches. Of a wrong design
    that is not all of them: the test fails where the implementation takes the step that it
    refuses now.
    """
    steps = changes(run)
    whole = reached == len(steps)
    verdict = (
        "the implementation reaches the last state as well."
        if whole
        else "the implementation does not come to rest there."
        if steps[reached][0] == REST
        else f"the implementation does not take the step `{steps[reached][0]}`."
    )
    return _FOLLOWED.format(
        says=row.says,
        config=row.config,
        bound=_constants(bound),
        steps=_listed(steps),
        name=f"the_implementation_{'follows' if whole else 'does_not_follow'}_{_snake(row.config)}",
        violated=row.expect.removeprefix("violates "),
        verdict=verdict,
        module=row.module,
        reached=reached,
    )


def recovered(row: Row, run: TlcRun, bound: str) -> str:
    """Replay on a whole store: every crash leaves the image of the counterexample."""
    return _RECOVERED.format(
        says=row.says,
        config=row.config,
        bound=_constants(bound),
        steps=_listed(changes(run)),
        name=_snake(row.config),
        violated=row.expect.removeprefix("violates "),
    )


def _constants(bound: str) -> str:
    return "\n".join(line for line in bound.splitlines() if " = " in line)


def _listed(steps: list[tuple[str, dict[str, str]]]) -> str:
    lines: list[str] = []
    for action, changed in steps:
        lines.append(f"    ({action!r}, {{")
        lines += [f"        {name!r}: {value!r}," for name, value in changed.items()]
        lines.append("    }),")
    return "\n".join(lines)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def group_commit(row: Row, steps: list[Step]) -> str:
    """Replay on `refimpl.store.group_commit`."""
    body: list[str] = []
    for action, _, after in steps:
        body.append(f"    # {action}")
        body += [f"    {line}" for line in _group_commit_step(action, after)]
    return _GROUP_COMMIT.format(
        says=row.says,
        config=row.config,
        name=_snake(row.config),
        attempts=2,
        sees=True,
        body="\n".join(body),
    )


def _group_commit_step(action: str, after: State) -> list[str]:
    if action == "PutRequest":
        new = _requests(after["requestsWrite"])[-1]
        ticket, end = new.field("ticket"), new.field("next")
        request = f"commits.GroupCommitRequest(Ticket({ticket}), PhysicalOffset({end}), Millis(9))"
        return [f"s = commits.put_request(s, {request})"]
    if action == "SwapRequests":
        return ["s = commits.swap_requests(s)"]
    if action in {"Flush", "WakeupCustomer", "DropRequest"}:
        return ["s = do_commit(s)"]
    if action == "Flushed":
        lines = [f"s = commits.flushed(s, {after['flushed']})"]
        return [f"durable = {after['durable']}", *lines]
    if action == "Expire":
        return ["s, answer = commits.expire(s, Millis(9))", "assert answer is not None"]
    if action in {"Crash", "Shutdown", "Recovered"}:
        lines = ["s = commits.GroupCommit(s.flush_attempts_max, s.sees_last_flush)"]
        if action == "Recovered":  # the implementation trusts what is durable, and no more
            lines.append("s = commits.flushed(s, durable)")
        return lines
    assert action in {"DoAppend", "ForceLog", "ForceFailed"}, action
    return [f"# the log and the disk: written {_wrote(after)}, forcing {after['forcing']}"]


def _requests(value: Value) -> tuple[Function, ...]:
    assert isinstance(value, tuple)
    found = tuple(item for item in value if isinstance(item, Function))
    assert len(found) == len(value)
    return found


def _wrote(state: State) -> Value:
    live = state["live"]
    assert isinstance(live, tuple)
    return live[-1] if live else state["durable"]
