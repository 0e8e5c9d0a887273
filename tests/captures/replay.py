"""A recording played against the reference: the same requests, in the same order, at the same time.

Connections are those of the recording, time is its time, ports are its ports. What the recording
dropped is made again from the driver's steps (`client_requests`). Physical offsets and the ids made
of them are translated where later requests refer to them: a record of ours may lie elsewhere, since
messages that the broker itself writes do not come in the same order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from refimpl.model.ids import Address, Millis, Opaque
from refimpl.model.message_codec import decode_records
from refimpl.model.message_id import create_message_id, decode_message_id
from refimpl.remoting import frame
from refimpl.remoting.body import java_json
from refimpl.remoting.command import RPC_ONEWAY, RemotingCommand, SerializeType
from refimpl.sim.cluster import Cluster
from refimpl.sim.world import Pipe
from tests.captures import client_requests as made
from tests.captures.comparison import RECORD_MAGIC, committed
from tests.captures.recording import Frame, Recording
from tests.captures.steps import place

INJECTED = 1_000_000_000  # opaques of what the recording dropped begin here
_SUBSCRIPTION_BIT = 4  # of a pull's sysFlag: it brings its subscription along
_TRANSACTION_BITS, _PREPARED = 12, 4  # of a message's sysFlag
_GROUP_INFO_NOT_EXIST = 24
_SUBSCRIPTION_NOT_LATEST = 25
_PATIENCE = 8_000  # a held pull is looked at every five seconds, by a clock of the broker's own
_KEPT = (
    "mappedFileSizeCommitLog",
    "mappedFileSizeConsumeQueue",
    "maxHashSlotNum",
    "maxIndexNum",
    "transactionTimeOut",
    "transactionCheckInterval",
    "enablePropertyFilter",
    "haListenPort",
    "osPageCacheBusyTimeOutMills",
    "waitTimeMillsInSendQueue",
)


class Exchange(NamedTuple):
    """A recorded frame of a server and ours in its place; None where none came."""

    recorded: Frame
    request: RemotingCommand  # of the client; for what the server asks, its own request
    ours: RemotingCommand | None


@dataclass(slots=True, eq=False)
class _Link:
    """One connection: its pipe, and what came and was not yet taken."""

    pipe: Pipe
    decoder: frame.FrameDecoder
    answers: dict[int, RemotingCommand]
    asked: list[RemotingCommand]


class Replay:
    """Plays one recording; `exchanges` yields what is to be compared."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.release = recording.release
        settings = recording.settings()
        self.cluster = Cluster(
            self.release,
            {name: settings[name] for name in _KEPT},
            namesrv_port=recording.namesrv_address().port,
            broker_port=recording.broker_address().port,
            serialize_type=recording.serialize_type,
        )
        self.offsets: dict[int, int] = {}  # recorded physical offset -> ours
        self.half_offsets: dict[int, int] = {}  # the same of half messages in their queue
        self._epoch = recording.epoch()
        self._links: dict[int | str, _Link] = {}
        self._requests: dict[int, RemotingCommand] = {}  # by recorded number
        self._asked_opaques: dict[tuple[int, int], int] = {}  # server's: recorded -> ours
        self._injected = INJECTED
        self._done_before = 0
        self._introduced: set[int] = set()  # connections whose client has sent a heartbeat
        self._versions: dict[int, dict[str, int]] = {}  # connection -> topic -> subVersion
        self._clients = dict(_clients(recording))
        self._stored = dict(_stored(recording))

    def exchanges(self) -> Iterator[Exchange]:
        """Play everything; frames of the broker's own connection are left to `Registration`."""
        world = self.cluster.world
        world.now = Millis(self.recording.boot())
        self.cluster.start()
        for one in self.recording.frames:
            if self.recording.links.get(one.conn) == "broker->namesrv":
                continue
            self._wait_for(one.t)
            self._say_dropped(one)
            self._introduce(one)
            if one.to_server and one.is_request:
                self._ask(one)
            elif one.to_server:
                self._answer(one)
            elif one.is_request:
                yield self._asked_of_client(one)
            elif one.request_n in self._requests:
                yield self._answered(one)
        self.cluster.shutdown()

    # --- time and connections

    def _wait_for(self, t: int) -> None:
        world = self.cluster.world
        world.run_until(lambda: False, max(0, self._epoch + t - world.now))

    def _link(self, key: int | str, address: Address | None = None) -> _Link:
        link = self._links.get(key)
        if link is None:
            if address is None:
                to_namesrv = self.recording.links[int(key)].endswith("namesrv")
                cluster = self.cluster
                address = cluster.namesrv_address if to_namesrv else cluster.broker_address
            pipe = self.cluster.world.connect(address)
            assert pipe is not None
            link = self._links[key] = _Link(pipe, frame.FrameDecoder(), {}, [])
        return link

    def _collect(self, link: _Link) -> None:
        while link.pipe.inbox:
            for data in link.decoder.feed(link.pipe.inbox.popleft()):
                command = frame.decode(data, self.release)
                if command.is_response:
                    link.answers[command.opaque] = command
                else:
                    link.asked.append(command)

    def _take_answer(self, link: _Link, opaque: int) -> RemotingCommand | None:
        def there() -> bool:
            self._collect(link)
            return opaque in link.answers

        self.cluster.world.run_until(there, _PATIENCE)
        return link.answers.pop(opaque, None)

    # --- recorded frames

    def _ask(self, one: Frame) -> None:
        self._requests[one.n] = one.command
        link = self._link(one.conn)
        if one.command.code in {208, 317}:
            self._commit_as_recorded(one)
        translated = self._translated(one.command)
        same = translated == one.command
        link.pipe.send(one.data if same else frame.encode(translated, self.release))
        self._settle()
        if one.command.body == made.REBALANCED:
            for message in made.AFTER_REBALANCE:
                self._send(one, message)

    def _settle(self) -> None:
        self.cluster.world.run_until(lambda: False, 0)

    def _answered(self, one: Frame) -> Exchange:
        assert one.request_n is not None
        request = self._requests[one.request_n]
        ours = self._take_answer(self._link(one.conn), one.command.opaque)
        if ours is not None:
            self._learn(request, one.command, ours)
            if request.code == 310 and _is_half(request):
                self._end_transaction(one.conn, request, ours)
        return Exchange(one, request, ours)

    def _end_transaction(
        self, conn: int, request: RemotingCommand, ours: RemotingCommand, *, checked: bool = False
    ) -> None:
        """What the client says behind a half message or a check of it, where that was dropped."""
        fields = ours.ext_fields or {}
        key = fields["transactionId"] if checked else made.unique_key(request)
        kept = [
            each.command.ext_fields or {}
            for each in self.recording.frames
            if each.is_request and each.command.code == 37
        ]
        said = str(checked).lower()
        if any((each["msgId"], each["fromTransactionCheck"]) == (key, said) for each in kept):
            return
        place = ("commitLogOffset", "tranStateTableOffset") if checked else ("msgId", "queueOffset")
        offset = fields[place[0]] if checked else str(decode_message_id(fields["msgId"]).offset)
        self._tell(
            conn,
            37,
            {
                "producerGroup": "PG_TX",
                "tranStateTableOffset": fields[place[1]],
                "commitLogOffset": offset,
                "commitOrRollback": made.COMMIT if checked else made.ENDS[request.body],
                "fromTransactionCheck": said,
                "msgId": key,
                "transactionId": key,
            },
        )

    def _asked_of_client(self, one: Frame) -> Exchange:
        link = self._link(one.conn)
        self._collect(link)
        if one.command.code == 40 and not link.asked:  # another member joins
            group = (one.command.ext_fields or {})["consumerGroup"]
            for consumer in made.CONSUMERS.values():
                if consumer.group == group:
                    self._join(consumer.instance)

        def there() -> bool:
            self._collect(link)
            return any(command.code == one.command.code for command in link.asked)

        self.cluster.world.run_until(there, _PATIENCE)
        asked = [each for each in link.asked if each.code == one.command.code]
        ours = asked[0 if one.command.code != 39 else -1] if asked else None  # the latest check
        if ours is not None:
            link.asked[: link.asked.index(ours) + 1] = []
            self._asked_opaques[one.conn, one.command.opaque] = ours.opaque
            self._learn(one.command, one.command, ours)
            if one.command.code == 39:
                self._end_transaction(one.conn, one.command, ours, checked=True)
        return Exchange(one, one.command, ours)

    def _answer(self, one: Frame) -> None:
        opaque = self._asked_opaques.get((one.conn, one.command.opaque))
        if opaque is not None:
            command = replace(one.command, opaque=Opaque(opaque))
            self._link(one.conn).pipe.send(frame.encode(command, self.release))
            self._settle()

    # --- offsets and ids

    def _learn(
        self, request: RemotingCommand, theirs: RemotingCommand, ours: RemotingCommand
    ) -> None:
        """Note which recorded record is which of ours."""
        their_fields, our_fields = theirs.ext_fields or {}, ours.ext_fields or {}
        if request.code in {310, 320, 325} and "msgId" in their_fields and "msgId" in our_fields:
            pairs = zip(
                their_fields["msgId"].split(","), our_fields["msgId"].split(","), strict=False
            )
            for their_id, our_id in pairs:
                offset = decode_message_id(their_id).offset
                self.offsets.setdefault(offset, decode_message_id(our_id).offset)
            their_queue, our_queue = their_fields["queueOffset"], our_fields["queueOffset"]
            if _is_half(request):
                self.half_offsets[int(their_queue)] = int(our_queue)
        if theirs.body[4:8] == ours.body[4:8] == RECORD_MAGIC:
            for their, our in zip(
                decode_records(theirs.body, release=self.release),
                decode_records(ours.body, release=self.release),
                strict=False,
            ):
                if (their.topic, their.queue_offset) == (our.topic, our.queue_offset):
                    self.offsets.setdefault(their.physical_offset, our.physical_offset)
        if request.code == 39:
            for name, table in (
                ("commitLogOffset", self.offsets),
                ("tranStateTableOffset", self.half_offsets),
            ):
                table[int(their_fields[name])] = int(our_fields[name])

    def our_id(self, recorded: str) -> str | None:
        """What our broker calls the record that the recorded id names; None where unknown."""
        theirs = decode_message_id(recorded)
        offset = self.offsets.get(theirs.offset)
        return None if offset is None else create_message_id(theirs.address, offset)

    def _translated(self, command: RemotingCommand) -> RemotingCommand:
        fields = dict(command.ext_fields or {})
        name = {33: "offset", 36: "offset", 37: "commitLogOffset"}.get(command.code)
        if name is not None:
            offset = int(fields[name])
            fields[name] = str(self.offsets.get(offset, offset))
        if command.code == 37:
            offset = int(fields["tranStateTableOffset"])
            fields["tranStateTableOffset"] = str(self.half_offsets.get(offset, offset))
        if command.code == 309:
            fields["msgId"] = self.our_id(fields["msgId"]) or fields["msgId"]
        if fields == (command.ext_fields or {}):
            return command
        return replace(command, ext_fields=fields)

    # --- what was dropped

    def _say(
        self,
        key: int | str,
        code: int,
        fields: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        wanted: int | None = 0,
    ) -> RemotingCommand:
        """Ask on a connection what the recording dropped; the answer must be `wanted`."""
        link = self._link(key, self.cluster.broker_address if isinstance(key, str) else None)
        self._injected += 1
        command = RemotingCommand(
            code=code,
            opaque=Opaque(self._injected),
            version=self.release.header_version,
            ext_fields=fields,
            body=body,
            serialize_type=SerializeType.JSON,
        )
        link.pipe.send(frame.encode(command, self.release))
        answer = self._take_answer(link, command.opaque)
        assert answer is not None, command
        assert wanted is None or answer.code == wanted, (command, answer)
        return answer

    def _tell(self, conn: int, code: int, fields: Mapping[str, str]) -> None:
        """The same for a one-way request."""
        self._injected += 1
        command = RemotingCommand(
            code=code, opaque=Opaque(self._injected), flag=RPC_ONEWAY, ext_fields=fields
        )
        self._link(conn).pipe.send(frame.encode(command, self.release))
        self._settle()

    def _say_dropped(self, one: Frame) -> None:
        """All that belongs to steps before the one of `one`."""
        if one.step is None:
            return
        now = place(one.step)
        while self._done_before < now:
            self._say_place(self._done_before)
            self._done_before += 1

    def _say_place(self, at: int) -> None:
        kept = [each.command for each in self.recording.frames if each.is_request]
        if at == place("admin.createTopic T"):
            there = {(each.ext_fields or {}).get("topic") for each in kept if each.code == 17}
            for topic in made.TOPICS:
                if topic not in there:
                    self._say("driver", 17, made.topic_fields(topic))
        elif at == place("admin.createSubscriptionGroup"):
            groups = [each for each in kept if each.code == 200]
            for group in made.GROUPS:
                if not any(f'"{group}"'.encode() in each.body for each in groups):
                    self._say(
                        "driver", 200, None, groups[0].body.replace(b"CG_CONC", group.encode())
                    )
        elif at == place("send.error-illegal-queue-id"):
            self._say("driver", 17, made.READ_ONLY_TOPIC)
        elif at == place("litepull.subscribe-poll"):
            self._join("CL")
        elif at == place("litepull.assign"):
            self._commit_everything()
            self._leave("CL")
            if self._shows(21, '"%RETRY%CG_ASSIGN"'):
                self._join("CA")
                self._leave("CA")
            else:  # it had no route when it began, so it sent no heartbeat
                self._say("127.0.0.1@CA", 11, made.ASSIGNED_PULL)
        elif at == place("pop.consumer") and self._shows(21, '"%RETRY%CG_POP"'):
            self._join("CPOP")
            self._leave("CPOP")
        elif at == place("shutdown.consumers"):
            for instance in made.CONSUMERS:
                self._leave(instance)
        elif at == place("consumer.orderly.second-member.shutdown"):
            self._leave("C2B")
        self._send_dropped(at)

    def _send_dropped(self, at: int) -> None:
        sends = {
            each.command.body: each
            for each in reversed(self.recording.frames)
            if each.is_request and each.command.code == 310
        }
        queues = {body: int((each.command.ext_fields or {})["e"]) for body, each in sends.items()}
        for step, messages in made.sendings(queues).items():
            if place(step) != at:
                continue
            for message in messages:
                if message.body not in sends:
                    self._send(sends[message.like], message)

    def _send(self, like: Frame, message: made.Sending) -> None:
        topic = (like.command.ext_fields or {})["b"]
        birth = self._stored.get((topic, message.queue, message.body))
        if birth is None:
            birth = made.Birth(self._epoch + like.t, f"{self._injected:032X}")
        fields = made.made_from(like.command, message, birth)
        self._say(like.conn, 310, fields, message.body)

    def _introduce(self, one: Frame) -> None:
        """Say the heartbeat of a client without which it would not be answered so, or asked."""
        client = self._clients.get(one.conn)
        gone = self._recorded_code(one) == {11: _GROUP_INFO_NOT_EXIST, 38: 1}.get(
            one.command.code, -1
        )
        if gone and one.is_request:  # the answer says that all members of the group had left
            for consumer in made.CONSUMERS.values():
                if consumer.group == (one.command.ext_fields or {})["consumerGroup"]:
                    self._leave(consumer.instance)
            return
        if client is None or one.command.is_response or one.command.code in {35, 46}:
            return
        if isinstance(client, made.Producer):
            if one.conn not in self._introduced:
                self._introduced.add(one.conn)
                self._say(one.conn, 34, None, made.producer_heartbeat(client))
            return
        versions = self._versions.setdefault(one.conn, {})
        if one.command.code == 34:
            self._introduced.add(one.conn)
            versions.update(made.versions_of(one.command.body))
            return
        wanted = dict.fromkeys(client.topics, self._epoch) | versions
        fields = one.command.ext_fields or {}
        pulls = one.command.code in {11, 361} and not int(fields["sysFlag"]) & _SUBSCRIPTION_BIT
        if pulls and fields["topic"] in wanted:
            older = self._recorded_code(one) == _SUBSCRIPTION_NOT_LATEST
            wanted[fields["topic"]] = int(fields["subVersion"]) - older
        if wanted != versions or one.conn not in self._introduced:
            self._introduced.add(one.conn)
            versions.update(wanted)
            self._say(one.conn, 34, None, made.heartbeat(client, wanted))

    def _shows(self, code: int, text: str) -> bool:
        """True where the recorded answer to a `code` has `text`: what was dropped had made it."""
        asked = {each.n for each in self.recording.frames if each.command.code == code}
        answers = [each for each in self.recording.frames if each.request_n in asked]
        return any(text.encode() in each.command.body for each in answers)

    def _commit_as_recorded(self, asked: Frame) -> None:
        """Commit the offsets that the recorded statistics show: clients had said them one-way."""
        answer = next(each for each in self.recording.frames if each.request_n == asked.n)
        body = java_json.parse(answer.command.body.decode(), self.release)
        fields = asked.command.ext_fields or {}
        for group, queue, offset in committed(body, fields.get("consumerGroup")):
            if not group.startswith("CID_RMQ_SYS"):  # the broker's own
                where = {"topic": str(queue["topic"]), "queueId": str(queue["queueId"])}
                if offset != "0" and self.release.server_side_reset_offset:
                    pull = {**made.ASSIGNED_PULL, **where, "consumerGroup": group}
                    self._say("driver", 11, pull, wanted=None)  # takes note of a reset
                self._say("driver", 15, {**where, "consumerGroup": group, "commitOffset": offset})

    def _recorded_code(self, asked: Frame) -> int | None:
        found = (each for each in self.recording.frames if each.request_n == asked.n)
        answer = next((each for each in found if each.conn == asked.conn), None)
        return None if answer is None else answer.command.code

    def _commit_everything(self) -> None:
        """Consumers whose offsets later requests read have consumed all, and committed it."""
        for group, topic in made.COMMITTED:
            self._commit(group, topic)

    def _commit(self, group: str, topic: str) -> None:
        retry = topic.startswith("%RETRY%")
        for queue in range(1 if retry else 4 if topic == "T_ORDER" else 2):
            where = {"topic": topic, "queueId": str(queue)}
            answer = self._say("driver", 30, where)
            offset = (answer.ext_fields or {})["offset"]
            self._say("driver", 15, {**where, "consumerGroup": group, "commitOffset": offset})

    def _join(self, instance: str) -> None:
        """The heartbeat of a consumer that no kept frame shows before."""
        consumer = made.CONSUMERS[instance]
        conn = self._conn_of(consumer)
        if conn is None or conn not in self._introduced:
            key = consumer.client_id if conn is None else conn
            versions = dict.fromkeys(consumer.topics, self._epoch)
            self._say(key, 34, None, made.heartbeat(consumer, versions))

    def _leave(self, instance: str) -> None:
        consumer = made.CONSUMERS[instance]
        conn = self._conn_of(consumer)
        fields = {"clientID": consumer.client_id, "consumerGroup": consumer.group}
        for key in (consumer.client_id, conn):
            if key in self._links:
                assert key is not None
                self._say(key, 35, fields)

    def _conn_of(self, consumer: made.Consumer) -> int | None:
        found = (conn for conn, client in self._clients.items() if client == consumer)
        return next(found, None)


