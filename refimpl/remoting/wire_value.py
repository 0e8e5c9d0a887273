"""The base of headers and bodies: fixed values of named fields, without generated code.

There are nearly two hundred such classes, and a broker that starts needs ten. A dataclass costs a
third of a millisecond each; a subclass of this costs what a class costs.
"""

from typing import ClassVar, NoReturn, Self, dataclass_transform, get_origin

from refimpl.model.override import override

_NAMES: dict[type["WireValue"], tuple[str, ...]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
class WireValue:
    """Made by keywords, never changed, equal by its fields.

    A type checker takes a subclass for a frozen dataclass. A field that was not given is read from
    the class, where its default stands.
    """

    def __init__(self, **fields: object) -> None:
        """Keep `fields`; raises `TypeError` for one that is unknown, or missing without default."""
        cls = type(self)
        names = field_names(cls)
        unknown = [name for name in fields if name not in names]
        missing = [name for name in names if name not in fields and not hasattr(cls, name)]
        if unknown or missing:
            raise TypeError(f"{cls.__name__}: unknown {unknown}, missing {missing}")
        self.__dict__.update(fields)

    def with_fields(self, **fields: object) -> Self:
        """The same but for `fields`."""
        return type(self)(**{**self.__dict__, **fields})

    @override
    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is fixed")

    @override
    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is fixed")

    @override
    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and _values(other) == _values(self)

    @override
    def __hash__(self) -> int:
        return hash(_values(self))

    @override
    def __repr__(self) -> str:
        names = field_names(type(self))
        shown = (f"{name}={value!r}" for name, value in zip(names, _values(self), strict=True))
        return f"{type(self).__name__}({', '.join(shown)})"


def field_names(cls: type[WireValue]) -> tuple[str, ...]:
    """The fields of a class in the order of their definition, those of its bases first."""
    names = _NAMES.get(cls)
    if names is None:
        found: dict[str, None] = {}
        for part in reversed(cls.__mro__):
            for name, kind in vars(part).get("__annotations__", {}).items():
                if get_origin(kind) is not ClassVar:
                    found[name] = None
        names = _NAMES[cls] = tuple(found)
    return names


def _values(value: WireValue) -> tuple[object, ...]:
    return tuple([getattr(value, name) for name in field_names(type(value))])
