"""Curves as braille dots, in numpy: 2 × 4 dots a cell, and every point counts however many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .cells import EDGE, LIMIT, Canvas, Floats

Dots = npt.NDArray[np.bool_]  # (4 × rows, 2 × columns) of a drawing area
FAR = 1e9  # in dots; what lies further out is drawn as if it lay here
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint32)
BRAILLE = 0x2800


def clean(x: Any, y: Any) -> tuple[Floats, Floats]:
    """Both as float64 of one length, ordered by x, what is not finite as NaN; points without an x are dropped."""
    xs, ys = np.asarray(x, np.float64).ravel(), np.asarray(y, np.float64).ravel()
    n = min(xs.size, ys.size)
    xs, ys = xs[:n], np.where(np.isfinite(ys[:n]), ys[:n], np.nan)
    known = np.isfinite(xs)
    if not known.all():
        xs, ys = xs[known], ys[known]
    if (xs[1:] < xs[:-1]).any():
        order = np.argsort(xs, kind="stable")
        xs, ys = xs[order], ys[order]
    return xs, ys


def to_dots(values: Floats, lo: float, hi: float, size: int) -> Floats:
    """Where values lie on an axis of `size` dots: lo at 0, hi at the last dot's end; NaN stays."""
    values = np.clip(values, -LIMIT, LIMIT)
    with np.errstate(over="ignore"):
        at = (values - lo) / (hi - lo) * size + EDGE
    at = np.clip(at, -FAR, FAR)
    return np.where(values == hi, size - 1e-6, at)


def extent(canvas: Canvas, x: Any, y: Any) -> tuple[Floats, Floats]:
    """The rows that a connected curve covers in each dot column.

    A segment adds to every column it passes the rows between its ends there, so the result is the exact
    minimum and maximum of the curve however many points a column holds. A NaN breaks the line.

    Returns:
        First and last row, each (2 × columns,), in dots from the top and not cut to the drawing area;
        +inf and -inf where the curve has nothing.
    """
    columns, rows = 2 * canvas.columns, 4 * canvas.rows
    top, bottom = np.full(columns, np.inf), np.full(columns, -np.inf)
    xs, ys = clean(x, y)
    u = to_dots(xs, *canvas.x, columns)
    v = to_dots(-ys, -canvas.y[1], -canvas.y[0], rows)
    shown = np.isfinite(v) & (u >= 0) & (u < columns)
    if shown.any():
        at, v_shown = u[shown].astype(np.intp), v[shown]
        starts = np.flatnonzero(np.diff(at, prepend=-1))  # u rises, so a column's points are neighbours
        top[at[starts]] = np.minimum.reduceat(v_shown, starts)
        bottom[at[starts]] = np.maximum.reduceat(v_shown, starts)
    if u.size > 1:
        u0, u1, v0, v1 = u[:-1], u[1:], v[:-1], v[1:]
        # Inside one column the ends say it all: what is left are at most two segments a column.
        passing = (np.floor(u0) != np.floor(u1)) & np.isfinite(v0) & np.isfinite(v1) & (u1 >= 0) & (u0 < columns)
        u0, u1, v0, v1 = u0[passing], u1[passing], v0[passing], v1[passing]
        first = np.clip(np.floor(u0), 0, columns - 1).astype(np.intp)
        count = np.clip(np.floor(u1), 0, columns - 1).astype(np.intp) - first + 1
        segment = np.repeat(np.arange(first.size), count)
        at = np.arange(segment.size) - np.repeat(np.cumsum(count) - count, count) + first[segment]
        run = (u1 - u0)[segment]
        for end in (np.maximum(u0[segment], at), np.minimum(u1[segment], at + 1)):
            part = np.clip((end - u0[segment]) / run, 0, 1)
            value = v0[segment] + (v1 - v0)[segment] * part
            np.minimum.at(top, at, value)
            np.maximum.at(bottom, at, value)
    return top, bottom


def scatter(canvas: Canvas, x: Any, y: Any) -> tuple[Dots, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Unconnected points: their dots, and the columns of cells, each (columns,), in which some lie above or below."""
    columns, rows = 2 * canvas.columns, 4 * canvas.rows
    xs, ys = clean(x, y)
    u = to_dots(xs, *canvas.x, columns)
    v = to_dots(-ys, -canvas.y[1], -canvas.y[0], rows)
    known = np.isfinite(v) & (u >= 0) & (u < columns)
    u, v = u[known].astype(np.intp), v[known]
    dots = np.zeros((rows, columns), np.bool_)
    inside = (v >= 0) & (v < rows)
    dots[v[inside].astype(np.intp), u[inside]] = True
    above, below = np.zeros(canvas.columns, np.bool_), np.zeros(canvas.columns, np.bool_)
    above[u[v < 0] // 2] = True
    below[u[v >= rows] // 2] = True
    return dots, above, below


def crossed(dots: Dots) -> Dots:
    """The dots with those above, below and beside them."""
    cross = dots.copy()
    cross[1:] |= dots[:-1]
    cross[:-1] |= dots[1:]
    cross[:, 1:] |= dots[:, :-1]
    cross[:, :-1] |= dots[:, 1:]
    return cross


def alone(dots: Dots) -> Dots:
    """The dots of columns whose neighbours have none, each as a cross: a single point that can be seen."""
    column = np.concatenate([[False], dots.any(axis=0), [False]])
    return crossed(dots & ~(column[:-2] | column[2:]))


def fill(canvas: Canvas, top: Floats, bottom: Floats) -> Dots:
    """The dots between two rows in each dot column."""
    row = np.arange(4 * canvas.rows)[:, None]
    filled: Dots = (row >= np.floor(top)) & (row <= np.floor(bottom))
    return filled


def runs(marked: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of each run of marked places."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return list(zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True))


def braille(dots: Dots) -> npt.NDArray[np.uint32]:
    """Code points, (rows, columns), of dots (4 × rows, 2 × columns); 0x2800 where there are none."""
    rows, columns = dots.shape[0] // 4, dots.shape[1] // 2
    cells = dots.reshape(rows, 4, columns, 2)
    codes: npt.NDArray[np.uint32] = np.einsum("rich,ih->rc", cells, _BITS, dtype=np.uint32, casting="unsafe")
    return codes + np.uint32(BRAILLE)
