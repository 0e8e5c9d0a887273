"""Every state of the group commit within a bound, in the variables of spec/tla/GroupCommit.tla.

The automaton is the code; what surrounds it (a log, a disk, a crash) is as small as in the model,
whose variables and actions have the names that are used here.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from refimpl.model.ids import Millis, PhysicalOffset, Ticket
from refimpl.model.state_space import Plain, number, numbers, record
from refimpl.model.status import PutMessageStatus
from refimpl.store import group_commit as commits
from refimpl.store.group_commit import GroupCommit, GroupCommitRequest, WakeupCustomer

_LATER: Final = Millis(1)  # the deadline of everybody; who is impatient gets 0 for a moment


@dataclass(frozen=True, slots=True)
class GroupCommitBound:
    """The constants of GroupCommit.cfg.

    `begin` is where the log is durable at first and no recovery goes back behind; at the beginning
    of a file. `max_offset` counts from there.
    """

    file_size: int = 3
    min_blank: int = 1
    sizes: tuple[int, ...] = (1, 2)
    max_offset: int = 5
    producers: int = 2
    flush_attempts_max: int = 2
    sees_last_flush: bool = True
    begin: int = 0

    @classmethod
    def of(cls, constants: Mapping[str, Plain]) -> "GroupCommitBound":
        """Return the bound that a configuration states; raises `KeyError`."""
        return cls(
            number(constants, "FileSize"),
            number(constants, "MinBlank"),
            numbers(constants, "Sizes"),
            number(constants, "MaxOffset"),
            number(constants, "Producers"),
            number(constants, "FlushAttemptsMax"),
            bool(number(constants, "SeesLastFlush")),
        )


class GroupCommitState(NamedTuple):
    """The automaton, and the world around it as the model has it."""

    s: GroupCommit
    durable: int = 0
    live: tuple[int, ...] = ()
    forcing: int = 0
    appended: frozenset[int] = frozenset()
    recovered_to: int = 0
    ok_at_risk: frozenset[int] = frozenset()
    up: bool = False

    @property
    def wrote(self) -> int:
        """End of the log in the page cache."""
        return self.live[-1] if self.live else self.durable


_Named = tuple[str, GroupCommitState]


class GroupCommitWorld:
    """The actions of the model; each yields its name and the states that it leads to."""

    def __init__(self, bound: GroupCommitBound) -> None:
        assert bound.begin % bound.file_size == 0
        self.bound = bound
        self._max_offset = bound.begin + bound.max_offset

    def first(self) -> GroupCommitState:
        """Nothing is written, the process is down."""
        return GroupCommitState(self._fresh(), self.bound.begin)

    def _fresh(self) -> GroupCommit:
        return GroupCommit(self.bound.flush_attempts_max, self.bound.sees_last_flush)

    def next(self, w: GroupCommitState) -> Iterator[_Named]:
        """Every state that one action leads to."""
        yield from self._crash(w)
        if not w.up:
            yield from self._recovered(w)
            return
        yield from self._do_append(w)
        for end in w.appended:
            yield "PutRequest", self._put_request(w, end)
        if w.forcing:
            yield "Flushed", self._flushed(w)
            yield "ForceFailed", w._replace(forcing=0)
        else:
            yield from self._flusher(w)
        for request in w.s.unanswered:
            yield "Expire", self._expire(w, request)
        if self._may_stop(w):
            yield "Shutdown", w._replace(s=self._fresh(), recovered_to=0, up=False)

    def _do_append(self, w: GroupCommitState) -> Iterator[_Named]:
        bound = self.bound
        wrote = w.wrote
        for size in bound.sizes:
            fits = wrote % bound.file_size + size + bound.min_blank <= bound.file_size
            next_file = (wrote // bound.file_size + 1) * bound.file_size
            end = (wrote if fits else next_file) + size
            if size + bound.min_blank > bound.file_size or end > self._max_offset:
                continue
            live = (*w.live, end) if fits else (*w.live, next_file, end)
            yield "DoAppend", w._replace(live=live)
            if len(w.appended) + len(w.s.unanswered) < bound.producers:
                yield "DoAppend", w._replace(live=live, appended=w.appended | {end})

    @staticmethod
    def _put_request(w: GroupCommitState, end: int) -> GroupCommitState:
        request = GroupCommitRequest(Ticket(end), PhysicalOffset(end), _LATER)
        return w._replace(s=commits.put_request(w.s, request), appended=w.appended - {end})

    def _target(self, w: GroupCommitState) -> int:
        next_file = (w.s.flushed_where // self.bound.file_size + 1) * self.bound.file_size
        return min(next_file, w.wrote)

    def _flusher(self, w: GroupCommitState) -> Iterator[_Named]:
        """SwapRequests, DoCommit, ForceLog: what FlushManager does while no force is under way."""
        s, target = w.s, self._target(w)
        caught_up = s.flushed_where >= w.recovered_to
        idle = not s.requests_read and not s.requests_write
        if target > s.flushed_where and (not caught_up or idle):
            yield "ForceLog", w._replace(forcing=target)
        if not caught_up:
            return
        if s.requests_read:
            yield self._do_commit(w, target)
        elif s.requests_write:
            yield "SwapRequests", w._replace(s=commits.swap_requests(s))

    @staticmethod
    def _do_commit(w: GroupCommitState, target: int) -> _Named:
        s, effect = commits.do_commit(w.s)
        if effect is None:
            return "DropRequest", w._replace(s=s)
        if not isinstance(effect, WakeupCustomer):
            return "Flush", w._replace(s=s, forcing=target if target > s.flushed_where else 0)
        end = effect.request.next_offset
        if effect.status is PutMessageStatus.PUT_OK and end > w.durable:
            return "WakeupCustomer", w._replace(s=s, ok_at_risk=w.ok_at_risk | {end})
        return "WakeupCustomer", w._replace(s=s)

    def _flushed(self, w: GroupCommitState) -> GroupCommitState:
        file_from = (w.forcing - 1) // self.bound.file_size * self.bound.file_size
        durable = max(w.durable, w.forcing) if file_from <= w.durable else w.durable
        return w._replace(
            s=commits.flushed(w.s, w.forcing),
            forcing=0,
            durable=durable,
            live=tuple(end for end in w.live if end > durable),
            ok_at_risk=frozenset(end for end in w.ok_at_risk if end > durable),
        )

    @staticmethod
    def _expire(w: GroupCommitState, request: GroupCommitRequest) -> GroupCommitState:
        """Whose patience ends first is free: the one who leaves is overdue, nobody else is."""
        s = _with_deadline(w.s, request, Millis(0))
        s, answer = commits.expire(s, Millis(0))
        assert answer is not None
        return w._replace(s=_with_deadline(s, answer.request, _LATER))

    def _may_stop(self, w: GroupCommitState) -> bool:
        s = w.s
        waits = w.appended or s.requests_read or s.requests_write or s.unanswered
        return not (w.forcing or w.live or waits) and s.flushed_where == w.wrote

    def _crash(self, w: GroupCommitState) -> Iterator[_Named]:
        for keep in range(len(w.live) + 1):
            live = w.live[:keep]
            yield "Crash", GroupCommitState(self._fresh(), w.durable, live, ok_at_risk=w.ok_at_risk)

    def _recovered(self, w: GroupCommitState) -> Iterator[_Named]:
        """Flushes begin at what is known to be durable, or at a file; blanks may close files."""
        size, wrote = self.bound.file_size, w.wrote
        first = wrote // size + 1
        closed = [range(first, last + 1) for last in range(first, self._max_offset // size + 1)]
        for start in range(self.bound.begin, w.durable + 1):
            if start != w.durable and start % size:
                continue
            s = commits.flushed(w.s, start)
            for files in (range(0), *closed):
                live = (*w.live, *(file * size for file in files))
                to = files[-1] * size if files else wrote
                yield "Recovered", w._replace(s=s, live=live, recovered_to=to, up=True)

    @staticmethod
    def variables(w: GroupCommitState) -> dict[str, Plain]:
        """The state in the variables of the model."""

        def records(requests: commits.Requests) -> tuple[Plain, ...]:
            return tuple([record(ticket=r.ticket, next=r.next_offset) for r in requests])

        return {
            "durable": w.durable,
            "live": w.live,
            "flushed": w.s.flushed_where,
            "forcing": w.forcing,
            "appended": w.appended,
            "requestsWrite": records(w.s.requests_write),
            "requestsRead": records(w.s.requests_read),
            "unanswered": frozenset(records(w.s.unanswered)),
            "attempts": w.s.attempts,
            "recoveredTo": w.recovered_to,
            "okAtRisk": w.ok_at_risk,
            "up": w.up,
        }

    @staticmethod
    def hidden(w: GroupCommitState) -> Hashable:
        """Nothing of a value is hidden from who compares it."""
        return w


def _with_deadline(s: GroupCommit, request: GroupCommitRequest, deadline: Millis) -> GroupCommit:
    changed = request._replace(deadline=deadline)

    def through(requests: commits.Requests) -> commits.Requests:
        return tuple(changed if r == request else r for r in requests)

    return GroupCommit(
        s.flush_attempts_max,
        s.sees_last_flush,
        s.flushed_where,
        through(s.requests_write),
        through(s.requests_read),
        through(s.unanswered),
        s.attempts,
    )


class Walk(NamedTuple):
    """What `walk` saw."""

    states: frozenset[GroupCommitState]
    transitions: int


def walk(
    bound: GroupCommitBound, invariant: Callable[[GroupCommitState], bool] | None = None
) -> Walk:
    """Visit every state within the bound; raises `AssertionError` where `invariant` is false."""
    world = GroupCommitWorld(bound)
    first = world.first()
    seen, stack, transitions = {first}, [first], 0
    while stack:
        for _, state in world.next(stack.pop()):
            transitions += 1
            if state not in seen:
                assert invariant is None or invariant(state), state
                seen.add(state)
                stack.append(state)
    return Walk(frozenset(seen), transitions)


def ok_is_durable(w: GroupCommitState) -> bool:
    """STORE-FLUSH-2, GroupCommit!OkIsDurable: nothing is acknowledged that a crash takes."""
    return not w.ok_at_risk
