"""Histograms of layers that stand under one another on one x axis: numbers, labels and the frame around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .axes import Axis, Frame, framed, value_range
from .bars import cleaned
from .cells import Canvas, Floats, Grid, Role, Row, Shown, clean_text, shorten

Height = Literal["root", "log", "linear"]  # how a density becomes a height or a shade
DECADES = 3.0  # powers of ten from the top of a logarithmic height to its foot
NAMES: dict[Height, str] = {"root": "√density", "log": "log density", "linear": "density"}
BEYOND_LEFT, BEYOND_RIGHT = "◂", "▸"
LEAST_COLUMNS = 12  # of the drawing: below this the figures go, then the labels
WIDEST_LABEL = 14


@dataclass(frozen=True)
class Band:
    """One layer's histogram: edges (n + 1,), density (n,); `previous` is the same of the lane before.

    `figures` are rows of text that stand at the right, the most important one first; `label` stands at the left,
    by default the title.
    """

    title: str
    edges: Any
    density: Any
    previous: tuple[Any, Any] | None = None
    figures: tuple[Row, ...] = ()
    label: str | None = None

    @property
    def beside(self) -> str:
        """What stands beside it at the left."""
        return self.title if self.label is None else self.label


@dataclass(frozen=True)
class Columns:
    """A histogram in equal columns: density (columns,), and whether some of it lies beyond the x limits."""

    density: Floats
    left: bool = False
    right: bool = False


def columns_of(edges: Any, density: Any, x: tuple[float, float], columns: int) -> Columns:
    """The mean density in each of `columns` equal parts of the x limits: the area of a histogram stays the same."""
    e, d = cleaned(edges, density)
    if not d.size or d.max() <= 0:
        return Columns(np.zeros(columns))
    part = d / d.max() * (np.diff(e) / (e[-1] - e[0]))  # without overflow
    area = np.concatenate([[0.0], np.cumsum(part)])
    at = np.linspace(*x, columns + 1)
    below = np.interp(at, e, area)
    with np.errstate(all="ignore"):
        mean = np.diff(below) / np.diff(at) * (e[-1] - e[0]) * d.max()
    mean = np.where(np.isfinite(mean) & (np.diff(below) > 0), mean, 0.0)
    return Columns(mean, bool(below[0] > 0), bool(below[-1] < area[-1]))


def top_of(now: Floats, behind: Floats | None) -> float:
    """The density that reaches the top: the largest of now; of the lane before only where now has nothing."""
    for density in (now, behind):
        if density is not None and density.size and density.max() > 0:
            return float(density.max())
    return 1.0


def scaled(density: Floats, top: float | Floats, height: Height) -> Floats:
    """Densities as shares of the height of `top`; 0 only where the density is 0, above 1 where it exceeds `top`."""
    drawn = density > 0
    with np.errstate(all="ignore"):
        part = np.where(drawn, density, top) / top
        share = np.sqrt(part) if height == "root" else part if height == "linear" else 1 + np.log10(part) / DECADES
    return np.where(drawn, np.clip(share, 1e-9, 1e9), 0.0)


def span_of(bands: Sequence[Band]) -> tuple[float, float]:
    """Limits that hold every histogram in front."""
    pairs = [cleaned(band.edges, band.density) for band in bands]
    return value_range(*(edges for edges, density in pairs if density.size)) or (0.0, 1.0)


def row_width(row: Row) -> int:
    """Cells that a row takes."""
    return sum(len(span.text) for span in row)


@dataclass(frozen=True)
class Layout:
    """Where labels, drawing and figures lie, in columns; `rows` are those of the drawing."""

    label: int
    columns: int
    figures: int
    rows: int
    ruled: bool  # whether there is room for the lower edge of the frame

    @property
    def left(self) -> int:
        """The first column of the drawing."""
        return self.label + 1

    @staticmethod
    def of(
        bands: Sequence[Band], heading: Row, width: int, height: int, rows: int, labels: int | None = None
    ) -> Layout | None:
        """The widest drawing beside labels and figures, or None where not even a drawing alone fits.

        `labels` are the columns that labels take, whatever they say; None gives them what they need.
        """
        longest = max(len(clean_text(band.beside)) for band in bands) + 2
        figures = max([row_width(heading), *(row_width(row) for band in bands for row in band.figures)])
        wide = min(longest, max(WIDEST_LABEL, width // 5)) if labels is None else labels
        for label, beside in ((wide, figures), (wide, 0), *(((0, 0),) if labels is None else ())):
            columns = width - label - 2 - beside
            if columns >= LEAST_COLUMNS and rows >= 1:
                return Layout(label, columns, beside, rows, ruled=height >= rows + 3)
        return None


def framed_bands(layout: Layout, width: int, height: int, x: Axis, title: str, note: str, heading: Row) -> Grid:
    """The empty picture: the frame that plotext draws, its title, a note at the title's right, and the heading."""
    frame = Frame(layout.columns + 2, max(2, layout.rows) + 3, 0)
    part, canvas = framed(frame, x, Axis(0.0, 1.0, ()))
    grid = Grid(width, height)
    # Where rows are few, the line under the drawing goes: the labels of the axis stay.
    lines = [*range(1 + layout.rows), *([frame.height - 2] if layout.ruled else []), frame.height - 1]
    area = np.s_[: len(lines), layout.label : layout.label + frame.width]
    grid.codes[area], grid.roles[area] = part.codes[lines], part.roles[lines]
    room = canvas.columns - 2
    note = f" {note} " if note else ""
    title = shorten(f" {title} ", room - len(note) - 1) if title and room > len(note) + 4 else ""
    grid.put(0, layout.left + 1, title, Role.TEXT)
    if note and len(note) <= room:
        grid.put(0, layout.left + canvas.columns - 1 - len(note), note, Role.EVENT)
    put_row(grid, 0, layout.left + layout.columns + 1, heading if layout.figures else ())
    return grid


