"""`rmqref explore`: every history of a small store, with the certificate of what was seen."""

import time

import click

from refimpl.model.release import RELEASES
from refimpl.sim.automata_scope import GroupCommitBound, ok_is_durable, walk
from refimpl.sim.small_scope import FLUSH_MODES, Bound, explore


@click.command(name="explore")
@click.option("--release", type=click.Choice(list(RELEASES)), default="4.9", show_default=True)
@click.option("--mode", type=click.Choice(list(FLUSH_MODES)), default="sync", show_default=True)
@click.option("--puts", type=click.IntRange(0, 9), help="Messages; default: two bounds, see below.")
@click.option("--ticks", type=click.IntRange(0, 9), default=0, help="Jumps of the clock.")
@click.option("--crashes", type=click.IntRange(0, 3), default=1, help="Kills and power failures.")
@click.option("--failures", type=click.IntRange(0, 9), default=0, help="Forces that fail.")
@click.option("--images", type=click.IntRange(1), default=512, help="Of one power failure.")
@click.option("--any-order", is_flag=True, help="Names survive a power failure in any order.")
def explore_command(  # noqa: PLR0917 - one argument an option
    release: str,
    mode: str,
    puts: int | None,
    ticks: int,
    crashes: int,
    failures: int,
    images: int,
    any_order: bool,
) -> None:
    """Visit every state of a store within a bound and check every promise in each.

    Without --puts (and then without a look at --crashes): two messages and one crash, one message
    and two crashes (the second also in the middle of the first recovery), and the automaton of the
    group commit alone. Exit status: 0 every promise is kept, 1 one is broken.
    """
    sizes = [(2, 1), (1, 2)] if puts is None else [(puts, crashes)]
    broken = 0
    for most, ends in sizes:
        begun = time.monotonic()
        bound = Bound(release, mode, most, ticks, ends, failures, images, any_order=any_order)
        certificate = explore(bound)
        click.echo(f"{certificate.text()} ({time.monotonic() - begun:.1f} s)")
        for violation in certificate.violations:
            click.echo(f"  {violation}")
        broken += len(certificate.violations)
    if puts is None:
        begun = time.monotonic()
        walked = walk(GroupCommitBound(), ok_is_durable)
        seconds = time.monotonic() - begun
        click.echo(
            f"GroupCommit: {len(walked.states)} states, {walked.transitions} transitions, "
            f"OkIsDurable holds ({seconds:.1f} s, {walked.transitions / seconds:.0f} a second)"
        )
    raise SystemExit(1 if broken else 0)
