"""SQL92 selectors against Apache's own: texts, trees, values, depth."""

import pytest

from refimpl.model import sql92
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.model.sql92_expression import EvaluationFailed, MQFilterError
from tests import vectors
from tests.vectors import Vector

CONTEXTS: list[dict[str, str]] = []
for _vector in vectors.load("4.9", "sql_contexts"):
    _properties = _vector.fields()["properties"]
    assert isinstance(_properties, dict)
    CONTEXTS.append({name: str(value) for name, value in _properties.items()})


def text_of(vector: Vector) -> str | None:
    assert vector.input is None or isinstance(vector.input, str)
    return vector.input


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("A||", 'line 1, column 2.  Encountered: "|" (124), after : ""'),
        ("| |", 'line 1, column 1.  Encountered: "|" (124), after : ""'),
        ("a|", 'line 1, column 3.  Encountered: <EOF> after : ""'),
        ("a = 'bc", 'line 1, column 8.  Encountered: <EOF> after : "\\\'bc"'),
        ("a = '", 'line 1, column 6.  Encountered: <EOF> after : ""'),
        ("a = .x y", 'line 1, column 6.  Encountered: "x" (120), after : "."'),
        ("a =\n # 1", 'line 2, column 2.  Encountered: "#" (35), after : ""'),
        ("a = \u00e9 ", 'line 1, column 5.  Encountered: "\\u00e9" (233), after : ""'),
    ],
)
def test_where_no_token_begins(text: str, detail: str) -> None:
    """BROKER-FILTER-9: the text of Java's token manager."""
    with pytest.raises(MQFilterError) as error:
        sql92.compile_expression(text, RELEASE_4_9)
    assert error.value.detail == f"Lexical error at {detail}"


@pytest.mark.parametrize("release", RELEASES.values(), ids=lambda release: release.name)
def test_what_a_refusal_says(release: Release) -> None:
    """BROKER-FILTER-9: the token met and what could have stood there, word for word."""
    told = 0
    for vector in vectors.load(release, "sql_refusal"):
        text = text_of(vector)
        if vector.error is None:
            sql92.compile_expression(text, release)
            continue
        with pytest.raises(MQFilterError) as refused:
            sql92.compile_expression(text, release)
        assert refused.value.remark == vector.message, vector.name
        told += 1
    assert told > 100


def test_values() -> None:
    """BROKER-FILTER-8, BROKER-FILTER-11, BROKER-FILTER-12: 590 selectors on 22 messages."""

    def values(release: Release, vector: Vector) -> JsonValue:
        expression = sql92.compile_expression(text_of(vector), release)
        out: list[JsonValue] = []
        for context in CONTEXTS:
            try:
                value = expression.evaluate(context)
                assert sql92.evaluate(expression, context) == value
                out.append(value)
            except EvaluationFailed as failed:
                assert sql92.evaluate(expression, context) is None
                out.append(failed.java_class)
        return out

    assert vectors.mismatches("sql", values) == []


def test_trees() -> None:
    """BROKER-FILTER-7: precedence and association."""

    def printed(release: Release, vector: Vector) -> JsonValue:
        return str(sql92.compile_expression(text_of(vector), release))

    assert vectors.mismatches("sql_tree", printed) == []


def test_deep_selectors() -> None:
    """BROKER-FILTER-13."""

    def deep(release: Release, vector: Vector) -> JsonValue:
        fields = vector.fields()
        count = fields["n"]
        assert isinstance(count, int)
        text = {
            "paren": "(" * count + "TRUE" + ")" * count,
            "not": "NOT " * count + "FALSE",
            "or": " OR ".join(["TRUE"] * count),
            "and": " AND ".join(["TRUE"] * count),
        }[str(fields["kind"])]
        return sql92.evaluate(sql92.compile_expression(text, release), {})

    assert vectors.mismatches("sql_deep", deep) == []


@pytest.mark.parametrize(
    "text",
    ["a = 1" + " = TRUE" * 2000, "a = " + "- " * 2000 + "1", "(" * 299 + "NOT (" * 300 + "TRUE"],
)
def test_depth_is_refused_not_crashed_on(text: str) -> None:
    """BROKER-FILTER-13."""
    with pytest.raises(MQFilterError):
        sql92.compile_expression(text, RELEASE_4_9)


def test_the_deepest_accepted_tree_evaluates() -> None:
    """BROKER-FILTER-13."""
    text = "NOT (a = 1 AND " * 180 + "TRUE" + ")" * 180
    expression = sql92.compile_expression(text, RELEASE_4_9)
    assert sql92.evaluate(expression, {"a": "1"}) is True
    assert sql92.evaluate(expression, {}) is None


@pytest.mark.parametrize("release", list(RELEASES.values()), ids=lambda r: r.name)
def test_every_refusal_has_one_remark(release: Release) -> None:
    """BROKER-FILTER-9."""
    for text in (None, "", "a =", "a > 'x'", "TRUE = 1", "a BETWEEN 2 AND 1", "a # 1", "1e400 = a"):
        with pytest.raises(MQFilterError) as caught:
            sql92.compile_expression(text, release)
        assert (caught.value.code, caught.value.reason) == (-1, "Invalid MessageSelector. ")


def test_text_operators_are_words_only_in_5_5() -> None:
    """BROKER-FILTER-10: elsewhere the expression ends before the unknown word."""
    text = "a CONTAINS 'x'"
    assert str(sql92.compile_expression(text, RELEASE_4_9)) == "a"
    assert str(sql92.compile_expression(text, RELEASE_5_5)) == "(CONTAINS a)"
