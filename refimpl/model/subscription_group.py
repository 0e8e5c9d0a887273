"""What a broker knows of a consumer group. Java: common/subscription/SubscriptionGroupConfig."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.java import parse_int, parse_long
from refimpl.model.json_value import boolean, integer
from refimpl.model.release import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionGroupConfig:
    """Settings of one group; the defaults are Java's (BROKER-FILTER-6).

    Fields below `which_broker_when_consume_slowly` exist in releases that extend groups; elsewhere
    they stay at their defaults and are not written.
    """

    group_name: str | None
    consume_enable: bool = True
    consume_from_min_enable: bool = True
    consume_broadcast_enable: bool = True
    retry_queue_nums: int = 1
    retry_max_times: int = 16
    broker_id: int = 0
    which_broker_when_consume_slowly: int = 1
    notify_consumer_ids_changed_enable: bool = True
    consume_message_orderly: bool = False
    group_retry_policy: Mapping[str, JsonValue] | None = field(
        default_factory=lambda: {"type": "CUSTOMIZED"}
    )
    group_sys_flag: int = 0
    consume_timeout_minute: int = 15
    subscription_data_set: tuple[Mapping[str, JsonValue], ...] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


# Java's name -> ours, in the order in which fastjson writes them: alphabetical.
_FIELDS: Final = {
    "attributes": "attributes",
    "brokerId": "broker_id",
    "consumeBroadcastEnable": "consume_broadcast_enable",
    "consumeEnable": "consume_enable",
    "consumeFromMinEnable": "consume_from_min_enable",
    "consumeMessageOrderly": "consume_message_orderly",
    "consumeTimeoutMinute": "consume_timeout_minute",
    "groupName": "group_name",
    "groupRetryPolicy": "group_retry_policy",
    "groupSysFlag": "group_sys_flag",
    "notifyConsumerIdsChangedEnable": "notify_consumer_ids_changed_enable",
    "retryMaxTimes": "retry_max_times",
    "retryQueueNums": "retry_queue_nums",
    "subscriptionDataSet": "subscription_data_set",
    "whichBrokerWhenConsumeSlowly": "which_broker_when_consume_slowly",
}
MEMBERS: Final = frozenset(_FIELDS)
_PLAIN: Final = MEMBERS - {"attributes", "groupName", "groupRetryPolicy", "subscriptionDataSet"}
_POLICY_TYPES: Final = ("EXPONENTIAL", "CUSTOMIZED")
_EXTENDED: Final = frozenset(
    {
        "attributes",
        "consumeMessageOrderly",
        "consumeTimeoutMinute",
        "groupRetryPolicy",
        "groupSysFlag",
        "subscriptionDataSet",
    }
)


def to_json(config: SubscriptionGroupConfig, release: Release) -> dict[str, JsonValue]:
    """Object in the order of fastjson; null is left out."""
    written: dict[str, JsonValue] = {}
    for name, attribute in _FIELDS.items():
        if name in _EXTENDED and not release.groups_are_extended:
            continue
        value: JsonValue | tuple[Mapping[str, JsonValue], ...] = getattr(config, attribute)
        if value is None:
            continue
        if isinstance(value, tuple):
            written[name] = [dict(entry) for entry in value]
        elif isinstance(value, Mapping):
            written[name] = dict(value)
        else:
            written[name] = value
    return written


def _integer(name: str, value: JsonValue, release: Release) -> int:
    """An int of Java: what does not fit into 32 bits is refused, as are words; the id is a long."""
    if not release.oldest_json:
        return integer(value, name, wide=name == "broker_id")
    if isinstance(value, float):
        value = int(value)
    refused = isinstance(value, bool) and not release.json_boolean_is_int
    if refused or not isinstance(value, str | int):
        raise InvalidInput(name, str(value), "is not a number")
    read = parse_long if name == "broker_id" else parse_int
    return read(value if isinstance(value, str) else str(int(value)))


def _boolean(name: str, value: JsonValue, release: Release) -> bool:
    if not release.oldest_json:
        return boolean(value, name)
    if isinstance(value, int):
        return value == 1
    if isinstance(value, str) and value.lower() in {"true", "false", "1", "0"}:
        return value.lower() in {"true", "1"}
    raise InvalidInput(name, str(value), "is not a boolean")


def _retry_policy(given: dict[str, JsonValue] | None) -> Mapping[str, JsonValue] | None:
    """A policy as it is kept: null stays null, an unknown type is null and left out."""
    if given is None:
        return None
    kind = given.get("type", "CUSTOMIZED")
    rest = {name: entry for name, entry in given.items() if name != "type" and entry is not None}
    return rest | {"type": kind} if kind in _POLICY_TYPES else rest


def from_json(value: Mapping[str, JsonValue], release: Release) -> SubscriptionGroupConfig:
    """Read an object as fastjson does: unknown names are ignored, absent ones default.

    Null is as good as absent for fastjson 1; fastjson 2 makes 0 or false of it: REMOTING-HEADER-22.
    """
    given: dict[str, JsonValue] = {
        _FIELDS[name]: entry
        for name, entry in value.items()
        if name in _FIELDS
        and (entry is not None or (not release.oldest_json and name in _PLAIN))
        and (release.groups_are_extended or name not in _EXTENDED)
    }
    defaults = SubscriptionGroupConfig(group_name=None)

    def flag(name: str, *, default: bool) -> bool:
        return _boolean(name, given[name], release) if name in given else default

    def number(name: str, default: int) -> int:
        return _integer(name, given[name], release) if name in given else default

    def mapping(name: str) -> dict[str, JsonValue] | None:
        entry = given.get(name)
        if isinstance(entry, dict):
            return entry
        if not (release.oldest_json or entry in (None, "", "null")):
            raise InvalidInput(name, str(entry), "no object")
        return None

    group = given.get("group_name")
    subscriptions = given.get("subscription_data_set")
    policy = defaults.group_retry_policy
    if "groupRetryPolicy" in value:
        policy = _retry_policy(mapping("group_retry_policy"))
    return SubscriptionGroupConfig(
        group_name=None if group is None else str(group),
        consume_enable=flag("consume_enable", default=True),
        consume_from_min_enable=flag("consume_from_min_enable", default=True),
        consume_broadcast_enable=flag("consume_broadcast_enable", default=True),
        retry_queue_nums=number("retry_queue_nums", defaults.retry_queue_nums),
        retry_max_times=number("retry_max_times", defaults.retry_max_times),
        broker_id=number("broker_id", defaults.broker_id),
        which_broker_when_consume_slowly=number(
            "which_broker_when_consume_slowly", defaults.which_broker_when_consume_slowly
        ),
        notify_consumer_ids_changed_enable=flag("notify_consumer_ids_changed_enable", default=True),
        consume_message_orderly=flag("consume_message_orderly", default=False),
        group_retry_policy=policy,
        group_sys_flag=number("group_sys_flag", defaults.group_sys_flag),
        consume_timeout_minute=number("consume_timeout_minute", defaults.consume_timeout_minute),
        subscription_data_set=(
            tuple(entry for entry in subscriptions if isinstance(entry, dict))
            if isinstance(subscriptions, list)
            else None
        ),
        attributes={
            name: "" if entry is None else str(entry)
            for name, entry in (mapping("attributes") or {}).items()
        },
    )
