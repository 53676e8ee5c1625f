"""Which row feeds which, without the graph: what comes into a row has the mean square of what left another.

Views, permutations and copies leave a mean square as it is, and two different signals hardly share one. Where
something lies between that is no row (pooling, dropout, a slice) the row before counts, if no signals were joined
since.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .rows import Row

SAME = 1e-5  # relative; float32 sums in another order differ less


def feeders(rows: Sequence[Row]) -> list[int | None]:
    """For each row the index of the row that feeds it, or None where none is known."""
    leaving = [_mean_square_out(row) for row in rows]
    found: list[int | None] = []
    for i, row in enumerate(rows):
        entering = _mean_square_in(row)
        feeder = None
        if entering is not None:
            alike = (j for j in reversed(range(i)) if _same(leaving[j], entering))
            feeder = next(alike, None)
        if feeder is None and i and rows[i - 1].joins == row.joins:
            feeder = i - 1
        found.append(feeder)
    return found


def _same(one: float | None, other: float) -> bool:
    return one is not None and math.isclose(one, other, rel_tol=SAME)


def _mean_square_out(row: Row) -> float | None:
    figures = row.output()
    if figures is None or not figures.finite:
        return None
    n = max(1, math.prod(row.shape))
    return figures.mean**2 + figures.std**2 * (n - 1) / n


def _mean_square_in(row: Row) -> float | None:
    if row.input_square is not None:
        square = row.input_square()
        return square if math.isfinite(square) else None
    came = row.input() if row.input is not None else None
    if came is None or not came.finite:
        return None
    n = max(1, math.prod(row.shape))
    return came.mean**2 + came.std**2 * (n - 1) / n
