"""Rows of text for the screen: what a piece of text is for, and how pieces make a row of an exact width.

A row is made of spans (text, role) as in `plots`; the roles of text are `Ink`, numbered above the roles of
plots so that one widget can draw both. Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from ..host.visible import cut
from ..host.visible import visible as show_controls
from . import Role, Row, Span


class Ink(IntEnum):
    """What a piece of text is for; the style sheet gives each its look."""

    PLAIN = 128
    DIM = 129
    STRONG = 130
    HEAD = 131  # a table's or a group's heading
    THEORY = 132  # what theory predicts
    GOOD = 133
    NOTE = 134
    WARN = 135
    BAD = 136
    KEY = 137
    CURSOR_ROW = 138
    ACTIVE = 139  # the view that is shown
    PROGRESS = 140
    TRACK = 141  # the part of a progress bar that is still to come
    FRAME = 142  # a pane's border where it is drawn by hand


SEVERITIES: dict[str, tuple[str, Ink]] = {
    "good": ("✓", Ink.GOOD),
    "note": ("·", Ink.NOTE),
    "warn": ("!", Ink.WARN),
    "bad": ("✗", Ink.BAD),
}

Piece = Span | tuple[str, int] | str


def visible(text: str) -> str:
    """Text from outside on one line, its control characters made visible."""
    return show_controls(" ".join(cut(text).splitlines()))


def printable(text: str) -> str:
    """The text; with its control characters made visible if it has any."""
    text = cut(text)
    return text if text.isprintable() else show_controls(text)


def fit(text: str, width: int, align: str = "<") -> str:
    """Text in exactly `width` cells, cut with an ellipsis if it is longer."""
    if width <= 0:
        return ""
    text = printable(text)
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width)
    space = " " * (width - length)
    return space + text if align == ">" else text + space


def row(width: int, *pieces: Piece, right: Sequence[Piece] = ()) -> Row:
    """One row of exactly `width` cells: pieces from the left, and some flush to the right."""
    spans: list[Span] = []
    tail = _cut(right, width)
    space = width - _length(tail)
    for span in _cut(pieces, space):
        spans.append(span)
        space -= cell_len(span.text)
    if space > 0:
        spans.append(_span(" " * space, Ink.PLAIN))
    return (*spans, *tail)


def _span(text: str, role: int, ground: Role | None = None) -> Span:
    return Span(text, role, ground)  # type: ignore[arg-type]


def _cut(pieces: Iterable[Piece], width: int) -> list[Span]:
    spans: list[Span] = []
    for piece in pieces:
        text, role, *ground = (piece, Ink.PLAIN) if isinstance(piece, str) else piece
        text = printable(text)
        length = cell_len(text)
        if not length:
            continue
        if length > width:
            if width > 0:
                spans.append(_span(fit(text, width), role, *ground))
            break
        spans.append(_span(text, role, *ground))
        width -= length
    return spans


def _length(spans: Iterable[Span]) -> int:
    return sum(cell_len(span.text) for span in spans)


def beside(left: Sequence[Row], right: Sequence[Row], height: int, left_width: int, right_width: int) -> list[Row]:
    """Two blocks of rows side by side, each padded to the height."""
    blank_left, blank_right = row(left_width), row(right_width)
    return [
        (*(left[i] if i < len(left) else blank_left), *(right[i] if i < len(right) else blank_right))
        for i in range(height)
    ]


def wrap(text: str, width: int) -> list[str]:
    """Text in lines of at most `width` cells, broken at spaces; a longer word is cut into pieces."""
    if width < 2:  # a character may take two cells
        return []
    lines: list[str] = []
    line = ""
    for word in text.split():
        # To measure all of a very long word at each line would take a time that grows with its square.
        while len(word) > 2 * width or cell_len(word) > width:
            if line:
                lines.append(line)
                line = ""
            piece = set_cell_size(word[: 2 * width], width).rstrip() or word[:1]
            lines.append(piece)
            word = word[len(piece) :]
        if not word:
            continue
        joined = f"{line} {word}" if line else word
        if cell_len(joined) > width:
            lines.append(line)
            line = word
        else:
            line = joined
    if line:
        lines.append(line)
    return lines


def bar(done: float, width: int) -> tuple[tuple[str, int], ...]:
    """A progress bar of `width` cells for a share 0…1, in half cells."""
    halves = round(max(0.0, min(1.0, done)) * width * 2)
    full, half = divmod(halves, 2)
    return (("━" * full + ("╸" if half else ""), Ink.PROGRESS), ("─" * (width - full - half), Ink.TRACK))


class Column(NamedTuple):
    """A column of a table: its heading, its width in cells, how its cells align, and whether it goes when empty."""

    title: str
    width: int
    align: str = ">"
    spare: bool = False  # left out where all its cells are empty


class Table(NamedTuple):
    """A heading that stays and rows that scroll below it."""

    head: Row
    body: Sequence[Row]


Cell = str | tuple[str, int]


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], width: int, gap: int = 2) -> Table:
    """Lay out a table in `width` cells; the last columns that don't fit are left out, and spare ones that are empty.

    Where columns are left out the heading ends with an ellipsis.
    """
    body = list(rows)
    if any(column.spare for column in columns):
        full = [i for i, c in enumerate(columns) if not c.spare or any(map(_text, (cells[i] for cells in body)))]
        columns, body = [columns[i] for i in full], [[cells[i] for i in full] for cells in body]
    kept = 0
    used = 1
    for column in columns:
        used += column.width + (gap if kept else 0)
        if used > width and kept:
            break
        kept += 1
    more = kept < len(columns)
    columns = columns[:kept]

    space = [" " * gap * bool(index) for index in range(kept)]
    rest = width - 1 - sum(column.width for column in columns) - gap * (kept - 1)

    def line(cells: Sequence[Cell], role: int) -> Row:
        spans = [_span(" ", Ink.PLAIN)]
        for column, before, cell in zip(columns, space, cells, strict=False):
            text, ink = (cell, role) if isinstance(cell, str) else cell
            spans.append(_span(before + fit(text, column.width, column.align), ink))
        # A table of many layers is laid out ten times a second: pieces whose widths are known are not measured.
        return (*spans, _span(" " * rest, Ink.PLAIN)) if rest > 0 else row(width, *spans)

    head = line([c.title for c in columns], Ink.HEAD)
    if more and rest > 0:
        head = (*head[:-1], _span(" " * (rest - 1) + "…", Ink.HEAD))
    elif more:
        head = row(width, *row(width - 1, *head))  # cut: it ends with an ellipsis
    return Table(head, tuple(line(cells, Ink.PLAIN) for cells in body))


def number(value: float | None, digits: int = 3) -> str:
    """A number in at most 8 cells: fixed decimals where they tell something, else with an exponent."""
    if value is None or value != value:
        return "–"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "-∞"
    if value and not 0.5 * 10**-digits <= abs(value) < 1000:
        return f"{value:.1e}"
    return f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """A number near 0 with its sign and fixed decimals: what is smaller than they tell is 0."""
    if value is None or not abs(value) < 1000:
        return number(value, digits)
    return f"{value:+.{digits}f}"


def small(value: float | None) -> str:
    """A number that is told by its magnitude, such as a gradient's std: 4.2e-04."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return "–"
    return f"{value:.1e}"


def percent(share: float | None) -> str:
    """A share 0…1 as percent with one decimal: 20.3 %."""
    return "–" if share is None or share != share else f"{share * 100:.1f} %"
