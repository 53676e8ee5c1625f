"""What a view is: a plot above, a table below, and a text on how to read them. Pure, without Textual."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from ..config.nonlinearities import range_of
from ..insight.blocks import Parts
from ..insight.expected import Figure
from ..insight.look import Look
from ..plots import Plot, Row, by_depth
from ..plots.cursor import Cursor, drawn, read, reading_row
from ..plots.ink import Cell, Ink, Table, row
from ..session.changed import Changed
from ..session.lines import Lines, lines_of
from ..session.pointer import Pointer
from ..stream.protocol import Histogram
from .small import Small

MIN_PLOT = 8  # rows of a plot below which the table gives way
LEAST_PICTURE = 5  # rows of a plot below which what stands under it gives way
NOTHING_YET = "nothing measured yet"


def pointed(lines: Lines, pointer: Pointer) -> int:
    """The place in the snapshot of the row pointed at, of a fold the one of its rows; there must be lines."""
    line = lines.all[lines.at(pointer.layer, pointer.fold)]
    return pointer.layer if pointer.layer in line.members else line.members[0]


class View(ABC):
    """One way to look at the shown lane. A new one is a subclass listed in `views.VIEWS`.

    Its methods take the lane looked at, the `other` that was shown before it (None if there is none; its snapshot is
    no later), and where the person points; sizes are in cells.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    help: ClassVar[str]  # how to read it; paragraphs are separated by blank lines
    least_rows: ClassVar[int] = MIN_PLOT  # of the plot, where the table can give way
    table_part: ClassVar[int] = 3  # the table gets at least the height divided by this
    inspects: ClassVar[bool] = False  # whether it shows what protocol.Inspection tells
    compares: ClassVar[bool] = True  # whether it shows the other lane, too
    redraws_on: ClassVar[Changed] = Changed.NOTHING  # what it shows beside the snapshot

    def __init__(self, small: Small | None = None) -> None:
        self.small = small  # its picture on the compare screen; None keeps it out of there

    @abstractmethod
    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        """The picture, of exactly that size."""

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        """The numbers by layer; an empty table gives the plot all the room."""
        return Table((), ())

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        """Rows between the plot and the table, such as a legend."""
        return ()

    def least(self, look: Look, pointer: Pointer) -> int:
        """Rows of the plot below which the table gives way."""
        return self.least_rows

    def part(self, look: Look, pointer: Pointer) -> int:
        """The table gets at least the height divided by this; 0 if it gets only what the plot leaves."""
        return self.table_part

    def turn(self, look: Look, pointer: Pointer) -> None:
        """Show the view's other picture."""
        pointer.overlaid = not pointer.overlaid

    def parts(self, look: Look) -> Parts:
        """What can be pointed at: the place of each in the snapshot, its label and its kind."""
        return look.row_parts

    def lines(self, look: Look, pointer: Pointer) -> Lines:
        """What the table lists and the pointer walks: those that the filter lets through, folded by block."""
        return lines_of(self.parts(look), pointer.text, pointer.opened)

    def out_of_place(self, look: Look) -> str:
        """Why this view makes no sense for the network, in a sentence; empty where it does."""
        return ""

    def units(self, look: Look, pointer: Pointer) -> int:
        """How many neurons of the layer pointed at can be pointed at."""
        return 0


class Page:
    """A view laid out in a given space: its rows, and how far its table can scroll."""

    def __init__(
        self,
        view: View,
        look: Look,
        other: Look | None,
        pointer: Pointer,
        width: int,
        height: int,
        top: int = 0,
        cursor: Cursor | None = None,
        *,
        alone: bool = False,
        sought: int | None = None,
    ) -> None:
        """`alone` leaves the table out; `sought` is a line of the table that must be in sight."""
        table = view.table(look, other, pointer, width)
        caption = list(view.caption(look, other, pointer, width))[: max(0, height - LEAST_PICTURE)]
        if pointer.text:
            caption.append(_filtered(view.lines(look, pointer), pointer.text, width))
        head = 1 if table.head else 0
        wanted = 0 if alone else len(table.body) + head
        gap = 1 if wanted else 0
        room = max(0, height - len(caption) - gap - view.least(look, pointer))
        part = view.part(look, pointer)
        head = min(head, wanted)
        lines = min(wanted, max(room, min(wanted, height // part) if part else 0))
        if wanted and lines < 2 + head:
            lines = gap = head = 0
        reads = cursor is not None and not gap  # the values at the cursor need a row of their own
        if reads:
            caption.insert(0, row(width))
        self.body_height = max(0, lines - head)
        self.last_top = max(0, len(table.body) - self.body_height) if lines else 0
        if sought is not None:
            top = max(min(top, sought), sought - self.body_height + 1)
        self.top = max(0, min(top, self.last_top))
        plot_height = max(0, height - lines - gap - len(caption))
        self.plot = view.plot(look, other, pointer, width, plot_height)
        picture, values = self.plot, None
        if cursor is not None and height:
            picture = drawn(self.plot, cursor)
            values = reading_row(read(self.plot, cursor), width)
            if reads:
                caption[0] = values
        rows: list[Row] = [*picture.rows, *caption]
        if gap:
            rows.append(values or self._more(len(table.body), width))  # so that the plot stays as it was
        if lines:
            rows += [table.head][:head]
            rows += table.body[self.top : self.top + self.body_height]
        self.rows = rows[:height]

    def _more(self, count: int, width: int) -> Row:
        if not self.last_top:
            return row(width)
        last = self.top + self.body_height
        return row(width, right=[(f"{self.top + 1}–{last} of {count}  page up/down ", Ink.DIM)])


def _filtered(lines: Lines, text: str, width: int) -> Row:
    """What the filter lets through."""
    count = f"{len(lines.parts):,} of {lines.total:,}"
    return row(width, (" /", Ink.KEY), (text, Ink.STRONG), (f"  {count} shown  ", Ink.DIM), ("esc", Ink.KEY), " all")


def named(titles: Sequence[str], width: int, marks: Sequence[str] = (), roles: Sequence[int] = ()) -> tuple[Row, ...]:
    """A legend on as many rows as it takes: each curve's mark and name; by default in the roles of the depth."""
    roles = roles or by_depth(len(titles))
    lines: list[list[tuple[str, int]]] = []
    used = width
    for index, title in enumerate(titles):
        text = f"{marks[index] if marks else '━'} {title}"
        if used + 2 + len(text) > width:
            lines.append([(" ", Ink.PLAIN)])
            used = 1
        elif used > 1:
            lines[-1].append(("  ", Ink.PLAIN))
            used += 2
        lines[-1].append((text, roles[index]))
        used += len(text)
    return tuple(row(width, *line) for line in lines)


def bounds_of(kinds: Iterable[str]) -> tuple[float, float] | None:
    """Limits that hold whatever rows of these kinds can give; None if one of them has no bounds."""
    limits = [range_of(kind) for kind in kinds]
    if not limits or not all(limit.bounded for limit in limits):
        return None
    return min(limit.low for limit in limits), max(limit.high for limit in limits)


def symmetric(histograms: Sequence[Histogram]) -> tuple[float, float] | None:
    """Limits around zero that hold all these histograms."""
    reach = max((max(abs(h.lo), abs(h.hi)) for h in histograms), default=0.0)
    return (-reach, reach) if reach > 0 else None


def redraws(figure: Figure, form: Callable[[float], str]) -> Cell:
    """The 5 to 95 % of other draws, as a table's cell."""
    return figure.span(form, none=""), Ink.THEORY
