"""`tuiinit sweep`: gains, batch norm and one more axis side by side, and where to start."""

from __future__ import annotations

from typing import Any

import click

from ..config.intake import take_data
from ..config.run import MAX_PROCESSES
from ..config.schedule import MAX_STEP
from ..paper.progress_bar import progress_bar
from .options import config_from, shared_options
from .printing import print_json


@click.command()
@shared_options
@click.option("--steps", type=click.IntRange(1, MAX_STEP), required=True, help="Minibatches that each cell trains.")
@click.option("--gains", metavar="G,G,… | LOW:HIGH:COUNT", default="0.5,1,5/3,3", show_default=True)
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each cell.")
@click.option("--depths", metavar="N,N,…", help="One more axis: numbers of hidden layers.")
@click.option("--widths", metavar="N,N,…", help="One more axis: widths of all hidden layers.")
@click.option("--nonlinearities", metavar="NAME,NAME,…", help="One more axis.")
@click.option("--lrs", metavar="LR,LR,…", help="One more axis: learning rates.")
@click.option(
    "--processes",
    type=click.IntRange(1, MAX_PROCESSES),
    help="Engines at once, where there is memory for so many; default: one a core.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def sweep(steps: int, gains: str, seeds: int, processes: int | None, as_json: bool, **options: Any) -> None:
    """Compare gains with batch norm off and on, and recommend where to start.

    --bn or --no-bn keeps to one of the two.
    """
    from ..experiments.runs import RunError
    from ..experiments.sweep import sweep as sweeps
    from ..experiments.sweep.plan import AXIS_OPTIONS, Plan, parse_axis, parse_gains
    from ..paper import sweeps as sweep_tables

    axis = parse_axis({name: options.pop(name) for name in AXIS_OPTIONS})
    if options["gain"] is not None:
        raise click.UsageError("tuiinit sweep takes --gains, not --gain")
    states = (False, True) if options["bn"] is None else (options["bn"],)
    base = take_data(config_from(options))
    plan = Plan(base, parse_gains(gains), steps, states, *axis, seeds=seeds)
    with progress_bar("sweeping") as progress:
        cells = sweeps.run(plan, processes=processes, progress=progress)
    if as_json:
        print_json(sweep_tables.as_json(plan, cells))
    else:
        from rich.console import Console

        sweep_tables.print_sweep(plan, cells, Console(highlight=False))
    if not any(cell.sound for cell in cells):
        raise RunError("no cell of the sweep came through")
