"""SQL92 selectors: grammar and compilation. Import this module late: it brings a parser generator.

    expression = compile_expression("a > 5 AND b IS NOT NULL", release)
    evaluate(expression, {"a": "7"})   # False: b is null

The grammar is Java's (filter/parser/SelectorParser.jj), with two habits of its generated parser:
the text is read only as far as the expression goes, and a bad character matters only if it is
looked at (BROKER-FILTER-8).
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, TypeAlias, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, VisitError

from refimpl.model import sql92_expression as tree
from refimpl.model.errors import InvalidInput
from refimpl.model.java import parse_long
from refimpl.model.release import Release
from refimpl.model.sql92_expression import EvaluationFailed, Expression, MQFilterError
from refimpl.model.sql92_parse_error import escaped, parse_error

GRAMMAR: Final = r"""
start: disjunction
?disjunction: conjunction
    | disjunction OR conjunction                      -> either
?conjunction: equality
    | conjunction AND equality                        -> both
?equality: comparison
    | equality EQUAL comparison                       -> equal
    | equality NOT_EQUAL comparison                   -> not_equal
    | equality IS NULL                                -> is_null
    | equality IS NOT NULL                            -> is_not_null
?comparison: unary
    | comparison ORDER unary                          -> ordered
    | comparison BETWEEN unary AND unary              -> between
    | comparison NOT BETWEEN unary AND unary          -> not_between
    | comparison IN "(" strings ")"                   -> within
    | comparison NOT IN "(" strings ")"               -> not_within
    | comparison TEXT_OPERATOR STRING                 -> text_test
    | comparison NOT TEXT_OPERATOR STRING             -> not_text_test
?unary: PLUS unary                                    -> plus
    | MINUS unary                                     -> minus
    | NOT unary                                       -> negation
    | primary
?primary: STRING                                      -> string
    | DECIMAL                                         -> decimal
    | FLOAT                                           -> floating
    | TRUE                                            -> true
    | FALSE                                           -> false
    | NULL                                            -> null
    | ID                                              -> variable
    | "(" disjunction ")"                             -> nested
