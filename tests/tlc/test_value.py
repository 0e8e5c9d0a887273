"""TLA+ values: what TLC prints is read, and what is written is what was read."""

import pytest

from refimpl.tlc.value import Function, ModelValue, ValueRefused, parse, parse_state, quoted, show


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-7", -7),
        ("TRUE", True),
        ('"a\\"b\\\\c\\n"', 'a"b\\c\n'),
        ("p1", ModelValue("p1")),
        ("<<>>", ()),
        ("<<1, <<2>>, {}>>", (1, (2,), frozenset())),
        ("{1, 2}", frozenset({1, 2})),
        ("{ }", frozenset()),
        ("2..4", frozenset({2, 3, 4})),
        ("[b |-> 1, a |-> <<>>]", Function([("a", ()), ("b", 1)])),
        ("(1 :> {2} @@ p :> 3)", Function([(1, frozenset({2})), (ModelValue("p"), 3)])),
    ],
)
def test_values_are_read_and_written(text: str, value: object) -> None:
    assert parse(text) == value
    assert parse(show(parse(text))) == value


@pytest.mark.parametrize("text", ["", "<<1", "{1 2}", "[a = 1]", "1 2", "(1 |-> 2)", "<<1,>>", "é"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueRefused):
        parse(text)


def test_a_state_is_read_by_variable_over_several_lines() -> None:
    text = '/\\ a = <<[x |-> 1],\n  [x |-> 2]>>\n/\\ b = {"/ c"}'
    assert parse_state(text) == {
        "a": (Function([("x", 1)]), Function([("x", 2)])),
        "b": frozenset({"/ c"}),
    }
    assert parse_state("only = 3") == {"only": 3}
    with pytest.raises(ValueRefused):
        parse_state("no state")


def test_fields_of_records() -> None:
    record = parse('[ticket |-> 1, text |-> "x"]')
    assert isinstance(record, Function)
    assert record.field("ticket") == 1
    with pytest.raises(KeyError):
        record.field("other")


def test_only_ascii_is_written() -> None:
    assert quoted('a"\\\n') == '"a\\"\\\\\\n"'
    assert quoted("ü").isascii()
    assert parse(quoted("ü")) == "\\xfc"
