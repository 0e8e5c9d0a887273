"""Fewer requests that still show a difference of the same kind."""

from collections.abc import Callable
from dataclasses import replace

from fuzz.differential.play import Mismatch
from fuzz.differential.step import TOKEN, TOKENS, Sequence, Step

_PLAYS_MAX = 60


def kind_of(mismatch: Mismatch) -> tuple[int, ...] | tuple[int, str]:
    """What makes two mismatches the same: the request and the first place that differs."""
    label = -1 if mismatch.step is None else mismatch.step.label
    return (label, TOKENS.sub(TOKEN, mismatch.differences[0].path))


def shrink(
    sequence: Sequence, mismatch: Mismatch, play: Callable[[Sequence], list[Mismatch]]
) -> tuple[Sequence, Mismatch]:
    """The smallest sequence found by dropping requests, and its mismatch."""
    wanted = kind_of(mismatch)
    steps = list(sequence.steps)
    if mismatch.step is not None:
        steps = [step for step in steps if step.label <= mismatch.step.label]
    best, shown = list(sequence.steps), mismatch
    plays = 0
    size = max(len(steps) // 2, 1)

    def attempt(candidate: list[Step]) -> Mismatch | None:
        for one in play(replace(sequence, steps=tuple(candidate))):
            if kind_of(one) == wanted:
                return one
        return None

    first = attempt(steps)
    if first is None:
        return sequence, mismatch
    best, shown = steps, first
    while plays < _PLAYS_MAX:
        dropped = False
        at = 0
        while at < len(best) and plays < _PLAYS_MAX:
            candidate = best[:at] + best[at + size :]
            lost = best[at : at + size]
            if mismatch.step is not None and any(s.label == mismatch.step.label for s in lost):
                at += size
                continue
            plays += 1
            again = attempt(candidate)
            if again is None:
                at += size
            else:
                best, shown, dropped = candidate, again, True
        if size == 1 and not dropped:
            break
        size = max(size // 2, 1)
    kept = tuple(step.label for step in best)
    return replace(sequence, steps=tuple(best), kept=kept), shown
