"""Slips: each rule of the store has one that fits; who notices all is `rmqref faults rules`."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.case import load_cases
from conformance.requirements import read_specification
from fuzz.on_purpose.noticing import RunOfTests, run_tests
from fuzz.slips import notice
from fuzz.slips.citing import citing_tests
from fuzz.slips.slip import Edit, slipped, slips
from refimpl.cli.faults import faults_group
from refimpl.store import append_message

SLIPS = slips()
LOG_4 = "STORE-LOG-4"


def test_every_rule_of_the_store_has_a_slip() -> None:
    rules = {r for r in read_specification().rules if r.startswith("STORE-")}
    assert set(SLIPS) == rules


@pytest.mark.parametrize("rule", SLIPS)
def test_a_slip_fits(rule: str) -> None:
    with slipped(SLIPS[rule]):
        pass


def test_a_case_notices() -> None:
    assert notice.by_cases(LOG_4, SLIPS[LOG_4], load_cases()).by.startswith("case ")


def test_an_edit_without_effect_is_noticed_by_nobody() -> None:
    nothing = Edit(append_message, "encode_refusal", "> PROPERTIES_MAX_LENGTH", ">= 32768")
    assert not notice.by_cases(LOG_4, nothing, load_cases()).by


@pytest.mark.slow
def test_only_a_test_that_cites_the_rule_notices() -> None:
    tests = citing_tests()
    assert notice.by_tests("STORE-FLUSH-6", tests["STORE-FLUSH-6"]).by.startswith("test tests/st")
    assert not notice.by_tests("STORE-FLUSH-6", tests["STORE-READ-14"]).by


def test_a_case_that_fails_without_the_slip_notices_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notice, "broken_by", lambda entry, _release: entry.identifier)
    assert not notice.by_cases(LOG_4, SLIPS[LOG_4], load_cases()).by


def test_a_test_that_fails_without_the_slip_notices_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is named, and the others of the rule are asked."""
    asked: list[str] = []

    def failing(tests: Sequence[str], *options: str) -> RunOfTests:
        if "--slip" in options:
            asked.extend(tests)
        return RunOfTests((), (f"{tests[0]}[1-2]",))

    monkeypatch.setattr(notice, "run_tests", failing)
    every = citing_tests()[LOG_4]
    ran = notice.notices({LOG_4: SLIPS[LOG_4]}, (), 1)
    assert ran.not_sober == [min(every)]
    assert asked == [test for test in every if test != min(every)]


TALKATIVE = """
import pytest

@pytest.mark.parametrize("word", ["two words"])
def test_that_says_what_a_report_would(word, capfd):
    with capfd.disabled():
        print("\\n x\\nPASSED\\nFAILED by nobody")

@pytest.fixture
def unclean():
    yield
    raise OSError

def test_that_cleans_up_badly(unclean):
    pass
"""


@pytest.mark.parametrize("workers", ["0", "1"])
def test_outcomes_are_not_what_is_printed(tmp_path: Path, workers: str) -> None:
    path = tmp_path / "test_it.py"
    path.write_text(TALKATIVE)
    ran = run_tests([str(path)], "-n", workers)
    names = [test.partition("::")[2] for test in ran.passed]
    assert names == ["test_that_says_what_a_report_would[two words]", "test_that_cleans_up_badly"]
    assert [test.partition("::")[2] for test in ran.failed] == names[1:]


AREA = "STORE"  # no rule of ours is named here
TEXT = '''"""Of MADE-UP-X-1..3."""

def test_one():
    """MADE-UP-X-2: so it is."""

class TestMore:
    """MADE-UP-Y-1, -3."""

    def test_two(self):
        pass

def helper():
    """MADE-UP-X-9."""
'''.replace("MADE-UP", AREA)


def test_tests_cite_by_their_docstrings_or_all_by_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(TEXT, "utf-8")
    one, two = "tests/test_x.py::test_one", "tests/test_x.py::TestMore::test_two"
    assert citing_tests(tmp_path) == {
        f"{AREA}-X-1": [one, two],
        f"{AREA}-X-2": [one],
        f"{AREA}-X-3": [one, two],
        f"{AREA}-Y-1": [two],
        f"{AREA}-Y-3": [two],
    }


def test_the_table_is_printed_and_a_wrong_name_refused() -> None:
    shown = CliRunner().invoke(faults_group, ["rules", "--rule", LOG_4])
    assert shown.exit_code == 0
    assert "append_message.encode_refusal" in shown.output
    refused = CliRunner().invoke(faults_group, ["rules", "--rule", "STORE-NO-*"])
    assert refused.exit_code == 2
    assert "no slip for STORE-NO-*" in refused.output
