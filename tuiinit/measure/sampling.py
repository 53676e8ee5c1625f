"""A few thousand values of a tensor, by a stride that does not line up with its dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from .fetch import Fetch


@lru_cache(maxsize=4096)
def stride_of(shape: tuple[int, ...], samples: int) -> int:
    """The least stride that leaves at most `samples` values and is coprime with every dimension.

    A stride that shares a factor with a dimension takes the same columns again and again: of a (32, 32, 32, 32)
    map a stride of 16 gave a std of 0.919 where 1.000 was right.
    """
    stride = max(1, -(-math.prod(shape) // max(1, samples)))
    dimensions = [size for size in shape if size > 1]
    while stride > 1 and any(math.gcd(stride, size) > 1 for size in dimensions):
        stride += 1
    return stride


def sample(values: Tensor, samples: int | None) -> Tensor:
    """A copy of some values as float32 (n,), n <= samples; all of them where `samples` is None.

    Never random: that would move the random numbers of whoever trains. A copy, since what is caught inside a
    forward pass may be overwritten before it is read.
    """
    values = local(values).detach()
    if values.is_sparse:
        values = values.to_dense()
    stride = 1 if samples is None else stride_of(tuple(values.shape), samples)
    taken = values.reshape(-1)[::stride]
    return taken.float() if taken.dtype != torch.float32 else taken.clone()


def moments(values: Tensor, samples: int | None, fetch: Fetch) -> Callable[[], tuple[bool, float, float]] | None:
    """Have mean and unbiased std taken in two passes: whether they are finite, and both. None of an empty tensor.

    Sums are taken in double precision, so that equal values in another order give equal moments.
    """
    taken = local(values).detach() if samples is None else sample(values, samples)
    taken = taken.to_dense() if taken.is_sparse else taken
    if not taken.numel():
        return None
    taken = taken if taken.dtype in (torch.float32, torch.float64) else taken.float()
    exact = torch.float32 if taken.device.type == "mps" else torch.float64
    mean = taken.mean(dtype=exact)
    apart = (taken - mean.to(taken.dtype)).to(exact).reshape(-1)
    std = (apart.dot(apart) / max(1, taken.numel() - 1)).sqrt()
    asked = fetch.ask(torch.stack([mean, std]))

    def figures() -> tuple[bool, float, float]:
        both = asked().tolist()
        return all(map(math.isfinite, both)), both[0], both[1]

    return figures


def local(values: Tensor) -> Tensor:
    """This rank's part of a sharded tensor (a DTensor), without talking to the others; other tensors as they are."""
    to_local = getattr(values, "to_local", None)
    return values if to_local is None else to_local()
