"""`tuiinit report`: what the notes claim, measured and written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..config.intake import take_data
from ..config.schedule import MAX_STEP
from ..host.visible import visible
from ..paper.progress_bar import progress_bar
from .options import config_from, shared_options


@click.command()
@shared_options
@click.option("--out", metavar="DIR", required=True, help="The folder to write; made if it is not there.")
@click.option("--force", is_flag=True, help="Write into a folder that tuiinit did not write.")
@click.option(
    "--steps", type=click.IntRange(1, MAX_STEP), default=1000, show_default=True, help="Minibatches to train."
)
def report(out: str, force: bool, steps: int, **options: Any) -> None:
    """Measure what the notes claim and write it down: Markdown, pictures, JSON and CSV.

    The report varies gain, batch norm, nonlinearity and fan_in scaling itself.
    """
    for name in ("gain", "bn", "nonlinearity", "fan_in_scaling"):
        if options[name] is not None:
            raise click.UsageError(f"the report varies {name.replace('_', '-')} itself: leave the option out")
    base = take_data(config_from(options))
    from ..paper.report import write

    with progress_bar("measuring") as progress:
        path = write(Path(out), base, steps=steps, progress=progress, force=force)
    click.echo(visible(f"wrote {path}"))
