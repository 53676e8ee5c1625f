"""Histograms by layer in four forms: ridges, the picture of the depth, panels, and curves over each other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar, NamedTuple

from ..insight.look import Look
from ..plots import (
    SERIES,
    Band,
    Bars,
    Line,
    Plot,
    Role,
    Row,
    Span,
    best_height,
    by_depth,
    choose,
    density,
    depth,
    histograms,
    nice_limits,
    overlay,
    ridges,
    rows_of_bands,
)
from ..plots.bands import Height
from ..session.pointer import Pointer
from ..stream.protocol import Histogram, Snapshot
from .base import NOTHING_YET, View, named

DEEP = 10  # layers from which on the picture of the depth is shown unless a person chose
BESIDE = 0.36  # of the width that figures beside the bands may take
TAG = 7  # columns of the word that says what a row of figures is
REACH = 3.0  # times as far as what is in front, the x axis goes to show the lane before


class Form(StrEnum):
    """How histograms are drawn, in the order in which v goes through them."""

    RIDGES = "ridges"
    DEPTH = "depth"
    PANELS = "panels"
    OVERLAID = "overlaid"


Cells = Sequence[tuple[str, Role]]


class Quantity(NamedTuple):
    """A column of figures beside the bands: a text and its role for each layer; none where nothing is known."""

    title: str
    width: int
    now: Cells
    theory: Sequence[str] = ()
    before: Sequence[str] = ()
    redraws: Sequence[str] = ()  # 5 to 95 % of them


def height_of(scale: Height, log: bool | None) -> Height:
    """How a density becomes a height: as a person chose, else as the quantity suggests."""
    return scale if log is None else "log" if log else "linear"


def plain(texts: Sequence[str]) -> Cells:
    """Figures that nothing is wrong with."""
    return [(text, Role.FIGURE) for text in texts]


class HistogramView(View):
    """Histograms by layer, the lane before behind them."""

    scale: ClassVar[Height] = "root"  # how a density becomes a height

    @abstractmethod
    def panels(self, look: Look, other: Look | None) -> Sequence[tuple[str, Histogram, Histogram | None, str]]:
        """Title, histogram now, histogram of the lane before, note."""

    @abstractmethod
    def quantities(self, look: Look, other: Look | None) -> Sequence[Quantity]:
        """The figures of the layers, the most important first."""

    def lines(self, look: Look) -> Sequence[Line]:
        """Lines over the picture of the depth."""
        return ()

    @abstractmethod
    def spanned(self, snapshot: Snapshot) -> Sequence[Histogram]:
        """The histograms that the x axis holds."""

    def range(self, look: Look, other: Look | None, pointer: Pointer) -> tuple[float, float] | None:
        """The x limits that all layers share, the same at all steps of a lane; None spans the data.

        Round limits around zero that hold what is in front, and the lane before as far as that leaves it seen.
        """
        front, back = (self._reach(shown, pointer) for shown in (look, other))
        reach = min(max(front, back), REACH * front) if front > 0 else back
        return nice_limits(-reach, reach) if reach > 0 else None

    def _reach(self, look: Look | None, pointer: Pointer) -> float:
        """How far from zero the histograms of a lane go at any step."""

        def reach(snapshot: Snapshot) -> float:
            return max((max(abs(h.lo), abs(h.hi)) for h in self.spanned(snapshot)), default=0.0)

        if look is None or look.snapshot is None:
            return 0.0
        return pointer.scales.reach(look.history, self.id, reach, reach(look.snapshot))

    def form(self, look: Look, pointer: Pointer) -> Form:
        """What a person chose, or what suits the number of layers."""
        if pointer.form is not None:
            return Form(pointer.form)
        now = look.snapshot
        return Form.DEPTH if now is not None and len(now.activations) >= DEEP else Form.RIDGES

    def turn(self, look: Look, pointer: Pointer) -> None:
        forms = list(Form)
        pointer.form = forms[(forms.index(self.form(look, pointer)) + 1) % len(forms)]

    def least(self, look: Look, pointer: Pointer) -> int:
        form = self.form(look, pointer)
        if form not in (Form.RIDGES, Form.DEPTH):
            return self.least_rows
        count = len(self.panels(look, None))
        return best_height(count) if count else self.least_rows

    def part(self, look: Look, pointer: Pointer) -> int:
        # The figures stand beside the bands: the table is there only where rows are left.
        return 0 if self.form(look, pointer) in (Form.RIDGES, Form.DEPTH) else self.table_part

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        panels = self.panels(look, other)
        x = self.range(look, other, pointer)
        form = self.form(look, pointer)
        scale = height_of(self.scale, pointer.log)
        if form in (Form.RIDGES, Form.DEPTH):
            rows = max(rows_of_bands(len(panels), height), default=0)
            if form is Form.DEPTH:
                rows = 1 if len(panels) > max(0, height - 2) // 2 else 3
            heading, figures = beside(self.quantities(look, other), len(panels), int(width * BESIDE), rows)
            bands = [
                Band(title, *density(now), density(before) if before else None, rows_beside)
                for (title, now, before, _), rows_beside in zip(panels, figures, strict=True)
            ]
            if form is Form.RIDGES:
                return ridges(
                    bands,
                    width,
                    height,
                    x=x,
                    scale=scale,
                    heading=heading,
                    colours=pointer.colours,
                    empty=NOTHING_YET,
                )
            return depth(
                bands,
                width,
                height,
                x=x,
                scale=scale,
                lines=self.lines(look),
                heading=heading,
                colours=pointer.colours,
                empty=NOTHING_YET,
            )
        roles = by_depth(len(panels))
        bars = [
            Bars(title, *density(now), role, density(before) if before else None, note)
            for (title, now, before, note), role in zip(panels, roles, strict=True)
        ]
        if form is Form.OVERLAID:
            chosen = choose(len(bars), len(SERIES))
            shown = [
                Bars(bars[i].title, bars[i].edges, bars[i].heights, role, bars[i].previous)
                for i, role in zip(chosen, by_depth(len(chosen)), strict=True)
            ]
            return overlay(shown, width, height, x=x, empty=NOTHING_YET)
        return histograms(bars, width, height, x=x, empty=NOTHING_YET)

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        if self.form(look, pointer) is not Form.OVERLAID:
            return ()
        titles = [title for title, *_ in self.panels(look, other)]
        return named([titles[i] for i in choose(len(titles), len(SERIES))], width)


def beside(quantities: Sequence[Quantity], layers: int, width: int, rows: int) -> tuple[Row, list[tuple[Row, ...]]]:
    """The heading over the bands' figures, and for each layer its rows of figures: now, theory, redraws, before.

    Quantities that do not fit into `width` are left out, the last ones first; with one row a band there is
    only now, and no word is needed for which row is what.
    """
    theory = any(any(q.theory) for q in quantities)
    before = any(any(q.before) for q in quantities)
    redrawn = any(any(q.redraws) for q in quantities)
    tag = (TAG + redrawn) if rows > 1 and (theory or before) else 0
    shown: list[Quantity] = []
    for quantity in quantities:
        if sum(q.width + 1 for q in (*shown, quantity)) + tag <= width:
            shown.append(quantity)
    if not shown:
        return (), [()] * layers

    def line(cells: Sequence[tuple[str, Role]], word: str) -> Row:
        spans = [Span(" " + text.rjust(q.width), role) for q, (text, role) in zip(shown, cells, strict=True)]
        return (*spans, Span(f" {word}".ljust(tag), Role.TEXT)) if tag else tuple(spans)

    heading = line([(q.title, Role.TEXT) for q in shown], "")
    figures: list[tuple[Row, ...]] = []
    for i in range(layers):
        lines = [line([q.now[i] for q in shown], "")]
        for there, word in ((theory, "theory"), (redrawn, "redraws"), (before, "before")):
            texts: list[Sequence[str]] = [getattr(q, word) for q in shown]
            if there:
                lines.append(line([(text[i] if text else "", Role.TEXT) for text in texts], word))
        figures.append(tuple(lines))
    return heading, figures
