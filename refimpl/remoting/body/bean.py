"""The engine of the JSON bodies: one line of `WIRE` for every field of a Java bean.

`name:Type` in alphabetical order, which is fastjson's; `name=attribute:Type` where the attribute
is not the name in snake_case; `@4.6` or `@4.9,5.5` behind the type where only those releases have
the field. Types: `String`, `int`, `long`, `double`, `boolean`, an enum of `ENUMS`, a value of the
model, another body, `List<T>`, `Set<T>`, `Map<K,V>`, `Tree<K,V>` with keys `String`, `int` or
`MessageQueue`. REMOTING-HEADER-15 (printing), REMOTING-HEADER-16 (reading),
REMOTING-HEADER-17 (keys), REMOTING-HEADER-21 (refusals).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, Self, TypeAlias, cast

from refimpl.model import data_version, json_value, subscription_group, topic_config
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue, Millis, QueueId, Topic
from refimpl.model.java import encode_utf8, hash_map_order, hash_order, parse_int, parse_long
from refimpl.model.message_queue import MessageQueue, in_hash_set_order
from refimpl.model.override import override
from refimpl.model.release import Release
from refimpl.model.subscription import SubscriptionData
from refimpl.remoting.body.data_version import read_data_version
from refimpl.remoting.body.java_json import (
    NumberText,
    ObjectKey,
    Writable,
    parse_body,
    reads_as_null,
    text_of,
    write,
)
from refimpl.remoting.errors import BodyRefused
from refimpl.remoting.header import snake_case
from refimpl.remoting.language_code import NAMES
from refimpl.remoting.wire_value import WireValue

ENUMS: dict[str, tuple[str, ...]] = {
    "LanguageCode": NAMES,
    "ConsumeType": ("CONSUME_ACTIVELY", "CONSUME_PASSIVELY", "CONSUME_POP"),
    "MessageModel": ("BROADCASTING", "CLUSTERING"),
    "ConsumeFromWhere": (
        "CONSUME_FROM_LAST_OFFSET",
        "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
        "CONSUME_FROM_MIN_OFFSET",
        "CONSUME_FROM_MAX_OFFSET",
        "CONSUME_FROM_FIRST_OFFSET",
        "CONSUME_FROM_TIMESTAMP",
    ),
    "CMResult": (
        "CR_SUCCESS",
        "CR_LATER",
        "CR_ROLLBACK",
        "CR_COMMIT",
        "CR_THROW_EXCEPTION",
        "CR_RETURN_NULL",
    ),
    "MessageRequestMode": ("PULL", "POP"),
}


class Reading(NamedTuple):
    """What a reader must know beside the text."""

    release: Release
    now: Millis  # of fields that Java initialises with its clock


class Codec(ABC):
    """Reads one JSON type into a value, and back."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def read(self, value: JsonValue, at: Reading) -> object:
        """Turn what is not null into a value; raises `BodyRefused`."""

    def is_null(self, value: JsonValue, release: Release) -> bool:  # noqa: ARG002 - for overriders
        """True for null, and for what is taken for it where this type is wanted."""
        return value is None

    @abstractmethod
    def write(self, value: object, release: Release) -> Writable:
        """Turn a value into what `java_json.write` prints."""


class _Object(Codec):
    """What fastjson makes of an object: null in other clothes is null."""

    __slots__ = ()

    @override
    def is_null(self, value: JsonValue, release: Release) -> bool:
        return reads_as_null(value, release)


class _Plain(Codec):
    """Numbers, booleans, strings and enums: kept as they are, read with leniency."""

    __slots__ = ()

    @override
    def read(self, value: JsonValue, at: Reading) -> object:
        kind = self.name
        if kind == "String":
            return text_of(value, at.release)
        if not at.release.oldest_json and kind != "double":
            return _plain_2(kind, value)
        if kind in ENUMS:
            return _enum(kind, value)
        try:
            if value is True or value is False:
                _check_boolean(kind, at.release)
            return _number(kind, value)
        except (InvalidInput, ValueError, OverflowError):
            raise BodyRefused(kind, f"cannot be read from {value!r}") from None

    @override
    def write(self, value: object, release: Release) -> Writable:
        del release  # plain values look the same everywhere
        assert value is None or isinstance(value, str | int | float), value
        if self.name == "double" and value is not None:
            return float(value)
        return value


def _plain_2(kind: str, value: JsonValue) -> int | bool | str | None:
    """What fastjson 2 makes of a value: REMOTING-HEADER-22."""
    try:
        if kind in ENUMS:
            return json_value.constant(value, ENUMS[kind], kind)
        if kind == "boolean":
            return json_value.boolean(value, kind)
        return json_value.integer(value, kind, wide=kind == "long")
    except InvalidInput as error:
        raise BodyRefused(kind, str(error)) from None


