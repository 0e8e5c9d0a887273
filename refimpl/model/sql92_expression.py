"""Expressions of SQL92 selectors: what they refuse when built, and what they answer.

Values are Java's: String is `str`, Integer `int`, Long `Long`, Double `float`, Boolean `bool`, null
`None`. Properties of messages are always strings. Java 4.9.7: filter/expression/*.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import copysign, isnan
from sys import float_info
from typing import Final, TypeAlias

from refimpl.model.errors import InvalidInput, RefimplError
from refimpl.model.java import (
    hash_map_order,
    i32,
    i64,
    parse_boolean,
    parse_int,
    parse_long,
)
from refimpl.model.java_double import double_to_string, parse_double
from refimpl.model.override import override

MAX_DEPTH: Final = 400  # nested nodes; evaluation is recursive
_FEW: Final = 5  # from here on Java's IN list is a HashSet
_SMALLEST_DOUBLE: Final = 5e-324


class Long(int):
    """Java's Long; a plain `int` is an Integer."""

    __slots__ = ()


Value: TypeAlias = "str | int | float | bool | None"
Scalar: TypeAlias = "str | int | float | bool"
Number: TypeAlias = "int | float"


PARSE_EXCEPTION = "org.apache.rocketmq.filter.parser.ParseException"
LEXICAL_ERROR = "org.apache.rocketmq.filter.parser.TokenMgrError"
RUNTIME_EXCEPTION = "java.lang.RuntimeException"


class MQFilterError(InvalidInput):
    """A selector that cannot be compiled: `reason` is Java's for every cause, `detail` is ours.

    `remark` is what a broker answers: Java's class and text of the cause, None where that has no
    text. BROKER-FILTER-9.
    """

    code = -1

    def __init__(self, detail: str, cause: str | None = RUNTIME_EXCEPTION) -> None:
        super().__init__("selector", detail, "Invalid MessageSelector. ")
        self.detail = detail
        self.remark = None if cause is None else f"{cause}: {detail}"


class EvaluationFailed(RefimplError):
    """An evaluation in which Java throws `java_class`."""

    def __init__(self, java_class: str) -> None:
        super().__init__(java_class)
        self.java_class = java_class


class Expression(ABC):
    """One node. `is_boolean` is Java's BooleanExpression, `depth` the longest path below."""

    __slots__ = ("depth",)
    is_boolean = False

    def __init__(self, *children: "Expression") -> None:
        self.depth: int = 1 + max((child.depth for child in children), default=0)
        if self.depth > MAX_DEPTH:
            raise MQFilterError("nested too deeply", "java.lang.StackOverflowError")

    @abstractmethod
    def evaluate(self, properties: Mapping[str, str]) -> Value:
        """Value for one message; raises `EvaluationFailed`."""


class Property(Expression):
    """A property of the message, by its exact name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    @override
    def evaluate(self, properties: Mapping[str, str]) -> Value:
        """Text of the property; null where the message lacks it."""
        return properties.get(self.name)

    @override
    def __str__(self) -> str:
        return self.name


class Constant(Expression):
    """A literal."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value

    @override
    def evaluate(self, properties: Mapping[str, str]) -> Value:
        """The literal itself."""
        del properties
        return self.value

    @override
    def __str__(self) -> str:
        value = self.value
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, str):
            return "'" + value.replace("'", "''") + "'"
        return double_to_string(value) if isinstance(value, float) else str(int(value))


class BooleanConstant(Constant):
    """TRUE, FALSE or NULL."""

    __slots__ = ()
    is_boolean = True


TRUE: Final = BooleanConstant(value=True)
FALSE: Final = BooleanConstant(value=False)
NULL: Final = BooleanConstant(None)


class BooleanCast(Expression):
    """A bare property where a truth value is wanted: null or false, for properties are strings."""

    __slots__ = ("right",)
    is_boolean = True

    def __init__(self, right: Expression) -> None:
        super().__init__(right)
        self.right = right

    @override
    def evaluate(self, properties: Mapping[str, str]) -> Value:
        """Null or false: a string is no boolean."""
        value = self.right.evaluate(properties)
        return value if value is None or isinstance(value, bool) else False

    @override
    def __str__(self) -> str:
        return str(self.right)


class Not(Expression):
    """NOT in three values; chains are counted, not nested."""

    __slots__ = ("count", "right")
    is_boolean = True

    def __init__(self, right: Expression) -> None:
        inner: Expression = right.right if isinstance(right, Not) else right
        super().__init__(inner)
        self.count: int = right.count + 1 if isinstance(right, Not) else 1
        self.right: Expression = inner

    @override
    def evaluate(self, properties: Mapping[str, str]) -> Value:
        """Null stays null."""
        value = self.right.evaluate(properties)
        return None if value is None else bool(value) ^ bool(self.count & 1)

    @override
    def __str__(self) -> str:
        return "(NOT " * self.count + str(self.right) + ")" * self.count


