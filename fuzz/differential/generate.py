"""From a seed and a number to a sequence: set-up, a dozen requests well- and ill-formed, questions.

Everything is drawn from one stream per sequence, so that a sequence is the same however many
others are played.
"""

from collections.abc import Callable

from conformance.frames import Frame, encode, encode_json_header, encode_parts
from conformance.target import Port
from fuzz.differential import values
from fuzz.differential.bodies import BODIES, CLIENTS, plain_heartbeat
from fuzz.differential.damage import damaged_frame, odd_header
from fuzz.differential.shapes import AREAS, SHAPES, Shape
from fuzz.differential.step import TOKEN, Sequence, Step
from fuzz.differential.values import chance, pick
from refimpl.model.ids import JsonValue
from refimpl.model.prng import Prng
from refimpl.remoting.command import SerializeType

BORN = "1700000000000"
_STEPS_MIN, _STEPS_SPAN = 6, 10
_SENDS = (10, 310)
_LONG_ADDRESSES = 0x30  # bits of a sysFlag: hosts of IPv6


def _one_of(*choices: str) -> Callable[[Prng], str]:
    return lambda dice: pick(dice, choices)


KINDS: dict[str, Callable[[Prng], str]] = {
    "topic": values.topic,
    "group": values.group,
    "new_topic": lambda dice: values.topic(dice) if chance(dice, 70) else f"T{TOKEN}n",
    "default": _one_of("TBW102", "TBW102", "TBW102", "TBW102", values.TOPICS[1], "nobody", ""),
    "queues": _one_of("4", "4", "2", "1", "8", "16", "0", "-1"),
    "queue": _one_of("0", "0", "0", "1", "1", "2", "3", "4", "7", "8", "100", "-1"),
    "send_flag": _one_of(*["0"] * 14, "1", "4", "8", "12", "2", "3", "64", "256"),
    "batch_flag": _one_of("0", "0", "0", "0", "0", "1", "4"),
    "pull_flag": _one_of(*["4"] * 8, "5", "1", "0", "6", "2", "3", "7", "12", "8", "15", "16", "20",
    "-1"),
    "born": _one_of(BORN, BORN, BORN, "0", "-1", "1"),
    "small": _one_of("0", "0", "0", "1", "2", "5", "-1"),
    "zero": _one_of("0", "0", "0", "1"),
    "broker_id": _one_of("0", "0", "0", "0", "1", "2", "-1"),
    "times": _one_of("0", "0", "1", "2", "3", "15", "16", "17", "-1"),
    "long": _one_of("120000", "3600000"),
    "bool": _one_of("true", "false"),
    "yes": _one_of("true", "true", "true", "true", "false"),
    "no": _one_of("false", "false", "false", "false", "true"),
    "properties": lambda dice: pick(dice, values.PROPERTIES) if chance(dice,
    70) else "KEYS\x01k1\x02",
    "reply_properties": _one_of(
        *["CLUSTER\x01DefaultCluster\x02REPLY_TO_CLIENT\x01c\x02CORRELATION_ID\x01i\x02"] * 2,
        f"REPLY_TO_CLIENT\x01{CLIENTS[0]}\x02CORRELATION_ID\x01i\x02MSG_TYPE\x01reply\x02",
        "",
        "REPLY_TO_CLIENT\x01\x02",
        "CLUSTER\x01x\x02",
    ),
    "offset": _one_of("0", "0", "0", "1", "1", "2", "3", "5", "100", "-1", "-5", "2147483648"),
    "count": _one_of("32", "32", "32", "1", "2", "0", "-1", "1000", "33"),
    "suspend": _one_of("0", "0", "15000", "20000", "-1"),
    "version": _one_of("0", "0", "1", "-1", "1700000000000"),
    "expression": lambda dice: pick(dice, values.EXPRESSIONS),
    "expression_type": _one_of("TAG", "TAG", "TAG", "SQL92", "SQL92", "", "X", "tag", "null"),
    "key": _one_of("k1", "k1", "k2", "", "AC10", "k", "K1", "k1 k2", "A"),
    "time": _one_of("0", "0", "-1", "1", "4102444800000", "9223372036854775807"),
    "time_end": _one_of("4102444800000", "4102444800000", "9223372036854775807", "0", "-1"),
    "reset_time": _one_of("0", "-1", "-1", "-2", "4102444800000"),
    "boundary": _one_of("LOWER", "UPPER", "lower", "upper", "X", ""),
    "level": _one_of("0", "1", "10", "18", "19", "-1", "3", "100"),
    "decision": _one_of("8", "8", "12", "0", "4", "1", "16"),
    "perm": _one_of("6", "6", "6", "4", "2", "0", "7", "8", "1", "15", "-1"),
    "filter_type": _one_of("SINGLE_TAG", "SINGLE_TAG", "SINGLE_TAG", "MULTI_TAG", "X",
    "single_tag"),
    "topic_flag": _one_of("0", "0", "0", "1", "2", "3", "-1"),
    "attributes": _one_of(
        *("+message.type=NORMAL", "+message.type=DELAY", "+message.type=X", "+queue.type=SimpleCQ"),
        *("-message.type", "a", "+a", "+a=b", "", "=", "+message.type=FIFO,+cleanup.policy=DELETE"),
        *("+message.type=TRANSACTION", "+reserve.time=1000", "+cleanup.policy=X"),
    ),
    "groups": _one_of(values.GROUPS[0], ",".join(values.GROUPS), "", ",", "x", " , ",
    values.UNKNOWN_GROUP),
    "topics": _one_of(values.TOPICS[0], ";".join(values.TOPICS), "", ";", ",".join(values.TOPICS)),
    "client": lambda dice: pick(dice, (*CLIENTS, "", "nobody", " ")),
    "text": lambda dice: pick(dice, (*["text"] * 8, *values.TEXTS)),
    "broker": _one_of(*[f"b{TOKEN}"] * 6, "nobody", "", " ", "é"),
    "cluster": _one_of(*[f"c{TOKEN}"] * 5, f"d{TOKEN}", "nobody", ""),
    "cluster_or_real": _one_of(f"c{TOKEN}", "DefaultCluster", "nobody", ""),
    "broker_addr": _one_of(*["127.0.0.1:1"] * 3, "127.0.0.1:2", "", "x"),
    "namespace": _one_of(f"n{TOKEN}", f"n{TOKEN}", f"m{TOKEN}", "ORDER_TOPIC_CONFIG", "", "é"),
    "kv_key": _one_of(f"k{TOKEN}", f"k{TOKEN}", f"T{TOKEN}a", f"l{TOKEN}", "\x01"),
    "stats_name": _one_of("TOPIC_PUT_NUMS", "TOPIC_PUT_SIZE", "GROUP_GET_NUMS", "BROKER_PUT_NUMS",
    "X", ""),
    "stats_key": _one_of(*values.TOPICS, f"{values.TOPICS[0]}@{values.GROUPS[0]}", "DefaultCluster",
    "x"),
}  # fmt: skip


