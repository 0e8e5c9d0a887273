"""Outcomes of steps: read, freed of what differs from run to run, compared.

A step is what a client did and what came of it: `{"step": NAME, "ok": BOOL, "result": ...}` or
`"error": TEXT`. The recorded outcomes came from Apache RocketMQ (recorded/README.md); the reference
must give the same after masking. A mask replaces times, ports, ids and paths by a word, so that
an absent value still differs from a present one.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias, cast

from refimpl.model.ids import JsonValue

Step: TypeAlias = "dict[str, JsonValue]"

RECORDED = Path(__file__).with_name("recorded")
_PREFIX = "STEP "
_PATTERNS = (
    (re.compile(r"\b[0-9A-F]{32}\b"), "ID"),
    (re.compile(r"\b[0-9A-F]{56}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\b1[5-9]\d{11}\b"), "MILLIS"),
    (re.compile(r"\b20\d\d-\d\d-\d\d[#T ]\d\d:\d\d:\d\d(?:[:,.]\d{1,3})?"), "TIME"),
    (re.compile(r"127\.0\.0\.1:\d+"), "CLIENT"),
    (re.compile(r"@[0-9a-f]{5,8}\b"), "@HASH"),
    (re.compile(r"\b\d+\(?ms\)?"), "n ms"),
)
_MILLIS = range(1_500_000_000_000, 2_000_000_000_000)
_VOLATILE = frozenset(  # rates, durations, places in the log, and where this target lives
    {
        "consumeTps", "inTps", "outTps", "spentTimeMills", "physicOffset", "delayTime",
        "totalDiff", "totalInflightDiff",
        "listenPort", "haListenPort", "rocketmqHome", "storePathRootDir", "storePathCommitLog",
        "configStorePath", "kvConfigPath", "aclFilePath", "timerRocksDBPath",
    }
)  # fmt: skip
_OF_THE_TARGET = frozenset(  # what only the recording's properties file named, or we chose
    {
        "bindAddress", "namesrvAddr", "mapedFileSizeCommitLog", "mapedFileSizeConsumeQueue",
        "transactionTimeOut", "transactionCheckInterval",
    }
)  # fmt: skip
_SOMETIMES_THERE = frozenset(
    {
        "TRANS_CHECK_MAX_TIME_TOPIC",  # of 5.5, when a slow machine makes it give up a half message
        "CG_WRONG",  # refused at its start, and sometimes seen as a member until it leaves
        "%RETRY%CG_WRONG",
    }
)
_UNORDERED = "consumeStatsList"  # the order of Java hash tables, at every depth
_UNSETTLED = _SOMETIMES_THERE | {"CID_RMQ_SYS_TRANS"}  # how far the check of half messages came
# A consumer reports the offset of its empty retry queue only after its first pull timed out.
_NOT_YET_REPORTED = {"brokerOffset": 0, "consumerOffset": 0, "lastTimestamp": 0}


def parse(output: str) -> dict[str, Step]:
    """The steps that a driver printed, by name; a name that comes again gets a number."""
    steps: dict[str, Step] = {}
    for line in output.splitlines():
        if line.startswith(_PREFIX):
            step = cast("Step", json.loads(line.removeprefix(_PREFIX)))
            name = cast("str", step["step"])
            number = 1
            while name in steps:
                number += 1
                name = f"{step['step']} #{number}"
            step["step"] = name
            steps[name] = step
    return steps


def mask(
    value: JsonValue, known: Mapping[str, str], key: str = "", *, unordered: bool = False
) -> JsonValue:
    """`value` without what differs from run to run; `known` names strings of this run."""
    if key in _VOLATILE:
        return "-"
    unordered = unordered or key == _UNORDERED
    match value:
        case str():
            return _masked_text(value, known)
        case bool() | float() | None:
            return value
        case int():
            return "MILLIS" if value in _MILLIS else value
        case list():
            items = [
                mask(item, known, unordered=unordered)
                for item in value
                if not (isinstance(item, str) and item in _SOMETIMES_THERE)
            ]
            if unordered:
                kept = [item for item in items if not _is_empty_statistics(item)]
                return sorted(kept, key=json.dumps)
            return items
        case dict():
            return {
                _masked_text(k, known): mask(v, known, k, unordered=unordered)
                for k, v in value.items()
                if k not in _OF_THE_TARGET
                and k not in _SOMETIMES_THERE
                and not (k.startswith("%RETRY%") and _is_not_yet_reported(v))
            }


def _is_not_yet_reported(offsets: JsonValue) -> bool:
    return isinstance(offsets, dict) and _NOT_YET_REPORTED.items() <= offsets.items()


def _is_empty_statistics(item: JsonValue) -> bool:
    if not isinstance(item, dict):
        return False
    return (
        not item
        or not _UNSETTLED.isdisjoint(item)
        or ("consumeTps" in item and not item["offsetTable"])
    )


def _masked_text(text: str, known: Mapping[str, str]) -> str:
    for old, new in known.items():
        text = text.replace(old, new)
    for pattern, word in _PATTERNS:
        text = pattern.sub(word, text)
    return text


def masked(steps: Iterable[Step], known: Mapping[str, str]) -> list[Step]:
    """Steps as they are recorded: sorted by name, without durations."""
    kept = [{k: mask(v, known, k) for k, v in step.items() if k != "ms"} for step in steps]
    return sorted(kept, key=lambda step: str(step["step"]))


def differences(expected: Iterable[Step], actual: Iterable[Step]) -> list[str]:
    """One text for each step that differs, is missing or is too many."""
    wanted = {step["step"]: step for step in expected}
    got = {step["step"]: step for step in actual}
    found: list[str] = []
    for name in sorted({*wanted, *got}, key=str):
        if wanted.get(name) != got.get(name):
            found.append(f"{name}\n  Apache:    {_shown(wanted, name, got)}")
            found[-1] += f"\n  reference: {_shown(got, name, wanted)}"
    return found


def unexplained(found: Iterable[str], expected: Mapping[str, str]) -> list[str]:
    """`found` without the steps that a rule explains, and a text for each that agrees again."""
    left = {text.partition("\n")[0]: text for text in found}
    missed = [f"{step}: agrees, but {rule} deviates" for step, rule in expected.items()
              if left.pop(step, None) is None]  # fmt: skip
    return [*left.values(), *missed]


def _shown(
    steps: Mapping[JsonValue, Step], name: JsonValue, other: Mapping[JsonValue, Step]
) -> str:
    if name not in steps:
        return "no such step"
    mine = _leaves(steps[name], "")
    theirs = _leaves(other.get(name, {}), "")
    return ", ".join(f"{k}={v}" for k, v in mine.items() if theirs.get(k) != v)[:1500] or "less"


def _leaves(value: JsonValue, path: str) -> dict[str, str]:
    if isinstance(value, dict):
        pairs = [(f"{path}.{k}", v) for k, v in value.items()]
    elif isinstance(value, list):
        pairs = [(f"{path}[{i}]", v) for i, v in enumerate(value)]
    else:
        return {path: json.dumps(value)}
    leaves: dict[str, str] = {}
    for name, child in pairs:
        leaves |= _leaves(child, name)
    return leaves or {path: json.dumps(value)}


def load(name: str) -> list[Step]:
    """The recorded steps of `recorded/NAME.jsonl`."""
    lines = (RECORDED / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [cast("Step", json.loads(line)) for line in lines]


def save(name: str, steps: Iterable[Step]) -> None:
    """Write what `load` reads."""
    text = "".join(json.dumps(step, sort_keys=True) + "\n" for step in steps)
    (RECORDED / f"{name}.jsonl").write_text(text, "utf-8")
