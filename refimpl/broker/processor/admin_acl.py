"""UPDATE_AND_CREATE_ACL_CONFIG (50), DELETE_ACL_CONFIG (51), GET_BROKER_CLUSTER_ACL_INFO (52),
UPDATE_GLOBAL_WHITE_ADDRS_CONFIG (53), GET_BROKER_CLUSTER_ACL_CONFIG (54), as of a broker without
access control.

Java 4.9.7: broker/processor/AdminBrokerProcessor. Rule BROKER-ADMIN-63.
"""  # noqa: D205 - the first line is the list of codes, as everywhere in this package

from refimpl.broker.context import BrokerContext, Request
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.response_code import ResponseCode

_PLAIN = "org.apache.rocketmq.common.PlainAccessConfig"


def _absent(method: str) -> str:
    """What the Java machine says of a call of the validator that is not there."""
    validator = "org.apache.rocketmq.acl.AccessValidator"
    return f'Cannot invoke "{validator}.{method}" because "accessValidator" is null'


def update_and_create_acl_config(_ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Refuse, whatever the header holds. BROKER-ADMIN-63."""
    return make_response(
        request.command,
        ResponseCode.UPDATE_AND_CREATE_ACL_CONFIG_FAILED,
        _absent(f"updateAccessConfig({_PLAIN})"),
    )


def delete_acl_config(_ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Refuse, whatever the header holds. BROKER-ADMIN-63."""
    return make_response(
        request.command,
        ResponseCode.DELETE_ACL_CONFIG_FAILED,
        _absent("deleteAccessConfig(String)"),
    )


def update_global_white_addrs_config(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Refuse, whatever the header holds. BROKER-ADMIN-63."""
    arguments = "java.util.List" + (", String" if ctx.release.acl_files else "")
    return make_response(
        request.command,
        ResponseCode.UPDATE_GLOBAL_WHITE_ADDRS_CONFIG_FAILED,
        _absent(f"updateGlobalWhiteAddrsConfig({arguments})"),
    )


def stay_silent(_ctx: BrokerContext, _request: Request) -> None:
    """A question about access control is never answered. BROKER-ADMIN-63."""
