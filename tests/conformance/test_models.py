"""Which rules the models of spec/tla are about, and the reason where none is."""

from pathlib import Path

from conformance.models import in_models, not_modelled
from conformance.requirements import read_specification

MODULE = """---- MODULE M ----
(***********************)
(* Rules    STORE-CQ-3, -8..10 (spec/store),  *)
(*          STORE-FLUSH-1, 2   *)
(* Code     refimpl/store/STORE-CQ-99 *)
"""


def test_headers_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "spec" / "tla"
    folder.mkdir(parents=True)
    (folder / "M.tla").write_text(MODULE)
    (folder / "N.tla").write_text("---- MODULE N ----")
    (tmp_path / "spec" / "x.md").write_text("Not modelled: STORE-X-1..2: no reason.\n")
    cq = [f"STORE-CQ-{number}" for number in (3, 8, 9, 10)]
    assert list(in_models(tmp_path)) == [*cq, "STORE-FLUSH-1", "STORE-FLUSH-2"]
    assert in_models(tmp_path)["STORE-CQ-9"] == ["M"]
    assert not_modelled(tmp_path) == dict.fromkeys(("STORE-X-1", "STORE-X-2"), "no reason.")


def test_each_rule_of_the_store_is_modelled_or_says_why_not() -> None:
    rules = {rule for rule in read_specification().rules if rule.startswith("STORE-")}
    modelled, told = set(in_models()), set(not_modelled())
    assert rules - modelled - told == set(), "neither"
    assert modelled & told == set(), "both"


def test_models_name_rules_that_there_are() -> None:
    assert set(in_models()) | set(not_modelled()) <= set(read_specification().rules)
