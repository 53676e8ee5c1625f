"""How much a forward pass has to do, from the rows that were seen in one."""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch import nn
from torch.nn.parameter import is_lazy

from ...measure.rows import Row

ALONE = 2**25  # products of a number and a weight: a thread has that done in a few milliseconds


def products(rows: Iterable[Row]) -> int:
    """Products of a number and a weight, of all layers together: weights times the places that they are applied to."""
    total = 0
    for row in rows:
        if row.module is None or row.axis is None or isinstance(row.module, nn.Embedding | nn.EmbeddingBag):
            continue
        weights = sum(p.numel() for p in row.module.parameters(recurse=False) if p.ndim > 1 and not is_lazy(p))
        total += weights * math.prod(row.shape) // max(1, row.shape[row.axis])
    return total
