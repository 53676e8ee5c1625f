"""The grid of small pictures in rows of text: how many fit, what stands around them, and only what changed anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rich.cells import cell_len

from ...insight.look import Look
from ...plots import Plot, Role, Row, Span
from ...plots.axes import GUTTER
from ...plots.ink import Ink, Piece, fit, row, visible, wrap
from ...views.small import Axes, Choice, Small

NARROWEST = 17  # columns of a picture
LOWEST = 6  # rows of a picture
ROOMY = 12  # rows of a cell from which two lines of figures stand under the picture

Place = tuple[int, int]


class Titled(Protocol):
    """What stands over columns or beside rows, in words or short."""

    def label(self, index: int) -> str: ...

    def value(self, index: int) -> str: ...


class Grid(Protocol):
    """What is compared, and the cell that is pointed at as (row, column)."""

    @property
    def columns(self) -> Titled: ...

    @property
    def rows(self) -> Titled: ...

    @property
    def at(self) -> Place: ...

    @property
    def shape(self) -> Place: ...


@dataclass(frozen=True)
class Arrangement:
    """Which cells are shown, (first, count) of rows and columns, and the size of their pictures."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    width: int
    height: int
    figures: int  # lines under a picture

    @property
    def places(self) -> list[Place]:
        """The cells shown, row by row."""
        (top, rows), (left, columns) = self.rows, self.columns
        return [(i, j) for i in range(top, top + rows) for j in range(left, left + columns)]


