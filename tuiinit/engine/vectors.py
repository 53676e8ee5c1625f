"""What a snapshot tells of biases, gammas and betas: all of them at once, from the one piece of memory they lie in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..measure.fetch import Fetch
from ..stream import protocol


class Vectors:
    """Moments of vectors, of their gradients and updates, asked for now, there once fetched.

    Args:
        fetch: what is asked for goes there.
        names: one a vector.
        groups: the vectors in order, neighbours of one size together: (3, n, size) of data after the update, the
            gradients behind it, and the update.
    """

    def __init__(self, fetch: Fetch, names: Sequence[str], groups: Sequence[Tensor]) -> None:
        self._names = names
        self._sizes = [group.shape[2] for group in groups for _ in range(group.shape[1])]
        self._values = fetch.ask(torch.cat([group.reshape(3, -1) for group in groups], 1))

    def records(self, factor: float | None, updated: bool) -> tuple[protocol.Vector, ...] | None:
        """One record a vector, or None if a number is not finite.

        Args:
            factor: what a gradient must be multiplied by to be the update; None where the update itself is there.
            updated: whether there was an update.
        """
        records = []
        for name, size, (data, grad, update) in zip(self._names, self._sizes, self._moments(), strict=True):
            std, grad_std = _std(*data), _std(*grad)
            if not all(map(math.isfinite, (*data, *grad))):
                return None
            change = _std(*update) if factor is None else factor * grad_std
            moved = updated and std > 0 and 0 < change < math.inf
            records.append(
                protocol.Vector(
                    name=name,
                    shape=(size,),
                    mean=data[1],
                    std=std,
                    grad_std=grad_std,
                    update_data_log10=math.log10(change) - math.log10(std) if moved else None,
                )
            )
        return tuple(records)

    def _moments(self) -> list[list[list[float]]]:
        """Of each vector the std and mean of data, gradient and update."""
        # In double precision, in which no square of a float32 number leaves the range.
        values, sizes = self._values(), np.array(self._sizes)
        starts = np.cumsum(sizes) - sizes
        with np.errstate(invalid="ignore"):  # of what is not finite nothing is told
            means = np.add.reduceat(values, starts, axis=1) / sizes
            squares = np.add.reduceat((values - np.repeat(means, sizes, axis=1)) ** 2, starts, axis=1)
            stds = np.sqrt(squares / np.maximum(sizes - 1, 1))
        moments: list[list[list[float]]] = np.stack([stds, means], 2).transpose(1, 0, 2).tolist()
        return moments


def _std(std: float, mean: float) -> float:
    """The std, 0 where it is the mean's own rounding: float32 numbers that differ at all differ by far more."""
    return std if std > 1e-12 * abs(mean) else 0.0
