"""The picture of the depth: value across, layer down, density as shade, two layers in a row of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .axes import Axis, limits
from .bands import (
    NAMES,
    Band,
    Height,
    Layout,
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
from .cells import BLANK, NO_GROUND, SHADES, Canvas, Floats, Grid, Plot, Role, Row, by_depth, choose
from .curves import TOO_SMALL
from .ridges import FILLED, FOOT, HEAD

MOST_HALVES = 8  # half rows of a layer
READ = 8  # layers that the cursor reads at once
UPPER, LOWER, FULL = ord("▀"), ord("▄"), ord("█")
_GREYS = np.array([ord(c) for c in " ░▒▓█"], np.uint32)
Levels = npt.NDArray[np.intp]  # 0 is nothing, len(SHADES) the most


@dataclass(frozen=True)
class Line:
    """A pair of lines over the picture: where it goes in each layer, low and high (n,); NaN leaves a gap."""

    name: str
    low: Any
    high: Any
    role: Role
    mark: str


def depth(
    bands: Sequence[Band],
    width: int,
    height: int,
    *,
    x: tuple[float, float] | None = None,
    scale: Height = "root",
    lines: Sequence[Line] = (),
    heading: Row = (),
    title: str | None = None,
    labels: int | None = None,
    reads: Sequence[int] | None = None,
    colours: bool = True,
    empty: str = "",
) -> Plot:
    """Layers from the top down, each shaded by its own density: as shades of colour, or as ░▒▓█ without.

    Where there are more layers than half rows, neighbours are averaged, and the title's row tells how many
    share one. Arguments are as in `ridges`; `lines` are drawn over the picture; `reads` are the
    layers that the cursor reads, by default some of them all.
    """
    width, height = max(0, width), max(0, height)
    layers = len(bands)
    of_half = layers_of(layers, 2 * (height - HEAD - FOOT))
    layout = Layout.of(bands, heading, width, height, (len(of_half) + 1) // 2, labels) if layers else None
    if layout is None:
        grid = Grid(width, height)
        grid.sentence(TOO_SMALL if layers else empty)
        return grid.plot()
    x_axis = Axis(*limits(*(x or span_of(bands))))
    span = (x_axis.lo, x_axis.hi)
    columns = [columns_of(band.edges, band.density, span, layout.columns) for band in bands]
    share = np.stack([scaled(c.density, top_of(c.density, None), scale) for c in columns])
    joined = np.diff(np.append(of_half, layers)) if len(of_half) < layers else None
    share = share[of_half] if joined is None else np.add.reduceat(share, of_half, axis=0) / joined[:, None]
    level = np.ceil(np.clip(share, 0, 1) * len(SHADES) - 1e-9).astype(np.intp)
    if len(level) % 2:
        level = np.vstack([level, np.zeros((1, layout.columns), np.intp)])
    note = f"{layers} layers, ≤ {joined.max()} as one" if joined is not None else ""
    if title is None:
        title = " · ".join([f"{NAMES[scale]}, own scale", *(f"{line.mark} {line.name}" for line in lines)])
    grid = framed_bands(layout, width, height, x_axis, title, note, heading)
    area = np.s_[HEAD : HEAD + layout.rows, layout.left : layout.left + layout.columns]
    codes, roles, grounds = grid.codes[area], grid.roles[area], grid.grounds[area]
    upper, lower = level[::2], level[1::2]
    if colours:
        codes[:], roles[:], grounds[:] = shaded(upper, lower)
    else:
        codes[:] = greys(upper, lower)
        roles[:] = Role.FIGURE
    canvas = canvas_of(layout, HEAD, layout.rows, span, float(layers), ())
    ground = np.maximum(upper, lower) * colours
    for line in lines:
        for ends in (line.low, line.high):
            _line(grid, canvas, line, np.asarray(ends, np.float64).ravel(), of_half[::2], ground)
    palette = by_depth(layers)
    before = -1
    of_row = of_half[::2].tolist()
    of_row[-1] = layers - 1  # the last row tells of the last layer, also where it shares it with others
    for row, layer in enumerate(of_row):
        at = HEAD + row
        if layer != before:
            before = layer
            put_label(grid, layout, at, bands[layer].beside, palette[layer])
            beyond = [Role.TEXT if side else None for side in (columns[layer].left, columns[layer].right)]
            mark_beyond(grid, layout, at, *beyond)
            tall = of_row.count(layer)
            for line_at, figures in enumerate(bands[layer].figures[:tall] if layout.figures else ()):
                put_row(grid, at + line_at, layout.left + layout.columns + 1, figures)
    read = choose(layers, READ) if reads is None else reads
    shown = tuple(item for i in read for item in shown_columns(bands[i], palette[i], span, columns[i], None))
    return grid.plot(replace(canvas, shown=shown))


def layers_of(layers: int, halves: int) -> npt.NDArray[np.intp]:
    """The layer of each half row; where there are fewer half rows than layers, the first of those that share one.

    All layers are equally high, unless that would leave more than a sixth of the rows empty.
    """
    used = max(0, min(halves, MOST_HALVES * layers))
    equal = used // layers * layers if layers else 0
    if equal >= FILLED * used:
        used = equal
    return np.arange(used) * layers // max(1, used)


def shaded(upper: Levels, lower: Levels) -> tuple[Any, Any, Any]:
    """Code points, roles and grounds of two layers a cell, each (rows, columns)."""
    palette = np.array([Role.TEXT, *SHADES], np.uint8)
    codes = np.where(upper == lower, FULL, UPPER).astype(np.uint32)
    codes = np.where((upper == 0) & (lower > 0), LOWER, codes)
    codes = np.where((upper == 0) & (lower == 0), BLANK, codes)
    roles = palette[np.where(upper > 0, upper, lower)]
    grounds = np.where((upper > 0) & (lower > 0) & (upper != lower), palette[lower], np.uint8(NO_GROUND))
    return codes, roles, grounds


def greys(upper: Levels, lower: Levels) -> Any:
    """Code points of two layers a cell without colours, (rows, columns)."""
    return _GREYS[-(-(upper + lower) // 2 * 4 // len(SHADES))]


def _line(grid: Grid, canvas: Canvas, line: Line, values: Floats, of_row: npt.NDArray[np.intp], level: Levels) -> None:
    """Put a line's mark into one cell of each row, on the fuller of the shades there: the picture has no hole.

    On much it is drawn in the colour of the plain background, on little in that of text: it is seen on both.
    """
    for row, layer in enumerate(of_row.tolist()):
        column = canvas.column_of(float(values[layer])) if layer < values.size else None
        if column is None:
            continue
        at = canvas.top + row, canvas.left + column
        shade = int(level[row, column])
        grid.codes[at] = ord(line.mark)
        grid.roles[at] = line.role if not shade else Role.ON_MUCH if shade > len(SHADES) // 2 else Role.FIGURE
        grid.grounds[at] = SHADES[shade - 1] if shade else NO_GROUND
