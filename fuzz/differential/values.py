"""Values of fields, ordinary and odd, by what the field means to Java."""

from collections.abc import Sequence
from typing import TypeVar

from fuzz.differential.step import TOKEN
from refimpl.model.ids import JsonValue
from refimpl.model.prng import Prng

T = TypeVar("T")

TOPICS = (f"T{TOKEN}a", f"T{TOKEN}b", f"T{TOKEN}c")  # 4 queues, 2 queues, 1 queue
UNKNOWN_TOPIC = f"T{TOKEN}u"
GROUPS = (f"G{TOKEN}a", f"G{TOKEN}b")
UNKNOWN_GROUP = f"G{TOKEN}u"
SYSTEM_TOPICS = (
    *("TBW102", "SELF_TEST_TOPIC", "BenchmarkTest", "DefaultCluster", "broker-a"),
    *("OFFSET_MOVED_EVENT", "SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC"),
    *("RMQ_SYS_TRACE_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC", "DefaultCluster_REPLY_TOPIC"),
    *("TRANS_CHECK_MAX_TIME_TOPIC", "RMQ_SYS_OTHER", "rmq_sys_wheel_timer", "%SYS%x"),
)
SYSTEM_GROUPS = (
    *("TOOLS_CONSUMER", "FILTERSRV_CONSUMER", "SELF_TEST_C_GROUP", "SELF_TEST_P_GROUP"),
    *("CID_ONSAPI_OWNER", "CID_ONSAPI_PERMISSION", "CID_ONS-HTTP-PROXY", "CID_RMQ_SYS_x"),
    *("DEFAULT_CONSUMER", "DEFAULT_PRODUCER", "__MONITOR_CONSUMER", "CLIENT_INNER_PRODUCER"),
)


def padded(prefix: str, length: int) -> str:
    """A name of exactly this many characters that belongs to the play."""
    return (prefix + TOKEN).ljust(length, "x")


