"""Who notices a fault, after how many steps, and at what price in processor time."""

import os  # noqa: TID251 - the environment of another process
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from time import process_time  # noqa: TID251 - a price is no input of a check
from typing import NamedTuple
from unittest.mock import patch

from conformance.case import Case, load_cases
from conformance.judge import select
from conformance.runner import Runner
from conformance.targets.choice import choose
from fuzz.faults.fault import Fault
from fuzz.faults.turned_on import VARIABLE
from fuzz.stateful import play as stateful_play
from fuzz.stateful.play import Play
from fuzz.stateful.registry import machines

FIRST_SEED = 1
ROUNDS = 30  # of twenty runs, where nothing is noticed before
_ROOT = Path(__file__).parents[2]
_TEST_SECONDS = 300
_PLAIN = ("-rA", "-q", "--tb=no", "--no-header", "-p", "no:cacheprovider")
_RESULTS = ("PASSED", "FAILED")


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
            result = Runner(choose("reference", fault.release), {}, lambda _: None).run([entry])
            judged += 1
            broken = [c.case for c in result.cases if c.verdict.violates]
            if broken or result.aborted:
                said = broken[0] if broken else f"{entry.identifier}: {result.aborted}"
                break
    return Notice(
        f"case {', '.join(fault.cases)}", said != "", judged, process_time() - begun, said
    )


def by_tests(name: str, fault: Fault) -> Notice:
    """Run its tests in a process of their own, in which the fault is turned on."""
    begun = _of_children()
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "pytest", "-p", "fuzz.faults.turned_on", *_PLAIN, *fault.tests],
        cwd=_ROOT,
        env={**os.environ, VARIABLE: name},
        capture_output=True,
        text=True,
        timeout=_TEST_SECONDS,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 2 and more: nothing was tested
    results = [line for line in done.stdout.splitlines() if line.startswith(_RESULTS)]
    said = next((line.split()[1] for line in results if line.startswith("FAILED")), "")
    seconds = _of_children() - begun
    return Notice(f"test {', '.join(fault.tests)}", said != "", len(results), seconds, said)


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
