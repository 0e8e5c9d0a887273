"""Drive the C++ client inside PyPI's `rocketmq` against one broker: NAMESRV TOPIC.

Runs in an environment of its own: every Python client of RocketMQ takes the same name. Not
checked by mypy or imported by tests: it is started as a program.
"""

import json
import os
import sys
import time
from collections.abc import Callable

from rocketmq.client import (  # type: ignore[import-not-found]
    Message,
    Producer,
    PullConsumer,
    PushConsumer,
    RecvMessage,
)

NAMESRV, TOPIC = sys.argv[1:]
RETRY_SECONDS = 75  # the client looks for its retry topic every thirty seconds


def report(check: str, found: object) -> None:
    """Print what one check found; the test knows what is right."""
    print(json.dumps({"check": check, "found": found}), flush=True)  # noqa: T201 - its output


def shortened(body: bytes) -> str:
    """A long body as its first letter and its length."""
    text = body.decode()
    return f"{text[0]}*{len(text)}" if len(text) > 100 else text


def message(body: str, tag: str = "TagA", *, keys: str = "", level: int = 0) -> Message:
    """One message of the topic."""
    made = Message(TOPIC)
    made.set_tags(tag)
    made.set_body(body)
    if keys:
        made.set_keys(keys)
    if level:
        made.set_delay_time_level(level)
    return made


def attempt(check: str, action: Callable[[], object]) -> None:
    """Report what `action` gives, or the text of its exception."""
    try:
        report(check, action())
    except Exception as error:  # noqa: BLE001 - whatever the client raises is the finding
        report(check, f"{type(error).__name__}: {error}")


def send() -> Producer:
    """Every way to send."""
    producer = Producer("PG_CPP")
    producer.set_namesrv_addr(NAMESRV)
    producer.start()
    attempt("send", lambda: int(producer.send_sync(message("hello", keys="k1")).status))
    attempt("send zlib", lambda: int(producer.send_sync(message("x" * 9000, "TagB")).status))
    attempt("send delay level 1", lambda: int(producer.send_sync(message("delay", level=1)).status))
    attempt("send one-way", lambda: producer.send_oneway(message("oneway")))
    attempt("send orderly", lambda: int(producer.send_orderly(message("orderly"), 1).status))
    return producer


def subscribe(
    group: str, handle: Callable[[RecvMessage], object], tag: str = "*", *, orderly: bool = False
) -> PushConsumer:
    """A started push consumer."""
    consumer = PushConsumer(group, orderly=orderly)
    consumer.set_namesrv_addr(NAMESRV)
    consumer.subscribe(TOPIC, handle, tag)
    consumer.start()
    return consumer


def main() -> None:
    """Send, consume four times, pull."""
    producer = send()
    found: list[str] = []
    tagged: list[str] = []
    ordered: list[str] = []
    times: list[int] = []

    def refuse_once(received: RecvMessage) -> None:
        times.append(received.reconsume_times)
        if len(times) == 1:
            raise RuntimeError("once more, please")

    consumers = [
        subscribe("CG_CPP_ALL", lambda one: found.append(shortened(one.body))),
        subscribe("CG_CPP_TAG", lambda one: tagged.append(shortened(one.body)), "TagB"),
        subscribe("CG_CPP_ORDER", lambda one: ordered.append(shortened(one.body)), orderly=True),
        subscribe("CG_CPP_RETRY", refuse_once, "TagB"),
    ]
    end = time.monotonic() + RETRY_SECONDS
    while time.monotonic() < end and not (
        len(found) >= 5 and tagged and len(ordered) >= 5 and len(times) >= 2
    ):
        time.sleep(0.05)
    time.sleep(0.4)  # one message too many would show
    report("push", sorted(found))
    report("push TagB", tagged)
    report("push orderly", sorted(ordered))
    report("retry", times)
    puller = PullConsumer("CG_CPP_PULL")
    puller.set_namesrv_addr(NAMESRV)
    puller.start()
    attempt("pull", lambda: sorted(shortened(one.body) for one in puller.pull(TOPIC)))
    report("done", [len(consumers), producer is not None])
    sys.stdout.flush()
    os._exit(0)  # its shutdown crashes now and then


main()
