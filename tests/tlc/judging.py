"""What the tests of trace modules share: one run of TLC for many traces, and what it must say."""

from collections.abc import Iterable, Mapping

import pytest

from refimpl.model.prng import Prng
from refimpl.model.trace_file import Trace
from refimpl.tlc import locate, trace_check
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.mutation import is_enough, power
from refimpl.tlc.trace_check import Judged, Verdict

PATIENCE = 300  # seconds, for a machine that does much else


def need_tlc() -> None:
    """Skip the test, visibly, where TLC is not installed."""
    try:
        locate.find()
    except TlcMissing as missing:
        pytest.skip(missing.reason)


def judged_by(model: str, traces: Iterable[Trace]) -> dict[str, Judged]:
    """What one model says of each trace, by the name of the trace."""
    need_tlc()
    found = trace_check.check(traces, models=(model,), seconds=PATIENCE)
    return {one.trace.header.trace: one for one in found}


def of_bug(bug: str, traces: Iterable[Trace]) -> list[Trace]:
    """The traces that were made with a planted bug, under its name."""
    return [
        trace._replace(header=trace.header._replace(trace=f"{bug} {i}"))
        for i, trace in enumerate(traces)
    ]


def check_accepted(judged: Mapping[str, Judged], traces: Iterable[Trace]) -> None:
    """Every one of these traces, of which there are some, is a behaviour of the model."""
    found = [judged[trace.header.trace] for trace in traces]
    assert found
    for one in found:
        assert one.verdict is Verdict.ACCEPTED, one


def check_refused(judged: Mapping[str, Judged], name: str, words: str) -> Judged:
    """That trace is refused, by a condition that has these words; returns the judgement."""
    one = judged[name]
    assert one.verdict is Verdict.REFUSED, one
    assert any(words in text for text in one.refused_by), one.refused_by
    return one


def check_windows(
    judged: Mapping[str, Judged], traces: Iterable[Trace], names: Iterable[str]
) -> None:
    """The model has as much in these variables behind each of the traces, which end refused."""
    sizes = set()
    for trace in traces:
        one = judged[trace.header.trace]
        assert one.verdict is Verdict.REFUSED, one
        assert one.event == len(trace.events), one
        assert one.state is not None
        found = {name: value for name, value in one.state if name in set(names)}
        assert found.keys() == set(names)
        sizes.add(tuple(v if isinstance(v, int) else len(v) for v in found.values()))
    assert len(sizes) == 1, sizes


def check_bug_refused(judged: Mapping[str, Judged], bug: str, event: str, condition: str) -> None:
    """One of the traces of a planted bug is refused at such an event, by that condition."""
    where = {
        (type(one.trace.events[one.event - 1]).__name__, words)
        for name, one in judged.items()
        if name.startswith(f"{bug} ") and one.event
        for words in one.refused_by
    }
    assert (event, condition) in where, where


def check_power(model: str, traces: list[Trace], mutants: int, seed: int) -> None:
    """Nearly all alterations of the traces, so many of each, are refused."""
    need_tlc()
    found = power(traces, model, mutants, Prng(seed))
    assert len(found) == mutants * len(traces)
    assert is_enough(found), [one.mutant[2:] for one in found if one.unnoticed]
