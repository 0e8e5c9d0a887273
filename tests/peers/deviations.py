"""Steps in which the reference need not do as Apache did, each with its reason."""

_BY_RELEASE: dict[str, dict[str, str]] = {
    "4.6": {"pull.beyond-max": "STORE-READ-5"},
}
_UNSTABLE: dict[str, frozenset[str]] = {
    # A 5.5 broker keeps the offset to reset to for the next pull of the queue, and the 4.6 client
    # that it sends back writes its own offset at the same time: one of two runs starts again.
    "java-4.6.1-on-5.5": frozenset({"reset.consumed-again"}),
}


def deviations(release: str) -> dict[str, str]:
    """Rule IDs by the name of the step: rules that say `[Deviates from ...]` and why.

    A step listed here that agrees again fails its test: the list may not outlive its reasons.
    """
    return _BY_RELEASE.get(release, {})


def unstable(recording: str) -> frozenset[str]:
    """Steps that came out differently in the runs on Apache itself: nothing to compare with."""
    return _UNSTABLE.get(recording, frozenset())
