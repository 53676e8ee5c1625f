"""Ridges: histograms of layers under one another on one x axis, the lane before in the same bands.

A cell has a foreground, a background and an eighth-block glyph. In a column where now is a and the lane
before is b eighths high, cells up to min(a, b) show both, from there to max(a, b) whichever is higher, and
above it nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .axes import Axis, limits
from .bands import (
    NAMES,
    Band,
    Columns,
    Height,
    Layout,
    beyond_roles,
    canvas_of,
    columns_of,
    framed_bands,
    mark_beyond,
    put_label,
    put_row,
    scaled,
    shown_columns,
    span_of,
    top_of,
)
from .cells import BOTH, DEPTH, NO_GROUND, Canvas, Cells, Grid, Plot, Role, Row, by_depth, choose
from .curves import ABOVE, TOO_SMALL
from .raster import BRAILLE, braille, extent, fill, runs

MOST_ROWS = 4  # of a band
FEW_ROWS = {1: 16, 2: 8, 3: 8}  # of a band where there are only so many
FILLED = 0.83  # share of the rows that bands of equal height must fill
HEAD, FOOT = 1, 1  # rows of the title and of the axis' labels
_EIGHTHS = np.array([ord(c) for c in " ▁▂▃▄▅▆▇█"], np.uint32)


def best_height(count: int) -> int:
    """Rows with which each of so many bands is as high as it can be."""
    return HEAD + FOOT + 1 + count * FEW_ROWS.get(count, MOST_ROWS)


def rows_of_bands(count: int, height: int) -> list[int]:
    """Rows of each band that a picture of so many rows has room for.

    All are equally high, unless that would leave more than a sixth of the rows empty.
    """
    room = max(0, height - HEAD - FOOT)
    shown = min(count, room)
    if not shown:
        return []
    used = min(room, shown * FEW_ROWS.get(shown, MOST_ROWS))
    if used // shown * shown >= FILLED * used:
        return [used // shown] * shown
    return [(i + 1) * used // shown - i * used // shown for i in range(shown)]


def ridges(
    bands: Sequence[Band],
    width: int,
    height: int,
    *,
    x: tuple[float, float] | None = None,
    scale: Height = "root",
    heading: Row = (),
    title: str | None = None,
    labels: int | None = None,
    roles: Sequence[Role] | None = None,
    colours: bool = True,
    empty: str = "",
) -> Plot:
    """Bands under one another, each with a height of its own that follows what is in front.

    Where the lane before is higher than a band, ▴ at its top says so; where a histogram goes on beyond the x
    limits, ◂ or ▸ at the frame. Layers that do not fit are left out evenly, and the title's row tells how many.

    Args:
        x: limits of all bands; by default they span every histogram in front.
        scale: how densities become heights.
        heading: what stands over the bands' figures.
        title: what the frame says; by default how densities become heights.
        labels: columns for the layers' names, however long they are; by default what they need.
        roles: one a band; by default the palette of the depth.
        colours: whether cells may have two colours; without, the lane before is an outline of dots where it
            is higher.
        empty: the sentence shown while there is nothing to draw.
    """
    width, height = max(0, width), max(0, height)
    each = rows_of_bands(len(bands), height)
    shown = choose(len(bands), len(each))
    layout = Layout.of(bands, heading, width, height, sum(each), labels) if shown else None
    if layout is None:
        grid = Grid(width, height)
        grid.sentence(TOO_SMALL if bands else empty)
        return grid.plot()
    x_axis = Axis(*limits(*(x or span_of(bands))))
    left_out = len(bands) - len(shown)
    note = f"{left_out} of {len(bands)} layers left out" if left_out else ""
    if title is None:
        title = f"{NAMES[scale]}, own scale"
        if any(band.previous is not None for band in bands):
            title += f" · {'grey' if colours else 'dots'} before"
    grid = framed_bands(layout, width, height, x_axis, title, note, heading)
    roles = roles or by_depth(len(bands))
    span = (x_axis.lo, x_axis.hi)
    canvases: list[Canvas] = []
    top = HEAD
    for i, rows in zip(shown, each, strict=True):
        canvases.append(_band(grid, layout, bands[i], roles[i], top, rows, span, scale, colours))
        top += rows
    return grid.plot(*canvases)


def _band(
    grid: Grid,
    layout: Layout,
    band: Band,
    role: Role,
    top: int,
    rows: int,
    x: tuple[float, float],
    scale: Height,
    colours: bool,
) -> Canvas:
    """Draw one band with its label and its figures."""
    now = columns_of(band.edges, band.density, x, layout.columns)
    behind = columns_of(*band.previous, x, layout.columns) if band.previous is not None else None
    full = top_of(now.density, behind.density if behind else None)
    a, _ = eighths(now, full, scale, rows)
    b, beyond = eighths(behind, full, scale, rows) if behind else (np.zeros_like(a), np.zeros(a.shape, np.bool_))
    area = np.s_[top : top + rows, layout.left : layout.left + layout.columns]
    codes, roles, grounds = grid.codes[area], grid.roles[area], grid.grounds[area]
    both = BOTH[DEPTH.index(role)]
    if colours:
        codes[:], roles[:], grounds[:] = two_coloured(a, b, rows, role, both)
    else:
        codes[:] = _EIGHTHS[np.clip(a - _floor(rows), 0, 8)]
        roles[:] = role
        _outline(codes, roles, b)
    for start, end in runs(beyond):
        column = (start + end - 1) // 2
        codes[0, column] = ABOVE
        roles[0, column] = Role.FIGURE if colours else Role.PREVIOUS
        if colours:  # on what takes more of the cell: a bar that is marked has no hole
            grounds[0, column] = both if a[column] - 8 * (rows - 1) > 4 else Role.BEHIND
    last = top + rows - 1
    put_label(grid, layout, last, band.beside, role)
    mark_beyond(grid, layout, last, *beyond_roles(now, behind, role))
    figures = band.figures[:rows] if layout.figures else ()
    for line, row in enumerate(figures, top + rows - len(figures)):
        put_row(grid, line, layout.left + layout.columns + 1, row)
    return canvas_of(layout, top, rows, x, full, shown_columns(band, role, x, now, behind))


def eighths(
    histogram: Columns, top: float, scale: Height, rows: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Heights (columns,) in eighths of a row, and where they would exceed `rows`.

    `top` is an eighth below the band's upper edge, which keeps bands apart; what is not 0 is at least an eighth.
    """
    share = scaled(histogram.density, top, scale)
    height = np.rint(np.minimum(share, 1e6) * (8 * rows - 1))
    height = np.where(share > 0, np.maximum(1, height), 0).astype(np.intp)
    return np.minimum(height, 8 * rows), height > 8 * rows


