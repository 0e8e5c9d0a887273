"""What the administration of topics and of groups has in common in 5.5: lists and pages.

Java 5.5.0: protocol/body/CreateTopicListRequestBody, SubscriptionGroupList;
TopicConfigManager#subTopicConfigTable, SubscriptionGroupManager#subGroupTable.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from refimpl.broker.context import BrokerContext
from refimpl.broker.processor_threw import ProcessorThrew, null_pointer
from refimpl.model.data_version import DataVersion
from refimpl.model.ids import JsonValue
from refimpl.model.java import INT_MAX, encode_utf8
from refimpl.model.release import Release
from refimpl.remoting.body.data_version import decode_data_version
from refimpl.remoting.body.java_json import parse_body
from refimpl.remoting.errors import BodyRefused

V = TypeVar("V")


def entries_of(body: bytes, member: str, release: Release) -> list[dict[str, JsonValue]]:
    """The objects of a list that is the one member of a body. BROKER-ADMIN-65.

    One object is taken for a list of one; a list or an entry that reads as null throws
    NullPointerException, what is neither object nor null is refused.
    """
    tree = parse_body(body, release, members=frozenset({member}))
    if tree is None or tree == "":
        raise null_pointer()
    if not isinstance(tree, dict):
        raise BodyRefused(member, "no object")
    listed = tree.get(member)
    if isinstance(listed, dict):
        listed = [listed]
    if listed is None or listed == "":
        raise null_pointer()
    if not isinstance(listed, list):
        raise BodyRefused(member, "no array")
    if any(not (entry is None or entry == "" or isinstance(entry, dict)) for entry in listed):
        raise BodyRefused(member, "no object")
    entries = [entry for entry in listed if isinstance(entry, dict)]
    if len(entries) < len(listed):
        raise null_pointer()
    return entries


class Page(NamedTuple):
    """Which part of a table is wanted: the first entry, how many, of which version."""

    first: int | None
    size: int | None
    version: str | None


def page_of(
    ctx: BrokerContext, table: Mapping[str, V], asked: Page, version: DataVersion
) -> Mapping[str, V]:
    """Part of `table`, sorted by name; all of it where nothing is asked. BROKER-ADMIN-9.

    It begins at 0 where the version is not the present one. Raises as Java's list and map throw.
    """
    if asked == (None, None, None):
        return table
    if asked.first is None:
        raise null_pointer()
    count = min(
        ctx.config.integer("splitMetadataSize"), INT_MAX if asked.size is None else asked.size
    )
    first = asked.first
    if first and not _same_version(ctx, asked.version, version):
        first = 0
    names = sorted(table)
    if first >= len(names):
        return {}
    last = min(first + count, len(names)) - 1
    for at in (first, last):
        if at < 0:
            raise ProcessorThrew(
                "java.lang.ArrayIndexOutOfBoundsException",
                f"Index {at} out of bounds for length {len(names)}",
            )
    if last < first:
        raise ProcessorThrew(
            "java.lang.IllegalArgumentException",
            f"expected fromKey <= toKey but {names[first]} > {names[last]}",
        )
    return {name: table[name] for name in names[first : last + 1]}


def _same_version(ctx: BrokerContext, text: str | None, version: DataVersion) -> bool:
    if text is None or not text.strip():
        return False
    return decode_data_version(encode_utf8(text), ctx.release) == version
