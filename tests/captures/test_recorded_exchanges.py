"""The reference answers as the recorded Apache of the same release did.

Every kept answer (and every request of the broker to a client) of the six recordings is compared:
code, flag, language, version, remark, codec, fields, and the body as what it means. What may differ
stands in `normalisations.TABLE`, what cannot be compared in `INCOMPARABLE`; both are counted here,
so that neither can grow unseen.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import pytest

from refimpl.model.ids import Opaque
from refimpl.remoting.command import RemotingCommand, SerializeType
from tests.captures import recording, registration
from tests.captures.comparison import Difference, differences, tree
from tests.captures.normalisations import INCOMPARABLE, TABLE, explanation, incomparable
from tests.captures.recording import NAMES, load
from tests.captures.replay import Exchange, Replay

# Exchanges compared and not comparable; answers whose request was dropped are in neither.
COUNTS = {
    "java-client-4.6.1-on-4.6.1-json": (151, {}),
    "java-client-4.6.1-on-4.6.1-rocketmq": (178, {}),
    "java-client-4.9.7-on-4.9.7-json": (147, {}),
    "java-client-4.9.7-on-4.9.7-rocketmq": (172, {}),
    "java-client-5.5.0-on-5.5.0-json": (110, {"pop": 5, "check of an ended transaction": 2}),
    "java-client-5.5.0-on-5.5.0-rocketmq": (123, {"pop": 3}),
}


class Outcome(NamedTuple):
    """What came of one replay."""

    replay: Replay
    compared: list[Exchange]
    skipped: Counter[str]
    explained: Counter[str]
    wrong: list[str]


def _found(exchange: Exchange, replay: Replay) -> Iterator[Difference]:
    code, release = exchange.request.code, replay.release
    theirs, ours = exchange.recorded.command, exchange.ours
    if ours is None:
        yield Difference("", theirs.code, None)
        return
    found = list(differences(tree(theirs, code, release), tree(ours, code, release)))
    yield from found
    same_body = not any(one.path.startswith("body") for one in found)
    if same_body and sorted(theirs.body) != sorted(ours.body):  # sorted: order of a hash table
        yield Difference("bytes of the body", theirs.body.decode("latin-1"), ours.body.hex())


@cache
def outcome(name: str) -> Outcome:
    """Replay a recording once for all tests."""
    replay = Replay(load(name))
    result = Outcome(replay, [], Counter(), Counter(), [])
    for exchange in replay.exchanges():
        rule = incomparable(exchange, replay)
        if rule is not None:
            result.skipped[rule] += 1
            continue
        result.compared.append(exchange)
        for one in _found(exchange, replay):
            why = explanation(one, exchange, replay)
            if why is None:
                frame = exchange.recorded
                result.wrong.append(f"{frame.n} {exchange.request.code} {frame.step}: {one}")
            else:
                result.explained[why] += 1
    return result


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_of_apache(name: str) -> None:
    """BROKER-ADMIN-58, BROKER-ADMIN-59, BROKER-ADMIN-60, BROKER-ADMIN-61, BROKER-ADMIN-62,
    BROKER-CONFIG-11, BROKER-SEND-18, BROKER-SEND-34."""
    result = outcome(name)
    print(f"{name}: {len(result.compared)} compared")  # noqa: T201 - what -rP is for
    print(f"not comparable {dict(result.skipped)}")  # noqa: T201 - the same
    print(f"normalised {dict(result.explained)}")  # noqa: T201 - the same
    assert not result.wrong, "\n".join(result.wrong)
    assert (len(result.compared), dict(result.skipped)) == COUNTS[name]


def test_every_recording_is_counted() -> None:
    assert sorted(COUNTS) == NAMES
    assert sum(compared for compared, _ in COUNTS.values()) > 850


def test_no_normalisation_is_idle() -> None:
    """A field that never differs needs no excuse; neither does an exchange."""
    used = Counter[str]()
    skipped = Counter[str]()
    for name in NAMES:
        used.update(outcome(name).explained)
        skipped.update(outcome(name).skipped)
    assert sorted(used) == sorted({one.name for one in TABLE})
    assert sorted(skipped) == sorted({one.name for one in INCOMPARABLE})
    assert all(one.reason for one in (*TABLE, *INCOMPARABLE))


def _spoilt(command: RemotingCommand) -> Iterator[RemotingCommand]:
    fields = dict(command.ext_fields or {})
    yield replace(command, code=command.code + 1)
    yield replace(command, remark=f"Indeed {command.remark}")
    yield replace(command, version=0)
    yield replace(command, flag=command.flag ^ 2)
    yield replace(command, ext_fields={**fields, "surplus": "1"})
    for key in fields:
        yield replace(command, ext_fields={name: v for name, v in fields.items() if name != key})
    other = {SerializeType.JSON: SerializeType.ROCKETMQ, SerializeType.ROCKETMQ: SerializeType.JSON}
    assert command.serialize_type is not None
    yield replace(command, serialize_type=other[command.serialize_type])
    yield replace(command, body=b"" if command.body else b"{}")


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_seen(name: str) -> None:
    """The comparison can fail: every single change of an answer is an unexplained difference."""
    result = outcome(name)
    changed = 0
    for exchange in result.compared[::7]:
        assert exchange.ours is not None
        for spoilt in _spoilt(exchange.ours):
            wrong = exchange._replace(ours=spoilt)
            found = list(_found(wrong, result.replay))
            reasons = [explanation(one, wrong, result.replay) for one in found]
            assert None in reasons, (exchange.recorded.n, spoilt)
            changed += 1
    assert changed > 100
    assert exchange.recorded.n  # and without a change there is none
    missing = exchange._replace(ours=None)
    assert [one.path for one in _found(missing, result.replay)] == [""]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_server_answers_a_recorded_broker(name: str) -> None:
    release = load(name).release
    answered = list(registration.exchanges(load(name)))
    assert len(answered) >= 2
    for exchange in answered:
        assert exchange.ours is not None
        code = exchange.request.code
        theirs = tree(exchange.recorded.command, code, release)
        assert tree(exchange.ours, code, release) == theirs
        assert exchange.ours.opaque != Opaque(-1)


def test_the_recorded_start_is_before_the_first_message() -> None:
    for name in recording.NAMES:
        assert load(name).boot() < load(name).epoch() + load(name).frames[-1].t
