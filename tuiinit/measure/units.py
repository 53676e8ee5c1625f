"""Which units of an activation are flat for which examples: few enough numbers to be carried with each snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .activations import Flat
from .fetch import Fetch
from .sampling import local

LOOKED = 2**17  # values that are looked at: examples beyond are left out
EXAMPLES, BITS, FEW_BITS = 32, 2**13, 2**11  # that are carried of one activation, at most; of later ones fewer
FEWEST = 32  # values of a unit, below which it may well be flat on all of them by chance
FIRST, ROWS = 16, 128  # activations of a step of which more, and any, is carried


@dataclass(frozen=True)
class Flatness:
    """An activation's units (channels). One is flat for an example where it is at all of the example's places."""

    dead: tuple[int, ...]  # flat on all examples that were looked at
    rows: int  # values that each unit had there
    examples: int  # that `bits` tells of
    bits: bytes  # numpy.packbits of (examples × units)


def look_at_units(
    flat: Flat, output: Tensor, axis: int | None, before: int, fetch: Fetch
) -> Callable[[], Flatness] | None:
    """Have it looked up where units are flat; what is given back can be called once fetched.

    Args:
        flat: where the activation is.
        output: of the activation (examples, …).
        axis: that tells units apart.
        before: activations that were looked at already.

    Returns:
        None where there are too many activations or units, or too few values of each.
    """
    values = local(output).detach()
    bits = BITS if before < FIRST else FEW_BITS
    if before >= ROWS or not axis or values.ndim < 2 or not values.numel() or values.shape[axis] > BITS // 4:
        return None
    values = values[: max(1, LOOKED // values[0].numel())]
    many, units = values.shape[0], values.shape[axis]
    rows = values.numel() // units
    if rows < FEWEST or values.numel() > 4 * LOOKED:
        return None
    whole = flat.mask(values).movedim(axis, 1).reshape(many, units, -1).all(2)
    examples = min(many, EXAMPLES, bits // units)
    asked = fetch.ask(torch.cat([whole.all(0)[None], whole[:examples]]).float())

    def flatness() -> Flatness:
        known = asked() > 0
        dead = tuple(np.flatnonzero(known[0]).tolist())
        return Flatness(dead=dead, rows=rows, examples=examples, bits=np.packbits(known[1:]).tobytes())

    return flatness
