"""Headers of the requests for routes.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class GetRouteInfoRequestHeader(Header):
    """Fields of GET_ROUTEINFO_BY_TOPIC (105)."""

    WIRE: ClassVar[str] = "topic:String acceptStandardJsonOnly:Boolean bname:String"
    topic: str | None = None
    accept_standard_json_only: bool | None = None  # 4.9, 5.5
    bname: str | None = None  # 5.5


class GetTopicsByClusterRequestHeader(Header):
    """Fields of GET_TOPICS_BY_CLUSTER (224)."""

    WIRE: ClassVar[str] = "cluster:String"
    cluster: str | None = None
