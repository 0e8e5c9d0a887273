"""What every send passes before a message is built: the gate in the order of Java.

Java 4.9.7: broker/processor/AbstractSendMessageProcessor#msgCheck, SendMessageProcessor#preSend.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from refimpl.broker.java_text import suggest_todo, topic_config_text
from refimpl.broker.processor_threw import ProcessorThrew, null_pointer
from refimpl.model.calendar import readable
from refimpl.model.config import Config
from refimpl.model.ids import Address, Millis
from refimpl.model.message_property import PROPERTY_MSG_REGION, PROPERTY_TRACE_SWITCH
from refimpl.model.release import Release
from refimpl.model.sys_flag import PERM_READ, PERM_WRITE, build_topic_sys_flag, is_writeable
from refimpl.model.topic_config import TopicConfig
from refimpl.model.topic_validator import (
    RETRY_GROUP_TOPIC_PREFIX,
    is_not_allowed_send_topic,
    validate_topic,
)
from refimpl.remoting.command import RPC_TYPE, RemotingCommand
from refimpl.remoting.errors import HeaderRefused
from refimpl.remoting.header import decode_fields, decode_header, wire_fields
from refimpl.remoting.header.send import SendMessageRequestHeader, SendMessageRequestHeaderV2
from refimpl.remoting.response_code import ResponseCode

if TYPE_CHECKING:
    from refimpl.broker.context import BrokerContext

RANDOM_BOUND = 99_999_999  # ThreadLocalRandom.nextInt(99999999) % n


class SendSettings:
    """What the send path asks of the configuration, read once per configuration value."""

    __slots__ = (
        "accept_from",
        "broker_ip",
        "broker_permission",
        "cluster",
        "config",
        "max_message_size",
        "region_fields",
        "region_id",
        "reject_transaction",
        "trace_on",
        "valid_topics",
        "writeable",
    )

    def __init__(self, config: Config) -> None:
        self.config = config
        self.accept_from = config.integer("startAcceptSendRequestTimeStamp")
        self.broker_ip = config.text("brokerIP1")
        self.broker_permission = config.integer("brokerPermission")
        self.writeable = is_writeable(self.broker_permission)
        self.cluster = config.text("brokerClusterName")
        self.max_message_size = config.integer("maxMessageSize")
        self.reject_transaction = config.boolean("rejectTransactionMessage")
        self.region_id = config.text("regionId")
        self.trace_on = "true" if config.boolean("traceOn") else "false"
        self.region_fields = {
            PROPERTY_MSG_REGION: self.region_id,
            PROPERTY_TRACE_SWITCH: self.trace_on,
        }
        self.valid_topics: dict[str, None] = {}  # names that passed the checks of names


def send_settings(ctx: "BrokerContext") -> SendSettings:
    """The settings of the present configuration."""
    settings = ctx.send_settings
    if settings is None or settings.config is not ctx.config:
        settings = ctx.send_settings = SendSettings(ctx.config)
    return settings


class SendRequest(NamedTuple):
    """A send request whichever of the two headers it came with."""

    producer_group: str | None
    topic: str
    default_topic: str | None
    default_topic_queue_nums: int | None
    queue_id: int
    sys_flag: int
    born_timestamp: int
    flag: int
    properties: str | None
    reconsume_times: int | None
    unit_mode: bool
    max_reconsume_times: int | None
    batch: bool
    missing: frozenset[str] = frozenset()  # fields that are null in Java; here they are 0 or ""


_EARLY = frozenset({"topic", "born_timestamp"})


def parse_request_header(
    command: RemotingCommand, release: Release, *, short: bool, early: frozenset[str] = _EARLY
) -> SendRequest:
    """Read the header; `short` is the form with one-letter names. Raises `HeaderRefused`.

    A field that is missing refuses nothing yet: Java meets its null at the first step that uses it,
    and what an earlier step refuses or makes stays so; 5.5 uses those of `early` before its checks.
    BROKER-SEND-33.
    """
    try:
        return _decode(command, release, short=short)
    except HeaderRefused as error:
        if error.value is not None or error.field not in _PLACEHOLDERS:
            raise
    fields = command.ext_fields or {}
    table = wire_fields(SendMessageRequestHeaderV2 if short else SendMessageRequestHeader)
    present = decode_fields(
        SendMessageRequestHeaderV2 if short else SendMessageRequestHeader, fields, release
    )
    absent = [f.wire for f in table if f.required and f.attribute not in present]
    filled = {**fields, **{wire: _PLACEHOLDERS[wire][1] for wire in absent}}
    header = _decode(replace(command, ext_fields=filled), release, short=short)
    missing = frozenset(_PLACEHOLDERS[wire][0] for wire in absent)
    if release.stores_region_and_trace and missing & early:
        raise null_pointer()
    return header._replace(missing=missing)


# Wire name -> our attribute and what stands for its null until somebody asks.
_PLACEHOLDERS = {
    "topic": ("topic", ""),
    "queueId": ("queue_id", "0"),
    "sysFlag": ("sys_flag", "0"),
    "bornTimestamp": ("born_timestamp", "0"),
    "flag": ("flag", "0"),
    "b": ("topic", ""),
    "e": ("queue_id", "0"),
    "f": ("sys_flag", "0"),
    "g": ("born_timestamp", "0"),
    "h": ("flag", "0"),
}


def _decode(command: RemotingCommand, release: Release, *, short: bool) -> SendRequest:
    if short:
        v2 = decode_header(SendMessageRequestHeaderV2, command.ext_fields, release)
        return SendRequest(
            v2.a, v2.b, v2.c, v2.d, v2.e, v2.f, v2.g, v2.h, v2.i, v2.j, v2.k, v2.l, v2.m
        )
    v1 = decode_header(SendMessageRequestHeader, command.ext_fields, release)
    return SendRequest(
        v1.producer_group,
        v1.topic,
        v1.default_topic,
        v1.default_topic_queue_nums,
        v1.queue_id,
        v1.sys_flag,
        v1.born_timestamp,
        v1.flag,
        v1.properties,
        v1.reconsume_times,
        v1.unit_mode,
        v1.max_reconsume_times,
        v1.batch,
    )


class Refusal(NamedTuple):
    """Why a send is refused."""

    code: int
    remark: str | None


def check_start(settings: SendSettings, now: Millis) -> Refusal | None:
    """Nothing is accepted before `startAcceptSendRequestTimeStamp`. BROKER-SEND-2."""
    if now < settings.accept_from:
        until = readable(settings.accept_from)
        return Refusal(ResponseCode.SYSTEM_ERROR, f"broker unable to service, until {until}")
    return None


def check_message(
    ctx: "BrokerContext", settings: SendSettings, header: SendRequest, peer: Address, now: Millis
) -> TopicConfig | Refusal:
    """The topic of a send that may go on, made where it is missing; else why not.

    BROKER-SEND-3, BROKER-SEND-4, BROKER-SEND-5, BROKER-SEND-6, BROKER-SEND-7, BROKER-SEND-8,
    BROKER-SEND-9, in this order. The topic's own permission is not asked: BROKER-SEND-32.
    """
    topic = header.topic
    manager = ctx.topic_config_manager
    config = manager.topic_config_table.get(topic)
    if not settings.writeable and config is not None and config.order:
        return Refusal(
            ResponseCode.NO_PERMISSION,
            f"the broker[{settings.broker_ip}] sending message is forbidden",
        )
    if topic not in settings.valid_topics:
        refusal = _check_name(ctx.release, topic)
        if refusal is not None:
            return refusal
        if config is not None:
            settings.valid_topics[topic] = None
    if config is None:
        config = _create_topic(ctx, header, now)
        if config is None:
            return Refusal(
                ResponseCode.TOPIC_NOT_EXIST,
                f"topic[{topic}] not exist, apply first please!" + suggest_todo(ctx.release),
            )
    if "queue_id" in header.missing:
        raise null_pointer()
    if header.queue_id >= max(config.write_queue_nums, config.read_queue_nums):
        return Refusal(
            ctx.release.illegal_queue_id_code,
            f"request queueId[{header.queue_id}] is illegal, "
            f"{topic_config_text(config, ctx.release)} Producer: {peer}",
        )
    return config


def _check_name(release: Release, topic: str) -> Refusal | None:
    remark = validate_topic(topic, release)
    if remark is not None:
        return Refusal(release.illegal_topic_code, remark)
    if is_not_allowed_send_topic(topic, release):
        return Refusal(
            ResponseCode.NO_PERMISSION, f"Sending message to topic[{topic}] is forbidden."
        )
    return None


def _create_topic(ctx: "BrokerContext", header: SendRequest, now: Millis) -> TopicConfig | None:
    retry = header.topic.startswith(RETRY_GROUP_TOPIC_PREFIX)
    sys_flag = build_topic_sys_flag(unit=not retry, has_unit_sub=retry) if header.unit_mode else 0
    if header.default_topic is None or header.default_topic_queue_nums is None:
        raise null_pointer()
    manager = ctx.topic_config_manager
    config = manager.create_topic_in_send_message_method(
        header.topic, header.default_topic, header.default_topic_queue_nums, sys_flag, now
    )
    if config is None and retry:
        config = manager.create_topic_in_send_message_back_method(
            header.topic, 1, PERM_WRITE | PERM_READ, sys_flag, now
        )
    return config


def random_queue_id(ctx: "BrokerContext", queue_nums: int) -> int:
    """A queue for a sender that names none. BROKER-SEND-10."""
    if queue_nums == 0:
        raise ProcessorThrew("java.lang.ArithmeticException", "/ by zero")
    drawn = ctx.prng.below(RANDOM_BOUND)
    return drawn % queue_nums if queue_nums > 0 else drawn % -queue_nums


def answer(
    ctx: "BrokerContext",
    settings: SendSettings,
    command: RemotingCommand,
    code: int,
    remark: str | None,
) -> RemotingCommand:
    """An answer without a send header: only the two fields of region and trace. BROKER-SEND-1."""
    return RemotingCommand(
        code=code,
        opaque=command.opaque,
        flag=RPC_TYPE,
        version=ctx.release.header_version,
        remark=remark,
        ext_fields=dict(settings.region_fields),
        serialize_type=command.serialize_type,
    )
