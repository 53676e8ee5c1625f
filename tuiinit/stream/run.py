"""What a recording says of a training run that is watched: who runs, and how it ended."""

from __future__ import annotations

from typing import Literal

from .message import Message

State = Literal["live", "ended", "gone", "lost"]


class Run(Message, frozen=True, kw_only=True):
    """A training run under somebody's own script, told once, before all else of it."""

    name: str
    text: str  # the command line
    path: str  # the folder that it was started in
    commit: str = ""  # of the folder's git repository
    parameters: int
    began: float  # seconds since 1970
    rank: int = 0
    ranks: int = 1
    sharded: bool = False  # what is told of parameters is this rank's part


class Ended(Message, frozen=True, kw_only=True):
    """The run came to its end in order; the recording's last frame."""

    text: str = ""  # of the exception that ended it


class Pulse(Message, frozen=True, kw_only=True):
    """How it stands with a run, told now and then by whoever reads its recording; no recording holds it.

    Live: somebody writes on. Ended: in order, or by the exception in `text`. Gone: nobody writes any more, and no end
    was told. Lost: the connection to whoever reads it is; `text` says why and what is done about it.
    """

    name: str  # of the recording
    path: str = ""  # of the recording, on its machine
    lanes: tuple[str, ...] = ()  # that were told of it, the newest last; none before the first measured step
    run: Run | None = None
    pid: int = 0  # of the process that trains
    device: str = ""
    torch: str = ""  # its version
    state: State
    text: str = ""
    age: float = 0.0  # seconds since it was written to
    speed: float = 0.0  # steps a second
    measuring: float = 0.0  # share of the training's time, 0…1
