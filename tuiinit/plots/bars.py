"""Histograms by layer: side by side with one y scale, or as curves in one plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..stream.protocol import Histogram
from .axes import GUTTER, LEAST_ROWS, Axis, Frame, framed, limits, nice_limits, value_range
from .cells import Canvas, Floats, Grid, Plot, Role, Shown, shorten
from .curves import CURSOR_LINE, TOO_SMALL, Curve, curves
from .raster import BRAILLE, braille, extent, fill

NAMED = 3  # panels left out that are named
NARROWEST = 12  # columns of a panel
_EIGHTHS = np.array([ord(c) for c in " ▁▂▃▄▅▆▇█"], np.uint32)


@dataclass(frozen=True)
class Bars:
    """One histogram: edges (n + 1,), heights (n,); `previous` is the same of the lane before."""

    title: str
    edges: Any
    heights: Any
    role: Role
    previous: tuple[Any, Any] | None = None
    note: str = ""  # under the panel; a new line begins a new row


def density(histogram: Histogram) -> tuple[Floats, Floats]:
    """Edges (n + 1,) and density (n,): the area is the share of values inside, whatever the bins."""
    counts = np.asarray(histogram.counts, np.float64)
    lo, hi = limits(histogram.lo, histogram.hi)
    edges = np.linspace(lo, hi, counts.size + 1)
    total = counts.sum()
    if total <= 0:
        return edges, np.zeros(counts.size)
    inside = 1 - min(1.0, max(0.0, histogram.outside))
    return edges, counts / total * inside * (counts.size / (hi - lo))


def histograms(
    panels: Sequence[Bars],
    width: int,
    height: int,
    *,
    x: tuple[float, float] | None = None,
    cursor: float | None = None,
    empty: str = "",
) -> Plot:
    """Panels side by side with one y scale, that of the tallest bar of now and before.

    A column is as high as the tallest bin in it, so a spike at the edge is never averaged away. The lane
    before is an outline of braille dots. Panels that do not fit are left out evenly, and a row says so.

    Args:
        x: limits of all panels; by default they span every panel's edges.
        cursor: the x at which a vertical line stands in each panel.
        empty: the sentence shown while there is nothing to draw.
    """
    width, height = max(0, width), max(0, height)
    grid = Grid(width, height)
    if not panels:
        grid.sentence(empty)
        return grid.plot()
    shown = min(len(panels), max(1, (width - GUTTER) // NARROWEST))
    cut = shown < len(panels)
    noted = max(len(panel.note.splitlines()) for panel in panels)
    panel_width = (width - GUTTER) // shown
    frame_height = height - noted - cut
    if frame_height < LEAST_ROWS + 3:  # the drawing matters more than the notes
        noted, cut = 0, False
        frame_height = height
    if not Frame(panel_width, frame_height, 0).fits:
        grid.sentence(TOO_SMALL)
        return grid.plot()
    x_axis = Axis(*(x or _edges(panels)))
    y_axis = Axis(0.0, _tallest(panels))
    canvases = []
    chosen = _evenly(panels, shown)
    for i, panel in enumerate(chosen):
        frame = Frame(panel_width + (GUTTER if i == 0 else 0), frame_height, GUTTER if i == 0 else 0)
        left = 0 if i == 0 else GUTTER + i * panel_width
        part, canvas = framed(frame, x_axis, y_axis)
        _bars(part, canvas, panel, cursor)
        title = shorten(panel.title, canvas.columns - 2)
        part.put(0, canvas.left, f" {title} " if title else "", panel.role)
        area = np.s_[:frame_height, left : left + frame.width]
        grid.codes[area], grid.roles[area] = part.codes, part.roles
        canvases.append(replace(canvas, left=left + canvas.left, shown=_shown(panel)))
        for row, note in enumerate(panel.note.splitlines()[:noted]):
            grid.put(frame_height + row, left + canvas.left, shorten(note, canvas.columns + 1), Role.TEXT)
    if cut:
        left_out = [panel.title for panel in panels if not any(panel is other for other in chosen)]
        names = f", all but {', '.join(left_out)}" if len(left_out) <= NAMED else ""
        grid.put(height - 1, GUTTER, shorten(f"{shown} of {len(panels)} shown{names}", width - GUTTER), Role.TEXT)
    return grid.plot(*canvases)


def overlay(
    panels: Sequence[Bars],
    width: int,
    height: int,
    *,
    x: tuple[float, float] | None = None,
    tallest: float | None = None,
    cursor: float | None = None,
    y_labels: bool = True,
    empty: str = "",
) -> Plot:
    """The same histograms as curves in one plot; the lane before is dotted. `tallest` ends the y axis."""
    drawn: list[Curve] = []
    for panel in panels:
        if panel.previous is not None:
            edges, heights = cleaned(*panel.previous)
            drawn.append(Curve("", (edges[:-1] + edges[1:]) / 2, heights, Role.PREVIOUS, dotted=True))
    for panel in panels:
        edges, heights = cleaned(panel.edges, panel.heights)
        drawn.append(Curve(panel.title, (edges[:-1] + edges[1:]) / 2, heights, panel.role))
    x_axis = Axis(*(x or _edges(panels)))
    y_axis = Axis(0.0, _tallest(panels) if tallest is None else tallest)
    return curves(drawn, width, height, x=x_axis, y=y_axis, cursor=cursor, y_labels=y_labels, empty=empty)


def _shown(panel: Bars) -> tuple[Shown, ...]:
    now = (Shown(panel.title, panel.role, panel.edges, panel.heights),)
    return now if panel.previous is None else (*now, Shown("", Role.PREVIOUS, *panel.previous))


def _evenly(panels: Sequence[Bars], count: int) -> list[Bars]:
    """`count` of the panels, evenly spaced, the first and the last among them."""
    if count == 1:
        return [panels[0]]
    return [panels[round(i * (len(panels) - 1) / (count - 1))] for i in range(count)]


def cleaned(edges: Any, heights: Any) -> tuple[Floats, Floats]:
    """Finite, rising edges and heights of matching lengths; a histogram that has none becomes empty."""
    e, h = np.asarray(edges, np.float64).ravel(), np.asarray(heights, np.float64).ravel()
    n = min(e.size - 1, h.size)
    if n < 1:
        return np.zeros(1), np.zeros(0)
    e, h = np.clip(e[: n + 1], -1e300, 1e300), h[:n]
    if not np.isfinite(e).all() or (np.diff(e) <= 0).any():
        return np.zeros(1), np.zeros(0)
    return e, np.clip(np.where(np.isfinite(h), h, 0.0), 0.0, 1e300)


def _each(panels: Sequence[Bars]) -> list[tuple[Floats, Floats]]:
    pairs = [cleaned(panel.edges, panel.heights) for panel in panels]
    return pairs + [cleaned(*panel.previous) for panel in panels if panel.previous is not None]


def _edges(panels: Sequence[Bars]) -> tuple[float, float]:
    return value_range(*(edges for edges, heights in _each(panels) if heights.size)) or (0.0, 1.0)


def _tallest(panels: Sequence[Bars]) -> float:
    spread = value_range(*(heights for _, heights in _each(panels)))
    top = spread[1] if spread else 0.0
    return nice_limits(0.0, top)[1] if top > 0 else 1.0


def _columns(edges: Floats, heights: Floats, x: tuple[float, float], columns: int) -> Floats:
    """The tallest bin in each of `columns` equal parts of the x limits, 0 where the histogram has none."""
    result = np.zeros(columns)
    if not heights.size:
        return result
    lo, hi = x
    middle = lo + (hi - lo) * ((np.arange(columns) + 0.5) / columns)
    bin_at = np.searchsorted(edges, middle, side="right") - 1
    inside = (bin_at >= 0) & (bin_at < heights.size)
    result[inside] = heights[bin_at[inside]]
    with np.errstate(all="ignore"):
        at = np.floor(((edges[:-1] / 2 + edges[1:] / 2) - lo) / (hi - lo) * columns)
    shown = (at >= 0) & (at < columns)
    np.maximum.at(result, at[shown].astype(np.intp), heights[shown])
    return result


def _bars(grid: Grid, canvas: Canvas, panel: Bars, cursor: float | None) -> None:
    area = np.s_[canvas.top : canvas.top + canvas.rows, canvas.left : canvas.left + canvas.columns]
    codes, roles = grid.codes[area], grid.roles[area]
    heights = _columns(*cleaned(panel.edges, panel.heights), canvas.x, canvas.columns)
    share = heights / canvas.y[1]
    eighths = np.where(heights > 0, np.maximum(1, np.rint(share * canvas.rows * 8)), 0)
    floor = 8 * np.arange(canvas.rows - 1, -1, -1)[:, None]
    level = np.clip(eighths - floor, 0, 8).astype(np.intp)
    codes[:] = _EIGHTHS[level]
    roles[:] = panel.role
    if panel.previous is not None:
        edges, before = cleaned(*panel.previous)
        _outline(codes, roles, canvas, _columns(edges, before, canvas.x, 2 * canvas.columns), level)
    at = None if cursor is None else canvas.column_of(cursor)
    if at is not None:
        free = level[:, at] == 0
        codes[free, at] = CURSOR_LINE
        roles[:, at] = Role.CURSOR


def _outline(codes: Any, roles: Any, canvas: Canvas, heights: Floats, level: Any) -> None:
    """Draw the lane before as a line of dots where there is no bar: a bar with dots in it looks cut through."""
    lo, hi = canvas.x
    middle = lo + (hi - lo) * ((np.arange(heights.size) + 0.5) / heights.size)
    dots = braille(fill(canvas, *extent(canvas, middle, heights)))
    drawn = (dots != BRAILLE) & (level == 0)
    codes[drawn], roles[drawn] = dots[drawn], Role.PREVIOUS
