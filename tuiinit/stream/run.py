"""What a recording says of a training run that is watched: who runs, and how it ended."""

from __future__ import annotations

from .message import Message


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
