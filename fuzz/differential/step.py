"""One request of a sequence, before names and references are filled in.

Names of topics, groups and brokers hold `TOKEN`; every play replaces it by its own token of the
same length, so that plays of one sequence do not meet each other's state.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from conformance.target import Port
from refimpl.model.ids import JsonValue
from refimpl.remoting.command import SerializeType

TOKEN = "Z0000Z"  # noqa: S105 - a place in names
TOKENS = re.compile(r"Z[0-9a-z]{4}Z")
REFERENCE = re.compile(r"\$(\d+)\.(\w+?)([+-]\d+)?;")  # "$LABEL.FIELD+1;" of an earlier answer

Ext: TypeAlias = Mapping[str, JsonValue]
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request. `raw` replaces the whole frame; `label` outlives the dropping of others."""

    label: int
    port: Port
    connection: str
    code: int
    ext: Ext | None = None
    body: bytes = b""
    serialize: SerializeType = SerializeType.JSON
    oneway: bool = False
    version: int | None = None  # None: what clients of the release send
    remark: str | None = None
    header: bytes | None = None  # JSON header of the step's own making, "OPAQUE" in it replaced
    raw: bytes | None = None
    reads: bool = False  # changes nothing: may be asked again until both targets agree
    holds: bool = False  # may be answered later: not waited for
    note: str = ""  # which mutation was made


@dataclass(frozen=True, slots=True)
class Sequence:
    """What one seed and number give."""

    seed: int
    number: int
    area: str
    steps: tuple[Step, ...]
    kept: tuple[int, ...] | None = field(default=None)  # labels that shrinking has left


def token_of(number: int) -> str:
    """The token of the play with this number; of the form of `TOKENS`, and never `TOKEN`."""
    assert 0 < number < len(_DIGITS) ** 4
    digits = ""
    for _ in range(4):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return f"Z{digits}Z"
