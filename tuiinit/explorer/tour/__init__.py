"""The notes' claims as a tour through the explorer: what to set up, what to press, what to look at, what was seen.

Beside the claims (C…) stand the lecture's first network (L…) and its exercises (E…).

Free of the screen. A stop is ticked off when the person has looked at the figures that show its claim: every one
of its sights, in the view and with the network that it names.
"""

from .progress import Progress
from .rules import Seen, Sight, Stop, Walk
from .stops import exercises, gains, normed, start, training

STOPS: tuple[Stop, ...] = (*start.STOPS, *gains.STOPS, *training.STOPS, *normed.STOPS, *exercises.STOPS)
BY_CLAIM = {stop.claim: stop for stop in STOPS}

__all__ = ["BY_CLAIM", "STOPS", "Progress", "Seen", "Sight", "Stop", "Walk"]
