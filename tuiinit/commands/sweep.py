"""`tuiinit sweep`: gains, batch norm and one more axis side by side, and where to start."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..config.intake import take_data
from ..config.own import OWN_SEED, OwnConfig
from ..config.run import MAX_PROCESSES
from ..config.schedule import MAX_STEP
from ..host import streams
from ..host.visible import visible
from ..paper.progress_bar import progress_bar
from .options import config_from, shared_options
from .pair import settings
from .printing import print_json

if TYPE_CHECKING:
    from ..experiments.sweep.plan import Plan

DEFAULT_GAINS = "0.5,1,5/3,3"


@click.command()
@click.argument("target", required=False)
@shared_options
@click.option("--steps", type=click.IntRange(1, MAX_STEP), required=True, help="Minibatches that each cell trains.")
@click.option("--gains", metavar="G,G,… | LOW:HIGH:COUNT", help="[default: 0.5,1,5/3,3; of TARGET, where it has other "
              "axes: as built]")  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each cell.")
@click.option("--axis", "pairs", metavar="NAME=V,V,…", multiple=True, help="A further axis: depth, width, a setting, "
              "or a parameter of TARGET's function. May be given several times.")  # fmt: skip
@click.option("--depths", metavar="N,N,…", help="As --axis depth=…: numbers of hidden layers.")
@click.option("--widths", metavar="N,N,…", help="As --axis width=…: widths of all hidden layers.")
@click.option("--nonlinearities", metavar="NAME,NAME,…", help="As --axis nonlinearity=….")
@click.option("--lrs", metavar="LR,LR,…", help="As --axis lr=….")
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="A parameter of TARGET's function.")
@click.option(
    "--processes",
    type=click.IntRange(1, MAX_PROCESSES),
    help="Engines at once, where there is memory for so many; default: one a core.",
)
@click.option("--engine", "lines", metavar="COMMAND[*N]", multiple=True, help='An engine elsewhere, and how many: "ssh '
              'box tuiinit engine*4". May be given several times.')  # fmt: skip
@click.option("--cluster", metavar="CLUSTER", help="Workers of a Dask cluster: tcp://HOST:8786, file:SCHEDULER.json, "
              "ssh:HOSTS.txt or local:N (needs tuiinit[cluster]).")  # fmt: skip
@click.option("--insecure", is_flag=True, help="Talk to another machine's scheduler without encryption.")
@click.option("--out", metavar="DIR", help="Write results into a folder as they come; the same command goes on there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def sweep(target: str | None, as_json: bool, **options: Any) -> None:
    """Compare gains with batch norm off and on, and recommend where to start.

    --bn or --no-bn keeps to one of the two. With TARGET (FILE.py, FILE.py:name or package.module:name) it is a
    person's own network that is trained, over gains and over parameters of its function.
    """
    from ..experiments.runs import RunError
    from ..experiments.sweep import sweep as sweeps
    from ..paper import sweeps as sweep_tables

    processes, lines, out = options.pop("processes"), options.pop("lines"), options.pop("out")
    cluster, insecure = options.pop("cluster"), options.pop("insecure")
    if len([way for way in (processes, lines, cluster) if way]) > 1:
        raise click.UsageError("--processes, --engine and --cluster are three ways to say where: take one of them")
    if insecure and not cluster:
        raise click.UsageError("--insecure is for --cluster")
    plan = _plan(target, options)
    from ..experiments.cluster import Cluster, Where
    from ..experiments.pool import EngineLine
    from ..experiments.sweep.folder import Folder

    engines = [EngineLine.of(line) for line in lines]
    where = Where.of(cluster, insecure=insecure) if cluster else None
    with ExitStack() as stack:
        folder = stack.enter_context(Folder(Path(out), plan)) if out is not None else None
        progress = stack.enter_context(progress_bar("sweeping"))
        cells = sweeps.run(
            plan,
            processes=processes,
            progress=progress,
            engines=engines,
            kept=folder.kept if folder else None,
            warn=_warn,
            executor=stack.enter_context(Cluster(where, progress=progress, warn=_warn)) if where else None,
        )
        if folder is not None:
            folder.finish(cells, sweep_tables.as_json(plan, cells))
    if as_json:
        print_json(sweep_tables.as_json(plan, cells))
    else:
        from rich.console import Console

        sweep_tables.print_sweep(plan, cells, Console(highlight=False))
    if not any(cell.sound for cell in cells):
        raise RunError("no cell of the sweep came through")


def _warn(sentence: str) -> None:
    streams.say(visible(f"tuiinit: {sentence}") + "\n")


def _plan(target: str | None, options: dict[str, Any]) -> Plan:
    """What the options ask for. Raises ConfigError."""
    from ..experiments.sweep.plan import AXIS_OPTIONS, Plan, parse_axes, parse_gains

    steps, seeds, gains = options.pop("steps"), options.pop("seeds"), options.pop("gains")
    given, pairs = settings(options.pop("given")), options.pop("pairs")
    named = {name: options.pop(name) for name in AXIS_OPTIONS}
    if target is None:
        if given:
            raise click.UsageError("--set is for a parameter of a TARGET's function")
        if options["gain"] is not None:
            raise click.UsageError("tuiinit sweep takes --gains, not --gain")
        states = (False, True) if options["bn"] is None else (options["bn"],)
        base = take_data(config_from(options))
        return Plan(base, parse_gains(gains or DEFAULT_GAINS), steps, states, parse_axes(named, pairs), seeds)
    seed, device = options.pop("seed"), options.pop("device")
    if others := [name for name, value in options.items() if value not in (None, ())]:
        raise click.UsageError(f"--{others[0].replace('_', '-')} is for the built-in network, not for {target}")
    own = OwnConfig(
        target=target,
        settings=tuple(given.items()),
        device=device or "auto",
        seed=OWN_SEED if seed is None else seed,
    )
    axes = parse_axes(named, pairs, own=True)
    chosen = parse_gains(gains or DEFAULT_GAINS) if gains or not axes else (None,)
    return Plan(own, chosen, steps, axes=axes, seeds=seeds)
