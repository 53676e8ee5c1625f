"""Curves over a common axis, with reference lines, events and a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .axes import GUTTER, Axis, Frame, framed, nice_limits, value_range
from .cells import BLANK, Canvas, Cells, Floats, Grid, Plot, Role, Row, Shown, Span, choose, clean_text, shorten
from .raster import BRAILLE, Dots, alone, braille, crossed, extent, fill, runs, scatter

LINE = ord("─")
EVENT_LINE = ord("┊")
CURSOR_LINE = ord("│")
ABOVE, BELOW = ord("▴"), ord("▾")
UPPER, LOWER = ord("▀"), ord("▄")
WIDEST_MARK = 9  # columns of the names at the curves' ends
HIDEABLE = (LINE, EVENT_LINE, CURSOR_LINE, UPPER, LOWER, ord("█"))  # what a line's label may stand over
TOO_SMALL = "too small for a plot"


@dataclass(frozen=True)
class Curve:
    """One curve: y over x, each (n,); `low` and `high` (n,), where given, are the range behind each point.

    A value that is not finite breaks the line. `dotted` draws it with gaps (the lane before); `mark` is a
    character or a name put beside the frame where the curve ends, which tells curves apart without colour. A point
    with none beside it, as after the first step, is a cross of dots. `points`
    draws each value for itself instead of a line: as a dot, as a cross of dots, which is easier to see where points
    are few and lies as exactly as a line does, or as the mark's character.
    """

    name: str
    x: Any
    y: Any
    role: Role
    low: Any = None
    high: Any = None
    dotted: bool = False
    mark: str = ""
    mark_role: Role | None = None  # of the mark, where it is another than the curve's
    points: Literal["", "dots", "crosses", "marks"] = ""
    front: bool = False  # drawn over all the others
    exact: tuple[Any, Any, Any] | None = None  # y, low, high as they are read off, where they are drawn otherwise


def curves(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    x: Axis | None = None,
    y: Axis | None = None,
    lines: Sequence[tuple[float, str]] = (),
    events: Sequence[tuple[float, str]] = (),
    cursor: float | None = None,
    y_labels: bool = True,
    shaded: bool = False,
    empty: str = "",
) -> Plot:
    """Draw curves into `width` × `height` cells.

    Args:
        x, y: limits and ticks; by default round limits around the data.
        lines: horizontal reference lines, (value, short label); one outside the limits is not drawn.
        events: vertical lines, (x, short label).
        cursor: the x at which a vertical line stands.
        y_labels: whether there is room for them at the left.
        shaded: whether the range behind a curve is a shade of the background; else it is every other dot.
        empty: the sentence shown while there is nothing to draw.

    Where a curve lies beyond the y limits, ▴ or ▾ at the edge says so. A cell has one colour: where several curves
    pass through one they take turns, so that every curve is seen; one in front has two of three.
    """
    frame = Frame(max(0, width), max(0, height), GUTTER if y_labels else 0)
    if not frame.fits:
        return _small(width, height, empty if not curves else TOO_SMALL)
    x_axis, y_axis = _axes(curves, x, y)
    gutter = max([GUTTER, *(min(10, len(label)) for _, label in y_axis.ticks or ())])
    if y_labels and gutter > GUTTER and Frame(frame.width, frame.height, gutter).fits:
        frame = Frame(frame.width, frame.height, gutter)
    if marks := [min(WIDEST_MARK, len(clean_text(curve.mark))) for curve in curves if curve.mark and not curve.points]:
        narrower = Frame(frame.width - max(marks), frame.height, frame.gutter)
        frame = narrower if narrower.fits else frame
    part, canvas = framed(frame, x_axis, y_axis)
    grid = Grid(max(0, width), max(0, height))
    for whole, framed_part in ((grid.codes, part.codes), (grid.roles, part.roles)):
        whole[:, : frame.width] = framed_part
    drawn = _Canvas(grid, canvas)
    for value, _ in lines:
        drawn.horizontal(value)
    for at, _ in events:
        drawn.vertical(at, EVENT_LINE, Role.EVENT)
    if cursor is not None:
        drawn.vertical(cursor, CURSOR_LINE, Role.CURSOR)
    if any(value_range(curve.y) for curve in curves):
        drawn.curves(sorted(curves, key=lambda curve: curve.front), shaded=shaded)
    elif empty:
        grid.sentence(empty, canvas.top, canvas.left, canvas.rows, canvas.columns)
    for value, label in lines:
        drawn.line_label(value, label)
    for at, label in sorted(events, reverse=True):
        drawn.event_label(at, label)
    shown = tuple(Shown(c.name, c.role, c.x, *(c.exact or (c.y, c.low, c.high)), c.mark) for c in curves)
    return grid.plot(replace(canvas, label=x_axis.label, title=y_axis.label, shown=shown))


def _small(width: int, height: int, text: str) -> Plot:
    grid = Grid(width, height)
    grid.sentence(text)
    return grid.plot()


def _axes(curves: Sequence[Curve], x: Axis | None, y: Axis | None) -> tuple[Axis, Axis]:
    if x is None:
        x = Axis(*(value_range(*(curve.x for curve in curves)) or (0.0, 1.0)))
    if y is None:
        arrays = [array for curve in curves for array in (curve.y, curve.low, curve.high)]
        y = Axis(*nice_limits(*(value_range(*arrays) or (0.0, 1.0))))
    return x, y


class _Canvas:
    """The drawing area of a grid while curves and lines are put on it."""

    def __init__(self, grid: Grid, canvas: Canvas) -> None:
        self.grid, self.canvas = grid, canvas
        area = np.s_[canvas.top : canvas.top + canvas.rows, canvas.left : canvas.left + canvas.columns]
        self.codes, self.roles, self.grounds = grid.codes[area], grid.roles[area], grid.grounds[area]

    def horizontal(self, value: float) -> None:
        row = self.canvas.row_of(value)
        if row is None:
            return
        self.codes[row], self.roles[row] = LINE, Role.MARK
        for column in (self.canvas.left - 1, self.canvas.left + self.canvas.columns):
            self.grid.put(self.canvas.top + row, column, "┼", Role.MARK)

    def vertical(self, value: float, code: int, role: Role) -> None:
        column = self.canvas.column_of(value)
        if column is not None:
            self.codes[:, column], self.roles[:, column] = code, role

    def curves(self, drawn: Sequence[Curve], *, shaded: bool = False) -> None:
        curves = [curve for curve in drawn if not curve.points]
        for curve in curves:
            if curve.low is not None and curve.high is not None:
                low, high = extent(self.canvas, curve.x, curve.low), extent(self.canvas, curve.x, curve.high)
                band = fill(self.canvas, np.minimum(low[0], high[0]), np.maximum(low[1], high[1]))
                if shaded:
                    self._shade(band)
                    continue
                row, column = np.ogrid[: band.shape[0], : band.shape[1]]
                self._dots(band & (row % 2 == 0) & ((row // 2 + column) % 2 == 0), curve.role)
        extents = [extent(self.canvas, curve.x, curve.y) for curve in curves]
        cells = []
        for curve, (top, bottom) in zip(curves, extents, strict=True):
            dots = fill(self.canvas, top, bottom)
            points = alone(dots)  # whole where the curve is dotted, too: its gap could take all there is
            if curve.dotted:
                dots &= np.arange(dots.shape[1]) % 4 < 2
            dots |= points
            cells.append(braille(dots))
        self._lines(curves, cells)
        for curve, (top, bottom) in zip(curves, extents, strict=True):
            self._beyond(top, bottom, curve.role)
        ends = [(self._end(top, bottom), curve) for curve, (top, bottom) in zip(curves, extents, strict=True)]
        self._labels([(end, curve) for end, curve in ends if curve.mark and end is not None])
        for curve in drawn:
            if curve.points:
                self._points(curve)

    def _lines(self, curves: Sequence[Curve], cells: Sequence[Cells]) -> None:
        """Put curves' cells down: who has one for itself keeps it, the others take turns of a cell each."""
        if not cells:
            return
        codes = np.stack(cells)
        here = codes != BRAILLE
        column = np.arange(codes.shape[2])[None, :]
        # The lane before gives way; what is in front gives way in every third column, so that nothing is hidden.
        rank = np.array([2 if curve.front else 0 if curve.dotted else 1 for curve in curves])[:, None, None]
        here &= (rank < 2) | (column % 3 < 2) | ~(here & (rank == 1)).any(axis=0)
        here &= rank == np.where(here, rank, -1).max(axis=0)
        turn = here.cumsum(axis=0) - 1
        count = here.sum(axis=0)
        column = np.where((rank == 2).any() & (column % 3 == 2), column // 3, column)
        owner = (here & (turn == column % np.maximum(count, 1))).argmax(axis=0)
        drawn = count > 0
        self.codes[drawn] = np.take_along_axis(codes, owner[None], axis=0)[0][drawn]
        self.roles[drawn] = np.array([int(curve.role) for curve in curves], np.uint8)[owner][drawn]

    def _points(self, curve: Curve) -> None:
        dots, above, below = scatter(self.canvas, curve.x, curve.y)
        if curve.points in ("dots", "crosses"):
            self._dots(crossed(dots) if curve.points == "crosses" else dots, curve.role)
        else:
            cells = dots.reshape(self.canvas.rows, 4, self.canvas.columns, 2).any(axis=(1, 3))
            self.codes[cells], self.roles[cells] = ord(clean_text(curve.mark)[:1] or "●"), curve.role
        for outside, row, code in ((above, 0, ABOVE), (below, -1, BELOW)):
            self.codes[row, outside], self.roles[row, outside] = code, curve.role

    def _shade(self, band: Dots) -> None:
        """Shade a range behind what is drawn, in half cells where nothing else is."""
        halves = band.reshape(self.canvas.rows, 2, 2, self.canvas.columns, 2).sum(axis=(2, 4)) >= 2
        upper, lower = halves[:, 0], halves[:, 1]
        half = (upper != lower) & (self.codes == BLANK)
        self.codes[half] = np.where(upper, UPPER, LOWER)[half]
        self.roles[half] = Role.RANGE
        self.grounds[upper & lower] = Role.RANGE

    def _dots(self, dots: Dots, role: Role) -> None:
        codes = braille(dots)
        drawn = codes != BRAILLE
        self.codes[drawn] = codes[drawn]
        self.roles[drawn] = role

    def _beyond(self, top: Floats, bottom: Floats, role: Role) -> None:
        last = 4 * self.canvas.rows
        known = np.isfinite(top) & np.isfinite(bottom)
        for outside, crossing, row, code in (
            (bottom < 0, top < 0, 0, ABOVE),
            (top >= last, bottom >= last, -1, BELOW),
        ):
            marked = (outside & known).reshape(-1, 2).any(axis=1) & ~self._is_braille(row)
            # A narrow peak fills the cells in which it leaves: the middle one of them is marked all the same.
            leaving = np.asarray((crossing & known).reshape(-1, 2).any(axis=1))
            for start, end in runs(leaving):
                if not marked[start:end].any():
                    marked[(start + end - 1) // 2] = True
            self.codes[row, marked], self.roles[row, marked] = code, role

    def _is_braille(self, row: int) -> npt.NDArray[np.bool_]:
        is_braille: npt.NDArray[np.bool_] = (self.codes[row] > BRAILLE) & (self.codes[row] < BRAILLE + 256)
        return is_braille

    @staticmethod
    def _end(top: Floats, bottom: Floats) -> float | None:
        """Where a curve ends, in dots from the top and not cut to the drawing area; None if it is nowhere."""
        known = np.flatnonzero(np.isfinite(top) & np.isfinite(bottom))
        if not len(known):
            return None
        return float(top[known[-1]] + bottom[known[-1]]) / 2

    def _labels(self, ends: Sequence[tuple[float, Curve]]) -> None:
        """Put marks beside the frame, each as near to its curve's end as the others leave it."""
        column = self.canvas.left + self.canvas.columns + 1
        if column >= self.grid.width:
            return
        ordered = sorted(ends, key=lambda end: end[0])
        ordered = [ordered[i] for i in choose(len(ordered), self.canvas.rows)]
        wanted = [int(np.clip(end // 4, 0, self.canvas.rows - 1)) for end, _ in ordered]
        for (_, curve), row in zip(ordered, apart(wanted, self.canvas.rows), strict=True):
            text = shorten(clean_text(curve.mark), self.grid.width - column)
            self.grid.put(self.canvas.top + row, column, text, curve.mark_role or curve.role)

    def line_label(self, value: float, label: str) -> None:
        row = self.canvas.row_of(value)
        if row is None or not label:
            return
        label = f" {shorten(label, self.canvas.columns - 4)} "
        # What a label must not hide: curves and marks, but not a curve's shade and the line itself.
        code = self.codes[row]
        cost = np.where(self._is_braille(row), 1, self.canvas.columns)  # a mark is one cell, and all that tells
        cost[(code == BLANK) | np.isin(code, HIDEABLE)] = 0
        taken = np.concatenate([[0], np.cumsum(cost)])
        hidden = taken[len(label) :] - taken[: -len(label)]  # by a label that begins in each column
        last = self.canvas.columns - len(label) - 1
        # At the right, at the left, in the middle, or else where least is hidden.
        column = min((last, 1, last // 2, *range(last, 0, -1)), key=lambda at: int(hidden[at]))
        if hidden[column]:  # a curve runs along the whole line: just above or below it, where nothing is
            for near, at in ((near, at) for near in (row - 1, row + 1) for at in (last, 1)):
                if 0 <= near < self.canvas.rows and (self.codes[near, at : at + len(label)] == BLANK).all():
                    row, column = near, at
                    break
        self.grid.put(self.canvas.top + row, self.canvas.left + column, label, Role.MARK)

    def event_label(self, value: float, label: str) -> None:
        column = self.canvas.column_of(value)
        if column is None:
            return
        room = self.canvas.columns - column - 1
        label = clean_text(label)
        at = column + 1 if len(label) <= room else column - len(label)
        # The last event goes first; a label that would run into another one or its line is left out.
        if label and at >= 0 and not (self.roles[0, at : at + len(label)] == Role.EVENT).any():
            self.grid.put(self.canvas.top, self.canvas.left + at, label, Role.EVENT)


def apart(wanted: Sequence[int], rows: int) -> list[int]:
    """Rising rows, no two the same, as near as can be to those wanted (rising, no more than there are rows).

    Where some would share a row they stand around its middle (isotonic regression by pooling neighbours).
    """
    groups: list[tuple[float, int]] = []  # mean of wanted row − place, how many
    for place, row in enumerate(wanted):
        mean, count = float(row - place), 1
        while groups and groups[-1][0] > mean:
            before, many = groups.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        groups.append((mean, count))
    starts = [min(max(0, round(mean)), rows - len(wanted)) for mean, count in groups for _ in range(count)]
    return [start + place for place, start in enumerate(starts)]


def legend(items: Sequence[tuple[str, Role]], width: int) -> tuple[Row, ...]:
    """Names, each in its role behind a stroke, on as many rows of `width` cells as they need."""
    rows: list[list[Span]] = []
    used = width
    for name, role in items:
        text = shorten(f"━ {clean_text(name)}", max(0, width))
        if not rows or used + 2 + len(text) > width:
            rows.append([])
            used = 0
        elif used:
            rows[-1].append(Span("  ", Role.TEXT))
            used += 2
        rows[-1].append(Span(text, role))
        used += len(text)
    return tuple(
        (*row, Span(" " * (width - sum(len(span.text) for span in row)), Role.TEXT)) if width > 0 else ()
        for row in rows
    )