strings: STRING ("," STRING)*
%declare OR AND EQUAL NOT_EQUAL IS NULL NOT ORDER BETWEEN IN TEXT_OPERATOR STRING PLUS MINUS
%declare DECIMAL FLOAT TRUE FALSE ID LPAR RPAR COMMA
"""

MAX_NESTING: Final = 300  # parentheses; Java gives up where its stack ends, between 200 and 1000

_SKIPPED: Final = re.compile(
    r"(?:[ \t\n\r\f]|--[^\n\r]*(?:\r\n|\n|\r)|/\*[^*]*\*(?:\*|[^*/][^*]*\*)*/)+"
)
_TOKEN: Final = re.compile(
    r"(?P<FLOAT>[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?"
    r"|[0-9]+[eE][+-]?[0-9]+)"
    r"|(?P<DECIMAL>0|[1-9][0-9]*[lL]?)"
    r"|(?P<STRING>'(?:''|[^'])*')"
    r"|(?P<ID>[A-Za-z_$][A-Za-z0-9_$]*)"
    r"|(?P<SIGN><>|>=|<=|[=<>(),+-])"
)
_SIGNS: Final = {
    "=": "EQUAL",
    "<>": "NOT_EQUAL",
    "(": "LPAR",
    ")": "RPAR",
    ",": "COMMA",
    "+": "PLUS",
    "-": "MINUS",
}
_WORDS: Final = frozenset({"NOT", "AND", "OR", "BETWEEN", "IN", "TRUE", "FALSE", "NULL", "IS"})
_TEXT_WORDS: Final = frozenset({"CONTAINS", "STARTSWITH", "ENDSWITH"})
_Node: TypeAlias = "Expression | list[str]"


def _tokens(text: str, *, text_operators: bool) -> Iterator[Token]:
    """Cut one token at a time: what nobody asks for is never looked at."""
    position = 0
    while True:
        skipped = _SKIPPED.match(text, position)
        if skipped is not None:
            position = skipped.end()
        if position == len(text):
            return
        found = _TOKEN.match(text, position)
        if found is None:
            raise MQFilterError(_lexical_error(text, position), tree.LEXICAL_ERROR)
        kind, image = found.lastgroup, found.group()
        assert kind is not None
        if kind == "SIGN":
            kind = _SIGNS.get(image, "ORDER")
        elif kind == "ID":
            upper = image.upper()
            if upper in _WORDS:
                kind = upper
            elif text_operators and upper in _TEXT_WORDS:
                kind, image = "TEXT_OPERATOR", upper
        position = found.end()
        yield Token(kind, image, start_pos=found.start())


def _lexical_error(text: str, position: int) -> str:
    """What Java's token manager says of a text where no token begins (BROKER-FILTER-9).

    It stops behind the last character that it looked at: the end of a string or comment that is
    not closed, the one behind a `.` or `/` that begins nothing, else the character itself. Then it
    looks whether there is another one. Java: SelectorParserTokenManager#getNextToken.
    """
    first, following = text[position], text[position + 1 : position + 2]
    end = position + 1
    if first == "'" or first + following == "/*":
        end = len(text)
    elif first in "./" and following:
        end = position + 2
    looked_at = end - position
    lines = re.split(r"\r\n|\r|\n", text[:end])
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
        lines[-1] += " "  # the end of a line is the last column of that line
    line, column = len(lines), len(lines[-1])
    image = text[position:end]
    if end == len(text):
        found = "<EOF> "
        line, column = (line + 1, 0) if text[-1] in "\r\n" else (line, column + 1)
    else:
        found = f'"{escaped(text[end - 1])}" ({ord(text[end - 1])}), '
        image = image[:-1]
    after = "" if looked_at <= 1 else escaped(image)
    return f'Lexical error at line {line}, column {column}.  Encountered: {found}after : "{after}"'


def _string(token: Token) -> str:
    return token[1:-1].replace("''", "'")


@v_args(inline=True)
class _Builder(Transformer[Token, Expression]):
    """Makes an expression of each reduction; refusals are Java's."""

    def start(self, expression: Expression) -> Expression:
        return tree.as_boolean(expression)

    def either(self, left: Expression, _or: Token, right: Expression) -> Expression:
        return tree.create_logic("||", left, right)

    def both(self, left: Expression, _and: Token, right: Expression) -> Expression:
        return tree.create_logic("&&", left, right)

    def equal(self, left: Expression, _sign: Token, right: Expression) -> Expression:
        return tree.create_equal(left, right)

    def not_equal(self, left: Expression, _sign: Token, right: Expression) -> Expression:
        return tree.Not(tree.create_equal(left, right))

    def is_null(self, left: Expression, *_words: Token) -> Expression:
        return tree.Comparison("==", left, tree.NULL)

    def is_not_null(self, left: Expression, *_words: Token) -> Expression:
        return tree.Not(tree.Comparison("==", left, tree.NULL))

    def ordered(self, left: Expression, sign: Token, right: Expression) -> Expression:
        return tree.create_ordered(str(sign), left, right)

    def between(
        self, value: Expression, _between: Token, low: Expression, _and: Token, high: Expression
    ) -> Expression:
        return tree.create_between(value, low, high)

    def not_between(
        self,
        value: Expression,
        _not: Token,
        _between: Token,
        low: Expression,
        _and: Token,
        high: Expression,
    ) -> Expression:
        return tree.create_logic(
            "||",
            tree.create_ordered("<", value, low),
            tree.create_ordered(">", value, high),
        )

    def within(self, left: Expression, _in: Token, *rest: _Node) -> Expression:
        return tree.create_in(left, _elements(rest), negated=False)

    def not_within(self, left: Expression, _not: Token, _in: Token, *rest: _Node) -> Expression:
        return tree.create_in(left, _elements(rest), negated=True)

    def text_test(self, left: Expression, word: Token, search: Token) -> Expression:
        return tree.TextTest(str(word), left, _string(search), negated=False)

    def not_text_test(
        self, left: Expression, _not: Token, word: Token, search: Token
    ) -> Expression:
        return tree.TextTest(str(word), left, _string(search), negated=True)

    def plus(self, _sign: Token, right: Expression) -> Expression:
        return right

    def minus(self, _sign: Token, right: Expression) -> Expression:
        return tree.Negate(right)

    def negation(self, _not: Token, right: Expression) -> Expression:
        return tree.Not(tree.as_boolean(right))

    def nested(self, *children: Expression | Token) -> Expression:
        [inner] = [child for child in children if not isinstance(child, Token)]
        return inner

    def string(self, token: Token) -> Expression:
        return tree.Constant(_string(token))

    def decimal(self, token: Token) -> Expression:
        try:
            value = parse_long(token.rstrip("lL"))
        except InvalidInput:
            digits = token.rstrip("lL")
            raise MQFilterError(
                f'For input string: "{digits}"', "java.lang.NumberFormatException"
            ) from None
        return tree.Constant(tree.integer_or_long(value))

    def floating(self, token: Token) -> Expression:
        return tree.create_float(str(token))

    def true(self, _word: Token) -> Expression:
        return tree.TRUE

    def false(self, _word: Token) -> Expression:
        return tree.FALSE

    def null(self, _word: Token) -> Expression:
        return tree.NULL

    def variable(self, token: Token) -> Expression:
        return tree.Property(str(token))

    def strings(self, *tokens: Token) -> list[str]:
        return [_string(token) for token in tokens if token.type == "STRING"]


