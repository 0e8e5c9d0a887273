"""The differential comparison: same against same is equal, and what is wrong is found."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.target import Target
from conformance.targets.choice import choose
from fuzz.differential.bodies import BODIES
from fuzz.differential.compare import differences
from fuzz.differential.generate import KINDS, generate
from fuzz.differential.known import KNOWN, Known, known
from fuzz.differential.play import Mismatch, Stage
from fuzz.differential.report import show, signature
from fuzz.differential.shapes import AREAS, SHAPES
from fuzz.differential.shrink import kind_of, shrink
from fuzz.differential.step import TOKEN, TOKENS, token_of
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES

SPEC = Path(__file__).parent.parent.parent / "spec"
OPTIONS = {"transactionCheckInterval": "3600000"}
SEQUENCES = 3


def deviating_rules() -> dict[str, set[str]]:
    """Rule -> releases that it deviates from."""
    rules: dict[str, set[str]] = {}
    for path in sorted(SPEC.rglob("*.md")):
        for part in path.read_text("utf-8").split("\n### ")[1:]:
            tags = " ".join(re.findall(r"\[Deviates from ([^:]*):", part))
            named = {name for name in RELEASES if name in tags or "all" in tags}
            if named:
                rules[part.partition(" ")[0]] = named
    return rules


@pytest.fixture
def stages() -> Iterator[list[Target]]:
    started: list[Target] = []
    yield started
    for target in started:
        target.stop()


def stage(started: list[Target], left: str, right: str, release: str = "4.9") -> Stage:
    for name in (left, right):
        target = choose(name, release)
        target.start(OPTIONS)
        started.append(target)
    return Stage(started[-2], started[-1])


@pytest.mark.parametrize("release", list(RELEASES))
@pytest.mark.parametrize("area", ["all", "frames"])
def test_a_target_is_equal_to_itself(stages: list[Target], release: str, area: str) -> None:
    """Two references, started alike, answer alike: the comparison itself adds no difference."""
    two = stage(stages, "reference", "reference", release)
    for number in range(1, SEQUENCES + 1):
        found = two.play(generate(5, number, area))
        assert found == [], show(found[0], generate(5, number, area), "")
    assert two.requests > 20 * SEQUENCES


@pytest.mark.parametrize(
    "how",
    [
        "drops",
        "answers-twice",
        "offset-backwards",
        "accepts-refused",
        "forgets-remark",
        "garbles",
        "wrong-opaque",
    ],
)
def test_a_misbehaving_target_is_found(stages: list[Target], how: str) -> None:
    """Every kind of misbehaviour shows within a few sequences."""
    two = stage(stages, "reference", f"misbehaving:{how}:reference")
    for number in range(1, 9):
        if two.play(generate(6, number, "send"), stop_early=how != "answers-twice"):
            return
    pytest.fail(f"{how} was not seen")


def test_a_mismatch_is_shrunk_to_what_it_needs(stages: list[Target]) -> None:
    """A refusal that is reported as success needs one request, not the whole sequence."""
    two = stage(stages, "reference", "misbehaving:accepts-refused:reference")
    two.agree_ms = 0
    sequence = generate(7, 1, "offset")
    found = [one for one in two.play(sequence) if one.step is not None]
    assert found
    small, mismatch = shrink(sequence, found[0], two.play)
    assert kind_of(mismatch) == kind_of(found[0])
    assert len(small.steps) < len(sequence.steps) / 3
    assert small.kept == tuple(step.label for step in small.steps)
    text = show(mismatch, small, "the command")
    assert "the command" in text
    assert signature(mismatch)


def test_sequences_come_from_the_seed_alone() -> None:
    """The same numbers give the same steps; others give others."""
    for area in AREAS:
        assert generate(1, 3, area) == generate(1, 3, area)
        assert generate(1, 3, area).steps != generate(1, 4, area).steps
        assert generate(1, 3, area).steps != generate(2, 3, area).steps


def test_every_shape_can_be_drawn() -> None:
    """Kinds and bodies that shapes name exist, and every request code comes up."""
    kinds = {
        entry.partition("=")[2].rstrip("?") for shape in SHAPES for entry in shape.fields.split()
    }
    assert kinds - KINDS.keys() == {"physical", "offset_of_send", "message_id"}
    assert {shape.body for shape in SHAPES if shape.body} == BODIES.keys()
    drawn = {step.code for number in range(250) for step in generate(1, number, "all").steps}
    assert {shape.code for shape in SHAPES} <= drawn


def test_tokens() -> None:
    """Every play has a token of the right form, which replaces the placeholder byte for byte."""
    tokens = [token_of(number) for number in (1, 2, 35, 36, 1_000_000)]
    assert len(set(tokens)) == len(tokens)
    for token in tokens:
        assert TOKENS.fullmatch(token)
        assert len(token) == len(TOKEN)
    assert TOKENS.fullmatch(TOKEN)


def test_differences_are_placed() -> None:
    left: JsonValue = {"a": [1, {"b": "x"}], "c": None, "d": True}
    right: JsonValue = {"a": [1, {"b": "y"}], "e": None, "d": 1}
    assert [(one.path, one.left, one.right) for one in differences(left, right)] == [
        ("a[1].b", "x", "y"),
        ("c", None, "(absent)"),
        ("d", True, 1),
        ("e", "(absent)", None),
    ]
    assert differences(left, left) == []


def test_what_is_known_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry explains a mismatch only where release, code, place and value fit."""
    entry = Known("STORE-LOG-6", "test", ("4.9",), (10,), r"\.code$", "16")
    monkeypatch.setattr("fuzz.differential.known.KNOWN", (entry,))
    step = replace(generate(1, 1, "send").steps[0], code=10)
    left: JsonValue = {"x": {"code": 1}}
    right: JsonValue = {"x": {"code": 16}}
    fits = Mismatch(step, left, right, tuple(differences(left, right)))
    assert known(fits, "4.9") is entry
    assert known(fits, "4.6") is None
    assert known(replace(fits, step=replace(step, code=11)), "4.9") is None
    other: JsonValue = {"x": {"code": 16, "remark": "r"}}
    assert known(Mismatch(step, left, other, tuple(differences(left, other))), "4.9") is None


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: f"{entry.rule} {entry.codes}")
def test_known_differences_cite_a_deviation(entry: Known) -> None:
    """The rule that is cited says that it deviates from each of the releases."""
    assert set(entry.releases) <= deviating_rules().get(entry.rule, set())
    assert entry.reason
