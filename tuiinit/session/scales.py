"""How far the pictures of a lane reach: scales that grow while it trains and stay while one looks back."""

from __future__ import annotations

import math
from collections.abc import Callable
from weakref import WeakKeyDictionary

from ..stream.history import LaneHistory
from ..stream.protocol import Snapshot

LEAP = 100.0  # times as far as what is in front: what diverged does not flatten what it came from
Limits = tuple[float, float]


class _Reach:
    """The largest of a measure in each power of two, of all snapshots that were seen."""

    def __init__(self) -> None:
        self.seen: frozenset[int] = frozenset()
        self.largest: dict[int, float] = {}

    def take(self, value: float) -> None:
        if math.isfinite(value) and value > 0:
            power = math.frexp(value)[1]
            self.largest[power] = max(value, self.largest.get(power, 0.0))


class Scales:
    """What each lane has reached so far, by the name of what is drawn. It goes when the lane's history goes."""

    def __init__(self) -> None:
        self._reach: WeakKeyDictionary[LaneHistory, dict[str, _Reach]] = WeakKeyDictionary()
        self._limits: WeakKeyDictionary[LaneHistory, dict[str, Limits]] = WeakKeyDictionary()

    def reach(self, history: LaneHistory, name: str, measure: Callable[[Snapshot], float], front: float) -> float:
        """The largest of a measure over a lane's snapshots, those that are no longer kept among them.

        Args:
            history: of the lane.
            name: of what is measured; the same name is always the same measure.
            measure: a number above 0 of a snapshot; others do not count.
            front: the measure of what is in front. Snapshots that reach LEAP times as far do not count.
        """
        known = self._reach.setdefault(history, {}).setdefault(name, _Reach())
        steps = history.snapshots.steps()
        for step in steps:
            if step not in known.seen and (snapshot := history.snapshots.get(step)) is not None:
                known.take(measure(snapshot))
        known.seen = frozenset(steps)
        return max((value for value in known.largest.values() if front <= value <= LEAP * front), default=front)

    def ease(self, history: LaneHistory, name: str, low: float, high: float) -> Limits:
        """Limits that hold these and all that were asked for under that name before."""
        limits = self._limits.setdefault(history, {})
        before = limits.get(name, (low, high))
        limits[name] = min(low, before[0]), max(high, before[1])
        return limits[name]
