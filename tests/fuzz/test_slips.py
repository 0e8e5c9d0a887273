"""Slips: each rule of the store has one that fits; who notices all is `rmqref faults rules`."""

import pytest
from click.testing import CliRunner

from conformance.case import load_cases
from conformance.requirements import read_specification
from fuzz.slips import notice
from fuzz.slips.slip import Constant, Edit, slipped, slips
from refimpl.cli.faults import faults_group
from refimpl.model import message_codec
from refimpl.store import append_message, recovery
from refimpl.store.mapped_file import MappedFile

SLIPS = slips()
LOG_4 = "STORE-LOG-4"


def test_every_rule_of_the_store_has_a_slip() -> None:
    rules = {r for r in read_specification().rules if r.startswith("STORE-")}
    assert set(SLIPS) == rules


@pytest.mark.parametrize("rule", SLIPS)
def test_a_slip_fits(rule: str) -> None:
    with slipped(SLIPS[rule]):
        pass


def test_a_slip_is_on_only_while_it_is() -> None:
    def boundary() -> bool:
        return MappedFile.is_able_to_flush(mapped_file, 1)

    mapped_file = MappedFile.__new__(MappedFile)
    mapped_file.file_size, mapped_file.wrote_position, mapped_file.flushed_position = 9999, 4096, 0
    mapped_file.write_buffer = None
    assert boundary()
    with slipped(SLIPS["STORE-FLUSH-6"]):
        assert not boundary()
    assert boundary()


def test_a_constant_is_another_where_it_was_imported_too() -> None:
    slip = Constant(message_codec, "PROPERTIES_MAX_LENGTH", 7)
    with slipped(slip):
        assert vars(append_message)["PROPERTIES_MAX_LENGTH"] == 7
    assert vars(append_message)["PROPERTIES_MAX_LENGTH"] == message_codec.PROPERTIES_MAX_LENGTH


def test_an_edit_that_does_not_fit_is_told() -> None:
    with (
        pytest.raises(AssertionError, match="0 times"),
        slipped(Edit(recovery, "blank_tail", "no such text", "")),
    ):
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
