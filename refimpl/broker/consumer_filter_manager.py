"""The SQL92 expressions of all groups, by topic.

Java 4.9.7: broker/filter/ConsumerFilterManager, ConsumerFilterData; `config/consumerFilter.json`.
Rules BROKER-MEMBER-30 to BROKER-MEMBER-36.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from refimpl.broker.bloom_filter import BloomFilter, BloomFilterData
from refimpl.broker.json_text import parse_object, to_pretty
from refimpl.model.config import Config
from refimpl.model.errors import InvalidInput, StartRefused
from refimpl.model.ids import JsonValue, Millis
from refimpl.model.release import Release
from refimpl.model.subscription import SubscriptionData, is_tag_type
from refimpl.remoting.body.java_json import Writable

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext
    from refimpl.model.sql92_expression import Expression

SQL92 = "SQL92"


class ConsumerFilterData:
    """One group's expression for one topic; dead when its last member left."""

    __slots__ = (
        "bloom_filter_data",
        "born_time",
        "client_version",
        "compiled_expression",
        "consumer_group",
        "dead_time",
        "expression",
        "expression_type",
        "topic",
    )

    def __init__(  # noqa: PLR0917 - the fields of Java's class
        self,
        topic: str,
        group: str,
        expression: str,
        expression_type: str,
        version: int,
        now: Millis,
    ) -> None:
        self.topic = topic
        self.consumer_group = group
        self.expression = expression
        self.expression_type = expression_type
        self.client_version = version
        self.born_time = now
        self.dead_time = Millis(0)
        self.bloom_filter_data: BloomFilterData | None = None
        self.compiled_expression: Expression | None = None

    @property
    def is_dead(self) -> bool:
        """True since the group went away; coming back sets the time of death to 0."""
        return self.dead_time >= self.born_time

    def json_value(self) -> JsonValue:
        """The fields in the order of fastjson."""
        bloom = self.bloom_filter_data
        bits: JsonValue = None
        if bloom is not None:
            bits = {"bitNum": bloom.bit_num, "bitPos": list(bloom.bit_pos)}
        fields: dict[str, JsonValue] = {} if bits is None else {"bloomFilterData": bits}
        fields.update(
            bornTime=self.born_time,
            clientVersion=self.client_version,
            consumerGroup=self.consumer_group,
            dead=self.is_dead,
            deadTime=self.dead_time,
            expression=self.expression,
            expressionType=self.expression_type,
            topic=self.topic,
        )
        return fields


def build(  # noqa: PLR0917 - Java's parameters
    release: Release,
    topic: str,
    group: str,
    expression: str,
    expression_type: str | None,
    version: int,
    now: Millis,
) -> ConsumerFilterData | None:
    """Compile an expression; None for tags, an unknown language, or text that does not compile.

    BROKER-MEMBER-31; BROKER-PULL-33 says what a pull without compiled data sees.
    """
    if is_tag_type(expression_type) or expression_type != SQL92:
        return None
    from refimpl.model.errors import InvalidInput  # noqa: PLC0415 - rare
    from refimpl.model.sql92 import compile_expression  # noqa: PLC0415 - brings the grammar

    data = ConsumerFilterData(topic, group, expression, SQL92, version, now)
    try:
        data.compiled_expression = compile_expression(expression, release)
    except InvalidInput:
        return None
    return data


