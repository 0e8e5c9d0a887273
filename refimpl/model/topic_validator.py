"""Names of topics and groups: which are legal, which belong to the system, which are derived.

Java: common/topic/TopicValidator (4.6.1: broker/topic/TopicValidator), common/MixAll.
"""

from typing import Final

from refimpl.model.release import Release

AUTO_CREATE_TOPIC_KEY_TOPIC: Final = "TBW102"
RMQ_SYS_SCHEDULE_TOPIC: Final = "SCHEDULE_TOPIC_XXXX"
RMQ_SYS_BENCHMARK_TOPIC: Final = "BenchmarkTest"
RMQ_SYS_TRANS_HALF_TOPIC: Final = "RMQ_SYS_TRANS_HALF_TOPIC"
RMQ_SYS_TRACE_TOPIC: Final = "RMQ_SYS_TRACE_TOPIC"
RMQ_SYS_TRANS_OP_HALF_TOPIC: Final = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC: Final = "TRANS_CHECK_MAX_TIME_TOPIC"
RMQ_SYS_SELF_TEST_TOPIC: Final = "SELF_TEST_TOPIC"
RMQ_SYS_OFFSET_MOVED_EVENT: Final = "OFFSET_MOVED_EVENT"
RMQ_SYS_ROCKSDB_OFFSET_TOPIC: Final = "CHECKPOINT_TOPIC"
RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC: Final = "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC"
RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC: Final = "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC"
SYSTEM_TOPIC_PREFIX: Final = "rmq_sys_"

RETRY_GROUP_TOPIC_PREFIX: Final = "%RETRY%"
DLQ_GROUP_TOPIC_PREFIX: Final = "%DLQ%"
REPLY_TOPIC_POSTFIX: Final = "REPLY_TOPIC"
LMQ_PREFIX: Final = "%LMQ%"
CID_RMQ_SYS_PREFIX: Final = "CID_RMQ_SYS_"

TOPIC_MAX_LENGTH: Final = 127
RETRY_OR_DLQ_TOPIC_MAX_LENGTH: Final = 255
GROUP_MAX_LENGTH: Final = 120

