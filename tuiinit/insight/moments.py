"""Gaussian moments of the nonlinearities, by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..config.nonlinearities import LEAKY_SLOPE, RANGES, SELU_ALPHA, SELU_SCALE, NonlinearityName

Array = npt.NDArray[np.float64]
LARGEST = float(np.finfo(np.float32).max)  # networks compute in float32: nothing beyond can be measured
VARIANCE_LIMIT = 1e80  # variances are clipped here, far beyond LARGEST², so that no product overflows
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
Z_MAX = 9.0  # P(abs(z) > 9) = 2e-19
_TINY_STD = 1e-150  # stands for the limit of a std going to 0: small, but its square is a float still


class Moments(NamedTuple):
    """Averages of a nonlinearity over pre-activations √q·z."""

    mean: float  # E[φ]
    variance: float  # E[φ²] − E[φ]²
    slope: float  # E[φ'²]; at q = 0 the limit from above, which matters where φ has a kink at 0

    @property
    def second(self) -> float:
        """E[φ²]."""
        return self.variance + self.mean * self.mean


def moments(nonlinearity: NonlinearityName, q: float) -> Moments:
    """E[φ], Var[φ] and E[φ'²] over pre-activations of mean 0 and variance `q` >= 0.

    Exact for linear, relu and leaky_relu; elsewhere quadrature, good to about 1e-13.
    """
    return _moments(nonlinearity, clip(q))


@lru_cache(maxsize=4096)
def _moments(nonlinearity: NonlinearityName, q: float) -> Moments:
    formula = FORMULAS[nonlinearity]
    below = formula.slope_below
    if below is not None:
        mean = (1 - below) * math.sqrt(q / (2 * math.pi))
        slope = (1 + below * below) / 2
        return Moments(mean, slope * q - mean * mean, slope)
    z, weights = _gauss(math.sqrt(q))
    # Rows for z and −z: adding them first makes the mean of an odd function exactly 0.
    output, derivative = formula.function(np.stack([z, -z]) * (math.sqrt(q) or _TINY_STD))
    slope = float(np.sum(derivative**2, axis=0) @ weights)
    if q == 0:
        return Moments(formula.at_zero, 0.0, slope)
    mean = float(np.sum(output, axis=0) @ weights)
    return Moments(formula.at_zero + mean, float(np.sum((output - mean) ** 2, axis=0) @ weights), slope)


def _gauss(std: float) -> tuple[Array, Array]:
    """Nodes z > 0 and weights for averages of f(std·z) + f(−std·z) over the half z > 0 of a standard normal.

    Gauss–Legendre on panels that halve towards 0, until the innermost is narrow for f itself: exact beside
    a kink at 0, and where std is large and f a step at the scale of z. Gauss–Hermite is neither.
    """
    halvings = max(4, math.ceil(math.log2(max(2 * Z_MAX * std, 1))))
    edges = np.concatenate([[0.0], Z_MAX * 2.0 ** np.arange(-halvings, 1)])
    half = np.diff(edges)[:, None] / 2
    z = (edges[:-1, None] + half * (1 + _NODES)).ravel()
    return z, (half * _WEIGHTS).ravel() * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def _tanh(x: Array) -> tuple[Array, Array]:
    t = np.tanh(x)
    return t, 1 - t**2


def _sigmoid(x: Array) -> tuple[Array, Array]:
    t = np.tanh(x / 2)
    return t / 2, (1 - t**2) / 4


def _selu(x: Array) -> tuple[Array, Array]:
    e = SELU_SCALE * SELU_ALPHA * np.expm1(np.minimum(x, 0))
    return np.where(x > 0, SELU_SCALE * x, e), np.where(x > 0, SELU_SCALE, e + SELU_SCALE * SELU_ALPHA)


@dataclass(frozen=True)
class Formula:
    """A nonlinearity φ in numbers.

    Args:
        function: φ(x) − φ(0) and φ'(x), so that small outputs keep their digits beside a large φ(0).
        critical_gain: at which χ = 1 at q*, see `theory.critical_gain`; None where it is solved for, as φ(0) ≠ 0.
        at_zero: φ(0).
        inverse: the x at which φ(x) is that output, needed at the thresholds of `config.RANGES` alone.
        odd: whether φ(−x) = −φ(x).
        slope_below: of the piecewise linear ones, whose slope above 0 is 1, the slope below; None for curved ones.
    """

    function: Callable[[Array], tuple[Array, Array]]
    critical_gain: float | None
    at_zero: float = 0.0
    inverse: Callable[[float], float] = float
    odd: bool = False
    slope_below: float | None = None

    def output(self, x: float) -> float:
        """φ(x)."""
        return self.at_zero + float(self.function(np.array(x))[0])


def _straight(below: float) -> Formula:
    """Slope 1 above 0, another below."""

    def function(x: Array) -> tuple[Array, Array]:
        slope = np.where(x > 0, x.dtype.type(1), x.dtype.type(below))
        return x * slope, slope

    return Formula(function, math.sqrt(2 / (1 + below**2)), odd=below == 1, slope_below=below)


FORMULAS: dict[NonlinearityName, Formula] = {
    "tanh": Formula(_tanh, 1.0, inverse=math.atanh, odd=True),
    "linear": _straight(1.0),
    "relu": _straight(0.0),
    "leaky_relu": _straight(LEAKY_SLOPE),
    "sigmoid": Formula(_sigmoid, None, at_zero=0.5, inverse=lambda y: math.log(y / (1 - y))),
    "selu": Formula(
        _selu,
        math.sqrt(2 / (1 + SELU_ALPHA**2)) / SELU_SCALE,
        inverse=lambda y: math.log1p(y / (SELU_SCALE * SELU_ALPHA)),
    ),
}


def saturated(nonlinearity: NonlinearityName, q: float) -> float:
    """Share of outputs, 0…1, that config.RANGES counts as saturated, for pre-activations of variance `q` >= 0.

    For tanh erfc(atanh(0.97)/√(2q)); for the others the same with their own thresholds.
    """
    limits, inverse = RANGES[nonlinearity], FORMULAS[nonlinearity].inverse
    share = 0.0
    if math.isfinite(limits.below):
        share += _below(inverse(limits.below), q)
    if math.isfinite(limits.above):
        share += _below(-inverse(limits.above), q)
    return share


def _below(x: float, q: float) -> float:
    """P(√q·z <= x)."""
    return math.erfc(-x / math.sqrt(2 * q)) / 2 if q > 0 else float(x >= 0)


def clip(variance: float) -> float:
    """A variance that no product of which overflows."""
    if not variance >= 0:
        raise ValueError(f"a variance must be 0 or more, not {variance}")
    return min(variance, VARIANCE_LIMIT)
