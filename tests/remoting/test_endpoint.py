"""Channels, requests and answers of one node."""

import pytest

from refimpl.model.effect import CloseChannel, Connect, SendBytes
from refimpl.model.ids import Address, ChannelId, Millis, Opaque
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.remoting import frame
from refimpl.remoting.command import RemotingCommand, SerializeType, make_response
from refimpl.remoting.endpoint import Endpoint
from refimpl.remoting.errors import ChannelUnknown
from refimpl.remoting.events import (
    EndpointEvent,
    FailureReason,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)
from refimpl.remoting.header.membership import NotifyConsumerIdsChangedRequestHeader

ALL = list(RELEASES.values())
CLIENT, BROKER = Address("127.0.0.1", 5), Address("127.0.0.1", 10911)
IN = ChannelId(2)
T0 = Millis(1_000)


def opened(
    release: Release = RELEASE_4_9, serialize_type: SerializeType = SerializeType.JSON
) -> Endpoint:
    endpoint = Endpoint(release, serialize_type=serialize_type)
    endpoint.accepted(IN, CLIENT, BROKER, T0)
    return endpoint


def bytes_of(opaque: int, flag: int = 0, codec: SerializeType = SerializeType.JSON) -> bytes:
    command = RemotingCommand(code=30, opaque=Opaque(opaque), flag=flag, serialize_type=codec)
    return frame.encode(command, RELEASE_4_9)


def sent(endpoint: Endpoint) -> list[RemotingCommand]:
    """Decode what goes out; other effects fail."""
    commands = []
    for effect in endpoint.drain_effects():
        assert isinstance(effect, SendBytes)
        commands.append(frame.decode(effect.data[4:], RELEASE_4_9))
    return commands


def requests(endpoint: Endpoint, data: bytes) -> list[RemotingCommand]:
    commands = []
    for channel, event in endpoint.receive_data(IN, data, T0):
        assert channel == IN
        assert isinstance(event, RequestReceived)
        commands.append(event.command)
    return commands


def test_requests_of_one_read_come_in_order() -> None:
    """REMOTING-CONNECTION-6: the same opaque twice is two requests."""
    endpoint = opened()
    data = bytes_of(1) + bytes_of(2) + bytes_of(1)
    assert [c.opaque for c in requests(endpoint, data)] == [1, 2, 1]


def test_an_answer_has_the_version_of_the_release() -> None:
    """REMOTING-CODES-4, REMOTING-CONNECTION-4."""
    for release in ALL:
        endpoint = opened(release)
        (request,) = requests(endpoint, bytes_of(7))
        endpoint.respond(IN, make_response(request, 0))
        (answer,) = sent(endpoint)
        assert (answer.opaque, answer.flag, answer.language) == (7, 1, 0)
        assert answer.version == release.header_version


@pytest.mark.parametrize(
    ("release", "codec"),
    [
        (RELEASE_4_6, SerializeType.JSON),
        (RELEASE_4_9, SerializeType.ROCKETMQ),
        (RELEASE_5_5, SerializeType.JSON),
    ],
    ids=list(RELEASES),
)
def test_the_codec_of_an_answer(release: Release, codec: SerializeType) -> None:
    """REMOTING-CONNECTION-4: of the request in 4.9, of the server in 4.6 and 5.5."""
    endpoint = opened(release)
    (request,) = requests(endpoint, bytes_of(7, codec=SerializeType.ROCKETMQ))
    endpoint.respond(IN, make_response(request, 0))
    assert [c.serialize_type for c in sent(endpoint)] == [codec]


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
@pytest.mark.parametrize("own", list(SerializeType))
def test_the_codec_of_an_exception(release: Release, own: SerializeType) -> None:
    """REMOTING-CONNECTION-5: always that of the server."""
    endpoint = opened(release, serialize_type=own)
    (request,) = requests(endpoint, bytes_of(7, codec=SerializeType(1 - own)))
    endpoint.respond(IN, make_response(request, 1, "broken", in_server_codec=True))
    assert [c.serialize_type for c in sent(endpoint)] == [own]


def test_a_oneway_request_is_not_answered() -> None:
    """REMOTING-CONNECTION-3: whatever the processor returns; flow control of 4.x aside."""
    endpoint = opened()
    (request,) = requests(endpoint, bytes_of(7, flag=2))
    assert request.is_oneway
    endpoint.respond(IN, make_response(request, 0))
    endpoint.respond(IN, make_response(request, 1, in_server_codec=True))
    assert sent(endpoint) == []
    endpoint.respond(IN, make_response(request, 2, even_oneway=True))
    assert [c.code for c in sent(endpoint)] == [2]


@pytest.mark.parametrize("flag", [1, 3])
def test_a_response_that_nothing_waits_for_is_dropped(flag: int) -> None:
    """REMOTING-CONNECTION-2: no answer, no close, and the channel works on."""
    endpoint = opened()
    assert requests(endpoint, bytes_of(7, flag=flag) + bytes_of(8))[0].opaque == 8
    assert endpoint.drain_effects() == []


