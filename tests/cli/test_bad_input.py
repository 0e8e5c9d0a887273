"""Bad input to a command ends with one clear error, a status that is not 0, and nothing written."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from refimpl.cli.__main__ import main

WRONG = [
    ("store inspect none", "none is no store"),
    ("store verify none", "none is no store"),
    ("store verify . --release 4.8", "'4.8' is not one of"),
    ("store verify . --property maxHashSlotNum", "takes NAME=VALUE"),
    ("store diff . none", "is no store"),
    ("model check None", "no model of that name"),
    ("model check --seconds 0", "'--seconds'"),
    ("model check --workers 0", "'--workers'"),
    ("model graph None --output new", "no model of that name"),
    ("model graph Dispatch --seconds -1", "'--seconds'"),
    ("model explain None --test new", "no model of that name"),
    ("model explain Dispatch --seconds 0", "'--seconds'"),
    ("model parity Recovery", "no parity for Recovery"),
    ("model parity Dispatch --seconds 0", "'--seconds'"),
    ("trace check none", "'none' does not exist"),
    ("trace check empty", "holds no trace"),
    ("trace check empty --seconds 0", "'--seconds'"),
    ("trace check empty --model Nothing", "'Nothing' is not one of"),
    ("trace power empty --traces 0", "'--traces'"),
    ("trace power empty --mutants -1", "'--mutants'"),
    ("faults run --fault NONE", "no fault NONE"),
    ("faults run --rounds 0", "'--rounds'"),
    ("faults rules --rule NONE", "no slip for NONE"),
    ("faults rules --workers 0", "'--workers'"),
    ("faults repro --target apache-4.6.1 --json new", "give issues, or --all"),
    ("faults repro NONE --target apache-4.6.1 --json new", "unknown: 'NONE'"),
    ("faults repro S06 --target none --json new", "unknown"),
    ("faults record none", "'none' does not exist"),
    ("explore --puts 10", "'--puts'"),
    ("explore --images 0", "'--images'"),
    ("explore --mode fast", "'fast' is not one of"),
]


@pytest.mark.parametrize(("line", "words"), WRONG)
def test_bad_input_is_refused(
    line: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").touch()
    done = CliRunner().invoke(main, line.split())
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code > 0
    assert done.stdout == ""
    assert words in done.stderr.splitlines()[-1]
    assert [str(path) for path in Path().iterdir()] == ["empty"]
    assert Path("empty").stat().st_size == 0
