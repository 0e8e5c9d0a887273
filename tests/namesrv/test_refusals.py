"""What the name server refuses leaves no trace."""

from refimpl.model.release import RELEASE_5_5
from refimpl.model.topic_config import TopicConfig
from refimpl.namesrv.invariants import violations
from tests.namesrv.harness import NameServerUnderTest

ONE = (TopicConfig(topic_name="T1"),)


def test_a_refused_registration_takes_no_address() -> None:
    """NAMESRV-LIFECYCLE-8: neither from another id, nor leaving a name without one."""
    server = NameServerUnderTest(RELEASE_5_5).start()
    assert server.register().code == 0
    before = server.tables()
    assert server.register(broker_id=1, topics=ONE).code == 1
    assert server.register(name="broker-b", address="10.0.0.2:10911", topics=ONE).code == 1
    assert server.tables() == before
    assert not violations(server.server.context.routes)