def _enum(kind: str, value: JsonValue) -> str | None:
    """What fastjson 1 reads: a name, also in small letters, or an ordinal; another name is null.

    An unknown ordinal is refused.
    """
    names = ENUMS[kind]
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < len(names):
            raise BodyRefused(kind, f"no constant {value}")
        return names[value]
    if not isinstance(value, str):
        return None
    return value if value in names else next((n for n in names if n.lower() == value), None)


def _check_boolean(kind: str, release: Release) -> None:
    """REMOTING-HEADER-21: the oldest fastjson refuses a boolean where an int is wanted."""
    if kind == "int" and not release.json_boolean_is_int:
        raise ValueError(kind)


def _number(kind: str, value: JsonValue) -> int | float | bool:
    if kind == "boolean":
        if isinstance(value, int):
            return value == 1
        if isinstance(value, str) and value.upper() in {"TRUE", "FALSE", "1", "0"}:
            return value.upper() in {"TRUE", "1"}
        raise ValueError(value)
    if not isinstance(value, str | int | float):
        raise ValueError(value)  # noqa: TRY004 - one error for every value that does not fit
    if kind == "double":
        return float(value)
    if isinstance(value, NumberText | float):
        value = int(float(value))
    return parse_int(str(int(value))) if kind == "int" else parse_long(str(int(value)))


class _Array(Codec):
    """`List` and `Set`: a tuple here; a set is printed in the order of Java's HashSet."""

    __slots__ = ("_inner", "_ordered")

    def __init__(self, inner: Codec, *, ordered: bool) -> None:
        super().__init__("List")
        self._inner = inner
        self._ordered = ordered

    @override
    def is_null(self, value: JsonValue, release: Release) -> bool:
        return value is None or (value == "" and not release.oldest_json)

    @override
    def read(self, value: JsonValue, at: Reading) -> object:
        if not isinstance(value, list):
            strict = at.release.oldest_json and (self._inner.name == "String" or not self._ordered)
            if strict or not isinstance(value, dict):
                raise BodyRefused(self.name, "no array")
            value = [value]  # one is taken for many
        read, is_null = self._inner.read, self._inner.is_null
        if self._inner.name == "SubscriptionData":  # one without a topic is met like a null
            value = [None if isinstance(e, dict) and e.get("topic") is None else e for e in value]
        entries = [None if is_null(entry, at.release) else read(entry, at) for entry in value]
        return tuple(entries if self._ordered else dict.fromkeys(entries))

    @override
    def write(self, value: object, release: Release) -> Writable:
        entries = cast("Sequence[object]", value)
        inner = self._inner
        if not self._ordered:
            if inner.name == "String":
                entries = _string_set(cast("Sequence[str | None]", entries))
            elif inner.name == "MessageQueue":
                queues = cast("Sequence[MessageQueue | None]", entries)
                known = in_hash_set_order([queue for queue in queues if queue is not None])
                entries = [None, *known] if None in queues else known
        return [None if entry is None else inner.write(entry, release) for entry in entries]


def _string_set(entries: Sequence[str | None]) -> list[str | None]:
    """Java's order; null hashes to 0 and comes before what else is in the first bucket."""
    known = hash_map_order([entry for entry in entries if entry is not None])
    return [None, *known] if None in entries else list(known)


class _Map(Codec):
    """`Map` in the order of Java's HashMap, `Tree` in the order of its keys."""

    __slots__ = ("_inner", "_key", "_sorted")

    def __init__(self, key: str, inner: Codec, *, by_key: bool) -> None:
        super().__init__("Map")
        self._key = key
        self._inner = inner
        self._sorted = by_key

    @override
    def is_null(self, value: JsonValue, release: Release) -> bool:
        return value is None or (value in ("", "null") and not release.oldest_json)

    @override
    def read(self, value: JsonValue, at: Reading) -> object:
        if not isinstance(value, dict):
            raise BodyRefused(self.name, "no object")
        read = self._inner.read
        if self._key == "String":
            return {key: read(entry, at) for key, entry in value.items() if entry is not None}
        read_key = _integer_key if self._key == "int" else _queue_key
        return {
            read_key(key, at): read(entry, at) for key, entry in value.items() if entry is not None
        }

    @override
    def write(self, value: object, release: Release) -> Writable:
        inner = self._inner
        if self._key == "String":
            table = cast("Mapping[str, object]", value)
            keys = sorted(table) if self._sorted else hash_map_order(table)
            return {key: inner.write(table[key], release) for key in keys}
        if self._key == "int":
            numbers = cast("Mapping[int, object]", value)
            order = hash_order(list(numbers), _long_hash)
            return {number: inner.write(numbers[number], release) for number in order}
        queues = cast("Mapping[MessageQueue, object]", value)
        listed = sorted(queues) if self._sorted else hash_order(list(queues), _queue_hash)
        return {
            ObjectKey(write(_queue_object(queue), release)): inner.write(queues[queue], release)
            for queue in listed
        }