class Negate(Expression):
    """Minus; null for anything that is no number, so for every property."""

    __slots__ = ("right",)

    def __init__(self, right: Expression) -> None:
        super().__init__(right)
        self.right = right

    @override
    def evaluate(self, properties: Mapping[str, str]) -> Value:
        """Null for what is no number."""
        value = self.right.evaluate(properties)
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return None
        if isinstance(value, float):
            return -value
        return Long(i64(-value)) if isinstance(value, Long) else i32(-value)

    @override
    def __str__(self) -> str:
        return f"(- {self.right})"


class Logic(Expression):
    """AND or OR of a chain, in three values, from left to right, no further than needed."""

    __slots__ = ("operands", "symbol")
    is_boolean = True

    def __init__(self, symbol: str, operands: tuple[Expression, ...]) -> None:
        super().__init__(*operands)
        self.symbol = symbol
        self.operands = operands

    @override
    def evaluate(self, properties: Mapping[str, str]) -> Value:
        """Three values, left to right."""
        decisive = self.symbol == "||"
        unknown = False
        for operand in self.operands:
            value = operand.evaluate(properties)
            if value is decisive:
                return decisive
            unknown = unknown or value is None
        return None if unknown else not decisive

    @override
    def __str__(self) -> str:
        text = str(self.operands[0])
        for operand in self.operands[1:]:
            text = f"({text} {self.symbol} {operand})"
        return text


class Comparison(Expression):
    """`==`, `>`, `>=`, `<` or `<=` of two values (BROKER-FILTER-12)."""

    __slots__ = ("left", "right", "symbol")
    is_boolean = True

    def __init__(self, symbol: str, left: Expression, right: Expression) -> None:
        super().__init__(left, right)
        self.symbol = symbol
        self.left = left
        self.right = right

    @override
    def evaluate(self, properties: Mapping[str, str]) -> Value:
        """Null beside null is equal; an order with null is null."""
        left = self.left.evaluate(properties)
        if self.symbol == "==":
            return _equal(left, self.right.evaluate(properties))
        if left is None:
            return None
        right = self.right.evaluate(properties)
        if right is None:
            return None
        if isinstance(left, str) and isinstance(right, str):
            try:
                left, right = parse_double(left), parse_double(right)
            except InvalidInput:
                raise EvaluationFailed("RuntimeException") from None
        answer = compare(left, right)
        match self.symbol:
            case ">":
                return answer > 0
            case ">=":
                return answer >= 0
            case "<":
                return answer < 0
            case _:
                return answer <= 0

    @override
    def __str__(self) -> str:
        return f"({self.left} {self.symbol} {self.right})"


class In(Expression):
    """Membership of a property in a list of strings."""

    __slots__ = ("elements", "members", "negated", "property")
    is_boolean = True

    def __init__(self, name: Property, elements: Sequence[str], *, negated: bool) -> None:
        super().__init__(name)
        self.property = name
        self.elements = tuple(elements)
        self.members = frozenset(elements)
        self.negated = negated

    @override
    def evaluate(self, properties: Mapping[str, str]) -> Value:
        """Null where the property is absent."""
        value = self.property.evaluate(properties)
        return None if value is None else (value in self.members) ^ self.negated

    @override
    def __str__(self) -> str:
        shown: Sequence[str] = self.elements
        if len(shown) >= _FEW:
            shown = hash_map_order(shown)
        word = "NOT IN" if self.negated else "IN"
        return f"{self.property} {word} ( {', '.join(shown)} )"


class TextTest(Expression):
    """CONTAINS, STARTSWITH, ENDSWITH: false, never null, for what is no string (5.5)."""

    __slots__ = ("negated", "right", "search", "word")
    is_boolean = True

    def __init__(self, word: str, right: Expression, search: str, *, negated: bool) -> None:
        super().__init__(right)
        self.word = word
        self.right = right
        self.search = search
        self.negated = negated

    @override
    def evaluate(self, properties: Mapping[str, str]) -> Value:
        """False for an empty search and for what is no string."""
        if not self.search:
            return False
        value = self.right.evaluate(properties)
        if not isinstance(value, str):
            return False
        match self.word:
            case "CONTAINS":
                found = self.search in value
            case "STARTSWITH":
                found = value.startswith(self.search)
            case _:
                found = value.endswith(self.search)
        return found ^ self.negated

    @override
    def __str__(self) -> str:
        return f"({'NOT ' if self.negated else ''}{self.word} {self.right})"


# --- construction, with Java's refusals (BROKER-FILTER-9)


def as_boolean(expression: Expression) -> Expression:
    """Use an expression as a truth value; only conditions and bare properties can be."""
    if expression.is_boolean:
        return expression
    if isinstance(expression, Property):
        return BooleanCast(expression)
    raise MQFilterError(
        f"Expression will not result in a boolean value: {expression}", PARSE_EXCEPTION
    )


