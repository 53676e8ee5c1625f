"""How far each step moves each matrix, of networks that are small enough for it: log10 of std(update) / std(data)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from ...measure.parameters import plain_steps
from ...measure.sampling import local
from ...stream.protocol import FloatArray

FOLLOWED = 2**18  # values of all matrices together: of larger networks only measured steps tell it


class Moves:
    """What the steps of an optimizer do to matrices. Nothing waits for the device.

    Args:
        matrices: parameters, in the order of the columns.
        optimizer: that moves them.
    """

    def __init__(self, matrices: Iterable[Tensor], optimizer: Optimizer) -> None:
        self._parameters = list(matrices)
        self._optimizer = optimizer
        values = [local(p.detach()) for p in self._parameters]
        devices = {p.device for p in values}
        self._followed = len(devices) == 1 and sum(p.numel() for p in values) <= FOLLOWED
        self._alike = [(size, len(list(same))) for size, same in itertools.groupby(p.numel() for p in values)]

    def before(self) -> Tensor | None:
        """The matrices before a step, None where they are too large for it."""
        return self._joined() if self._followed else None

    def after(self, before: Tensor | None) -> Tensor | None:
        """The stds (2, matrices) of a step's update, and of what is there after it."""
        if before is None:
            return None
        if (now := self._joined()) is None:
            return None
        change = self._planned(before)
        return self._stds(torch.stack([now - before if change is None else change, now]))

    def _joined(self) -> Tensor | None:
        """All values in a row; None where a person's code has made a matrix larger or smaller."""
        joined = torch.cat([_flat(p) for p in self._parameters])
        return joined if len(joined) == sum(size * count for size, count in self._alike) else None

    def _planned(self, before: Tensor) -> Tensor | None:
        """The step before it is rounded, where it follows from the gradients alone."""
        plain = plain_steps(self._optimizer)
        steps = {plain.get(id(p)) for p in self._parameters}
        if len(steps) != 1 or (step := steps.pop()) is None or any(p.grad is None for p in self._parameters):
            return None
        return step.change(torch.cat([_flat(p.grad) for p in self._parameters if p.grad is not None]), before)

    def _stds(self, joined: Tensor) -> Tensor:
        """Of each matrix in each row of (2, all values)."""
        stds, start = [], 0
        for size, count in self._alike:
            values = joined[:, start : start + size * count].view(len(joined), count, size)
            apart = values - values.mean(2, keepdim=True)  # (torch.std takes many times as long on the CPU)
            stds.append(torch.linalg.vector_norm(apart, dim=2) / math.sqrt(max(1, size - 1)))
            start += size * count
        return torch.cat(stds, 1)

    @staticmethod
    def log_ratios(steps: Sequence[Tensor | list[float] | None], columns: int) -> FloatArray:
        """What the steps did (steps, columns): what `after` gave, ratios that are known otherwise, or NaN."""
        table = np.full((len(steps), columns), math.nan, np.float32)
        if followed := [(i, step) for i, step in enumerate(steps) if isinstance(step, Tensor)]:
            stds = torch.stack([step for _, step in followed]).cpu().numpy().astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratios = np.log10(stds[:, 0] / stds[:, 1])
            ratios[~np.isfinite(ratios)] = math.nan
            table[[i for i, _ in followed]] = ratios
        for i, step in enumerate(steps):
            if isinstance(step, list):
                table[i] = step
        return table


def _flat(values: Tensor) -> Tensor:
    values = local(values.detach())
    return (values.to_dense() if values.is_sparse else values).reshape(-1).float()
