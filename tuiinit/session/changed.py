"""What changed in a session, for whoever draws it."""

from __future__ import annotations

from enum import Flag, auto

import msgspec

from ..stream.protocol import (
    Command,
)

Commands = tuple[Command, ...]


class Changed(Flag):
    """Panes whose content is no longer what is drawn."""

    NOTHING = 0
    HEADER = auto()
    CONFIG = auto()
    TRAINING = auto()
    VIEW = auto()
    FINDINGS = auto()
    BAR = auto()
    CLOSER = auto()  # views that show what a closer look or an evaluation tells
    ALL = HEADER | CONFIG | TRAINING | VIEW | FINDINGS | BAR | CLOSER


class Notice(msgspec.Struct, frozen=True):
    """A sentence in the bar."""

    text: str
    severity: str  # "note", "warn" or "bad"
    stays: bool = False  # until what it tells of is over, not just until the next key
