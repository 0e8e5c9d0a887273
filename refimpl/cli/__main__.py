"""`rmqref`: one command, its parts imported only when they are asked for."""

import gc

gc.disable()  # nothing becomes garbage while modules are imported, but the collector looks for it

import importlib  # noqa: E402 - see above

import click  # noqa: E402 - see above

from refimpl.model.override import override  # noqa: E402 - see above

_COMMANDS = {  # name -> module of this package, attribute
    "serve": ("refimpl.cli.serve", "serve_command"),
    "namesrv": ("refimpl.cli.serve", "namesrv_command"),
    "broker": ("refimpl.cli.serve", "broker_command"),
    "releases": ("refimpl.cli.releases", "releases_command"),
    "store": ("refimpl.cli.store", "store_group"),
    "model": ("refimpl.cli.model", "model_group"),
    "trace": ("refimpl.cli.trace", "trace_group"),
    "conformance": ("refimpl.cli.conformance", "conformance_group"),
    "explore": ("refimpl.cli.explore", "explore_command"),
    "faults": ("refimpl.cli.faults", "faults_group"),
}


class _LateGroup(click.Group):
    """A group that imports a command when it is used: `serve` must start fast."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx  # the same
        return list(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx  # where the command is asked for makes no difference
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        gc.enable()
        assert isinstance(command, click.Command)
        return command


@click.command(cls=_LateGroup)
@click.version_option(package_name="rocketmq-refimpl")
def main() -> None:
    """The executable, checkable specification of RocketMQ."""


if __name__ == "__main__":
    main()