PATTERN: Final = "^[%|a-zA-Z0-9_-]+$"
_LEGAL: Final = frozenset("%|-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_NO_BREAK: Final = "\x85\xa0\u2007\u202f"  # blanks of Python that Java's isWhitespace is not

_SYSTEM: Final = frozenset(
    {
        AUTO_CREATE_TOPIC_KEY_TOPIC,
        RMQ_SYS_SCHEDULE_TOPIC,
        RMQ_SYS_BENCHMARK_TOPIC,
        RMQ_SYS_TRANS_HALF_TOPIC,
        RMQ_SYS_TRACE_TOPIC,
        RMQ_SYS_TRANS_OP_HALF_TOPIC,
        RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC,
        RMQ_SYS_SELF_TEST_TOPIC,
        RMQ_SYS_OFFSET_MOVED_EVENT,
    }
)
_NOT_ALLOWED_SEND: Final = frozenset(
    {
        RMQ_SYS_SCHEDULE_TOPIC,
        RMQ_SYS_TRANS_HALF_TOPIC,
        RMQ_SYS_TRANS_OP_HALF_TOPIC,
        RMQ_SYS_TRANS_CHECK_MAX_TIME_TOPIC,
        RMQ_SYS_SELF_TEST_TOPIC,
        RMQ_SYS_OFFSET_MOVED_EVENT,
    }
)
_ROCKSDB_TRANS: Final = frozenset(
    {RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC, RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC}
)
_NO_TOPICS: Final[frozenset[str]] = frozenset()

_PREDEFINED_GROUPS: Final = frozenset(
    {
        "DEFAULT_CONSUMER",
        "DEFAULT_PRODUCER",
        "TOOLS_CONSUMER",
        "SCHEDULE_CONSUMER",
        "FILTERSRV_CONSUMER",
        "__MONITOR_CONSUMER",
        "CLIENT_INNER_PRODUCER",
        "SELF_TEST_P_GROUP",
        "SELF_TEST_C_GROUP",
        "CID_ONS-HTTP-PROXY",
        "CID_ONSAPI_PERMISSION",
        "CID_ONSAPI_OWNER",
        "CID_ONSAPI_PULL",
        "CID_RMQ_SYS_TRANS",
    }
)
_PREDEFINED_PRODUCERS: Final = frozenset(
    {"DEFAULT_PRODUCER", "CLIENT_INNER_PRODUCER", "SELF_TEST_P_GROUP"}
)

# --- legal names


def is_blank(text: str | None) -> bool:
    """True for none, nothing, or nothing but what Java calls whitespace."""
    return not text or all(c.isspace() and c not in _NO_BREAK for c in text)


def is_topic_or_group_illegal(name: str) -> bool:
    """True where a character is outside the pattern; an empty name is not illegal here."""
    return not _LEGAL.issuperset(name)


def validate_topic(topic: str | None, release: Release) -> str | None:
    """Why a topic may not be made or sent to, or None (STORE-MESSAGE-21, STORE-MESSAGE-22).

    The text is the remark of the answer. TopicValidator#validateTopic.
    """
    if not topic or is_blank(topic):
        return "The specified topic is blank."
    named = release.remarks_name_the_topic
    if is_topic_or_group_illegal(topic):
        what = f"The specified topic: {topic}," if named else "The specified topic"
        return f"{what} contains illegal characters, allowing only {PATTERN}"
    derived = topic.startswith((RETRY_GROUP_TOPIC_PREFIX, DLQ_GROUP_TOPIC_PREFIX))
    if release.long_retry_topics and derived:
        if len(topic) > RETRY_OR_DLQ_TOPIC_MAX_LENGTH:
            return (
                f"The specified topic is DLQ or Retry topic: {topic}, and it's longer than "
                f"topic max length: {RETRY_OR_DLQ_TOPIC_MAX_LENGTH}"
            )
    elif len(topic) > TOPIC_MAX_LENGTH:
        if named:
            return (
                f"The specified topic: {topic}, is longer than topic max length: {TOPIC_MAX_LENGTH}"
            )
        return "The specified topic is longer than topic max length."
    if release.default_topic_is_invalid and topic == AUTO_CREATE_TOPIC_KEY_TOPIC:
        return "The specified topic is conflict with AUTO_CREATE_TOPIC_KEY_TOPIC."
    return None


def validate_group(group: str | None) -> str | None:
    """Why a group may not be made, or None (STORE-MESSAGE-23). Only 5.5 asks."""
    if not group or is_blank(group):
        return "The specified group is blank."
    if is_topic_or_group_illegal(group):
        return f"The specified group: {group}, contains illegal characters, allowing only {PATTERN}"
    if len(group) > GROUP_MAX_LENGTH:
        return f"The specified group: {group}, is longer than group max length: {GROUP_MAX_LENGTH}"
    return None


# --- names of the system


def system_topics(release: Release) -> frozenset[str]:
    """The fixed set of system topics; ask membership, do not iterate (STORE-MESSAGE-24).

    A broker adds the topics named after its cluster and itself. In 4.6 the broker's table is all.
    """
    if not release.has_system_topic_set:
        return _NO_TOPICS
    if release.knows_rocksdb_topics:
        return _SYSTEM | _ROCKSDB_TRANS | {RMQ_SYS_ROCKSDB_OFFSET_TOPIC}
    return _SYSTEM


def is_system_topic(topic: str, release: Release) -> bool:
    """True for a fixed system topic or the prefix `rmq_sys_` (STORE-MESSAGE-24)."""
    return topic in system_topics(release) or topic.startswith(SYSTEM_TOPIC_PREFIX)


def is_not_allowed_send_topic(topic: str | None, release: Release) -> bool:
    """True where no client may send (STORE-MESSAGE-25); 4.6 forbids none."""
    if not release.has_system_topic_set:
        return False
    return topic in _NOT_ALLOWED_SEND or (release.knows_rocksdb_topics and topic in _ROCKSDB_TRANS)


# --- derived names


def retry_topic(group: str) -> str:
    """Where a group's messages go that it could not consume (STORE-MESSAGE-26)."""
    return RETRY_GROUP_TOPIC_PREFIX + group


def dlq_topic(group: str) -> str:
    """Where a group's messages end that it never could consume (STORE-MESSAGE-26)."""
    return DLQ_GROUP_TOPIC_PREFIX + group


def reply_topic(cluster: str) -> str:
    """Where the answers of request-reply go (STORE-MESSAGE-26)."""
    return f"{cluster}_{REPLY_TOPIC_POSTFIX}"


def is_sys_consumer_group(group: str) -> bool:
    """True for a group of the broker itself."""
    return group.startswith(CID_RMQ_SYS_PREFIX)


def is_lmq(name: str | None) -> bool:
    """True for a light queue, of a topic or a group."""
    return name is not None and name.startswith(LMQ_PREFIX)


def is_predefined_group(group: str | None) -> bool:
    """True for a group that exists in every broker (5.5)."""
    return group in _PREDEFINED_GROUPS


def is_sys_consumer_group_pull_message(group: str) -> bool:
    """True for a consumer group that pulls without a record of its own (5.5)."""
    return is_sys_consumer_group(group) or (
        group in _PREDEFINED_GROUPS and group not in _PREDEFINED_PRODUCERS
    )


def topic_allows_lmq(topic: str) -> bool:
    """False for a topic whose messages are never dispatched to light queues (5.5)."""
    return topic != RMQ_SYS_SCHEDULE_TOPIC and not topic.startswith(
        (RETRY_GROUP_TOPIC_PREFIX, DLQ_GROUP_TOPIC_PREFIX, SYSTEM_TOPIC_PREFIX)
    )
