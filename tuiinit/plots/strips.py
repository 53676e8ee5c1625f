"""Histograms beside one another as strips of shades: one a column of time, value upwards, two values in a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .axes import GUTTER, Axis, Frame, framed
from .cells import SHADES, Grid, Plot, Role, Shown
from .curves import TOO_SMALL
from .depth import greys, shaded


def half_rows(height: int) -> int:
    """Values that a plot of so many rows tells apart."""
    return 2 * max(0, Frame(0, height, 0).rows)


def strips(
    shares: Any,
    width: int,
    height: int,
    *,
    x: Axis,
    y: Axis,
    at: int | None = None,
    colours: bool = True,
    shown: Sequence[Shown] = (),
    empty: str = "",
) -> Plot:
    """Strips of one width, from the left.

    Args:
        shares: (strips, `half_rows(height)`), 0 … 1 from no shade to the darkest, the lowest value first.
        x: its limits are 0.5 … strips + 0.5.
        at: the strip that is pointed at.
        colours: whether cells may have two colours; without, ░▒▓█.
        shown: what the cursor reads.
        empty: the sentence shown while there is nothing to draw.
    """
    values = np.asarray(shares, np.float64)
    frame, grid = Frame(max(0, width), max(0, height), GUTTER), Grid(width, height)
    if values.ndim != 2 or not values.size or not frame.fits:
        grid.sentence(empty if frame.fits else TOO_SMALL)
        return grid.plot()
    grid, canvas = framed(frame, x, y)
    of_column = np.arange(canvas.columns) * len(values) // canvas.columns
    level = np.ceil(np.clip(np.nan_to_num(values), 0, 1) * len(SHADES) - 1e-9).astype(np.intp)
    level = level[of_column, ::-1].T[: 2 * canvas.rows]
    upper, lower = level[::2], level[1::2]
    area = np.s_[canvas.top : canvas.top + canvas.rows, canvas.left : canvas.left + canvas.columns]
    if colours:
        grid.codes[area], grid.roles[area], grid.grounds[area] = shaded(upper, lower)
    else:
        grid.codes[area], grid.roles[area] = greys(upper, lower), Role.FIGURE
    if at is not None and 0 <= at < len(values):
        here = np.flatnonzero(of_column == at)
        if len(here):
            grid.put(0, canvas.left + int(here[len(here) // 2]), "▾", Role.CURSOR)
    return grid.plot(replace(canvas, label="strip", title=y.label, shown=tuple(shown)))
