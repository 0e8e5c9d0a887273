"""Headers of the administration of topics and subscription groups.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.model.override import override
from refimpl.remoting.errors import HeaderRefused
from refimpl.remoting.header import Header


class CreateTopicRequestHeader(Header):
    """Fields of UPDATE_AND_CREATE_TOPIC (17)."""

    WIRE: ClassVar[str] = (
        "topic:String defaultTopic:String readQueueNums:Integer! writeQueueNums:Integer! "
        "perm:Integer! topicFilterType:String topicSysFlag:Integer order:Boolean "
        "attributes:String force:Boolean bname:String"
    )
    topic: str | None = None
    default_topic: str | None = None
    read_queue_nums: int
    write_queue_nums: int
    perm: int
    topic_filter_type: str | None = None
    topic_sys_flag: int | None = None
    order: bool = False
    attributes: str | None = None  # 5.5
    force: bool = False  # 5.5
    bname: str | None = None  # 5.5

    @override
    def check_fields(self) -> None:
        """Refuse another filter type than SINGLE_TAG and MULTI_TAG: REMOTING-HEADER-13."""
        if self.topic_filter_type not in ("SINGLE_TAG", "MULTI_TAG"):
            shown = "null" if self.topic_filter_type is None else self.topic_filter_type
            reason = f"topicFilterType = [{shown}] value invalid"
            raise HeaderRefused.wrong(type(self).__name__, reason)


class CreateTopicListRequestHeader(Header):
    """Fields of UPDATE_AND_CREATE_TOPIC_LIST (18). Only in 5.5.0."""

    WIRE: ClassVar[str] = "bname:String"
    bname: str | None = None


class DeleteTopicRequestHeader(Header):
    """Fields of DELETE_TOPIC_IN_BROKER (215)."""

    WIRE: ClassVar[str] = "topic:String bname:String"
    topic: str | None = None
    bname: str | None = None  # 5.5


class DeleteSubscriptionGroupRequestHeader(Header):
    """Fields of DELETE_SUBSCRIPTIONGROUP (207)."""

    WIRE: ClassVar[str] = "groupName:String! removeOffset:boolean cleanOffset:boolean bname:String"
    group_name: str
    remove_offset: bool = False  # 4.9
    clean_offset: bool = False  # 5.5
    bname: str | None = None  # 5.5


class GetAllTopicConfigRequestHeader(Header):
    """Fields of GET_ALL_TOPIC_CONFIG (21) of 5.5. Only in 5.5.0."""

    WIRE: ClassVar[str] = "topicSeq:Integer dataVersion:String maxTopicNum:Integer"
    topic_seq: int | None = None
    data_version: str | None = None
    max_topic_num: int | None = None


class GetAllTopicConfigResponseHeader(Header):
    """Fields of the answer to GET_ALL_TOPIC_CONFIG."""

    WIRE: ClassVar[str] = "totalTopicNum:Integer"
    total_topic_num: int | None = None  # 5.5


class GetAllSubscriptionGroupRequestHeader(Header):
    """Fields of GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201) of 5.5. Only in 5.5.0."""

    WIRE: ClassVar[str] = "groupSeq:Integer dataVersion:String maxGroupNum:Integer"
    group_seq: int | None = None
    data_version: str | None = None
    max_group_num: int | None = None


class GetAllSubscriptionGroupResponseHeader(Header):
    """Fields of the answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG. Only in 5.5.0."""

    WIRE: ClassVar[str] = "totalGroupNum:Integer!"
    total_group_num: int


class GetTopicConfigRequestHeader(Header):
    """Fields of GET_TOPIC_CONFIG (351). Only in 5.5.0."""

    WIRE: ClassVar[str] = "topic:String! bname:String"
    topic: str
    bname: str | None = None


class GetSubscriptionGroupConfigRequestHeader(Header):
    """Fields of GET_SUBSCRIPTIONGROUP_CONFIG (352). Only in 5.5.0."""

    WIRE: ClassVar[str] = "group:String! bname:String"
    group: str
    bname: str | None = None


class UpdateGroupForbiddenRequestHeader(Header):
    """Fields of UPDATE_AND_GET_GROUP_FORBIDDEN (353). Only in 5.5.0.

    The topic is asked of a table of the group: where there is none, null is as good as another.
    """

    WIRE: ClassVar[str] = "group:String! topic:String readable:Boolean bname:String"
    group: str
    topic: str | None = None
    readable: bool | None = None
    bname: str | None = None


class GetTopicStatsInfoRequestHeader(Header):
    """Fields of GET_TOPIC_STATS_INFO (202)."""

    WIRE: ClassVar[str] = "topic:String! bname:String"
    topic: str
    bname: str | None = None  # 5.5


class QueryTopicConsumeByWhoRequestHeader(Header):
    """Fields of QUERY_TOPIC_CONSUME_BY_WHO (300)."""

    WIRE: ClassVar[str] = "topic:String! bname:String"
    topic: str
    bname: str | None = None  # 5.5


class QueryTopicsByConsumerRequestHeader(Header):
    """Fields of QUERY_TOPICS_BY_CONSUMER (343). Only in 5.5.0."""

    WIRE: ClassVar[str] = "group:String! bname:String"
    group: str
    bname: str | None = None


class QuerySubscriptionByConsumerRequestHeader(Header):
    """Fields of QUERY_SUBSCRIPTION_BY_CONSUMER (345). Only in 5.5.0."""

    WIRE: ClassVar[str] = "group:String! topic:String bname:String"
    group: str
    topic: str | None = None
    bname: str | None = None