def _queue_hash(queue: MessageQueue) -> int:
    return queue.hash_code()


def _long_hash(number: int) -> int:
    return (number ^ number >> 32) & 0xFFFFFFFF


def _integer_key(key: str, at: Reading) -> int | MessageQueue:  # noqa: ARG001 - as _queue_key
    try:
        return parse_long(key)
    except InvalidInput:
        raise BodyRefused("Map", f"the key {key!r} is no number") from None


def _queue_key(key: str, at: Reading) -> int | MessageQueue:
    return _read_queue(parse_body(encode_utf8(key), at.release), at)


def _queue_object(queue: MessageQueue) -> dict[str, Writable]:
    written: dict[str, Writable] = {"queueId": queue.queue_id}
    if queue.broker_name:
        written = {"brokerName": queue.broker_name, **written}
    if queue.topic:
        written["topic"] = queue.topic
    return written


def _read_queue(value: JsonValue, at: Reading) -> MessageQueue:
    """A queue; absent names are empty here, null in Java."""
    if not isinstance(value, dict):
        raise BodyRefused("MessageQueue", "no object")
    number = value.get("queueId")
    return MessageQueue(
        Topic(text_of(value.get("topic"), at.release) or ""),
        text_of(value.get("brokerName"), at.release) or "",
        QueueId(0 if number is None else int(_number("int", number))),
    )


def _read_subscription(value: dict[str, JsonValue], at: Reading) -> SubscriptionData:
    """A subscription; `subVersion` is the clock where it is absent, as its Java field starts."""
    kind = value.get("expressionType", "TAG")
    tags, codes = (_entries(value.get(name), at) for name in ("tagsSet", "codeSet"))
    return SubscriptionData(
        topic=text_of(value.get("topic"), at.release) or "",
        sub_string=text_of(value.get("subString"), at.release),
        tags_set=frozenset(text_of(tag, at.release) or "" for tag in tags),
        code_set=frozenset(int(_number("int", code)) for code in codes),
        sub_version=_version(value, at),
        expression_type=text_of(kind, at.release),
        class_filter_mode=bool(_number("boolean", value.get("classFilterMode") or False)),
    )


def _entries(value: JsonValue, at: Reading) -> list[JsonValue]:
    """A set of plain values; fastjson 2 takes one for many."""
    if value is None or isinstance(value, list):
        return value or []
    if at.release.oldest_json:
        raise BodyRefused("Set", "no array")
    return [value]


def _version(value: dict[str, JsonValue], at: Reading) -> int:
    """The clock where it is absent or empty; null is 0 for fastjson 2."""
    version = value.get("subVersion", "")
    if version is None and not at.release.oldest_json:
        return 0
    return at.now if version in (None, "") else int(_number("long", version))


def _write_subscription(data: SubscriptionData) -> dict[str, Writable]:
    """Sets of tags and codes in the order of Java's HashSet."""
    codes = hash_order(sorted(data.code_set), int)
    return {
        "classFilterMode": data.class_filter_mode,
        "codeSet": codes,
        "expressionType": data.expression_type,
        "subString": data.sub_string,
        "subVersion": data.sub_version,
        "tagsSet": hash_map_order(sorted(data.tags_set)),
        "topic": data.topic or None,
    }


class _Model(_Object):
    """Values of the model."""

    __slots__ = ()

    @override
    def read(self, value: JsonValue, at: Reading) -> object:
        if not isinstance(value, dict):
            raise BodyRefused(self.name, "no object")
        try:
            match self.name:
                case "MessageQueue":
                    return _read_queue(value, at)
                case "SubscriptionData":
                    return _read_subscription(value, at)
                case "DataVersion":
                    return read_data_version(value, at.release)
                case "TopicConfig":
                    return topic_config.from_json(value, at.release)
                case _:
                    return subscription_group.from_json(value, at.release)
        except (InvalidInput, ValueError, TypeError) as error:  # TypeError: an array as a word
            raise BodyRefused(self.name, str(error)) from None

    @override
    def write(self, value: object, release: Release) -> Writable:
        match value:
            case MessageQueue():
                return _queue_object(value)
            case SubscriptionData():
                return _write_subscription(value)
            case data_version.DataVersion():
                return data_version.to_json(value, release)
            case topic_config.TopicConfig():
                written = topic_config.to_json(value, release)
                return {k: v for k, v in written.items() if k != "topicName" or v}
            case subscription_group.SubscriptionGroupConfig():
                return subscription_group.to_json(value, release)
            case _:
                raise AssertionError(value)


