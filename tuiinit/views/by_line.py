"""Tables by line: a row or a matrix each, or a fold, which tells the range of what it stands for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, overload

from rich.cells import cell_len, set_cell_size

from ..config.run import RunConfig
from ..insight.counterparts import places_in
from ..insight.look import Look, snapshot_of
from ..plots import Row
from ..plots.ink import Cell, Column, Ink, Table, number, printable, table
from ..session.lines import Lines, RowLine
from ..session.pointer import Pointer
from ..stream.protocol import Activation

TAIL = 0.65  # of a name that is cut in the middle, the part that its end keeps
BOTH_ENDS = 9  # cells from which the beginning of such a name is kept, too
LEAST_NAME, NAMES_PART = 12, 0.38  # cells of the names: at least, and at most of the table's width
KIND = 12  # cells of a row's kind


class Field(NamedTuple):
    """A column: what it says of one row, given its place in the snapshot, and of a fold."""

    title: str
    width: int
    cell: Callable[[int], Cell]
    value: Callable[[int], float | None] | None = None  # of which a fold tells the range
    form: Callable[[float], str] = number
    align: str = ">"
    spare: bool = False  # left out where it says nothing


def figure(
    title: str,
    width: int,
    value: Callable[[int], float | None],
    form: Callable[[float | None], str] = number,
    ink: int = Ink.PLAIN,
) -> Field:
    """A column of numbers."""
    return Field(title, width, lambda i: (form(value(i)), ink), value, form)


def of_before(
    title: str, width: int, value: Callable[[int], float | None], form: Callable[[float | None], str]
) -> Field:
    """A column of numbers of the lane before; it goes where there is none."""
    return figure(title, width, value, or_empty(form), Ink.DIM)._replace(spare=True)


def said(title: str, width: int, cell: Callable[[int], Cell], align: str = ">") -> Field:
    """A column of texts; a fold says what all its rows say."""
    return Field(title, width, cell, align=align)


def dead_units(rows: Sequence[Activation]) -> Field:
    """The column of dead units."""

    def cell(i: int) -> Cell:
        dead = len(rows[i].dead)
        return str(dead), Ink.WARN if dead else Ink.DIM

    return Field("dead", 4, cell, lambda i: len(rows[i].dead), lambda count: f"{count:.0f}")


def or_empty(form: Callable[[float | None], str]) -> Callable[[float | None], str]:
    """The same form, that says nothing of what is not there."""
    return lambda value: "" if value is None else form(value)


def built_here(look: Look) -> bool:
    """Whether this program made the network, whose layers are few, alike, and have short names."""
    return isinstance(look.config, RunConfig)


def places_before(look: Look, other: Look | None) -> list[int]:
    """Where each row is in the lane before: at its place where this program made both; -1 if nowhere."""
    now, before = look.snapshot, snapshot_of(other)
    if now is None or before is None:
        return [-1] * (len(now.activations) if now is not None else 0)
    if built_here(look):
        return [i if i < len(before.activations) else -1 for i in range(len(now.activations))]
    return places_in(before, now)


def rows_before(look: Look, other: Look | None) -> list[Activation | None]:
    """For each row the same of the lane before."""
    before = snapshot_of(other)
    return [before.activations[i] if before is not None and i >= 0 else None for i in places_before(look, other)]


def middle(text: str, width: int) -> str:
    """A text in at most so many cells, cut in the middle: how it ends says more than how it begins.

    The `.weight` of a matrix goes first: it tells nothing apart.
    """
    text = printable(text)
    if cell_len(text) <= width:
        return text
    text = text.removesuffix(".weight")
    if cell_len(text) <= width:
        return text
    if width < 2:
        return "…"[:width]
    tail = width - 1 if width < BOTH_ENDS else int((width - 1) * TAIL)
    end = text
    while cell_len(end) > tail:
        end = end[max(1, len(end) - tail) :] if len(end) > 2 * tail else end[1:]
    return set_cell_size(text, width - 1 - cell_len(end)).rstrip() + "…" + end


class _Body(Sequence[Row]):
    """Rows that are made when they are asked for: of hundreds a screen shows a few."""

    def __init__(self, count: int, of: Callable[[int], Row]) -> None:
        self._count, self._of = count, of

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, at: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(at, slice):
            return tuple(map(self._of, range(self._count)[at]))
        return self._of(range(self._count)[at])

    def __iter__(self) -> Iterator[Row]:
        return map(self._of, range(self._count))


def by_line(
    look: Look,
    lines: Lines,
    pointer: Pointer,
    width: int,
    names: Column,
    figures: Sequence[Field],
    *,
    mark: Callable[[int], Cell] | None = None,
    strong: int | None = None,
    gap: int = 2,
    titles: Sequence[str] | None = None,
) -> Table:
    """A table with a line for each row or fold.

    Columns that say nothing of any row are left out, unless this program made the network: there they say that
    something could be known.

    Args:
        names: the column of the names in a network of this program's own.
        mark: what stands in the first column of a row; by default ▸ at the one pointed at, and no column at all in a
            network of this program's own.
        titles: what rows are called here, where not by their labels.
        strong: the place of a row whose name stands out.
    """
    at = lines.at(pointer.layer, pointer.fold)
    shown = lines.members
    marked = mark is not None or not built_here(look)
    figures = [f for f in figures if not (f.spare or not built_here(look)) or _says(f, shown)]
    if built_here(look):
        name = names
    else:
        kinds = dict(part for _, part in lines.parts)
        if len(set(kinds.values())) > 1 and not any(f.title == "shape" for f in figures):
            by_place = {i: kind for i, (_, kind) in lines.parts}
            figures = [said("kind", KIND, lambda i: (by_place[i], Ink.DIM), "<"), *figures]
        longest = max((cell_len(line.title) + 2 * line.indent for line in lines.all), default=0)
        name = Column(names.title, max(LEAST_NAME, min(longest, int(width * NAMES_PART))), "<")
    folds = [line for line in lines.all if line.folded]
    ranges = {id(line): [_range(f, line) for f in figures] for line in folds}
    wide = [
        max([f.width, *(cell_len(_text(cells[n])) for cells in ranges.values() if f.value is not None)])
        for n, f in enumerate(figures)
    ]
    columns = [Column(f.title, w, f.align) for f, w in zip(figures, wide, strict=True)]
    columns = [*([Column("", 1)] if marked else []), name, *columns]

    def cells(place: int) -> list[Cell]:
        line = lines.all[place]
        room = name.width - 2 * line.indent
        text = line.title if titles is None or line.head else titles[line.members[0]]
        if line.brief and cell_len(text) > room:
            text = line.brief
        title = "  " * line.indent + middle(text, room)
        ink = Ink.STRONG if line.head or strong in line.members else Ink.PLAIN
        sign: Cell = ("▸" if place == at else "", Ink.KEY)
        if mark is not None and not line.head:
            sign = mark(line.members[0]) or sign
        first = [sign] if marked else []
        if line.folded:
            return [*first, (title, ink), *ranges[id(line)]]
        if line.head:
            return [*first, (title, ink), *[""] * len(figures)]
        return [*first, (title, ink), *(f.cell(line.members[0]) for f in figures)]

    head = table(columns, (), width, gap).head
    return Table(head, _Body(len(lines.all), lambda place: table(columns, [cells(place)], width, gap).body[0]))


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _says(column: Field, members: Sequence[int]) -> bool:
    if column.value is not None:
        return any((value := column.value(i)) is not None and not math.isnan(value) for i in members)
    return any(_text(column.cell(i)).strip(" –") for i in members)


def _range(column: Field, line: RowLine) -> Cell:
    """What a column says of a fold: one figure where all are the same, else the smallest and the largest."""
    ink = Ink.PLAIN if isinstance(first := column.cell(line.members[0]), str) else first[1]
    if column.value is None:
        texts = {_text(column.cell(i)) for i in line.members}
        return (texts.pop(), ink) if len(texts) == 1 else ""
    values = [value for i in line.members if (value := column.value(i)) is not None and not math.isnan(value)]
    if not values:
        return "–", ink
    low, high = column.form(min(values)), column.form(max(values))
    return (low if low == high else f"{low.removesuffix(' %')}…{high}"), ink
