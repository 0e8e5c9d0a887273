"""Subscription groups.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.model.data_version import DataVersion
from refimpl.model.subscription_group import SubscriptionGroupConfig
from refimpl.remoting.body.bean import Body


class SubscriptionGroupWrapper(Body):
    """GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201)."""

    WIRE: ClassVar[str] = (
        "dataVersion:DataVersion forbiddenTable:Map<String,Map<String,int>>@5.5 "
        "subscriptionGroupTable:Map<String,SubscriptionGroupConfig>"
    )
    data_version: DataVersion = DataVersion()
    forbidden_table: Mapping[str, Mapping[str, int]] = {}  # 5.5
    subscription_group_table: Mapping[str, SubscriptionGroupConfig] = {}


class SubscriptionGroupList(Body):
    """UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST (225) of 5.5."""

    WIRE: ClassVar[str] = "groupConfigList:List<SubscriptionGroupConfig>"
    group_config_list: tuple[SubscriptionGroupConfig, ...] | None = None


class GroupForbidden(Body):
    """UPDATE_AND_GET_GROUP_FORBIDDEN (353) of 5.5."""

    WIRE: ClassVar[str] = "group:String readable:boolean topic:String"
    group: str | None = None
    readable: bool | None = None
    topic: str | None = None