class _Bean(_Object):
    """Another body."""

    __slots__ = ("_cls",)

    def __init__(self, cls: "type[Body]") -> None:
        super().__init__(cls.__name__)
        self._cls = cls

    @override
    def read(self, value: JsonValue, at: Reading) -> object:
        return self._cls.from_json(value, at)

    @override
    def write(self, value: object, release: Release) -> Writable:
        assert isinstance(value, Body), value
        return value.to_json(release)


_MODELS = ("MessageQueue", "SubscriptionData", "DataVersion", "TopicConfig")
_PLAIN = ("String", "int", "long", "double", "boolean", *ENUMS)


def _codec(text: str) -> Codec:
    """Read a type of `WIRE`."""
    if text in _PLAIN:
        return _Plain(text)
    head, _, rest = text.partition("<")
    inner = rest[:-1]
    match head:
        case "List" | "Set":
            return _Array(_codec(inner), ordered=head == "List")
        case "Map" | "Tree":
            key, _, value = inner.partition(",")
            return _Map(key, _codec(value), by_key=head == "Tree")
        case _ if head in _MODELS or head == "SubscriptionGroupConfig":
            return _Model(head)
        case _:
            return _Bean(_BODIES[head])


class _Field(NamedTuple):
    wire: str
    attribute: str
    codec: Codec
    releases: tuple[str, ...]  # empty for all


_Table: TypeAlias = tuple[_Field, ...]
_BODIES: dict[str, "type[Body]"] = {}
_TABLES: dict["type[Body]", _Table] = {}


class Body(WireValue):
    """Base of the bodies."""

    WIRE: ClassVar[str] = ""
    NULL_SETS: ClassVar[frozenset[str]] = frozenset()  # where null is no empty set: `(None,)`

    @override
    def __init_subclass__(cls) -> None:
        _BODIES[cls.__name__] = cls

    @classmethod
    def absent(cls, release: Release) -> Mapping[str, object]:  # noqa: ARG003 - for overriders
        """Attributes that a release initialises otherwise than our defaults."""
        return {}

    @classmethod
    def from_json(cls, value: JsonValue, at: Reading) -> Self:
        """Read an object: unknown names are ignored, null leaves the default."""
        if not isinstance(value, dict):
            raise BodyRefused(cls.__name__, "no object")
        fields: dict[str, object] = dict(cls.absent(at.release))
        for wire, attribute, codec, releases in _table(cls):
            if wire in value and not (releases and at.release.name not in releases):
                entry = value[wire]
                if not codec.is_null(entry, at.release):
                    fields[attribute] = codec.read(entry, at)
                elif attribute in cls.NULL_SETS:
                    fields[attribute] = (None,)
                else:
                    fields.pop(attribute, None)
        return cls(**fields)

    def to_json(self, release: Release) -> dict[str, Writable]:
        """The fields in the order of fastjson, without null ones."""
        written: dict[str, Writable] = {}
        for wire, attribute, codec, releases in _table(type(self)):
            value: object = getattr(self, attribute)
            if value is not None and not (releases and release.name not in releases):
                written[wire] = codec.write(value, release)
        return written

    @classmethod
    def read(cls, data: bytes, release: Release, now: Millis = Millis(0)) -> Self | None:  # noqa: B008 - a number
        """Read a body; None for what reads as null. Raises `BodyRefused`."""
        try:
            value = parse_body(data, release, frozenset(field.wire for field in _table(cls)))
            if reads_as_null(value, release):
                return None
            return cls.from_json(value, Reading(release, now))
        except BodyRefused as error:
            raise error.of_library("fastjson" if release.oldest_json else "fastjson2") from None

    @classmethod
    def decode(cls, data: bytes, release: Release, now: Millis = Millis(0)) -> Self:  # noqa: B008 - a number
        """Read a body that must be there; raises `BodyRefused`."""
        body = cls.read(data, release, now) if data else None
        if body is None:
            raise BodyRefused.null(cls.__name__)
        return body

    def encode(self, release: Release) -> bytes:
        """Print the body as the release's fastjson does."""
        return encode_utf8(write(self.to_json(release), release))


def _table(cls: type[Body]) -> _Table:
    table = _TABLES.get(cls)
    if table is None:
        fields = []
        for entry in cls.WIRE.split():
            name, _, kind = entry.partition(":")
            wire, _, attribute = name.partition("=")
            kind, _, releases = kind.partition("@")
            fields.append(
                _Field(
                    wire,
                    attribute or snake_case(wire),
                    _codec(kind),
                    tuple(releases.split(",")) if releases else (),
                )
            )
        table = _TABLES[cls] = tuple(fields)
    return table