def _is_half(request: RemotingCommand) -> bool:
    return int((request.ext_fields or {}).get("f", "0")) & _TRANSACTION_BITS == _PREPARED


def _clients(recording: Recording) -> Iterator[tuple[int, made.Consumer | made.Producer]]:
    """Which client opened a connection: by what it says of itself, or by its group and order."""
    consumers = dict(made.CONSUMERS)
    for conn in sorted(recording.links):
        if recording.links[conn] != "client->broker":
            continue
        of_client = [
            each.command
            for each in recording.frames
            if each.conn == conn and each.to_server and each.is_request
        ]
        groups = [(each.ext_fields or {}).get("a") for each in of_client if each.code in {310, 325}]
        if groups:
            yield conn, next(one for one in made.PRODUCERS if one.group == groups[0])
            continue
        for consumer in consumers.values():
            if any(_speaks(each, consumer) for each in of_client):
                del consumers[consumer.instance]
                yield conn, consumer
                break


def _speaks(command: RemotingCommand, consumer: made.Consumer) -> bool:
    if f'"{consumer.client_id}"'.encode() in command.body:
        return True
    asks = command.code in {11, 14, 38, 361}
    return asks and (command.ext_fields or {}).get("consumerGroup") == consumer.group


def _stored(recording: Recording) -> Iterator[tuple[tuple[str, int, bytes], made.Birth]]:
    """Birth and unique key of dropped messages that some recorded answer shows."""
    for one in recording.frames:
        if one.to_server or one.command.body[4:8] != RECORD_MAGIC:
            continue
        for record in decode_records(one.command.body, release=recording.release):
            key = (str(record.topic), int(record.queue_id), record.body)
            yield key, made.Birth(record.born_timestamp, record.properties["UNIQ_KEY"])
