"""Run TLC once and read what it said; the exit status is never the verdict.

Every run has a directory of its own for TLC's states and for Java's temporary files: runs that
share one delete each other's standard modules. A run ends by itself or by its time limit.
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

from refimpl.tlc.locate import Tlc, find
from refimpl.tlc.value import Value, parse_state

_MESSAGE: Final = re.compile(
    r"@!@!@STARTMSG (\d+):(\d) @!@!@\n(.*?)@!@!@ENDMSG \1 @!@!@\n?", re.DOTALL
)
_COUNTS: Final = re.compile(r"([\d,]+) states generated.*?([\d,]+) distinct states found")
_DEPTH: Final = re.compile(r"search is ([\d,]+)")
_STATE: Final = re.compile(r"(\d+): <(?:Action )?(Initial predicate|\w+)[^>]*>\n(.*)", re.DOTALL)
_NAMED: Final = re.compile(r"Invariant ([\w!]+) is violated")
_BACK: Final = re.compile(r"(\d+): Back to state")

_SUCCESS: Final = 2193
_COUNTS_CODE: Final = 2199
_DEPTH_CODE: Final = 2194
_STATE_CODE: Final = 2217
_STUTTERS_CODE: Final = 2218
_BACK_CODE: Final = 2122
_INVARIANT: Final = {2107, 2110}
_ACTION_PROPERTY: Final = {2112}
_LIVENESS: Final = {2116}
_DEADLOCK: Final = {2114}
_ERRORS: Final = {1000, 1001, 2102, 2103, 2104, 2105, 2106, 2108, 2111, 2154, 3002}
_SEVERITY_ERROR: Final = "1"
_SMALL: Final = 20  # seconds: shorter runs gain nothing from Java's second compiler


class Outcome(Enum):
    """How a run ended."""

    HOLDS = "holds"  # every state was seen and everything asked for holds
    INVARIANT = "violates an invariant"
    ACTION_PROPERTY = "takes a step that a property forbids"
    LIVENESS = "never does what a property promises"
    DEADLOCK = "gets stuck"
    ERROR = "could not be judged"  # the model does not parse, an expression has no value ...
    TIMEOUT = "was not finished in time"


class State(NamedTuple):
    """One state of a counterexample: by which action it came, and what it is."""

    number: int
    action: str  # "Initial predicate" for the first
    text: str

    def values(self) -> dict[str, Value]:
        """Return the variables by name."""
        return parse_state(self.text)


class TlcRun(NamedTuple):
    """What one run said."""

    outcome: Outcome
    violated: str  # name of the invariant; "" for a property, which TLC does not name
    generated: int
    distinct: int
    depth: int
    printed: tuple[str, ...]  # lines of PrintT
    trace: tuple[State, ...]  # the counterexample
    back_to: int  # the state to which a counterexample of liveness returns; 0 for stuttering
    errors: tuple[str, ...]
    seconds: float
    raw: str

    @property
    def holds(self) -> bool:
        """Tell whether every state was seen and nothing was wrong."""
        return self.outcome is Outcome.HOLDS


def run(
    module: Path,
    config: Path,
    *,
    extra_modules: Sequence[Path] = (),
    workers: int = 1,
    seconds: int = 120,
    heap: str = "1g",
    flags: Sequence[str] = (),
    brief: bool = False,
) -> TlcRun:
    """Check `module` as `config` says; modules beside it and `extra_modules` can be extended.

    `brief` says that it takes seconds, however long the caller waits: Java's second compiler costs
    more than it gains then.

    Raises `TlcMissing` where there is no TLC. Deadlock is not an error unless asked for: a bound
    ends a model as well.
    """
    tlc = find()
    folder = Path(tempfile.mkdtemp(prefix="tlc-"))
    try:
        work = folder / "modules"
        work.mkdir()
        for path in [*sorted(module.parent.glob("*.tla")), *extra_modules, module]:
            shutil.copyfile(path, work / path.name)
        shutil.copyfile(config, work / "model.cfg")
        command = _command(tlc, folder, heap, workers, brief=brief or seconds <= _SMALL)
        command += [*flags, "-config", "model.cfg", module.stem]
        return _run(command, work, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _command(tlc: Tlc, folder: Path, heap: str, workers: int, *, brief: bool) -> list[str]:
    (folder / "tmp").mkdir()
    java = [str(tlc.java), "-XX:+UseSerialGC", f"-Xmx{heap}", "-Xss16m"]
    if brief:
        java.append("-XX:TieredStopAtLevel=1")
    java += [f"-Djava.io.tmpdir={folder / 'tmp'}", "-cp", str(tlc.jar), "tlc2.TLC"]
    java += ["-tool", "-nowarning", "-metadir", str(folder / "states"), "-workers", str(workers)]
    # liveness is judged at the end: by default also now and then, so that a counterexample would
    # depend on how fast the machine is
    return [*java, "-fp", "0", "-seed", "1", "-lncheck", "final", "-deadlock"]


def _run(command: list[str], work: Path, seconds: int) -> TlcRun:
    begin = time.monotonic()
    with subprocess.Popen(  # noqa: S603 - a Java that the caller named or pip installed
        command,
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="latin-1",
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
            late = False
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            late = True
    return read(output, late=late, seconds=time.monotonic() - begin)


def read(output: str, *, late: bool = False, seconds: float = 0.0) -> TlcRun:
    """Read the text of a run with `-tool`."""
    messages = [(int(m[1]), m[2], m[3].strip()) for m in _MESSAGE.finditer(output)]
    codes = {code for code, _, _ in messages}
    outcome = Outcome.TIMEOUT if late else _outcome(codes)
    errors = [text for code, level, text in messages if code in _ERRORS or level == _SEVERITY_ERROR]
    if outcome is Outcome.ERROR and not errors:
        errors = [output.strip()[-2000:]]
    counts = _COUNTS.search(_last(messages, _COUNTS_CODE))
    depth = _DEPTH.search(_last(messages, _DEPTH_CODE))
    back = _BACK.search(_last(messages, _BACK_CODE))
    rest = _MESSAGE.sub("", output)
    violated = (_NAMED.search(text) for code, _, text in messages if code != _SUCCESS)
    return TlcRun(
        outcome=outcome,
        violated=next((m[1] for m in violated if m), "") if outcome is not Outcome.HOLDS else "",
        generated=_number(counts[1]) if counts else 0,
        distinct=_number(counts[2]) if counts else 0,
        depth=_number(depth[1]) if depth else 0,
        printed=tuple(line for line in rest.splitlines() if line.startswith(("<<", '"', "["))),
        trace=tuple(_states(messages)),
        back_to=int(back[1]) if back else 0,
        errors=tuple(errors),
        seconds=seconds,
        raw=output,
    )


def _outcome(codes: set[int]) -> Outcome:
    for named, outcome in (
        (_INVARIANT, Outcome.INVARIANT),
        (_ACTION_PROPERTY, Outcome.ACTION_PROPERTY),
        (_LIVENESS, Outcome.LIVENESS),
        (_DEADLOCK, Outcome.DEADLOCK),
    ):
        if codes & named:
            return outcome
    return Outcome.HOLDS if _SUCCESS in codes and not codes & _ERRORS else Outcome.ERROR


def _states(messages: list[tuple[int, str, str]]) -> list[State]:
    states: list[State] = []
    for code, _, text in messages:
        match = _STATE.match(text) if code == _STATE_CODE else None
        if match is not None:
            states.append(State(int(match[1]), match[2], match[3].strip()))
        elif code == _STUTTERS_CODE:
            states.append(State(len(states) + 1, "Stuttering", states[-1].text if states else ""))
    return states


def _last(messages: list[tuple[int, str, str]], code: int) -> str:
    return next((text for c, _, text in reversed(messages) if c == code), "")


def _number(text: str) -> int:
    return int(text.replace(",", ""))
