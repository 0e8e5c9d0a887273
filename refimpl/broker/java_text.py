"""Texts that Java builds into remarks: topic configurations, links.

Java 4.9.7: common/help/FAQUrl, common/TopicConfig.
"""

from refimpl.model.release import Release
from refimpl.model.sys_flag import perm_to_string
from refimpl.model.topic_config import TopicConfig


def suggest_todo(release: Release) -> str:
    """What FAQUrl#suggestTodo appends to a remark. BROKER-SEND-30."""
    return f"\nSee {release.faq_url} for further details."


def topic_config_text(config: TopicConfig, release: Release) -> str:
    """TopicConfig#toString, as the remark of an illegal queue id shows it."""
    kind = config.topic_filter_type
    text = (
        f"TopicConfig [topicName={config.topic_name}, readQueueNums={config.read_queue_nums}, "
        f"writeQueueNums={config.write_queue_nums}, perm={perm_to_string(config.perm)}, "
        f"topicFilterType={'null' if kind is None else kind.name}, "
        f"topicSysFlag={config.topic_sys_flag}, "
        f"order={'true' if config.order else 'false'}"
    )
    if release.topics_have_attributes:
        inside = ", ".join(f"{key}={value}" for key, value in config.attributes.items())
        text += f", attributes={{{inside}}}"
    return text + "]"
