"""Steps in which the reference does not do as Apache did, each by a rule that says so.

The rule carries `[Deviates from ...]` and the reason. A step listed here that agrees again fails
its test: the list may not outlive its reasons.
"""

_BY_RELEASE: dict[str, dict[str, str]] = {
    "4.6": {"pull.beyond-max": "STORE-READ-5"},
}


def deviations(release: str) -> dict[str, str]:
    """Rule IDs by the name of the step."""
    return _BY_RELEASE.get(release, {})
