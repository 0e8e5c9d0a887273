"""Routes and lists of a name server.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.model.java import encode_utf8
from refimpl.model.override import override
from refimpl.model.release import Release
from refimpl.remoting.body.bean import Body
from refimpl.remoting.body.java_json import write_standard
from refimpl.remoting.body.static_topic import TopicQueueMappingInfo


class QueueData(Body):
    """The queues of one topic on one broker name."""

    WIRE: ClassVar[str] = (
        "brokerName:String perm:int readQueueNums:int topicSynFlag=topic_sys_flag:int@4.6 "
        "topicSysFlag:int@4.9,5.5 writeQueueNums:int"
    )
    broker_name: str | None = None
    perm: int = 0
    read_queue_nums: int = 0
    topic_sys_flag: int = 0
    write_queue_nums: int = 0


class BrokerData(Body):
    """The brokers of one name, by id."""

    WIRE: ClassVar[str] = (
        "brokerAddrs:Map<int,String> brokerName:String cluster:String "
        "enableActingMaster:boolean@5.5 zoneName:String@5.5"
    )
    broker_addrs: Mapping[int, str] | None = None
    broker_name: str | None = None
    cluster: str | None = None
    enable_acting_master: bool = False  # 5.5
    zone_name: str | None = None  # 5.5


class TopicRouteData(Body):
    """Where a topic lives: GET_ROUTEINFO_BY_TOPIC (105)."""

    WIRE: ClassVar[str] = (
        "brokerDatas:List<BrokerData> filterServerTable:Map<String,List<String>> "
        "orderTopicConf:String queueDatas:List<QueueData> "
        "topicQueueMappingByBroker:Map<String,TopicQueueMappingInfo>@5.5"
    )
    broker_datas: tuple[BrokerData, ...] = ()
    filter_server_table: Mapping[str, tuple[str, ...]] = {}
    order_topic_conf: str | None = None
    queue_datas: tuple[QueueData, ...] = ()
    topic_queue_mapping_by_broker: Mapping[str, TopicQueueMappingInfo] | None = None  # 5.5

    @override
    def encode(self, release: Release, *, standard: bool = False) -> bytes:
        """Print the route; `standard` quotes all keys, sorts maps and escapes to ASCII.

        NAMESRV-ROUTE-5 tells which clients get that form.
        """
        if standard:
            return encode_utf8(write_standard(self.to_json(release), release))
        return super().encode(release)

    @override
    @classmethod
    def absent(cls, release: Release) -> Mapping[str, object]:
        """4.x starts with null, 5.5 with empty collections."""
        if release.oldest_json:
            return {"broker_datas": None, "queue_datas": None, "filter_server_table": None}
        return {}


class ClusterInfo(Body):
    """All brokers and clusters: GET_BROKER_CLUSTER_INFO (106)."""

    WIRE: ClassVar[str] = (
        "brokerAddrTable:Map<String,BrokerData> clusterAddrTable:Map<String,Set<String>>"
    )
    broker_addr_table: Mapping[str, BrokerData] | None = None
    cluster_addr_table: Mapping[str, tuple[str, ...]] | None = None


class TopicList(Body):
    """Names of topics: 206, 224, 300, 304, 311 to 313."""

    WIRE: ClassVar[str] = "brokerAddr:String topicList:Set<String>"
    broker_addr: str | None = None
    topic_list: tuple[str, ...] = ()