_WHOLE_TABLE: dict[str, JsonValue] = {
    "topicSeq": "0",
    "groupSeq": "0",
    "maxTopicNum": "100000",
    "maxGroupNum": "100000",
}


class _Writer:
    """Steps of one sequence as they are drawn."""

    def __init__(self, dice: Prng) -> None:
        self.dice = dice
        self.steps: list[Step] = []
        self.sends: list[int] = []  # labels of sends that can be referred to

    def add(
        self,
        code: int,
        ext: dict[str, JsonValue] | None = None,
        body: bytes = b"",
        *,
        connection: str = "b1",
        port: Port = Port.BROKER,
        reads: bool = False,
    ) -> Step:
        """A step in order, as a client would send it."""
        step = Step(
            label=len(self.steps),
            port=port,
            connection=connection,
            code=code,
            ext=ext,
            body=body,
            reads=reads,
        )
        self.steps.append(step)
        return step

    # --- set-up

    def set_up(self) -> None:
        """Three topics, two groups, some messages, a consumer: each with a good chance."""
        dice = self.dice
        for name, queues in zip(values.TOPICS, ("4", "2", "1"), strict=True):
            if chance(dice, 90):
                perm = "6" if chance(dice, 92) else pick(dice, ("2", "4", "0"))
                order = "true" if chance(dice, 10) else "false"
                self.add(17, create_topic_ext(name, queues, perm, order))
        for name in values.GROUPS:
            if chance(dice, 80):
                group = f'{{"groupName":"{name}","consumeEnable":true,"retryQueueNums":1}}'
                self.add(200, body=group.encode())
        if chance(dice, 40):
            body = plain_heartbeat(CLIENTS[0], values.GROUPS[0], values.TOPICS[: 1 + dice.below(2)])
            self.add(34, body=body)
        for _ in range(dice.below(4)):
            ext = send_ext(pick(dice, values.TOPICS), "0", pick(dice, values.PROPERTIES[:6]))
            self.sends.append(self.add(10, ext, b"body").label)

    # --- requests

    def request(self, shape: Shape) -> None:
        """One request of this shape, mutated or not."""
        dice = self.dice
        ext: dict[str, JsonValue] = {}
        for entry in shape.fields.split():
            name, _, kind = entry.partition("=")
            if kind.endswith("?") and chance(dice, 55):
                continue
            ext[name] = self._value(kind.rstrip("?"))
        body = BODIES[shape.body](dice) if shape.body else b""
        notes: list[str] = []
        if ext and chance(dice, 45):
            notes.append(self._mutate(ext, shape))
            if chance(dice, 15):
                notes.append(self._mutate(ext, shape))
        elif not shape.body and chance(dice, 2):
            body = b"not asked for"
        self._only_one_queue(ext, shape)
        if shape.code == 103:
            for name in ("brokerName", "brokerAddr", "clusterName"):  # NAMESRV-LIFECYCLE-20
                ext[name] = ext.get(name) or f"b{TOKEN}"
        if shape.code == 100:  # NAMESRV-KV-2
            for name in ("namespace", "key"):
                ext[name] = ext.get(name) or f"k{TOKEN}"
        serialize = SerializeType.ROCKETMQ if chance(dice, 25) else SerializeType.JSON
        if serialize is SerializeType.ROCKETMQ:
            ext = {
                name: value if isinstance(value, str) else str(value) for name, value in ext.items()
            }
        oneway = chance(dice, 4)
        step = Step(
            label=len(self.steps),
            port=self._port(shape),
            connection=("n" if shape.port is Port.NAMESRV else "b") + pick(dice, "1112"),
            code=shape.code,
            ext=ext or ({} if chance(dice, 20) else None),
            body=body,
            serialize=serialize,
            oneway=oneway,
            version=pick(dice, (0, 36, 37, 400, 401, 500, -1)) if chance(dice, 5) else None,
            remark=pick(dice, ("", "remark", "é")) if chance(dice, 3) else None,
            reads=shape.reads and not oneway,
            holds=_holds(shape, ext),
            note=", ".join(notes),
        )
        self.steps.append(step)
        if shape.code in _SENDS and not notes:
            self.sends.append(step.label)

    def _port(self, shape: Shape) -> Port:
        roll = self.dice.below(100)
        if roll < 2:  # a code of the broker at the name server
            return Port.NAMESRV if shape.port is Port.BROKER else Port.BROKER
        if shape.port is Port.BROKER and roll < 6:
            return Port.FAST
        return shape.port

    def _value(self, kind: str) -> str:
        dice = self.dice
        if kind in ("physical", "offset_of_send", "message_id"):
            if not self.sends or chance(dice, 20):
                return pick(
                    dice,
                    ("0", "-1", "1", "99999999", "2147483648")
                    if kind != "message_id"
                    else ("", "x"),
                )
            label = pick(dice, self.sends)
            if kind == "message_id":
                return f"${label}.msgId;"
            if kind == "physical":
                return f"${label}.physical{pick(dice, ('', '', '', '', '+1', '-1'))};"
            return f"${label}.queueOffset;"
        return KINDS[kind](dice)

    def _mutate(self, ext: dict[str, JsonValue], shape: Shape) -> str:
        dice = self.dice
        if not ext or chance(dice, 5):
            name = pick(dice, ("zzz", "bname", "brokerName", "nsd", "ns", "lo", "oway", ""))
            ext[name] = pick(dice, values.TEXTS)
            return f"{name!r} added"
        name = pick(dice, tuple(ext))
        kinds = dict(entry.split("=") for entry in shape.fields.split())
        kind = kinds.get(name, "text").rstrip("?")
        roll = dice.below(100)
        if roll < 25:
            del ext[name]
            return f"{name} left out"
        if roll < 33:
            ext[name] = pick(dice, values.JSON_VALUES)
            return f"{name} as JSON value"
        if roll < 40:
            ext[name] = pick(dice, values.TEXTS)
        elif kind in ("topic", "group", "new_topic"):
            ext[name] = pick(dice, values.ODD_NAMES + values.SYSTEM_TOPICS + values.SYSTEM_GROUPS)
        elif kind in ("bool", "yes", "no"):
            ext[name] = pick(dice, values.BOOLEANS)
        elif kind in ("text", "properties", "expression", "key", "namespace", "kv_key", "client"):
            ext[name] = pick(dice, values.TEXTS)
        else:
            ext[name] = pick(dice, values.NUMBERS)
        return f"{name} odd"

    def _only_one_queue(self, ext: dict[str, JsonValue], shape: Shape) -> None:
        """A negative queue is drawn at random: only where there is one queue to draw."""
        if shape.code not in (10, 310, 320, 324, 325):
            return
        topic_name, queue_name, queues_name = ("topic", "queueId", "defaultTopicQueueNums")
        flag_name = "sysFlag"
        if shape.code in (310, 320, 325):
            topic_name, queue_name, queues_name, flag_name = "b", "e", "d", "f"
        self._no_long_addresses(ext, flag_name)
        if str(ext.get(queue_name, "")).strip().startswith("-"):
            name = ext.get(topic_name)
            if topic_name in ext and (name in values.TOPICS or TOKEN not in str(name)):
                ext[topic_name] = f"T{TOKEN}q"  # which nothing else makes
            ext[queues_name] = "1"

    def _no_long_addresses(self, ext: dict[str, JsonValue], name: str) -> None:
        """No bit that says how long addresses are: the release then loses all later messages.

        STORE-LOG-6 deviates; one such send would hide everything behind it from comparison.
        """
        try:
            number = int(str(ext.get(name)))
        except ValueError:
            return
        if number & _LONG_ADDRESSES and -(1 << 31) <= number < 1 << 31:
            ext[name] = str(number & ~_LONG_ADDRESSES)

    def damaged(self, shape: Shape) -> None:
        """The last step again, as a frame of bad bytes or with an odd header."""
        self.request(shape)
        step = self.steps.pop()
        label = step.label
        version = 407 if step.version is None else step.version
        frame = Frame(
            code=step.code,
            opaque=0x0FACE000 + label,
            version=version,
            ext=step.ext,
            body=step.body,
            serialize=step.serialize,
        )
        if step.serialize is SerializeType.JSON and chance(self.dice, 60):
            header, note = odd_header(self.dice, encode_json_header(frame))
            raw = encode_parts(header, step.body, SerializeType.JSON)
        else:
            raw, note = damaged_frame(self.dice, encode(frame))
        self.steps.append(
            Step(
                label=label,
                port=step.port,
                connection=step.connection,
                code=step.code,
                raw=raw,
                note=note,
            )
        )

    # --- questions

    def observe(self) -> None:
        """What the requests have left behind."""
        for name in values.TOPICS:
            self.add(105, {"topic": name}, port=Port.NAMESRV, connection="n1", reads=True)
            for queue in ("0", "1"):
                self.add(30, {"topic": name, "queueId": queue}, reads=True)
                self.add(11, pull_ext(name, queue), reads=True)
        for code in (21, 201, 43):
            self.add(code, {} if code == 43 else dict(_WHOLE_TABLE), reads=True)

    def observe_namesrv(self) -> None:
        """What the requests have left in the name server."""
        for code in (106, 206):
            self.add(code, port=Port.NAMESRV, connection="n1", reads=True)
        for name in (values.TOPICS[0], f"T{TOKEN}n"):
            self.add(105, {"topic": name}, port=Port.NAMESRV, connection="n1", reads=True)
        self.add(219, {"namespace": f"n{TOKEN}"}, port=Port.NAMESRV, connection="n1", reads=True)
        self.add(224, {"cluster": f"c{TOKEN}"}, port=Port.NAMESRV, connection="n1", reads=True)


