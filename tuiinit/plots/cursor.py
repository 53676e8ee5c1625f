"""A cursor in a plot: where it can stand, what the exact values are there, and how both are drawn. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from . import Canvas, Plot, Role, Row, Shown, Span
from .ink import Ink, Piece, row, visible

Floats = npt.NDArray[np.float64]

EMPTY = " \u2800"  # cells in which nothing is drawn
LINE = "│"
ALIKE = 1e-9  # limits nearer than this share of their span are the same
PLAIN_NUMBER = 1e5  # from here on, and below its reciprocal, a value has an exponent


class Cursor(NamedTuple):
    """A column of one of a plot's readable drawing areas."""

    area: int
    column: int


class Value(NamedTuple):
    """What one curve or histogram is at the cursor."""

    name: str
    mark: str
    role: Role
    value: float
    low: float | None = None
    high: float | None = None
    before: float | None = None  # the same of the lane before
    title: str = ""  # of its drawing area


class Reading(NamedTuple):
    """The exact values at a place on the x axis; `end` is set where a histogram's bin goes from x to there."""

    label: str
    x: float
    end: float | None
    values: tuple[Value, ...]


def readable(plot: Plot) -> list[Canvas]:
    """The drawing areas whose numbers are known, in order."""
    return [canvas for canvas in plot.canvases if canvas.shown and canvas.columns > 0]


