"""Subscriptions, tag hashes and the tag test of the broker."""

import pytest

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASE_4_9, Release
from refimpl.model.subscription import (
    SubscriptionData,
    build_subscription_data,
    build_typed,
    is_tag_type,
    matches_tags_code,
    tags_code,
)
from tests import vectors
from tests.vectors import Vector


def described(data: SubscriptionData) -> dict[str, JsonValue]:
    tags: list[JsonValue] = [*sorted(data.tags_set, key=lambda tag: tag.encode("utf-16-be"))]
    codes: list[JsonValue] = [*sorted(data.code_set)]
    return {
        "topic": data.topic,
        "subString": data.sub_string,
        "tagsSet": tags,
        "codeSet": codes,
        "expressionType": data.expression_type,
        "classFilterMode": data.class_filter_mode,
    }


def test_tags_are_split_and_hashed() -> None:
    """BROKER-FILTER-1."""

    def built(_release: Release, vector: Vector) -> JsonValue:
        assert vector.input is None or isinstance(vector.input, str)
        return described(build_subscription_data("T", vector.input))

    assert vectors.mismatches("filter_build", built) == []


def test_only_separators_are_refused() -> None:
    """BROKER-FILTER-1."""
    with pytest.raises(InvalidInput) as caught:
        build_subscription_data("T", "||||")
    assert caught.value.reason == "subString split error"


def test_other_expression_types_are_not_looked_into() -> None:
    """BROKER-FILTER-2."""

    def built(_release: Release, vector: Vector) -> JsonValue:
        fields = vector.fields()
        sub_string, kind = fields["subString"], fields["type"]
        assert sub_string is None or isinstance(sub_string, str)
        assert kind is None or isinstance(kind, str)
        return described(build_typed("T", sub_string, kind))

    assert vectors.mismatches("filter_build_type", built) == []


@pytest.mark.parametrize(
    ("kind", "tag"), [(None, True), ("", True), ("TAG", True), ("tag", False), ("SQL92", False)]
)
def test_what_is_a_tag_type(kind: str | None, tag: bool) -> None:
    """BROKER-FILTER-3."""
    assert is_tag_type(kind) is tag


def test_tags_code() -> None:
    """BROKER-FILTER-4."""

    def coded(_release: Release, vector: Vector) -> JsonValue:
        assert vector.input is None or isinstance(vector.input, str)
        return dict.fromkeys(("SINGLE_TAG", "MULTI_TAG", "null"), tags_code(vector.input))

    assert vectors.mismatches("tags_code", coded) == []


def test_tag_filter() -> None:
    """BROKER-FILTER-5."""

    def matched(_release: Release, vector: Vector) -> JsonValue:
        fields = vector.fields()
        sub, code = fields["sub"], fields["tagsCode"]
        assert isinstance(sub, str)
        assert code is None or isinstance(code, int)
        absent = sub == "(no subscription)"
        return matches_tags_code(None if absent else build_subscription_data("T", sub), code)

    assert vectors.mismatches("tag_filter", matched) == []
    outcomes = {vector.output for vector in vectors.load(RELEASE_4_9, "tag_filter")}
    assert outcomes == {True, False}


def test_class_filter_mode_and_no_subscription_let_everything_through() -> None:
    """BROKER-FILTER-5."""
    assert matches_tags_code(None, 1)
    mode = SubscriptionData(topic="T", sub_string="A", class_filter_mode=True)
    assert matches_tags_code(mode, 1)
    assert not matches_tags_code(SubscriptionData(topic="T", sub_string="A"), 1)