def put_label(grid: Grid, layout: Layout, row: int, text: str, role: Role) -> None:
    """Write a layer's name beside its band; where it is short, a number at its end stays."""
    room = layout.label
    text = clean_text(text)
    head, _, last = text.rpartition(" ")
    if len(text) > room and last.isdecimal():
        text = f"{head[: max(0, room - len(last) - 1)]} {last}".strip()
    grid.put(row, 0, f" {text}" if len(text) + 2 <= room else shorten(text, room), role)


def put_row(grid: Grid, row: int, column: int, spans: Row) -> None:
    """Write spans from a cell on."""
    for span in spans:
        grid.put(row, column, span.text, span.role)
        column += len(span.text)


def mark_beyond(grid: Grid, layout: Layout, row: int, left: Role | None, right: Role | None) -> None:
    """Say at the frame's edge that a histogram goes on beyond it."""
    if left is not None:
        grid.put(row, layout.left - 1, BEYOND_LEFT, left)
    if right is not None:
        grid.put(row, layout.left + layout.columns, BEYOND_RIGHT, right)


def beyond_roles(now: Columns, behind: Columns | None, role: Role) -> tuple[Role | None, Role | None]:
    """In whose role each edge is marked: that of now, else of the lane before, else of none."""

    def one(in_front: bool, before: bool) -> Role | None:
        return role if in_front else Role.PREVIOUS if before else None

    return (
        one(now.left, behind is not None and behind.left),
        one(now.right, behind is not None and behind.right),
    )


def shown_columns(band: Band, role: Role, x: tuple[float, float], now: Columns, behind: Columns | None) -> Any:
    """What the cursor reads: the densities as drawn, over the columns as drawn."""
    edges = np.linspace(*x, now.density.size + 1)
    items = [Shown(band.title, role, edges, now.density)]
    if behind is not None:
        items.append(Shown("", Role.PREVIOUS, edges, behind.density))
    return tuple(items)


def canvas_of(layout: Layout, top: int, rows: int, x: tuple[float, float], y: float, shown: Any) -> Canvas:
    """The drawing area of one band."""
    return Canvas(layout.left, top, layout.columns, rows, x, (0.0, y), shown=shown)
