"""What a broker knows of a topic. Java: common/TopicConfig, common/TopicFilterType."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.java import in_hash_map_order, parse_int
from refimpl.model.release import Release
from refimpl.model.sys_flag import PERM_READ, PERM_WRITE

DEFAULT_QUEUE_NUMS = 16

_FIELDS = 5  # of the text form, before attributes


class TopicFilterType(Enum):
    """How many tags a message of the topic has."""

    SINGLE_TAG = "SINGLE_TAG"
    MULTI_TAG = "MULTI_TAG"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicConfig:
    """Queues, permission and flags of one topic; the defaults are Java's."""

    topic_name: str
    read_queue_nums: int = DEFAULT_QUEUE_NUMS
    write_queue_nums: int = DEFAULT_QUEUE_NUMS
    perm: int = PERM_READ | PERM_WRITE
    topic_filter_type: TopicFilterType | None = TopicFilterType.SINGLE_TAG  # null from JSON, 5.5
    topic_sys_flag: int = 0
    order: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)  # 5.5


def encode(config: TopicConfig, release: Release) -> str:
    """The text form (STORE-MESSAGE-28): five words, and from 5.5 on the attributes as JSON.

    System flag and order are not in it.
    """
    kind = config.topic_filter_type
    words = (
        config.topic_name,
        str(config.read_queue_nums),
        str(config.write_queue_nums),
        str(config.perm),
        "null" if kind is None else kind.name,
    )
    text = " ".join(words)
    if not release.topics_have_attributes:
        return text
    import json  # noqa: PLC0415 - one release

    attributes = in_hash_map_order(config.attributes)
    return f"{text} {json.dumps(attributes, separators=(',', ':'), ensure_ascii=False)}"


def _attributes(text: str) -> dict[str, str]:
    import json  # noqa: PLC0415 - one release

    try:
        value: JsonValue = json.loads(text)
    except ValueError:  # a blank within the JSON cuts it off here: ignored, as in Java
        return {}
    if not isinstance(value, dict):
        return {}
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items()}


def decode(text: str, release: Release) -> TopicConfig | None:
    """Read the text form (STORE-MESSAGE-28); None where the number of words is wrong.

    Raises `InvalidInput` where a word is no number or no filter type.
    """
    words = text.rstrip(" ").split(" ")
    with_attributes = release.topics_have_attributes
    if len(words) < _FIELDS or (len(words) > _FIELDS and not with_attributes):
        return None
    name, read, write, perm, kind = words[:_FIELDS]
    numbers = [parse_int(word) for word in (read, write, perm)]
    if kind not in TopicFilterType.__members__:
        raise InvalidInput("topic filter type", kind, "unknown")
    return TopicConfig(
        topic_name=name,
        read_queue_nums=numbers[0],
        write_queue_nums=numbers[1],
        perm=numbers[2],
        topic_filter_type=TopicFilterType[kind],
        attributes=_attributes(words[_FIELDS]) if len(words) > _FIELDS else {},
    )


def to_json(config: TopicConfig, release: Release) -> dict[str, JsonValue]:
    """Object in the order of fastjson."""
    written: dict[str, JsonValue] = {}
    if release.topics_have_attributes:
        attributes: dict[str, JsonValue] = {}
        attributes.update(in_hash_map_order(config.attributes))
        written["attributes"] = attributes
    written["order"] = config.order
    written["perm"] = config.perm
    written["readQueueNums"] = config.read_queue_nums
    if config.topic_filter_type is not None:
        written["topicFilterType"] = config.topic_filter_type.name
    written["topicName"] = config.topic_name
    written["topicSysFlag"] = config.topic_sys_flag
    written["writeQueueNums"] = config.write_queue_nums
    return written


def from_json(value: dict[str, JsonValue], release: Release) -> TopicConfig:
    """Read a configuration; what is missing or null has Java's default.

    Raises `InvalidInput` for a value of another type, as fastjson throws. fastjson 2 reads null as
    the number 0, and an unknown filter type as null.
    """
    if not release.oldest_json:
        return _from_json_2(value, release)

    def number(name: str, default: int) -> int:
        found = value.get(name)
        if found is None:
            return default
        if isinstance(found, str):
            return parse_int(found)
        if isinstance(found, bool) or not isinstance(found, int):
            raise InvalidInput(name, str(found), "not a number")
        return found

    kind = value.get("topicFilterType")
    if kind is not None and kind not in TopicFilterType.__members__:
        raise InvalidInput("topicFilterType", str(kind), "unknown")
    attributes = value.get("attributes")
    if not isinstance(attributes, dict) or not release.topics_have_attributes:
        attributes = {}
    name = value.get("topicName")
    return TopicConfig(
        topic_name="" if name is None else str(name),
        read_queue_nums=number("readQueueNums", DEFAULT_QUEUE_NUMS),
        write_queue_nums=number("writeQueueNums", DEFAULT_QUEUE_NUMS),
        perm=number("perm", PERM_READ | PERM_WRITE),
        topic_filter_type=TopicFilterType[str(kind or "SINGLE_TAG")],
        topic_sys_flag=number("topicSysFlag", 0),
        order=value.get("order") in {True, "true"},
        attributes={k: str(v) for k, v in attributes.items()},
    )


def _from_json_2(value: dict[str, JsonValue], release: Release) -> TopicConfig:
    """Read a configuration as fastjson 2 does: REMOTING-HEADER-22."""
    from refimpl.model.json_value import boolean, constant, integer  # noqa: PLC0415 - one release

    name, given = value.get("topicName"), value.get("attributes")
    kind: str | None = TopicFilterType.SINGLE_TAG.name
    if "topicFilterType" in value:
        names = [*TopicFilterType.__members__]
        kind = constant(value["topicFilterType"], names, "topicFilterType")

    def number(field_name: str, default: int) -> int:
        return integer(value[field_name], field_name) if field_name in value else default

    attributes = {} if given in (None, "", "null") else given
    if not isinstance(attributes, dict):
        raise InvalidInput("attributes", str(given), "no object")
    return TopicConfig(
        topic_name="" if name is None else str(name),
        read_queue_nums=number("readQueueNums", DEFAULT_QUEUE_NUMS),
        write_queue_nums=number("writeQueueNums", DEFAULT_QUEUE_NUMS),
        perm=number("perm", PERM_READ | PERM_WRITE),
        topic_filter_type=None if kind is None else TopicFilterType[kind],
        topic_sys_flag=number("topicSysFlag", 0),
        order=boolean(value.get("order"), "order"),
        attributes={k: str(v) for k, v in attributes.items()}
        if release.topics_have_attributes
        else {},
    )
