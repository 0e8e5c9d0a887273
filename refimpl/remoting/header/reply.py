"""Headers of request-reply and of recall.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class ReplyMessageRequestHeader(Header):
    """Fields of PUSH_REPLY_MESSAGE_TO_CLIENT (326), broker to client.

    Java wants five of them more than can be had: a broker passes on what a sender left out.
    """

    WIRE: ClassVar[str] = (
        "producerGroup:String topic:String! defaultTopic:String "
        "defaultTopicQueueNums:Integer queueId:Integer! sysFlag:Integer bornTimestamp:Long! "
        "flag:Integer! properties:String reconsumeTimes:Integer unitMode:boolean "
        "bornHost:String! storeHost:String! storeTimestamp:long bname:String"
    )
    producer_group: str | None = None
    topic: str
    default_topic: str | None = None
    default_topic_queue_nums: int | None = None
    queue_id: int
    sys_flag: int | None = None
    born_timestamp: int
    flag: int
    properties: str | None = None
    reconsume_times: int | None = None
    unit_mode: bool = False
    born_host: str
    store_host: str
    store_timestamp: int = 0
    bname: str | None = None  # 5.5


class RecallMessageRequestHeader(Header):
    """Fields of RECALL_MESSAGE (370). Only in 5.5.0."""

    WIRE: ClassVar[str] = "producerGroup:String topic:String! recallHandle:String! bname:String"
    producer_group: str | None = None
    topic: str
    recall_handle: str
    bname: str | None = None


class RecallMessageResponseHeader(Header):
    """Fields of the answer to RECALL_MESSAGE. Only in 5.5.0."""

    WIRE: ClassVar[str] = "msgId:String!"
    msg_id: str
