"""The comparison itself: it masks what differs from run to run, and sees everything else."""

import json
from pathlib import Path

import pytest

from refimpl.model.ids import JsonValue
from refimpl.model.release import RELEASES
from tests.peers import outcome
from tests.peers.deviations import client_deviations, mqadmin_deviations
from tests.peers.driven import CLIENTS, Combination
from tests.peers.mqadmin_lines import lines
from tests.peers.outcome import Step, differences, mask, masked, parse, unexplained

NAMES = [
    Combination(client, release, "JSON").recording for client in CLIENTS for release in RELEASES
]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("stored at 1795418780537", "stored at MILLIS"),
        ("id C00002026BE44E0E2F2A73B1FD1D0002", "id ID"),
        ("to <127.0.0.1:4711> by 127.0.0.1:10", "to <NAMESRV> by CLIENT"),
        ("2026-11-23 07:31:17,250", "TIME"),
        ("within 4177(ms)", "within n ms"),
        (1795418780537, "MILLIS"),
        (4, 4),
        (True, True),
        (None, None),
        ("T_SEND/broker-a/0", "T_SEND/broker-a/0"),
    ],
)
def test_what_differs_from_run_to_run_is_masked(raw: JsonValue, shown: JsonValue) -> None:
    assert mask(raw, {"127.0.0.1:4711": "NAMESRV"}) == shown


def test_an_absent_value_still_differs_from_a_masked_one() -> None:
    assert mask({"consumeTps": 0.5}, {}) == {"consumeTps": "-"}
    assert mask({}, {}) != mask({"consumeTps": 0.5}, {})


def test_hash_tables_have_no_order_and_empty_statistics_no_place() -> None:
    one: JsonValue = {
        "consumeStatsList": [{"consumeTps": 1.0, "offsetTable": {}}, {"B": 1}, {"A": 2}]
    }
    other: JsonValue = {"consumeStatsList": [{"A": 2}, {"B": 1}]}
    assert mask(one, {}) == mask(other, {})


def test_a_step_that_comes_again_keeps_both_outcomes() -> None:
    printed = (
        'STEP {"step":"s","ok":true,"result":1}\nnoise\nSTEP {"step":"s","ok":true,"result":2}'
    )
    assert [step["result"] for step in parse(printed).values()] == [1, 2]
    assert list(parse(printed)) == ["s", "s #2"]


@pytest.mark.parametrize(
    "changed",
    [
        {"step": "b", "ok": True, "result": {"queueOffset": 8}},
        {"step": "b", "ok": False, "error": "CODE: 1"},
        {"step": "b", "ok": True, "result": {"queueOffset": 7, "more": None}},
        {"step": "c", "ok": True, "result": {"queueOffset": 7}},
    ],
)
def test_every_change_of_a_step_is_seen(changed: Step) -> None:
    steps: list[Step] = [
        {"step": "a", "ok": True, "result": None},
        {"step": "b", "ok": True, "result": {"queueOffset": 7}},
    ]
    assert differences(steps, steps) == []
    assert differences(steps, [steps[0], changed])
    assert differences(steps, steps[:1])
    assert differences(steps[:1], steps)


def test_a_deviation_excuses_its_step_and_no_other() -> None:
    found = ["a\n  Apache: 1", "b\n  Apache: 2"]
    assert unexplained(found, {}) == found
    assert unexplained(found, {"a": "RULE-1"}) == found[1:]
    assert unexplained(found[1:], {"a": "RULE-1"}) == [found[1], "a: agrees, but RULE-1 deviates"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_deviation_has_a_rule_that_says_so(release: str) -> None:
    spec = Path(__file__).parents[2] / "spec"
    chapters = "\n".join(path.read_text("utf-8") for path in sorted(spec.rglob("*.md")))
    for rule in {**client_deviations(release), **mqadmin_deviations(release)}.values():
        text = chapters.partition(f"### {rule} ")[2].partition("\n### ")[0]
        assert "[Deviates from " in text, rule


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_masked_and_whole(name: str) -> None:
    steps = outcome.load(name)
    assert masked(steps, {}) == steps
    scenarios = {str(step["step"]).partition(".")[0] for step in steps}
    assert scenarios == {
        "admin", "broadcast", "delay", "filter", "litepull", "orderly", "prepare", "pull",
        "request", "reset", "retry", "send", "trace", "transaction",
    }  # fmt: skip
    text = json.dumps(steps)
    assert "127.0.0.1:" not in text


@pytest.mark.parametrize("release", RELEASES)
def test_every_line_of_mqadmin_has_a_recording(release: str) -> None:
    recorded = {str(step["step"]).partition(" #")[0] for step in outcome.load(f"mqadmin-{release}")}
    assert {mask(line.replace("\t", " "), {}) for line in lines(release)} == recorded
