"""Cases as data: schema, matrices, templates, expectations."""

from pathlib import Path

import pytest

from conformance.case import BadCase, Case
from conformance.exchange import read_exchanges
from conformance.verdict import Verdict
from tests.conformance.fake_target import FakeTarget
from tests.conformance.scenarios import judge

SEND = """
cases:
  - id: BROKER-TRIAL-1/send
    title: A send
    rules: [BROKER-TRIAL-1]
    setup: {topics: {t: {queues: 2}}}
    request: {like: send, ext: {topic: "${t}", queueId: "${queue}"}, body: text}
    expect: {code: SUCCESS, ext: {queueId: "${queue}", queueOffset: 0, other: {is: absent}}}
    matrix: {queue: [0, 1]}
"""
REFUSED = """
cases:
  - id: BROKER-TRIAL-1/refused
    title: A refusal
    rules: [BROKER-TRIAL-1]
    setup: {topics: {t: {queues: 2}}}
    request: {like: send, ext: {topic: "${t}", queueId: 2}}
    expect: {code: 29, remark: {regex: "queueId.2. is"}}
    expect_by_release: {"4.9": {code: SYSTEM_ERROR}}
    unchanged: true
"""
CLOSED = """
cases:
  - id: BROKER-TRIAL-1/closed
    title: Bytes that are no frame
    rules: [BROKER-TRIAL-1]
    request: {raw_header: "{no json"}
    expect: {closed: true}
"""
JSON = """
cases:
  - id: BROKER-TRIAL-1/json
    title: A table
    rules: [BROKER-TRIAL-1]
    setup: {topics: {t: {queues: 2}}}
    request: {code: GET_ALL_TOPIC_CONFIG}
    expect: {body_json: {topicConfigTable: {"${t}": {readQueueNums: 2, perm: "absent:"}}}}
"""


def cases(tmp_path: Path, text: str) -> list[Case]:
    path = tmp_path / "trial.yaml"
    path.write_text(text, "utf-8")
    return read_exchanges(path)


@pytest.mark.parametrize("text", [SEND, REFUSED, CLOSED, JSON])
def test_a_right_target_passes(tmp_path: Path, text: str) -> None:
    results = judge(FakeTarget(), *cases(tmp_path, text)).cases
    assert [(r.verdict, r.message) for r in results] == [(Verdict.PASS, "")] * len(results)


@pytest.mark.parametrize(
    ("text", "good", "bad", "reason"),
    [
        (SEND, "queueOffset: 0", "queueOffset: 1", "field queueOffset is '0', expected '1'"),
        (SEND, "other: {is: absent}", "msgId: {is: absent}", "expected absent"),
        (REFUSED, "code: SYSTEM_ERROR", "code: SUCCESS", "expected 0 SUCCESS"),
        (REFUSED, "queueId.2. is", "queueId.3. is", "expected /queueId.3. is/"),
        (CLOSED, 'raw_header: "{no json"', "code: 9999", "still open"),
        (CLOSED, "closed: true", "code: SUCCESS", "closed instead of an answer"),
        (JSON, "readQueueNums: 2", "readQueueNums: 3", "readQueueNums: 2, expected 3"),
        (JSON, 'perm: "absent:"', 'topicName: "absent:"', "expected to be absent"),
    ],
)
def test_a_wrong_expectation_fails(
    tmp_path: Path, text: str, good: str, bad: str, reason: str
) -> None:
    assert good in text
    results = judge(FakeTarget(), *cases(tmp_path, text.replace(good, bad))).cases
    assert {r.verdict for r in results} <= {Verdict.FAIL}
    assert any(reason in r.message for r in results), [r.message for r in results]


def test_a_matrix_makes_cases_with_identifiers(tmp_path: Path) -> None:
    made = [c.identifier for c in cases(tmp_path, SEND)]
    assert made == ["BROKER-TRIAL-1/send/queue=0", "BROKER-TRIAL-1/send/queue=1"]
    named = SEND.replace("{queue: [0, 1]}", "[{as: first, queue: 0}, {as: last, queue: 1}]")
    made = [c.identifier for c in cases(tmp_path, named)]
    assert made == ["BROKER-TRIAL-1/send/first", "BROKER-TRIAL-1/send/last"]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("title: A send", "name: A send"),
        ("rules: [BROKER-TRIAL-1]", "rules: []"),
        ("{code: SUCCESS,", "{status: SUCCESS,"),
        ("like: send", "like: a dream"),
        ("{is: absent}", "{is: gone}"),
    ],
)
def test_data_that_does_not_fit_the_schema_is_refused(tmp_path: Path, good: str, bad: str) -> None:
    assert good in SEND
    with pytest.raises(BadCase, match=r"trial\.yaml"):
        cases(tmp_path, SEND.replace(good, bad, 1))
