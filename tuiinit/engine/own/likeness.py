"""Whether two networks start alike: the same draws in the same order, so that only what was set apart differs."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ...measure.sampling import local, sample
from .building import tensors_of
from .gains import gates_of

SAMPLES = 256  # values of a tensor that it is known by
SAME = 1e-3  # relative to the largest value: of a factor that was applied in another precision


class Begun(NamedTuple):
    """What a network began with: samples of its parameters by name and shape, and of its first batch."""

    parameters: dict[tuple[str, tuple[int, ...]], list[Tensor]]  # of a recurrent matrix a sample for each gate
    batch: list[Tensor]


@torch.no_grad()
def begun(model: nn.Module, batch: Any) -> Begun:
    """Remember what a network begins with."""
    gates = {id(p): count for p, count in gates_of(model)}
    return Begun(
        {
            (name, tuple(p.shape)): [
                sample(part, SAMPLES).cpu() for part in (p.chunk(gates[id(p)]) if id(p) in gates else [p])
            ]
            for name, p in model.named_parameters()
            if not is_lazy(p) and local(p).numel() and p.is_floating_point()
        },
        [sample(part, SAMPLES).cpu() for part in tensors_of(batch)],
    )


def unlike(one: Begun, other: Begun) -> tuple[Literal["weights", "batches"], str] | None:
    """What does not come again: the first parameter of equal name and shape that is no multiple, or the batches.

    A gain is set for each gate of a recurrent matrix by itself, so each may have a factor of its own.
    """
    for key, values in one.parameters.items():
        if (others := other.parameters.get(key)) is not None and not all(map(_multiple, values, others)):
            return "weights", key[0]
    same = len(one.batch) == len(other.batch) and all(
        a.shape == b.shape and torch.equal(a, b) for a, b in zip(one.batch, other.batch, strict=True)
    )
    return None if same else ("batches", "")


def _multiple(one: Tensor, other: Tensor) -> bool:
    """Whether one is a number times the other; zeros and constants are not drawn, and like anything."""
    if _constant(one) or _constant(other):
        return True
    a, b = one.double(), other.double()
    factor = float(a @ b / (b @ b))
    return float((a - factor * b).abs().max()) <= SAME * float(a.abs().max())


def _constant(values: Tensor) -> bool:
    return bool((values == values[0]).all()) or not bool(torch.isfinite(values).all())
