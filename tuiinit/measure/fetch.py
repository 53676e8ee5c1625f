"""Numbers that are worked out on the device and fetched in one transfer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..stream import protocol

BINS = 64
ROBUST = 4.0  # unbounded values are binned within this many stds of their mean; the share outside is counted
FLOAT32_SQUARES = (1e-16, 1e15)  # between these stds no square, and no sum of squares, leaves float32's range
SMALL = 2**16  # values of a tensor that is described together with others of its size
CHUNK = 2**22  # values that are looked at together: what is worked out on the way takes some 16 bytes each


class Fetch:
    """Numbers that are worked out on the device and go to the host together, in one transfer."""

    def __init__(self) -> None:
        self._parts: list[Tensor] = []
        self._size = 0
        self._rows = 0  # that are looked at
        self._numbers = np.zeros(0)
        self._looked: list[_Rows] = []
        self._described: list[Described] = []

    def ask(self, values: Tensor) -> Callable[[], NDArray[np.float64]]:
        """Have a tensor fetched. What is given back tells it, in its shape, once `fetch` was called."""
        start, shape = self._size, values.shape
        self._parts.append(values.detach().reshape(-1).float())
        self._size += values.numel()
        return lambda: self._numbers[start : start + math.prod(shape)].reshape(shape)

    def look(self, values: Tensor, limits: tuple[float, float] | None = None) -> Callable[[], list[Described]]:
        """Have tensors of one size (n, size) described. What is given back tells one record a row, once fetched.

        Args:
            values: the tensors, one a row.
            limits: what the histograms span; by default ROBUST stds around the mean.
        """
        values = values.detach().float()
        start, count = self._rows, values.shape[0]
        self._rows += count
        together = max(1, CHUNK // max(1, values.shape[1]))
        parts = (values,) if count <= together else torch.split(values, together)
        self._looked += [_Rows(part, limits) for part in parts]
        return lambda: self._described[start : start + count]

    def fetch(self) -> None:
        """Fetch all that was asked for."""
        looked, places = _merged(self._looked)
        table = self.ask(torch.cat([_describe(batch) for batch in _batches(looked)])) if looked else None
        if self._parts:
            self._numbers = torch.cat(self._parts).cpu().numpy().astype(np.float64)
        if table is not None:
            described = _descriptions(table(), looked)
            self._described = [one for _, one in sorted(zip(places, described, strict=True), key=lambda both: both[0])]


class Described(NamedTuple):
    """Moments and histogram of one tensor. `finite` is False, and the rest means nothing, if a moment is not."""

    finite: bool
    mean: float
    std: float
    histogram: protocol.Histogram


class _Rows(NamedTuple):
    """Tensors of one size (n, size) and what their histograms span."""

    values: Tensor
    limits: tuple[float, float] | None


def _merged(looked: Sequence[_Rows]) -> tuple[list[_Rows], list[int]]:
    """Small tensors of one size in one, and the place of each row among those that were looked at.

    It is the number of operations that takes the time.
    """
    groups: dict[Any, tuple[list[_Rows], list[int]]] = {}
    place = 0
    for rows in looked:
        values = rows.values
        small = values.numel() <= SMALL
        key = (values.shape[1], rows.limits, values.dtype, values.device) if small else place
        members, places = groups.setdefault(key, ([], []))
        members.append(rows)
        places.extend(range(place, place := place + values.shape[0]))
    merged = [m[0] if len(m) == 1 else _Rows(torch.cat([r.values for r in m]), m[0].limits) for m, _ in groups.values()]
    return merged, [place for _, places in groups.values() for place in places]


def _batches(looked: Sequence[_Rows]) -> Iterator[list[_Rows]]:
    """Neighbours that are few enough values to be described together."""
    batch: list[_Rows] = []
    size = 0
    for rows in looked:
        if batch and size + rows.values.numel() > CHUNK:
            yield batch
            batch, size = [], 0
        batch.append(rows)
        size += rows.values.numel()
    yield batch


def _describe(batch: Sequence[_Rows]) -> Tensor:
    """Mean, std, half the histogram's range, counts, the outer ones outside: (all rows, 3 + BINS + 2).

    The std is unbiased, 0 for a single value, and taken in two passes, which stay exact where the mean is far
    larger than it. What can be done for all rows at once is: at these sizes it is the number of operations
    that takes the time.
    """
    means, norms, places = [], [], []
    for values, limits in batch:
        means.append(values.mean(1, keepdim=True))
        place = values - means[-1]
        norm = torch.linalg.vector_norm(place, dim=1, keepdim=True)
        norms.append(norm.mul_(1 / math.sqrt(max(1, values.shape[1] - 1))))
        places.append(place if limits is None else torch.sub(values, sum(limits) / 2, out=place))
    mean, std = torch.cat(means), torch.cat(norms)
    # A constant still gets bins that have a width.
    half = torch.maximum(std * ROBUST, mean.abs().mul_(1e-3)).clamp_min_(1e-30)
    sizes = [len(values) for values, _ in batch]
    for part, (_, limits) in zip(torch.split(half, sizes), batch, strict=True):
        if limits is not None:
            part.fill_((limits[1] - limits[0]) / 2)
    # Bin numbers from 1; 0 and BINS + 1 take what is outside. Scaled a hair less, the bounds fall into the
    # outer bins, where saturated outputs of exactly 1 belong.
    scale = BINS / 2 * (1 - 1e-6) / half
    scaled = [place.mul_(part).view(-1) for place, part in zip(places, torch.split(scale, sizes), strict=True)]
    index = torch.cat(scaled).add_(BINS / 2 + 1).clamp_(0, BINS + 1).to(torch.int32)
    index.clamp_(0, BINS + 1)  # what is no number has some place, too
    width = BINS + 2
    first = torch.arange(0, len(mean) * width, width, dtype=torch.int32, device=mean.device)[:, None]
    parts = zip(torch.split(index, [len(s) for s in scaled]), torch.split(first, sizes), strict=True)
    for part, bins in parts:
        part.view(len(bins), -1).add_(bins)
    if index.is_cuda:  # bincount would wait for the device, to learn how many bins there are
        ones = torch.ones((), device=index.device).expand(len(index))
        counts = torch.zeros(len(mean) * width, device=index.device).scatter_add_(0, index.long(), ones)
    else:
        counts = torch.bincount(index, minlength=len(mean) * width)
    return torch.cat([mean, std, half, counts.view(-1, width).to(mean.dtype)], 1)


def _descriptions(table: NDArray[np.float64], looked: Sequence[_Rows]) -> list[Described]:
    """One record for each row that `_describe` gave."""
    single = [(rows, i) for rows in looked for i in range(rows.values.shape[0])]
    with np.errstate(invalid="ignore"):
        sound = (table[:, 1] > FLOAT32_SQUARES[0]) & (table[:, 1] < FLOAT32_SQUARES[1])
    for row in np.flatnonzero(~sound):
        # The squares behind the std leave float32's range, or nearly: once more in double precision.
        (values, limits), i = single[row]
        table[row] = _describe([_Rows(values[i : i + 1].double(), limits)])[0].cpu().numpy()
    described = []
    counts = table[:, 3:].astype(np.int64).tolist()
    for (mean, std, half), row, ((values, limits), _) in zip(table[:, :3].tolist(), counts, single, strict=True):
        low, high = limits or (mean - half, mean + half)
        outside = (row[0] + row[-1]) / max(1, values.shape[1])
        histogram = protocol.Histogram(lo=low, hi=high, counts=tuple(row[1:-1]), outside=outside)
        described.append(Described(math.isfinite(mean) and math.isfinite(std), mean, std, histogram))
    return described
