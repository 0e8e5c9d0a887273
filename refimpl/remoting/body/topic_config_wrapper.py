"""Topic configurations.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.model import topic_config
from refimpl.model.data_version import DataVersion
from refimpl.model.java import encode_utf8
from refimpl.model.release import Release
from refimpl.model.topic_config import TopicConfig
from refimpl.remoting.body.bean import Body
from refimpl.remoting.body.java_json import write
from refimpl.remoting.body.static_topic import TopicQueueMappingDetail, TopicQueueMappingInfo


class TopicConfigSerializeWrapper(Body):
    """GET_ALL_TOPIC_CONFIG (21); the file topics.json."""

    WIRE: ClassVar[str] = "dataVersion:DataVersion topicConfigTable:Map<String,TopicConfig>"
    data_version: DataVersion = DataVersion()
    topic_config_table: Mapping[str, TopicConfig] = {}


class TopicConfigAndMappingSerializeWrapper(Body):
    """The same with 5.5's static topics: what its registrations carry."""

    WIRE: ClassVar[str] = (
        "dataVersion:DataVersion mappingDataVersion:DataVersion@5.5 "
        "topicConfigTable:Map<String,TopicConfig> "
        "topicQueueMappingDetailMap:Map<String,TopicQueueMappingDetail>@5.5 "
        "topicQueueMappingInfoMap:Map<String,TopicQueueMappingInfo>@5.5"
    )
    data_version: DataVersion = DataVersion()
    mapping_data_version: DataVersion = DataVersion()  # 5.5
    topic_config_table: Mapping[str, TopicConfig] = {}
    topic_queue_mapping_detail_map: Mapping[str, TopicQueueMappingDetail] = {}  # 5.5
    topic_queue_mapping_info_map: Mapping[str, TopicQueueMappingInfo] = {}  # 5.5


class CreateTopicListRequestBody(Body):
    """UPDATE_AND_CREATE_TOPIC_LIST (18) of 5.5."""

    WIRE: ClassVar[str] = "topicConfigList:List<TopicConfig>"
    topic_config_list: tuple[TopicConfig, ...] | None = None


def encode_topic_config(config: TopicConfig, release: Release) -> bytes:
    """Print one topic: the answer to GET_TOPIC_CONFIG (351) for a topic that is not static."""
    return encode_utf8(write(topic_config.to_json(config, release), release))
