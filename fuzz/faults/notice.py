"""Who notices a fault, after how many steps, and at what price in processor time."""

import resource
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from time import process_time  # noqa: TID251 - a price is no input of a check
from typing import NamedTuple
from unittest.mock import patch

from conformance.case import Case, load_cases
from conformance.judge import select
from fuzz.faults.fault import Fault
from fuzz.on_purpose.noticing import broken_by, run_tests
from fuzz.stateful import play as stateful_play
from fuzz.stateful.play import Play
from fuzz.stateful.registry import machines

FIRST_SEED = 1
ROUNDS = 30  # of twenty runs, where nothing is noticed before


class Notice(NamedTuple):
    """What one check said of one fault."""

    check: str  # "machine Store", "case STORE-FILES-3/empty-last-file"
    noticed: bool
    steps: int  # of the machine, or cases judged, or tests run
    seconds: float  # of the processor
    said: str


def by_machine(fault: Fault, name: str, rounds: int, first_seed: int) -> Notice:
    """Play one machine on the patched reference until it breaks, at most that many rounds."""
    begun = process_time()
    play = Play(machines()[name], first_seed)
    said = ""
    with (
        fault.patch(),
        patch.object(stateful_play, "SHRINK_SECONDS", 0),
        redirect_stdout(StringIO()),
        redirect_stderr(StringIO()),
    ):
        try:
            play.rounds(rounds)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a broken core raises
            said = _first_line(error)
    return Notice(f"machine {name}", said != "", play.record().steps, process_time() - begun, said)


def by_cases(fault: Fault, cases: Sequence[Case]) -> Notice:
    """Judge the conformance cases of the fault's rules on the patched reference."""
    begun = process_time()
    chosen = [c for c in select(cases, (), fault.cases) if c.applies_to(fault.release)]
    assert chosen, f"no case {fault.cases}"
    judged, said = 0, ""
    with fault.patch():
        for entry in chosen:
            judged += 1
            said = broken_by(entry, fault.release)
            if said:
                break
    return Notice(
        f"case {', '.join(fault.cases)}", said != "", judged, process_time() - begun, said
    )


def by_tests(name: str, fault: Fault) -> Notice:
    """Run its tests in a process of their own, in which the fault is turned on."""
    begun = _of_children()
    ran = run_tests(fault.tests, "--fault", name)
    said, steps = next(iter(ran.failed), ""), len(ran.passed) + len(ran.failed)
    assert steps, f"no test {fault.tests}"
    seconds = _of_children() - begun
    return Notice(f"test {', '.join(fault.tests)}", said != "", steps, seconds, said)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def notices(
    name: str, fault: Fault, rounds: int = ROUNDS, first_seed: int = FIRST_SEED
) -> Iterator[Notice]:
    """Every check that the fault names, one after another: cases first, they are cheap."""
    if fault.cases:
        yield by_cases(fault, load_cases())
    if fault.tests:
        yield by_tests(name, fault)
    for machine in fault.machines:
        yield by_machine(fault, machine, rounds, first_seed)


def sober(fault: Fault) -> Notice:
    """The same cases without the fault: they must pass, or their noticing would mean nothing."""
    return by_cases(replace(fault, patch=nullcontext), load_cases())


def _first_line(error: BaseException) -> str:
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
    return f"{type(inner).__name__}: {inner}".splitlines()[0][:200]
