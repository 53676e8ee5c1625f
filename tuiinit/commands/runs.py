"""`tuiinit runs`: training runs that are or were watched."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..host.visible import visible

WIDE = 90  # columns from which the list has room for sizes and process numbers
ROOM = 75  # and from which for speeds and ages beside findings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.option("--delete", "gone", multiple=True, metavar="RUN", help="Delete a run's recording; repeatable.")
@click.option("--keep", "kept", multiple=True, metavar="RUN", help="Never delete a run to make room; repeatable.")
def runs(as_json: bool, gone: tuple[str, ...], kept: tuple[str, ...]) -> None:
    """List training runs that tuiinit.watch records, live ones first."""
    from ..stream import runs as folder
    from ..stream.sessions import is_held

    named = {name: _named(name) for name in (*gone, *kept)}
    for name in gone:
        if is_held(named[name].resolve()):
            raise click.UsageError(f"{name} is being written to: end its training first")
    for name in gone:
        folder.delete(named[name])
    for name in kept:
        folder.keep(named[name])
    if gone or kept:
        return
    found = list(_records(folder.found()))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found))
    else:
        _print(found)


def _named(name: str) -> Path:
    """The entry of a name in the folder of runs, or a path."""
    from ..stream.runs import find, runs_folder
    from ..stream.sessions import SUFFIX

    path = find(name)
    entry = runs_folder() / f"{name}{SUFFIX}"
    return entry if entry.exists() else path


def _records(paths: list[Path]) -> Iterator[dict[str, Any]]:
    from ..stream.recording import RecordingError
    from ..stream.wire import ProtocolError

    for path in paths:
        for _ in range(2):  # it may be thinned while it is read
            with contextlib.suppress(OSError, RecordingError, ProtocolError):  # gone meanwhile, or of another version
                yield _run(path)
                break


def _run(path: Path) -> dict[str, Any]:
    from ..insight.watched import latest
    from ..paper.watched import finding_json, number
    from ..stream.following import summary
    from ..stream.sessions import is_held

    written, found = path.stat(), summary(path)
    run, status = found.run, found.status
    snapshot = found.snapshots[-1] if found.snapshots else None
    return {
        "name": path.stem,
        "pid": found.hello.pid if found.hello is not None else None,
        "live": is_held(path.resolve()),
        "step": max(snapshot.step if snapshot is not None else 0, status.clock if status is not None else 0),
        "age": round(max(0.0, time.time() - written.st_mtime), 1),
        "speed": number(status.steps_per_second) if status is not None else None,
        "loss": number(snapshot.loss) if snapshot is not None else None,
        "size": written.st_size,
        "findings": [finding_json(finding) for finding in latest(found.snapshots)],
        "command": run.text if run is not None else None,
        "folder": run.path if run is not None else None,
        "commit": run.commit or None if run is not None else None,
        "parameters": run.parameters if run is not None else None,
        "rank": [run.rank, run.ranks] if run is not None else None,
        "sharded": run.sharded if run is not None else None,
        "ended": found.ended.text if found.ended is not None else None,
        "path": str(path.resolve()),
    }


def _print(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not found:
        click.echo("no run is recorded yet: put tuiinit.watch(model, optimizer) into a training script")
        return
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    rows = [_cells(run) for run in found]
    spare = {"size", "pid"} if console.width < WIDE else set()  # for want of room
    if not any(row["findings"] for row in rows):
        spare.add("findings")
    elif console.width < ROOM:
        spare |= {"steps/s", "written"}
    for title in rows[0]:
        if title not in spare:
            whole, side = title != "findings", "left" if title in ("run", "", "findings") else "right"
            table.add_column(title, justify=side, overflow="fold", no_wrap=whole, min_width=len(title))  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(visible(cell)) for title, cell in row.items() if title not in spare))
    console.print(table)


def _cells(run: dict[str, Any]) -> dict[str, str]:
    """What is printed of a run, by the columns' titles."""
    from ..paper.watched import ago

    loss, speed = run["loss"], run["speed"]
    return {
        "run": run["name"],
        "": "live" if run["live"] else "ended" if run["ended"] == "" else "failed" if run["ended"] else "gone",
        "step": f"{run['step']:,}",
        "loss": "" if loss is None else f"{loss:.3g}",
        "steps/s": "" if not speed else f"{speed:,.3g}",
        "written": ago(run["age"]),
        "size": f"{run['size'] / 2**20:.1f} MB",
        "pid": "" if run["pid"] is None else str(run["pid"]),
        "findings": ", ".join(f"{one['id']} ({one['row']})" for one in run["findings"][:3]),
    }
