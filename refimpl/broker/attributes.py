"""Attributes of topics and groups in 5.5: which exist, and how an update changes them.

Java 5.5.0: common/attribute/AttributeParser, AttributeUtil, common/TopicAttributes,
common/SubscriptionGroupAttributes. Rules BROKER-ADMIN-5 and BROKER-ADMIN-22.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from refimpl.broker.processor_threw import ProcessorThrew
from refimpl.model.errors import InvalidInput
from refimpl.model.java import LONG_MAX, hash_map_order, parse_long

_THIRTY_DAYS = 30 * 24 * 60  # minutes


class Attribute(NamedTuple):
    """One attribute: what its value may be, and whether it may change later."""

    verify: Callable[[str], None]
    changeable: bool = True


def _refuse(text: str) -> ProcessorThrew:
    return ProcessorThrew("java.lang.RuntimeException", text)


def _range(low: int, high: int) -> Callable[[str], None]:
    def verify(value: str) -> None:
        try:
            number = parse_long(value)
        except InvalidInput:
            raise ProcessorThrew(
                "java.lang.NumberFormatException", f'For input string: "{value}"'
            ) from None
        if not low <= number <= high:
            raise _refuse(f"value is not in range({low}, {high})")

    return verify


def _boolean(value: str) -> None:
    if value.lower() not in {"true", "false"}:
        raise _refuse("boolean attribute format is wrong.")


def _one_of(*universe: str) -> Callable[[str], None]:
    def verify(value: str) -> None:
        if value not in universe:
            listed = ", ".join(hash_map_order(universe))  # Java prints a HashSet
            raise _refuse(f"value is not in set: [{listed}]")

    return verify


def _any(_value: str) -> None:
    """Accept every text."""


GROUP_ATTRIBUTES: Mapping[str, Attribute] = {
    "priority.factor": Attribute(_range(0, 100)),
    "lite.bind.topic": Attribute(_any),
    "lite.sub.client.quota": Attribute(_range(-1, LONG_MAX)),
    "lite.sub.model": Attribute(_one_of("Shared", "Exclusive")),
    "lite.sub.reset.offset.exclusive": Attribute(_boolean),
    "lite.sub.reset.offset.unsubscribe": Attribute(_boolean),
    "lite.sub.client.max.event.cnt": Attribute(_range(10, LONG_MAX)),
    "lite.sub.wildcard": Attribute(_any),
}
TOPIC_ATTRIBUTES: Mapping[str, Attribute] = {
    "queue.type": Attribute(_one_of("BatchCQ", "SimpleCQ"), changeable=False),
    "cleanup.policy": Attribute(_one_of("DELETE", "COMPACTION"), changeable=False),
    "message.type": Attribute(
        _one_of(
            "UNSPECIFIED", "NORMAL", "FIFO", "DELAY", "TRANSACTION", "MIXED", "LITE", "PRIORITY"
        )
    ),
    "reserve.time": Attribute(_range(-1, LONG_MAX)),
    "lite.topic.expiration": Attribute(_range(-1, _THIRTY_DAYS)),
}


def parse_to_map(text: str | None) -> dict[str, str]:
    """Read `+name=value,-name`. Raises `ProcessorThrew` with Java's message."""
    attributes: dict[str, str] = {}
    if not text:
        return attributes
    parts = text.split(",")
    while parts and not parts[-1]:
        parts.pop()
    for part in parts:
        key, value = part, ""
        if "=" in part:
            pieces = part.split("=")
            while pieces and not pieces[-1]:
                pieces.pop()
            if len(pieces) < 2:  # noqa: PLR2004 - a name and a value
                raise ProcessorThrew(
                    "java.lang.ArrayIndexOutOfBoundsException",
                    f"Index {len(pieces)} out of bounds for length {len(pieces)}",
                )
            key, value = pieces[0], pieces[1]
            if "+" not in key:
                raise _refuse(f"add/alter attribute format is wrong: {key}")
        elif "-" not in key:
            raise _refuse(f"delete attribute format is wrong: {key}")
        if key in attributes:
            raise _refuse(f"key duplication: {key}")
        attributes[key] = value
    return attributes


def alter_attributes(
    known: Mapping[str, Attribute],
    current: Mapping[str, str],
    asked: Mapping[str, str],
    *,
    create: bool,
) -> dict[str, str]:
    """Apply `+name` and `-name` to the attributes that a topic or group has.

    Raises `ProcessorThrew` for a name without sign, twice or unknown, for a value that the
    attribute refuses, for a change of what may not change, and for a removal of what is not there.
    """
    seen: set[str] = set()
    set_to: dict[str, str] = {}
    removed: list[str] = []
    for key, value in asked.items():
        name = key[1:]
        if not name or "+" in name or "-" in name:
            raise _refuse("kv string format wrong.")
        if name in seen:
            raise _refuse(f"alter duplication key. key: {name}")
        seen.add(name)
        if key.startswith("+"):
            set_to[name] = value
        elif create:
            raise _refuse(f"only add attribute is supported while creating topic. key: {name}")
        elif not key.startswith("-"):
            raise _refuse(f"wrong format key: {name}")
        elif name not in current:
            raise _refuse(f"attempt to delete a nonexistent key: {name}")
        else:
            removed.append(name)
    for name in (*set_to, *removed):
        attribute = known.get(name)
        if attribute is None:
            raise _refuse(f"unsupported key: {name}")
        if not create and not attribute.changeable:
            raise _refuse(f"attempt to update an unchangeable attribute. key: {name}")
        if name in set_to:
            attribute.verify(set_to[name])
    merged = {**current, **set_to}
    for name in removed:
        del merged[name]
    return merged