def test_the_addresses_of_a_closed_channel_are_known_to_the_events_before() -> None:
    """REMOTING-FRAME-4: a request in front of the fault can be served; then they are forgotten."""
    endpoint = opened()
    assert [c.opaque for c in requests(endpoint, bytes_of(1) + b"\xff" * 12)] == [1]
    assert (endpoint.peer(IN), endpoint.local(IN)) == (CLIENT, BROKER)
    assert not endpoint.is_open(IN)
    endpoint.disconnected(IN, T0)
    with pytest.raises(ChannelUnknown):
        endpoint.peer(IN)


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
@pytest.mark.parametrize(
    "wrong",
    [b"\0\0\0\0" + bytes(12), b"\xff" * 12, b"\0\0\0\x0c\2\0\0\2{}      ", b"GET / HTTP/1.1\r\n"],
)
def test_bytes_that_are_no_frame_close_the_channel(wrong: bytes, release: Release) -> None:
    """REMOTING-FRAME-4: once, without an answer; what came before is read, what follows is not."""
    endpoint = opened(release)
    read = requests(endpoint, bytes_of(5) + wrong + bytes_of(6))
    assert [c.opaque for c in read] == [5]
    assert endpoint.drain_effects() == [CloseChannel(IN)]
    assert not endpoint.is_open(IN)
    assert requests(endpoint, bytes_of(7)) == []
    endpoint.respond(IN, make_response(read[0], 0))
    assert endpoint.drain_effects() == []


def test_only_5_5_awaits_twelve_bytes_and_only_of_its_clients() -> None:
    """REMOTING-FRAME-9: four zero bytes close at once in 4.x, after twelve bytes in 5.5."""
    for release, at_once in ((RELEASE_4_9, True), (RELEASE_5_5, False)):
        endpoint = opened(release)
        endpoint.receive_data(IN, bytes(4), T0)
        assert endpoint.is_open(IN) is not at_once
        endpoint.receive_data(IN, bytes(8), T0)
        assert not endpoint.is_open(IN)
        out = endpoint.connect(CLIENT, T0)
        endpoint.connected(out, BROKER, T0)
        endpoint.receive_data(out, bytes(4), T0)
        assert not endpoint.is_open(out)


HEADER = NotifyConsumerIdsChangedRequestHeader(consumer_group="G")


def test_a_request_and_its_answer() -> None:
    """REMOTING-CONNECTION-2: matched by opaque on the channel, once."""
    endpoint = opened()
    opaque = endpoint.send_request(IN, 40, HEADER, b"x", Millis(3_000), "context", T0)
    (asked,) = sent(endpoint)
    assert (asked.code, asked.opaque, asked.flag, asked.body) == (40, opaque, 0, b"x")
    assert asked.ext_fields == {"consumerGroup": "G"}
    assert asked.version == RELEASE_4_9.header_version
    answer = bytes_of(opaque, flag=1)
    ((channel, event),) = endpoint.receive_data(IN, answer + answer, T0)
    assert channel == IN
    assert isinstance(event, ResponseReceived)
    assert (event.context, event.command.opaque) == ("context", opaque)


def test_an_answer_on_another_channel_is_none() -> None:
    """REMOTING-CONNECTION-10: one client cannot answer for another. Java has one table for all."""
    endpoint = opened()
    endpoint.accepted(ChannelId(4), Address("127.0.0.1", 6), BROKER, T0)
    opaque = endpoint.send_request(IN, 40, HEADER, b"", Millis(3_000), "context", T0)
    assert endpoint.receive_data(ChannelId(4), bytes_of(opaque, flag=1), T0) == []
    assert len(endpoint.receive_data(IN, bytes_of(opaque, flag=1), T0)) == 1


def test_opaques_are_never_used_twice() -> None:
    """REMOTING-CONNECTION-6: also over both kinds of sending."""
    endpoint = opened()
    for _ in range(3):
        endpoint.send_request(IN, 40, None, b"", Millis(1), None, T0)
        endpoint.send_oneway(IN, 40, HEADER, b"", T0)
    commands = sent(endpoint)
    assert len({c.opaque for c in commands}) == 6
    assert [c.is_oneway for c in commands] == [False, True] * 3


def test_a_request_times_out_once() -> None:
    """REMOTING-CONNECTION-8: at its deadline; the answer that comes later is dropped."""
    endpoint = opened()
    opaque = endpoint.send_request(IN, 40, HEADER, b"", Millis(3_000), "context", T0)
    assert endpoint.next_timer() == T0 + 3_000
    assert endpoint.handle_timer(Millis(T0 + 2_999)) == []
    ((_, event),) = endpoint.handle_timer(Millis(T0 + 3_000))
    assert event == RequestFailed("context", opaque, FailureReason.TIMEOUT)
    assert endpoint.handle_timer(Millis(T0 + 3_001)) == []
    assert endpoint.receive_data(IN, bytes_of(opaque, flag=1), T0) == []


def asked_twice(how: str, channel: ChannelId, endpoint: Endpoint) -> list[EndpointEvent]:
    """Two requests on `channel`, then its end."""
    for name in ("a", "b"):
        endpoint.send_request(channel, 40, HEADER, b"", Millis(3_000), name, T0)
    if how == "peer":
        return endpoint.disconnected(channel, T0)
    if how == "us":
        return endpoint.close(channel)
    return endpoint.receive_data(channel, b"\xff" * 12, T0)


