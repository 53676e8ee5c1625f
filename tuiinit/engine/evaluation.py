"""What passes over other examples than a minibatch find in a network; nothing of it changes.

Dev losses, the statistics that batch norm should have, and units that are dead on every example looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..config.nonlinearities import RANGES, Range
from .network import MeanVar, Network, Statistics, of_each_batch

PROBE_ROWS = 1_024  # training examples on which dead units are looked for
PROBE_STAGES = (64, PROBE_ROWS)  # most units show themselves alive on the first rows
EVALUATION_ROWS = 8_192  # examples in memory at a time
EVALUATION_LOGITS = 2**22  # of them together: fewer examples where there are many classes
CALIBRATION_ROWS = 32_768  # training examples that calibrated statistics come from: their error is far below 1 %


@torch.no_grad()
def dev_loss(
    network: Network, x: Tensor, y: Tensor, statistics: Statistics = of_each_batch, rows: int | None = None
) -> float | None:
    """Mean loss (nats), or None where it is not finite.

    Args:
        network: left as it is.
        x: contexts (n, context) as indices, on the network's device.
        y: (n,) what follows.
        statistics: what batch norm normalises by.
        rows: examples in a batch; by default as many as there is room for.
    """
    if rows is None:
        rows = max(1, min(EVALUATION_ROWS, EVALUATION_LOGITS // network.classes))
    total = 0.0
    for start in range(0, len(y), rows):
        part = slice(start, start + rows)
        total += float(functional.cross_entropy(network.logits(x[part], statistics), y[part], reduction="sum"))
    loss = total / len(y)
    return loss if math.isfinite(loss) else None


@torch.no_grad()
def calibrated_statistics(network: Network, x: Tensor) -> list[MeanVar]:
    """Mean and (unbiased) variance of what each linear layer gives, over many examples at once.

    The second pass of the lecture; "PreciseBN" (Wu & Johnson 2021, arXiv 2105.07576).

    Args:
        network: with batch norm.
        x: training contexts (n, context) as indices; the first of them are enough.
    """
    found: list[MeanVar] = []

    def measured(_: int, linear: Tensor) -> MeanVar:
        variance, mean = torch.var_mean(linear, 0)
        found.append((mean, variance))
        return mean, variance

    network.logits(x[:CALIBRATION_ROWS], measured)
    return found


@torch.no_grad()
def dead_units(network: Network, x: Tensor, candidates: Sequence[NDArray[np.bool_]] = ()) -> list[tuple[int, ...]]:
    """For each hidden layer the units that are saturated on every example.

    Batch norm takes these examples' own statistics, so there all of them pass at once; without it rows do not
    mix, and a few of them already clear most units.

    Args:
        network: left as it is.
        x: contexts (n, context) as indices.
        candidates: units that a minibatch did not show alive, one (width,) a layer. Without any, which is
            the rule, the examples need not pass at all.
    """
    hidden = network.config.hidden
    limits = RANGES[network.config.nonlinearity]
    if not limits.saturates or (candidates and not any(flags.any() for flags in candidates)):
        return [() for _ in hidden]
    dead: list[tuple[int, ...]] = []
    for rows in (len(x),) if network.config.bn else PROBE_STAGES:
        flags = [_saturated_throughout(h, limits) for h in islice(network.through(x[:rows]), len(hidden))]
        found = torch.cat(flags).cpu().numpy()
        if candidates:
            found = found & np.concatenate(candidates)
        dead = [tuple(np.flatnonzero(part).tolist()) for part in np.split(found, np.cumsum(hidden)[:-1])]
        if not any(dead):
            break
    return dead


def _saturated_throughout(h: Tensor, limits: Range) -> Tensor:
    """Which columns of (rows, width) are saturated in every row: (width,) booleans."""
    # A unit is dead when even its least saturated row is saturated: look at its extremes first.
    low, high = torch.aminmax(h, dim=0)
    sure = (high <= limits.below) | (low >= limits.above)
    if math.isfinite(limits.below) and math.isfinite(limits.above):
        mixed = (low <= limits.below) & (high >= limits.above) & ~sure
        if bool(mixed.any()):
            both = ((h <= limits.below) | (h >= limits.above)).all(dim=0)
            sure = sure | (mixed & both)
    return sure