def move(plot: Plot, cursor: Cursor | None, by: int) -> Cursor | None:
    """The next place to the right (by > 0) or left that has something to read; over the edge into the next area.

    None where nothing can be read. Without a cursor it begins at the right end, where training is.
    """
    areas = readable(plot)
    if not areas:
        return None
    if cursor is None:
        places = _places(areas[-1])
        bars = any(_is_bins(shown) for shown in areas[-1].shown)
        return Cursor(0, areas[0].columns // 2) if bars or not len(places) else Cursor(len(areas) - 1, int(places[-1]))
    at, column = clamp(areas, cursor)
    direction = 1 if by > 0 else -1
    for _ in range(abs(by)):
        places = _places(areas[at])
        beyond = places[places > column] if direction > 0 else places[places < column]
        if len(beyond):
            column = int(beyond[0] if direction > 0 else beyond[-1])
            continue
        other = at + direction
        # Areas that show the same x are read together: stepping into the next would tell nothing new.
        while 0 <= other < len(areas) and _same_x(areas[other], areas[at]):
            other += direction
        if not 0 <= other < len(areas) or not len(_places(areas[other])):
            break
        at, column = other, int(_places(areas[other])[0 if direction > 0 else -1])
    return Cursor(at, column)


def clamp(areas: Sequence[Canvas], cursor: Cursor) -> Cursor:
    """The cursor inside the areas there are now."""
    at = max(0, min(cursor.area, len(areas) - 1))
    return Cursor(at, max(0, min(cursor.column, areas[at].columns - 1)))


def found(plot: Plot, x: int, y: int) -> Cursor | None:
    """The place under a cell of the plot, or None outside of what can be read."""
    for index, area in enumerate(readable(plot)):
        if area.left <= x < area.left + area.columns and area.top <= y < area.top + area.rows:
            return Cursor(index, x - area.left)
    return None


def read(plot: Plot, cursor: Cursor) -> Reading | None:
    """The values at the cursor, of all areas with the same x axis; None where there is nothing."""
    areas = readable(plot)
    if not areas:
        return None
    at, column = clamp(areas, cursor)
    here = areas[at]
    x = here.x_at(column)
    items = [(item, area.title) for area in areas if _same_x(area, here) for item in area.shown]
    points = [
        (item, title, near) for item, title in items if not _is_bins(item) and (near := _nearest(item, x)) is not None
    ]
    bins = [(item, title, hit) for item, title in items if _is_bins(item) and (hit := _bin(item, x)) is not None]
    end = None
    if points:
        # Curves are known at points: those that lie nearest are told, and where they lie.
        half = (here.x[1] - here.x[0]) / max(1, here.columns) / 2
        nearest = min((float(_x(item)[near]) for item, _, near in points), key=lambda value: abs(value - x))
        reach = max(half, abs(nearest - x)) * (1 + ALIKE)
        points = [point for point in points if abs(float(_x(point[0])[point[2]]) - x) <= reach]
        x = nearest
    elif bins:
        edges = _x(bins[0][0])
        if all(np.array_equal(_x(item), edges) for item, _, _ in bins):
            x, end = float(edges[bins[0][2]]), float(edges[bins[0][2] + 1])
    values = _paired([_value(*found) for found in points or bins])
    return Reading(here.label, x, end, values) if values else None


def _paired(values: Sequence[Value]) -> tuple[Value, ...]:
    """What has no name is of the lane before: it goes with its namesake where each has one, else by itself."""
    paired: list[Value] = []
    for title in dict.fromkeys(value.title for value in values):
        here = [value for value in values if value.title == title]
        named = list({value.name: value for value in here if value.name}.values())
        before = [value for value in here if not value.name]
        if len(before) == len(named):
            paired += [now._replace(before=old.value) for now, old in zip(named, before, strict=True)]
        else:
            paired += [*named, *(old._replace(name="before") for old in before)]
    return tuple(paired)


def _value(item: Shown, title: str, at: int) -> Value:
    low, high = (None if array is None else float(np.asarray(array)[at]) for array in (item.low, item.high))
    y = float(np.asarray(item.y, np.float64)[at])
    return Value(item.name, item.mark, item.role, y, low, high, title=title)


def _x(item: Shown) -> Floats:
    return np.asarray(item.x, np.float64)


def _is_bins(item: Shown) -> bool:
    return len(item.x) == len(item.y) + 1


def _known(item: Shown) -> npt.NDArray[np.intp]:
    y = np.asarray(item.y, np.float64)
    return np.flatnonzero(np.isfinite(y) & np.isfinite(_x(item)[: len(y)]))


def _nearest(item: Shown, x: float) -> int | None:
    known = _known(item)
    return int(known[np.argmin(np.abs(_x(item)[known] - x))]) if len(known) else None


def _bin(item: Shown, x: float) -> int | None:
    at = int(np.searchsorted(_x(item), x, side="right")) - 1
    return at if 0 <= at < len(item.y) else None


def _places(area: Canvas) -> npt.NDArray[np.intp]:
    """The columns in which something is known, rising."""
    if any(_is_bins(item) for item in area.shown):
        return np.arange(area.columns)
    columns = [area.column_of(float(x)) for item in area.shown for x in _x(item)[_known(item)]]
    return np.unique(np.array([column for column in columns if column is not None], np.intp))


def _same_x(one: Canvas, other: Canvas) -> bool:
    span = abs(one.x[1] - one.x[0])
    return all(abs(a - b) <= ALIKE * span for a, b in zip(one.x, other.x, strict=True))


# ------------------------------------------------------------------------------------------------ drawing


def drawn(plot: Plot, cursor: Cursor) -> Plot:
    """The plot with a vertical line at the cursor, in every area that shows the same x."""
    areas = readable(plot)
    if not areas:
        return plot
    at, column = clamp(areas, cursor)
    x = areas[at].x_at(column)
    rows = list(plot.rows)
    for index, area in enumerate(areas):
        here = column if index == at else area.column_of(x) if _same_x(area, areas[at]) else None
        if here is None:
            continue
        for y in range(area.top, min(area.top + area.rows, len(rows))):
            rows[y] = _crossed(rows[y], area.left + here)
    return Plot(tuple(rows), plot.canvases)


def _crossed(line: Row, column: int) -> Row:
    """A row with the cursor's line in one cell, or what is drawn there in the cursor's role."""
    spans: list[Span] = []
    at = 0
    for span in line:
        cut = column - at
        if 0 <= cut < len(span.text):
            cell = span.text[cut]
            parts = (
                span._replace(text=span.text[:cut]),
                Span(LINE if cell in EMPTY else cell, Role.CURSOR, span.ground),
                span._replace(text=span.text[cut + 1 :]),
            )
            spans += [part for part in parts if part.text]
        else:
            spans.append(span)
        at += len(span.text)
    return tuple(spans)


def reading_row(reading: Reading | None, width: int) -> Row:
    """The values in one row: with ranges and names in full where they fit, else shorter and shorter."""
    if reading is None:
        return row(width, (" nothing to read here", Ink.DIM))
    place = f"{_number(reading.x)} … {_number(reading.end)}" if reading.end is not None else _place(reading.x)
    head: list[Piece] = [(f" {visible(reading.label) or 'at'} ", Ink.DIM), (place, Ink.KEY)]
    used = sum(len(piece[0]) for piece in head)
    titled = len({value.title for value in reading.values}) > 1
    texts: list[tuple[str, str, Role]] = []
    for form in FORMS:
        texts = [_texts(value, form, titled) for value in reading.values]
        if used + sum(len(label) + len(text) + 3 for label, text, _ in texts) <= width:
            break
    pieces = [*head]
    for index, (label, text, role) in enumerate(texts):
        size = len(label) + len(text) + 3
        if used + size + 3 * (index < len(texts) - 1) > width:
            pieces.append(("  …", Ink.DIM))
            break
        pieces += [(f"  {label} ", role), (text, Ink.STRONG)]
        used += size
    return row(width, *pieces)


class Form(NamedTuple):
    """How much is told of each value."""

    digits: int
    names: bool = False  # in full
    ranges: bool = False
    before: bool = False


FORMS = (Form(4, True, True, True), Form(4, True, False, True), Form(4, True), Form(4, before=True), Form(4), Form(3))


def _texts(value: Value, form: Form, titled: bool) -> tuple[str, str, Role]:
    text = _number(value.value, form.digits)
    if form.ranges and value.low is not None and value.high is not None and value.high > value.low:
        text += f" ({_number(value.low, form.digits)} … {_number(value.high, form.digits)})"
    if form.before and value.before is not None:
        text += f" (before {_number(value.before, form.digits)})"
    name = value.name if form.names else _short(value.name)
    if titled and value.title:
        name = f"{value.title} {name}" if form.names else f"{value.title[:4]} {name}"
    return visible(name), text, value.role


def _short(name: str) -> str:
    """A number, or the first letters: tanh 3 is 3, embedding is emb."""
    last = name.rsplit(" ", 1)[-1]
    return last if last.isdecimal() else name[:3]


def _place(x: float) -> str:
    return f"{x:,.0f}" if x == round(x) and abs(x) < 1e15 else _number(x, 6)


def _number(value: float, digits: int = 4) -> str:
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "-∞"
    if value and not 1 / PLAIN_NUMBER <= abs(value) < PLAIN_NUMBER:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{digits}g}"
