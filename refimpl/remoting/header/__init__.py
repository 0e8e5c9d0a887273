"""Typed custom headers: between the `extFields` of a command and a frozen value.

`decode_header(SomeRequestHeader, command.ext_fields, release)` and `encode_header(instance)`.
A class names its wire fields once, in `WIRE`: Java's name, Java's type, and `!` where null cannot
be lived with. Tables are built at the first use of a class.

Java: RemotingCommand#decodeCommandCustomHeader, #makeCustomHeaderToNet, FastCodesHeader.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeAlias, TypeVar

from refimpl.model.errors import InvalidInput
from refimpl.model.java import parse_int, parse_long
from refimpl.model.release import Release
from refimpl.remoting.errors import HeaderRefused
from refimpl.remoting.wire_value import WireValue

FieldValue: TypeAlias = str | int | bool | None


class Kind(IntEnum):
    """How the text of a field is read."""

    STRING = 0
    INTEGER = 1
    LONG = 2
    BOOLEAN = 3


class WireField(NamedTuple):
    """One field: Java's name, our attribute, its kind, and whether null is refused."""

    wire: str
    attribute: str
    kind: Kind
    required: bool
    java_type: str


class Header(WireValue):
    """Base of the custom headers."""

    WIRE: ClassVar[str] = ""
    FAST: ClassVar[bool] = False  # Java's FastCodesHeader, where the release has it

    if not TYPE_CHECKING:  # for a type checker every field of a class has its value

        def __getattr__(self, attribute: str) -> FieldValue:
            """Refuse the use of a required field that is absent: where Java meets its null.

            Only reached for an attribute that has no value. REMOTING-HEADER-9.
            """
            for field in _table(type(self)).fields:
                if field.attribute == attribute:
                    raise HeaderRefused.absent(type(self).__name__, field.wire)
            raise AttributeError(attribute)

    def check_fields(self) -> None:
        """Refuse values that Java's `checkFields` refuses; most classes accept all."""


H = TypeVar("H", bound=Header)

_KINDS = {
    "String": Kind.STRING,
    "BoundaryType": Kind.STRING,
    "Integer": Kind.INTEGER,
    "int": Kind.INTEGER,
    "Long": Kind.LONG,
    "long": Kind.LONG,
    "Boolean": Kind.BOOLEAN,
    "boolean": Kind.BOOLEAN,
}
_SHORT_INT = 9  # digits that certainly fit into an i32
_SHORT_LONG = 18  # digits that certainly fit into an i64


class _Table(NamedTuple):
    """What is known of one class: its fields, and whether it checks them."""

    fields: tuple[WireField, ...]
    checked: bool


_TABLES: dict[type[Header], _Table] = {}


def snake_case(name: str) -> str:
    """`bodyCrc32` is `body_crc32`, `clientID` is `client_id`."""
    written = ""
    for at, char in enumerate(name):
        if char.isupper() and not name[at - 1].isupper():
            written += "_"
        written += char.lower()
    return written


def wire_fields(cls: type[Header]) -> tuple[WireField, ...]:
    """The fields of a header class in the order of `WIRE`."""
    return _table(cls).fields


def _table(cls: type[Header]) -> _Table:
    table = _TABLES.get(cls)
    if table is None:
        fields = []
        for entry in cls.WIRE.split():
            wire, _, java_type = entry.partition(":")
            required = java_type.endswith("!")
            java_type = java_type.rstrip("!")
            fields.append(WireField(wire, snake_case(wire), _KINDS[java_type], required, java_type))
        assert not [f.wire for f in fields if f.required and hasattr(cls, f.attribute)], cls
        table = _TABLES[cls] = _Table(tuple(fields), cls.check_fields is not Header.check_fields)
    return table


def _slow_number(text: str, kind: Kind) -> int | None:
    """Read what is not a short run of digits; None where Java throws NumberFormatException."""
    try:
        return parse_int(text) if kind is Kind.INTEGER else parse_long(text)
    except InvalidInput:
        return None


def decode_fields(
    cls: type[Header], ext_fields: Mapping[str, str] | None, release: Release
) -> dict[str, FieldValue]:
    """Fill the fields that are present and readable; what is missing here is null in Java.

    A number that cannot be read stays null, but in the fast headers of a release that has them,
    where it is refused: REMOTING-HEADER-10, REMOTING-HEADER-11.
    """
    values: dict[str, FieldValue] = {}
    if not ext_fields:
        return values
    get = ext_fields.get
    for wire, attribute, kind, _, _ in _table(cls).fields:
        text = get(wire)
        if text is None:
            continue
        if kind == 0:
            values[attribute] = text
        elif kind == 3:  # noqa: PLR2004 - Kind.BOOLEAN; an enum member costs a look-up here
            values[attribute] = text == "true" or text.lower() == "true"
        elif text.isdecimal() and text.isascii() and len(text) <= _SHORT_INT * kind:
            values[attribute] = int(text)
        else:
            number = _slow_number(text, kind)
            if number is not None:
                values[attribute] = number
            elif cls.FAST and release.fast_header_codecs:
                raise HeaderRefused.number(cls.__name__, wire, text)
    return values


def decode_header(cls: type[H], ext_fields: Mapping[str, str] | None, release: Release) -> H:
    """Read `ext_fields` into an instance of `cls`; raises `HeaderRefused`.

    Unknown fields are ignored. A required field that is absent or unreadable is refused when it is
    first used, as Java goes on until its processor meets the null: REMOTING-HEADER-9.
    """
    header = cls.__new__(cls)
    header.__dict__.update(decode_fields(cls, ext_fields, release))
    if _table(cls).checked:
        header.check_fields()
    return header


def encode_header(header: Header) -> dict[str, str]:
    """Write the fields that are not None, as Java's `toString` prints them. REMOTING-HEADER-14."""
    ext_fields: dict[str, str] = {}
    for wire, attribute, kind, _, _ in _table(type(header)).fields:
        value: FieldValue = getattr(header, attribute)
        if value is not None:
            if kind == 0:
                assert isinstance(value, str)
                ext_fields[wire] = value
            elif kind == 3:  # noqa: PLR2004 - Kind.BOOLEAN
                ext_fields[wire] = "true" if value else "false"
            else:
                ext_fields[wire] = str(value)
    return ext_fields
