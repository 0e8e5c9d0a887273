"""`python -m benchmarks.trace_events`: events of traces per second that a model follows.

Stores under SYNC_FLUSH take messages, one trace a store, until there are fifty thousand events; one
batch of them is judged by TLC, its start included. Counted are the events that the model looks at.
Time is that of the processor, Java's and ours, whatever else runs: Java compiles and collects
beside the one worker, so the clock says less on a quiet machine. By the number of messages of a
trace: many short ones, or a few long ones.
"""

import os
import statistics

import click

from benchmarks.measures import Results
from benchmarks.servers import REFERENCE
from refimpl.model.config import Config
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace_file import Trace
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.tlc import trace_check
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.trace_check import EVENTS_PER_RUN, MODELS, Verdict

GOAL = 10_000  # events per second; the same line stands in report.GOALS
MEASURE = "trace events/s, GroupCommit"
MODEL = "GroupCommit"
MESSAGES = (10, 100, 1000, 10_000)  # of a trace
_SYNC = {**MINIMAL, "flushDiskType": "SYNC_FLUSH"}
_USUAL = 100  # messages of a trace: the ones without a number in the name of their measure
_TOGETHER = 3  # messages that wait for one force


def trace_of(messages: int) -> Trace:
    """What a store does with so many messages, in two queues."""
    config = Config.of(RELEASE_4_9, "broker", _SYNC)
    log = TraceLog.of(f"{messages} messages", config, RELEASE_4_9)
    lab = StoreLab(overrides=_SYNC, trace=log)
    for number in range(1, messages + 1):
        lab.put(queue_id=number % 2)
        if number % _TOGETHER == 0:
            lab.settle()
    lab.settle()
    return log.trace()


def events_per_second(trace: Trace) -> float:
    """Judge as many copies of `trace` as one run of TLC takes, and at least one."""
    copies = max(1, EVENTS_PER_RUN // len(trace.events))
    traces = [Trace(trace.header._replace(trace=f"{i}"), trace.events) for i in range(copies)]
    seen = sum(type(event).__name__ in MODELS[MODEL].events for event in trace.events)
    begun = _processor_seconds()
    judged = trace_check.check(traces, models=(MODEL,))
    seconds = _processor_seconds() - begun
    refused = [one.error or one.refused_by for one in judged if one.verdict is not Verdict.ACCEPTED]
    assert len(judged) == copies, f"{len(judged)} of {copies} traces got a verdict"
    assert not refused, refused[0]
    return seen * copies / seconds


def _processor_seconds() -> float:
    """Of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure_trace_events(results: Results, rounds: int) -> None:
    """Add a figure per round; say so where there is no TLC."""
    try:
        for messages in MESSAGES:
            trace = trace_of(messages)
            name = MEASURE if messages == _USUAL else f"{MEASURE}, traces of {messages:,} messages"
            for _ in range(rounds if messages == _USUAL else 1):
                results.add(name, REFERENCE, events_per_second(trace))
    except TlcMissing as error:
        results.skipped.append(f"trace events: {error}")


@click.command()
@click.option("--rounds", default=3, show_default=True)
def main(*, rounds: int) -> None:
    """Print the figures; exit 1 where the goal is missed."""
    results = Results()
    measure_trace_events(results, rounds)
    for name, series in results.figures.items():
        click.echo(f"{name}: {statistics.median(series[REFERENCE]):,.0f}")
    for skipped in results.skipped:
        click.echo(f"Skipped: {skipped}.")
    usual = results.figures.get(MEASURE, {}).get(REFERENCE)
    raise SystemExit(0 if usual and statistics.median(usual) >= GOAL else 1)


if __name__ == "__main__":
    main()
