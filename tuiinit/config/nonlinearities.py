"""The nonlinearities: their names, the range of their outputs, and the gain that each wants."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

SATURATED_AT = 0.97  # abs(t) of tanh beyond which an output counts as saturated: the lecture


NonlinearityName = Literal["tanh", "linear", "relu", "leaky_relu", "sigmoid", "selu"]
NONLINEARITIES: tuple[NonlinearityName, ...] = get_args(NonlinearityName)
LECTURE_GAINS = (0.5, 1.0, 5 / 3, 3.0)
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772
LEAKY_SLOPE = 0.01  # PyTorch's default negative slope


class Range(NamedTuple):
    """What is known of a nonlinearity's output: its bounds and where it counts as saturated.

    An output y is saturated when y <= below or y >= above: there the local gradient is (nearly) zero.
    For tanh the thresholds are the lecture's, abs(t) > 0.97; sigmoid's are the same points of the same
    curve (sigmoid(x) = (1 + tanh(x/2)) / 2); relu is flat where its output is 0; selu flattens towards
    its lower asymptote.
    """

    low: float
    high: float
    below: float
    above: float

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def saturates(self) -> bool:
        return math.isfinite(self.below) or math.isfinite(self.above)


RANGES: dict[NonlinearityName, Range] = {
    "tanh": Range(-1, 1, -SATURATED_AT, SATURATED_AT),
    "linear": Range(-math.inf, math.inf, -math.inf, math.inf),
    "relu": Range(0, math.inf, 0, math.inf),
    "leaky_relu": Range(-math.inf, math.inf, -math.inf, math.inf),
    "sigmoid": Range(0, 1, 0.015, 0.985),
    "selu": Range(-SELU_SCALE * SELU_ALPHA, math.inf, -SATURATED_AT * SELU_SCALE * SELU_ALPHA, math.inf),
}


def gain_of(nonlinearity: NonlinearityName) -> float:
    """The gain of PyTorch's table, `torch.nn.init.calculate_gain`; 5/3 and 3/4 come without a derivation."""
    table: dict[NonlinearityName, float] = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + LEAKY_SLOPE**2)),
        "selu": 3 / 4,
    }
    return table[nonlinearity]
