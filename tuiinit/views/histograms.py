"""Histograms by layer in four forms: ridges, the picture of the depth, panels, and curves over each other."""

from __future__ import annotations

import math
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar, NamedTuple

from ..insight.blocks import block_of
from ..insight.look import Look, snapshot_of
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
from ..plots.bands import NAMES, WIDEST_LABEL, Height
from ..plots.depth import layers_of
from ..plots.ink import Ink, row
from ..plots.pooled import pooled
from ..session.lines import Lines
from ..session.pointer import Pointer
from ..stream.protocol import Histogram, Snapshot
from .base import NOTHING_YET, View, named, pointed
from .by_line import built_here, middle
from .labels import labels

DEEP = 10  # layers from which on the picture of the depth is shown unless a person chose
BESIDE = 0.36  # of the width that figures beside the bands may take
TAG = 7  # columns of the word that says what a row of figures is
TABLED = 12  # rows of a picture whose figures the table has, from which the table gets more
MANY = 30  # rows from which the table tells their figures, folded by block
OUTLIER, MOST = 2.0, 0.9  # times the reach that most of many rows have, up to which the x axis goes
NAMED = 24  # cells of a name over a panel
NO_ROW = "no row with these words in its name or kind"
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


class Part(NamedTuple):
    """What is drawn of one row or matrix."""

    title: str
    now: Histogram
    before: Histogram | None
    note: str


