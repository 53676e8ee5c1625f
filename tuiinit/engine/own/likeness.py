"""Whether two networks start alike: the same draws in the same order, so that only what was set apart differs."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ...measure.sampling import local, sample
from .building import tensors_of
from .gains import gates_of

SAMPLES = 256  # values of a tensor that it is known by
SAME = 1e-3  # relative to the largest value: of a factor that was applied in another precision


Place = tuple[str, str, tuple[int, ...], int]  # module's class, name in it, shape, and which one of these it is


class Begun(NamedTuple):
    """What a network began with: samples of its parameters by name and shape, and of its first batch."""

    parameters: dict[tuple[str, tuple[int, ...]], list[Tensor]]  # of a recurrent matrix a sample for each gate
    batch: list[Tensor]
    places: dict[str, Place]  # of each parameter: names may have moved, as a norm in between moves them


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
        _places(model),
    )


def _places(model: nn.Module) -> dict[str, Place]:
    counts: Counter[tuple[str, str, tuple[int, ...]]] = Counter()
    places: dict[str, Place] = {}
    kinds = {name: type(module).__name__ for name, module in model.named_modules()}
    for name, parameter in model.named_parameters():
        if is_lazy(parameter):
            continue
        owner, _, last = name.rpartition(".")
        key = kinds.get(owner, ""), last, tuple(parameter.shape)
        places[name] = (*key, counts[key])
        counts[key] += 1
    return places


def unlike(one: Begun, other: Begun) -> tuple[Literal["weights", "batches"], str] | None:
    """What does not come again: the first parameter that is no multiple of the other's, or the batches.

    The other's is the one of the same name and shape, or that of the same place among its like: one that is alike will
    do. A gain is set for each gate of a recurrent matrix by itself, so each may have a factor of its own.
    """
    at = {other.places[name]: values for (name, _), values in other.parameters.items()}
    strangers: list[str] = []
    named = False  # a parameter that only the place says to be the same proves nothing by itself
    for key, values in one.parameters.items():
        namesake = other.parameters.get(key)
        known = [others for others in (namesake, at.get(one.places[key[0]])) if others is not None]
        if known and not any(all(map(_multiple, values, others)) for others in known):
            strangers.append(key[0])
            named = named or namesake is not None
    if named:
        return "weights", strangers[0]
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
