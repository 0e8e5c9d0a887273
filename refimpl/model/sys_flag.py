"""Bits: of a stored message, of a pull request, of a topic, and permissions.

Java: common/sysflag/MessageSysFlag, PullSysFlag, TopicSysFlag, common/constant/PermName.
The functions take and give the i32 of the wire; unknown bits pass through unchanged
(STORE-MESSAGE-13).
"""

# --- message
COMPRESSED_FLAG = 1
MULTI_TAGS_FLAG = 1 << 1
TRANSACTION_NOT_TYPE = 0
TRANSACTION_PREPARED_TYPE = 1 << 2
TRANSACTION_COMMIT_TYPE = 2 << 2
TRANSACTION_ROLLBACK_TYPE = 3 << 2  # both bits: also the mask
BORNHOST_V6_FLAG = 1 << 4
STOREHOSTADDRESS_V6_FLAG = 1 << 5
NEED_UNWRAP_FLAG = 1 << 6
INNER_BATCH_FLAG = 1 << 7
COMPRESSION_LZ4_TYPE = 1 << 8
COMPRESSION_ZSTD_TYPE = 2 << 8
COMPRESSION_ZLIB_TYPE = 3 << 8
COMPRESSION_TYPE_COMPARATOR = 7 << 8


def transaction_value(flag: int) -> int:
    """Which of the four transaction types `flag` holds."""
    return flag & TRANSACTION_ROLLBACK_TYPE


def reset_transaction_value(flag: int, transaction_type: int) -> int:
    """`flag` with another transaction type, or-ed in unmasked as in Java."""
    return flag & ~TRANSACTION_ROLLBACK_TYPE | transaction_type


def clear_compressed_flag(flag: int) -> int:
    """`flag` of a body that has been unpacked; the compression type stays."""
    return flag & ~COMPRESSED_FLAG


def compression_type(flag: int) -> int:
    """1 LZ4, 2 ZSTD, 3 ZLIB, 0 ZLIB of a release without types; 4 to 7 are unknown."""
    return (flag & COMPRESSION_TYPE_COMPARATOR) >> 8


# --- pull
FLAG_COMMIT_OFFSET = 1
FLAG_SUSPEND = 1 << 1
FLAG_SUBSCRIPTION = 1 << 2
FLAG_CLASS_FILTER = 1 << 3
FLAG_LITE_PULL_MESSAGE = 1 << 4


def build_pull_sys_flag(
    *,
    commit_offset: bool,
    suspend: bool,
    subscription: bool,
    class_filter: bool,
    lite_pull: bool = False,
) -> int:
    """`sysFlag` of a pull request."""
    return (
        commit_offset * FLAG_COMMIT_OFFSET
        | suspend * FLAG_SUSPEND
        | subscription * FLAG_SUBSCRIPTION
        | class_filter * FLAG_CLASS_FILTER
        | lite_pull * FLAG_LITE_PULL_MESSAGE
    )


def clear_commit_offset_flag(flag: int) -> int:
    """A pull that a slave serves must not commit an offset there."""
    return flag & ~FLAG_COMMIT_OFFSET


def has_commit_offset_flag(flag: int) -> bool:
    """The request carries an offset to commit."""
    return flag & FLAG_COMMIT_OFFSET != 0


def has_suspend_flag(flag: int) -> bool:
    """The broker may hold the request until a message arrives."""
    return flag & FLAG_SUSPEND != 0


def has_subscription_flag(flag: int) -> bool:
    """The request carries its own subscription."""
    return flag & FLAG_SUBSCRIPTION != 0


def has_class_filter_flag(flag: int) -> bool:
    """The subscription is a class that a filter server runs."""
    return flag & FLAG_CLASS_FILTER != 0


def has_lite_pull_flag(flag: int) -> bool:
    """The request comes from a lite pull consumer."""
    return flag & FLAG_LITE_PULL_MESSAGE != 0


# --- topic
FLAG_UNIT = 1
FLAG_UNIT_SUB = 1 << 1


def build_topic_sys_flag(*, unit: bool, has_unit_sub: bool) -> int:
    """`topicSysFlag` of a topic configuration."""
    return unit * FLAG_UNIT | has_unit_sub * FLAG_UNIT_SUB


def set_unit_flag(flag: int) -> int:
    """`flag` with the unit bit."""
    return flag | FLAG_UNIT


def clear_unit_flag(flag: int) -> int:
    """`flag` without the unit bit."""
    return flag & ~FLAG_UNIT


def has_unit_flag(flag: int) -> bool:
    """The topic belongs to a unit."""
    return flag & FLAG_UNIT != 0


def set_unit_sub_flag(flag: int) -> int:
    """`flag` with the bit of a subscription across units."""
    return flag | FLAG_UNIT_SUB


def clear_unit_sub_flag(flag: int) -> int:
    """`flag` without the bit of a subscription across units."""
    return flag & ~FLAG_UNIT_SUB


def has_unit_sub_flag(flag: int) -> bool:
    """The topic is subscribed across units."""
    return flag & FLAG_UNIT_SUB != 0


# --- permission of a topic or broker
PERM_INHERIT = 1
PERM_WRITE = 1 << 1
PERM_READ = 1 << 2
PERM_PRIORITY = 1 << 3


def perm_to_string(perm: int) -> str:
    """`RWX` with `-` for each bit that is not there."""
    letters = ((PERM_READ, "R"), (PERM_WRITE, "W"), (PERM_INHERIT, "X"))
    return "".join(letter if perm & bit else "-" for bit, letter in letters)


def is_readable(perm: int) -> bool:
    """Consumers may pull."""
    return perm & PERM_READ != 0


def is_writeable(perm: int) -> bool:
    """Producers may send."""
    return perm & PERM_WRITE != 0


def is_inherited(perm: int) -> bool:
    """New topics may be made after this one."""
    return perm & PERM_INHERIT != 0


def is_valid_perm(perm: int) -> bool:
    """A permission that administration accepts: no bit above the three, not negative."""
    return 0 <= perm < PERM_PRIORITY
