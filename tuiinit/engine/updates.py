"""When an update is sent: the screen wants one, something has changed, and lanes that move were measured for it.

Where measuring is not due for long, as of a network whose steps are slow, an update without it tells how far they are.
"""

from __future__ import annotations

UPDATE_INTERVAL = 0.15  # seconds between updates, at least: about seven a second, more can hardly be seen
SIGN_OF_LIFE = 1.0  # seconds, after which an update goes out though nothing was measured for it
MEASURING_SHARE = 0.05  # of the time: updates come less often when measuring would cost more


class Updates:
    """Whether the next update may be measured, and sent. Times are in seconds, of one clock that never goes back.

    It does not know what an update holds.
    """

    def __init__(self) -> None:
        self.changed = False  # something happened since the last update
        self._wanted = False  # the screen has taken the last one
        self._measured = False  # the lanes that move were just measured for the next one
        self._due = 0.0  # when it may be measured
        self._last = 0.0  # when the last one went out

    def want(self, now: float, after: float) -> None:
        """The screen wants one; while lanes move it may be measured `after` seconds from now. Wishes do not add up."""
        self._wanted = True
        if after > 0:
            self._due = max(self._due, now + after)

    def due(self, now: float) -> bool:
        """Whether lanes that move are to be measured for it now."""
        return self._wanted and now >= self._due

    def measured(self, now: float, cost: float) -> None:
        """The lanes that move were measured for it, which took `cost` seconds."""
        self._due = now + max(UPDATE_INTERVAL, cost / MEASURING_SHARE)
        self._measured = True

    def ready(self, now: float, *, still: bool) -> bool:
        """Whether it is to be sent now; nothing need be measured for it if all lanes stand still, or it is overdue."""
        return self._wanted and self.changed and (still or self._measured or now >= self._last + SIGN_OF_LIFE)

    def sent(self, now: float) -> None:
        """It has gone out."""
        self._last = now
        self._wanted = self.changed = self._measured = False
