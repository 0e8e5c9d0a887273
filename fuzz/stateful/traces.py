"""Traces of the runs of a machine, checked against the models in batches when it was played.

Every run of a round is traced, round after round from the first seed on, until the bound of events
is reached; the ci profile has none, so every run of it is held. Of a long run the beginning is
traced, and of the first run of each round much more. So the seed alone decides what is traced, as
far as the time reaches. The command in a trace's header plays its round first and traces it again
under the same name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from refimpl.model.config import Config
from refimpl.model.release import Release
from refimpl.model.trace_file import Trace, lines
from refimpl.sim.trace_writer import TraceLog
from refimpl.tlc import trace_check
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.trace_check import NO_EVENT, Verdict

NOT_HELD: Final[dict[str, str]] = {}  # models that runs of machines are not held against, and why
# a model that keeps a whole file of the log in its state pays for each event with it
EVENTS_OF_A_FIRST_RUN: Final = 1_500
EVENTS_OF_A_RUN: Final = 150
MODELS: Final = tuple(name for name in trace_check.MODELS if name not in NOT_HELD)


class TraceBag:
    """The traces of one play."""

    def __init__(self, machine: str, bound: int) -> None:
        self.machine = machine
        self._bound = bound  # events: the round in which it is reached is traced to its end
        self._round = 0
        self._begun = 0  # traces of this round
        self._full = False
        self._logs: list[TraceLog] = []

    def begin_round(self, seed: int) -> None:
        """Another round is played; it is traced where there is room."""
        self._round = seed
        self._begun = 0
        self._full = self._full or sum(len(log.events) for log in self._logs) >= self._bound

    def begin(self, config: Config, release: Release) -> TraceLog | None:
        """Begin the trace of a store, or nothing."""
        if self._full:
            return None
        name = f"{self.machine}-{self._round}-{self._begun}"
        again = f"--stateful=ci --stateful-time 1 --stateful-seed {self._round} -k {self.machine}"
        room = EVENTS_OF_A_RUN if self._begun else EVENTS_OF_A_FIRST_RUN
        self._begun += 1
        self._logs.append(TraceLog.of(name, config, release, f"pytest {again}", room))
        return self._logs[-1]

    def traces(self) -> list[Trace]:
        """Every trace so far in which something happened."""
        return [log.trace() for log in self._logs if log.events]


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of the traces of one play."""

    traces: int = 0  # that were followed by a model, or by more
    events: int = 0  # of these traces
    skipped: str = ""  # why nothing was checked
    refused: list[str] = field(default_factory=list)  # a report for each that is no behaviour


def check(
    bag: TraceBag,
    folder: Path,
    models: Sequence[str] = MODELS,
) -> Checked:
    """Hold every trace against the models that apply; what is refused is kept as a file."""
    traces = bag.traces()
    try:
        judged = [one for one in trace_check.check(traces, models=models) if one.error != NO_EVENT]
    except TlcMissing as missing:
        return Checked(skipped=missing.reason)
    followed = {id(one.trace): one.trace for one in judged}
    bad = [one for one in judged if one.verdict is not Verdict.ACCEPTED]
    path = folder / f"{bag.machine}.ndjson"
    if bad:
        folder.mkdir(parents=True, exist_ok=True)
        kept = {id(one.trace): one.trace for one in bad}.values()
        path.write_text("".join(f"{line}\n" for trace in kept for line in lines(trace)), "utf-8")
    return Checked(
        traces=len(followed),
        events=sum(len(trace.events) for trace in followed.values()),
        refused=[trace_check.report(one, str(path)) for one in bad],
    )
