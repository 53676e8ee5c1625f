"""How far each step moves each matrix, of networks that are small enough for it: log10 of std(update) / std(data)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from ...measure.sampling import local
from ...stream.protocol import FloatArray

FOLLOWED = 2**18  # values of all matrices together: of larger networks only measured steps tell it


class Moves:
    """What the steps of an optimizer do to matrices. Nothing waits for the device.

    Args:
        matrices: parameters, in the order of the columns.
    """

    def __init__(self, matrices: Iterable[Tensor]) -> None:
        self._matrices = [local(p.detach()) for p in matrices]
        devices = {p.device for p in self._matrices}
        self._followed = len(devices) == 1 and sum(p.numel() for p in self._matrices) <= FOLLOWED
        sizes = (p.numel() for p in self._matrices)
        self._alike = [(size, len(list(same))) for size, same in itertools.groupby(sizes)]

    def before(self) -> Tensor | None:
        """The matrices before a step, None where they are too large for it."""
        return self._joined() if self._followed else None

    def after(self, before: Tensor | None) -> Tensor | None:
        """The stds (2, matrices) of a step's update, and of what is there after it."""
        if before is None:
            return None
        now = self._joined()
        return torch.stack([self._stds(now - before), self._stds(now)])

    def _joined(self) -> Tensor:
        return torch.cat([p.reshape(-1).float() for p in self._matrices])

    def _stds(self, joined: Tensor) -> Tensor:
        parts = torch.split(joined, [size * count for size, count in self._alike])
        stds = [
            part.view(count, size).std(1, correction=1 if size > 1 else 0)
            for part, (size, count) in zip(parts, self._alike, strict=True)
        ]
        return torch.cat(stds)

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
