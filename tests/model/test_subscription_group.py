"""Group settings as JSON."""

import pytest

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASE_4_9, RELEASE_5_5
from refimpl.model.subscription_group import SubscriptionGroupConfig, from_json, to_json

PLAIN = {
    "brokerId": 0,
    "consumeBroadcastEnable": True,
    "consumeEnable": True,
    "consumeFromMinEnable": True,
    "groupName": "g",
    "notifyConsumerIdsChangedEnable": True,
    "retryMaxTimes": 16,
    "retryQueueNums": 3,
    "whichBrokerWhenConsumeSlowly": 1,
}


def test_defaults_and_order_of_a_group() -> None:
    """BROKER-FILTER-6."""
    group = from_json({"groupName": "g", "retryQueueNums": 3, "unknown": 1}, RELEASE_4_9)
    assert group == SubscriptionGroupConfig(group_name="g", retry_queue_nums=3)
    written = to_json(group, RELEASE_4_9)
    assert written == PLAIN
    assert list(written) == sorted(written)


def test_extended_fields_exist_only_where_the_release_has_them() -> None:
    """BROKER-FILTER-6."""
    policy: dict[str, JsonValue] = {
        "customizedRetryPolicy": {"next": [1000, 5000]},
        "type": "CUSTOMIZED",
    }
    given: dict[str, JsonValue] = {
        "groupName": "g",
        "retryQueueNums": 3,
        "consumeMessageOrderly": True,
        "groupRetryPolicy": policy,
        "attributes": {"a": "b"},
        "subscriptionDataSet": [{"topic": "T"}],
    }
    assert to_json(from_json(given, RELEASE_4_9), RELEASE_4_9) == PLAIN
    extended = to_json(from_json(given, RELEASE_5_5), RELEASE_5_5)
    assert extended == {
        **PLAIN,
        "attributes": {"a": "b"},
        "consumeMessageOrderly": True,
        "consumeTimeoutMinute": 15,
        "groupRetryPolicy": policy,
        "groupSysFlag": 0,
        "subscriptionDataSet": [{"topic": "T"}],
    }
    assert list(extended) == sorted(extended)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ({}, {"type": "CUSTOMIZED"}),
        ({"type": "EXPONENTIAL"}, {"type": "EXPONENTIAL"}),
        ({"type": "X"}, {}),
    ],
)
def test_retry_policies(given: JsonValue, kept: JsonValue) -> None:
    """BROKER-FILTER-6: a null stays a null, an unknown type becomes one."""
    group = from_json({"groupName": "g", "groupRetryPolicy": given}, RELEASE_5_5)
    assert group.group_retry_policy == kept
    assert to_json(group, RELEASE_5_5).get("groupRetryPolicy") == kept


def test_values_in_other_forms() -> None:
    group = from_json(
        {"groupName": "g", "retryMaxTimes": "-1", "consumeEnable": "false", "brokerId": None},
        RELEASE_4_9,
    )
    assert (group.retry_max_times, group.consume_enable, group.broker_id) == (-1, False, 0)
    bad: tuple[tuple[str, JsonValue], ...] = (
        ("retryMaxTimes", "x"),
        ("retryMaxTimes", []),
        ("consumeEnable", "x"),
    )
    for name, value in bad:
        with pytest.raises(InvalidInput):
            from_json({name: value}, RELEASE_4_9)
