"""The campaign of kills on the reference in this process, and that it notices what is lost."""

from unittest.mock import patch

import pytest

from fuzz import kills
from refimpl.store.message_store import MessageStore


@pytest.mark.parametrize("flush", ["sync", "async"])
@pytest.mark.parametrize("release", ["4.6", "4.9", "5.5"])
def test_nothing_is_lost(release: str, flush: str, capsys: pytest.CaptureFixture[str]) -> None:
    """STORE-RECOVERY-1, STORE-RECOVERY-4, STORE-RECOVERY-5."""
    words = ["--target", "reference", "--release", release, "--flush", flush, "--lives", "8"]
    assert kills.main(words) == 0
    assert "8 lives" in capsys.readouterr().out


def test_a_broker_that_shows_too_little_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    """BROKER-LIFECYCLE-12."""
    with patch.object(MessageStore, "catch_up", lambda _self, _now: True):
        assert kills.main(["--target", "reference", "--lives", "3", "--stop", "1"]) == 1
    assert "is known" in capsys.readouterr().out


def test_a_queue_offset_given_twice_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    """STORE-RECOVERY-5."""
    with patch.object(MessageStore, "_recover_topic_queue_table", lambda _self, _read: None):
        assert kills.main(["--target", "reference", "--lives", "3", "--stop", "2"]) == 1
    assert "2 promises broken" in capsys.readouterr().out


def test_a_target_that_cannot_be_killed_is_a_visible_skip(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert kills.main(["--target", "address:127.0.0.1:1,127.0.0.1:2"]) == 2
    assert "has no kill, start" in capsys.readouterr().out


def test_an_unknown_target_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        kills.main(["--target", "nonsense"])
    assert "nonsense" in capsys.readouterr().err
