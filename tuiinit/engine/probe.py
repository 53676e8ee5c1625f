"""Tensors to plain numbers: statistics and histograms of activations, weights and their gradients.

`Hooks` catches the same tensors in any nn.Module, as a context manager: nothing stays hooked. Statistics
are computed where the tensors are, what is alike together, and fetched in one transfer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .. import protocol
from ..config import RANGES, NonlinearityName, Range
from .network import BatchNorm

BINS = 64
ROBUST = 4.0  # unbounded values are binned within this many stds of their mean; the share outside is told
FLOAT32_SQUARES = (1e-16, 1e15)  # between these stds no square, and no sum of squares, leaves float32's range
CHUNK = 2**22  # values that are looked at together: what is worked out on the way takes some 16 bytes each
SATURATION_ROWS = 32  # examples of the minibatch whose saturation is told unit by unit

NONLINEARITY_OF: dict[type[nn.Module], NonlinearityName] = {
    nn.Tanh: "tanh",
    nn.Identity: "linear",
    nn.ReLU: "relu",
    nn.LeakyReLU: "leaky_relu",
    nn.Sigmoid: "sigmoid",
    nn.SELU: "selu",
}


class Fetch:
    """Numbers that are worked out on the device and go to the host together, in one transfer."""

    def __init__(self) -> None:
        self._parts: list[Tensor] = []
        self._size = 0
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
        start = sum(len(rows.values) for rows in self._looked)
        together = max(1, CHUNK // max(1, values.shape[1]))
        self._looked += [_Rows(part, limits) for part in torch.split(values, together)]
        return lambda: self._described[start : start + len(values)]

    def fetch(self) -> None:
        """Fetch all that was asked for."""
        table = self.ask(torch.cat([_describe(batch) for batch in _batches(self._looked)])) if self._looked else None
        if self._parts:
            self._numbers = torch.cat(self._parts).cpu().numpy().astype(np.float64)
        if table is not None:
            self._described = _told(table(), self._looked)


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


def _batches(looked: Sequence[_Rows]) -> Iterator[list[_Rows]]:
    """Neighbours that are few enough values to be described together."""
    batch: list[_Rows] = []
    for rows in looked:
        if batch and sum(r.values.numel() for r in (*batch, rows)) > CHUNK:
            yield batch
            batch = []
        batch.append(rows)
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


def _told(table: NDArray[np.float64], looked: Sequence[_Rows]) -> list[Described]:
    """One record for each row that `_describe` gave."""
    single = [(rows, i) for rows in looked for i in range(len(rows.values))]
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


def _by_shape(tensors: Sequence[Tensor]) -> list[list[int]]:
    """Places of the tensors of each shape: what is alike is looked at together."""
    places: dict[torch.Size, list[int]] = {}
    for i, t in enumerate(tensors):
        places.setdefault(t.shape, []).append(i)
    return list(places.values())


def _stacked(tensors: Sequence[Tensor], places: Sequence[int]) -> Tensor:
    """(n, rows, the rest flattened) of the tensors at these places."""
    return torch.stack([tensors[i].detach().flatten(1) for i in places])


class Activations:
    """What a snapshot tells of the nonlinearities' outputs and gradients, asked for now, told once fetched.

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
                fetch.ask(torch.linalg.vector_norm(grad, 1, dim=(1, 2))),
                fetch.ask(flags[:, :SATURATION_ROWS]),
            )
            looks = fetch.look(y.flatten(1), bounds), fetch.look(grad.flatten(1))
            self._groups.append((places, y.shape[1:], looks, asked))

    def saturated_throughout(self) -> list[NDArray[np.bool_]]:
        """For each layer which units were saturated on every row (width,)."""
        flags = [np.zeros(0, np.bool_)] * self._count
        for places, (rows, _), _, asked in self._groups:
            for i, units in zip(places, asked[0](), strict=True):
                flags[i] = units == rows
        return flags

    def records(self, names: Sequence[str], dead: Sequence[tuple[int, ...]]) -> tuple[protocol.Activation, ...] | None:
        """One record a layer, or None if a number is not finite.

        Args:
            names: one a layer.
            dead: units dead on the probe batch, one tuple a layer.
        """
        records: dict[int, protocol.Activation] = {}
        for places, (rows, width), (outputs, grads), asked in self._groups:
            told = zip(places, outputs(), grads(), *(part() for part in asked), strict=True)
            size = max(1, rows * width)
            for i, output, grad, saturated, grad_sum, flags in told:
                if not (output.finite and grad.finite and math.isfinite(grad_sum)):
                    return None
                records[i] = protocol.Activation(
                    layer=names[i],
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


def activations(
    names: Sequence[str],
    outputs: Sequence[Tensor],
    grads: Sequence[Tensor],
    limits: Range,
    dead: Sequence[tuple[int, ...]],
) -> tuple[protocol.Activation, ...] | None:
    """What `Activations` tells, fetched at once."""
    fetch = Fetch()
    asked = Activations(fetch, outputs, grads, limits)
    fetch.fetch()
    return asked.records(names, dead)


class Weights:
    """What a snapshot tells of the weights, asked for now, told once fetched.

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
        told = [look() for look in self._groups]
        pairs = [pair for rows in told for pair in zip(rows[: len(rows) // 2], rows[len(rows) // 2 :], strict=True)]
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
    """What a snapshot tells of a network's batch norms, asked for now, told once fetched.

    Args:
        fetch: what is asked for goes there.
        norms: one a layer.
        linear: what each of them just saw (B, width).
        bias_grads: of the biases before them, where there are any.
    """

    def __init__(
        self, fetch: Fetch, norms: Sequence[BatchNorm], linear: Sequence[Tensor], bias_grads: Sequence[Tensor] = ()
    ) -> None:
        self._batches = []
        for places in _by_shape(linear):
            x = _stacked(linear, places)
            mean = x.mean(1, keepdim=True)
            # (torch.var over a middle dimension is slow on the CPU.)
            var = (x - mean).square_().sum(1).mul_(1 / max(1, x.shape[1] - 1))
            self._batches.append((places, fetch.ask(torch.stack([mean[:, 0], var], 1))))
        kept = [[n.running_mean, n.running_var, n.gamma.data, n.beta.data] for n in norms]
        self._kept = [fetch.ask(torch.stack(parts)) for parts in kept]
        self._bias_grad_stds = [fetch.ask(grad.std(correction=0)) for grad in bias_grads]

    def records(self) -> tuple[protocol.BatchNorm, ...]:
        """One record a layer."""
        batch = {i: told for places, asked in self._batches for i, told in zip(places, asked(), strict=True)}
        records = []
        for i, kept in enumerate(self._kept):
            parts = [row.astype("<f4").tobytes() for row in (*batch[i], *kept())]
            records.append(
                protocol.BatchNorm(
                    layer=f"batch norm {i + 1}",
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


class Hooks:
    """Outputs of a model's nonlinearities and their gradients, caught while the context is open.

    Run one forward and one backward inside the `with`; then `names`, `outputs` and `grads` hold one entry a
    layer, in the order in which they ran. A layer that runs more than once counts each time.

    Args:
        model: any nn.Module.
        kinds: the module types to look at; those whose output ranges are known by default.
    """

    def __init__(self, model: nn.Module, kinds: tuple[type[nn.Module], ...] = tuple(NONLINEARITY_OF)) -> None:
        self._model = model
        self._kinds = kinds
        self._handles: list[RemovableHandle] = []
        self._caught: list[tuple[str, nn.Module, Tensor]] = []

    def __enter__(self) -> Hooks:
        for name, module in self._model.named_modules():
            if isinstance(module, self._kinds):
                self._handles.append(module.register_forward_hook(self._catcher(name)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _catcher(self, name: str):  # type: ignore[no-untyped-def]
        def catch(module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.is_floating_point():
                if output.requires_grad:
                    output.retain_grad()
                self._caught.append((name, module, output))

        return catch

    @property
    def names(self) -> list[str]:
        """The modules' names inside the model."""
        return [name for name, _, _ in self._caught]

    @property
    def outputs(self) -> list[Tensor]:
        """What the modules gave, detached."""
        return [output.detach() for _, _, output in self._caught]

    @property
    def grads(self) -> list[Tensor]:
        """The loss's gradient with respect to each output; zeros where none arrived."""
        return [torch.zeros_like(out) if out.grad is None else out.grad for _, _, out in self._caught]

    def activations(self) -> tuple[protocol.Activation, ...] | None:
        """The records of a snapshot; dead units are not told here (they need a probe batch)."""
        records: list[protocol.Activation] = []
        for (name, module, output), grad in zip(self._caught, self.grads, strict=True):
            limits = RANGES[NONLINEARITY_OF.get(type(module), "linear")]
            one = activations([name], [output.detach()], [grad], limits, [()])
            if one is None:
                return None
            records += one
        return tuple(records)
