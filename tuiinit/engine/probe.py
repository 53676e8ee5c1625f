"""Tensors to plain numbers: statistics and histograms of activations, weights and their gradients.

`Hooks` catches the same tensors in any nn.Module, as a context manager: nothing stays hooked. Statistics
are computed where the tensors are and fetched together: two transfers for all activations, two for all
weights, however many layers there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .. import protocol
from ..config import RANGES, NonlinearityName, Range
from .network import BatchNorm

BINS = 64
ROBUST = 4.0  # unbounded values are binned within this many stds of their mean; the share outside is told
FLOAT32_SQUARES = (1e-16, 1e15)  # between these stds no square, and no sum of squares, leaves float32's range
SATURATION_ROWS = 32  # examples of the minibatch whose saturation is told unit by unit

NONLINEARITY_OF: dict[type[nn.Module], NonlinearityName] = {
    nn.Tanh: "tanh",
    nn.Identity: "linear",
    nn.ReLU: "relu",
    nn.LeakyReLU: "leaky_relu",
    nn.Sigmoid: "sigmoid",
    nn.SELU: "selu",
}


def _histogram_range(mean: float, std: float) -> tuple[float, float]:
    half = max(ROBUST * std, abs(mean) * 1e-3, 1e-30)  # a constant still gets bins that have a width
    return mean - half, mean + half


def _histograms(tensors: Sequence[Tensor], ranges: Sequence[tuple[float, float]]) -> list[protocol.Histogram]:
    """Counts over equal bins; one transfer for all. (bincount on bin numbers is twice as fast as histc.)"""
    rows = []
    for t, (lo, hi) in zip(tensors, ranges, strict=True):
        # Bin numbers from 1; 0 and BINS + 1 take what is outside. Scaled a hair less, the upper bound falls
        # into the last bin, where saturated outputs of exactly 1 belong.
        scale = BINS / (hi - lo) * (1 - 1e-6)
        place = t.detach().float().flatten().mul(scale).add_(1 - lo * scale).clamp_(0, BINS + 1)
        rows.append(torch.bincount(place.to(torch.int32), minlength=BINS + 2))
    counts = torch.stack(rows).tolist()
    return [
        protocol.Histogram(lo=lo, hi=hi, counts=tuple(row[1:-1]), outside=(row[0] + row[-1]) / max(1, t.numel()))
        for t, (lo, hi), row in zip(tensors, ranges, counts, strict=True)
    ]


def _moments(tensors: Iterable[Tensor]) -> list[Tensor]:
    """[std, mean, std, mean, …], unbiased, as 0-d tensors; a single value has std 0.

    Two passes, which stay exact where the mean is far larger than the std. (torch.std_mean over a whole
    tensor takes five times as long on the CPU.)
    """
    told: list[Tensor] = []
    for t in tensors:
        values = t.detach().float()
        mean = values.mean()
        told += [torch.linalg.vector_norm(values - mean) / math.sqrt(max(1, t.numel() - 1)), mean]
    return told


def _exact(stds: Sequence[float], tensors: Sequence[Tensor]) -> list[float]:
    """The stds, computed again in double precision where the squares behind them leave float32's range."""
    return [
        std
        if FLOAT32_SQUARES[0] < std < FLOAT32_SQUARES[1]
        else float(t.detach().double().std(correction=min(1, t.numel() - 1)))
        for std, t in zip(stds, tensors, strict=True)
    ]


def _finite(numbers: Iterable[float]) -> bool:
    return all(map(math.isfinite, numbers))


