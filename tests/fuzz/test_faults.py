"""Bugs that RocketMQ really had: each is noticed, and its checks pass without it."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance import results
from fuzz.faults import repro
from fuzz.faults.fault import PREVENTED, Fault, faults
from fuzz.faults.notice import by_tests, notices, sober
from fuzz.stateful.registry import machines
from refimpl.cli.faults import faults_group

BANK = faults()
QUICK = ("B23", "B49", "#10987")
ROUNDS = 3  # of a machine, from the seed that the fault names


def test_the_bank_is_large_and_whole() -> None:
    assert len(BANK) >= 30
    assert not set(BANK) & set(PREVENTED)
    for name, fault in BANK.items():
        assert fault.issue.startswith(("#", "ROCKETMQ-")), name
        assert fault.machines or fault.tests, f"{name} has no check in its own layer"
        assert bool(fault.cases) != bool(fault.hidden), f"{name}: a case, or why there is none"
        assert set(fault.machines) <= set(machines()), name


@pytest.mark.parametrize("name", BANK)
def test_its_patch_fits_the_core(name: str) -> None:
    """What it replaces is still there: else nobody would hear of it before the long run."""
    with BANK[name].patch():
        pass


@pytest.mark.parametrize("name", QUICK)
def test_its_cases_notice_a_fault_and_pass_without_it(name: str) -> None:
    fault = BANK[name]
    found = next(notices(name, fault))
    assert found.noticed
    assert found.said
    assert not sober(fault).noticed


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BANK if BANK[name].cases])
def test_every_fault_that_a_client_could_see_breaks_a_case(name: str) -> None:
    assert next(notices(name, BANK[name])).noticed
    assert not sober(BANK[name]).noticed


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BANK if not BANK[name].cases])
def test_every_hidden_fault_breaks_a_check_of_its_layer(name: str) -> None:
    assert any(n.noticed for n in notices(name, BANK[name], ROUNDS, BANK[name].seed))


def test_a_test_of_its_layer_notices_a_fault_and_is_not_broken_without_it() -> None:
    """In a process of its own, so that nothing of this one is patched."""
    found = by_tests("B37", BANK["B37"])
    assert found.said.endswith("::test_a_reset_works_without_a_record")
    assert found.steps == 1
    harmless = replace(
        BANK["B37"], tests=("tests/fuzz/test_faults.py::test_an_unknown_fault_is_refused",)
    )
    assert not by_tests("B37", harmless).noticed


def test_the_table_names_who_noticed() -> None:
    done = CliRunner().invoke(faults_group, ["run", "--fault", "#10987"])
    assert done.exit_code == 0
    assert "noticed" in done.output
    assert "BROKER-OFFSET-16/asking-deletes-nothing" in done.output
    listed = CliRunner().invoke(faults_group, ["list"])
    assert all(name in listed.output for name in (*BANK, *PREVENTED))


def test_an_unknown_fault_is_refused() -> None:
    done = CliRunner().invoke(faults_group, ["run", "--fault", "B99"])
    assert done.exit_code == 2
    assert "no fault B99" in done.output


def test_a_fault_that_nobody_notices_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = Fault("#0", "store", "Nothing", patch=nullcontext)
    monkeypatch.setattr("fuzz.faults.fault.faults", lambda: {"none": harmless})
    done = CliRunner().invoke(faults_group, ["run"])
    assert done.exit_code == 1
    assert "not noticed: none" in done.output


def test_bugs_are_looked_at_and_the_looks_recorded(tmp_path: Path) -> None:
    path = tmp_path / "looks.json"
    words = ["repro", "3358", "#2133", "--target", "reference", "--json", str(path)]
    done = CliRunner().invoke(faults_group, words)
    assert done.exit_code == 0, done.output
    assert done.output.count("absent") == 2
    assert {c.case for c in results.read(path).targets[0].cases} == {
        "BROKER-SCHEDULE-1/offset-behind-the-end",
        "BROKER-ADMIN-7/finished-transactions-stay-finished",
    }
    recorded = CliRunner().invoke(faults_group, ["record", str(path)])
    assert "#3358" in recorded.output


def test_a_look_that_contradicts_the_catalogue_is_told() -> None:
    trophy = repro.chosen(["B49"])[0]
    assert repro.Look(trophy, "apache-4.6.1", shown=False, said="").contradicts
    assert repro.Look(trophy, "apache-4.9.7", shown=True, said="").contradicts
    assert not repro.Look(trophy, "apache-4.6.1", shown=True, said="").contradicts


@pytest.mark.parametrize(
    "words", [["#1", "--target", "reference"], ["B49", "--target", "apache-1.0"]]
)
def test_an_unknown_issue_or_target_is_refused(words: list[str]) -> None:
    assert CliRunner().invoke(faults_group, ["repro", *words]).exit_code == 2
