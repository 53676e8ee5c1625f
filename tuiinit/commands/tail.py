"""`tuiinit tail`: a training run's snapshots, and on as they come."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import click

from ..host import streams

PAUSE = 0.2  # seconds between two looks at the file
LOOK = 2.0  # seconds between two signs that somebody looks
WISH = b"m"  # a line on standard input that begins so asks for the next step to be measured


@click.command()
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a snapshot; else frames, for another program.")
def tail(run: str | None, as_json: bool) -> None:
    """Tell a training run's snapshots, and on as they come, until it ends.

    RUN is a path or a name as `tuiinit runs` tells it; without one the newest.
    """
    if not as_json and sys.stdout.isatty():
        raise click.UsageError("tuiinit tail writes frames for another program; to read them: tuiinit tail --json")
    from ..stream.runs import find

    path = find(run)
    if not sys.stdin.isatty():
        threading.Thread(target=_take_wishes, args=(path,), daemon=True).start()
    _follow(path, as_json)


def _follow(path: Path, as_json: bool) -> None:
    from ..insight.watched import Watchman
    from ..paper.watched import row_names, snapshot_json
    from ..stream import wire
    from ..stream.following import Follower
    from ..stream.protocol import Ended, Lane, Snapshot

    follower, watchman, looked = Follower(path), Watchman(), -LOOK
    modules: dict[str, tuple[str, int, str]] = {}
    out = sys.stdout.buffer
    while True:
        over = follower.over  # before reading: what was written until then is read
        looked = _look(path, looked)
        for frame in follower.read():
            looked = _look(path, looked)
            if not as_json:
                out.write(wire.pack(frame))
            elif isinstance(frame, Lane):
                modules = row_names(frame.shape)
            elif isinstance(frame, Snapshot):
                out.write(snapshot_json(frame, modules, watchman.look(frame)) + b"\n")
            if isinstance(frame, Ended):
                out.flush()
                return
        out.flush()
        if over:
            return
        time.sleep(PAUSE)


def _look(path: Path, last: float) -> float:
    """Tell the run now and then that somebody looks; when that was last."""
    now = time.monotonic()
    if now - last < LOOK:
        return last
    from ..stream.runs import look

    look(path)
    return now


def _take_wishes(path: Path) -> None:
    from ..stream.runs import wish

    for line in sys.stdin.buffer:
        if line.startswith(WISH):
            try:
                wish(path)
            except OSError as error:
                streams.say(f"tuiinit: cannot ask for a step to be measured: {error.strerror}\n")