def activations(
    names: Sequence[str],
    outputs: Sequence[Tensor],
    grads: Sequence[Tensor],
    limits: Range,
    dead: Sequence[tuple[int, ...]],
) -> tuple[protocol.Activation, ...] | None:
    """What a snapshot tells of the nonlinearities' outputs and gradients.

    Args:
        names: one a layer.
        outputs: (B, width) each.
        grads: of the mean loss with respect to each output, the same shapes.
        limits: the outputs' bounds, and where they count as saturated.
        dead: units dead on the probe batch, one tuple a layer.

    Returns:
        One record a layer, or None if a number is not finite.
    """
    if not outputs:
        return ()
    saturated = [(y <= limits.below) | (y >= limits.above) for y in outputs]
    scalars = _moments([*outputs, *grads])
    scalars += [flags.sum().float() for flags in saturated]
    scalars += [g.detach().abs().mean() for g in grads]
    told = torch.stack(scalars).tolist()
    count = len(outputs)
    told[: 4 * count : 2] = _exact(told[: 4 * count : 2], [*outputs, *grads])
    if not _finite(told):
        return None
    stds, means = told[: 4 * count : 2], told[1 : 4 * count : 2]
    shares, mean_abs = told[4 * count : 5 * count], told[5 * count :]
    robust = [_histogram_range(m, s) for m, s in zip(means, stds, strict=True)]
    if limits.bounded:
        robust[:count] = [(limits.low, limits.high)] * count
    histograms = _histograms([*outputs, *grads], robust)
    widths = [y[0].numel() for y in outputs]
    rows = min(SATURATION_ROWS, len(outputs[0]))
    packed = [flags[:rows].reshape(rows, -1) for flags in saturated]
    bits = torch.cat(packed, dim=1).cpu().numpy() if len({len(p) for p in packed}) == 1 else None
    start = 0
    records = []
    for i, name in enumerate(names):
        own = bits[:, start : start + widths[i]] if bits is not None else packed[i].cpu().numpy()
        start += widths[i]
        records.append(
            protocol.Activation(
                layer=name,
                width=widths[i],
                mean=means[i],
                std=stds[i],
                saturated=shares[i] / max(1, outputs[i].numel()),
                histogram=histograms[i],
                grad_mean=means[count + i],
                grad_std=stds[count + i],
                grad_mean_abs=mean_abs[i],
                grad_histogram=histograms[count + i],
                dead=dead[i],
                saturation_rows=rows,
                saturation=_pack_bits(own),
            )
        )
    return tuple(records)


def _pack_bits(flags) -> bytes:  # type: ignore[no-untyped-def]
    import numpy as np

    return np.packbits(flags).tobytes()


def weights(
    names: Sequence[str], data: Sequence[Tensor], grads: Sequence[Tensor], update_data: Sequence[float] | None
) -> tuple[protocol.Weight, ...] | None:
    """What a snapshot tells of the weights; None if a number is not finite.

    Args:
        names: one a matrix.
        data: after the update.
        grads: the gradients behind the update, the same shapes.
        update_data: log10(std(update) / std(data)), None before an update.
    """
    told = torch.stack(_moments([*data, *grads])).tolist()
    told[::2] = _exact(told[::2], [*data, *grads])
    if not _finite(told):
        return None
    stds, means = told[::2], told[1::2]
    histograms = _histograms([*data, *grads], [_histogram_range(m, s) for m, s in zip(means, stds, strict=True)])
    count = len(data)
    return tuple(
        protocol.Weight(
            name=name,
            shape=tuple(data[i].shape),
            mean=means[i],
            std=stds[i],
            histogram=histograms[i],
            grad_mean=means[count + i],
            grad_std=stds[count + i],
            grad_histogram=histograms[count + i],
            grad_data_ratio=stds[count + i] / stds[i] if stds[i] > 0 else None,
            update_data_log10=update_data[i] if update_data is not None and math.isfinite(update_data[i]) else None,
        )
        for i, name in enumerate(names)
    )


def histogram(values: Tensor, limits: tuple[float, float]) -> protocol.Histogram:
    """Counts of all values over fixed limits."""
    return _histograms([values], [limits])[0]


def batch_norm(name: str, norm: BatchNorm, x: Tensor, bias_grad: Tensor | None = None) -> protocol.BatchNorm:
    """What a snapshot tells of a batch norm that just saw `x` (B, width), and of the bias before it."""
    var, mean = torch.var_mean(x.detach(), 0)
    told = torch.stack([mean, var, norm.running_mean, norm.running_var, norm.gamma.data, norm.beta.data])
    parts = [row.tobytes() for row in told.float().cpu().numpy().astype("<f4")]
    return protocol.BatchNorm(
        layer=name,
        mean=parts[0],
        var=parts[1],
        running_mean=parts[2],
        running_var=parts[3],
        gamma=parts[4],
        beta=parts[5],
        bias_grad_std=None if bias_grad is None else float(bias_grad.std(correction=0)),
    )


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
