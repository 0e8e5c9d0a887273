"""JSON headers that are no UTF-8, as a running 5.5.0 took or refused them."""

import pytest

from refimpl.model.release import RELEASE_4_9, RELEASE_5_5
from refimpl.remoting import json_header
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.errors import FrameRefused

HEADER = (
    b'{"code":38,"flag":0,"language":"JAVA","opaque":7,"serializeTypeCurrentRPC":"JSON",'
    b'"version":0,"extFields":{"consumerGroup":"GZabc"},"remark":"r"}'
)
GROUP, FLAG, LANGUAGE, REMARK = b'"GZabc"', b'"flag"', b'"JAVA"', b'"remark":"r"'
KEY, LONG_NAME = b"consumerGroup", b'CurrentRPC"'

TAKEN = [
    *((GROUP, b'"G\xc3A"'), (GROUP, b'"G\xe4AA"'), (GROUP, b'"G\xf0AAAA"'), (GROUP, b'"\xdfA"')),
    *((FLAG, b'"fl\xc3g"'), (FLAG, b'"\xc2lag"'), (FLAG, b'"fl\xc3\xa4g"')),
    *((b'"language"', b'"languag\xc3e"'), (b'"extFields"', b'"ext\xc3ields"')),
    *((KEY, b"cons\xc3umer"), (KEY, b"c\xf0umer"), (KEY, b"c\xe4ab")),
    *((REMARK, b'"unknown":"r\xff"'), (REMARK, b'"u":{"\xff":"a"}'), (REMARK, b'"u":["\xff"]')),
    *((REMARK, b'"unknown":"r\xe4\xb8"'), (LANGUAGE, b'"J\xc3VA"'), (LONG_NAME, b'C\xc0\x80"')),
]
REFUSED = [
    *((GROUP, b'"G\xa3"'), (GROUP, b'"G\xff"'), (GROUP, b'"G\xc3"'), (GROUP, b'"G\xf8AAAA"')),
    *((FLAG, b'"fl\xc4g"'), (FLAG, b'"\xe4lag"'), (FLAG, b'"f\xf0lag"'), (FLAG, b'"fl\xffg"')),
    *((b'"language"', b'"langua\xc3geX"'), (LONG_NAME, b'CurrentRP\xa3"')),
    *((LONG_NAME, b'C\xc3A"'), (LONG_NAME, b'C\xf0\x9f\x98\x80"'), (LONG_NAME, b'C\xe4AA"')),
    *((KEY, b"c\xf8umer"), (KEY, b"consumerGrou\xc3"), (REMARK, b'"remark":{"a":"\xff"}')),
    *((LANGUAGE, b'"J\xe4VA"'), (LANGUAGE, b'"J\xc4VA"'), (REMARK, b'"remark"\xa3:"r"')),
    *((REMARK, b'"unknown":\xa3'), (REMARK, b'\xa3"remark":"r"'), (REMARK, b'"unk\xffown":"r"')),
]


def decoded(old: bytes, new: bytes) -> RemotingCommand:
    assert old in HEADER
    return json_header.decode(HEADER.replace(old, new), b"", RELEASE_5_5)


@pytest.mark.parametrize(("old", "new"), TAKEN)
def test_bytes_that_are_taken(old: bytes, new: bytes) -> None:
    """REMOTING-HEADER-23."""
    command = decoded(old, new)
    assert (command.code, command.opaque) == (38, 7)


@pytest.mark.parametrize(("old", "new"), REFUSED)
def test_bytes_that_are_refused(old: bytes, new: bytes) -> None:
    """REMOTING-HEADER-23: the connection is closed; 4.x puts U+FFFD in their place."""
    with pytest.raises(FrameRefused):
        decoded(old, new)


def test_what_was_passed_over_belongs_to_the_text() -> None:
    """REMOTING-HEADER-23: also a quotation mark, and its bytes are read as Java reads UTF-8."""
    assert decoded(GROUP, b'"G\xe4AA"').ext_fields == {"consumerGroup": "G\ufffdAA"}
    assert decoded(GROUP, b'"G\xc3"x"').ext_fields == {"consumerGroup": 'G\ufffd"x'}


def test_older_releases_replace() -> None:
    """REMOTING-HEADER-23."""
    command = json_header.decode(HEADER.replace(GROUP, b'"G\xff"'), b"", RELEASE_4_9)
    assert command.ext_fields == {"consumerGroup": "G\ufffd"}
