"""The recorded connection of a broker to its name server, played to a name server alone."""

from collections.abc import Iterator

from refimpl.model.ids import Millis
from refimpl.remoting import frame
from refimpl.sim.cluster import Cluster
from tests.captures.recording import Recording
from tests.captures.replay import Exchange


def exchanges(recording: Recording) -> Iterator[Exchange]:
    """Every registration that was answered, with the recorded answer and ours."""
    address = recording.namesrv_address()
    cluster = Cluster(
        recording.release,
        namesrv_port=address.port,
        serialize_type=recording.serialize_type,
    )
    cluster.world.now = Millis(recording.epoch())
    cluster.start_namesrv()
    pipe = cluster.world.connect(address)
    assert pipe is not None
    decoder = frame.FrameDecoder()
    answers = {}
    requests = {}
    for one in recording.frames:
        if recording.links.get(one.conn) != "broker->namesrv":
            continue
        if one.to_server and one.command.code not in {103, 104}:
            continue  # for pop, 5.5's broker asks for routes as a client does
        if one.to_server:
            requests[one.n] = one.command
            pipe.send(one.data)
            cluster.world.advance(0)
            while pipe.inbox:
                for data in decoder.feed(pipe.inbox.popleft()):
                    command = frame.decode(data, recording.release)
                    answers[command.opaque] = command
        elif one.request_n in requests:
            yield Exchange(one, requests[one.request_n], answers.pop(one.command.opaque, None))
    assert not answers, "an answer to a one-way request"
