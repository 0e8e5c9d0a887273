"""What a client checks before it sends or administers. Java: client/Validators.

A broker does not run these: a client that skips them meets `topic_validator` and the store's own
limits. The conformance suite uses them to know which requests a real client can make.
"""

from typing import Final

from refimpl.model import java
from refimpl.model.errors import InvalidInput
from refimpl.model.release import Release
from refimpl.model.sys_flag import is_valid_perm
from refimpl.model.topic_validator import (
    AUTO_CREATE_TOPIC_KEY_TOPIC,
    PATTERN,
    TOPIC_MAX_LENGTH,
    is_blank,
    is_not_allowed_send_topic,
    is_system_topic,
    is_topic_or_group_illegal,
)

NO_CODE: Final = -1
MESSAGE_ILLEGAL: Final = 13
NO_PERMISSION: Final = 16
CHARACTER_MAX_LENGTH: Final = 255
CLIENT_GROUP_MAX_LENGTH: Final = 120  # 5.5


class ClientRefused(InvalidInput):
    """MQClientException: `code` is a response code or -1, `remark` is Java's text."""

    def __init__(self, what: str, value: str, remark: str, code: int = NO_CODE) -> None:
        super().__init__(what, value, remark)
        self.code = code
        self.remark = remark


def check_group(group: str | None, release: Release) -> None:
    """Refuse a group name that a client does not take (STORE-MESSAGE-23)."""
    if not group or is_blank(group):
        raise ClientRefused("group", str(group), "the specified group is blank")
    limit = CLIENT_GROUP_MAX_LENGTH if release.remarks_name_the_topic else CHARACTER_MAX_LENGTH
    if java.length(group) > limit:
        remark = f"the specified group is longer than group max length {limit}."
        if release.remarks_name_the_topic:
            remark = f"the specified group[{group}] is longer than group max length: {limit}."
        raise ClientRefused("group", group, remark)
    if is_topic_or_group_illegal(group):
        remark = f"the specified group[{group}] contains illegal characters, allowing only"
        raise ClientRefused("group", group, f"{remark} {PATTERN}")


def check_topic(topic: str | None, release: Release) -> None:
    """Refuse a topic name that a client does not take (STORE-MESSAGE-21).

    4.6 looks at the characters before the length, and refuses the default topic.
    """
    if not topic or is_blank(topic):
        raise ClientRefused("topic", str(topic), "The specified topic is blank")
    long = f"The specified topic is longer than topic max length {TOPIC_MAX_LENGTH}."
    characters = (
        f"The specified topic[{topic}] contains illegal characters, allowing only {PATTERN}"
    )
    faults = {
        characters: is_topic_or_group_illegal(topic),
        long: java.length(topic) > TOPIC_MAX_LENGTH,
    }
    in_order = (characters, long) if release.default_topic_is_invalid else (long, characters)
    for remark in in_order:
        if faults[remark]:
            raise ClientRefused("topic", topic, remark)
    if release.default_topic_is_invalid and topic == AUTO_CREATE_TOPIC_KEY_TOPIC:
        remark = f"The topic[{topic}] is conflict with AUTO_CREATE_TOPIC_KEY_TOPIC."
        raise ClientRefused("topic", topic, remark)


def check_system_topic(topic: str, release: Release) -> None:
    """Refuse to administer a system topic (STORE-MESSAGE-24)."""
    if is_system_topic(topic, release):
        raise ClientRefused("topic", topic, f"The topic[{topic}] is conflict with system topic.")


def check_not_allowed_send_topic(topic: str | None, release: Release) -> None:
    """Refuse to send to a topic of the broker (STORE-MESSAGE-25)."""
    if is_not_allowed_send_topic(topic, release):
        raise ClientRefused("topic", str(topic), f"Sending message to topic[{topic}] is forbidden.")


def check_message(
    topic: str | None,
    body_length: int | None,
    max_message_size: int,
    release: Release,
    multi_dispatch: str | None = None,
) -> None:
    """Refuse a message that a client does not send; `body_length` None is a null body."""
    check_topic(topic, release)
    check_not_allowed_send_topic(topic, release)
    remark: str | None = None
    if body_length is None:
        remark = "the message body is null"
    elif body_length == 0:
        remark = "the message body length is zero"
    elif body_length > max_message_size:
        remark = f"the message body size over max value, MAX: {max_message_size}"
    elif release.client_checks_multi_dispatch and multi_dispatch and "/" in multi_dispatch:
        remark = f"INNER_MULTI_DISPATCH {multi_dispatch} can not contains / character"
    if remark is not None:
        raise ClientRefused("message", str(topic), remark, MESSAGE_ILLEGAL)


def check_topic_config(perm: int) -> None:
    """Refuse a permission that no topic may have (5.5)."""
    if not is_valid_perm(perm):
        remark = f"topicPermission value: {perm} is invalid."
        raise ClientRefused("perm", str(perm), remark, NO_PERMISSION)


def check_broker_config(permission: str | None) -> None:
    """Refuse a `brokerPermission` that no broker may have; None is not set (5.5).

    Raises `InvalidInput` for what is no number.
    """
    if permission is not None and not is_valid_perm(java.parse_int(permission)):
        remark = f"brokerPermission value: {permission} is invalid."
        raise ClientRefused("brokerPermission", permission, remark, NO_PERMISSION)
