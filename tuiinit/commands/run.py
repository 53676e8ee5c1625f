"""`tuiinit run`: train without a screen, and the tables of it."""

from __future__ import annotations

from typing import Any

import click

from ..config.intake import take_data
from ..config.own import OwnConfig
from ..config.run import RunConfig
from ..config.schedule import MAX_STEP
from ..host import streams
from ..host.visible import visible
from ..paper.progress_bar import progress_bar
from .check import leave
from .options import COMPILE, config_from, shared_options
from .own import own_config
from .printing import print_json


@click.command()
@click.argument("target", required=False)
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="With TARGET: a parameter of the function; "
              "repeatable.")  # fmt: skip
@click.option("--engine", metavar="COMMAND", help='Another engine: "ssh box tuiinit engine"; files are the box\'s.')
@shared_options
@COMPILE
@click.option(
    "--steps", type=click.IntRange(0, MAX_STEP), help="Minibatches to train; the last one's measures are shown."
)
@click.option("--epochs", type=click.IntRange(1, 10**6), help="Passes over the training examples.")
@click.option("--fold", is_flag=True, help="Fold batch norm into the linear layers and tell what that changes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def run(
    target: str | None,
    pairs: tuple[str, ...],
    engine: str | None,
    steps: int | None,
    epochs: int | None,
    compile_steps: bool,
    fold: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train without a screen and print the lecture's tables.

    With a TARGET it trains a person's own network instead: FILE.py, FILE.py:name or package.module:name (the name is
    `build` where none is given), a function that gives a tuiinit.Setup. Of the options below --set, --seed, --device,
    --gain, --lr and --engine go with it.

    Exit code 1: the loss was not finite. 2: the command or the network's code is wrong.
    """
    if (steps is None) == (epochs is None):
        raise click.UsageError("tuiinit run needs either --steps N or --epochs N")
    if target is not None:
        config = own_config(target, pairs, engine, fold=fold, compile_steps=compile_steps, **options)
        return _run_own(config, engine, steps, epochs, as_json=as_json)
    if pairs:
        raise click.UsageError("--set is for the parameters of your own function: name its file, too")
    return _run(config_from(options), engine, steps, epochs, compile_steps=compile_steps, fold=fold, as_json=as_json)


def _run(
    config: RunConfig,
    engine: str | None,
    steps: int | None,
    epochs: int | None,
    *,
    compile_steps: bool,
    fold: bool,
    as_json: bool,
) -> None:
    if fold and not config.bn:
        raise click.UsageError("--fold needs a network with batch norm: give --bn, too")
    config = take_data(config)
    from ..experiments import runs
    from ..paper import runs as tables
    from ..stream.link import engine_command

    with progress_bar("training") as progress:
        (result,) = runs.run(
            [config],
            steps=steps,
            epochs=epochs,
            evaluate=True,
            inspect=fold,
            redraw=True,
            engine=engine_command(engine, compile_steps=compile_steps),
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


def _run_own(config: OwnConfig, engine: str | None, steps: int | None, epochs: int | None, *, as_json: bool) -> None:
    from ..experiments import runs
    from ..experiments.checks import OwnCodeError
    from ..paper import own_runs as tables
    from ..stream.link import engine_command

    try:
        with progress_bar("training") as progress:
            (result,) = runs.run(
                [config], steps=steps, epochs=epochs, evaluate=True, engine=engine_command(engine), progress=progress
            )
    except OwnCodeError as error:
        leave(str(error), error.lines)
    if result.failed:
        leave(result.failed, result.lines)
    if not result.snapshots:
        raise runs.RunError("the loss was not finite at the very start: there is nothing to show")
    if as_json:
        print_json(tables.as_json(result))
    else:
        from rich.console import Console

        tables.print_tables(result, Console(highlight=False))
    if result.diverged_at is not None:
        raise runs.RunError(f"the loss was not finite at step {result.diverged_at:,}")
