"""Traces through crashes and recoveries are behaviours of Recovery; planted bugs are none."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

import pytest

from fuzz.planted import store_side
from fuzz.slips.recovery import SLIPS
from fuzz.slips.slip import slipped
from refimpl.model.ids import PhysicalOffset, QueueOffset
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import Crash, Dispatch, ForgetFrom, Recovered, TraceEvent
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import DiskContract, Extreme
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.tlc.trace_check import Judged, Verdict
from tests.tlc.judging import check_power, judged_by

_SECTORS: Final = DiskContract(sector=64, torn=False)
_THOROUGH: Final = 61_000  # milliseconds: queues are forced and the checkpoint is written
_SEEDS: Final = range(2)
_MODES: Final = ("SYNC_FLUSH", "ASYNC_FLUSH")


def lives(seed: int, mode: str, name: str = "") -> Trace:
    """Five lives: two that the power ends, one that is killed, a recovery that does not end."""
    settings = {"flushDiskType": mode, "mappedFileSizeCommitLog": "600"}
    lab = StoreLab(RELEASE_4_9, settings, CrashDisk(_SECTORS))
    log = TraceLog.of(f"{name}{mode} {seed}", lab.config, RELEASE_4_9)
    lab = StoreLab(RELEASE_4_9, settings, CrashDisk(_SECTORS), trace=log)
    prng = Prng(seed)
    for round_ in range(4):
        for number in range(4):
            lab.put("T", number % 2, size=12 + 10 * prng.below(12), prepared=number == 3)
            if number < 2 or prng.below(2):
                lab.settle(_THOROUGH if number == 1 else 0)
        lab.put("T", 0, batch=2, size=20)
        lab.put("T", 1, size=150)
        if round_ == 1:
            _opened(lab, lab.kill())
            continue
        lab.fail_power()
        disk = _image(lab, Extreme.NOTHING if round_ == 3 else None, prng)
        if round_ == 2 and not lab.reopen(disk, stop_after=prng.below(4)):
            lab.fail_power()
            disk = _image(lab, None, prng)
            _opened(lab, disk)
        elif not lab.alive:
            _opened(lab, disk)
    lab.put("U", 0)
    lab.settle(_THOROUGH)
    return log.trace()


def _opened(lab: StoreLab, disk: object) -> None:
    assert isinstance(disk, CrashDisk)
    assert lab.reopen(disk), lab.refused


def _image(lab: StoreLab, extreme: Extreme | None, prng: Prng) -> CrashDisk:
    disk = lab.disk.disk
    assert isinstance(disk, CrashDisk)
    crash = disk.crash()
    return CrashDisk.from_image(crash.sample(prng) if extreme is None else crash.extreme(extreme))


HONEST = [lives(seed, mode) for mode in _MODES for seed in _SEEDS]
FIRST = HONEST[0]


def altered(
    name: str, kind: type[TraceEvent], alter: Callable[[TraceEvent], TraceEvent], nth: int = 0
) -> Trace:
    """The first honest trace, one event of a kind told otherwise."""
    at = [i for i, e in enumerate(FIRST.events) if isinstance(e, kind)][nth]
    events = (*FIRST.events[:at], alter(FIRST.events[at]), *FIRST.events[at + 1 :])
    return Trace(FIRST.header._replace(trace=name), events)


def _changed(**fields: object) -> Callable[[TraceEvent], TraceEvent]:
    return lambda event: type(event)(**{**event._asdict(), **fields})


def _moved(field: str, by: int) -> Callable[[TraceEvent], TraceEvent]:
    return lambda event: type(event)(**{**event._asdict(), field: event._asdict()[field] + by})


WRONG = {  # name: (trace, words of the condition that refuses it)
    "what was forced is lost": (
        altered("what was forced is lost", Crash, _changed(intact=PhysicalOffset(0))),
        "what was forced survives",
    ),
    "within a record": (
        altered("within a record", Crash, _moved("intact", -1)),
        "the log survives up to a record",
    ),
    "an image that nobody saw": (
        altered("an image that nobody saw", Crash, _changed(intact=PhysicalOffset(-1))),
        "the image is told",
    ),
    "something behind": (
        altered("something behind", Crash, lambda e: _changed(behind=not e._asdict()["behind"])(e)),
        "max_offset",
    ),
    "cut too low": (altered("cut too low", Recovered, _moved("cut", -1), 1), "cut is the end"),
    "read from the middle": (
        altered("read from the middle", Recovered, _moved("flushed", 1), 1),
        "recovery begins where all below is forced",
    ),
    "a unit too many": (
        altered("a unit too many", ForgetFrom, _moved("queue_offset", 1)),
        "more than were read",
    ),
    "a unit too few": (
        altered("a unit too few", ForgetFrom, _moved("queue_offset", -1)),
        "ends before what is dispatched again",
    ),
    "shown at another offset": (
        altered("shown at another offset", Dispatch, _changed(queue_offset=QueueOffset(9)), -1),
        "that queue and offset",
    ),
    "nobody started it": (
        Trace(FIRST.header._replace(trace="nobody started it"), FIRST.events[1:]),
        "opened",
    ),
}
Bug = Callable[[], AbstractContextManager[object]]


def slip(rule: str) -> Bug:
    """The smallest wrong edit of the code that obeys a rule."""
    return lambda: slipped(SLIPS[rule])


BUGS: dict[str, tuple[Bug, str]] = {  # and words of a condition that refuses one of its traces
    "STORE-RECOVERY-4": (slip("STORE-RECOVERY-4"), "reput"),
    "STORE-RECOVERY-6": (slip("STORE-RECOVERY-6"), "max_offset is the end"),
    "STORE-RECOVERY-7": (slip("STORE-RECOVERY-7"), "begins where all below is forced"),
    "STORE-RECOVERY-10": (slip("STORE-RECOVERY-10"), "the queue"),
    "shows what is written": (store_side.shows_what_is_written, "it is confirmed"),
    "the checkpoint for the end": (
        store_side.recovery_takes_the_checkpoint_for_the_end,
        "begins where all below is forced",
    ),
}


def bugged(name: str) -> list[Trace]:
    """What the store does with a bug, as far as it comes."""
    traces: list[Trace] = []
    with BUGS[name][0]():
        traces += [lives(seed, mode, f"{name} ") for mode in _MODES for seed in _SEEDS]
    return traces


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    """One run of TLC for all with the same constants."""
    bad = [trace for name in BUGS for trace in bugged(name)]
    return judged_by("Recovery", [*HONEST, *(trace for trace, _ in WRONG.values()), *bad])


@pytest.mark.slow
def test_honest_traces_are_accepted(judged: dict[str, Judged]) -> None:
    """STORE-RECOVERY-2..8, -10: through images, a kill, and a recovery that did not end."""
    for trace in HONEST:
        one = judged[trace.header.trace]
        assert one.verdict is Verdict.ACCEPTED, one
        kinds = [type(event).__name__ for event in trace.events]
        assert kinds.count("Crash") > 4
        assert {"ForgetFrom", "FlushConsumeQueue", "Dispatch"} <= set(kinds)
    crashes = [e for trace in HONEST for e in trace.events if isinstance(e, Crash)]
    assert {e.behind for e in crashes if e.intact >= 0} == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_an_altered_trace_is_refused(name: str, judged: dict[str, Judged]) -> None:
    one = judged[name]
    assert one.verdict is Verdict.REFUSED, one
    assert any(WRONG[name][1] in text for text in one.refused_by), one.refused_by


@pytest.mark.slow
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_told(name: str, judged: dict[str, Judged]) -> None:
    """One of its traces is refused, by the condition of the rule."""
    bad = [one for trace, one in judged.items() if trace.startswith(f"{name} ")]
    assert len(bad) == len(_MODES) * len(_SEEDS)
    told = [text for one in bad if one.verdict is Verdict.REFUSED for text in one.refused_by]
    assert any(BUGS[name][1] in text for text in told), told


@pytest.mark.slow
def test_nearly_all_alterations_are_refused() -> None:
    check_power("Recovery", [HONEST[0], HONEST[-1]], 20, 4)
