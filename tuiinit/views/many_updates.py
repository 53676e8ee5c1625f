"""Update:data of many matrices in one picture: how they spread, the one pointed at, and those far from the others."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..plots import SERIES, Curve, Role, Row
from ..plots.ink import Ink, Piece, row
from .by_line import middle

MANY = 9  # matrices from which not each has a curve of its own
FAR = 1.0  # powers of ten from the median, beyond which a matrix is named
NAMED = 3  # of those that are far
MARKS = "▴▾◆"
Floats = npt.NDArray[np.float64]


def outliers(last: Floats) -> list[int]:
    """The columns whose newest value is furthest from the median of all, at most NAMED and none that is near."""
    known = np.flatnonzero(np.isfinite(last))
    if not known.size:
        return []
    away = np.abs(last[known] - np.median(last[known]))
    order = np.argsort(-away, kind="stable")[:NAMED]
    return [int(known[i]) for i in order if away[i] > FAR]


def newest(values: Floats) -> Floats:
    """The last finite value of each column, NaN where there is none; (steps, columns) → (columns,)."""
    known = np.isfinite(values)
    at = len(values) - 1 - np.argmax(known[::-1], axis=0)
    return np.where(known.any(axis=0), values[at, np.arange(values.shape[1])], np.nan)


def many_curves(steps: Floats, values: Floats, names: Sequence[str], chosen: Sequence[int], title: str) -> list[Curve]:
    """The smallest and the largest behind the median, quartiles dotted, the chosen and the outliers by name.

    Args:
        steps: (n,).
        values: log10 update:data, (n, matrices).
        names: of the matrices.
        chosen: columns of what is pointed at: several of a fold, whose median is drawn.
        title: what is pointed at.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # steps of which nothing is known
        finite = np.where(np.isfinite(values), values, np.nan)
        low, first, median, third, high = np.nanquantile(finite, (0, 0.25, 0.5, 0.75, 1), axis=1)
        ours = np.nanmedian(finite[:, list(chosen)], axis=1) if chosen else None
    drawn = [
        Curve("median", steps, median, Role.MARK, low, high),
        Curve("lower quartile", steps, first, Role.MARK, dotted=True),
        Curve("upper quartile", steps, third, Role.MARK, dotted=True),
    ]
    far = [i for i in outliers(newest(values)) if list(chosen) != [i]]
    drawn += [Curve(names[i], steps, finite[:, i], SERIES[n + 1], mark=MARKS[n]) for n, i in enumerate(far)]
    if ours is not None:
        drawn.append(Curve(title, steps, ours, SERIES[0], mark="▸", front=True))
    return drawn


def many_legend(drawn: Sequence[Curve], count: int, width: int) -> Sequence[Row]:
    """What the curves are, on two rows."""
    about: list[Piece] = [
        (f" ━ median of {count}", Role.MARK),
        ("  ┄ quartiles", Role.MARK),
        ("  ░ smallest to largest", Role.MARK),
    ]
    named = [curve for curve in reversed(drawn) if curve.mark]
    if not named:
        return [row(width, *about)]
    room = max(8, (width - 2) // len(named) - 4)
    pieces: list[Piece] = [" "]
    for curve in named:
        pieces += [(f"{curve.mark} {middle(curve.name, room)}", curve.role), ("  ", Ink.PLAIN)]
    return [row(width, *about), row(width, *pieces)]
