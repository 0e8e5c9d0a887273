"""Headers of the administration of a broker as a whole.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class GetBrokerConfigResponseHeader(Header):
    """Fields of the answer to GET_BROKER_CONFIG."""

    WIRE: ClassVar[str] = "version:String!"
    version: str


class ViewBrokerStatsDataRequestHeader(Header):
    """Fields of VIEW_BROKER_STATS_DATA (315)."""

    WIRE: ClassVar[str] = "statsName:String statsKey:String"
    stats_name: str | None = None
    stats_key: str | None = None


class RegisterFilterServerRequestHeader(Header):
    """Fields of REGISTER_FILTER_SERVER (301). Only in 4.6.1 and 4.9.7."""

    WIRE: ClassVar[str] = "filterServerAddr:String"
    filter_server_addr: str | None = None


class RegisterFilterServerResponseHeader(Header):
    """Fields of the answer to REGISTER_FILTER_SERVER. Only in 4.6.1 and 4.9.7."""

    WIRE: ClassVar[str] = "brokerName:String! brokerId:long"
    broker_name: str
    broker_id: int = 0


class RegisterMessageFilterClassRequestHeader(Header):
    """Fields of REGISTER_MESSAGE_FILTER_CLASS (302). Only in 4.6.1 and 4.9.7."""

    WIRE: ClassVar[str] = "consumerGroup:String! topic:String! className:String! classCRC:Integer!"
    consumer_group: str
    topic: str
    class_name: str
    class_crc: int


class StatisticsMessagesRequestHeader(Header):
    """Fields of a count of messages: declared in 5.5. Only in 5.5.0."""

    WIRE: ClassVar[str] = (
        "consumerGroup:String! topic:String! queueId:int fromTime:long toTime:long bname:String"
    )
    consumer_group: str
    topic: str
    queue_id: int = 0
    from_time: int = 0
    to_time: int = 0
    bname: str | None = None


class ExportRocksDBConfigToJsonRequestHeader(Header):
    """Fields of EXPORT_ROCKSDB_CONFIG_TO_JSON (355). Only in 5.5.0."""

    WIRE: ClassVar[str] = "configType:String!"
    config_type: str


class CheckRocksdbCqWriteProgressRequestHeader(Header):
    """Fields of CHECK_ROCKSDB_CQ_WRITE_PROGRESS (354). Only in 5.5.0."""

    WIRE: ClassVar[str] = "topic:String! checkStoreTime:long"
    topic: str
    check_store_time: int = 0


class ExchangeHAInfoRequestHeader(Header):
    """Fields of EXCHANGE_BROKER_HA_INFO (906). Only in 5.5.0."""

    WIRE: ClassVar[str] = "masterHaAddress:String masterFlushOffset:Long masterAddress:String"
    master_ha_address: str | None = None
    master_flush_offset: int | None = None
    master_address: str | None = None


class ExchangeHAInfoResponseHeader(Header):
    """Fields of the answer to EXCHANGE_BROKER_HA_INFO. Only in 5.5.0."""

    WIRE: ClassVar[str] = "masterHaAddress:String masterFlushOffset:Long masterAddress:String"
    master_ha_address: str | None = None
    master_flush_offset: int | None = None
    master_address: str | None = None


class ResetMasterFlushOffsetHeader(Header):
    """Fields of RESET_MASTER_FLUSH_OFFSET (908). Only in 5.5.0."""

    WIRE: ClassVar[str] = "masterFlushOffset:Long!"
    master_flush_offset: int


class AddBrokerRequestHeader(Header):
    """Fields of ADD_BROKER (902), to a broker container. Only in 5.5.0."""

    WIRE: ClassVar[str] = "configPath:String"
    config_path: str | None = None


class RemoveBrokerRequestHeader(Header):
    """Fields of REMOVE_BROKER (903), to a broker container. Only in 5.5.0."""

    WIRE: ClassVar[str] = "brokerName:String! brokerClusterName:String! brokerId:Long!"
    broker_name: str
    broker_cluster_name: str
    broker_id: int


class NotifyMinBrokerIdChangeRequestHeader(Header):
    """Fields of NOTIFY_MIN_BROKER_ID_CHANGE (905). Only in 5.5.0."""

    WIRE: ClassVar[str] = (
        "minBrokerId:Long brokerName:String minBrokerAddr:String offlineBrokerAddr:String "
        "haBrokerAddr:String"
    )
    min_broker_id: int | None = None
    broker_name: str | None = None
    min_broker_addr: str | None = None
    offline_broker_addr: str | None = None
    ha_broker_addr: str | None = None
