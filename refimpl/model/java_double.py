"""Java's double as text: Double.parseDouble and Double.toString for configuration values."""

import re
from math import inf, isinf, isnan, nan
from typing import Final

from refimpl.model.errors import InvalidInput

_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?")
_HEX: Final = re.compile(
    r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+[fFdD]?"
)
_PLAIN_LOW: Final = 1e-3
_PLAIN_HIGH: Final = 1e7


def parse_double(text: str) -> float:
    """Read a number as Double.parseDouble does: outer blanks, a type suffix, hex, NaN, Infinity."""
    bare = text.strip("".join(map(chr, range(33))))
    sign = -1.0 if bare.startswith("-") else 1.0
    match bare.lstrip("+-") if bare[:2] not in {"+-", "-+", "--", "++"} else "":
        case "NaN":
            return nan
        case "Infinity":
            return sign * inf
        case _:
            pass
    if _DECIMAL.fullmatch(bare, 0) and bare.isascii():
        return float(bare.rstrip("fFdD"))
    if _HEX.fullmatch(bare) and bare.isascii():
        return float.fromhex(bare[:-1] if bare[-1] in "fFdD" else bare)
    raise InvalidInput("double", text, "Java cannot parse it")


def double_to_string(value: float) -> str:
    """Print as Double.toString: plain between 10^-3 and 10^7, else one digit and an exponent."""
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    shortest = repr(value)
    if value == 0 or _PLAIN_LOW <= abs(value) < _PLAIN_HIGH:
        return shortest if "." in shortest and "e" not in shortest else f"{value:.1f}"
    mantissa, _, exponent = shortest.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = whole + fraction
    power = len(whole) - 1 + int(exponent or 0)
    stripped = digits.lstrip("0")
    power -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0") or "0"
    return f"{sign}{stripped[0]}.{stripped[1:] or '0'}E{power}"
