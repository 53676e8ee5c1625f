"""Mean-field theory: what a wide network with random weights does before it is trained.

Weights are drawn from N(0, g²/fan_in), biases are zero, z is a standard normal number and φ the
nonlinearity. In a wide network every pre-activation is normal with mean 0 and variance q, so a layer is
told by one number, and averages over its units are one-dimensional integrals over z. Sources: Poole et al.
2016 (arXiv 1606.05340) and Schoenholz et al. 2017 (arXiv 1611.01232) for plain networks, Yang et al. 2019
(arXiv 1902.08129) for batch norm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..config.nonlinearities import NonlinearityName
from ..config.run import RunConfig
from .moments import FORMULAS, LARGEST, VARIANCE_LIMIT, Z_MAX, clip, moments, saturated

_LOGIT_STD_MAX = 100.0


@dataclass(frozen=True)
class LayerPrediction:
    """One nonlinearity of a network at initialisation."""

    layer: str  # "tanh 1", as in protocol.Activation
    q: float | None  # variance of what enters the nonlinearity; None where its std is beyond float32
    mean: float | None  # of its outputs; None beyond float32
    std: float | None  # of its outputs around their mean; None beyond float32
    saturated: float  # share of outputs, 0…1, by the thresholds of config.RANGES
    chi: float  # factor on the gradient's variance from these outputs back to the ones before, for equal widths
    grad_std: float | None  # std of the gradient at these outputs / the same at the last layer; None beyond float32


@dataclass(frozen=True)
class Prediction:
    """A network at initialisation, layer by layer."""

    layers: tuple[LayerPrediction, ...]
    logit_std: float | None  # None beyond float32

    def layer(self, name: str) -> LayerPrediction | None:
        """The layer of that name, if the theory knows it."""
        return next((layer for layer in self.layers if layer.layer == name), None)


def predict(config: RunConfig, *, input_second_moment: float | None = None) -> Prediction:
    """What the network of `config` does on its first minibatch, in the limit of wide layers and batches.

    Forward, with k = 1 (or fan_in, where weights are not divided by √fan_in), x₀ the embedded input and
    biases N(0, b²):

        q_1 = g²·k·E[x₀²] + b²,   q_{l+1} = g²·k·E[φ²(√q_l z)] + b²

    Backward, for the gradient at the nonlinearities' *outputs* t_l, which is what the program measures.
    Going back from t_l to t_{l−1} passes φ' at layer l and then layer l's weights, fan_in wide below and
    `width` above, hence

        Var grad t_{l−1} = width_l/fan_in_l · χ_l · Var grad t_l,   χ_l = g²·k·E[φ'²(√q_l z)]

    so `grad_std` of layer l multiplies the factors of the layers after it, l+1 to the last, and never
    depends on χ_1. With batch norm (γ = 1, β = 0) the variance in front of it is v_l = g²·k·Var[t_{l−1}]
    over the batch, and

        q_l = v_l/(v_l + eps),   χ_l = g²·k·E[φ'²(√q_l z)]/(v_l + eps)

    which is `bn_jacobian` but for eps: what enters a nonlinearity does not depend on gain or depth, and a
    bias before batch norm goes with the mean.

    Args:
        config: the network; only its initialisation matters.
        input_second_moment: E[x₀²] as measured (protocol.Snapshot.input_second_moment, embedding_scale
            included); the expected value, embedding_scale², if None or, in a diverged network, NaN.
    """
    scale = clip(config.gain * config.gain)
    if input_second_moment is None or math.isnan(input_second_moment):
        input_second_moment = config.embedding_scale * config.embedding_scale
    second = spread = clip(input_second_moment)
    bias = clip(config.bias_scale[0] * config.bias_scale[0])
    fan_in = config.context * config.embedding
    layers: list[LayerPrediction] = []
    log_factors: list[float] = []  # ln of the gradient variance's factor through each layer
    for number, width in enumerate(config.hidden, 1):
        weights = scale * (1 if config.fan_in_scaling else fan_in)  # fan_in · Var(W)
        if config.bn:
            before = weights * spread
            q = before / (before + config.bn_eps) if before else 0.0
            weights = weights / (before + config.bn_eps) if before else 0.0
        else:
            q = clip(weights * second + bias)
        averages = moments(config.nonlinearity, q)
        chi_here = weights * averages.slope
        representable = max(q, averages.variance, averages.mean * averages.mean) <= LARGEST * LARGEST
        layers.append(
            LayerPrediction(
                layer=f"{config.nonlinearity} {number}",
                q=q if representable else None,
                mean=averages.mean if representable else None,
                std=math.sqrt(averages.variance) if representable else None,
                saturated=saturated(config.nonlinearity, q),
                chi=chi_here,
                grad_std=None,
            )
        )
        log_factors.append(_log(chi_here) + math.log(width / fan_in))
        second, spread, fan_in = averages.second, averages.variance, width
    return Prediction(_with_gradients(layers, log_factors), _logit_std(config, second, spread))


def _with_gradients(layers: list[LayerPrediction], log_factors: list[float]) -> tuple[LayerPrediction, ...]:
    done: list[LayerPrediction] = []
    log_variance = 0.0
    for layer, log_factor in zip(reversed(layers), reversed(log_factors), strict=True):
        log_std = log_variance / 2
        std = math.exp(log_std) if log_std <= math.log(LARGEST) else None
        done.append(LayerPrediction(**{**vars(layer), "grad_std": std}))
        log_variance += log_factor
    return tuple(reversed(done))


def _logit_std(config: RunConfig, second: float, spread: float) -> float | None:
    # Without batch norm output_scale takes the place of the gain; with it, it acts on the last gamma.
    weights = 1.0 if config.fan_in_scaling else config.hidden[-1]
    bias = 0.0
    if config.bn:
        before = clip(config.gain * config.gain) * weights * spread
        variance = before / (before + config.bn_eps) if before else 0.0
    else:
        variance = weights * second
        bias = config.bias_scale[1]
    std = math.hypot(config.output_scale * math.sqrt(variance), bias)
    return std if std <= LARGEST else None


def chi(nonlinearity: NonlinearityName, gain: float, q: float) -> float:
    """χ = g²·E[φ'²(√q z)]: the gradient's variance multiplies by it a layer, going back (Schoenholz 2017)."""
    return clip(gain * gain) * moments(nonlinearity, q).slope


def fixed_point(nonlinearity: NonlinearityName, gain: float, bias_scale: float = 0.0) -> float | None:
    """q* = g²·E[φ²(√q* z)] + b², where the pre-activations' variance settles with depth (Poole 2016).

    None where the variance grows for ever, and for linear, relu and leaky_relu without biases at their
    critical gain, where it stays whatever it was.
    """
    bias = clip(bias_scale * bias_scale)
    if FORMULAS[nonlinearity].slope_below is not None:
        kept = chi(nonlinearity, gain, 1.0)  # E[φ²] = E[φ'²]·q for these
        return clip(bias / (1 - kept)) if kept < 1 else None
    dies_out = FORMULAS[nonlinearity].at_zero == 0  # below the critical gain
    if bias == 0 and (gain == 0 or (dies_out and gain <= critical_gain(nonlinearity))):
        return 0.0
    scale = clip(gain * gain)

    def grows(log_q: float) -> bool:
        return scale * moments(nonlinearity, math.exp(log_q)).second + bias > math.exp(log_q)

    low, high = math.log(1e-30), math.log(VARIANCE_LIMIT)
    # (E[φ²] + b²)/q falls with q for tanh, sigmoid and selu, so there is one crossing at most.
    return None if grows(high) else math.exp(_bisect(grows, low, high))


def depth_scale(nonlinearity: NonlinearityName, gain: float, bias_scale: float = 0.0) -> float | None:
    """ξ = 1/abs(ln χ) at q*, in layers: how deep a signal or gradient gets (Schoenholz 2017).

    None where it is unlimited (χ = 1) or the variance does not settle.
    """
    # The slopes of linear, relu and leaky_relu don't depend on q, so χ is known even where q diverges.
    q = 1.0 if FORMULAS[nonlinearity].slope_below is not None else fixed_point(nonlinearity, gain, bias_scale)
    if q is None:
        return None
    rate = abs(_log(chi(nonlinearity, gain, q)))
    return 1 / rate if rate > 1e-12 else None


@lru_cache
def critical_gain(nonlinearity: NonlinearityName) -> float:
    """The gain at which χ = 1 at q*: below it gradients fade with depth, above it they grow.

    Where φ(0) = 0 it is 1/√E[φ'²] at q → 0, the gain that starts to keep a small signal alive: tanh and
    linear 1, relu √2, leaky_relu √(2/(1+a²)), selu √(2/(λ²(1+α²))) = 0.690. Sigmoid has q* > 0 at any gain
    and is solved numerically: 10.15, far from the 1 of PyTorch's table.
    """
    known = FORMULAS[nonlinearity].critical_gain
    if known is not None:
        return known
    return _bisect(lambda gain: chi(nonlinearity, gain, fixed_point(nonlinearity, gain) or 0.0) < 1, 1.0, 100.0)


def bn_jacobian(nonlinearity: NonlinearityName, gamma: float = 1.0) -> float:
    """J(γ) = γ²·E[φ'²(γz)]/Var[φ(γz)]: batch norm's factor on the gradient's variance a layer, going back.

    Batch norm hands y = (h − mean)/σ over, and its backward pass is (δ − mean(δ) − y·mean(δy))/σ for the
    gradient δ = γφ'(γy)·δ_t at y. Gradients of different examples are uncorrelated, so both means are
    O(1/√B) and vanish with a wide batch: what is left is E[δ²]/σ². The weights before multiply the
    gradient's variance by g² (equal widths), and σ² = g²·Var[φ(γz)], the variance *around the mean*, for
    batch norm takes a common offset away. The gain cancels. For tanh this is γ²E[sech⁴]/E[tanh²], 1.085 at
    γ = 1; for relu π/(π−1), Yang's limit; for linear 1.

    Args:
        nonlinearity: between one batch norm and the next linear layer.
        gamma: scale of the batch norm; at 0 the limit is meant.
    """
    # Below 1e-6 the limit is reached to 12 digits, and differences of outputs would lose theirs.
    scale = min(max(abs(gamma), 1e-6), math.sqrt(VARIANCE_LIMIT))
    averages = moments(nonlinearity, scale * scale)
    return scale * scale * averages.slope / averages.variance


@lru_cache
def initial_loss(classes: int, logit_std: float) -> float | None:
    """Expected cross-entropy in nats where `classes` logits are independent N(0, s²) and know nothing.

    It is E[ln Σ exp(s·z_i)], by the delta method about ln V + s²/2 − (exp(s²) − 1)/(2V): used below
    s = 0.05, and for V = 27 right to 0.003 up to s = 1. Above, the Gumbel-max identity gives it without
    approximation: the largest of s·z_i + G_i, for independent Gumbel G_i, is distributed as
    ln Σ exp(s·z_i) + G.

    Args:
        classes: V >= 1.
        logit_std: s, the logits' std, from 0 to 100; for any other, NaN too, the answer is None.
    """
    if not 0 <= logit_std <= _LOGIT_STD_MAX:
        return None
    if logit_std < 0.05:
        return math.log(classes) + logit_std**2 / 2 - math.expm1(logit_std**2) / (2 * classes)
    # Both factors are analytic, so the trapezoid rule is exact to rounding at these steps.
    step = min(0.25, logit_std / 2)
    reach = math.ceil((Z_MAX * logit_std) / step)
    normal = np.exp(-((np.arange(-reach, reach + 1) * step / logit_std) ** 2) / 2)
    low, high = math.floor(-4 / step), math.ceil((40 + math.log(classes)) / step)
    grid = np.arange(low - 2 * reach, high + 2 * reach + 1) * step
    gumbel = np.exp(-np.exp(np.minimum(-grid, 700)))
    one = np.convolve(gumbel, normal / normal.sum(), mode="valid")  # P(s·z + G <= u)
    largest = one**classes  # P(max <= u)
    # E[X] − E[G] is the integral of the difference of their distribution functions.
    return float(np.sum(gumbel[reach:-reach] - largest) * step)


def _bisect(still_below: Callable[[float], bool], low: float, high: float) -> float:
    """Where `still_below` turns from true to false."""
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if still_below(middle) else (low, middle)
    return (low + high) / 2


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf
