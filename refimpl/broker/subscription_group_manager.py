"""The table of subscription groups: what the broker allows each group, `subscriptionGroup.json`.

Java 4.9.7: broker/subscription/SubscriptionGroupManager. A change gives the table a new data
version and is persisted before the caller answers. Rules BROKER-MEMBER-40 to BROKER-MEMBER-47.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from refimpl.broker.json_text import parse_object, to_pretty
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.data_version import DataVersion
from refimpl.model.data_version import from_json as version_from_json
from refimpl.model.data_version import to_json as version_to_json
from refimpl.model.disk import DiskError
from refimpl.model.ids import Millis
from refimpl.model.subscription_group import SubscriptionGroupConfig, from_json, to_json
from refimpl.model.topic_validator import CID_RMQ_SYS_PREFIX, validate_group
from refimpl.remoting.body.java_json import Writable

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext

TOOLS_CONSUMER_GROUP = "TOOLS_CONSUMER"
FILTERSRV_CONSUMER_GROUP = "FILTERSRV_CONSUMER"
SELF_TEST_CONSUMER_GROUP = "SELF_TEST_C_GROUP"
ONS_HTTP_PROXY_GROUP = "CID_ONS-HTTP-PROXY"
CID_ONSAPI_PULL_GROUP = "CID_ONSAPI_PULL"
CID_ONSAPI_PERMISSION_GROUP = "CID_ONSAPI_PERMISSION"
CID_ONSAPI_OWNER_GROUP = "CID_ONSAPI_OWNER"
CID_SYS_RMQ_TRANS = "CID_RMQ_SYS_TRANS"

_START_GROUPS = (
    TOOLS_CONSUMER_GROUP,
    FILTERSRV_CONSUMER_GROUP,
    SELF_TEST_CONSUMER_GROUP,
    ONS_HTTP_PROXY_GROUP,
    CID_ONSAPI_PULL_GROUP,
    CID_ONSAPI_PERMISSION_GROUP,
    CID_ONSAPI_OWNER_GROUP,
)


class SubscriptionGroupManager:
    """Groups by name, in the order in which they came to be, with the version of the table."""

    __slots__ = ("_ctx", "_file", "data_version", "forbidden_table", "subscription_group_table")

    def __init__(self, ctx: "BrokerContext", now: Millis) -> None:
        self._ctx = ctx
        self._file = ctx.config_file("config/subscriptionGroup.json")
        self.data_version = DataVersion(timestamp=now, counter=0)
        self.subscription_group_table: dict[str, SubscriptionGroupConfig] = {}
        self.forbidden_table: dict[str, dict[str, int]] = {}  # 5.5: group -> topic -> bits
        names: tuple[str, ...] = _START_GROUPS
        if ctx.release.groups_can_be_forbidden:
            names = (*names, CID_SYS_RMQ_TRANS)
        for name in names:  # BROKER-MEMBER-40
            self.subscription_group_table[name] = SubscriptionGroupConfig(group_name=name)

    # --- looking

    def find_subscription_group_config(
        self, group: str | None, now: Millis
    ) -> SubscriptionGroupConfig | None:
        """The settings of a group, made with defaults where the broker may make groups.

        BROKER-MEMBER-41 (auto-create), BROKER-MEMBER-42 (system groups always).
        """
        if group is None:
            raise null_pointer()
        config = self.subscription_group_table.get(group)
        if config is not None:
            return config
        release, settings = self._ctx.release, self._ctx.config
        system = group.startswith(CID_RMQ_SYS_PREFIX)
        if release.validates_group_names:
            system = system and settings.boolean("enableCreateSysGroup")
        if not (settings.boolean("autoCreateSubscriptionGroup") or system):
            return None
        if release.validates_group_names and validate_group(group) is not None:
            return None
        config = SubscriptionGroupConfig(group_name=group)
        self.subscription_group_table[group] = config
        self.data_version = self.data_version.next_version(now)
        self._file.persist(self.encode())  # where it cannot be written it is made again: no loss
        return config

    def contains_subscription_group(self, group: str) -> bool:
        """True for a group in the table; never makes one."""
        return group in self.subscription_group_table

    # --- changes

    def update_subscription_group_config(
        self, config: SubscriptionGroupConfig, now: Millis
    ) -> None:
        """Store what an administrator gave. BROKER-MEMBER-43; 5.5 merges the attributes.

        Raises `ProcessorThrew` where an attribute is not allowed, and then stores nothing.
        """
        self.update_subscription_group_config_list((config,), now)

    def update_subscription_group_config_list(
        self, configs: Iterable[SubscriptionGroupConfig], now: Millis
    ) -> None:
        """Store several groups and persist once (5.5)."""
        with self._written():
            for given in configs:
                config = given
                if config.group_name is None:
                    raise null_pointer()
                if self._ctx.release.groups_are_extended:
                    from refimpl.broker.attributes import (  # noqa: PLC0415 - administration
                        GROUP_ATTRIBUTES,
                        alter_attributes,
                    )

                    old = self.subscription_group_table.get(config.group_name)
                    current: Mapping[str, str] = {} if old is None else old.attributes
                    merged = alter_attributes(
                        GROUP_ATTRIBUTES, current, config.attributes, create=old is None
                    )
                    config = replace(config, attributes=merged)
                assert config.group_name is not None
                self.subscription_group_table[config.group_name] = config
                self.data_version = self.data_version.next_version(now)

    def delete_subscription_group_config(self, group: str, now: Millis) -> None:
        """Remove a group; an unknown one is no error and no change. BROKER-MEMBER-45."""
        if group not in self.subscription_group_table:
            self.forbidden_table.pop(group, None)
            return
        with self._written():
            self.forbidden_table.pop(group, None)
            del self.subscription_group_table[group]
            self.data_version = self.data_version.next_version(now)

    def disable_consume(self, group: str, now: Millis) -> None:
        """Switch consumption off, in memory only until the next persist. BROKER-MEMBER-46."""
        config = self.subscription_group_table.get(group)
        if config is not None:
            self.subscription_group_table[group] = replace(config, consume_enable=False)
            self.data_version = self.data_version.next_version(now)

    # --- 5.5: groups that may not read a topic

    def is_forbidden(self, group: str, topic: str, index: int) -> bool:
        """True where bit `index` is set for the group and topic. BROKER-MEMBER-44."""
        topics = self.forbidden_table.get(group)
        return topics is not None and max(0, topics.get(topic, 0)) >> index & 1 == 1

    def update_forbidden(
        self, group: str, topic: str, index: int, now: Millis, *, forbidden: bool
    ) -> None:
        """Set or clear a bit. Clearing the last bit of a topic frees the *whole* group.

        That is Java's: updateForbiddenValue removes the group's entry, and persists nothing then.
        """
        bits = max(0, self.forbidden_table.get(group, {}).get(topic, 0))
        bits = bits | 1 << index if forbidden else bits & ~(1 << index)
        if bits <= 0:
            self.forbidden_table.pop(group, None)
            return
        with self._written():
            table = {**self.forbidden_table.get(group, {}), topic: bits}
            self.forbidden_table[group] = table
            self.data_version = self.data_version.next_version(now)

    # --- the file

    def config_file_path(self) -> str:
        """Path below the root of the store."""
        return self._file.path

    def load(self) -> bool:
        """Add what the file holds to the groups that are always there. BROKER-MEMBER-47."""
        return self._file.load(self.decode)

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Write what the body changes, or undo it and raise `DiskError`. BROKER-TOPIC-12.

        What the body changed before an error of its own stays, and is written with the next change.
        """
        groups, forbidden = dict(self.subscription_group_table), dict(self.forbidden_table)
        version = self.data_version
        yield
        try:
            self._file.write(self.encode())
        except DiskError:
            self.subscription_group_table, self.forbidden_table = groups, forbidden
            self.data_version = version
            raise

    def encode(self) -> str:
        """The table as Java writes its file."""
        return to_pretty(self.tree(self.subscription_group_table), self._ctx.release)

    def tree(self, table: Mapping[str, SubscriptionGroupConfig]) -> dict[str, Writable]:
        """The version and `table` as GET_ALL_SUBSCRIPTIONGROUP_CONFIG answers them."""
        release = self._ctx.release
        tree: dict[str, Writable] = {"dataVersion": version_to_json(self.data_version, release)}
        if release.groups_can_be_forbidden:
            tree["forbiddenTable"] = {
                group: topics for group, topics in self.forbidden_table.items() if group in table
            }
        tree["subscriptionGroupTable"] = {
            name: to_json(config, release) for name, config in table.items()
        }
        return tree

    def decode(self, text: str) -> None:
        """Put every group of `text` into the table and take its version.

        Raises `InvalidInput` and changes nothing on text that cannot be read.
        """
        release = self._ctx.release
        tree = parse_object(text, release)
        groups = tree.get("subscriptionGroupTable")
        read = {
            name: from_json(value, release)
            for name, value in (groups.items() if isinstance(groups, dict) else ())
            if isinstance(value, dict)
        }
        forbidden = tree.get("forbiddenTable")
        version = tree.get("dataVersion")
        self.subscription_group_table.update(read)
        for group, topics in forbidden.items() if isinstance(forbidden, dict) else ():
            if isinstance(topics, dict):
                self.forbidden_table[group] = {
                    topic: bits for topic, bits in topics.items() if isinstance(bits, int)
                }
        if isinstance(version, dict):
            self.data_version = version_from_json(version, release)
