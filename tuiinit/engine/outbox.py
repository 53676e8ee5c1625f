"""What waits for the screen's credit, and the rates that the status tells."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..stream import protocol
from ..stream.protocol import FLOAT, Message, Snapshot

RATE_WINDOW = 1.0  # seconds over which steps per second and the measuring share are taken
MAX_PENDING = 64  # snapshots of a lane that wait for credit; beyond, the oldest goes
MAX_WAITING = 2**20  # steps of traces that wait for credit (a screen that is suspended); beyond, training waits too


@dataclass
class Outbox:
    """What waits for the screen's credit: lanes' traces and snapshots."""

    snapshots: dict[str, list[Snapshot]] = field(default_factory=dict)
    traces: list[protocol.Trace] = field(default_factory=list)
    others: list[Message] = field(default_factory=list)
    steps: int = 0  # of all traces together

    @property
    def full(self) -> bool:
        """Whether no more traces should come before these have gone."""
        return self.steps >= MAX_WAITING

    def trace(self, trace: protocol.Trace) -> None:
        """Keep a trace."""
        self.traces.append(trace)
        self.steps += len(trace.loss) // FLOAT

    def add(self, snapshot: Snapshot | None) -> None:
        """Keep a snapshot, the oldest dropped when too many wait."""
        if snapshot is not None:
            waiting = self.snapshots.setdefault(snapshot.lane, [])
            if not waiting or waiting[-1] != snapshot:
                waiting.append(snapshot)
            del waiting[:-MAX_PENDING]

    def take(self) -> list[Message]:
        """Everything, in the order in which a screen wants it; the box is empty after."""
        messages = [*self.others, *self.traces]
        for waiting in self.snapshots.values():
            messages += waiting
        self.others, self.traces, self.snapshots, self.steps = [], [], {}, 0
        return messages


class Rates:
    """Steps per second and the share of time that measuring takes, over the last second or so."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._steps = 0
        self._measuring = 0.0
        self.steps_per_second = 0.0
        self.measuring = 0.0

    def add(self, measuring: float) -> None:
        """Count one step and the seconds that measuring took in it."""
        self._steps += 1
        self._measuring += measuring

    def tell(self) -> None:
        """Refresh the figures when a window is over."""
        elapsed = time.monotonic() - self._started
        if elapsed >= RATE_WINDOW or (self.steps_per_second == 0 and elapsed > 0.2):
            self.steps_per_second = self._steps / elapsed
            self.measuring = min(1.0, self._measuring / elapsed)
            self.restart()

    def restart(self) -> None:
        """Begin a window now: after standing still."""
        self._started, self._steps, self._measuring = time.monotonic(), 0, 0.0
