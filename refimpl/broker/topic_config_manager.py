"""The topic table of a broker: system topics, creation by sends, order flags, `config/topics.json`.

Java 4.9.7: broker/topic/TopicConfigManager. Every change gives the table a new data version, is
persisted before the caller answers, and is told to the name servers.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from refimpl.model import data_version as versions
from refimpl.model import topic_config as topic_configs
from refimpl.model.data_version import DataVersion
from refimpl.model.disk import DiskError
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue, Millis
from refimpl.model.sys_flag import (
    PERM_INHERIT,
    PERM_READ,
    PERM_WRITE,
    clear_unit_flag,
    clear_unit_sub_flag,
    set_unit_flag,
    set_unit_sub_flag,
)
from refimpl.model.topic_config import TopicConfig
from refimpl.model.topic_validator import (
    AUTO_CREATE_TOPIC_KEY_TOPIC,
    RMQ_SYS_BENCHMARK_TOPIC,
    RMQ_SYS_OFFSET_MOVED_EVENT,
    RMQ_SYS_SCHEDULE_TOPIC,
    RMQ_SYS_SELF_TEST_TOPIC,
    RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC,
    RMQ_SYS_TRANS_HALF_TOPIC,
    RMQ_SYS_TRANS_OP_HALF_TOPIC,
    system_topics,
)

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext

SCHEDULE_TOPIC_QUEUE_NUM = 18
REPLY_TOPIC_POSTFIX = "REPLY_TOPIC"
_READ_WRITE = PERM_READ | PERM_WRITE


class TopicConfigManager:
    """Topics by name, in the order in which they came to be, with the version of the table."""

    __slots__ = ("_ctx", "_file", "data_version", "system_topics", "topic_config_table")

    def __init__(self, ctx: "BrokerContext", now: Millis) -> None:
        self._ctx = ctx
        self._file = ctx.config_file("config/topics.json")
        self.topic_config_table: dict[str, TopicConfig] = {}
        self.system_topics = set(
            system_topics(ctx.release)
        )  # asked by membership only, never iterated unsorted
        self.data_version = DataVersion(timestamp=now, counter=0)
        for config in start_topics(ctx):
            self.topic_config_table[config.topic_name] = config
            self.system_topics.add(config.topic_name)

    # --- looking

    def select_topic_config(self, topic: str) -> TopicConfig | None:
        """The configuration of a topic."""
        return self.topic_config_table.get(topic)

    def is_order_topic(self, topic: str) -> bool:
        """True for a known topic with the order flag."""
        config = self.topic_config_table.get(topic)
        return config is not None and config.order

    # --- creation

    def create_topic_in_send_message_method(
        self,
        topic: str,
        default_topic: str,
        client_default_topic_queue_nums: int,
        topic_sys_flag: int,
        now: Millis,
    ) -> TopicConfig | None:
        """Make a topic after `default_topic` where that one may be inherited.

        The queues are the smaller of what the client asks and what the default topic has, at least
        0. BROKER-TOPIC-2, BROKER-TOPIC-3, BROKER-TOPIC-4, BROKER-TOPIC-5. None where the default
        topic is unknown or has no
        permission to inherit.
        """
        table = self.topic_config_table
        config = table.get(topic)
        if config is not None:
            return config
        default = table.get(default_topic)
        if default is None:
            return None
        if default_topic == AUTO_CREATE_TOPIC_KEY_TOPIC and not self._ctx.config.boolean(
            "autoCreateTopicEnable"
        ):
            default = replace(default, perm=_READ_WRITE)
            table[default_topic] = default
        if not default.perm & PERM_INHERIT:
            return None
        queues = max(0, min(client_default_topic_queue_nums, default.write_queue_nums))
        created = TopicConfig(
            topic_name=topic,
            read_queue_nums=queues,
            write_queue_nums=queues,
            perm=default.perm & ~PERM_INHERIT,
            topic_sys_flag=topic_sys_flag,
            topic_filter_type=default.topic_filter_type,
        )
        self._created(created, now)
        return created

    def create_topic_in_send_message_back_method(  # noqa: PLR0917 - Java's parameters
        self,
        topic: str,
        queue_nums: int,
        perm: int,
        topic_sys_flag: int,
        now: Millis,
        order: bool = False,
    ) -> TopicConfig:
        """The retry or dead-letter topic, made where it is not there yet. BROKER-TOPIC-6.

        A release whose method takes an order flag sets that of an existing topic too.
        """
        config = self.topic_config_table.get(topic)
        if config is not None:
            if config.order != order and self._ctx.release.send_back_clears_order:
                config = replace(config, order=order)
                self.update_topic_config(config, now)
            return config
        created = TopicConfig(
            topic_name=topic,
            read_queue_nums=queue_nums,
            write_queue_nums=queue_nums,
            perm=perm,
            topic_sys_flag=topic_sys_flag,
            order=order,
        )
        self._created(created, now)
        return created

    def create_topic_of_tran_check_max_time(
        self, queue_nums: int, perm: int, now: Millis
    ) -> TopicConfig:
        """The topic of half messages that were checked too often."""
        return self.create_topic_in_send_message_back_method(
            RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC, queue_nums, perm, 0, now
        )

    def _created(self, config: TopicConfig, now: Millis) -> None:
        """A new topic: on the disk first, then told. BROKER-TOPIC-7, BROKER-TOPIC-11."""
        self.update_topic_config(config, now)
        self._ctx.registration.topic_created(config, now)

    # --- changes

    def update_topic_config(self, config: TopicConfig, now: Millis) -> None:
        """Store a configuration as an administrator gave it; the caller tells the name servers."""
        with self._written():
            self.topic_config_table[config.topic_name] = config
            self.data_version = self.data_version.next_version(now)

    def update_topic_config_list(self, configs: Iterable[TopicConfig], now: Millis) -> None:
        """Store several at once; one write of the file."""
        with self._written():
            for config in configs:
                self.topic_config_table[config.topic_name] = config
                self.data_version = self.data_version.next_version(now)

    def update_topic_unit_flag(self, topic: str, unit: bool, now: Millis) -> None:
        """Set or clear the unit bit."""
        flag = set_unit_flag if unit else clear_unit_flag
        self._update_sys_flag(topic, flag, now)

    def update_topic_unit_sub_flag(self, topic: str, has_unit_sub: bool, now: Millis) -> None:
        """Set the bit of a subscription across units, or clear it where the release does.

        BROKER-TOPIC-10.
        """
        if has_unit_sub:
            self._update_sys_flag(topic, set_unit_sub_flag, now)
        elif self._ctx.release.clears_unit_sub_flag:
            self._update_sys_flag(topic, clear_unit_sub_flag, now)
        else:
            self._update_sys_flag(topic, lambda flag: flag, now)

    def _update_sys_flag(self, topic: str, change: Callable[[int], int], now: Millis) -> None:
        config = self.topic_config_table.get(topic)
        if config is None:
            return
        config = replace(config, topic_sys_flag=change(config.topic_sys_flag))
        self.update_topic_config(config, now)
        self._ctx.registration.topic_created(config, now)

    def update_order_topic_config(self, order_topics: Mapping[str, str], now: Millis) -> None:
        """Take the order flags that the name server tells. BROKER-TOPIC-8.

        Where they cannot be written they are left for the next registration, which tells them too.
        """
        table = dict(self.topic_config_table)
        clears = self._ctx.release.clears_order_of_unlisted_topics
        for topic, config in self.topic_config_table.items():
            listed = topic in order_topics
            if listed != config.order and (listed or clears):
                table[topic] = replace(config, order=listed)
        if table != self.topic_config_table:
            with suppress(DiskError), self._written():
                self.topic_config_table = table
                self.data_version = self.data_version.next_version(now)

    def delete_topic_config(self, topic: str, now: Millis) -> bool:
        """Forget a topic; False where it was unknown."""
        if topic not in self.topic_config_table:
            return False
        with self._written():
            del self.topic_config_table[topic]
            self.data_version = self.data_version.next_version(now)
        return True

    # --- the file

    def config_file_path(self) -> str:
        """Path below the root of the store."""
        return self._file.path

    def load(self) -> bool:
        """Add what the file holds to the system topics; the file wins. BROKER-TOPIC-9."""
        return self._file.load(self.decode)

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Write what the body changes, or undo it and raise `DiskError`. BROKER-TOPIC-12.

        What the body changed before an error of its own stays, and is written with the next change.
        """
        table, version = dict(self.topic_config_table), self.data_version
        yield
        try:
            self._file.write(self.encode())
        except DiskError:
            self.topic_config_table, self.data_version = table, version
            raise

    def encode(self) -> str:
        """The table and its version as Java's pretty JSON."""
        release = self._ctx.release
        table: dict[str, JsonValue] = {
            name: topic_configs.to_json(config, release)
            for name, config in self.topic_config_table.items()
        }
        value: dict[str, JsonValue] = {
            "dataVersion": versions.to_json(self.data_version, release),
            "topicConfigTable": table,
        }
        return json.dumps(value, indent="\t", separators=(",", ":"), ensure_ascii=False)

    def decode(self, text: str) -> None:
        """Put every topic of `text` into the table and take its version; `InvalidInput`."""
        from refimpl.remoting.body.java_json import parse  # noqa: PLC0415 - once, at start
        from refimpl.remoting.errors import BodyRefused  # noqa: PLC0415 - the same

        release = self._ctx.release
        try:
            value = parse(text, release)
        except BodyRefused as error:
            raise InvalidInput("configuration file", text[:40], str(error)) from error
        if not isinstance(value, dict):
            raise InvalidInput("topics.json", text[:40], "not an object")
        table = value.get("topicConfigTable")
        read = {
            name: topic_configs.from_json(entry, release)
            for name, entry in (table.items() if isinstance(table, dict) else ())
            if isinstance(entry, dict)
        }
        version = value.get("dataVersion")
        self.topic_config_table.update(read)
        if isinstance(version, dict):
            self.data_version = versions.from_json(version, release)


