"""What theory says of one layer, from what enters it: no need to know the graph around it.

Sources: He et al. 2015 (arXiv 1502.01852) for weights; Gaussian moments by quadrature for activations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from .activations import FLAT
from .layers import fans, is_norm, within
from .rows import Row
from .sampling import local

REACH = 8.0  # stds that the quadrature goes to either side
NODES = 4001


@torch.no_grad()
def predicted_std(row: Row, weight_std: float | None = None) -> float | None:
    """The std that a row's output should have, or None where theory says nothing.

    Args:
        row: with figures of what came in.
        weight_std: of the layer's matrix where it is known; measured if not.

    Weights: √(fan_in · Var w · E[x²] + Var b), a convolution's fan-in without the zeros around its input.
    Norms: √(E γ² + Var β). Embeddings: the std of the table.
    Activations: the moments of f(m + s·z), z ~ N(0, 1), with m and s measured of what comes in.
    """
    module = row.module
    if row.curve is not None:
        came = row.input() if row.input is not None else None
        return None if came is None or not came.finite else _through(row.curve, came.mean, came.std)
    if module is None:
        return None
    if is_norm(module):
        return _of_norm(module)
    if isinstance(module, nn.Embedding):
        return float(local(module.weight).float().std())
    fan = fans(module)
    if fan is None or row.input_square is None:
        return None
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    assert isinstance(weight, Tensor)
    if weight_std is None:
        weight_std = float(local(weight).float().std(correction=0))
    entering = fan.fan_in * within(module, row.input_shape, row.shape)
    variance = entering * weight_std**2 * row.input_square()
    if isinstance(bias, Tensor):
        variance += float(local(bias).float().var(correction=0))
    return math.sqrt(variance) if math.isfinite(variance) else None


@torch.no_grad()
def predicted_saturated(row: Row) -> float | None:
    """The share of an activation's outputs where it is flat, 0…1, for a Gaussian of the mean and std that came in."""
    flat = FLAT.get(row.activation or "")
    came = row.input() if row.input is not None else None
    if flat is None or row.curve is None or came is None or not came.finite:
        return None
    z, weights = _nodes()
    try:
        y = row.curve((came.mean + came.std * z).float())
    except Exception:
        return None
    return float((weights * flat.mask(y)).sum()) if y.shape == z.shape else None


def _of_norm(module: nn.Module) -> float | None:
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    variance = float(local(weight).float().square().mean()) if isinstance(weight, Tensor) else 1.0
    if isinstance(bias, Tensor) and bias.numel() > 1:
        variance += float(local(bias).float().var(correction=0))
    return math.sqrt(variance) if math.isfinite(variance) else None


@lru_cache(1)
def _nodes() -> tuple[Tensor, Tensor]:
    z = torch.linspace(-REACH, REACH, NODES, dtype=torch.float64)
    weights = torch.exp(-z * z / 2)
    return z, weights / weights.sum()


def _moments(curve: Callable[[Tensor], Tensor], mean: float, std: float) -> tuple[float, float] | None:
    """E[f] and E[f²] for inputs N(mean, std²), or None where f does not work value by value."""
    z, weights = _nodes()
    x = (mean + std * z).float()
    try:
        y = curve(x.clone()).double()
    except Exception:
        return None
    if y.shape != z.shape or not bool(torch.isfinite(y).all()):
        return None
    return float((weights * y).sum()), float((weights * y * y).sum())


def _through(curve: Callable[[Tensor], Tensor], mean: float, std: float) -> float | None:
    moments = _moments(curve, mean, std)
    return None if moments is None else math.sqrt(max(0.0, moments[1] - moments[0] ** 2))


def keeping_gain(curve: Callable[[Tensor], Tensor]) -> float | None:
    """The gain before an activation that keeps the mean square at 1: 1/√E[f(z)²]; √2 for ReLU, 1 for SELU."""
    moments = _moments(curve, 0.0, 1.0)
    return None if moments is None or moments[1] <= 0 else 1 / math.sqrt(moments[1])
