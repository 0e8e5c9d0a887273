"""The reader of the specification, and the state of ours."""

from pathlib import Path

import pytest

from conformance.case import load_cases
from conformance.requirements import Coverage, Specification, cited, coverage, read_specification

GOOD = """# Chapter

### BROKER-TRIAL-1 · MUST · A title

Some text.

- why: because
  it is so.
- releases: [Modified in 5.5: 1 -> 29]
- source: A#b (4.9.7)
- outcome: definite

Prose behind it.
"""


def chapter(tmp_path: Path, text: str) -> Specification:
    folder = tmp_path / "spec" / "broker"
    folder.mkdir(parents=True)
    (folder / "trial.md").write_text(text, "utf-8")
    return read_specification(tmp_path)


def test_a_rule_is_read(tmp_path: Path) -> None:
    specification = chapter(tmp_path, GOOD)
    rule = specification.rules["BROKER-TRIAL-1"]
    assert not specification.problems
    assert (rule.level, rule.title, rule.text) == ("MUST", "A title", "Some text.")
    assert rule.members["why"] == "because it is so."
    assert (rule.path, rule.line, rule.area) == ("spec/broker/trial.md", 3, "BROKER")


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ("- why: because\n  it is so.\n", "", "no why"),
        ("definite", "perhaps", "outcome 'perhaps'"),
        ("[Modified in 5.5: 1 -> 29]", "some", "releases 'some'"),
        ("· MUST ·", "· OUGHT ·", "a heading that is no rule heading"),
        ("Some text.\n", "", "no text"),
        ("Prose behind it.", GOOD, "stands twice"),
    ],
)
def test_what_is_wrong_with_a_rule_is_told(
    tmp_path: Path, good: str, bad: str, problem: str
) -> None:
    assert good in GOOD
    problems = chapter(tmp_path, GOOD.replace(good, bad)).problems
    assert any(problem in found for found in problems), problems


def test_gaps_are_counted(tmp_path: Path) -> None:
    second = GOOD.replace("TRIAL-1", "TRIAL-2")
    specification = chapter(tmp_path, GOOD + second)
    counted = Coverage(specification, {"BROKER-TRIAL-1": ["c"]}, {"BROKER-TRIAL-9": ["t"]}, {})
    assert counted.unchecked == ["BROKER-TRIAL-2"]
    assert counted.unobeyed == ["BROKER-TRIAL-1", "BROKER-TRIAL-2"]
    assert counted.undeclared == {"BROKER-TRIAL-9": ["t"]}


def test_ranges_and_lists_are_cited_one_by_one() -> None:
    text = "STORE-CQ-1, -3, 8..9 and -12; STORE-LOG-2, 4.6 differs. BROKER-PULL-2 to -4/some-case"
    assert list(cited(text)) == [
        *("STORE-CQ-1", "STORE-CQ-3", "STORE-CQ-8", "STORE-CQ-9", "STORE-CQ-12"),
        "STORE-LOG-2",
        *("BROKER-PULL-2", "BROKER-PULL-3", "BROKER-PULL-4"),
    ]


@pytest.fixture(scope="module")
def ours() -> Coverage:
    return coverage(load_cases())


def test_chapters_follow_the_format(ours: Coverage) -> None:
    assert not ours.specification.problems
    assert ours.specification.rules


def test_every_cited_rule_is_declared(ours: Coverage) -> None:
    assert ours.undeclared == {}


def test_every_rule_is_checked(ours: Coverage) -> None:
    assert ours.unchecked == []


def test_every_rule_is_obeyed_by_code_that_says_so(ours: Coverage) -> None:
    assert ours.unobeyed == []
