"""One check of a person's network by an engine, and what it found."""

from __future__ import annotations

from collections.abc import Sequence

from ..stream.checked import Check, Checked, OwnProblem
from ..stream.link import Engine
from ..stream.protocol import Problem


class OwnCodeError(Exception):
    """A person's code failed: one sentence, and their own lines of the traceback."""

    def __init__(self, sentence: str, lines: str = "") -> None:
        super().__init__(sentence)
        self.lines = lines


def check(commands: Sequence[Check], engine: Sequence[str] | None = None) -> list[Checked]:
    """Have networks checked one after another, each in a process of its own, so that none sees what another left.

    Raises:
        OwnCodeError: a person's code failed.
        LinkError: the engine died.
    """
    return [_one(command, engine) for command in commands]


def _one(command: Check, engine: Sequence[str] | None) -> Checked:
    with Engine(engine) as link:
        link.send(command)
        for frame in link.frames():
            if isinstance(frame, Checked):
                return frame
            if isinstance(frame, OwnProblem):
                raise OwnCodeError(frame.text, frame.lines)
            if isinstance(frame, Problem):
                raise OwnCodeError(frame.text, "")
    raise AssertionError("an engine's frames have no end")