class ConsumerFilterManager:
    """The table topic -> group -> expression."""

    __slots__ = ("_bloom", "_ctx", "_file", "filter_data_by_topic", "now")

    def __init__(self, ctx: "BrokerContext") -> None:
        self._ctx = ctx
        self._file = ctx.config_file("config/consumerFilter.json")
        self._bloom: BloomFilter | None = None
        self.now = Millis(0)  # of the load: all that lived dies shortly before
        self.filter_data_by_topic: dict[str, dict[str, ConsumerFilterData]] = {}

    @property
    def bloom_filter(self) -> BloomFilter:
        """The filter of this configuration, made at its first use."""
        if self._bloom is None:
            config = self._ctx.config
            self._bloom = BloomFilter(
                config.integer("maxErrorRateOfBloomFilter"),
                config.integer("expectConsumerNumUseFilter"),
            )
        return self._bloom

    def with_bloom_filter_size(self, config: Config) -> Config:
        """`config` with the size of this filter; raises `StartRefused`. BROKER-ADMIN-61."""
        try:
            size = self.bloom_filter.m
        except InvalidInput as error:
            raise StartRefused(str(error)) from error
        return config.changed({"bitMapLengthConsumeQueueExt": str(size)}, keep_unknown=False)

    def get(self, topic: str, group: str) -> ConsumerFilterData | None:
        """The expression of a group for a topic, dead or alive."""
        groups = self.filter_data_by_topic.get(topic)
        return None if groups is None else groups.get(group)

    def register(self, group: str, subscriptions: Iterable[SubscriptionData], now: Millis) -> None:
        """Take a heartbeat's expressions; what it no longer names dies. BROKER-MEMBER-32."""
        named: set[str] = set()
        for data in subscriptions:
            named.add(data.topic)
            if not is_tag_type(data.expression_type) and data.sub_string:
                self._register(data, data.sub_string, group, now)
        for topic, groups in self.filter_data_by_topic.items():
            known = groups.get(group)
            if known is not None and topic not in named and not known.is_dead:
                known.dead_time = now

    def _register(self, data: SubscriptionData, expression: str, group: str, now: Millis) -> None:
        groups = self.filter_data_by_topic.setdefault(data.topic, {})
        old = groups.get(group)
        kind, version = data.expression_type, data.sub_version
        assert kind is not None  # a tag type is not registered
        bloom = self.bloom_filter.generate(f"{group}#{data.topic}")
        if old is not None:
            if version <= old.client_version:
                if version == old.client_version:
                    old.dead_time = Millis(0)
                return
            if (old.expression, old.expression_type, old.bloom_filter_data) == (
                expression,
                kind,
                bloom,
            ):
                old.client_version = version
                old.dead_time = Millis(0)
                return
        release = self._ctx.release
        new = build(release, data.topic, group, expression, kind, version, now)
        if new is None:
            groups.pop(group, None)  # BROKER-MEMBER-33: a bad new expression forgets the old one
            return
        new.bloom_filter_data = bloom
        groups[group] = new

    def unregister(self, group: str, now: Millis) -> None:
        """The group's last member left: its expressions die. BROKER-MEMBER-34."""
        for groups in self.filter_data_by_topic.values():
            data = groups.get(group)
            if data is not None and not data.is_dead:
                data.dead_time = now

    def clean(self, now: Millis) -> None:
        """Forget expressions dead for `filterDataCleanTimeSpan`. BROKER-MEMBER-35."""
        span = self._ctx.config.integer("filterDataCleanTimeSpan")
        for topic in list(self.filter_data_by_topic):
            groups = self.filter_data_by_topic[topic]
            for group in [g for g, d in groups.items() if d.is_dead and now - d.dead_time >= span]:
                del groups[group]
            if not groups:
                del self.filter_data_by_topic[topic]

    # --- the file

    def config_file_path(self) -> str:
        """Path below the root of the store."""
        return self._file.path

    def load(self, now: Millis) -> bool:
        """Read the file or its backup."""
        self.now = now
        return self._file.load(self.decode)

    def persist_at(self, now: Millis) -> None:
        """Write the file without what is dead for too long."""
        self.clean(now)
        self._file.persist(self.encode())

    def encode(self) -> str:
        """The table as Java writes its file."""
        topics: dict[str, Writable] = {
            topic: {
                "groupFilterData": {g: d.json_value() for g, d in groups.items()},
                "topic": topic,
            }
            for topic, groups in self.filter_data_by_topic.items()
        }
        return to_pretty({"filterDataByTopic": topics}, self._ctx.release)

    def decode(self, text: str) -> None:
        """Replace the table; all living groups come back as dead. BROKER-MEMBER-36.

        Raises `InvalidInput` for text that cannot be read, and then changes nothing.
        """
        tree = parse_object(text, self._ctx.release)
        topics = tree.get("filterDataByTopic")
        table: dict[str, dict[str, ConsumerFilterData]] = {}
        for topic, entry in topics.items() if isinstance(topics, dict) else ():
            groups = entry.get("groupFilterData") if isinstance(entry, dict) else None
            for group, value in groups.items() if isinstance(groups, dict) else ():
                data = (
                    _read(self._ctx.release, topic, group, value, self.now)
                    if isinstance(value, dict)
                    else None
                )
                if data is None:
                    continue
                if not self.bloom_filter.is_valid(data.bloom_filter_data):
                    return
                if data.dead_time == 0:
                    data.dead_time = Millis(max(data.born_time, self.now - 30_000))
                table.setdefault(topic, {})[group] = data
        self.filter_data_by_topic = table


def _read(
    release: Release, topic: str, group: str, value: dict[str, JsonValue], now: Millis
) -> ConsumerFilterData | None:
    """One entry of the file, compiled again; a text that does not compile stays without."""

    def number(name: str) -> int:
        found = value.get(name)
        return found if isinstance(found, int) else 0

    expression, kind = value.get("expression"), value.get("expressionType")
    if not isinstance(expression, str) or not isinstance(kind, str):
        return None
    version = number("clientVersion")
    data = build(release, topic, group, expression, kind, version, now)
    if data is None:
        data = ConsumerFilterData(topic, group, expression, kind, version, now)
    data.born_time = Millis(number("bornTime"))
    data.dead_time = Millis(number("deadTime"))
    bloom = value.get("bloomFilterData")
    if isinstance(bloom, dict):
        positions, size = bloom.get("bitPos"), bloom.get("bitNum")
        if isinstance(positions, list) and isinstance(size, int):
            bits = tuple(bit for bit in positions if isinstance(bit, int))
            data.bloom_filter_data = BloomFilterData(bits, size)
    return data
