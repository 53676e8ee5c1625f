"""What a finding is, and what a rule may look at."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import msgspec

from ...config.run import RunConfig
from ...stream.protocol import Activation, Evaluation, Snapshot, Weight
from ..expected import NOTHING, Expectation, Figure
from ..theory import LayerPrediction
from ..thresholds import Pace, pace

ROUNDING = 1.2e-7  # relative, of float32
USUAL_EPS = 1e-5  # of batch norm: PyTorch's default
Severity = Literal["good", "note", "warn", "bad"]
SEVERITIES: tuple[Severity, ...] = ("bad", "warn", "note", "good")  # the order in which findings are told


#: Ids of the explorer's table of actions; "config" stands for what only its config pane sets.
ActionId = Literal[
    "batch-norm", "config", "gain-3", "lr-down", "lr-up", "next-gain", "nonlinearity", "optimizer", "previous-gain",
    "reseed", "restart",
]  # fmt: skip


class Help(msgspec.Struct, frozen=True):
    """Something to do about a finding."""

    action: ActionId
    words: str  # what it brings: "a smaller gain"
    option: str = ""  # of a command: "--gain 5/3", "a smaller --lr"; empty where there is none
    knob: str = ""  # the setting that it moves up or down, for no other finding to move it the other way
    way: Literal[-1, 0, 1] = 0


class Finding(msgspec.Struct, frozen=True):
    """A sentence or two about a snapshot."""

    id: str  # the rule; at most one finding has it
    severity: Severity
    text: str  # what is so; what to do about it stands in `helps`
    layer: str | None = None  # the nonlinearity or matrix that it names
    helps: tuple[Help, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What a rule may look at."""

    now: Snapshot
    config: RunConfig | None  # None where the network is not one that this program builds
    evaluation: Evaluation | None
    expected: Expectation
    previous: Snapshot | None
    diverged_at: int | None

    @property
    def fresh(self) -> bool:
        """Activations and gradients are those of initialisation: they come before the first update."""
        return self.now.step <= 1

    @property
    def bn(self) -> bool:
        """Whether the network has batch norm."""
        return self.config.bn if self.config is not None else bool(self.now.batch_norms)

    @property
    def alike(self) -> tuple[Activation, ...]:
        """The rows of the kind that most rows have: only such can be set beside each other.

        What a call gives beside its output (an LSTM's state, `lstm[1][0]`) is no row of its own here.
        """
        outputs = [a for a in self.now.activations if not a.layer.endswith("]")]
        kinds = Counter(a.kind for a in outputs).most_common(1)
        return tuple(a for a in outputs if a.kind == kinds[0][0])

    @property
    def chain(self) -> tuple[Activation, ...]:
        """Of those, the rows from one to the next of which a signal should keep its spread.

        Of a network that is only looked at: none where norms set the spread anew, and not the last row, which gives
        the logits.
        """
        if self.config is not None:
            return self.alike
        if any("norm" in a.kind.lower() for a in self.now.activations):
            return ()
        return tuple(a for a in self.alike if a is not self.now.activations[-1])

    @property
    def plain_optimizer(self) -> bool:
        """No scaling of each number's step by its past gradients."""
        named = self.now.optimizer or (self.config.optimizer if self.config is not None else None)
        return (named or "").lower() in ("sgd", "momentum")

    @property
    def noise(self) -> float:
        """A std up to which outputs with batch norm are rounding: float32's, times the most that batch norm scales."""
        if not self.bn:
            return 0.0
        eps = self.config.bn_eps if self.config is not None else USUAL_EPS
        return min(1e-3, ROUNDING / math.sqrt(max(eps, 1e-30)))

    def silent(self, a: Activation) -> bool:
        """Whether a layer's outputs are all the same number, but for rounding."""
        return a.std <= max(self.noise, ROUNDING * abs(a.mean))

    @property
    def two_rows(self) -> bool:
        """Batch norm of two rows, which it turns into plus and minus the same number whatever they are."""
        return self.bn and self.now.batch_size == 2

    def pace(self, weight: Weight) -> Pace | None:
        """How fast a matrix learns."""
        return pace_of(self.config, weight, self.now.step)

    def theory(self, layer: str) -> LayerPrediction | None:
        """What theory says of a layer at the start, if it does."""
        predicted = self.expected.prediction.layer(layer)
        return None if predicted is None or math.isnan(predicted.saturated) else predicted

    def figure(self, name: Literal["std", "saturated", "grad_ratio"], layer: str) -> Figure:
        """What one of a layer's figures should be at the start."""
        names = [a.layer for a in self.now.activations]
        figures: tuple[Figure, ...] = getattr(self.expected, name)
        place = names.index(layer) if layer in names else len(figures)
        return figures[place] if place < len(figures) else NOTHING


def pace_of(config: RunConfig | None, weight: Weight, step: int) -> Pace | None:
    """How fast a matrix learns; one that began at 0 is made of nothing but its updates, however small they are."""
    return pace(weight.update_data_log10, since_zero=step if _began_at_0(config, weight.name) else None)


def _began_at_0(config: RunConfig | None, name: str) -> bool:
    if config is None:
        return False
    if name == "embedding":
        return config.embedding_scale == 0
    if name == "output" and not config.bn:  # with batch norm the scale is on gamma
        return config.output_scale == 0
    return config.gain == 0