def _elements(rest: tuple[_Node, ...]) -> list[str]:
    [elements] = [child for child in rest if isinstance(child, list)]
    return elements


@cache
def _parser() -> Lark:
    return Lark(
        GRAMMAR, parser="lalr", lexer="basic", transformer=_Builder(), maybe_placeholders=False
    )


def compile_expression(text: str | None, release: Release) -> Expression:
    """Compile a selector; raises `MQFilterError`, whose text is always Java's one remark.

    BROKER-FILTER-7 (grammar), BROKER-FILTER-8 (reading no further than needed), BROKER-FILTER-9
    (operands), BROKER-FILTER-10 (words), BROKER-FILTER-13 (depth).
    """
    if text is None:
        raise MQFilterError("null", None)
    parser = _parser().parse_interactive()
    nesting = 0
    read: list[Token] = []
    met: Token | None = None
    try:
        for token in _tokens(text, text_operators=release.sql_has_text_operators):
            nesting += (token.type == "LPAR") - (token.type == "RPAR")
            if nesting > MAX_NESTING:
                raise MQFilterError("nested too deeply", "java.lang.StackOverflowError")
            try:
                parser.feed_token(token)
            except UnexpectedInput:
                met = token
                break
            read.append(token)
        return cast("Expression", parser.feed_token(Token("$END", "")))
    except UnexpectedInput:
        again = _parser().parse_interactive()  # the refused token may have moved the other one
        for token in read:
            again.feed_token(token)
        accepted = again.accepts()  # type: ignore[no-untyped-call]  # lark annotates no result
        message = parse_error(text, read, met, accepted, release)
        raise MQFilterError(message, tree.PARSE_EXCEPTION) from None
    except VisitError as error:
        if isinstance(error.orig_exc, MQFilterError):
            raise error.orig_exc from None
        raise


def evaluate(expression: Expression, properties: Mapping[str, str]) -> bool | None:
    """Value of a selector for one message: true, false or null (BROKER-FILTER-11).

    Where Java's evaluation throws, the value is null: it is no match (BROKER-FILTER-12).
    """
    try:
        value = expression.evaluate(properties)
    except EvaluationFailed:
        return None
    assert value is None or isinstance(value, bool)
    return value
