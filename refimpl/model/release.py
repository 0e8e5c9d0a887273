"""Releases and the switches that they turn: the page to read first.

A difference between two releases is a field here with its rule; code asks the field, never the
number. 4.6 is tied to the published Apache 4.6.1, 4.9 to 4.9.7, 5.5 to 5.5.0. Default is 4.9.
Add a switch where you need one: field, rule ID in the comment, and its value in each of the rows.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a broker, a name server and their files look like in one release."""

    name: str  # "4.6", "4.9", "5.5"
    apache: str  # the published release that decides: "4.6.1", "4.9.7", "5.5.0"
    header_version: int  # REMOTING-HEADER: the `version` field of every command
    # --- remoting
    # --- store
    # --- name server
    # --- broker: receive
    answers_unknown_code: bool  # BROKER-LIFECYCLE-1
    rejects_oneway_aloud: bool  # BROKER-LIFECYCLE-3: flow control answers one-way too
    unregistered_codes: frozenset[int]  # BROKER-LIFECYCLE-1: codes of other releases
    # --- broker: pull and offsets
    # --- broker: administration


RELEASE_4_6 = Release(
    name="4.6",
    apache="4.6.1",
    header_version=335,
    answers_unknown_code=False,
    rejects_oneway_aloud=True,
    unregistered_codes=frozenset({328, 329, 361}),
)

RELEASE_4_9 = Release(
    name="4.9",
    apache="4.9.7",
    header_version=407,
    answers_unknown_code=True,
    rejects_oneway_aloud=True,
    unregistered_codes=frozenset({361}),
)

RELEASE_5_5 = Release(
    name="5.5",
    apache="5.5.0",
    header_version=513,
    answers_unknown_code=True,
    rejects_oneway_aloud=False,
    unregistered_codes=frozenset(),
)

RELEASES = {r.name: r for r in (RELEASE_4_6, RELEASE_4_9, RELEASE_5_5)}
DEFAULT_RELEASE = RELEASE_4_9
