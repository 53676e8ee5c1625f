"""How the outputs of one layer spread over the steps: each column a kept snapshot, shades for density."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..config.nonlinearities import range_of
from ..insight.look import Look
from ..plots import SERIES, Plot, Role, Row, Shown, choose, heat
from ..plots.ink import Cell, Column, Ink, Table, number, percent, row, signed, small, table
from ..session.pointer import Pointer
from ..stream.history import LaneHistory
from ..stream.protocol import Activation, Histogram, Snapshot
from .base import NOTHING_YET, View, bounds_of, pointed, symmetric
from .by_line import built_here, middle
from .histograms import NO_ROW
from .layout import abreast, sentence

Floats = npt.NDArray[np.float64]

NO_OUTPUTS = "no outputs of this network are known"
LEFT = 7  # cells of the labels of the values
NARROWEST = 5  # cells of a snapshot's column
BESIDE = 80  # columns from which the lane before stands beside
LIGHTEST = (
    0.05  # a root of the density below this share of the highest is left blank, so that tails do not blur the picture
)
TAIL = 0.9  # the darkest shade is for the upper tenth of what is not blank: one spike does not pale all else


class OverTime(View):
    """Histograms of a layer's outputs, step by step."""

    id = "over-time"
    title = "Over time"
    least_rows = 14
    help = (
        "The outputs of the chosen layer (J and K) over time: each column is a kept snapshot, its steps growing by "
        "factors (1, 2, 5, 10, …), values go upwards, and the darker the more outputs lie there (by the "
        "root of the density). Dark edges at the top and bottom are saturation; "
        "a dark line in the middle is a signal that has faded; with batch norm the "
        "picture should hardly change. Where there is room, the network shown before stands beside it, "
        "with the same shades.\n\n"
        "p and the arrows read out mean, std and saturation of each step."
    )

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        lines = self.lines(look, pointer)
        if look.snapshot is not None and not lines.parts:
            return sentence(NO_ROW if pointer.text else NO_OUTPUTS, width, height)
        layer = pointed(lines, pointer) if lines.parts else 0
        lanes = [look.history]
        if other is not None and width >= BESIDE:
            lanes.append(other.history)
        part = width // len(lanes)
        columns = [self._snapshots(look, lane, part - LEFT) for lane in lanes]
        if not columns[0]:
            return sentence(NOTHING_YET, width, height)
        pairs = [[(s, a) for s in column if (a := _layer(s, layer)) is not None] for column in columns]
        if not pairs[0]:
            return sentence(NO_OUTPUTS, width, height)
        kinds = {a.kind for _, a in pairs[0]}
        edges = _edges(kinds, [a.histogram for pair in pairs for _, a in pair], max(2, height - 1))
        # By the root: what lies between two saturated edges is thin, and should be seen all the same.
        pictures = [np.sqrt([rebinned(a.histogram, edges) for _, a in pair]).T for pair in pairs if pair]
        known = np.concatenate([picture.ravel() for picture in pictures])
        top = float(known.max(initial=0.0))
        shown = known[known > LIGHTEST * top]
        span = (LIGHTEST * top, float(np.quantile(shown, TAIL)) if shown.size else 1.0)
        plots = []
        for index, (pair, picture) in enumerate(zip([p for p in pairs if p], pictures, strict=True)):
            room = part if index else width - part * (len(pictures) - 1)
            role = SERIES[0] if not index else Role.PREVIOUS
            plots.append(_picture(pair, picture, edges, span, role, room, height))
        return abreast(plots)

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        now = look.snapshot
        lines = self.lines(look, pointer)
        part = _layer(now, pointed(lines, pointer)) if now is not None and lines.parts else None
        if part is None:
            return ()
        beside = "   right: the network before" if other is not None and width >= BESIDE else ""
        return [
            row(
                width,
                ("  ▸ ", Ink.KEY),
                (middle(part.layer, width // 2), Ink.STRONG),
                ("  over steps", Ink.DIM),
                (beside, Role.PREVIOUS),
            )
        ]

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        lines = self.lines(look, pointer)
        if not lines.parts:
            return Table((), ())
        layer = pointed(lines, pointer)
        saturates = built_here(look) or range_of(dict(lines.parts)[layer][1]).saturates
        columns = (
            Column("step", 11),
            Column("mean", 7),
            Column("std", 7),
            *((Column("saturated", 9), Column("dead", 4)) if saturates else ()),
            Column("grad std", 8),
        )
        rows: list[list[Cell]] = []
        for snapshot in reversed(self._snapshots(look, look.history, 10**6)):
            a = _layer(snapshot, layer)
            if a is None:
                continue
            share: list[Cell] = [
                (percent(a.saturated), Ink.STRONG),
                (str(len(a.dead)), Ink.WARN if a.dead else Ink.DIM),
            ]
            rows.append(
                [
                    f"{snapshot.step:,}",
                    signed(a.mean),
                    (number(a.std), Ink.STRONG),
                    *(share if saturates else ()),
                    small(a.grad_std),
                ]
            )
        return table(columns, rows, width)

    @staticmethod
    def _snapshots(look: Look, lane: LaneHistory, width: int) -> list[Snapshot]:
        """The kept snapshots up to the step looked at, evenly chosen where not all fit."""
        steps = [step for step in lane.snapshots.steps() if step <= look.step]
        room = max(2, width // NARROWEST)
        found = [lane.snapshots.get(steps[i]) for i in choose(len(steps), room)]
        return [snapshot for snapshot in found if snapshot is not None]


def _layer(snapshot: Snapshot, layer: int) -> Activation | None:
    parts = snapshot.activations
    return parts[min(layer, len(parts) - 1)] if parts else None


def _edges(kinds: Iterable[str], histograms: Sequence[Histogram], rows: int) -> Floats:
    """The limits of the rows, from the lowest value to the highest."""
    low, high = bounds_of(kinds) or symmetric(histograms) or (-1.0, 1.0)
    return np.linspace(low, high, rows + 1)


def rebinned(histogram: Histogram, edges: Floats) -> Floats:
    """The density of a histogram in other bins: each takes its share of the bins that it overlaps."""
    counts = np.asarray(histogram.counts, np.float64)
    total = counts.sum()
    if total <= 0 or histogram.hi <= histogram.lo:
        return np.zeros(len(edges) - 1)
    own = np.linspace(histogram.lo, histogram.hi, counts.size + 1)
    below = np.concatenate([[0.0], np.cumsum(counts)]) / total
    share = np.diff(np.interp(edges, own, below))
    density: Floats = share / np.diff(edges) * (1 - min(1.0, max(0.0, histogram.outside)))
    return density


def _picture(
    pair: Sequence[tuple[Snapshot, Activation]],
    picture: Floats,
    edges: Floats,
    span: tuple[float, float],
    role: Role,
    width: int,
    height: int,
) -> Plot:
    rows = len(picture)
    marks = {0: edges[0], rows // 2: (edges[rows // 2] + edges[rows - rows // 2]) / 2, rows - 1: edges[-1]}
    labels = [f"{round(float(marks[i]), 9) + 0.0:.3g}" if i in marks else "" for i in range(rows)][::-1]
    labels = [label.rjust(LEFT - 1) for label in labels]
    plot = heat(
        picture[::-1],
        width,
        height,
        roles=(role,),
        span=span,
        x_labels=[f"{s.step}" if s.step < 10_000 else f"{s.step // 1000}k" for s, _ in pair],
        y_labels=labels,
    )
    at = np.arange(1, len(pair) + 1)
    shown = tuple(
        Shown(name, role, at, np.array([measure(a) for _, a in pair], np.float64))
        for name, measure in (
            ("mean", lambda a: a.mean),
            ("std", lambda a: a.std),
            ("saturated", lambda a: a.saturated),
            ("dead", lambda a: len(a.dead)),
        )
    )
    steps = np.array([s.step for s, _ in pair], np.float64)
    canvases = tuple(
        replace(canvas, x=(0.5, len(pair) + 0.5), label="snapshot", shown=(Shown("step", role, at, steps), *shown))
        for canvas in plot.canvases
    )
    return Plot(plot.rows, canvases)
