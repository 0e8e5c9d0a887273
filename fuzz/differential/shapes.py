"""What a request of each code looks like: its fields by what they mean, its body, its area.

`fields` is a list of `name=kind`; `name=kind?` is often left out. Kinds are in `generate.KINDS`,
bodies in `bodies.BODIES`. Names and types are those of Java's request headers, all releases.
"""

from dataclasses import dataclass

from conformance.target import Port


@dataclass(frozen=True, slots=True)
class Shape:
    """One request code. `weight` is how often it is drawn within its area."""

    code: int
    area: str
    fields: str = ""
    body: str = ""
    reads: bool = False
    weight: int = 3
    port: Port = Port.BROKER


_SEND = (
    "producerGroup=group topic=topic defaultTopic=default defaultTopicQueueNums=queues "
    "queueId=queue sysFlag=send_flag bornTimestamp=born flag=small properties=properties "
    "reconsumeTimes=times? unitMode=bool? batch=no? maxReconsumeTimes=times?"
)
_SEND_V2 = (
    "a=group b=topic c=default d=queues e=queue f=send_flag g=born h=small i=properties "
    "j=times? k=bool? l=times? m=no?"
)
_BATCH = (
    "a=group b=topic c=default d=queues e=queue f=batch_flag g=born h=small i=properties "
    "j=times? k=bool? l=times? m=yes"
)
_PULL = (
    "consumerGroup=group topic=topic queueId=queue queueOffset=offset maxMsgNums=count "
    "sysFlag=pull_flag commitOffset=offset suspendTimeoutMillis=suspend subscription=expression? "
    "subVersion=version expressionType=expression_type?"
)
_REPLY = _SEND.replace("properties=properties", "properties=reply_properties")
_REPLY_V2 = _SEND_V2.replace("i=properties", "i=reply_properties")
_TQ = "topic=topic queueId=queue"
_CREATE_TOPIC = (
    "topic=new_topic defaultTopic=default readQueueNums=queues writeQueueNums=queues perm=perm "
    "topicFilterType=filter_type topicSysFlag=topic_flag order=bool "
    "attributes=attributes? force=bool?"
)

