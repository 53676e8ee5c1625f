"""Numbers that are worked out on the device and fetched in one transfer."""

from __future__ import annotations

import math
from collections import OrderedDict
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
KEPT_VALUES = 2**20  # of a description whose memory is kept, which takes 12 bytes each
KEPT_PLANS = 4  # of descriptions of as many layouts
CHUNK = 2**22  # values that are looked at together: what is worked out on the way takes some 16 bytes each


class Fetch:
    """Numbers that are worked out on the device and go to the host together, in one transfer.

    Args:
        room: memory that is kept from one time to the next, for one thread at a time.
    """

    def __init__(self, room: Room | None = None) -> None:
        self._room = room or Room()
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
        table = self.ask(torch.cat([self._room.describe(batch) for batch in _batches(looked)])) if looked else None
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


class _Plan:
    """Room in which tensors of some sizes are described, and what of it is always the same.

    What can be done for all rows at once is: at these sizes it is the number of operations that takes the time, and
    memory that is new each time.

    Args:
        layout: rows, values in each, and what their histograms span, for each part.
        like: a tensor of the kind that is described.
    """

    def __init__(self, layout: _Layout, like: Tensor) -> None:
        new, device = like.new_empty, like.device
        counts = [rows for rows, _, _ in layout]
        total = sum(rows * size for rows, size, _ in layout)
        self.values, self.bins = new(total), torch.empty(total, dtype=torch.int32, device=device)
        self.mean, self.norm = new((sum(counts), 1)), new((sum(counts), 1))
        #: What is kept of each part: (rows, size) of `values`, its rows of `mean` and of `norm`.
        self.parts = list(
            zip(
                [
                    part.view(rows, size)
                    for part, (rows, size, _) in zip(
                        torch.split(self.values, [rows * size for rows, size, _ in layout]), layout, strict=True
                    )
                ],
                torch.split(self.mean, counts),
                torch.split(self.norm, counts),
                [limits for _, _, limits in layout],
                strict=True,
            )
        )
        each = [(size, limits) for rows, size, limits in layout for _ in range(rows)]
        self.degrees = like.new_tensor([[1 / math.sqrt(max(1, size - 1))] for size, _ in each])
        self.fixed = like.new_tensor([[(limits[1] - limits[0]) / 2 if limits else 0.0] for _, limits in each])
        self.limited = torch.tensor([[limits is not None] for _, limits in each], device=device)
        width = BINS + 2
        first = torch.arange(0, len(each) * width, width, dtype=torch.int32, device=device)
        self.first = torch.repeat_interleave(first, torch.tensor([size for size, _ in each], device=device))
        self.rows = len(each)

    def describe(self, batch: Sequence[_Rows]) -> Tensor:
        """Mean, std, half the histogram's range, counts, the outer ones outside: (all rows, 3 + BINS + 2).

        The std is unbiased, 0 for a single value, and taken in two passes, which stay exact where the mean is far
        larger than it.
        """
        torch.cat([values.reshape(-1) for values, _ in batch], out=self.values)
        for values, mean, norm, limits in self.parts:
            torch.mean(values, 1, keepdim=True, out=mean)
            if limits is None:
                torch.linalg.vector_norm(values.sub_(mean), dim=1, keepdim=True, out=norm)
            else:
                torch.linalg.vector_norm(values - mean, dim=1, keepdim=True, out=norm)
                values.sub_(sum(limits) / 2)
        std = self.norm * self.degrees
        # A constant still gets bins that have a width.
        half = torch.maximum(std * ROBUST, self.mean.abs().mul_(1e-3)).clamp_min_(1e-30)
        torch.where(self.limited, self.fixed, half, out=half)
        # Bin numbers from 1; 0 and BINS + 1 take what is outside. Scaled a hair less, the bounds fall into the
        # outer bins, where saturated outputs of exactly 1 belong.
        scale = BINS / 2 * (1 - 1e-6) / half
        for (values, *_), part in zip(self.parts, torch.split(scale, [len(p[0]) for p in self.parts]), strict=True):
            values.mul_(part)
        index = self.bins.copy_(self.values.add_(BINS / 2 + 1).clamp_(0, BINS + 1))
        if index.is_cuda or not math.isfinite(float(std.sum())):
            index.clamp_(0, BINS + 1)  # what is no number has some place, too
        index.add_(self.first)
        if index.is_cuda:  # bincount would wait for the device, to learn how many bins there are
            ones = torch.ones((), device=index.device).expand(len(index))
            counts = torch.zeros(self.rows * (BINS + 2), device=index.device).scatter_add_(0, index.long(), ones)
        else:
            counts = torch.bincount(index, minlength=self.rows * (BINS + 2))
        return torch.cat([self.mean, std, half, counts.view(self.rows, -1).to(std.dtype)], 1)


_Layout = tuple[tuple[int, int, tuple[float, float] | None], ...]


class Room:
    """Memory for what is described again and again; without it every description takes memory of its own."""

    def __init__(self) -> None:
        self._plans: OrderedDict[object, _Plan] = OrderedDict()  # the longest unused first

    def describe(self, batch: Sequence[_Rows]) -> Tensor:
        """See `_Plan.describe`."""
        like = batch[0].values
        layout = tuple((len(values), values.shape[1], limits) for values, limits in batch)
        key = layout, like.dtype, like.device
        plan = self._plans.get(key) or _Plan(layout, like)
        if len(plan.values) <= KEPT_VALUES:
            self._plans[key] = plan
            self._plans.move_to_end(key)
            while len(self._plans) > KEPT_PLANS:
                self._plans.popitem(last=False)
        return plan.describe(batch)


def _describe(batch: Sequence[_Rows]) -> Tensor:
    return Room().describe(batch)


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