def arrange(shape: Place, at: Place, width: int, height: int) -> Arrangement:
    """As many cells as fit into width × height, the one that is pointed at among them."""
    columns = max(1, min(shape[1], (width - GUTTER) // NARROWEST))
    rows = max(1, min(shape[0], (height - 1) // (LOWEST + 2)))
    each = max(1, (height - 1) // rows)
    figures = 2 if each >= ROOMY else 1
    return Arrangement(
        (_page(at[0], rows, shape[0]), rows),
        (_page(at[1], columns, shape[1]), columns),
        max(0, (width - GUTTER) // columns),
        max(0, each - 1 - figures),
        figures,
    )


def _page(at: int, count: int, of: int) -> int:
    return max(0, min(at // count * count, of - count))


@dataclass(frozen=True)
class Tile:
    """What a cell shows: a lane, or a sentence in its place; `note` takes the place of its last figure."""

    lane: Look | None
    sentence: str = ""
    note: str = ""
    bad: bool = False


class Pictures:
    """The drawn cells, kept while nothing in them changes."""

    def __init__(self) -> None:
        self._kept: dict[Place, tuple[tuple[Any, ...], tuple[Row, ...]]] = {}
        self.drawn = 0  # pictures drawn so far

    def cell(
        self,
        place: Place,
        cell: Tile,
        small: Small,
        axes: Axes,
        choice: Choice,
        arranged: Arrangement,
        labels: bool,
        at: bool,
    ) -> tuple[Row, ...]:
        """The rows of one cell: its picture and its figures."""
        lane = cell.lane
        trace = lane.history.loss.last_step if lane is not None and small.curved else None
        known = (lane.history, lane.until if small.curved else 0, trace, lane.evaluation) if lane is not None else ()
        key = (small, axes, choice, arranged, labels, at, known, cell.sentence, cell.note)
        snapshot = lane.snapshot if lane is not None else None
        kept = self._kept.get(place)
        if kept is None or kept[0][0] is not snapshot or kept[0][1:] != key:
            kept = ((snapshot, *key), self._draw(cell, small, axes, choice, arranged, labels, at))
            self._kept[place] = kept
        return kept[1]

    def _draw(
        self, cell: Tile, small: Small, axes: Axes, choice: Choice, arranged: Arrangement, labels: bool, at: bool
    ) -> tuple[Row, ...]:
        self.drawn += 1
        gutter = GUTTER if labels else 0
        width = arranged.width + gutter
        if cell.lane is None or cell.lane.snapshot is None:
            lines = wrap(visible(cell.sentence or "…"), arranged.width - 4)[: arranged.height]
            rows = [row(width, " " * (gutter + 2), (line, Ink.WARN if cell.sentence else Ink.DIM)) for line in lines]
            rows += [row(width)] * (arranged.height - len(rows))
            figures: list[tuple[str, int]] = []
        else:
            own = 0 if small.axes([cell.lane], choice).x is None else gutter  # a picture without axes has no labels
            plot = small.plot(cell.lane, axes, choice, arranged.width + own, arranged.height, y_labels=own > 0)
            picture = _indented(plot, gutter - own)
            rows = [_framed(line) for line in picture] if at else picture
            space = arranged.width - 3
            ink: int = Ink.STRONG if at else Ink.PLAIN
            figures = [(_longest(forms, space), ink) for forms in small.figures(cell.lane, choice.layer)]
        if cell.note:
            figures = [*figures[: arranged.figures - 1], (visible(cell.note), Ink.BAD if cell.bad else Ink.PROGRESS)]
        figures += [("", Ink.PLAIN)] * (arranged.figures - len(figures))
        for index, (text, ink) in enumerate(figures[: arranged.figures]):
            sign: Piece = (" ▸ ", Ink.KEY) if at and not index else "   "
            rows.append(row(width, " " * gutter, sign, (fit(text, arranged.width - 3), ink)))
        return tuple(rows)


def _indented(plot: Plot, by: int) -> list[Row]:
    return [(Span(" " * by, Role.TEXT), *line) for line in plot.rows] if by else list(plot.rows)


def _framed(line: Row) -> Row:
    """The row of a picture with its frame in the cursor's colour."""
    return tuple(span._replace(role=Role.CURSOR) if span.role == Role.AXIS else span for span in line)


def _longest(forms: Sequence[str], width: int) -> str:
    return next((form for form in forms if cell_len(form) <= width), forms[-1])


def grid_rows(
    grid: Grid,
    cells: Mapping[Place, Tile],
    small: Small,
    choice: Choice,
    width: int,
    height: int,
    pictures: Pictures,
) -> list[Row]:
    """The whole grid in exactly width × height cells."""
    if width <= GUTTER + 8 or height < 6:
        return [row(width)] * height
    legend = _legend(cells, small, choice, width) if height >= 20 else ()
    arranged = arrange(grid.shape, grid.at, width, height - len(legend))
    # The axes are those of all cells, not only of those that fit: paging moves nothing.
    axes = small.axes([cell.lane for cell in cells.values() if cell.lane is not None], choice)
    (top, rows), (left, columns) = arranged.rows, arranged.columns
    pieces: list[Piece] = [" " * GUTTER]
    for j in range(left, left + columns):
        label = visible(grid.columns.label(j))
        label = label if cell_len(label) < arranged.width else visible(grid.columns.value(j))
        pieces.append(
            (fit(label, arranged.width - 1).strip().center(arranged.width), Ink.STRONG if j == grid.at[1] else Ink.HEAD)
        )
    out = [row(width, *pieces)]
    for i in range(top, top + rows):
        label = visible(grid.rows.label(i))
        line = "─" * max(0, width - cell_len(label) - GUTTER - 3)
        ink = Ink.STRONG if i == grid.at[0] else Ink.HEAD
        out.append(row(width, (" " * GUTTER, Ink.FRAME), (f"{label} " if label else "", ink), (line, Ink.FRAME)))
        drawn = [
            pictures.cell((i, j), cells[i, j], small, axes, choice, arranged, j == left, (i, j) == grid.at)
            for j in range(left, left + columns)
        ]
        pad = width - GUTTER - columns * arranged.width
        filler = (Span(" " * pad, Role.TEXT),) if pad > 0 else ()
        out += [tuple(span for part in parts for span in part) + filler for parts in zip(*drawn, strict=True)]
    out += [row(width)] * (height - len(legend) - len(out))
    return [*out, *legend][:height]


def _legend(cells: Mapping[Place, Tile], small: Small, choice: Choice, width: int) -> Sequence[Row]:
    """What the pictures' colours, marks or heights stand for, by the deepest of the lanes."""
    snapshots = [cell.lane.snapshot for cell in cells.values() if cell.lane is not None and cell.lane.snapshot]
    deepest = max(snapshots, key=lambda snapshot: len(snapshot.activations), default=None)
    return small.legend(deepest, choice, width)[:1] if deepest is not None else ()
