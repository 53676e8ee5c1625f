"""Which row feeds which, without the graph: what comes into a row has the mean square of what left another.

Views, permutations and copies leave a mean square as it is, and two different signals hardly share one. Where
something lies between that is no row (pooling, dropout, a slice) the row before counts, if no signals were joined
since; rows that take in the same share what feeds the first of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .rows import Join, Row

SAME = 1e-5  # relative; float32 sums in another order differ less


def feeders(rows: Sequence[Row], joins: Sequence[Join] = ()) -> list[int | None]:
    """For each row the index of the row that feeds it, or None where none is known.

    Args:
        rows: in the order of their calls.
        joins: all sums and products between them; what comes out of one comes from no row, though it be a sum with 0.
    """
    leaving = [_mean_square_out(row) for row in rows]
    entering = [_mean_square_in(row) for row in rows]
    squares = [join.square() for join in joins]
    found: list[int | None] = []
    for i, row in enumerate(rows):
        feeder = _last_alike(leaving[:i], entering[i])
        if feeder is None and (twin := _last_alike(entering[:i], entering[i])) is not None:
            feeder = found[twin]
        elif feeder is None and i and rows[i - 1].joins == row.joins:
            feeder = i - 1
        elif feeder is not None and _last_alike(squares[rows[feeder].joins : row.joins], entering[i]) is not None:
            feeder = None
        found.append(feeder)
    return found


def _last_alike(squares: Sequence[float | None], wanted: float | None) -> int | None:
    if wanted is None:
        return None
    return next((j for j in reversed(range(len(squares))) if _same(squares[j], wanted)), None)


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
