"""One sequence on two targets in lockstep: every request to the left, then to the right."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from conformance.frames import Frame, encode
from conformance.target import Port, Target
from fuzz.differential.client import Outcome, Peer
from fuzz.differential.compare import Difference, differences, normal, normal_all
from fuzz.differential.normalise import Scene
from fuzz.differential.step import REFERENCE, TOKEN, Sequence, Step, token_of
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES
from refimpl.remoting.command import RPC_ONEWAY

_ANSWER_MS = 700  # where the other side answered; the reference answers at once or never
_SILENCE_MS = 250  # where the other side was silent
_HELD_MS = 40
_ONEWAY_MS = 25
AGREE_MS = 1500  # how long two answers to a question may take to become equal
_VISIBLE_MS = 1500
_OPAQUE_STRIDE = 1000
_HEART_BEAT = 34
_GROUP_NAME = re.compile(rb'"groupName":("[^"]*"|null)')
_BEHIND_ANSWER = frozenset({104, 324, 325})  # departures in batches, replies that are stored
_SENDS = frozenset({10, 310, 320})
_CREATES = frozenset({17, 200, 215, 207, 37, 36})
LATE = -1  # the label of what came unasked


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One request whose answers differ (`step` None: what came unasked)."""

    step: Step | None
    left: JsonValue
    right: JsonValue
    differences: tuple[Difference, ...]


class Stage:
    """Two started targets; plays get tokens of their own."""

    def __init__(self, left: Target, right: Target) -> None:
        self.left = left
        self.right = right
        self.plays = 0
        self.requests = 0
        self.agree_ms = AGREE_MS

    def play(self, sequence: Sequence, *, stop_early: bool = False) -> list[Mismatch]:
        """All mismatches of one play; the first alone where `stop_early`."""
        self.plays += 1
        with _peers(self.left, self.right) as (left, right):
            return _Play(left, right, token_of(self.plays), self).run(
                sequence, stop_early=stop_early
            )


@contextmanager
def _peers(left: Target, right: Target) -> Iterator[tuple["_Side", "_Side"]]:
    sides = _Side(left), _Side(right)
    try:
        yield sides
    finally:
        for side in sides:
            side.peer.close()
            side.control.close()


