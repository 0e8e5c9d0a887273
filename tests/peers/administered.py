"""One run of all command lines of mqadmin, and what of their output is compared.

The tool prints tables and settings in the order of Java hash tables: lines are compared sorted.
"""

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

from conformance.target import Port, Target
from refimpl.model.ids import JsonValue
from tests.peers import java_program
from tests.peers.driven import OPTIONS, known_strings, starting
from tests.peers.mqadmin_lines import lines
from tests.peers.outcome import Step, masked, parse

_RUN_SECONDS = 240.0
_SILENT = "<configuration><root level='OFF'/></configuration>"
_NOISE = re.compile(r"SLF4J|RocketMQLog|OpenJDK|WARNING|log4j|OK$|\d\d:\d\d:\d\d")
_SOMETIMES_THERE = "TOOLS_CONSUMER"  # a client of the tool that lives for a heartbeat or not
_NUMBERS = (
    (re.compile(r"\$\$Lambda\S+"), "$$Lambda"),
    (re.compile(r"\b20\d{12}(?:\d{3})?\b"), "TIME"),
    (re.compile(r"(?<=spentTimeMills=)\d+"), "n"),
    (re.compile(r"\b\d+\.\d+(?:E-?\d+)?\b"), "F"),
    (re.compile(r"\d+\.\d+ [KMGT]iB"), "SIZE"),
)
_OF_THE_TARGET = re.compile(
    r"(?:transaction(?:TimeOut|CheckInterval)|bindAddress|namesrvAddr|maped\w+|listenPort|haListenPort|rocketmqHome|storePath\w*"
    r"|configStorePath|kvConfigPath) = "
)


def administer(version: str, target: Target) -> tuple[list[Step], str]:
    """Start the target, run the lines with the tool of `version`, stop it: steps, and output."""
    home = Path(tempfile.mkdtemp(prefix="rmqref-mqadmin-"))
    (home / "conf").mkdir()
    (home / "conf" / "logback_tools.xml").write_text(_SILENT, "utf-8")
    (home / "lines").write_text("\n".join(lines(target.release)), "utf-8")
    try:
        java_program.compiled(version)
        with starting:
            target.start(OPTIONS)
        addresses = [str(target.address(Port.NAMESRV)), str(target.address(Port.BROKER))]
        arguments = [*addresses, str(home / "lines")]
        words = java_program.command(version, "Mqadmin", home, arguments)
        output = java_program.run(words, home, _RUN_SECONDS)
        known = {str(home): "TOOL_HOME", **known_strings(target)}
        steps = masked(parse(output).values(), known)
        return [_viewed(step) for step in steps], output
    finally:
        target.stop()
        shutil.rmtree(home, ignore_errors=True)


def _viewed(step: Step) -> Step:
    key = "result" if step["ok"] else "error"
    shown = [
        line
        for line in cast("list[str]", step[key])
        if not _NOISE.match(line) and _SOMETIMES_THERE not in line
    ]
    for pattern, word in _NUMBERS:
        shown = [pattern.sub(word, line) for line in shown]
    command = str(step["step"]).split()[0]
    if step["ok"] and command in _VIEWS:
        shown = _VIEWS[command](shown)
    lines_shown: list[JsonValue] = [*sorted(shown)]
    return {**step, key: lines_shown}


def _names(shown: list[str]) -> list[str]:
    return [re.sub(r"\s*:.*", "", line.removeprefix("BROKER ")) for line in shown]


def _settings(shown: list[str]) -> list[str]:
    return [line for line in shown if not _OF_THE_TARGET.match(line)]


def _without_retry_queue(shown: list[str]) -> list[str]:
    """A consumer reports the offset of its empty retry queue only after a pull timed out."""
    return [line for line in shown if not line.startswith("%RETRY%")]


def _before_the_stacks(shown: list[str]) -> list[str]:
    ends = [i for i, line in enumerate(shown) if "jstack" in line.lower()]
    kept = _without_retry_queue(shown[: ends[0]] if ends else shown)
    return [re.sub(r"\d+$", "n", line) for line in kept if " : " not in line or "PROP" in line]


def _header(shown: list[str]) -> list[str]:
    return shown[:1]


def _without_last_column(shown: list[str]) -> list[str]:
    return [re.sub(r" \S+$", "", line) for line in shown]


def _each_once(shown: list[str]) -> list[str]:
    return list(dict.fromkeys(shown))


_VIEWS: dict[str, Callable[[list[str]], list[str]]] = {
    "brokerStatus": _names,
    "getBrokerConfig": _settings,
    "getNamesrvConfig": _settings,
    "consumerProgress": _without_retry_queue,
    "brokerConsumeStats": _without_retry_queue,
    "consumerStatus": _before_the_stacks,
    "statsAll": _header,  # counts are sampled every ten seconds
    "checkMsgSendRT": _without_last_column,
    "clusterRT": _each_once,
    "wipeWritePerm": _without_last_column,  # the number of topics, with that of the tool's client
    "addWritePerm": _without_last_column,
}