def start_topics(ctx: "BrokerContext") -> list[TopicConfig]:
    """The topics that a broker has before it reads its file, in Java's order. BROKER-TOPIC-1."""
    config, release = ctx.config, ctx.release
    cluster, name = config.text("brokerClusterName"), config.text("brokerName")
    queues = config.integer("defaultTopicQueueNums")
    full = PERM_INHERIT | _READ_WRITE
    topics = [(RMQ_SYS_SELF_TEST_TOPIC, 1, _READ_WRITE)]
    if config.boolean("autoCreateTopicEnable"):
        topics.append((AUTO_CREATE_TOPIC_KEY_TOPIC, queues, full))
    topics += [
        (RMQ_SYS_BENCHMARK_TOPIC, 1024, _READ_WRITE),
        (cluster, 16, full if config.boolean("clusterTopicEnable") else PERM_INHERIT),
        (name, 1, full if config.boolean("brokerTopicEnable") else PERM_INHERIT),
        (RMQ_SYS_OFFSET_MOVED_EVENT, 1, _READ_WRITE),
    ]
    if release.has_schedule_topic_at_start:
        topics.append((RMQ_SYS_SCHEDULE_TOPIC, SCHEDULE_TOPIC_QUEUE_NUM, _READ_WRITE))
    if config.boolean("traceTopicEnable"):
        topics.append((config.text("msgTraceTopicName"), 1, _READ_WRITE))
    topics.append((cluster + "_" + REPLY_TOPIC_POSTFIX, 1, _READ_WRITE))
    if release.has_internal_topics_at_start:
        revive = config.integer("reviveQueueNum")
        topics += [
            ("rmq_sys_REVIVE_LOG_" + cluster, revive, _READ_WRITE),
            ("rmq_sys_SYNC_BROKER_MEMBER_" + name, 1, PERM_INHERIT),
            (RMQ_SYS_TRANS_HALF_TOPIC, 1, _READ_WRITE),
            (RMQ_SYS_TRANS_OP_HALF_TOPIC, 1, _READ_WRITE),
            ("RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC", 1, _READ_WRITE),
            ("RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC", 1, _READ_WRITE),
        ]
        if config.boolean("timerWheelEnable"):
            topics.append(("rmq_sys_wheel_timer", 1, _READ_WRITE))
    return [
        TopicConfig(topic_name=topic, read_queue_nums=count, write_queue_nums=count, perm=perm)
        for topic, count, perm in topics
    ]