class _Side:
    """One target within one play."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.peer = Peer(target)
        self.control = Peer(target)
        self.fields: dict[int, Mapping[str, str]] = {}  # label -> fields of its answer
        self.ports = _ports(target)
        self.control_opaque = 0
        self.resolved: set[str] = set()  # physical offsets that were put into requests

    def scene(self, step: Step, token: str) -> Scene:
        """What the rules may know of a request on this side."""
        return Scene(step, token, self.ports, frozenset(self.resolved))

    def control_ask(self, code: int, ext: Mapping[str, JsonValue]) -> Outcome:
        """A question of the harness itself."""
        self.control_opaque += 1
        frame = Frame(code=code, opaque=self.control_opaque, version=407, ext=ext)
        return self.control.ask(Port.BROKER, "c", encode(frame), frame.opaque, _ANSWER_MS)


def _taken_in_part(step: Step, outcome: Outcome) -> bool:
    """Was a heartbeat of several groups refused, or did it have one group twice?

    Java takes them in the order of identity hashes: which came before the one that threw, and
    which of the same name came last, is chance.
    """
    if step.code != _HEART_BEAT or step.body.count(b"subscriptionDataSet") <= 1:
        return False
    names = _GROUP_NAME.findall(step.body.partition(b"consumerDataSet")[2])
    return len(set(names)) < len(names) or any(frame.code for frame in outcome.frames)


def _ports(target: Target) -> Mapping[int, str]:
    ports: dict[int, str] = {}
    for port in Port:
        address = target.address(port)
        if address is not None:
            ports[address.port] = port.value
            if port is Port.BROKER:
                ports[address.port + 1] = "ha"
    return ports


class _Play:
    def __init__(self, left: _Side, right: _Side, token: str, stage: Stage) -> None:
        self._left = left
        self._right = right
        self._token = token
        self._stage = stage
        self._attempts = 0
        self._by_chance = False  # what is behind the last request depends on chance
        self._version = RELEASES[left.target.release].header_version

    def run(self, sequence: Sequence, *, stop_early: bool) -> list[Mismatch]:
        found: list[Mismatch] = []
        for step in sequence.steps:
            mismatch = self._step(step)
            if mismatch is not None:
                found.append(mismatch)
                if stop_early:
                    return found
            if self._by_chance:
                return found
        late = self._late()
        return found if late is None else [*found, late]

    def _step(self, step: Step) -> Mismatch | None:
        self._stage.requests += 1
        patience = self._stage.agree_ms if step.reads else 0
        while True:
            left = self._ask(self._left, step, _HELD_MS if step.holds else _ANSWER_MS)
            silent = not left.frames and not left.closed
            right = self._ask(self._right, step, _SILENCE_MS if silent else _ANSWER_MS * 5)
            trees = (
                normal(left, self._left.scene(step, self._token)),
                normal(right, self._right.scene(step, self._token)),
            )
            found = differences(*trees)
            if not found or patience <= 0:
                break
            self._left.target.pause(50)
            self._right.target.pause(50)
            patience -= 50
        for side, outcome in ((self._left, left), (self._right, right)):
            self._remember(side, step, outcome)
            self._settle(side, step, outcome)
        self._by_chance = _taken_in_part(step, left)
        return Mismatch(step, *trees, tuple(found)) if found else None

    def _ask(self, side: _Side, step: Step, timeout_ms: int) -> Outcome:
        self._attempts += 1
        if step.raw is not None:
            raw = step.raw.replace(TOKEN.encode(), self._token.encode())
            outcome = side.peer.ask(step.port, step.connection, raw, None, timeout_ms)
            if not outcome.frames and not outcome.closed:
                side.peer.hang_up(step.port, step.connection)  # it may wait for more bytes
            return outcome
        opaque = step.label + _OPAQUE_STRIDE * (self._attempts // 2)
        frame = self._frame(side, step, opaque)
        if step.oneway:
            timeout_ms = _ONEWAY_MS
        outcome = side.peer.ask(step.port, step.connection, encode(frame), opaque, timeout_ms)
        outcome.frames = [replace(one, opaque=step.label) for one in outcome.frames]
        return outcome

    def _frame(self, side: _Side, step: Step, opaque: int) -> Frame:
        ext = None
        if step.ext is not None:
            ext = {
                self._text(side, name): self._value(side, value) for name, value in step.ext.items()
            }
        return Frame(
            code=step.code,
            opaque=opaque,
            flag=RPC_ONEWAY if step.oneway else 0,
            version=self._version if step.version is None else step.version,
            remark=step.remark,
            ext=ext,
            body=step.body.replace(TOKEN.encode(), self._token.encode()),
            serialize=step.serialize,
        )

    def _value(self, side: _Side, value: JsonValue) -> JsonValue:
        return self._text(side, value) if isinstance(value, str) else value

    def _text(self, side: _Side, text: str) -> str:
        if "$" in text:
            text = REFERENCE.sub(lambda match: _referred(side, match), text)
        return text.replace(TOKEN, self._token)

    def _remember(self, side: _Side, step: Step, outcome: Outcome) -> None:
        for frame in outcome.frames:
            fields = {
                name: value for name, value in (frame.ext or {}).items() if isinstance(value, str)
            }
            message_id = fields.get("msgId", "")
            if len(message_id) == 32:
                fields["physical"] = str(int(message_id[16:], 16))
            side.fields[step.label] = fields

    def _settle(self, side: _Side, step: Step, outcome: Outcome) -> None:
        """Wait until what was acknowledged is visible: dispatch has its own time."""
        if step.oneway or (step.holds and not outcome.frames):
            side.target.pause(_ONEWAY_MS)
        if step.code in _CREATES and side.target.release == "4.6":
            side.target.pause(10)  # it answers before it updates its table
        if step.code in _BEHIND_ANSWER:
            side.target.pause(_ONEWAY_MS)
        if step.code not in _SENDS or not outcome.frames or outcome.frames[0].code != 0:
            return
        fields = side.fields.get(step.label, {})
        if "queueOffset" not in fields or step.ext is None:
            return
        v2 = step.code != 10
        topic = step.ext.get("b" if v2 else "topic")
        properties = str(step.ext.get("i" if v2 else "properties"))
        if "DELAY\x01" in properties or "TRAN_MSG\x01" in properties or topic is None:
            side.target.pause(5)
            return
        count = fields.get("msgId", "").count(",") + 1
        ext: dict[str, JsonValue] = {
            "topic": self._value(side, topic),
            "queueId": fields["queueId"],
        }
        waited = 0
        while waited < _VISIBLE_MS:
            answer = side.control_ask(30, ext)
            offset = str((answer.frames[0].ext or {}).get("offset", "0")) if answer.frames else "0"
            if int(offset) >= int(fields["queueOffset"]) + count:
                return
            side.target.pause(3)
            waited += 3 if waited < 30 else 50

    def _late(self) -> Mismatch | None:
        """Answers and requests that came unasked; waits a little for the slower side."""
        step = Step(label=LATE, port=Port.BROKER, connection="", code=0)
        lefts: list[tuple[str, Frame]] = []
        rights: list[tuple[str, Frame]] = []
        patience = 600
        while True:
            lefts += self._left.peer.collect(20)
            rights += self._right.peer.collect(20)
            left = self._unasked(self._left, step, lefts)
            right = self._unasked(self._right, step, rights)
            found = differences(left, right)
            if not found or patience <= 0:
                break
            patience -= 40
        return Mismatch(None, left, right, tuple(found)) if found else None

    def _unasked(self, side: _Side, step: Step, late: list[tuple[str, Frame]]) -> JsonValue:
        frames = [
            (name, replace(frame, opaque=frame.opaque % _OPAQUE_STRIDE if frame.is_response else 0))
            for name, frame in (*late, *side.peer.requests)
        ]
        return normal_all(frames, side.scene(step, self._token))


def _referred(side: _Side, match: re.Match[str]) -> str:
    """The value that an earlier answer gave on this side; "0" where there was none."""
    label, name, change = match.groups()
    value = side.fields.get(int(label), {}).get(name, "0")
    if change and value.lstrip("-").isdecimal():
        value = str(int(value) + int(change))
    if name == "physical" and len(value) > 2:
        side.resolved.add(value)
    return value