def failures(events: list[EndpointEvent]) -> list[tuple[object, FailureReason]]:
    return [(e.context, e.reason) for _, e in events if isinstance(e, RequestFailed)]


@pytest.mark.parametrize("how", ["peer", "us", "fault"])
def test_requests_fail_with_a_channel_of_ours(how: str) -> None:
    """REMOTING-CONNECTION-9: at once, in the order of their sending."""
    endpoint = Endpoint(RELEASE_4_9)
    out = endpoint.connect(BROKER, T0)
    endpoint.connected(out, CLIENT, T0)
    closed = FailureReason.CLOSED
    assert failures(asked_twice(how, out, endpoint)) == [("a", closed), ("b", closed)]
    assert endpoint.next_timer() is None
    with pytest.raises(ChannelUnknown):
        endpoint.send_oneway(out, 40, HEADER, b"", T0)


@pytest.mark.parametrize("how", ["peer", "us", "fault"])
def test_requests_on_an_accepted_channel_outlive_it(how: str) -> None:
    """REMOTING-CONNECTION-9: they fail when their time is over, once."""
    endpoint = opened()
    assert asked_twice(how, IN, endpoint) == []
    endpoint.disconnected(IN, T0)
    assert not endpoint.is_open(IN)
    assert endpoint.next_timer() == T0 + 3_000
    assert endpoint.handle_timer(Millis(T0 + 2_999)) == []
    late = FailureReason.TIMEOUT
    assert failures(endpoint.handle_timer(Millis(T0 + 3_000))) == [("a", late), ("b", late)]
    assert endpoint.next_timer() is None
    assert endpoint.handle_timer(Millis(T0 + 9_000)) == []


def test_our_own_channels() -> None:
    """REMOTING-CONNECTION-11: one per address, odd ids; what is sent early waits for it."""
    endpoint = opened()
    out = endpoint.connect(CLIENT, T0)
    assert out % 2 == 1
    assert endpoint.connect(CLIENT, T0) == out
    assert endpoint.drain_effects() == [Connect(out, CLIENT)]
    endpoint.send_request(out, 103, None, b"", Millis(6_000), "register", T0)
    assert endpoint.drain_effects() == []
    with pytest.raises(ChannelUnknown):
        endpoint.local(out)
    endpoint.connected(out, BROKER, T0)
    assert [c.code for c in sent(endpoint)] == [103]
    assert (endpoint.peer(out), endpoint.local(out)) == (CLIENT, BROKER)
    endpoint.disconnected(out, T0)
    assert endpoint.connect(CLIENT, T0) not in {out, IN}


def test_a_channel_that_cannot_be_opened() -> None:
    """REMOTING-CONNECTION-9: the reason is another."""
    endpoint = opened()
    out = endpoint.connect(CLIENT, T0)
    endpoint.send_request(out, 103, None, b"", Millis(6_000), "register", T0)
    ((_, event),) = endpoint.disconnected(out, T0)
    assert isinstance(event, RequestFailed)
    assert event.reason is FailureReason.NOT_CONNECTED
    assert endpoint.drain_effects() == [Connect(out, CLIENT)]


def test_silent_channels_are_closed() -> None:
    """REMOTING-CONNECTION-7: after 120 seconds without a byte in either direction."""
    endpoint = opened()
    endpoint.accepted(ChannelId(4), Address("127.0.0.1", 6), BROKER, T0)
    endpoint.receive_data(IN, bytes_of(1), Millis(T0 + 50_000))
    assert endpoint.next_timer() == T0 + 120_000
    endpoint.handle_timer(Millis(T0 + 119_999))
    assert list(endpoint.channels) == [IN, 4]
    endpoint.handle_timer(Millis(T0 + 120_000))
    assert endpoint.drain_effects() == [CloseChannel(ChannelId(4))]
    assert endpoint.next_timer() == T0 + 170_000
    endpoint.handle_timer(Millis(T0 + 170_000))
    assert list(endpoint.channels) == []
    assert endpoint.next_timer() is None


def test_asking_with_fields_that_are_there() -> None:
    """REMOTING-CONNECTION-6: a forwarded request gets an opaque of this node."""
    endpoint = opened()
    endpoint.send_oneway(IN, 40, HEADER, b"", T0)
    (_,) = sent(endpoint)
    foreign = RemotingCommand(
        code=307, opaque=Opaque(99), flag=0, language=9, ext_fields={"clientId": "c"}, body=b"b"
    )
    opaque = endpoint.ask(IN, foreign, Millis(10_000), "asker", T0)
    (asked,) = sent(endpoint)
    assert (asked.code, asked.opaque, asked.language) == (307, opaque, 0)
    assert opaque != 99
    assert (asked.ext_fields, asked.body) == ({"clientId": "c"}, b"b")
    ((_, event),) = endpoint.receive_data(IN, bytes_of(opaque, flag=1), T0)
    assert isinstance(event, ResponseReceived)
    assert event.context == "asker"
