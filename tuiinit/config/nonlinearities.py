"""The one table of nonlinearities: what is known of each without computing it.

PyTorch's functions are in `measure/nonlinearities.py`, their Gaussian averages in `insight/moments.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
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

    low: float = -math.inf
    high: float = math.inf
    below: float = -math.inf
    above: float = math.inf

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def saturates(self) -> bool:
        return math.isfinite(self.below) or math.isfinite(self.above)


UNBOUNDED = Range()


@dataclass(frozen=True)
class Nonlinearity:
    """Facts of a nonlinearity.

    Args:
        gain: of PyTorch's table, `torch.nn.init.calculate_gain`; 5/3 and 3/4 come without a derivation.
        range: of its outputs.
        flat_half: it is flat for half of its inputs by nature, at any gain: that is no fault.
        key_for_gain: its gain has a key of its own in the explorer, the third of `LECTURE_GAINS`.
        fading: how the signal fades at the critical gain where it does; "" where it keeps its size or settles.
    """

    gain: float
    range: Range = UNBOUNDED
    flat_half: bool = False
    key_for_gain: bool = False
    fading: str = ""


FACTS: dict[NonlinearityName, Nonlinearity] = {
    "tanh": Nonlinearity(
        5 / 3,
        Range(-1, 1, -SATURATED_AT, SATURATED_AT),
        key_for_gain=True,
        fading="slowly, its std as 1/√(2 × layer)",
    ),
    "linear": Nonlinearity(1.0),
    "relu": Nonlinearity(math.sqrt(2), Range(low=0, below=0), flat_half=True),
    "leaky_relu": Nonlinearity(math.sqrt(2 / (1 + LEAKY_SLOPE**2))),
    "sigmoid": Nonlinearity(1.0, Range(0, 1, 0.015, 0.985)),
    "selu": Nonlinearity(
        3 / 4, Range(low=-SELU_SCALE * SELU_ALPHA, below=-SATURATED_AT * SELU_SCALE * SELU_ALPHA), fading="slowly"
    ),
}
RANGES: dict[NonlinearityName, Range] = {name: facts.range for name, facts in FACTS.items()}


_BY_KIND = {name.replace("_", ""): facts for name, facts in FACTS.items()}


def facts_of(kind: str) -> Nonlinearity:
    """What is known of a nonlinearity or module by its kind, `leaky_relu` or `LeakyReLU`; of others as of linear."""
    return _BY_KIND.get(kind.replace("_", "").lower(), FACTS["linear"])


def range_of(kind: str) -> Range:
    """The range of the outputs of a nonlinearity or module by its kind."""
    return facts_of(kind).range


def gain_of(nonlinearity: NonlinearityName) -> float:
    """The gain of PyTorch's table."""
    return FACTS[nonlinearity].gain