class HistogramView(View):
    """Histograms by layer, the lane before behind them."""

    scale: ClassVar[Height] = "root"  # how a density becomes a height

    @abstractmethod
    def panels(self, look: Look, other: Look | None, at: Sequence[int]) -> Sequence[Part]:
        """What is drawn of these rows or matrices."""

    @abstractmethod
    def quantities(self, look: Look, other: Look | None, at: Sequence[int]) -> Sequence[Quantity]:
        """The figures of these, the most important first."""

    def theory(self, look: Look, at: Sequence[int]) -> Sequence[Line]:
        """Lines over the picture of the depth."""
        return ()

    @abstractmethod
    def spanned(self, snapshot: Snapshot, at: Sequence[int]) -> Sequence[Histogram]:
        """The histograms of these rows or matrices that the x axis holds."""

    def range(
        self, look: Look, other: Look | None, pointer: Pointer, at: Sequence[int], key: str
    ) -> tuple[float, float] | None:
        """The x limits that all these share, the same at all steps of a lane; None spans the data.

        Round limits around zero that hold what is in front, and the lane before as far as that leaves it seen. Of many
        rows a few that reach much further than the others are cut, which their edges say. The key names the rows.
        """
        front, back = (self._reach(shown, pointer, at, key) for shown in (look, other))
        reach = min(max(front, back), REACH * front) if front > 0 else back
        return nice_limits(-reach, reach) if reach > 0 else None

    def _reach(self, look: Look | None, pointer: Pointer, at: Sequence[int], key: str) -> float:
        """How far from zero the histograms of a lane go at any step."""

        if look is None or look.snapshot is None:
            return 0.0
        ours = built_here(look)

        def reach(snapshot: Snapshot) -> float:
            known = (h for h in self.spanned(snapshot, at) if math.isfinite(h.hi - h.lo))
            reaches = sorted(max(abs(h.lo), abs(h.hi)) for h in known)
            if len(reaches) <= MANY or ours:
                return reaches[-1] if reaches else 0.0
            return min(reaches[-1], OUTLIER * reaches[int(len(reaches) * MOST)])

        return pointer.scales.reach(look.history, key, reach, reach(look.snapshot))

    def form(self, look: Look, pointer: Pointer) -> Form:
        """What a person chose, or what suits the number of layers."""
        if pointer.form is not None:
            return Form(pointer.form)
        now = look.snapshot
        layers = len(now.activations) if built_here(look) and now is not None else len(self.lines(look, pointer).parts)
        return Form.DEPTH if layers >= DEEP else Form.RIDGES

    def turn(self, look: Look, pointer: Pointer) -> None:
        forms = list(Form)
        pointer.form = forms[(forms.index(self.form(look, pointer)) + 1) % len(forms)]

    def least(self, look: Look, pointer: Pointer) -> int:
        form = self.form(look, pointer)
        count = len(self.lines(look, pointer).parts)
        if form not in (Form.RIDGES, Form.DEPTH) or not count:
            return self.least_rows
        if self._tabled(look, count):
            return TABLED
        return best_height(count)

    def part(self, look: Look, pointer: Pointer) -> int:
        # The figures stand beside the bands: the table is there only where rows are left.
        beside_bands = self.form(look, pointer) in (Form.RIDGES, Form.DEPTH)
        if self._tabled(look, len(self.lines(look, pointer).parts)):
            return 2 if self.form(look, pointer) is Form.DEPTH else 3
        return 0 if beside_bands else self.table_part

    @staticmethod
    def _tabled(look: Look, count: int) -> bool:
        """Whether there are so many rows that the table tells their figures, folded, and the picture none."""
        return count > MANY and not built_here(look)

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        lines, form = self.lines(look, pointer), self.form(look, pointer)
        if not lines.parts:
            return histograms((), width, height, empty=NO_ROW if pointer.text else self.nothing(look))
        at = self._around(lines, pointer, form, height)
        before = snapshot_of(other)  # kept with what is worked out of it, so that its id stays its own
        panels = look.kept((self.id, id(before), at), lambda: (before, self.panels(look, other, at)))[1]
        shown = of_fold(lines, pointer)
        key = f"{self.id} {pointer.text} {pointer.fold if shown is not lines else ''}"
        x = self.range(look, other, pointer, shown.members, key)
        if form is Form.RIDGES:
            return self._ridges(look, other, pointer, at, panels, x, width, height)
        if form is Form.DEPTH:
            return self._depth(look, other, pointer, at, panels, x, width, height)
        roles = by_depth(len(panels))
        bars = [
            Bars(
                middle(panel.title, NAMED),
                *density(panel.now),
                role,
                density(panel.before) if panel.before else None,
                panel.note,
            )
            for panel, role in zip(panels, roles, strict=True)
        ]
        if form is Form.OVERLAID:
            chosen = choose(len(bars), len(SERIES))
            curves = [
                Bars(bars[i].title, bars[i].edges, bars[i].heights, role, bars[i].previous)
                for i, role in zip(chosen, by_depth(len(chosen)), strict=True)
            ]
            return overlay(curves, width, height, x=x)
        return histograms(bars, width, height, x=x)

    def _ridges(
        self, look: Look, other: Look | None, pointer: Pointer, at: Sequence[int], panels: Sequence[Part],
        x: tuple[float, float] | None, width: int, height: int,
    ) -> Plot:  # fmt: skip
        rows = max(rows_of_bands(len(panels), height), default=0)
        heading, figures = self._figures(look, other, at, width, rows)
        names = self._labels(look, pointer, at, panels, range(len(at)), width)
        bands = [
            Band(p.title, *density(p.now), density(p.before) if p.before else None, rows_beside, label)
            for p, rows_beside, label in zip(panels, figures, names, strict=True)
        ]
        scale = height_of(self.scale, pointer.log)
        shown = of_fold(self.lines(look, pointer), pointer).members
        title = None
        if len(at) < len(shown):
            first = shown.index(at[0]) + 1
            title = f"{first}–{first + len(at) - 1} of {len(shown)} rows · {NAMES[scale]}, own scale"
        return ridges(bands, width, height, x=x, scale=scale, heading=heading, title=title, colours=pointer.colours)

    def _depth(
        self, look: Look, other: Look | None, pointer: Pointer, at: tuple[int, ...], panels: Sequence[Part],
        x: tuple[float, float] | None, width: int, height: int,
    ) -> Plot:  # fmt: skip
        scale = height_of(self.scale, pointer.log)
        of_half = layers_of(len(at), 2 * max(0, height - 2)).tolist()
        title = None
        if 0 < len(of_half) < len(at) and x is not None and not built_here(look):
            most = max(b - a for a, b in pairwise([*of_half, len(at)]))
            title = f"{len(at)} rows, ≤ {most} as one · {NAMES[scale]}, own scale"
            key = (self.id, "pooled", at, x, scale, height)
            histograms_ = look.kept(key, lambda: pooled([p.now for p in panels], of_half, x, scale))
            titles = [middle(panels[i].title, NAMED) for i in of_half]
            bands = [Band(name, *histogram) for name, histogram in zip(titles, histograms_, strict=True)]
            lines = dict(enumerate(of_half[::2]))
            band_of = {2 * k: k for k in lines}
            band_of[len(bands) - 1] = len(lines) - 1
            heading: Row = ()
        else:
            rows = 1 if len(panels) > max(0, height - 2) // 2 else 3
            heading, figures = self._figures(look, other, at, width, rows)
            bands = [
                Band(p.title, *density(p.now), density(p.before) if p.before else None, rows_beside)
                for p, rows_beside in zip(panels, figures, strict=True)
            ]
            firsts = list(dict.fromkeys(of_half[::2]))
            if firsts:  # where two share a line it is the first that is named and told, but of the last line the last
                firsts[-1] = len(panels) - 1
            place = pointed(self.lines(look, pointer), pointer)
            here = at.index(place) if place in at else -1
            if here >= 0 and not built_here(look):  # and of the line pointed at the one pointed at
                line = firsts[bisect_right(firsts, here) - 1]
                bands[line] = replace(bands[line], figures=bands[here].figures)
            lines = dict(enumerate(firsts))
            band_of = {first: k for k, first in enumerate(firsts)}
            band_of[len(bands) - 1] = len(firsts) - 1
        names = self._labels(look, pointer, at, panels, list(lines.values()), width)
        if any(name is not None for name in names):
            bands = [replace(band, label=names[band_of[j]] if j in band_of else "") for j, band in enumerate(bands)]
        reads = None
        if not built_here(look):  # names are long: those around the one pointed at
            place = pointed(self.lines(look, pointer), pointer)
            here = at.index(place) if place in at else 0
            band = bisect_right(of_half, here) - 1 if title else here
            reads = range(max(0, band - 1), min(len(bands), band + 2))
        return depth(
            bands,
            width,
            height,
            x=x,
            scale=scale,
            lines=() if title else self.theory(look, at),
            heading=heading,
            title=title,
            reads=reads,
            colours=pointer.colours,
        )

    def _figures(
        self, look: Look, other: Look | None, at: Sequence[int], width: int, rows: int
    ) -> tuple[Row, Sequence[tuple[Row, ...]]]:
        """The heading over the figures beside the bands, and those of each band: none where the table has them."""
        if self._tabled(look, len(at)):
            return (), [()] * len(at)
        return beside(self.quantities(look, other, at), len(at), int(width * BESIDE), rows)

    def _labels(
        self,
        look: Look,
        pointer: Pointer,
        at: Sequence[int],
        panels: Sequence[Part],
        firsts: Sequence[int],
        width: int,
    ) -> Sequence[str | None]:
        """What stands beside each line of a picture; None where it is the title."""
        if built_here(look):
            return [None] * len(firsts)
        place = pointed(self.lines(look, pointer), pointer)
        here = at.index(place) if place in at else None
        return labels([p.title for p in panels], firsts, here, max(WIDEST_LABEL, width // 5) - 2)

    def nothing(self, look: Look) -> str:
        """Why there is nothing to draw."""
        return NOTHING_YET

    def _around(self, lines: Lines, pointer: Pointer, form: Form, height: int) -> tuple[int, ...]:
        """Those that are drawn: all, or where they are too many to be drawn one by one those around the one pointed at.

        Of a fold that stands for the same row of many blocks it is those rows.
        """
        lines = of_fold(lines, pointer)
        count = len(lines.members)
        fitting = {Form.RIDGES: max(0, height - 3) // 2, Form.PANELS: MANY}.get(form, count)
        return lines.members if count <= fitting else lines.near(pointer.layer, max(1, height // 3))

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        lines = self.lines(look, pointer)
        shown = of_fold(lines, pointer) if lines.parts else lines
        if shown is not lines:
            title = f"▸ {lines.all[lines.at(pointer.layer, pointer.fold)].title} in {block_of(shown.parts[0][1][0])}"
            return [row(width, (f" {title} … {block_of(shown.parts[-1][1][0])}", Ink.DIM))]
        if self.form(look, pointer) is not Form.OVERLAID:
            return ()
        titles = [middle(part[0], max(NAMED, width // 3)) for _, part in lines.parts]
        return named([titles[i] for i in choose(len(titles), len(SERIES))], width)


def of_fold(lines: Lines, pointer: Pointer) -> Lines:
    """The rows of the fold pointed at, where it is closed and stands for the same row of many blocks; else all."""
    line = lines.all[lines.at(pointer.layer, pointer.fold)]
    parts = dict(lines.parts)
    if not (line.folded and line.indent) or len({parts[i][1] for i in line.members}) > 1:
        return lines
    return Lines((), tuple((i, parts[i]) for i in line.members), lines.total)


def beside(quantities: Sequence[Quantity], layers: int, width: int, rows: int) -> tuple[Row, list[tuple[Row, ...]]]:
    """The heading over the bands' figures, and for each layer its rows of figures: now, theory, redraws, before.

    Quantities that do not fit into `width` are left out, the last ones first, and the heading ends with an ellipsis;
    with one row a band there is only now, and no word is needed for which row is what.
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
    if len(shown) < len(quantities):
        heading = (*heading[: len(shown)], Span(" …".ljust(tag), Role.TEXT))
    figures: list[tuple[Row, ...]] = []
    for i in range(layers):
        lines = [line([q.now[i] for q in shown], "")]
        for there, word in ((theory, "theory"), (redrawn, "redraws"), (before, "before")):
            texts: list[Sequence[str]] = [getattr(q, word) for q in shown]
            if there:
                lines.append(line([(text[i] if text else "", Role.TEXT) for text in texts], word))
        figures.append(tuple(lines))
    return heading, figures
