"""Same seed, same bytes: on the wire, on the disk, on the clock, under any PYTHONHASHSEED."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def digest(seed: int, hash_seed: int) -> list[str]:
    run = subprocess.run(
        [sys.executable, str(HERE / "determinism_scenario.py"), str(seed)],
        cwd=HERE.parent,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.mark.parametrize("seed", [1, 20261123])
def test_two_runs_are_one(seed: int) -> None:
    first = digest(seed, 0)
    assert len(first) == 6
    assert first == digest(seed, 4242)


def test_another_seed_is_another_life() -> None:
    first, second = digest(1, 0), digest(2, 0)
    assert all(a != b for a, b in zip(first, second, strict=True))
