"""Subscriptions: what a consumer wants of a topic, and the tag test that the broker can do.

Java 4.9.7: common/filter/FilterAPI, common/protocol/heartbeat/SubscriptionData,
store/DefaultMessageFilter, store/MessageExtBrokerInner#tagsString2tagsCode.
"""

from dataclasses import dataclass
from typing import Final

from refimpl.model.errors import InvalidInput
from refimpl.model.java import i32, string_hash

SUB_ALL: Final = "*"
TAG: Final = "TAG"
SQL92: Final = "SQL92"
_BLANKS: Final = "".join(map(chr, range(33)))  # what String#trim removes
_SEPARATOR: Final = "||"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionData:
    """What a group wants of one topic; equal only if `sub_version` is equal too, as in Java."""

    topic: str
    sub_string: str | None = SUB_ALL
    tags_set: frozenset[str] = frozenset()
    code_set: frozenset[int] = frozenset()  # i32 hashes of the tags
    sub_version: int = 0  # i64: the client's clock in milliseconds; the newest wins
    expression_type: str | None = TAG
    class_filter_mode: bool = False


def is_tag_type(expression_type: str | None) -> bool:
    """True for null, empty and TAG, in this case of letters (BROKER-FILTER-3).

    ExpressionType#isTagType, on the side of the broker.
    """
    return not expression_type or expression_type == TAG


def build_subscription_data(
    topic: str, sub_string: str | None, sub_version: int = 0
) -> SubscriptionData:
    """Split `A || B` into tags and their hashes (BROKER-FILTER-1).

    Null, empty and `*` mean everything. Raises `InvalidInput` where only separators are given, as
    FilterAPI#buildSubscriptionData does.
    """
    if not sub_string or sub_string == SUB_ALL:
        return SubscriptionData(topic=topic, sub_version=sub_version)
    parts = sub_string.split(_SEPARATOR)
    while parts and not parts[-1]:
        parts.pop()
    if not parts:
        raise InvalidInput("subString", sub_string, "subString split error")
    tags = [tag for tag in (part.strip(_BLANKS) for part in parts) if tag]
    return SubscriptionData(
        topic=topic,
        sub_string=sub_string,
        tags_set=frozenset(tags),
        code_set=frozenset(map(string_hash, tags)),
        sub_version=sub_version,
    )


def build_typed(
    topic: str, sub_string: str | None, expression_type: str | None, sub_version: int = 0
) -> SubscriptionData:
    """Build a subscription of any expression type (BROKER-FILTER-2). FilterAPI#build.

    Only null and exactly `TAG` are tags; any other type needs a text, which is not looked into.
    """
    if expression_type is None or expression_type == TAG:
        return build_subscription_data(topic, sub_string, sub_version)
    if not sub_string:
        raise InvalidInput("subString", "", f"Expression can't be null! {expression_type}")
    return SubscriptionData(
        topic=topic,
        sub_string=sub_string,
        expression_type=expression_type,
        sub_version=sub_version,
    )


def tags_code(tags: str | None) -> int:
    """Hash of a message's tag as the consume queue stores it; 0 without one (BROKER-FILTER-4)."""
    return string_hash(tags) if tags else 0


def matches_tags_code(subscription: SubscriptionData | None, code: int | None) -> bool:
    """Test a consume queue unit against tags (BROKER-FILTER-5). DefaultMessageFilter.

    The code is cut to 32 bits. Hashes collide, so a match is not yet a match of the tag: the
    consumer compares the strings.
    """
    if code is None or subscription is None or subscription.class_filter_mode:
        return True
    return subscription.sub_string == SUB_ALL or i32(code) in subscription.code_set
