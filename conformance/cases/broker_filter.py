"""SQL92 selectors as pulls see them: which messages a selector delivers."""

from conformance.case import case
from conformance.wire import Wire
from refimpl.remoting.response_code import ResponseCode

# name -> properties; a case says which of them its selector delivers.
_MESSAGES = {
    "five": {"n": "5"},
    "ten": {"n": "10", "s": "abc"},
    "fraction": {"n": "3.5", "b": "true"},
    "negative": {"n": "-7"},
    "word": {"n": "x", "b": "TRUE"},
    "quote": {"s": "it's", "b": "false"},
    "none": {},
}


def _delivers(w: Wire, text: str, wanted: str) -> None:
    topic = w.create_topic(queues=1)
    for name, properties in _MESSAGES.items():
        w.send(topic, name.encode(), properties=properties)
    w.await_max_offset(topic, 0, len(_MESSAGES))
    result = w.pull(topic, subscription=text, expressionType="SQL92")
    bodies = result.bodies if result.code == ResponseCode.SUCCESS else []
    w.equal(b" ".join(bodies).decode(), wanted, text)
    w.equal(result.next_begin_offset, len(_MESSAGES), "next offset")


@case(
    "BROKER-FILTER-11/three-values",
    rules=["BROKER-FILTER-11", "BROKER-PULL-32"],
    matrix={
        "missing-is-null": {"text": "n > -100", "wanted": "five ten negative"},
        "is-null": {"text": "n IS NULL", "wanted": "quote none"},
        "is-not-null": {"text": "n IS NOT NULL", "wanted": "five ten fraction negative word"},
        "not-null-is-null": {"text": "NOT (s = 'abc')", "wanted": "quote"},
        "unequal-of-null": {"text": "s <> 'abc'", "wanted": "quote"},
        "and-needs-both": {"text": "n > 4 AND s IS NOT NULL", "wanted": "ten"},
        "or-needs-one": {"text": "s = 'abc' OR n = 5", "wanted": "five ten"},
        "first-side-decides": {"text": "n IS NULL OR n > 4", "wanted": "five ten quote none"},
        "always": {"text": "1 = 1", "wanted": "five ten fraction negative word quote none"},
        "never": {"text": "1 = 2", "wanted": ""},
    },
)
def three_values(w: Wire, text: str, wanted: str) -> None:
    """A message is delivered only where the selector is true; null is not."""
    _delivers(w, text, wanted)


@case(
    "BROKER-FILTER-12/types",
    rules=["BROKER-FILTER-12", "BROKER-PULL-32"],
    matrix={
        "number-not-text": {"text": "n > 9", "wanted": "ten"},
        "integer-refuses-a-fraction": {"text": "n = 3", "wanted": ""},
        "fraction": {"text": "n = 3.5", "wanted": "fraction"},
        "fraction-reads-integers": {"text": "n > 3.4", "wanted": "five ten fraction"},
        "negative-literal": {"text": "n = -7", "wanted": "negative"},
        "equal-text": {"text": "n = '10'", "wanted": "ten"},
        "boolean": {"text": "b = TRUE", "wanted": "fraction word"},
        "boolean-false": {"text": "b = FALSE", "wanted": "quote"},
        "boolean-on-the-left-fails": {"text": "TRUE = b", "wanted": ""},
        "quote-in-a-text": {"text": "s = 'it''s'", "wanted": "quote"},
        "number-on-the-left": {"text": "5 = n", "wanted": "five"},
        "bare-property": {"text": "b", "wanted": ""},
        "long-literal": {"text": "n = 5L", "wanted": "five"},
    },
)
def types(w: Wire, text: str, wanted: str) -> None:
    """A property is read as the type of what it is compared with; what fails delivers nothing."""
    _delivers(w, text, wanted)


@case(
    "BROKER-FILTER-7/operators",
    rules=["BROKER-FILTER-7", "BROKER-PULL-32"],
    matrix={
        "between": {"text": "n BETWEEN 5 AND 10", "wanted": "five ten"},
        "not-between": {"text": "n NOT BETWEEN 5 AND 10", "wanted": "negative"},
        "in": {"text": "s IN ('abc', 'x')", "wanted": "ten"},
        "not-in": {"text": "s NOT IN ('abc', 'x')", "wanted": "quote"},
        "and-before-or": {"text": "n = 5 OR n = 10 AND s = 'x'", "wanted": "five"},
        "parentheses": {"text": "(n = 5 OR n = 10) AND s = 'abc'", "wanted": "ten"},
        "key-words-of-any-case": {
            "text": "s is null or n between 5 and 10",
            "wanted": "five ten fraction negative word none",
        },
        "a-failing-side-fails": {
            "text": "n BETWEEN 5 AND 10 OR s IS NULL",
            "wanted": "five ten negative none",
        },
        "names-are-exact": {"text": "N = 5", "wanted": ""},
        "comment": {"text": "n /* five */ = 5", "wanted": "five"},
        "less-or-equal": {"text": "n <= 5", "wanted": "five negative"},
    },
)
def operators(w: Wire, text: str, wanted: str) -> None:
    """Operators, their order, and key words in any case."""
    _delivers(w, text, wanted)


@case(
    "BROKER-FILTER-10/text-operators",
    rules=["BROKER-FILTER-10"],
    releases=["5.5"],
    matrix={
        "contains": {"text": "s CONTAINS 'b'", "wanted": "ten"},
        "not-contains": {"text": "s NOT CONTAINS 'b'", "wanted": "quote"},
        "starts-with": {"text": "s STARTSWITH 'it'", "wanted": "quote"},
        "ends-with": {"text": "s ENDSWITH 'c'", "wanted": "ten"},
        "empty": {"text": "s CONTAINS ''", "wanted": ""},
    },
)
def text_operators(w: Wire, text: str, wanted: str) -> None:
    """Operators on text; a missing property is never delivered."""
    _delivers(w, text, wanted)


@case("BROKER-FILTER-8/read-as-far-as-it-goes", rules=["BROKER-FILTER-8"])
def read_as_far_as_it_goes(w: Wire) -> None:
    """What follows a complete selector is not looked at."""
    _delivers(w, "n = 5) OR n = 10", "five")


@case("BROKER-FILTER-13/deep-selectors", rules=["BROKER-FILTER-13"])
def deep_selectors(w: Wire) -> None:
    """A chain of a thousand operands and two hundred parentheses filter like others."""
    _delivers(w, " OR ".join(["n = 5"] * 1000), "five")
    _delivers(w, "(" * 200 + "n = 5" + ")" * 200, "five")
