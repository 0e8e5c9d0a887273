"""Steps in which the reference need not do as Apache did, each with its reason."""

_CLIENT: dict[str, dict[str, str]] = {
    "4.6": {"pull.beyond-max": "STORE-READ-5", "admin.queryConsumeQueue": "BROKER-ADMIN-38"},
}
_MQADMIN: dict[str, dict[str, str]] = {
    "4.6": {
        "queryCq -t AdmTopic -q 0 -i 0 -c 4 -b {broker}": "BROKER-ADMIN-38",
        "queryCq -t AdmTopic -q 0 -i 0 -c 4 -b {broker} -g AdmGroup": "BROKER-ADMIN-38",
    },
}
# A 5.5 broker keeps the offset to reset to for the next pull of the queue, and a 4.x client that it
# sends back writes its own offset at the same time: one of two runs starts again.
_UNSTABLE: dict[str, frozenset[str]] = {
    "java-4.6.1-on-5.5": frozenset({"reset.consumed-again"}),
    "java-4.9.7-on-5.5": frozenset({"reset.consumed-again"}),
}


def client_deviations(release: str) -> dict[str, str]:
    """Rule IDs by the name of the step: rules that say `[Deviates from ...]` and why.

    A step listed here that agrees again fails its test: the list may not outlive its reasons.
    """
    return _CLIENT.get(release, {})


def mqadmin_deviations(release: str) -> dict[str, str]:
    """The same for the lines of mqadmin."""
    return _MQADMIN.get(release, {})


def unstable(recording: str) -> frozenset[str]:
    """Steps that came out differently in the runs on Apache itself: nothing to compare with."""
    return _UNSTABLE.get(recording, frozenset())
