"""Altered traces: the model refuses them, or it is said why they are as good."""

import pytest

from refimpl.model.prng import Prng
from refimpl.model.trace_file import lines
from refimpl.tlc import locate, mutation
from refimpl.tlc.locate import TlcMissing
from tests.tlc.test_trace_check import HONEST


@pytest.mark.slow
def test_most_alterations_are_refused_and_the_rest_have_a_reason() -> None:
    try:
        locate.find()
    except TlcMissing as missing:
        pytest.skip(missing.reason)
    found = mutation.power([HONEST], "GroupCommit", 40, Prng(3))
    assert len(found) == 40
    assert sum(one.refused for one in found) >= 34
    for one in found:
        assert one.refused or one.reason, one.mutant
        assert list(lines(one.mutant.trace))[1:] != list(lines(HONEST))[1:]  # tuples have no type


def test_the_same_seed_alters_the_same() -> None:
    kinds = [
        [(m.how, m.event) for m in mutation._mutants(HONEST, "MappedFileQueue", 30, Prng(seed))]
        for seed in (1, 1, 2)
    ]
    assert kinds[0] == kinds[1] != kinds[2]
    assert {how.partition(" ")[0] for how, _ in kinds[0]} == {"drop", "duplicate", "swap", "change"}
