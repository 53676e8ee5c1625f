"""What local theory says of a network's first step, row by row, as a frame of the stream."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...measure.local_theory import predicted_saturated, predicted_std
from ...measure.rows import Row
from ...stream.protocol import Expected, Shape, Start


def start_of(lane: str, rows: Sequence[Row], shape: Shape, examples: int) -> Start:
    """What each row should have given, from what entered it.

    Args:
        lane: its name.
        rows: of the first batch, with figures of what came in; fetched.
        shape: of the lane, one row each of those with an output.
        examples: in the batch.
    """
    seen = [row for row in rows if row.output() is not None]
    theory = _expected(
        [predicted_std(row) for row in seen], [predicted_saturated(row) for row in seen], shape, numbers=1
    )
    nothing = [None] * len(shape.rows)
    redrawn = _expected(nothing, nothing, shape, numbers=3)
    return Start(
        lane=lane, examples=examples, contexts=examples, commonest=1, redraws=0, lost=0, redrawn=redrawn, theory=theory
    )


def _expected(std: Sequence[float | None], saturated: Sequence[float | None], shape: Shape, numbers: int) -> Expected:
    unknown_rows, unknown_matrices = [None] * len(shape.rows), [None] * len(shape.matrices)
    return Expected(
        std=_bytes(std, numbers),
        saturated=_bytes(saturated, numbers),
        grad_std=_bytes(unknown_rows, numbers),
        grad_ratio=_bytes(unknown_rows, numbers),
        weight_grad_std=_bytes(unknown_matrices, numbers),
        update_data=_bytes(unknown_matrices, numbers),
        loss=_bytes([None], numbers),
        logit_std=_bytes([None], numbers),
    )


def _bytes(values: Sequence[float | None], numbers: int) -> bytes:
    known = [math.nan if value is None else value for value in values]
    with np.errstate(over="ignore"):
        return np.repeat(np.array(known, "<f4"), numbers).tobytes()
