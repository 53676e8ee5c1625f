"""`tuiinit tail`: a training run's snapshots, and on as they come."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..stream.following import Follower

PAUSE = 0.2  # seconds between two looks at the file
LOOK = 2.0  # seconds between two signs that somebody looks
WISH = b"m"  # a line on standard input that begins so asks for the next step to be measured


@click.command()
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a snapshot; else frames, for another program.")
@click.option("--after", type=click.IntRange(0), metavar="STEP", help="Only what came after a step.")
def tail(run: str | None, as_json: bool, after: int | None) -> None:
    """Print a training run's snapshots, and on as they come, until it ends.

    RUN is a path or a name as `tuiinit runs` tells it; without one the newest.
    """
    if not as_json and sys.stdout.isatty():
        raise click.UsageError("tuiinit tail writes frames for another program; to read them: tuiinit tail --json")
    from ..stream.following import Follower
    from ..stream.runs import find

    path = find(run)
    refused: list[OSError] = []
    if not sys.stdin.isatty():
        threading.Thread(target=_take_wishes, args=(path, refused), daemon=True).start()
    follower = Follower(path, -1 if after is None else after)
    if as_json:
        _lines(follower, path)
    else:
        _frames(follower, path, refused)


def _lines(follower: Follower, path: Path) -> None:
    from ..insight.watched import Watchman
    from ..paper.watched import row_names, snapshot_json
    from ..stream.protocol import Lane, Snapshot

    watchman, looked, over = Watchman(), -LOOK, False
    modules: dict[str, tuple[str, int, str]] = {}
    while not over:
        over = follower.over  # before reading: what was written until then is read
        for frame in follower.read():
            looked = _look(path, looked)
            if isinstance(frame, Lane):
                modules = row_names(frame.shape)
            elif isinstance(frame, Snapshot):
                sys.stdout.buffer.write(snapshot_json(frame, modules, watchman.look(frame)) + b"\n")
        sys.stdout.buffer.flush()
        looked = _look(path, looked)
        _pause(over)


def _frames(follower: Follower, path: Path, refused: list[OSError]) -> None:
    from ..stream import wire
    from ..stream.attaching import cannot_ask
    from ..stream.protocol import Problem
    from ..stream.replay import FRAMES_AT_ONCE

    out = sys.stdout.buffer
    looked, sent, over = -LOOK, -LOOK, False
    while not over:
        over = follower.over
        for count, frame in enumerate(follower.read(), 1):
            out.write(wire.pack(frame))
            looked = _look(path, looked)
            if not over and count % FRAMES_AT_ONCE == 0 and time.monotonic() - sent >= LOOK:  # a long past
                sent = time.monotonic()
                out.write(wire.pack(follower.pulse(over)))
        looked = _look(path, looked)
        if over or time.monotonic() - sent >= LOOK:
            sent = time.monotonic()
            out.write(wire.pack(follower.pulse(over)))
        while refused:
            out.write(wire.pack(Problem(text=cannot_ask(refused.pop()))))
        out.flush()
        _pause(over)


def _pause(over: bool) -> None:
    if not over:
        time.sleep(PAUSE)


def _look(path: Path, last: float) -> float:
    """Tell the run now and then that somebody looks; when that was last."""
    now = time.monotonic()
    if now - last < LOOK:
        return last
    from ..stream.runs import look

    look(path)
    return now


def _take_wishes(path: Path, refused: list[OSError]) -> None:
    from ..stream.runs import wish

    for line in sys.stdin.buffer:
        if line.startswith(WISH):
            try:
                wish(path)
            except OSError as error:
                refused.append(error)