def create_topic_ext(name: str, queues: str, perm: str, order: str) -> dict[str, JsonValue]:
    """CreateTopicRequestHeader."""
    return {
        "topic": name,
        "defaultTopic": "TBW102",
        "readQueueNums": queues,
        "writeQueueNums": queues,
        "perm": perm,
        "topicFilterType": "SINGLE_TAG",
        "topicSysFlag": "0",
        "order": order,
    }


def send_ext(topic: str, queue: str, properties: str) -> dict[str, JsonValue]:
    """SendMessageRequestHeader."""
    return {
        "producerGroup": "P",
        "topic": topic,
        "defaultTopic": "TBW102",
        "defaultTopicQueueNums": "4",
        "queueId": queue,
        "sysFlag": "0",
        "bornTimestamp": BORN,
        "flag": "0",
        "properties": properties,
        "reconsumeTimes": "0",
    }


def pull_ext(topic: str, queue: str) -> dict[str, JsonValue]:
    """PullMessageRequestHeader of a question that leaves nothing behind."""
    return {
        "consumerGroup": "TOOLS_CONSUMER",
        "topic": topic,
        "queueId": queue,
        "queueOffset": "0",
        "maxMsgNums": "32",
        "sysFlag": "4",
        "commitOffset": "0",
        "suspendTimeoutMillis": "0",
        "subscription": "*",
        "subVersion": "0",
    }


