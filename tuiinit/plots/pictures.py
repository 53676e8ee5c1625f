"""Matrices as pictures: half blocks for what is or is not, shades for how much."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from .axes import limits, value_range
from .cells import Canvas, Grid, Plot, Role, clean_text, shorten

_HALVES = np.array([ord(c) for c in " ▀▄█"], np.uint32)
_SHADES = np.array([ord(c) for c in "· ░▒▓█"], np.uint32)


def image(
    matrix: Any,
    width: int,
    height: int,
    *,
    roles: Sequence[Role] = (Role.SERIES_0,),
    highlight: Collection[int] = (),
    highlight_role: Role = Role.EVENT,
    cursor: int | None = None,
    empty: str = "",
) -> Plot:
    """A matrix (rows, columns) of truth values or small integers, two of its rows in a row of cells.

    Zero is blank; a value k is drawn in the k-th role. The first row of cells marks the highlighted
    columns with × and the cursor's column with ▾; a last row says what did not fit.
    """
    width, height = max(0, width), max(0, height)
    grid = Grid(width, height)
    values = np.asarray(matrix)
    if values.ndim != 2 or not values.size:
        grid.sentence(empty)
        return grid.plot()
    total_rows, total_columns = values.shape
    cut = total_columns > width or total_rows > 2 * (height - 1)
    rows = max(0, height - 1 - cut)
    values = np.clip(np.nan_to_num(values[: 2 * rows, :width]), 0, 255).astype(np.intp)
    if values.shape[0] % 2:
        values = np.vstack([values, np.zeros((1, values.shape[1]), np.intp)])
    upper, lower = values[::2], values[1::2]
    area = np.s_[1 : 1 + upper.shape[0], : upper.shape[1]]
    grid.codes[area] = _HALVES[(upper > 0) + 2 * (lower > 0)]
    palette = np.array([int(role) for role in roles or (Role.SERIES_0,)], np.uint8)
    grid.roles[area] = palette[np.clip(np.maximum(upper, lower) - 1, 0, palette.size - 1)]
    for columns, mark, role in (
        (highlight, "×", highlight_role),
        (() if cursor is None else (cursor,), "▾", Role.CURSOR),
    ):
        for column in columns:
            if 0 <= column < upper.shape[1]:
                grid.roles[1 : 1 + upper.shape[0], column] = role
                grid.put(0, column, mark, role)
    if cut and height > 1:
        parts = []
        if total_rows > 2 * rows:
            parts.append(f"first {min(total_rows, 2 * rows):,} of {total_rows:,} rows")
        if total_columns > width:
            parts.append(f"first {width:,} of {total_columns:,} columns")
        grid.put(height - 1, 0, shorten(", ".join(parts), width), Role.TEXT)
    canvas = Canvas(
        0, 1, upper.shape[1], upper.shape[0], (0.0, float(upper.shape[1])), (0.0, float(2 * upper.shape[0]))
    )
    return grid.plot(canvas)


def heat(
    matrix: Any,
    width: int,
    height: int,
    *,
    roles: Sequence[Role] = (Role.SERIES_0,),
    span: tuple[float, float] | None = None,
    x_labels: Sequence[str] = (),
    y_labels: Sequence[str] = (),
    texts: Sequence[Sequence[str]] | None = None,
    cursor: tuple[int, int] | None = None,
    empty: str = "",
) -> Plot:
    """A matrix (rows, columns) of numbers as shades, blank and ░▒▓█, from the smallest to the largest; NaN is a dot.

    Every matrix cell gets the same number of character cells; where there are more rows or columns than
    fit, neighbours are averaged.

    Args:
        roles: spread over the shades, from low to high.
        span: the values that the lightest and the darkest shade stand for; by default those of the data.
        x_labels, y_labels: one a column or row; those that would touch are left out.
        texts: a text for each matrix cell, written in its middle where it fits.
        cursor: the (row, column) that is marked.
    """
    width, height = max(0, width), max(0, height)
    grid = Grid(width, height)
    values = np.asarray(matrix, np.float64)
    if values.ndim != 2 or not values.size:
        grid.sentence(empty)
        return grid.plot()
    labels = [clean_text(label) for label in y_labels]
    left = min(max(map(len, labels), default=0) + 1, width // 3) if labels else 0
    bottom = 1 if any(x_labels) and height > 1 else 0
    rows, columns = height - bottom, width - left
    if rows < 1 or columns < 1:
        return grid.plot()
    values = np.where(np.isfinite(values), np.clip(values, -1e300, 1e300), np.nan)
    shown_rows, shown_columns = min(values.shape[0], rows), min(values.shape[1], columns)
    total_rows, total_columns = values.shape
    values = _pool(_pool(values, shown_rows).T, shown_columns).T
    tall, wide = rows // shown_rows, columns // shown_columns
    lo, hi = limits(*(span or value_range(values) or (0.0, 1.0)))
    with np.errstate(over="ignore"):
        shade = np.floor(np.clip((values - lo) / (hi - lo), 0, 1) * 4.999)
    level = np.where(np.isnan(values), 0, np.nan_to_num(shade) + 1).astype(np.intp)
    palette = np.array([int(role) for role in roles or (Role.SERIES_0,)], np.uint8)
    colours = np.where(level == 0, np.uint8(Role.GRID), palette[np.maximum(0, level - 1) * palette.size // 5])
    area = np.s_[: shown_rows * tall, left : left + shown_columns * wide]
    grid.codes[area] = _SHADES[level].repeat(tall, axis=0).repeat(wide, axis=1)
    grid.roles[area] = colours.repeat(tall, axis=0).repeat(wide, axis=1)
    whole = (total_rows, total_columns) == (shown_rows, shown_columns)
    if whole and texts is not None:
        for i, line in enumerate(texts[:shown_rows]):
            for j, text in enumerate(line[:shown_columns]):
                if 0 < len(text) <= wide - 2:
                    padded = f" {text} "
                    grid.put(i * tall + tall // 2, left + j * wide + (wide - len(padded)) // 2, padded, Role.TEXT)
    if cursor is not None and 0 <= cursor[0] < total_rows and 0 <= cursor[1] < total_columns:
        i, j = cursor[0] * shown_rows // total_rows, cursor[1] * shown_columns // total_columns
        cell = np.s_[i * tall : (i + 1) * tall, left + j * wide : left + (j + 1) * wide]
        grid.roles[cell] = Role.CURSOR
        middle = i * tall + tall // 2
        grid.put(middle, left + j * wide, "▸" if wide > 1 else "◆", Role.CURSOR)
        if wide > 2:
            grid.put(middle, left + (j + 1) * wide - 1, "◂", Role.CURSOR)
    for i, label in enumerate(labels[:total_rows]):
        row = i * shown_rows // total_rows
        if row == 0 or row != (i - 1) * shown_rows // total_rows:
            grid.put(row * tall + tall // 2, 0, shorten(label, left - 1).rjust(left - 1), Role.TEXT)
    if bottom:
        end = -1
        for j, label in enumerate(clean_text(label) for label in x_labels[:total_columns]):
            at = (j * shown_columns // total_columns) * wide + (wide - len(label)) // 2
            at = min(max(0, at), columns - len(label))
            if at > end and label:
                grid.put(height - 1, left + at, label, Role.TEXT)
                end = at + len(label)
    canvas = Canvas(
        left, 0, shown_columns * wide, shown_rows * tall, (0.0, float(total_columns)), (0.0, float(total_rows))
    )
    return grid.plot(canvas)


def _pool(values: Any, count: int) -> Any:
    """The rows averaged into `count` groups, NaN left out; a group of NaN alone stays NaN."""
    if values.shape[0] == count:
        return values
    starts = np.arange(count) * values.shape[0] // count
    known = np.isfinite(values)
    total = np.add.reduceat(np.where(known, values / values.shape[0], 0.0), starts, axis=0)
    number = np.add.reduceat(known, starts, axis=0, dtype=np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number > 0, total / number * values.shape[0], np.nan)
