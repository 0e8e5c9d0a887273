"""From the words of `--target` to a target."""

from collections.abc import Callable

from conformance.target import Target
from refimpl.model.release import DEFAULT_RELEASE, RELEASES

KINDS = (
    "reference",
    "reference-tcp",
    *(f"apache-{release.apache}" for release in RELEASES.values()),
    "command:COMMAND",
    "command:NAMESRV,BROKER:COMMAND",
    "address:NAMESRV,BROKER",
    "misbehaving:HOW:TARGET",
)


class UnknownTarget(Exception):
    """The words after `--target` mean nothing."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"target {text!r}: {reason}")


def choose(text: str, release: str | None = None) -> Target:
    """The target named `text`; adapters are imported only when chosen. Raises `UnknownTarget`."""
    kind, _, rest = text.partition(":")
    if kind.startswith("apache-"):
        return _apache(text, release)
    make = _MAKERS.get(kind)
    if make is None:
        raise UnknownTarget(text, f"one of {', '.join(KINDS)} is wanted")
    try:
        return make(text, rest, release or DEFAULT_RELEASE.name)
    except ValueError as error:
        raise UnknownTarget(text, str(error)) from error


def _apache(text: str, release: str | None) -> Target:
    from conformance.targets.apache.target import (  # noqa: PLC0415 - adapters are rarely wanted
        APACHE_RELEASES,
        ApacheTarget,
    )

    version = text.removeprefix("apache-")
    if version not in APACHE_RELEASES:
        raise UnknownTarget(text, f"releases that are known: {', '.join(APACHE_RELEASES)}")
    if release not in (None, APACHE_RELEASES[version]):
        raise UnknownTarget(text, f"is {APACHE_RELEASES[version]}, not {release}")
    return ApacheTarget(version)


def _reference(text: str, rest: str, release: str) -> Target:
    from conformance.targets.reference import ReferenceTarget  # noqa: PLC0415 - as above

    _nothing_behind(text, rest)
    return ReferenceTarget(release)


def _reference_tcp(text: str, rest: str, release: str) -> Target:
    from conformance.targets.command import ReferenceTcpTarget  # noqa: PLC0415 - as above

    _nothing_behind(text, rest)
    return ReferenceTcpTarget(release)


def _command(text: str, rest: str, release: str) -> Target:
    from conformance.targets.command import parse_command  # noqa: PLC0415 - as above

    if not rest.strip():
        raise ValueError("command: what?")
    return parse_command(text, release, rest)


def _address(text: str, rest: str, release: str) -> Target:
    from conformance.targets.address import AddressTarget, parse_address  # noqa: PLC0415 - as above

    namesrv, comma, broker = rest.partition(",")
    if not comma:
        raise ValueError("address:NAMESRV,BROKER is wanted")
    return AddressTarget(
        text, release, parse_address(namesrv) if namesrv else None, parse_address(broker)
    )


def _misbehaving(_text: str, rest: str, release: str) -> Target:
    from conformance.targets.misbehaving import (  # noqa: PLC0415 - as above
        MISBEHAVIOURS,
        MisbehavingTarget,
    )

    how, _, inner = rest.partition(":")
    if how not in MISBEHAVIOURS:
        raise ValueError(f"one of {', '.join(MISBEHAVIOURS)} is wanted")
    return MisbehavingTarget(choose(inner or "reference", release), how)


def _nothing_behind(text: str, rest: str) -> None:
    if rest:
        raise ValueError(f"nothing may follow {text.partition(':')[0]}")


_MAKERS: dict[str, Callable[[str, str, str], Target]] = {
    "reference": _reference,
    "reference-tcp": _reference_tcp,
    "command": _command,
    "address": _address,
    "misbehaving": _misbehaving,
}
