"""What several administrative requests check first. AdminBrokerProcessor#validateSlave (4.9.7)."""

from refimpl.broker.context import BrokerContext, Request
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.response_code import ResponseCode


def refuse_slave(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """Topics and groups change on the master only, where the release checks. BROKER-ADMIN-12."""
    if not ctx.release.slave_refuses_changes or ctx.config.text("brokerRole") != "SLAVE":
        return None
    return make_response(
        request.command,
        ResponseCode.SYSTEM_ERROR,
        "Can't modify topic or subscription group from slave broker, "
        "please execute it from master broker.",
    )
