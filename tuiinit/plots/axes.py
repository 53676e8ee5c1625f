"""Limits, ticks and the empty frame of a plot, which plotext draws.

plotext is told cells, never data: the frame's limits are the numbers of columns and rows, so no NaN, no
infinity and no far value can reach it (any of them ends the process in plotext 6.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .cells import BLANK, LIMIT, Canvas, Grid, Role, clean_text, shorten
from .library import plotext

GUTTER = 6  # columns of the y labels: fixed, so that the drawing area does not jump
SMALLEST = 1e-290  # a narrower range is widened
SAME = 1e-12  # limits closer than this share of their size are taken for equal
FRAMES = 256  # empty frames kept
LEAST_COLUMNS = 4  # of a drawing area
LEAST_ROWS = 2

_figure: Any = None


@dataclass(frozen=True)
class Axis:
    """Limits of an axis and, where given, its ticks as (value, label)."""

    lo: float
    hi: float
    ticks: tuple[tuple[float, str], ...] | None = None
    label: str = ""


def limits(lo: float, hi: float) -> tuple[float, float]:
    """Limits that can be drawn: finite, in order, apart. Equal ones are padded relative to their size."""
    lo, hi = _finite(lo), _finite(hi)
    lo, hi = min(lo, hi), max(lo, hi)
    size = max(abs(lo), abs(hi))
    if hi - lo <= max(size * SAME, SMALLEST):
        pad = size * 0.05 if size > SMALLEST * 100 else 1.0
        lo, hi = max(-LIMIT, lo - pad), min(LIMIT, hi + pad)
    return lo, hi


def _finite(value: float) -> float:
    return 0.0 if math.isnan(value) else min(LIMIT, max(-LIMIT, float(value)))


def nice_limits(lo: float, hi: float) -> tuple[float, float]:
    """The limits moved outwards to round numbers, so that they seldom move while data comes in."""
    lo, hi = limits(lo, hi)
    step = _nice_step((hi - lo) / 5)
    if not math.isfinite(hi / step) or not math.isfinite(lo / step):
        return lo, hi
    lo, hi = math.floor(lo / step + SAME) * step, math.ceil(hi / step - SAME) * step
    return limits(lo, hi)


def _nice_step(step: float) -> float:
    """The smallest of 1, 2, 5 × a power of ten that is not below `step`."""
    power = math.floor(math.log10(step))
    for factor in (1, 2, 5, 10):
        nice = float(f"{factor}e{power}")
        if nice >= step * (1 - SAME):
            return nice
    return step


def nice_ticks(lo: float, hi: float, count: int) -> tuple[tuple[float, str], ...]:
    """About `count` round values within the limits, at least two where that can be, each with its label."""
    lo, hi = limits(lo, hi)
    first, last, step = 0, -1, 1.0
    for parts in range(max(1, count - 1), max(1, count - 1) + 5):  # a fifth of the range always gives two
        step = _nice_step((hi - lo) / parts)
        first, last = math.ceil(lo / step - 1e-9), math.floor(hi / step + 1e-9)
        if last > first:
            break
    return tuple((i * step, tick_label(i * step, step)) for i in range(first, last + 1))


def tick_label(value: float, step: float) -> str:
    """A short label for a value on an axis whose ticks are `step` apart: 0.25, 500, 1.5k, 2M, 1e-5."""
    if abs(value) < step * 1e-6:
        return "0"
    size = abs(value)
    if size >= 1e9 or size < 1e-4 or step < 1e-4:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    for unit, suffix in ((1e6, "M"), (1e3, "k")):
        if size >= unit and step >= unit / 1000:
            return f"{value / unit:.3f}".rstrip("0").rstrip(".") + suffix
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


@dataclass(frozen=True)
class Frame:
    """Geometry of a framed drawing area in `width` × `height` cells."""

    width: int
    height: int
    gutter: int

    @property
    def columns(self) -> int:
        """Columns of the drawing area."""
        return self.width - self.gutter - 2

    @property
    def rows(self) -> int:
        """Rows of the drawing area."""
        return self.height - 3  # top border, bottom border, x labels

    @property
    def fits(self) -> bool:
        """Whether there is room to draw in."""
        return self.columns >= LEAST_COLUMNS and self.rows >= LEAST_ROWS


def framed(frame: Frame, x: Axis, y: Axis) -> tuple[Grid, Canvas]:
    """An empty frame with ticks, and where its drawing area lies. The frame must fit."""
    canvas = Canvas(frame.gutter + 1, 1, frame.columns, frame.rows, limits(x.lo, x.hi), limits(y.lo, y.hi))
    y_ticks = y.ticks if y.ticks is not None else nice_ticks(*canvas.y, min(7, canvas.rows // 3 + 1))
    x_ticks = x.ticks if x.ticks is not None else nice_ticks(*canvas.x, max(3, min(9, canvas.columns // 9 + 1)))
    grid = Grid(frame.width, frame.height)
    codes, roles = _frame(
        frame,
        _thinned([(canvas.column_of(value), label) for value, label in x_ticks], canvas.columns),
        _thinned([(canvas.row_of(value), label) for value, label in y_ticks], None) if frame.gutter else (),
    )
    grid.codes[:], grid.roles[:] = codes, roles
    if x.label and len(x.label) + 4 <= canvas.columns:
        text = f" {x.label} "
        grid.put(frame.height - 2, frame.width - 2 - len(text), text, Role.TEXT)
    if y.label and canvas.columns > 4:
        grid.put(0, canvas.left + 1, f" {shorten(y.label, canvas.columns - 4)} ", Role.TEXT)
    return grid, canvas


def _thinned(ticks: Iterable[tuple[int | None, str]], columns: int | None) -> tuple[tuple[int, str], ...]:
    """Ticks inside the drawing area, every n-th so that no two labels touch. `columns` None is a y axis."""
    inside = [(at, clean_text(label)) for at, label in ticks if at is not None and clean_text(label).strip()]
    inside.sort(key=lambda tick: tick[0])
    if columns is not None:
        inside = [tick for tick in inside if len(tick[1]) <= columns]
    for stride in range(1, len(inside) + 1):
        chosen = inside[::stride]
        if not _touching(chosen, columns):
            return tuple(chosen)
    return tuple(inside[:1])


def _touching(ticks: Sequence[tuple[int, str]], columns: int | None) -> bool:
    end = -2
    for at, label in ticks:
        start, size = at, 1
        if columns is not None:
            size = len(label)
            start = min(max(0, at - size // 2), columns - size)
        if start <= end + (columns is not None):
            return True
        end = start + size - 1
    return False


@lru_cache(maxsize=FRAMES)
def _frame(
    frame: Frame, x_ticks: tuple[tuple[int, str], ...], y_ticks: tuple[tuple[int, str], ...]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """The frame as plotext draws it, as code points and roles. Ticks are (cell, label); rows count from the top."""
    gutter = frame.gutter if y_ticks else 0  # without labels plotext leaves no room for them
    figure = _new_figure()
    figure.plot_size(frame.width - frame.gutter + gutter, frame.height)
    figure.theme("colorless")
    x, y = figure.ruler("x"), figure.ruler("y")
    x.lim(0, frame.columns - 1)
    y.lim(0, frame.rows - 1)
    x.ticks([at for at, _ in x_ticks], [label for _, label in x_ticks])
    y.ticks(
        [frame.rows - 1 - at for at, _ in y_ticks],
        [label[: frame.gutter].rjust(frame.gutter) for _, label in y_ticks],
    )
    grid = Grid(frame.width, frame.height)
    grid.roles[:] = Role.AXIS
    for i, line in enumerate(figure.build().string(True).split("\n")[: frame.height]):
        grid.put(i, frame.gutter - gutter, line, Role.AXIS)
    grid.roles[:, : frame.gutter] = Role.TEXT
    grid.roles[-1] = Role.TEXT
    area = grid.codes[1 : 1 + frame.rows, frame.gutter + 1 : frame.width - 1]
    area[:] = BLANK
    return grid.codes, grid.roles


def _new_figure() -> Any:
    global _figure
    if _figure is None:
        library = plotext()  # takes time, so only when something is drawn
        library.terminal.limit(False, False)  # else sizes are clamped to the terminal's
        _figure = lambda: type(library.figure)(library.terminal)  # noqa: E731
    return _figure()


def value_range(*arrays: Any) -> tuple[float, float] | None:
    """The smallest and largest finite value, or None if there is none."""
    lo, hi = math.inf, -math.inf
    for array in arrays:
        if array is None:
            continue
        values = np.asarray(array, np.float64)
        values = values[np.isfinite(values)]
        if values.size:
            lo, hi = min(lo, float(values.min())), max(hi, float(values.max()))
    return (lo, hi) if lo <= hi else None
