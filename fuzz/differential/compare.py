"""Two outcomes of one request, put side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.frames import Frame
from fuzz.differential.client import Outcome
from fuzz.differential.normalise import Scene, Tree, timed_out, tree_of
from refimpl.model.ids import JsonValue


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the answers differ: a path and both values."""

    path: str
    left: JsonValue
    right: JsonValue


def normal(outcome: Outcome, scene: Scene) -> Tree:
    """The outcome as a tree; equal trees are equal behaviour."""
    frames = [frame for frame in outcome.frames if not timed_out(frame, scene)]
    answers: list[JsonValue] = [tree_of(frame, scene) for frame in frames]
    return {"closed": outcome.closed, "malformed": outcome.malformed, "answers": answers}


def normal_all(frames: Sequence[tuple[str, Frame]], scene: Scene) -> JsonValue:
    """Frames that came unasked, without an order between connections."""
    trees: list[JsonValue] = [
        {"on": name, **tree_of(frame, scene)}
        for name, frame in frames
        if not timed_out(frame, scene)
    ]
    return sorted(trees, key=repr)


def differences(left: JsonValue, right: JsonValue, path: str = "") -> list[Difference]:
    """Every place where the trees differ; a missing member is shown as the text `(absent)`."""
    if isinstance(left, dict) and isinstance(right, dict):
        found: list[Difference] = []
        for name in sorted({*left, *right}):
            where = f"{path}.{name}" if path else name
            found += differences(left.get(name, "(absent)"), right.get(name, "(absent)"), where)
        return found
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        found = []
        for at, (one, other) in enumerate(zip(left, right, strict=True)):
            found += differences(one, other, f"{path}[{at}]")
        return found
    if left == right and type(left) is type(right):
        return []
    return [Difference(path, left, right)]
