"""Tests written from counterexamples: the world's part of a behaviour, played to the code.

Each writer turns steps (action, state before, state after) into the source of a pytest module.
"""

from typing import TypeAlias

from refimpl.tlc.manifest import Row
from refimpl.tlc.value import Function, Value

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


def group_commit(row: Row, steps: list[Step]) -> str:
    """Replay on `refimpl.store.group_commit`."""
    body: list[str] = []
    for action, _, after in steps:
        body.append(f"    # {action}")
        body += [f"    {line}" for line in _group_commit_step(action, after)]
    return _GROUP_COMMIT.format(
        says=row.says,
        config=row.config,
        name="".join(f"_{c.lower()}" if c.isupper() else c for c in row.config).lstrip("_"),
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
