"""Runs cases against targets: one after another, in an order that depends on nothing but them."""

import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType

from conformance.case import Case, natural_key
from conformance.expectations import Expectation
from conformance.results import CaseResult, TargetResult
from conformance.target import Capability, Target
from conformance.verdict import Failure, TargetDied, TargetUnavailable, Unsupported, Verdict
from conformance.wire import Wire

RESTART_GRACE_MS = 60_000
_STARTS_AFTER_DEATH = 3
_STOPS_THE_BROKER = {Capability.RESTART, Capability.KILL, Capability.STORE_DIRECTORY}


class LimitReached(Exception):
    """The hard time limit of a case is over."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Told to the terminal after every case."""

    target: str
    done: int
    total: int
    result: CaseResult


def in_order(cases: Sequence[Case]) -> list[Case]:
    """Shared brokers first (default options before others), fresh ones last; then by identifier."""
    return sorted(cases, key=lambda c: (c.fresh, c.start_key, natural_key(c.identifier)))


class Runner:
    """One target, its expectations, and the broker that is running now."""

    def __init__(
        self,
        target: Target,
        expectations: Mapping[str, Expectation],
        progress: Callable[[Progress], None],
        *,
        keep_exchanges: bool = False,
    ) -> None:
        self._target = target
        self._expectations = expectations
        self._progress = progress
        self._keep = keep_exchanges
        self._running: tuple[tuple[str, str], ...] | None = None
        self._since_start = 0
        self._deaths = 0
        own = Capability.START in target.capabilities
        self._token = "" if own else f"{time.time_ns() // 1_000_000 & 0xFFFFFFFF:x}"

    def run(self, cases: Sequence[Case]) -> TargetResult:
        """All cases that apply to the target's release; never raises for what a target does."""
        chosen = in_order([c for c in cases if c.applies_to(self._target.release)])
        began = time.perf_counter()
        results: list[CaseResult] = []
        skipped = aborted = ""
        try:
            for entry in chosen:
                result = self._run_case(entry)
                results.append(result)
                progress = Progress(self._target.name, len(results), len(chosen), result)
                self._progress(progress)
        except TargetUnavailable as error:
            skipped = error.reason
        except KeyboardInterrupt:
            aborted = "interrupted"
        except TargetDied as error:
            aborted = f"{error.reason}\n{error.output}".strip()
        finally:
            self._target.stop()
        results.sort(key=lambda result: natural_key(result.case))
        return TargetResult(
            target=self._target.name,
            release=self._target.release,
            skipped=skipped,
            aborted=aborted,
            milliseconds=(time.perf_counter() - began) * 1000,
            cases=tuple(results),
        )

    def _run_case(self, entry: Case) -> CaseResult:
        blank = CaseResult(
            case=entry.identifier,
            title=entry.title,
            area=entry.area,
            rules=entry.rules,
            level=entry.level.value,
            verdict=Verdict.PASS,
        )
        missing = sorted(need.value for need in entry.needs - self._target.capabilities)
        if missing:
            message = f"{self._target.name} does not declare {', '.join(missing)}"
            return replace(blank, verdict=Verdict.UNSUPPORTED, message=message)
        self._make_ready(entry)
        began = time.perf_counter()
        wire = Wire(self._target, entry.identifier, self._token)
        verdict, message = self._judge(entry, wire)
        milliseconds = (time.perf_counter() - began) * 1000
        if entry.fresh:
            self._running = None
        result = replace(
            blank,
            verdict=verdict,
            message=message,
            milliseconds=milliseconds,
            notes=tuple(wire.notes),
        )
        if verdict is not Verdict.PASS or self._keep:
            result = replace(result, exchange=tuple(wire.recorder.to_json()))
        return settle(result, self._expectations.get(entry.identifier))

    def _make_ready(self, entry: Case) -> None:
        most = self._target.cases_per_start
        worn = most is not None and self._since_start >= most
        if self._running == entry.start_key and not entry.fresh and not worn:
            self._since_start += 1
            return
        self._running = None
        self._target.start(entry.options)
        self._running = entry.start_key
        self._since_start = 1

    def _judge(self, entry: Case, wire: Wire) -> tuple[Verdict, str]:
        limit = entry.limit_ms
        if entry.needs & _STOPS_THE_BROKER:
            limit += RESTART_GRACE_MS
        try:
            with time_limit(limit):
                entry.function(wire)
                wire.close_out()
        except Failure as failure:
            wire.abandon()
            if entry.needs & _STOPS_THE_BROKER:
                self._running = None  # it may have failed while the broker was down
            return Verdict.FAIL, failure.reason
        except Unsupported as error:
            wire.abandon()
            return Verdict.UNSUPPORTED, error.what
        except LimitReached:
            wire.abandon()
            self._running = None
            return Verdict.FAIL, f"not finished within {limit} ms"
        except TargetDied as error:
            wire.abandon()
            self._running = None
            self._deaths += 1
            if self._deaths > _STARTS_AFTER_DEATH:
                raise
            return Verdict.FAIL, f"{error.reason}\n{error.output}".strip()
        except TargetUnavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever else a case raises is the harness's defect
            wire.abandon()
            self._running = None
            return Verdict.ERROR, "".join(traceback.format_exc(limit=-6))
        return Verdict.PASS, ""


def settle(result: CaseResult, expectation: Expectation | None) -> CaseResult:
    """The verdict in the light of the expectation, which counts only when it is settled."""
    if expectation is None or not expectation.settled:
        return result
    if result.verdict is Verdict.FAIL:
        verdict = Verdict.EXPECTED_FAIL
    elif result.verdict is Verdict.PASS:
        verdict = Verdict.UNEXPECTED_PASS
    else:
        return result
    message = result.message
    if verdict is Verdict.UNEXPECTED_PASS:
        message = f"passes, but was expected to fail: {expectation.reason}"
    return replace(
        result,
        verdict=verdict,
        message=message,
        reason=expectation.reason,
        link=expectation.link,
        source=expectation.source,
        fault=expectation.fault or "",
    )


@contextmanager
def time_limit(milliseconds: int) -> Iterator[None]:
    """Raise `LimitReached` in the main thread when the time is over, whatever it is doing."""

    def over(_signal: int, _frame: FrameType | None) -> None:
        raise LimitReached

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, milliseconds / 1000)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def stale(expectations: Mapping[str, Expectation], cases: Sequence[Case]) -> list[str]:
    """Expectations of cases that do not exist."""
    known = {entry.identifier for entry in cases}
    return [case for case in expectations if case not in known]
