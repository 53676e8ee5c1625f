"""`tuiinit export`: a recording for other programs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..host.visible import visible

EXTRA = "TensorBoard's own writer is needed: pip install 'tuiinit[tensorboard]'"


@click.command()
@click.argument("run", required=False)
@click.option("--tensorboard", "events", metavar="DIR", type=click.Path(path_type=Path), help="Event files, a folder "
              "a network, for TensorBoard and the terminal viewers that read them.")  # fmt: skip
@click.option("--csv", "tables", metavar="DIR", type=click.Path(path_type=Path), help="Tables: steps.csv, rows.csv, "
              "weights.csv, histograms.csv.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON on standard output: losses, then snapshots.")
def export(run: str | None, events: Path | None, tables: Path | None, as_json: bool) -> None:
    """Write what a recording holds as files that other programs open.

    RUN is a path (of a recorded session of the explorer, too) or a name as `tuiinit runs` tells it; without one the
    newest. Losses are those of every step that is known; all else is of the steps that were measured. Nothing that is
    there is written over.
    """
    if (events is not None) + (tables is not None) + as_json != 1:
        raise click.UsageError("take one of --tensorboard DIR, --csv DIR and --json")
    from ..paper.export import event_files, lines
    from ..paper.export import tables as spreadsheet
    from ..paper.export.networks import began, networks_in
    from ..stream.recording import RecordingError, load
    from ..stream.runs import find
    from ..stream.sessions import is_held

    if events is not None and not event_files.available():
        raise click.UsageError(EXTRA)
    path = find(run)
    recording = load(path)
    networks = networks_in(recording.frames)
    if not networks:
        raise RecordingError(f"{path} holds no figures yet")
    if recording.damage is not None and not is_held(path):  # of a run that goes on the last message is half written
        click.echo(visible(f"tuiinit: {path} is exported as far as it can be read: {recording.damage}"), err=True)
    if as_json:
        for line in lines.lines(networks):
            sys.stdout.buffer.write(line)
        return
    try:
        if events is not None:
            written = event_files.write(events, networks, began(recording.frames) or path.stat().st_mtime)
        else:
            assert tables is not None
            written = spreadsheet.write(tables, networks)
    except FileExistsError as error:
        raise click.UsageError(f"{error.filename} is there already: take another folder") from None
    except NotADirectoryError as error:
        raise click.UsageError(f"{error.filename} cannot be made: a file is in its place") from None
    for one in written:
        click.echo(visible(f"wrote {one}"))
