"""`tuiinit report`: what the notes claim, measured and written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..config.intake import take_data
from ..config.own import OwnConfig
from ..config.schedule import MAX_STEP
from ..host.visible import visible
from ..paper.progress_bar import progress_bar
from .check import leave
from .options import config_from, shared_options
from .own import own_config


@click.command()
@click.argument("target", required=False)
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="With TARGET: a parameter of the function; "
              "repeatable.")  # fmt: skip
@click.option("--engine", metavar="COMMAND", help='With TARGET: another engine, "ssh box tuiinit engine"; the file is '
              "the box's.")  # fmt: skip
@shared_options
@click.option("--out", metavar="DIR", required=True, help="The folder to write; made if it is not there.")
@click.option("--force", is_flag=True, help="Write into a folder that tuiinit did not write.")
@click.option(
    "--steps", type=click.IntRange(1, MAX_STEP), default=1000, show_default=True, help="Minibatches to train."
)
def report(
    target: str | None, pairs: tuple[str, ...], engine: str | None, out: str, force: bool, steps: int, **options: Any
) -> None:
    """Measure what the notes claim and write it down: Markdown, pictures, JSON and CSV.

    The report varies gain, batch norm, nonlinearity and fan_in scaling itself.

    With a TARGET it is a person's own network instead, trained as built, under other gains, and with its norm
    switched if a parameter of the function does that: FILE.py, FILE.py:name or package.module:name. Of the options
    --set, --seed, --device, --lr and --engine go with it.
    """
    if target is not None:
        if options["gain"] is not None:
            raise click.UsageError("the report varies the gain itself: leave the option out")
        return _report_own(own_config(target, pairs, engine, **options), engine, Path(out), steps, force=force)
    if pairs or engine is not None:
        raise click.UsageError("--set and --engine go with your own function: name its file, too")
    for name in ("gain", "bn", "nonlinearity", "fan_in_scaling"):
        if options[name] is not None:
            raise click.UsageError(f"the report varies {name.replace('_', '-')} itself: leave the option out")
    base = take_data(config_from(options))
    from ..paper.report import write

    with progress_bar("measuring") as progress:
        path = write(Path(out), base, steps=steps, progress=progress, force=force)
    click.echo(visible(f"wrote {path}"))


def _report_own(config: OwnConfig, engine: str | None, out: Path, steps: int, *, force: bool) -> None:
    from ..experiments.checks import OwnCodeError
    from ..paper.report import write_own
    from ..stream.link import engine_command

    try:
        with progress_bar("training") as progress:
            path = write_own(out, config, steps=steps, progress=progress, force=force, engine=engine_command(engine))
    except OwnCodeError as error:
        leave(str(error), error.lines)
    click.echo(visible(f"wrote {path}"))
