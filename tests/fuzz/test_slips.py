"""Slips: each rule of the store has one that fits; who notices all is `rmqref faults rules`."""

import pytest
from click.testing import CliRunner

from conformance.case import load_cases
from conformance.requirements import read_specification
from fuzz.slips import notice
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
def test_a_test_notices() -> None:
    assert notice.by_tests("STORE-FLUSH-6").by.startswith("test tests/store/")


def test_the_table_is_printed_and_a_wrong_name_refused() -> None:
    shown = CliRunner().invoke(faults_group, ["rules", "--rule", LOG_4])
    assert shown.exit_code == 0
    assert "append_message.encode_refusal" in shown.output
    refused = CliRunner().invoke(faults_group, ["rules", "--rule", "STORE-NO-*"])
    assert refused.exit_code == 2
    assert "no slip for STORE-NO-*" in refused.output
