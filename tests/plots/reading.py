"""Reading a plot back: cells, dots, roles."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np

from tuiinit.plots import Bars, Curve, Plot, Role
from tuiinit.plots.cells import place

BLOCKS = " ▁▂▃▄▅▆▇█"


def cell_width(text: str) -> int:
    """Cells that a terminal gives to a text."""
    cells = 0
    for character in text:
        assert unicodedata.category(character) not in ("Cc", "Cf", "Mn", "Cs"), repr(text)
        cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return cells


def check_size(plot: Plot, width: int, height: int) -> None:
    assert len(plot.rows) == max(0, height)
    for row in plot.rows:
        assert sum(cell_width(span.text) for span in row) == max(0, width)
        assert all(isinstance(span.role, Role) and span.text for span in row)
    for canvas in plot.canvases:
        assert canvas.left >= 0
        assert canvas.top >= 0
        assert canvas.left + canvas.columns <= width
        assert canvas.top + canvas.rows <= height


def area(plot: Plot, index: int = 0) -> list[str]:
    """The rows of a drawing area."""
    canvas = plot.canvases[index]
    lines = plot.text.split("\n")[canvas.top : canvas.top + canvas.rows]
    return [line[canvas.left : canvas.left + canvas.columns] for line in lines]


def dots(plot: Plot, index: int = 0, role: Role | None = None) -> set[tuple[int, int]]:
    """The braille dots of a plot's drawing area, as (row, column) from its top left; of one role if it is given."""
    bits = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
    canvas = plot.canvases[index]
    return {
        (4 * r + i, 2 * c + j)
        for r, line in enumerate(area(plot, index))
        for c, character in enumerate(line)
        if 0x2800 < ord(character) < 0x2900 and (role is None or role_at(plot, canvas.top + r, canvas.left + c) == role)
        for i, pair in enumerate(bits)
        for j, bit in enumerate(pair)
        if (ord(character) - 0x2800) & bit
    }


def cross_at(plot: Plot, x: float, y: float, role: Role, index: int = 0) -> bool:
    """Whether a cross of dots stands exactly at x, y: its middle and the dots around it, as far as there is room."""
    canvas = plot.canvases[index]
    row, column = place(-y, -canvas.y[1], -canvas.y[0], 4 * canvas.rows), place(x, *canvas.x, 2 * canvas.columns)
    assert row is not None
    assert column is not None
    around = ((row, column), (row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    inside = {(r, c) for r, c in around if 0 <= r < 4 * canvas.rows and 0 <= c < 2 * canvas.columns}
    return inside <= dots(plot, index, role)


def role_at(plot: Plot, row: int, column: int) -> Role:
    for span in plot.rows[row]:
        if column < len(span.text):
            return span.role
        column -= len(span.text)
    raise IndexError(column)


def ground_at(plot: Plot, row: int, column: int) -> Role | None:
    for span in plot.rows[row]:
        if column < len(span.text):
            return span.ground
        column -= len(span.text)
    raise IndexError(column)


def curve(x: Any, y: Any, **options: Any) -> Curve:
    return Curve("c", x, y, Role.SERIES_0, **options)


def nearest(found: set[tuple[int, int]], row: float, column: float) -> float:
    return min((max(abs(r - row), abs(c - column)) for r, c in found), default=np.inf)


def panel(heights: Any, title: str = "tanh 1", previous: Any = None, note: str = "") -> Bars:
    edges = np.linspace(-1, 1, len(heights) + 1)
    return Bars(title, edges, heights, Role.SERIES_0, None if previous is None else (edges, previous), note)


def levels(plot: Plot, index: int = 0) -> list[int]:
    """Bar heights in eighths of a row."""
    return [sum(BLOCKS.index(c) for c in column if c in BLOCKS) for column in zip(*area(plot, index), strict=True)]
