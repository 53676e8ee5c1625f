"""When a closer look is asked for without a key: at a lane that stands still."""

from __future__ import annotations

from collections.abc import Callable

from textual.timer import Timer

from ..session.changed import Changed
from .training import TrainingScreen

STILL_SECONDS = 0.6  # after the last change, before a closer look that takes the engine a second


class CloserLook:
    """Asks for a closer look once nothing has changed for a moment.

    Args:
        screen: whose session it is, and who draws.
        wanted: whether what is shown needs one.
    """

    def __init__(self, screen: TrainingScreen[None], wanted: Callable[[], bool]) -> None:
        self._screen = screen
        self._wanted = wanted
        self._still: Timer | None = None

    def wait(self) -> None:
        """Something changed: wait anew, if a look is wanted and worth it."""
        if self._still is not None:
            self._still.stop()
            self._still = None
        if self._wanted() and self._screen.session.worth_inspecting:
            self._still = self._screen.set_timer(STILL_SECONDS, self._ask)

    def _ask(self) -> None:
        session = self._screen.session
        if self._wanted() and session.worth_inspecting:
            self._screen.tell(session.inspect(evaluate=False))
            self._screen.draw(Changed.CLOSER)
