"""What survives the end of the broker."""

from conformance.case import case
from conformance.target import Capability
from conformance.wire import Wire


@case("STORE-RECOVERY-1/clean-restart", rules=["STORE-RECOVERY-1"], needs=[Capability.RESTART])
def clean_restart(w: Wire) -> None:
    """After an orderly restart every message is there and offsets go on."""
    topic = w.create_topic(queues=1)
    for number in range(5):
        w.send(topic, f"m{number}".encode())
    w.restart_broker()
    records = w.receive(topic, count=5)
    w.equal([r.body for r in records], [f"m{n}".encode() for n in range(5)], "bodies")
    w.equal(w.send(topic).queue_offset, 5, "offset of the next message")


@case("STORE-RECOVERY-2/killed", rules=["STORE-RECOVERY-2"], needs=[Capability.KILL])
def killed(w: Wire) -> None:
    """After a killed process every acknowledged message is there: the page cache outlives it."""
    topic = w.create_topic(queues=1)
    for number in range(5):
        w.send(topic, f"m{number}".encode())
    w.restart_broker(kill=True)
    records = w.receive(topic, count=5)
    w.equal([r.body for r in records], [f"m{n}".encode() for n in range(5)], "bodies")
