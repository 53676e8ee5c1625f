"""Which training runs `tuiinit attach` looks at, here or on another machine, as sources of frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..host import streams
from ..host.visible import visible
from .terminal import need_terminal

if TYPE_CHECKING:
    from ..stream.replay import Source

MOST = 2  # runs side by side


def opened(runs: Sequence[str], host: str | None, remote_command: str | None) -> tuple[Source, Callable[[], Source]]:
    """What to look at, and how to begin anew once its stream has ended.

    Args:
        runs: paths or names; none is the newest run.
        host: the machine that they are on, by ssh; None is this one. The first connection is there on return, since
            ssh may ask for a password, which it cannot once there is a screen.
        remote_command: how tuiinit is called there.

    Raises:
        click.UsageError, RecordingError, LinkError: there is nothing to look at.
    """
    if len(runs) > MOST:
        raise click.UsageError(f"tuiinit attach takes up to {MOST} runs")
    if remote_command is not None and host is None:
        raise click.UsageError("--remote-command needs --ssh HOST")
    if host is None:
        return _here(runs)
    from ..stream.ssh import Remote
    from ..stream.tailing import TailLink

    try:
        remote = Remote.of(host, remote_command)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    need_terminal()
    streams.say(visible(f"tuiinit: connecting to {host} …") + "\n")

    def links() -> list[TailLink]:
        return [TailLink(remote, run) for run in runs or (None,)]

    first = links()
    for link in first:
        link.connect()
    return _together(first), lambda: _together(links())


def is_run(file: str) -> bool:
    """Whether a file is the recording of a training run."""
    from ..stream.following import summary
    from ..stream.recording import RecordingError
    from ..stream.wire import ProtocolError

    try:
        return Path(file).is_file() and summary(Path(file)).run is not None
    except (OSError, ValueError, RecordingError, ProtocolError):
        return False


def _here(runs: Sequence[str]) -> tuple[Source, Callable[[], Source]]:
    from ..stream.attaching import LiveLink
    from ..stream.runs import find

    paths = [find(run) for run in runs or (None,)]

    def links() -> list[LiveLink]:
        return [LiveLink(path) for path in paths]

    return _together(links()), lambda: _together(links())


def _together(links: Sequence[Source]) -> Source:
    if len(links) == 1:
        return links[0]
    from ..stream.several import Several

    return Several(links)
