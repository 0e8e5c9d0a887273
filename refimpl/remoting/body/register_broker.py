"""What a broker registers: its topics with their version. REGISTER_BROKER (103).

Java: body/RegisterBrokerBody. Plain it is JSON; compressed (zlib, level 9) it is a sequence of
`int32 length, bytes`: version, number of topics, the text form of every topic, filter servers, and
from 5.5's brokers the static topics. REMOTING-HEADER-20.
"""

from collections.abc import Mapping
from struct import Struct, error
from typing import Self
from zlib import compressobj, decompressobj
from zlib import error as zlib_error

from refimpl.model import topic_config
from refimpl.model.data_version import DataVersion
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue, Millis
from refimpl.model.java import decode_utf8, encode_utf8, hash_map_order
from refimpl.model.release import Release
from refimpl.model.topic_config import TopicConfig
from refimpl.remoting.body.bean import Reading
from refimpl.remoting.body.data_version import decode_data_version, encode_data_version
from refimpl.remoting.body.java_json import (
    Writable,
    parse,
    parse_body,
    reads_as_null,
    text_of,
    write,
)
from refimpl.remoting.body.topic_config_wrapper import (
    TopicConfigAndMappingSerializeWrapper,
    TopicConfigSerializeWrapper,
)
from refimpl.remoting.errors import BodyRefused
from refimpl.remoting.wire_value import WireValue

V5_0_0 = 413  # ordinal in MQVersion: these brokers add their static topics
INFLATED_MAX = 64 << 20  # a body of 16 MiB that inflates to more is an attack, not a broker
_INT = Struct(">i")
_MEMBERS = frozenset({"filterServerList", "topicConfigSerializeWrapper"})


class RegisterBrokerBody(WireValue):
    """Topics by name, their version, and the filter servers (4.x; None where they are null)."""

    data_version: DataVersion = DataVersion()
    topic_config_table: Mapping[str, TopicConfig] = {}
    filter_server_list: tuple[str, ...] | None = ()

    def encode(self, release: Release, *, compressed: bool) -> bytes:
        """Print the body in either form."""
        if compressed:
            return self._deflated(release)
        wrapper = TopicConfigAndMappingSerializeWrapper(
            data_version=self.data_version, topic_config_table=self.topic_config_table
        )
        written: dict[str, Writable] = {}
        if self.filter_server_list is not None:
            written["filterServerList"] = self.filter_server_list
        written["topicConfigSerializeWrapper"] = wrapper.to_json(release)
        return encode_utf8(write(written, release))

    def _deflated(self, release: Release) -> bytes:
        table = self.topic_config_table
        parts = [_lengthy(encode_data_version(self.data_version, release)), _INT.pack(len(table))]
        parts += [
            _lengthy(encode_utf8(topic_config.encode(table[name], release)))
            for name in hash_map_order(table)
        ]
        filters = write(self.filter_server_list, release)
        parts.append(_lengthy(encode_utf8(filters)))
        if release.static_topics:
            parts.append(_INT.pack(0))
        deflater = compressobj(9)
        return deflater.compress(b"".join(parts)) + deflater.flush()

    @classmethod
    def decode(
        cls, data: bytes, release: Release, *, compressed: bool, broker_version: int
    ) -> Self:
        """Read either form; raises `BodyRefused`."""
        if compressed:
            return cls._inflated(data, release, broker_version)
        value = parse_body(data, release, _MEMBERS)
        if reads_as_null(value, release):
            raise BodyRefused.null("RegisterBrokerBody")
        if not isinstance(value, dict):
            raise BodyRefused("RegisterBrokerBody", "no object")
        wrapper = value.get("topicConfigSerializeWrapper")
        if reads_as_null(wrapper, release):
            wrapper = {}
        topics = TopicConfigSerializeWrapper.from_json(wrapper, Reading(release, Millis(0)))
        table = wrapper.get("topicConfigTable") if isinstance(wrapper, dict) else None
        if isinstance(table, dict) and None in table.values():
            raise BodyRefused("RegisterBrokerBody", "a topic is null")
        return cls(
            data_version=topics.data_version,
            topic_config_table=topics.topic_config_table,
            filter_server_list=_strings(value.get("filterServerList", []), release),
        )

    @classmethod
    def decode_topics_only(cls, data: bytes, release: Release) -> Self:
        """Read what brokers before 3.0.11 send: the topics without filter servers."""
        topics = TopicConfigSerializeWrapper.decode(data, release)
        return cls(
            data_version=topics.data_version,
            topic_config_table=topics.topic_config_table,
            filter_server_list=None,
        )

    @classmethod
    def _inflated(cls, data: bytes, release: Release, broker_version: int) -> Self:
        inflater = decompressobj()
        try:
            plain = inflater.decompress(data, INFLATED_MAX)
        except zlib_error as wrong:
            raise BodyRefused("RegisterBrokerBody", str(wrong)) from None
        parts = _Parts(plain)
        version = decode_data_version(parts.next(), release)
        if version is None:
            raise BodyRefused("RegisterBrokerBody", "the version is null")
        table: dict[str, TopicConfig] = {}
        for _ in range(parts.integer()):
            try:
                config = topic_config.decode(decode_utf8(parts.next()), release)
            except InvalidInput as wrong:
                raise BodyRefused("TopicConfig", str(wrong)) from None
            if config is not None:
                table[config.topic_name] = config
        filters = _filters(decode_utf8(parts.next()), release)
        if release.static_topics and broker_version >= V5_0_0:
            for _ in range(parts.integer()):
                parts.next()
        return cls(data_version=version, topic_config_table=table, filter_server_list=filters)


def _lengthy(data: bytes) -> bytes:
    return _INT.pack(len(data)) + data


def _strings(value: JsonValue, release: Release) -> tuple[str, ...] | None:
    if value is None or value == "":
        return None
    entries = value if isinstance(value, list) else [value]  # one is taken for many
    return tuple(text_of(entry, release) or "" for entry in entries)


def _filters(text: str, release: Release) -> tuple[str, ...] | None:
    """The filter servers; an unreadable list is an empty one, as Java logs and goes on."""
    try:
        return _strings(parse(text, release), release)
    except BodyRefused:
        return ()


class _Parts:
    """The numbers and byte strings of the compressed form, one after the other."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def integer(self) -> int:
        """The next number; raises `BodyRefused` where the data ends."""
        try:
            number: int = _INT.unpack_from(self._data, self._at)[0]
        except error:
            raise BodyRefused("RegisterBrokerBody", "the data ends early") from None
        self._at += _INT.size
        return number

    def next(self) -> bytes:
        """The next byte string."""
        size = self.integer()
        if size < 0 or self._at + size > len(self._data):
            raise BodyRefused("RegisterBrokerBody", f"{size} bytes at {self._at}")
        self._at += size
        return self._data[self._at - size : self._at]
