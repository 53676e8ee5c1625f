"""What the engine was asked and has not confirmed: a key shows its effect at once, before the engine has answered."""

from __future__ import annotations

from typing import Any

from ..config.configuration import Configuration
from ..stream.protocol import Status

STALE_STATUSES = 3  # updates that may still tell of the time before the last key


class Asked:
    """Requests under way, each until the engine tells that it is done."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}  # to change from this step on, until the lane is told
        self.resume_at = 0  # the step that a fresh engine trains to again; 0 once it is there
        self._running: tuple[bool, int] | None = None  # to run or pause, and how many updates may still be older
        self._inspecting: tuple[str, int] | None = None  # lane and step to look closer at

    @property
    def running(self) -> bool | None:
        """To run or to pause; None where nothing is asked."""
        return self._running[0] if self._running is not None else None

    def run(self, running: bool) -> None:
        """The engine is asked to run, or to pause."""
        self._running = (running, STALE_STATUSES)

    def inspect(self, lane: str, step: int) -> None:
        """The engine is asked to look closer at a lane where it is."""
        self._inspecting = (lane, step)

    def inspecting(self, lane: str, step: int | None = None) -> bool:
        """Whether a closer look at a lane is on its way; at that step, if one is given."""
        return self._inspecting is not None and self._inspecting[0] == lane and step in (None, self._inspecting[1])

    def in_force(self, config: Configuration) -> Configuration:
        """The settings with those that are asked for."""
        return config.replace(**self.settings)

    # ------------------------------------------------------------------------------------------ answers

    def status(self, status: Status, *, greeted: bool) -> None:
        """An update: the engine does as asked, or has said otherwise too often to be late.

        Args:
            status: what it says.
            greeted: it is the present engine that says so.
        """
        if self._running is not None:
            asked, left = self._running
            self._running = None if status.running == asked or left <= 1 else (asked, left - 1)
        if greeted and status.clock >= self.resume_at:
            self.resume_at = 0

    def changed(self, now: Configuration) -> None:
        """The engine told the settings in force: those that were asked for are there."""
        self.settings = {name: value for name, value in self.settings.items() if getattr(now, name) != value}

    def inspected(self) -> None:
        """A closer look has come."""
        self._inspecting = None

    def let_run(self) -> None:
        """Whether it runs is again what the engine says."""
        self._running = None

    def forget(self) -> None:
        """Nothing is asked any more, of an engine or a lane that is gone; a fresh one still trains to where it was."""
        self.settings.clear()
        self._running = self._inspecting = None
