"""TLC found, started and read: the verdict is what it says, never how it exits."""

from pathlib import Path

import pytest

from refimpl.tlc import locate
from refimpl.tlc.locate import TlcMissing
from refimpl.tlc.runner import Outcome, read, run
from tests.tlc.judging import need_tlc

COUNTER = """---- MODULE Counter ----
EXTENDS Integers, TLC
VARIABLE n
Init == n = 0
Up == n < 3 /\\ n' = n + 1 /\\ PrintT(<<"UP", n>>)
Spec == Init /\\ [][Up]_n /\\ WF_n(Up)
Small == n < {bound}
Ends == <>(n = {end})
====
"""


def counter(folder: Path, config: str, *, bound: int = 9, end: int = 3) -> tuple[Path, Path]:
    module, cfg = folder / "Counter.tla", folder / "Counter.cfg"
    module.write_text(COUNTER.format(bound=bound, end=end))
    cfg.write_text(f"SPECIFICATION Spec\n{config}\n")
    return module, cfg


@pytest.fixture(autouse=True)
def tlc() -> None:
    need_tlc()


def test_a_model_that_holds_is_counted(tmp_path: Path) -> None:
    found = run(*counter(tmp_path, "INVARIANTS Small"), seconds=20)
    assert found.holds
    assert (found.distinct, found.depth, found.trace) == (4, 4, ())
    assert found.printed == ('<<"UP", 0>>', '<<"UP", 1>>', '<<"UP", 2>>')


def test_a_broken_invariant_comes_with_states_and_actions(tmp_path: Path) -> None:
    found = run(*counter(tmp_path, "INVARIANTS Small", bound=2), seconds=20)
    assert (found.outcome, found.violated) == (Outcome.INVARIANT, "Small")
    assert [state.action for state in found.trace] == ["Initial predicate", "Up", "Up"]
    assert [state.values() for state in found.trace] == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_a_model_that_does_not_parse_is_an_error(tmp_path: Path) -> None:
    found = run(*counter(tmp_path, "INVARIANTS Nothing"), seconds=20)
    assert found.outcome is Outcome.ERROR
    assert "Nothing" in " ".join(found.errors)


@pytest.mark.slow
def test_a_broken_promise_comes_with_its_loop(tmp_path: Path) -> None:
    found = run(*counter(tmp_path, "PROPERTIES Ends", end=7), seconds=20)
    assert found.outcome is Outcome.LIVENESS
    assert found.trace[-1].action == "Stuttering"
    assert found.distinct == 4, "no verdict before every state was seen"


def test_no_word_of_success_is_no_success() -> None:
    assert read("").outcome is Outcome.ERROR
    assert read("", late=True).outcome is Outcome.TIMEOUT
    success = "@!@!@STARTMSG 2193:0 @!@!@\nfine\n@!@!@ENDMSG 2193 @!@!@\n"
    assert read(success).outcome is Outcome.HOLDS
    error = "@!@!@STARTMSG 1001:1 @!@!@\nno memory\n@!@!@ENDMSG 1001 @!@!@\n"
    assert read(success + error).outcome is Outcome.ERROR


def test_another_jar_than_the_known_one_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locate, "JAR_SHA256", "0" * 64)
    with pytest.raises(TlcMissing, match="sha256"):
        locate.find()
    other = tmp_path / "other.jar"
    monkeypatch.setenv("RMQ_TLC_JAR", str(other))
    with pytest.raises(TlcMissing, match="no file"):
        locate.find()
    other.write_bytes(b"")
    assert locate.find().jar == other  # named by the caller, and the caller's matter
    monkeypatch.setenv("RMQ_JAVA", str(tmp_path / "java"))
    with pytest.raises(TlcMissing, match="RMQ_JAVA"):
        locate.find()
