"""Header of a message that a consumer gives back.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class ConsumerSendMsgBackRequestHeader(Header):
    """Fields of CONSUMER_SEND_MSG_BACK (36)."""

    WIRE: ClassVar[str] = (
        "offset:Long! group:String! delayLevel:Integer! originMsgId:String originTopic:String "
        "unitMode:boolean maxReconsumeTimes:Integer bname:String"
    )
    offset: int
    group: str
    delay_level: int
    origin_msg_id: str | None = None
    origin_topic: str | None = None
    unit_mode: bool = False
    max_reconsume_times: int | None = None
    bname: str | None = None  # 4.9, 5.5