def integer_or_long(value: int) -> int:
    """The smallest of Integer and Long that holds `value`."""
    return value if i32(value) == value else Long(value)


def create_float(text: str) -> Constant:
    """A Double literal; Java refuses infinity, and zero as too small."""
    value = parse_double(text)
    if value > float_info.max:
        raise MQFilterError(f"{text} is greater than 1.7976931348623157E308")
    if value < _SMALLEST_DOUBLE:
        raise MQFilterError(f"{text} is less than 4.9E-324")
    return Constant(value)


def create_logic(symbol: str, left: Expression, right: Expression) -> Expression:
    """Join two conditions; a chain of one operator becomes one node."""
    first, last = as_boolean(left), as_boolean(right)
    if isinstance(first, Logic) and first.symbol == symbol:
        return Logic(symbol, (*first.operands, last))
    return Logic(symbol, (first, last))


def create_equal(left: Expression, right: Expression) -> Expression:
    """`=`: NULL is no operand, and a boolean literal meets no other literal but a boolean."""
    for operand in (left, right):
        if isinstance(operand, Constant) and operand.value is None:
            raise MQFilterError("'NULL' cannot be compared.")
    literal = isinstance(right, Constant) and not isinstance(right, BooleanConstant)
    if isinstance(left, BooleanConstant) and literal:
        raise MQFilterError(f"'{left}' cannot be compared with '{right}'")
    return Comparison("==", left, right)


def create_ordered(symbol: str, left: Expression, right: Expression) -> Expression:
    """`>`, `>=`, `<`, `<=`: conditions, strings and booleans cannot be ordered."""
    for operand in (left, right):
        wrong = operand.is_boolean
        if isinstance(operand, Constant):
            wrong = isinstance(operand.value, bool | str) or operand.value is None
        if wrong:
            raise MQFilterError(f"Value '{operand}' cannot be compared.")
    return Comparison(symbol, left, right)


def create_between(value: Expression, low: Expression, high: Expression) -> Expression:
    """BETWEEN: two literals must be in order."""
    if isinstance(low, Constant) and isinstance(high, Constant):
        if low.value is None or high.value is None:
            raise MQFilterError("Illegal values of between, values can not be null!")
        try:
            out_of_order = compare(high.value, low.value) < 0
        except EvaluationFailed as error:
            raise MQFilterError(error.java_class) from None
        if out_of_order:
            raise MQFilterError(
                f"Illegal values of between, left value({low.value}) must less than or equal to "
                f"right value({high.value})"
            )
    return create_logic("&&", create_ordered(">=", value, low), create_ordered("<=", value, high))


def create_in(left: Expression, elements: Sequence[str], *, negated: bool) -> Expression:
    """IN: only a property can be looked up."""
    if not isinstance(left, Property):
        raise MQFilterError(f"Expected a property for In expression, got: {left}")
    return In(left, elements, negated=negated)


# --- comparison of values


def _equal(left: Value, right: Value) -> bool | None:
    if (left is None) != (right is None):
        return None if left is None else False
    if left is None or right is None:
        return True
    return compare(left, right) == 0


def _compare_doubles(left: float, right: float) -> int:
    """Double#compareTo: negative zero before zero, NaN equal to itself and after everything."""
    if isnan(left) or isnan(right):
        return isnan(left) - isnan(right)
    if left == right == 0:
        return int(copysign(1, left) > copysign(1, right)) - int(
            copysign(1, left) < copysign(1, right)
        )
    return (left > right) - (left < right)


def _like(text: str, model: Number) -> Number:
    """Read a string as the type of `model`; RuntimeException where Java cannot."""
    try:
        if isinstance(model, float):
            return parse_double(text)
        if isinstance(model, Long):
            return Long(parse_long(text))
        return parse_int(text)
    except InvalidInput:
        raise EvaluationFailed("RuntimeException") from None


def compare(left: Scalar, right: Scalar) -> int:
    """ComparisonExpression#__compare with conversion of strings; -1 for types that do not meet.

    Booleans are told from numbers although Python calls them numbers.
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return _compare_booleans(left, right)
    if isinstance(left, str):
        if isinstance(right, str):
            return (left > right) - (left < right)
        left = _like(left, right)
    if isinstance(right, str):
        right = _like(right, left)
    if isinstance(left, float) and not isinstance(right, float):
        right = float(right)
    elif isinstance(right, float) and not isinstance(left, float):
        left = float(left)
    if isinstance(left, float):
        return _compare_doubles(left, right)
    return (left > right) - (left < right)


def _compare_booleans(left: Scalar, right: Scalar) -> int:
    """A string on the left is read as a boolean; on the right Java casts the wrong operand."""
    if isinstance(right, str):
        raise EvaluationFailed("ClassCastException")
    if isinstance(left, str):
        left = parse_boolean(left)
    if isinstance(left, bool) and isinstance(right, bool):
        return left - right
    return -1
