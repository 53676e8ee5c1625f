"""Tensors to plain numbers: statistics and histograms of activations, weights and their gradients.

They are computed where the tensors are, what is alike together, and fetched in one transfer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..config.nonlinearities import Range
from ..stream import protocol
from .fetch import Fetch

SATURATION_ROWS = 32  # examples of the minibatch whose saturation is given unit by unit


def _by_shape(tensors: Sequence[Tensor]) -> list[list[int]]:
    """Places of the tensors of each shape: what is alike is looked at together."""
    places: dict[torch.Size, list[int]] = {}
    for i, t in enumerate(tensors):
        places.setdefault(t.shape, []).append(i)
    return list(places.values())


def _stacked(tensors: Sequence[Tensor], places: Sequence[int]) -> Tensor:
    """(n, rows, the rest flattened) of the tensors at these places, in memory as they are."""
    flat = [tensors[i].detach().flatten(1) for i in places]
    if flat[0].is_contiguous() or not flat[0].t().is_contiguous():
        return torch.stack(flat)
    return torch.stack([t.t() for t in flat]).transpose(1, 2)


def _values(stacked: Tensor) -> Tensor:
    """(n, all values of one) of stacked tensors, in the order in which they lie in memory."""
    return (stacked if stacked.is_contiguous() else stacked.transpose(1, 2)).flatten(1)


class Activations:
    """What a snapshot tells of the nonlinearities' outputs and gradients, asked for now, there once fetched.

    Args:
        fetch: what is asked for goes there.
        outputs: (B, …) each.
        grads: of the mean loss with respect to each output, the same shapes.
        limits: the outputs' bounds, and where they count as saturated.
    """

    def __init__(self, fetch: Fetch, outputs: Sequence[Tensor], grads: Sequence[Tensor], limits: Range) -> None:
        self._count = len(outputs)
        bounds = (limits.low, limits.high) if limits.bounded else None
        self._groups = []
        for places in _by_shape(outputs):
            y, grad = _stacked(outputs, places), _stacked(grads, places)
            flags = ((y <= limits.below) | (y >= limits.above)).float()
            asked = (
                fetch.ask(flags.sum(1)),  # of each unit, the rows on which it is saturated
                fetch.ask(torch.linalg.vector_norm(_values(grad), 1, dim=1)),
                fetch.ask(flags[:, :SATURATION_ROWS]),
            )
            looks = fetch.look(_values(y), bounds), fetch.look(_values(grad))
            self._groups.append((places, y.shape[1:], looks, asked))

    def saturated_throughout(self) -> list[NDArray[np.bool_]]:
        """For each layer which units were saturated on every row (width,)."""
        flags = [np.zeros(0, np.bool_)] * self._count
        for places, (rows, _), _, asked in self._groups:
            for i, units in zip(places, asked[0](), strict=True):
                flags[i] = units == rows
        return flags

    def records(
        self, shapes: Sequence[protocol.RowShape], dead: Sequence[tuple[int, ...]]
    ) -> tuple[protocol.Activation, ...] | None:
        """One record a layer, or None if a number is not finite.

        Args:
            shapes: one a layer.
            dead: units dead on the probe batch, one tuple a layer.
        """
        records: dict[int, protocol.Activation] = {}
        for places, (rows, width), (outputs, grads), asked in self._groups:
            figures = zip(places, outputs(), grads(), *(part() for part in asked), strict=True)
            size = max(1, rows * width)
            for i, output, grad, saturated, grad_sum, flags in figures:
                if not (output.finite and grad.finite and math.isfinite(grad_sum)):
                    return None
                records[i] = protocol.Activation(
                    layer=shapes[i].label,
                    kind=shapes[i].kind,
                    width=width,
                    mean=output.mean,
                    std=output.std,
                    saturated=float(saturated.sum()) / size,
                    histogram=output.histogram,
                    grad_mean=grad.mean,
                    grad_std=grad.std,
                    grad_mean_abs=float(grad_sum) / size,
                    grad_histogram=grad.histogram,
                    dead=dead[i],
                    saturation_rows=len(flags),
                    saturation=np.packbits(flags > 0).tobytes(),
                )
        return tuple(records[i] for i in range(self._count))


class Weights:
    """What a snapshot tells of the weights, asked for now, there once fetched.

    Args:
        fetch: what is asked for goes there.
        shapes: of the matrices.
        groups: the matrices in order, neighbours of one size together: (2, n, size) of data after the update
            and the gradients behind it.
    """

    def __init__(self, fetch: Fetch, shapes: Sequence[tuple[int, ...]], groups: Sequence[Tensor]) -> None:
        self._shapes = shapes
        self._groups = [fetch.look(group.flatten(0, 1)) for group in groups]

    def records(self, names: Sequence[str], update_data: Sequence[float] | None) -> tuple[protocol.Weight, ...] | None:
        """One record a matrix, or None if a number is not finite.

        Args:
            names: one a matrix.
            update_data: log10(std(update) / std(data)), None before an update.
        """
        groups = [look() for look in self._groups]
        pairs = [pair for rows in groups for pair in zip(rows[: len(rows) // 2], rows[len(rows) // 2 :], strict=True)]
        ratios = update_data if update_data is not None else [math.nan] * len(pairs)
        records = []
        for name, shape, (weight, grad), ratio in zip(names, self._shapes, pairs, ratios, strict=True):
            if not (weight.finite and grad.finite):
                return None
            records.append(
                protocol.Weight(
                    name=name,
                    shape=shape,
                    mean=weight.mean,
                    std=weight.std,
                    histogram=weight.histogram,
                    grad_mean=grad.mean,
                    grad_std=grad.std,
                    grad_histogram=grad.histogram,
                    grad_data_ratio=grad.std / weight.std if weight.std > 0 else None,
                    update_data_log10=ratio if math.isfinite(ratio) else None,
                )
            )
        return tuple(records)


class BatchNorms:
    """What a snapshot tells of a network's batch norms, asked for now, there once fetched.

    Args:
        fetch: what is asked for goes there.
        norms: running mean, running variance, gamma and beta, one list a layer.
        linear: what each of them just saw (B, width).
        bias_grads: of the biases before them, where there are any.
    """

    def __init__(
        self,
        fetch: Fetch,
        norms: Sequence[Sequence[Tensor]],
        linear: Sequence[Tensor],
        bias_grads: Sequence[Tensor] = (),
    ) -> None:
        self._batches = []
        for places in _by_shape(linear):
            x = _stacked(linear, places)
            mean = x.mean(1, keepdim=True)
            # (torch.var over a middle dimension is slow on the CPU.)
            var = (x - mean).square_().sum(1).mul_(1 / max(1, x.shape[1] - 1))
            self._batches.append((places, fetch.ask(torch.stack([mean[:, 0], var], 1))))
        self._kept = [fetch.ask(torch.stack(list(parts))) for parts in norms]
        self._bias_grad_stds = [fetch.ask(grad.std(correction=0)) for grad in bias_grads]

    def records(self, names: Sequence[str]) -> tuple[protocol.BatchNorm, ...]:
        """One record a layer; `names` are theirs."""
        batch = {i: figures for places, asked in self._batches for i, figures in zip(places, asked(), strict=True)}
        records = []
        for i, kept in enumerate(self._kept):
            parts = [row.astype("<f4").tobytes() for row in (*batch[i], *kept())]
            records.append(
                protocol.BatchNorm(
                    layer=names[i],
                    mean=parts[0],
                    var=parts[1],
                    running_mean=parts[2],
                    running_var=parts[3],
                    gamma=parts[4],
                    beta=parts[5],
                    bias_grad_std=float(self._bias_grad_stds[i]()) if self._bias_grad_stds else None,
                )
            )
        return tuple(records)
