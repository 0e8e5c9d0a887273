"""Flags against Java's answers (STORE-MESSAGE-13)."""

from collections.abc import Callable

from refimpl.model import sys_flag
from refimpl.model.ids import JsonValue
from refimpl.model.release import Release
from tests import vectors
from tests.vectors import Vector

ONE: dict[str, Callable[[int], JsonValue]] = {
    "msg.getTransactionValue": sys_flag.transaction_value,
    "msg.clearCompressedFlag": sys_flag.clear_compressed_flag,
    "pull.clearCommitOffsetFlag": sys_flag.clear_commit_offset_flag,
    "pull.hasCommitOffsetFlag": sys_flag.has_commit_offset_flag,
    "pull.hasSuspendFlag": sys_flag.has_suspend_flag,
    "pull.hasSubscriptionFlag": sys_flag.has_subscription_flag,
    "pull.hasClassFilterFlag": sys_flag.has_class_filter_flag,
    "pull.hasLitePullFlag": sys_flag.has_lite_pull_flag,
    "topic.clearUnitFlag": sys_flag.clear_unit_flag,
    "topic.hasUnitFlag": sys_flag.has_unit_flag,
    "topic.clearUnitSubFlag": sys_flag.clear_unit_sub_flag,
    "topic.hasUnitSubFlag": sys_flag.has_unit_sub_flag,
    "topic.setUnitFlag": sys_flag.set_unit_flag,
    "topic.setUnitSubFlag": sys_flag.set_unit_sub_flag,
    "perm.perm2String": sys_flag.perm_to_string,
    "perm.isReadable": sys_flag.is_readable,
    "perm.isWriteable": sys_flag.is_writeable,
    "perm.isInherited": sys_flag.is_inherited,
    "perm.isValid": sys_flag.is_valid_perm,
    "msg.getCompressionType": lambda flag: NAMES.get(sys_flag.compression_type(flag), UNKNOWN),
}
UNKNOWN: JsonValue = {"error": "RuntimeException"}
NAMES: dict[int, JsonValue] = {0: "ZLIB", 1: "LZ4", 2: "ZSTD", 3: "ZLIB"}
# Helpers of 5.5 for pop and for clients; nothing here uses them.
UNUSED = {
    "msg.check",
    "pull.clearSuspendFlag",
    "pull.buildSysFlagWithSubscription",
    "perm.isPriority",
    "perm.isAccessible",
}


def _build(bits: JsonValue) -> JsonValue:
    assert isinstance(bits, list)
    commit, suspend, subscription, class_filter, lite = (bool(bit) for bit in bits)

    def pull(lite_pull: bool) -> int:
        return sys_flag.build_pull_sys_flag(
            commit_offset=commit,
            suspend=suspend,
            subscription=subscription,
            class_filter=class_filter,
            lite_pull=lite_pull,
        )

    topic = sys_flag.build_topic_sys_flag(unit=commit, has_unit_sub=suspend)
    return {"pull4": pull(lite_pull=False), "pull5": pull(lite_pull=lite), "topic2": topic}


def test_flags() -> None:
    seen: set[str] = set()

    def flags(_release: Release, vector: Vector) -> JsonValue:
        if "build" in vector.fields():
            return _build(vector.fields()["build"])
        flag, kind = vector.fields()["flag"], vector.fields()["type"]
        assert isinstance(flag, int)
        assert isinstance(kind, int)
        answer: dict[str, JsonValue] = {}
        for name in vector.result():
            seen.add(name)
            if name in UNUSED:
                answer[name] = vector.result()[name]
            elif name == "msg.resetTransactionValue":
                answer[name] = sys_flag.reset_transaction_value(flag, kind)
            else:
                answer[name] = ONE[name](flag)
        return answer

    assert vectors.mismatches("sysflags", flags) == []
    assert len(seen) > 15


def test_building_sets_each_bit_once() -> None:
    none = {"commit_offset": False, "suspend": False, "subscription": False, "class_filter": False}
    bits = [sys_flag.build_pull_sys_flag(**{**none, name: True}) for name in none]
    assert [*bits, sys_flag.build_pull_sys_flag(**none, lite_pull=True)] == [1, 2, 4, 8, 16]
    assert sys_flag.build_topic_sys_flag(unit=True, has_unit_sub=False) == 1
    assert sys_flag.build_topic_sys_flag(unit=False, has_unit_sub=True) == 2
