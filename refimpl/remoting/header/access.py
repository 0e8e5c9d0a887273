"""Headers of access control, by release.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class CreateAccessConfigRequestHeader(Header):
    """Fields of UPDATE_AND_CREATE_ACL_CONFIG (50). Only in 4.6.1 and 4.9.7."""

    WIRE: ClassVar[str] = (
        "accessKey:String! secretKey:String whiteRemoteAddress:String admin:boolean "
        "defaultTopicPerm:String defaultGroupPerm:String topicPerms:String groupPerms:String"
    )
    access_key: str
    secret_key: str | None = None
    white_remote_address: str | None = None
    admin: bool = False
    default_topic_perm: str | None = None
    default_group_perm: str | None = None
    topic_perms: str | None = None
    group_perms: str | None = None


class DeleteAccessConfigRequestHeader(Header):
    """Fields of DELETE_ACL_CONFIG (51). Only in 4.6.1 and 4.9.7."""

    WIRE: ClassVar[str] = "accessKey:String!"
    access_key: str


class UpdateGlobalWhiteAddrsConfigRequestHeader(Header):
    """Fields of UPDATE_GLOBAL_WHITE_ADDRS_CONFIG (53). Only in 4.6.1 and 4.9.7."""

    WIRE: ClassVar[str] = "globalWhiteAddrs:String! aclFileFullPath:String!"
    global_white_addrs: str
    acl_file_full_path: str  # 4.9


class GetBrokerAclConfigResponseHeader(Header):
    """Fields of the answer to GET_BROKER_CLUSTER_ACL_INFO. Only in 4.6.1 and 4.9.7."""

    WIRE: ClassVar[str] = (
        "version:String! brokerName:String! brokerAddr:String! clusterName:String! "
        "allAclFileVersion:String"
    )
    version: str
    broker_name: str
    broker_addr: str
    cluster_name: str
    all_acl_file_version: str | None = None  # 4.9


class CreateUserRequestHeader(Header):
    """Fields of AUTH_CREATE_USER (3001). Only in 5.5.0."""

    WIRE: ClassVar[str] = "username:String"
    username: str | None = None


class UpdateUserRequestHeader(Header):
    """Fields of AUTH_UPDATE_USER (3002). Only in 5.5.0."""

    WIRE: ClassVar[str] = "username:String"
    username: str | None = None


class DeleteUserRequestHeader(Header):
    """Fields of AUTH_DELETE_USER (3003). Only in 5.5.0."""

    WIRE: ClassVar[str] = "username:String"
    username: str | None = None


class GetUserRequestHeader(Header):
    """Fields of AUTH_GET_USER (3004). Only in 5.5.0."""

    WIRE: ClassVar[str] = "username:String"
    username: str | None = None


class ListUsersRequestHeader(Header):
    """Fields of AUTH_LIST_USER (3005). Only in 5.5.0."""

    WIRE: ClassVar[str] = "filter:String"
    filter: str | None = None


class CreateAclRequestHeader(Header):
    """Fields of AUTH_CREATE_ACL (3006). Only in 5.5.0."""

    WIRE: ClassVar[str] = "subject:String"
    subject: str | None = None


class UpdateAclRequestHeader(Header):
    """Fields of AUTH_UPDATE_ACL (3007). Only in 5.5.0."""

    WIRE: ClassVar[str] = "subject:String"
    subject: str | None = None


class DeleteAclRequestHeader(Header):
    """Fields of AUTH_DELETE_ACL (3008). Only in 5.5.0."""

    WIRE: ClassVar[str] = "subject:String policyType:String resource:String"
    subject: str | None = None
    policy_type: str | None = None
    resource: str | None = None


class GetAclRequestHeader(Header):
    """Fields of AUTH_GET_ACL (3009). Only in 5.5.0."""

    WIRE: ClassVar[str] = "subject:String"
    subject: str | None = None


class ListAclsRequestHeader(Header):
    """Fields of AUTH_LIST_ACL (3010). Only in 5.5.0."""

    WIRE: ClassVar[str] = "subjectFilter:String resourceFilter:String"
    subject_filter: str | None = None
    resource_filter: str | None = None