def _holds(shape: Shape, ext: dict[str, JsonValue]) -> bool:
    """A pull with the suspend flag may be answered when a message comes."""
    if shape.code not in (11, 361):
        return False
    text = str(ext.get("sysFlag", "0")).strip()
    return not text.lstrip("+-").isdecimal() or bool(int(text) & 2)


def generate(seed: int, number: int, area: str) -> Sequence:
    """The sequence `number` of `seed` in this area (a key of `AREAS`)."""
    dice = Prng(seed).fork(f"{area} {number}")
    writer = _Writer(dice)
    mix = AREAS[area]
    names = tuple(name for name, weight in mix.items() for _ in range(weight))
    main = area if area in ("namesrv", "frames") else pick(dice, names)
    if main != "namesrv" or chance(dice, 20):
        writer.set_up()
    for _ in range(_STEPS_MIN + dice.below(_STEPS_SPAN)):
        drawn = pick(dice, names) if chance(dice, 40) or main == "frames" else main
        shape = _shape(dice, drawn)
        if chance(dice, 70 if area == "frames" else 2):
            writer.damaged(shape)
        else:
            writer.request(shape)
    if main == "namesrv":
        writer.observe_namesrv()
    else:
        writer.observe()
    return Sequence(seed, number, area, tuple(writer.steps))


def _shape(dice: Prng, area: str) -> Shape:
    shapes = [shape for shape in SHAPES if shape.area == area for _ in range(shape.weight)]
    return pick(dice, shapes)
