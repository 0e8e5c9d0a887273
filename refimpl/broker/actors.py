"""The broker's background threads as actors: a name, a due time, one step.

Java starts `ScheduledExecutorService`s and `ServiceThread`s. Here each is a row of one table; the
interpreter runs what is due, the simulator runs any row in any order.
"""

from collections.abc import Callable, Mapping
from typing import Final

from refimpl.model.disk import DiskError
from refimpl.model.ids import Actor, Millis

DISK_PAUSE: Final = 1000  # milliseconds until an actor whose disk refused tries again

Step = Callable[[Millis], Millis | None]


class ActorTable:
    """Actors by name with the time at which each wants its next step."""

    __slots__ = ("_due", "_steps")

    def __init__(self) -> None:
        self._due: dict[Actor, Millis] = {}
        self._steps: dict[Actor, Step] = {}

    def add(self, actor: Actor, due: Millis, step: Step) -> None:
        """Run `step` at `due`; it returns its next due time, or None to leave the table."""
        self._due[actor] = due
        self._steps[actor] = step

    def every(
        self,
        actor: Actor,
        first: Millis,
        period: Callable[[], int],
        action: Callable[[Millis], None],
    ) -> None:
        """Run `action` at `first`, then `period()` milliseconds after each end (fixed delay)."""

        def step(now: Millis) -> Millis:
            action(now)
            return Millis(now + max(1, period()))

        self.add(actor, first, step)

    def wake(self, actor: Actor, due: Millis) -> None:
        """Bring an actor's next step forward; an actor that is not there stays absent."""
        if actor in self._due and self._due[actor] > due:
            self._due[actor] = due

    def remove(self, actor: Actor) -> None:
        """Take an actor out; an absent one is no error."""
        self._due.pop(actor, None)
        self._steps.pop(actor, None)

    def clear(self) -> None:
        """Stop everything."""
        self._due.clear()
        self._steps.clear()

    def due(self) -> Mapping[Actor, Millis]:
        """Every actor with its due time, in the order in which they were added."""
        return self._due

    def next_due(self) -> Millis | None:
        """The earliest due time."""
        return min(self._due.values(), default=None)

    def step(self, actor: Actor, now: Millis) -> bool:
        """One step of one actor; False where it is unknown.

        BROKER-LIFECYCLE-17: a disk that refuses ends this step, not the actor.
        """
        step = self._steps.get(actor)
        if step is None:
            return False
        try:
            due = step(now)
        except DiskError:
            due = Millis(now + DISK_PAUSE)
        if self._steps.get(actor) is step:
            if due is None:
                self.remove(actor)
            else:
                self._due[actor] = due
        return True

    def run_due(self, now: Millis) -> None:
        """One step of every actor that is due, in the order of the table."""
        for actor in [name for name, due in self._due.items() if due <= now]:
            self.step(actor, now)
