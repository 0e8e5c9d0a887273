"""Headers of the send requests and of their answer.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class SendMessageRequestHeader(Header):
    """Fields of SEND_MESSAGE (10), and what the short-named form of 310 and 320 stands for."""

    WIRE: ClassVar[str] = (
        "producerGroup:String topic:String! defaultTopic:String defaultTopicQueueNums:Integer "
        "queueId:Integer! sysFlag:Integer! bornTimestamp:Long! flag:Integer! "
        "properties:String reconsumeTimes:Integer unitMode:boolean batch:boolean "
        "maxReconsumeTimes:Integer bname:String"
    )
    producer_group: str | None = None
    topic: str
    default_topic: str | None = None
    default_topic_queue_nums: int | None = None
    queue_id: int
    sys_flag: int
    born_timestamp: int
    flag: int
    properties: str | None = None
    reconsume_times: int | None = None
    unit_mode: bool = False
    batch: bool = False
    max_reconsume_times: int | None = None
    bname: str | None = None  # 4.9, 5.5


class SendMessageRequestHeaderV2(Header):
    """Fields of SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320) and SEND_REPLY_MESSAGE_V2 (325)."""

    WIRE: ClassVar[str] = (
        "a:String b:String! c:String d:Integer e:Integer! f:Integer! g:Long! h:Integer! "
        "i:String j:Integer k:boolean l:Integer m:boolean n:String"
    )
    FAST: ClassVar[bool] = True
    a: str | None = None
    b: str
    c: str | None = None
    d: int | None = None
    e: int
    f: int
    g: int
    h: int
    i: str | None = None
    j: int | None = None
    k: bool = False
    l: int | None = None  # noqa: E741 - Java name
    m: bool = False
    n: str | None = None  # 4.9, 5.5


class SendMessageResponseHeader(Header):
    """Fields of the answer to every send."""

    WIRE: ClassVar[str] = (
        "msgId:String! queueId:Integer! queueOffset:Long! transactionId:String "
        "batchUniqId:String recallHandle:String"
    )
    FAST: ClassVar[bool] = True
    msg_id: str
    queue_id: int
    queue_offset: int
    transaction_id: str | None = None
    batch_uniq_id: str | None = None  # 5.5
    recall_handle: str | None = None  # 5.5
