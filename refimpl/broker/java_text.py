"""Texts that Java builds into remarks: dates, topic configurations, links.

Java 4.9.7: common/UtilAll#timeMillisToHumanString2, common/help/FAQUrl, common/TopicConfig.
"""

from refimpl.model.release import Release
from refimpl.model.sys_flag import perm_to_string
from refimpl.model.topic_config import TopicConfig

_DAY = 86_400_000


def human_time(millis: int) -> str:
    """`yyyy-MM-dd HH:mm:ss,SSS` in UTC; the reference has no time zone of its own."""
    days, rest = divmod(millis, _DAY)
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    ordinal = day - (365 * year + year // 4 - year // 100)
    shifted = (5 * ordinal + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9  # noqa: PLR2004 - years begin in March
    date = ordinal - (153 * shifted + 2) // 5 + 1
    year += era * 400 + (month <= 2)  # noqa: PLR2004 - January and February belong to the next
    seconds, milli = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{year:04}-{month:02}-{date:02} {hour:02}:{minute:02}:{second:02},{milli:03}"


def suggest_todo(release: Release) -> str:
    """What FAQUrl#suggestTodo appends to a remark. BROKER-SEND-30."""
    return f"\nSee {release.faq_url} for further details."


def topic_config_text(config: TopicConfig, release: Release) -> str:
    """TopicConfig#toString, as the remark of an illegal queue id shows it."""
    text = (
        f"TopicConfig [topicName={config.topic_name}, readQueueNums={config.read_queue_nums}, "
        f"writeQueueNums={config.write_queue_nums}, perm={perm_to_string(config.perm)}, "
        f"topicFilterType={config.topic_filter_type.name}, topicSysFlag={config.topic_sys_flag}, "
        f"order={'true' if config.order else 'false'}"
    )
    if release.topics_have_attributes:
        inside = ", ".join(f"{key}={value}" for key, value in config.attributes.items())
        text += f", attributes={{{inside}}}"
    return text + "]"
