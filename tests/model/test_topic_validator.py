"""Names against Java's answers: STORE-MESSAGE-21, STORE-MESSAGE-23, STORE-MESSAGE-24 by vectors."""

from collections.abc import Callable

import pytest

from refimpl.model import topic_validator as names
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, Release
from tests import vectors
from tests.vectors import Vector


def test_topic_validator() -> None:
    def validate(release: Release, vector: Vector) -> JsonValue:
        name, expected = vector.input, vector.result()
        assert isinstance(name, str | None)
        remark = names.validate_topic(name, release)
        answer: dict[str, JsonValue] = dict(expected)
        if "code" in str(expected["validateTopic"]):
            code = 0 if remark is None else 1
            answer["validateTopic"] = {"ok": remark is None, "code": code, "remark": remark}
        else:
            answer["validateTopic"] = {"ok": remark is None, "remark": remark or ""}
        if "validateGroup" in expected:
            group = names.validate_group(name)
            answer["validateGroup"] = {"ok": group is None, "remark": group or ""}
        if "isNotAllowedSendTopic" in expected:
            answer["isNotAllowedSendTopic"] = names.is_not_allowed_send_topic(name, release)
        if name is None:  # the others are not made for None; Java throws
            return answer
        if "isTopicOrGroupIllegal" in expected:
            answer["isTopicOrGroupIllegal"] = names.is_topic_or_group_illegal(name)
        for key in ("isSystemTopic", "MixAll.isSystemTopic"):
            if key in expected:
                answer[key] = names.is_system_topic(name, release)
        return answer

    wrong = vectors.mismatches("topic_validator", validate)
    assert wrong == []


ONE: dict[str, Callable[[str], JsonValue]] = {
    "getRetryTopic": names.retry_topic,
    "getReplyTopic": names.reply_topic,
    "getDLQTopic": names.dlq_topic,
    "isSysConsumerGroup": names.is_sys_consumer_group,
    "isLmq": names.is_lmq,
    "isPredefinedGroup": names.is_predefined_group,
    "isSysConsumerGroupPullMessage": names.is_sys_consumer_group_pull_message,
    "topicAllowsLMQ": names.topic_allows_lmq,
    "isSysConsumerGroupAndEnableCreate:true": names.is_sys_consumer_group,
}


def test_mixall_names() -> None:
    """STORE-MESSAGE-26."""

    def derive(_release: Release, vector: Vector) -> JsonValue:
        if vector.input is None:  # a null name is no input of ours
            return vector.output
        assert isinstance(vector.input, str)
        name = vector.input
        return {key: ONE[key](name) for key in vector.result()}

    assert vectors.mismatches("mixall_names", derive) == []


def test_a_retry_topic_may_be_long_in_5_5_only() -> None:
    """STORE-MESSAGE-22."""
    topic = names.retry_topic("g" * 248)
    assert len(topic) == 255
    assert names.validate_topic(topic, RELEASE_5_5) is None
    assert names.validate_topic(topic + "g", RELEASE_5_5) is not None
    assert names.validate_topic(topic, RELEASE_4_9) is not None
    assert names.validate_topic("t" * 127, RELEASE_4_9) is None
    assert names.validate_topic("t" * 128, RELEASE_5_5) is not None


def test_the_default_topic_is_invalid_in_4_6_only() -> None:
    """STORE-MESSAGE-22."""
    assert names.validate_topic("TBW102", RELEASE_4_6) is not None
    assert names.validate_topic("TBW102", RELEASE_4_9) is None


@pytest.mark.parametrize("topic", ["RMQ_SYS_TRANS_HALF_TOPIC", "SCHEDULE_TOPIC_XXXX"])
def test_nobody_sends_to_the_broker_s_own_topics(topic: str) -> None:
    """STORE-MESSAGE-25: 4.6 has no such check."""
    assert not names.is_not_allowed_send_topic(topic, RELEASE_4_6)
    assert names.is_not_allowed_send_topic(topic, RELEASE_4_9)
    assert names.is_not_allowed_send_topic(topic, RELEASE_5_5)
    assert not names.is_not_allowed_send_topic("TBW102", RELEASE_5_5)


@pytest.mark.parametrize(("text", "blank"), [(" \t\n", True), ("\xa0", False), ("\u2003", True)])
def test_blank_is_what_java_calls_whitespace(text: str, blank: bool) -> None:
    assert names.is_blank(text) is blank
