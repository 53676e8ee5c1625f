"""`tuiinit claims`: the notes' claims put to the test."""

from __future__ import annotations

import click

from ..config.intake import take_data
from ..config.run import RunConfig
from ..paper.progress_bar import progress_bar
from .options import COLUMN, DATA
from .printing import print_json


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID …]")
@DATA
@COLUMN
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def claims(ids: tuple[str, ...], data: str | None, column: str | None, as_json: bool) -> None:
    """Put the notes' claims C01 to C32 to the test and print verdicts with figures.

    On the CPU, where the same seed gives the same numbers.
    """
    base = take_data(RunConfig(data=data, column=column, device="cpu"))
    from ..experiments import runs
    from ..experiments.claims import check as put_to_the_test
    from ..experiments.claims import find
    from ..paper import claims as show

    wanted = find(ids)
    with progress_bar("measuring") as progress:
        checked = put_to_the_test(wanted, base, progress=progress)
    if as_json:
        print_json(show.as_json(checked))
    else:
        from rich.console import Console

        show.print_table(checked, Console(highlight=False))
    if sentence := show.failed(checked):
        raise runs.RunError(sentence)