ODD_NAMES = (
    "", " ", "  \t", "\u3000", f" T{TOKEN}a", f"T{TOKEN}a ", f"T{TOKEN}a\x00", f"T{TOKEN}\x01b",
    f"T{TOKEN}\x02b", f"T{TOKEN}\nb", f"T{TOKEN}.b", f"T{TOKEN}/b", f"T{TOKEN}@b",
    f"T{TOKEN}@G{TOKEN}",
    f"T{TOKEN}#b", f"T{TOKEN}:b", f"T{TOKEN}=b", f"T{TOKEN}*", f"T{TOKEN}é",
    f"T{TOKEN}中",
    f"T{TOKEN}\U0001f600", f"-{TOKEN}", f"_{TOKEN}|%", f"%{TOKEN}", "*", "null", "..", "%",
    "%RETRY%",
    "%DLQ%", f"%RETRY%G{TOKEN}a", f"%DLQ%G{TOKEN}a", f"%RETRY%G{TOKEN}u", f"%DLQ%G{TOKEN}u",
    f"%RETRY%%RETRY%G{TOKEN}a", f"%retry%G{TOKEN}a", f"MQ_INST_{TOKEN}%T{TOKEN}a",
    f"%RETRY%MQ_INST_{TOKEN}%G{TOKEN}a", f"rmq_sys_{TOKEN}", f"RMQ_SYS_{TOKEN}", f"%SYS%{TOKEN}",
    *(padded("T", length) for length in (63, 64, 120, 126, 127, 128, 129, 254, 255, 256, 300)),
    *(padded("%RETRY%G", length) for length in (127, 128, 255, 256)),
    "中" * 42 + TOKEN, "é" * 60 + TOKEN,
)  # fmt: skip
NUMBERS = (
    "", " ", "abc", "-1", "-2", "0", "1", "2", "3", "5", "16", "17", "100", "+5", "-0", "+", "-",
    " 5", "5 ", "5.0", "0x1", "5L", "1e3", "007", "00000000000000000000005", "\u0661\u0662",
    "\uff11\uff12",
    "127", "128", "255", "256", "32767", "32768", "65535", "65536", "2147483647", "2147483648",
    "-2147483648", "-2147483649", "4294967296", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "-9223372036854775809", "99999999999999999999", "null", "true", "NaN",
)  # fmt: skip
BOOLEANS = (
    "",
    " ",
    "TRUE",
    "True",
    "tRuE",
    "FALSE",
    "1",
    "0",
    "yes",
    "true ",
    " true",
    "null",
    "t",
)
TEXTS = (
    "", " ", "*", "null", "a", "A||B", "a\x01b\x02", "\x01", "\x02", "\x01\x02", "{}", "[]", "0",
    "é中\U0001f600", "\x00", "a;b", "a:b", "a,b,,c", "x" * 300, "%", "%s", "\n", '"', "\\",
)  # fmt: skip
_OBJECT: dict[str, JsonValue] = {"a": 1}
_ARRAY: list[JsonValue] = [1, "b"]
_ATOMS: tuple[JsonValue, ...] = (0, 1, -1, 5, 1 << 31, (1 << 63) - 1, 1.5, True, False, None)
JSON_VALUES: tuple[JsonValue, ...] = (*_ATOMS, {}, [], _OBJECT, _ARRAY)
PROPERTIES = (
    "", "KEYS\x01k1\x02", "TAGS\x01A\x02", "TAGS\x01B\x02KEYS\x01k1 k2\x02", "a\x011\x02",
    "a\x011\x02b\x01x\x02TAGS\x01A\x02", "WAIT\x01true\x02", "WAIT\x01false\x02", "DELAY\x0110\x02",
    "DELAY\x0118\x02", "DELAY\x0199\x02", "DELAY\x010\x02", "DELAY\x01-1\x02", "DELAY\x01x\x02",
    "UNIQ_KEY\x01AC1000020001\x02", "UNIQ_KEY\x01\x02", "TAGS\x01\x02", "KEYS\x01\x02", "a\x01",
    "a", "\x01",
    "\x02", "\x02\x02", "a\x01b", "a\x01b\x01c\x02", "a\x01b\x02a\x01c\x02", "\x01b\x02",
    "a\x01\x02b\x012\x02",
    "TRAN_MSG\x01false\x02", "TRAN_MSG\x01TRUE\x02x\x01y\x02DELAY\x0110\x02",
    "KEYS\x01" + "k" * 300 + "\x02", "TAGS\x01é\x02", "INNER_NUM\x012\x02", "CLUSTER\x01x\x02",
    "MSG_REGION\x01r\x02", "TRACE_ON\x01false\x02", "RETRY_TOPIC\x01T\x02",
    "REAL_TOPIC\x01T\x02REAL_QID\x013\x02",
    "p\x01" + "v" * 32700 + "\x02", "p\x01" + "v" * 32764 + "\x02", "p\x01" + "v" * 32765 + "\x02",
    "p\x01" + "v" * 40000 + "\x02", "MIN_OFFSET\x010\x02", "ORIGIN_MESSAGE_ID\x01abc\x02",
    "__SHARDINGKEY\x01s\x02", "BUYER_ID\x011\x02", "UNIQ_KEY\x01\x01\x02",
    "INNER_MULTI_DISPATCH\x01%LMQ%x\x02",
)  # fmt: skip
EXPRESSIONS = (
    "*", "*", "*", "A", "A || B", "A||B", "", " ", "||", "A||", "| |", "*||A", "a > 0", "a = 1",
    "a IS NOT NULL AND b = 'x'", "a >", "TRUE", "a between 1 and 2", "null", "é", "TAGS = 'A'",
)  # fmt: skip
BODIES = (
    b"body", b"", b"x", b"\x00", b"x" * 4096, b"x" * 65535, b"x" * 65536, b"x" * 65537, b"\xff\xfe",
    "中".encode(), b"x" * 5000, b"x" * 200000,
)  # fmt: skip


def pick(dice: Prng, values: Sequence[T]) -> T:
    """One of them."""
    return values[dice.below(len(values))]


def chance(dice: Prng, percent: int) -> bool:
    """True in so many of a hundred."""
    return dice.below(100) < percent


def topic(dice: Prng) -> str:
    """Mostly a topic that the setup has made."""
    roll = dice.below(100)
    if roll < 78:
        return pick(dice, TOPICS)
    if roll < 84:
        return UNKNOWN_TOPIC
    if roll < 88:
        return pick(dice, ("%RETRY%", "%DLQ%")) + pick(dice, GROUPS)
    return pick(dice, SYSTEM_TOPICS if roll < 94 else ODD_NAMES)


def group(dice: Prng) -> str:
    """Mostly a group that the setup has made."""
    roll = dice.below(100)
    if roll < 80:
        return pick(dice, GROUPS)
    if roll < 90:
        return UNKNOWN_GROUP
    return pick(dice, SYSTEM_GROUPS if roll < 94 else ODD_NAMES)
