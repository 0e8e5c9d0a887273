"""The table of background actors."""

from refimpl.broker.actors import DISK_PAUSE, ActorTable
from refimpl.model.disk import DiskError
from refimpl.model.ids import Actor, Millis

A, B = Actor("a"), Actor("b")


def test_steps_follow_their_due_times() -> None:
    table = ActorTable()
    ran: list[tuple[str, int]] = []
    table.every(A, Millis(10), lambda: 5, lambda now: ran.append(("a", now)))

    def once(now: Millis) -> None:
        ran.append(("b", now))

    table.add(B, Millis(12), once)
    table.run_due(Millis(9))
    assert ran == []
    assert table.next_due() == 10
    table.run_due(Millis(12))
    assert ran == [("a", 12), ("b", 12)]
    assert dict(table.due()) == {A: 17}, "an actor that gives no time is done"
    table.wake(A, Millis(13))
    table.wake(A, Millis(99))
    table.wake(B, Millis(1))
    assert dict(table.due()) == {A: 13}
    assert table.step(A, Millis(13))
    assert not table.step(B, Millis(13))
    table.remove(A)
    assert table.next_due() is None


def test_an_actor_may_replace_itself() -> None:
    table = ActorTable()

    def first(_now: Millis) -> Millis:
        table.add(A, Millis(50), lambda now: now)
        return Millis(20)

    table.add(A, Millis(1), first)
    table.run_due(Millis(1))
    assert dict(table.due()) == {A: 50}
    table.clear()
    assert not table.due()


def test_a_disk_that_refuses_ends_the_step_not_the_actor() -> None:
    """BROKER-LIFECYCLE-17."""
    table = ActorTable()
    steps: list[int] = []

    def step(now: Millis) -> Millis:
        steps.append(now)
        if len(steps) == 1:
            raise DiskError("read", "consumequeue/T/0/0", "Input/output error")
        return Millis(now + 5)

    table.add(Actor("reads"), Millis(10), step)
    table.run_due(Millis(10))
    assert table.next_due() == 10 + DISK_PAUSE
    table.run_due(Millis(10 + DISK_PAUSE))
    assert table.next_due() == 15 + DISK_PAUSE
    assert steps == [10, 10 + DISK_PAUSE]