_SEND_AREA = (
    Shape(10, "send", _SEND, "message", weight=14),
    Shape(310, "send", _SEND_V2, "message", weight=14),
    Shape(320, "send", _BATCH, "batch", weight=8),
    Shape(
        36,
        "send",
        "offset=physical group=group delayLevel=level originMsgId=text? originTopic=topic? "
        "unitMode=bool? maxReconsumeTimes=times?",
        weight=7,
    ),
    Shape(
        37,
        "send",
        "producerGroup=group tranStateTableOffset=offset_of_send commitLogOffset=physical "
        "commitOrRollback=decision fromTransactionCheck=bool? msgId=text? "
        "transactionId=text? topic=topic?",
        weight=6,
    ),
    Shape(324, "send", _REPLY, "message", weight=3),
    Shape(325, "send", _REPLY_V2, "message", weight=3),
)
_PULL_AREA = (
    Shape(11, "pull", _PULL, weight=14),
    Shape(361, "pull", _PULL, weight=3),
    Shape(
        12,
        "pull",
        "topic=topic key=key maxNum=count beginTimestamp=time endTimestamp=time_end "
        "indexType=text? lastKey=text?",
        reads=True,
        weight=4,
    ),
    Shape(33, "pull", "offset=physical topic=topic?", reads=True, weight=4),
    Shape(
        321, "pull", f"{_TQ} index=offset count=count consumerGroup=group?", reads=True, weight=4
    ),
)
_OFFSET_AREA = (
    Shape(14, "offset", f"consumerGroup=group {_TQ} setZeroIfNotFound=bool?", reads=True, weight=8),
    Shape(15, "offset", f"consumerGroup=group {_TQ} commitOffset=offset", weight=9),
    Shape(29, "offset", f"{_TQ} timestamp=time boundaryType=boundary?", reads=True, weight=4),
    Shape(30, "offset", f"{_TQ} committed=bool?", reads=True, weight=3),
    Shape(31, "offset", _TQ, reads=True, weight=3),
    Shape(32, "offset", _TQ, reads=True, weight=3),
    Shape(41, "offset", "", "lock", weight=5),
    Shape(42, "offset", "", "lock", weight=3),
    Shape(43, "offset", "", reads=True, weight=1),
    Shape(45, "offset", "", reads=True, weight=1),
    Shape(
        222,
        "offset",
        "topic=topic group=group timestamp=reset_time isForce=bool queueId=queue? offset=offset?",
        weight=5,
    ),
    Shape(
        308, "offset", "filterGroups=groups? compareGroup=group topic=topic", reads=True, weight=3
    ),
    Shape(314, "offset", "srcGroup=group destGroup=group topic=topic offline=bool?", weight=4),
)
_CLIENT_AREA = (
    Shape(34, "client", "", "heartbeat", weight=12),
    Shape(35, "client", "clientID=client producerGroup=group? consumerGroup=group?", weight=5),
    Shape(46, "client", "", "check_client", weight=5),
    Shape(38, "client", "consumerGroup=group", reads=True, weight=5),
    Shape(203, "client", "consumerGroup=group", reads=True, weight=4),
    Shape(204, "client", "producerGroup=group", reads=True, weight=4),
    Shape(328, "client", "", reads=True, weight=1),
    Shape(300, "client", "topic=topic", reads=True, weight=3),
    Shape(343, "client", "group=group", reads=True, weight=2),
    Shape(345, "client", "group=group topic=topic", reads=True, weight=2),
    Shape(307, "client", "consumerGroup=group clientId=client jstackEnable=bool?", weight=3),
    Shape(
        309,
        "client",
        "consumerGroup=group clientId=client msgId=message_id? brokerName=broker?",
        weight=3,
    ),
    Shape(223, "client", "topic=topic group=group clientAddr=client?", weight=3),
)
_ADMIN_AREA = (
    Shape(17, "admin", _CREATE_TOPIC, weight=10),
    Shape(18, "admin", "", "topic_list", weight=3),
    Shape(215, "admin", "topic=topic", weight=4),
    Shape(21, "admin", "topicSeq=small? dataVersion=text? maxTopicNum=small?", reads=True),
    Shape(351, "admin", "topic=topic", reads=True, weight=4),
    Shape(200, "admin", "", "group", weight=8),
    Shape(225, "admin", "", "group_list", weight=3),
    Shape(207, "admin", "groupName=group removeOffset=bool? cleanOffset=bool?", weight=4),
    Shape(201, "admin", "groupSeq=small? dataVersion=text? maxGroupNum=small?", reads=True),
    Shape(352, "admin", "group=group", reads=True, weight=4),
    Shape(353, "admin", "group=group topic=topic readable=bool?", weight=3),
    Shape(202, "admin", "topic=topic", reads=True, weight=4),
    Shape(208, "admin", "consumerGroup=group topic=topic? topicList=topics?", reads=True, weight=5),
    Shape(317, "admin", "isOrder=bool?", reads=True, weight=1),
    Shape(303, "admin", "topic=topic group=group", reads=True, weight=3),
    Shape(315, "admin", "statsName=stats_name statsKey=stats_key", reads=True, weight=4),
    Shape(25, "admin", "", "config", weight=2),
    Shape(26, "admin", "", reads=True, weight=1),
    Shape(28, "admin", "", reads=True, weight=1),
    Shape(305, "admin", "", reads=True, weight=2),
    Shape(306, "admin", "", weight=1),
    Shape(316, "admin", "", weight=1),
    Shape(329, "admin", "", weight=1),
    Shape(323, "admin", "msgId=message_id? topic=topic?", weight=3),
    Shape(301, "admin", "filterServerAddr=text", weight=1),
    Shape(302, "admin", "consumerGroup=group topic=topic className=text classCRC=small", weight=1),
    Shape(99, "admin", "", weight=1),
    Shape(105, "admin", "topic=topic", weight=1),
)
_REGISTER = (
    "brokerName=broker brokerAddr=broker_addr clusterName=cluster haServerAddr=text "
    "brokerId=broker_id compressed=no? bodyCrc32=zero? heartbeatTimeoutMillis=long? "
    "enableActingMaster=bool?"
)
_HEARTBEAT = (
    "clusterName=cluster brokerAddr=broker_addr brokerName=broker brokerId=broker_id? epoch=small? "
    "maxOffset=small? confirmOffset=small? heartbeatTimeoutMills=long? electionPriority=small?"
)
_BROKER = "brokerName=broker brokerAddr=broker_addr clusterName=cluster brokerId=broker_id"
_NAMESRV_AREA = tuple(
    Shape(code, "namesrv", fields, body, reads, weight, Port.NAMESRV)
    for code, fields, body, reads, weight in (
        (100, "namespace=namespace key=kv_key value=text", "", False, 6),
        (101, "namespace=namespace key=kv_key", "", True, 5),
        (102, "namespace=namespace key=kv_key", "", False, 3),
        (219, "namespace=namespace", "", True, 4),
        (103, _REGISTER, "register", False, 9),
        (
            104,
            _BROKER,
            "",
            False,
            5,
        ),
        (
            322,
            _BROKER,
            "data_version",
            False,
            4,
        ),
        (105, "topic=topic acceptStandardJsonOnly=bool?", "", True, 8),
        (106, "", "", True, 2),
        (205, "brokerName=broker", "", False, 3),
        (327, "brokerName=broker", "", False, 3),
        (206, "", "", True, 2),
        (216, "topic=topic clusterName=cluster?", "", False, 4),
        (217, "topic=new_topic", "route", False, 3),
        (224, "cluster=cluster_or_real", "", True, 3),
        (304, "", "", True, 1),
        (311, "", "", True, 1),
        (312, "", "", True, 1),
        (313, "", "", True, 1),
        (318, "", "namesrv_config", False, 2),
        (319, "", "", True, 1),
        (901, "clusterName=cluster brokerName=broker", "", True, 3),
        (904, _HEARTBEAT, "", False, 2),
        (10, _SEND, "message", False, 1),
        (99, "", "", False, 1),
        (34, "", "heartbeat", False, 1),
    )
)
SHAPES = (
    *_SEND_AREA,
    *_PULL_AREA,
    *_OFFSET_AREA,
    *_CLIENT_AREA,
    *_ADMIN_AREA,
    *_NAMESRV_AREA,
)
BY_CODE = {shape.code: shape for shape in SHAPES if shape.port is Port.BROKER}
NAMESRV_BY_CODE = {shape.code: shape for shape in SHAPES if shape.port is Port.NAMESRV}
# Which areas a sequence of an area draws from, and how often of a hundred.
AREAS: dict[str, dict[str, int]] = {
    "send": {"send": 85, "pull": 10, "offset": 5},
    "pull": {"pull": 75, "send": 15, "offset": 10},
    "offset": {"offset": 75, "send": 10, "client": 10, "pull": 5},
    "client": {"client": 75, "offset": 10, "send": 5, "admin": 10},
    "admin": {"admin": 85, "send": 5, "client": 5, "offset": 5},
    "namesrv": {"namesrv": 95, "admin": 5},
    "frames": {"send": 20, "pull": 20, "offset": 20, "admin": 20, "namesrv": 20},
}
AREAS["broker"] = {"send": 25, "pull": 20, "offset": 20, "client": 15, "admin": 20}
AREAS["all"] = {"send": 22, "pull": 16, "offset": 16, "client": 14, "admin": 17, "namesrv": 15}
