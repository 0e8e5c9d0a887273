"""Broker properties that a case changes while the broker runs, and sets back."""

from collections.abc import Iterator
from contextlib import contextmanager

from conformance.matching import dig
from conformance.verdict import Failure
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode


class BrokerSettings(dict[str, str]):
    """Properties by name; a name that the broker does not tell is a failure of the broker."""

    def __missing__(self, name: str) -> str:
        raise Failure(f"GET_BROKER_CONFIG does not tell {name}")


def read_broker_settings(w: Wire) -> BrokerSettings:
    """Every property of the broker by name, as GET_BROKER_CONFIG prints them."""
    response = w.broker.request(RequestCode.GET_BROKER_CONFIG)
    w.expect(response, code=ResponseCode.SUCCESS)
    lines = (line.partition("=") for line in response.body.decode().splitlines())
    return BrokerSettings((name, value) for name, _, value in lines)


def write_broker_settings(w: Wire, settings: dict[str, str]) -> None:
    """UPDATE_BROKER_CONFIG with these properties; raises `Failure` where it is refused."""
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    response = w.broker.request(RequestCode.UPDATE_BROKER_CONFIG, body=text.encode())
    w.expect(response, code=ResponseCode.SUCCESS)


@contextmanager
def broker_settings(w: Wire, **settings: str) -> Iterator[None]:
    """Run the block with these properties; the broker is shared, so the former values return."""
    before = read_broker_settings(w)
    former = {name: before[name] for name in settings}
    write_broker_settings(w, settings)
    try:
        yield
    finally:
        write_broker_settings(w, former)


def runtime_table(w: Wire) -> dict[str, JsonValue]:
    """Runtime information, BROKER-ADMIN-17.

    In the first second of its life a broker of Apache has sampled no throughput and fails with a
    NoSuchElementException; that answer, and no other, is asked again.
    """

    def attempt() -> dict[str, JsonValue] | None:
        answer = w.broker.request(RequestCode.GET_BROKER_RUNTIME_INFO)
        if "NoSuchElementException" in (answer.remark or ""):
            return None
        table = dig(w.expect(answer, code=ResponseCode.SUCCESS).json(), "table")
        assert isinstance(table, dict)
        return table

    return w.eventually(attempt, what="runtime information")
