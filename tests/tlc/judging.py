"""What the tests of trace modules share: one run of TLC for many traces, found by their names."""

from collections.abc import Iterable

import pytest

from refimpl.model.trace_file import Trace
from refimpl.tlc import locate, trace_check
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.trace_check import Judged

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
