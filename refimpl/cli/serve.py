"""`rmqref serve`, `rmqref namesrv`, `rmqref broker`: the reference on loopback.

Exit status: 0 after an orderly stop, 1 where a node refused to start or did not stop, 2 for a
wrong option.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import click

from refimpl.model.config import Config
from refimpl.model.errors import InvalidInput, StartRefused
from refimpl.model.ids import Address
from refimpl.model.properties_file import parse_properties
from refimpl.model.release import DEFAULT_RELEASE, RELEASES
from refimpl.runtime.serve import (
    LOOPBACK,
    BrokerPlan,
    NameServerPlan,
    Ready,
    serve,
)

_FLUSH = {"async": "ASYNC_FLUSH", "sync": "SYNC_FLUSH"}


_release = click.option(
    "--release",
    type=click.Choice(list(RELEASES)),
    default=DEFAULT_RELEASE.name,
    show_default=True,
    help="Which release of RocketMQ to be.",
)
_store = click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of the store; without it a temporary one, removed at the end.",
)
_settings = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A configuration entry by RocketMQ's own name; repeatable.",
)
_config_file = click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A RocketMQ properties file.",
)
_flush = click.option("--flush", type=click.Choice(list(_FLUSH)), help="flushDiskType.")
_broker_name = click.option("--broker-name", help="brokerName  [default: broker-a]")
_cluster = click.option("--cluster", help="brokerClusterName  [default: DefaultCluster]")
_seed = click.option("--seed", type=int, default=0, help="Of the broker's dice.")


@click.command("serve")
@click.option("--namesrv-port", type=int, default=9876, show_default=True, help="0 takes any.")
@click.option(
    "--broker-port", type=int, default=10911, show_default=True, help="0 takes any; fast port -2."
)
@_store
@_release
@_flush
@_broker_name
@_cluster
@_seed
@_settings
@_config_file
def serve_command(
    *,
    namesrv_port: int,
    broker_port: int,
    store: Path | None,
    release: str,
    flush: str | None,
    broker_name: str | None,
    cluster: str | None,
    seed: int,
    settings: tuple[str, ...],
    config_file: Path | None,
) -> None:
    """Start name server and broker in one process on loopback."""
    with ExitStack() as stack:
        root = _store_root(stack, store)
        given = _given(settings, config_file)
        overrides = _overrides(given, flush, broker_name, cluster, root)
        name_server = NameServerPlan(
            release=RELEASES[release],
            port=namesrv_port,
            store=root / "namesrv",
            config=_config(release, "namesrv", {}),
        )
        broker = _broker_plan(release, broker_port, root, overrides, seed)
        _run(name_server, broker)


@click.command("namesrv")
@click.option("--port", type=int, default=9876, show_default=True, help="0 takes any.")
@_store
@_release
@_settings
@_config_file
def namesrv_command(
    *,
    port: int,
    store: Path | None,
    release: str,
    settings: tuple[str, ...],
    config_file: Path | None,
) -> None:
    """Start a name server alone."""
    with ExitStack() as stack:
        plan = NameServerPlan(
            release=RELEASES[release],
            port=port,
            store=_store_root(stack, store),
            config=_config(release, "namesrv", _given(settings, config_file)),
        )
        _run(plan, None)


@click.command("broker")
@click.option("--port", type=int, default=10911, show_default=True, help="0 takes any.")
@click.option("--namesrv", help="HOST:PORT;HOST:PORT of the name servers.")
@_store
@_release
@_flush
@_broker_name
@_cluster
@_seed
@_settings
@_config_file
def broker_command(
    *,
    port: int,
    namesrv: str | None,
    store: Path | None,
    release: str,
    flush: str | None,
    broker_name: str | None,
    cluster: str | None,
    seed: int,
    settings: tuple[str, ...],
    config_file: Path | None,
) -> None:
    """Start a broker alone."""
    with ExitStack() as stack:
        root = _store_root(stack, store)
        given = _given(settings, config_file)
        if namesrv is not None:
            given["namesrvAddr"] = namesrv
        overrides = _overrides(given, flush, broker_name, cluster, root)
        _run(None, _broker_plan(release, port, root, overrides, seed))


def _store_root(stack: ExitStack, store: Path | None) -> Path:
    if store is not None:
        return store.resolve()
    import tempfile  # noqa: PLC0415 - it brings much with it, and most name their store

    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rmqref-")))


def _given(settings: tuple[str, ...], config_file: Path | None) -> dict[str, str]:
    """Entries of the file, then those of the command line on top."""
    given = {} if config_file is None else dict(parse_properties(config_file.read_text("utf-8")))
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator:
            raise click.BadParameter(f"{setting!r} is not KEY=VALUE", param_hint="--set")
        given[key.strip()] = value.strip()
    return given


def _overrides(
    given: Mapping[str, str],
    flush: str | None,
    broker_name: str | None,
    cluster: str | None,
    root: Path,
) -> dict[str, str]:
    overrides = {
        "brokerName": "broker-a",
        "brokerIP1": LOOPBACK,
        "brokerIP2": LOOPBACK,
        **given,
        "storePathRootDir": str(root),
        "storePathCommitLog": str(root / "commitlog"),
    }
    if flush is not None:
        overrides["flushDiskType"] = _FLUSH[flush]
    if broker_name is not None:
        overrides["brokerName"] = broker_name
    if cluster is not None:
        overrides["brokerClusterName"] = cluster
    return overrides


def _broker_plan(
    release: str, port: int, root: Path, overrides: Mapping[str, str], seed: int
) -> BrokerPlan:
    def make_config(bound: int) -> Config:
        return _config(release, "broker", {**overrides, "listenPort": str(bound)})

    named = make_config(port).text("namesrvAddr") if "namesrvAddr" in overrides else ""
    return BrokerPlan(
        release=RELEASES[release],
        port=port,
        store=root,
        make_config=make_config,
        namesrv=[_address(text) for text in named.split(";") if text],
        seed=seed,
    )


def _config(
    release: str, kind: Literal["broker", "namesrv"], overrides: Mapping[str, str]
) -> Config:
    try:
        return Config.strict(RELEASES[release], kind, overrides)
    except InvalidInput as error:
        raise click.BadParameter(str(error), param_hint="--set or --config") from error


def _address(text: str) -> Address:
    host, _, port = text.strip().rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter(f"{text!r} is not HOST:PORT", param_hint="--namesrv")
    return Address(host, int(port))


def _run(name_server: NameServerPlan | None, broker: BrokerPlan | None) -> None:
    def announce(ready: Ready) -> None:
        click.echo(ready.line())

    try:
        finished = serve(name_server, broker, announce)
    except StartRefused as error:
        raise click.ClickException(error.reason) from error
    if not finished:
        raise click.ClickException("a node did not stop in time and was dropped")
