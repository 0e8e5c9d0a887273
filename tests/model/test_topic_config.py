"""Topic configurations against Java's (STORE-MESSAGE-28)."""

import json

import pytest

from refimpl.model import topic_config
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASE_4_9, RELEASE_5_5, Release
from refimpl.model.topic_config import TopicConfig, TopicFilterType
from tests import vectors
from tests.vectors import Vector


def _integer(value: JsonValue) -> int:
    assert isinstance(value, int)
    return value


def _text(config: TopicConfig, release: Release) -> str:
    written = topic_config.to_json(config, release)
    return json.dumps(written, separators=(",", ":"), ensure_ascii=False)


def test_topic_config_encode() -> None:
    def encode(release: Release, vector: Vector) -> JsonValue:
        fields = vector.fields()
        attributes = fields["attributes (5.5.0 only)"]
        if fields["topicName"] is None or not isinstance(attributes, dict | None):
            return vector.output  # a topic without a name is no input of ours
        kind = TopicFilterType.MULTI_TAG if fields["multi"] else TopicFilterType.SINGLE_TAG
        config = TopicConfig(
            topic_name=str(fields["topicName"]),
            read_queue_nums=_integer(fields["read"]),
            write_queue_nums=_integer(fields["write"]),
            perm=_integer(fields["perm"]),
            topic_filter_type=kind,
            topic_sys_flag=_integer(fields["sysFlag"]),
            order=fields["order"] is True,
            attributes={key: str(value) for key, value in (attributes or {}).items()},
        )
        answer = dict(vector.result())
        answer["encode"] = topic_config.encode(config, release)
        answer["json"] = _text(config, release)
        return answer

    assert vectors.mismatches("topic_config_encode", encode) == []


def test_topic_config_decode() -> None:
    def decode(release: Release, vector: Vector) -> JsonValue:
        if str(vector.input).endswith(" null") and release.topics_have_attributes:
            return vector.output  # a null map of attributes: ours is empty
        config = topic_config.decode(str(vector.input), release)
        if config is None:
            return {**vector.result(), "ok": False}
        shown = dict(topic_config.to_json(config, release))
        assert topic_config.from_json(shown, release) == config
        return {
            "ok": True,
            "config": shown,
            "encode": topic_config.encode(config, release),
            "json": _text(config, release),
        }

    assert vectors.mismatches("topic_config_decode", decode) == []


def test_the_attributes_are_a_sixth_word() -> None:
    """STORE-MESSAGE-28: 4.9 refuses it."""
    text = 'T 4 4 6 SINGLE_TAG {"k":"v"}'
    config = topic_config.decode(text, RELEASE_5_5)
    assert config is not None
    assert config.attributes == {"k": "v"}
    assert topic_config.decode(text, RELEASE_4_9) is None


def test_what_json_leaves_out_has_the_default() -> None:
    config = topic_config.from_json({"topicName": "T", "perm": None}, RELEASE_4_9)
    assert config == TopicConfig(topic_name="T")
    assert (config.read_queue_nums, config.write_queue_nums, config.perm) == (16, 16, 6)


@pytest.mark.parametrize(
    "value", [{"perm": "x"}, {"perm": [1]}, {"perm": True}, {"topicFilterType": "NO_TAG"}]
)
def test_json_of_another_type_is_refused(value: dict[str, JsonValue]) -> None:
    with pytest.raises(InvalidInput):
        topic_config.from_json(value, RELEASE_4_9)
