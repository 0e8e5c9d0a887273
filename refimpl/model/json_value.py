"""What fastjson 2 puts into a plain field of a Java object, whatever stands in the JSON.

Release 5.5. Java: fastjson2/JSONReader#readInt32Value, #readInt64Value, #readBoolValue, #readEnum;
observed on a running broker. REMOTING-HEADER-22.
"""

import re
from collections.abc import Sequence

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.java import INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, parse_int

_NULLS = (None, "", "null")
_WORDS = {"true": 1, "false": 0, "+": 0, "-": 0}
_NUMBER = re.compile(r"[+-]?(?=[\d.eE])\d*(\.\d*)?([eE][+-]?\d*)?", re.ASCII)
_ORDINAL = re.compile(r"-?\d+", re.ASCII)
_GLANCE = 3


def integer(value: JsonValue, what: str, *, wide: bool = False) -> int:
    """An `int`, or a `long` where `wide`; raises `InvalidInput`.

    Null, the empty text and the word null are 0, a boolean is 0 or 1, a fraction is cut off, an
    object is 0 (but for a `long`), a list of one is its entry where that is a number.
    """
    if value in _NULLS:
        return 0
    if isinstance(value, dict) and not wide:
        return 0
    if isinstance(value, list) and len(value) == 1 and _is_number(value[0]):
        value = value[0]
    if isinstance(value, bool):
        return int(value)
    lowest, highest = (LONG_MIN, LONG_MAX) if wide else (INT_MIN, INT_MAX)
    if isinstance(value, str):
        return _number(value, what, lowest, highest)
    if isinstance(value, float):
        value = int(value)
    if not isinstance(value, int) or not lowest <= value <= highest:
        raise InvalidInput(what, str(value), "is not a number")
    return value


def _is_number(value: JsonValue) -> bool:
    """A number, or a text of one; a boolean in a list is refused."""
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return plain and value not in {"", "null", *_WORDS}


def _number(text: str, what: str, lowest: int, highest: int) -> int:
    """The number that a text is; one with a point or an exponent stays within the type."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) == _GLANCE and text[0] in "0123456789" and _NUMBER.fullmatch(text) is None:
        return int(text[0])  # as observed: what follows the digit is not looked at
    if _NUMBER.fullmatch(text) is None:
        raise InvalidInput(what, text, "is not a number")
    if text.lstrip("+-").isdecimal():
        number = int(text)
        if lowest <= number <= highest:
            return number
        raise InvalidInput(what, text, "is out of range")
    mantissa, _, exponent = text.lower().partition("e")
    scale = int(exponent) if exponent.strip("+-") else 0
    whole = float(f"{mantissa if mantissa.strip('+-.') else '0'}e{scale}")
    if whole >= highest:
        return highest
    return lowest if whole <= lowest else int(whole)


def boolean(value: JsonValue, what: str) -> bool:
    """A `boolean`: true in any case, 1 and -1; raises `InvalidInput`."""
    if value in _NULLS:
        return False
    if isinstance(value, list) and len(value) == 1:
        return boolean(value[0], what)
    if isinstance(value, int):
        return abs(value) == 1
    if isinstance(value, str) and type(value) is not str:
        return False  # a fraction
    if isinstance(value, str) and value.lower() in {"true", "false", "0", "1"}:
        return value.lower() in {"true", "1"}
    raise InvalidInput(what, str(value), "is not a boolean")


def constant(value: JsonValue, names: Sequence[str], what: str) -> str | None:
    """A constant of an `enum`, by name in any case or by ordinal; an unknown name is null.

    An ordinal out of range is refused as a number and null as a text; `InvalidInput`.
    """
    if value in _NULLS:
        return None
    if isinstance(value, str) and type(value) is str:
        if _ORDINAL.fullmatch(value) is not None:
            ordinal = parse_int(value)
            return names[ordinal] if 0 <= ordinal < len(names) else None
        return next((name for name in names if name.lower() == value.lower()), None)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidInput(what, str(value), "is no constant")
    ordinal = int(float(value))
    if not 0 <= ordinal < len(names):
        raise InvalidInput(what, str(value), "no such ordinal")
    return names[ordinal]
