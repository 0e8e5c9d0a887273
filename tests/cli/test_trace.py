"""`rmqref trace`: what it prints and how it ends, on good and bad input."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from refimpl.cli.__main__ import main
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace_file import Trace, lines
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.tlc import mutation, trace_check
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.mutation import Mutant, Power
from refimpl.tlc.trace_check import Judged, Verdict
from tests.tlc.judging import need_tlc

SYNC = {"flushDiskType": "SYNC_FLUSH"}


def honest() -> Trace:
    """A put that was answered, of a store that is killed."""
    lab = StoreLab(RELEASE_4_9, SYNC)
    log = TraceLog.of("honest", lab.config, RELEASE_4_9, "make it again")
    lab = StoreLab(RELEASE_4_9, SYNC, CrashDisk(), trace=log)
    lab.put()
    lab.settle()
    lab.kill()
    return log.trace()


HONEST = honest()


def rmqref(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["trace", *map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of one trace."""
    path = tmp_path / "honest.ndjson"
    path.write_text("\n".join(lines(HONEST)) + "\n", "utf-8")
    return path


def judge(monkeypatch: pytest.MonkeyPatch, *verdicts: Verdict) -> None:
    """Let the models say this."""

    def check(traces: list[Trace], *, models: tuple[str, ...], seconds: int) -> list[Judged]:
        assert models
        assert seconds
        return [Judged(traces[0], "GroupCommit", verdict, 1, ("why",)) for verdict in verdicts]

    monkeypatch.setattr(trace_check, "check", check)


# --- bad input


BAD = {
    "no JSON": (b"{\n", "line 1: no JSON"),
    "no object": (b"[]\n", "line 1: no object"),
    "no header": (b'{"e":"SwapRequests","n":1}\n', "line 1: an event before any header"),
    "no text": (b"\xff\xfe\n", "is no text in UTF-8"),
    "no trace": (b"\n", "holds no trace"),
}


@pytest.mark.parametrize("command", ["check", "power"])
@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_trace(command: str, name: str, tmp_path: Path) -> None:
    data, why = BAD[name]
    path = tmp_path / "bad.ndjson"
    path.write_bytes(data)
    result = rmqref(command, path)
    assert result.exit_code == 3
    assert result.output == f"{path}: {why}\n"


def test_an_event_that_tlc_cannot_read(tmp_path: Path) -> None:
    """Numbers of TLC have 31 bits."""
    path = tmp_path / "far.ndjson"
    header, first, *rest = lines(HONEST)
    entry = json.loads(first) | {"max_offset": 2**31}
    path.write_text("\n".join([header, json.dumps(entry), *rest]), "utf-8")
    result = rmqref("check", path)
    assert result.exit_code == 3
    assert "Recovered.max_offset is beyond 31 bits" in result.output
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "power"])
def test_a_file_that_is_not_there(command: str, tmp_path: Path) -> None:
    result = rmqref(command, tmp_path / "nothing.ndjson")
    assert result.exit_code == 2
    assert "does not exist" in result.output


@pytest.mark.parametrize("command", ["check", "power"])
def test_a_model_that_is_not_there(command: str, file: Path) -> None:
    result = rmqref(command, file, "--model", "Nope")
    assert result.exit_code == 2
    assert "'Nope' is not one of" in result.output


def test_a_trace_that_is_not_there(file: Path) -> None:
    result = rmqref("check", file, "--trace", "Nope")
    assert result.exit_code == 3
    assert result.output == "no trace of that name: Nope\n"


@pytest.mark.parametrize("command", ["check", "power"])
def test_without_tlc_one_line_says_how_to_get_it(
    command: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise TlcMissing("no TLC: install the extra `tla`, or set RMQ_TLC_JAR")

    monkeypatch.setattr("refimpl.tlc.runner.find", missing)
    result = rmqref(command, file)
    assert result.exit_code == 2
    assert result.output == "no TLC: install the extra `tla`, or set RMQ_TLC_JAR\n"


# --- verdicts


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ((Verdict.ACCEPTED,), 0),
        ((Verdict.ACCEPTED, Verdict.REFUSED), 1),
        ((Verdict.VIOLATES, Verdict.UNKNOWN), 1),
        ((Verdict.ACCEPTED, Verdict.UNKNOWN), 2),
        ((), 2),
    ],
)
def test_check_ends_as_its_worst_trace(
    verdicts: tuple[Verdict, ...], status: int, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(monkeypatch, *verdicts)
    result = rmqref("check", file)
    assert result.exit_code == status
    for verdict in set(verdicts):
        assert f"{file}: GroupCommit: 1 traces: {verdict.value}" in result.output
    assert result.output.splitlines()[-1].startswith("events: ")


@pytest.mark.parametrize(
    ("became", "status", "told"),
    [
        ((Verdict.ACCEPTED, "", "TraceDispatch"), 1, "drop Append: TraceDispatch refuses it"),
        (
            (Verdict.REFUSED, ""),
            0,
            "1 mutants, 1 refused, 0 equivalent, 0 refused elsewhere, 0 unnoticed",
        ),
        (
            (Verdict.VIOLATES, ""),
            0,
            "1 mutants, 1 refused, 0 equivalent, 0 refused elsewhere, 0 unnoticed",
        ),
        ((Verdict.ACCEPTED, "as good"), 1, "drop Append: as good"),
        ((Verdict.ACCEPTED, ""), 1, "drop Append: UNNOTICED"),
        (
            (Verdict.UNKNOWN, ""),
            2,
            "1 mutants, 0 refused, 0 equivalent, 0 refused elsewhere, 0 unnoticed",
        ),
    ],
)
def test_power_ends_as_its_worst_mutant(
    became: tuple[Verdict, str] | tuple[Verdict, str, str],
    status: int,
    told: str,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdict, *reasons = became
    mutant = Mutant(HONEST, HONEST, "drop", 1, "Append")
    found = [Power(mutant, Judged(HONEST, "GroupCommit", verdict), *reasons)]

    def power(_traces: list[Trace], _model: str, _mutants: int, _prng: Prng) -> list[Power]:
        return found

    monkeypatch.setattr(mutation, "power", power)
    monkeypatch.setattr(mutation, "with_others", lambda found, _model: found)
    result = rmqref("power", file)
    assert result.exit_code == status
    assert told in result.output


def test_power_without_a_mutant_shows_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "power", lambda *_: [])
    assert rmqref("power", file).exit_code == 1


@pytest.mark.slow
def test_an_honest_trace_and_an_altered_one(tmp_path: Path) -> None:
    """The only start of TLC here: both traces in one file, the altered one is named."""
    need_tlc()
    events = [e for e in HONEST.events if type(e).__name__ != "Flushed"]
    altered = Trace(HONEST.header._replace(trace="altered"), tuple(events))
    path = tmp_path / "both.ndjson"
    path.write_text("\n".join([*lines(HONEST), *lines(altered)]), "utf-8")
    result = rmqref("check", path, "--model", "GroupCommit")
    assert result.exit_code == 1
    told = result.output.splitlines()
    assert told[0] == f"altered: {Verdict.REFUSED.value} (TraceGroupCommit)"
    for verdict in (Verdict.ACCEPTED, Verdict.REFUSED):
        assert f"{path}: TraceGroupCommit: 1 traces: {verdict.value}" in told
    assert f"    rmqref trace check {path} --trace altered" in told
    assert "    make it again" in told
    assert not any(line.startswith("honest") for line in told)
