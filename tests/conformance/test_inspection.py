"""`rmqref conformance list --rules` and `explain`: who checks, obeys, models and breaks a rule."""

import pytest
from click.testing import CliRunner

from conformance.requirements import read_specification
from refimpl.cli.conformance import conformance_group


@pytest.fixture(scope="module")
def rows() -> dict[str, list[str]]:
    """The table of rules, cell by cell."""
    done = CliRunner().invoke(conformance_group, ["list", "--rules"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    heads = ["rule", "level", "cases", "tests", "code", "models", "fault", "title"]
    assert lines[0].split() == heads
    begins = [lines[0].index(head) for head in heads]
    ends = [*begins[1:], None]
    table = [
        [line[a:b].strip() for a, b in zip(begins, ends, strict=True)]
        for line in lines[2:]
        if " MUST " in line or " SHOULD " in line or " MAY " in line
    ]
    return {row[0]: row for row in table}


def test_every_rule_has_a_row(rows: dict[str, list[str]]) -> None:
    assert list(rows) == list(read_specification().rules)


def test_a_rule_of_the_store_has_code_a_check_a_model_and_a_fault(
    rows: dict[str, list[str]],
) -> None:
    """Where no model is about a rule, its chapter says why: "-"."""
    of_store = [row for rule, row in rows.items() if rule.startswith("STORE-")]
    assert of_store
    for rule, _, cases, tests, code, models, fault, _ in of_store:
        assert int(cases) + int(tests) > 0, rule
        assert int(code) > 0, rule
        assert models == "-" or int(models) > 0, rule
        assert "slip" in fault.split(), rule


def test_a_rule_is_explained_with_all_that_knows_it() -> None:
    shown = CliRunner().invoke(conformance_group, ["explain", "STORE-RECOVERY-6"]).stdout
    for words in ("case  STORE-RECOVERY-6/", "test  tests/store/", "code  refimpl/store/recovery"):
        assert words in shown
    for words in ("model spec/tla/Recovery.tla", "slip  recovery.", "fault:     S06"):
        assert words in shown


def test_an_unknown_rule_is_no_rule() -> None:
    done = CliRunner().invoke(conformance_group, ["explain", "NO-RULE-1"])
    assert done.exit_code == 1
    assert "no rule NO-RULE-1" in done.stderr