def _floor(rows: int) -> npt.NDArray[np.intp]:
    """The lower edge of each row of a band in eighths, (rows, 1)."""
    return 8 * np.arange(rows - 1, -1, -1)[:, None]


def two_coloured(
    now: npt.NDArray[np.intp], behind: npt.NDArray[np.intp], rows: int, role: Role, both: Role
) -> tuple[Cells, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Code points, roles and grounds, each (rows, columns), of two histograms in eighths of a row, each (columns,).

    A cell can hold two of {both, the higher one, nothing}. Where all three meet, the thinnest gives way: a
    height is wrong by at most two eighths of a row.
    """
    floor = _floor(rows)
    lower = np.clip(np.minimum(now, behind) - floor, 0, 8)
    upper = np.clip(np.maximum(now, behind) - floor, 0, 8)
    three = (lower > 0) & (upper > lower) & (upper < 8)
    parts = np.stack([8 - upper, upper - lower, lower])  # of two that are equally thin, the one further up
    thinnest = np.where(three, parts.argmin(axis=0), -1)
    upper, lower = (
        np.select([thinnest == 0, thinnest == 1], [8, lower], upper),
        np.where(thinnest == 2, 0, lower),
    )
    higher = np.where(now > behind, np.uint8(role), np.uint8(Role.BEHIND))[None, :]
    codes = _EIGHTHS[np.where(lower > 0, lower, upper)]
    roles = np.where(lower > 0, np.uint8(both), higher)
    grounds = np.where((lower > 0) & (upper > lower), higher, np.uint8(NO_GROUND))
    return codes, roles, grounds


def _outline(codes: Cells, roles: npt.NDArray[np.uint8], behind: npt.NDArray[np.intp]) -> None:
    """Dots along the lane before in the cells in which nothing of now is."""
    rows, columns = codes.shape
    canvas = Canvas(0, 0, columns, rows, (0.0, float(columns)), (0.0, 8.0 * rows))
    dots = braille(fill(canvas, *extent(canvas, np.arange(columns) + 0.5, np.where(behind > 0, behind, np.nan))))
    free = (codes == _EIGHTHS[0]) & (dots != BRAILLE)
    codes[free], roles[free] = dots[free], Role.PREVIOUS
