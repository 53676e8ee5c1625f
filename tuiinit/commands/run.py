"""`tuiinit run`: train without a screen, and the tables of it."""

from __future__ import annotations

from typing import Any

import click

from ..config.intake import take_data
from ..config.schedule import MAX_STEP
from ..host import streams
from ..host.visible import visible
from ..paper.progress_bar import progress_bar
from .options import COMPILE, config_from, shared_options
from .printing import print_json


@click.command()
@shared_options
@COMPILE
@click.option(
    "--steps", type=click.IntRange(0, MAX_STEP), help="Minibatches to train; the last one's measures are shown."
)
@click.option("--epochs", type=click.IntRange(1, 10**6), help="Passes over the training examples.")
@click.option("--fold", is_flag=True, help="Fold batch norm into the linear layers and tell what that changes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def run(steps: int | None, epochs: int | None, compile_steps: bool, fold: bool, as_json: bool, **options: Any) -> None:
    """Train without a screen and print the lecture's tables."""
    if (steps is None) == (epochs is None):
        raise click.UsageError("tuiinit run needs either --steps N or --epochs N")
    config = config_from(options)
    if fold and not config.bn:
        raise click.UsageError("--fold needs a network with batch norm: give --bn, too")
    config = take_data(config)
    from ..experiments import runs
    from ..paper import runs as tables
    from ..stream.link import engine_command

    engine = engine_command(None, compile_steps=compile_steps)
    with progress_bar("training") as progress:
        (result,) = runs.run(
            [config],
            steps=steps,
            epochs=epochs,
            evaluate=True,
            inspect=fold,
            redraw=True,
            engine=engine,
            progress=progress,
        )
    if result.quick.startswith("plain: "):
        streams.say(visible(f"tuiinit: steps are {result.quick}") + "\n")
    if not result.snapshots:
        raise runs.RunError("the numbers leave float32's range at the very start: there is nothing to show")
    if as_json:
        print_json(tables.as_json(result))
    else:
        from rich.console import Console

        tables.print_tables(result, Console(highlight=False))
    if result.diverged_at is not None:
        raise runs.RunError(f"the loss was not finite at step {result.diverged_at:,}")
