"""What a finding is, and what a rule may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from ..config import RunConfig
from ..protocol import Evaluation, Snapshot
from ..theory import LayerPrediction, Prediction

Severity = Literal["good", "note", "warn", "bad"]
SEVERITIES: tuple[Severity, ...] = ("bad", "warn", "note", "good")  # the order in which findings are told


class Finding(msgspec.Struct, frozen=True):
    """A sentence or two about a snapshot."""

    id: str  # the rule; at most one finding has it
    severity: Severity
    text: str
    layer: str | None = None  # the nonlinearity or matrix that it names


@dataclass(frozen=True)
class Seen:
    """What a rule may look at."""

    now: Snapshot
    config: RunConfig
    evaluation: Evaluation | None
    prediction: Prediction
    previous: Snapshot | None
    diverged_at: int | None

    @property
    def fresh(self) -> bool:
        """Activations and gradients are those of initialisation: they come before the first update."""
        return self.now.step <= 1

    def theory(self, layer: str) -> LayerPrediction | None:
        return self.prediction.layer(layer)
