"""The hunt finds nothing in the store as it is, and what is broken in it, shortened."""

import pytest

from fuzz import store_hunt
from fuzz.planted import store_side

SEEDS = ["--seed", "1", "--runs", "20", "--length", "60"]


def test_nothing_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    """STORE-PROMISE-1..12, in twenty runs."""
    assert store_hunt.main(SEEDS) == 0
    assert capsys.readouterr().out.endswith(": 0 broke a promise\n")


def test_a_planted_bug_is_found_and_its_schedule_shortened(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """STORE-PROMISE-10."""
    with store_side.dispatch_skips():
        assert store_hunt.main([*SEEDS, "--stop", "1"]) == 1
    setting, *steps, said, count = capsys.readouterr().out.splitlines()
    assert setting.startswith("Setting(release=")
    assert said.startswith("  STORE-PROMISE-10: the record at ")
    assert count.endswith(": 1 broke a promise")
    assert len(steps) == 2, "a put, and what dispatches it"


def test_a_schedule_that_broke_is_the_same_again() -> None:
    with store_side.dispatch_skips():
        first, again = (next(store_hunt.hunt(1, 1, 60)) for _ in range(2))
    assert first == again
