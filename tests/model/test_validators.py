"""A client's own checks against Java's.

STORE-MESSAGE-21, STORE-MESSAGE-23, STORE-MESSAGE-24, STORE-MESSAGE-25.
"""

from collections.abc import Callable

import pytest

from refimpl.model import validators
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.release import Release
from refimpl.model.validators import ClientRefused
from tests import vectors
from tests.vectors import Vector


def _name(vector: Vector) -> str | None:
    assert isinstance(vector.input, str | None)
    return vector.input


def _message(release: Release, vector: Vector) -> None:
    if vector.input is None:
        raise ClientRefused("message", "", "the message is null", 13)  # no message, no call of ours
    fields = vector.fields()
    topic, length, limit = fields["topic"], fields["bodyLen"], fields["maxMessageSize"]
    dispatch = fields.get("INNER_MULTI_DISPATCH")
    assert isinstance(topic, str | None)
    assert isinstance(length, int)
    assert isinstance(limit, int)
    assert isinstance(dispatch, str | None)
    body = None if length < 0 else length
    validators.check_message(topic, body, limit, release, dispatch)


def _perm(vector: Vector) -> int:
    perm = vector.fields()["perm"]
    assert isinstance(perm, int)
    return perm


def _system(release: Release, vector: Vector) -> None:
    if vector.input is None:
        raise InvalidInput("topic", "", "null is no input of ours; Java throws")
    validators.check_system_topic(str(vector.input), release)


CHECKS: dict[str, tuple[tuple[str, ...], Callable[[Release, Vector], None]]] = {
    "validators_group": ((), lambda r, v: validators.check_group(_name(v), r)),
    "validators_topic": ((), lambda r, v: validators.check_topic(_name(v), r)),
    "validators_message": ((), _message),
    "validators_system_topic": (("4.9", "5.5"), _system),
    "validators_not_allowed_send_topic": (
        ("4.9", "5.5"),
        lambda r, v: validators.check_not_allowed_send_topic(_name(v), r),
    ),
    "validators_topic_config": (("5.5",), lambda _, v: validators.check_topic_config(_perm(v))),
    "validators_broker_config": (("5.5",), lambda _, v: validators.check_broker_config(_name(v))),
}


@pytest.mark.parametrize("name", CHECKS)
def test_client_checks(name: str) -> None:
    """The code and the text of every refusal are compared too."""
    releases, check = CHECKS[name]

    def checked(release: Release, vector: Vector) -> JsonValue:
        if vector.message is None:
            check(release, vector)
            return "ok"
        with pytest.raises(ClientRefused) as refused:
            check(release, vector)
        assert (refused.value.code, refused.value.remark) == (vector.code, vector.message), vector
        raise refused.value

    assert vectors.mismatches(name, checked, *releases) == []
