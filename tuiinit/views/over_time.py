"""How the outputs of one layer spread over time: each strip a kept step or an epoch's end, shades for density."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ..config.nonlinearities import range_of
from ..insight.look import Look
from ..plots import SERIES, SHADES, Axis, Plot, Role, Row, Shown, choose, half_rows, nice_limits, strips, tick_label
from ..plots.ink import Cell, Column, Ink, Piece, Table, number, percent, row, signed, small, table
from ..session.pointer import Pointer
from ..stream.history import LaneHistory
from ..stream.milestones import ends_epoch
from ..stream.protocol import Activation, Histogram, Snapshot
from .base import NOTHING_YET, View, bounds_of, pointed, symmetric
from .by_line import built_here, middle
from .histograms import NO_ROW
from .layout import abreast, sentence

Floats = npt.NDArray[np.float64]

NO_OUTPUTS = "no outputs of this network are known"
LEFT = 8  # cells of the labels of the values and of the frame
NARROWEST = 5  # cells of a strip
BESIDE = 80  # columns from which the lane before stands beside
TAIL = 0.9  # the darkest shade is for the upper tenth of what is not blank: one spike does not pale all else
PARTS = 20  # of the values: densities are told as shares in one of them
SAMPLES = (4, 8, 12, 16)  # shades, of 16, that the legend tells
NO_EPOCH = "No epoch has ended yet: e trains to the next one's end. v shows all steps that are kept."


class OverTime(View):
    """Histograms of a layer's outputs, step by step or epoch by epoch."""

    id = "over-time"
    title = "Over time"
    least_rows = 14
    table_part = 0
    help = (
        "The outputs of the chosen layer (J and K) over time: each strip is a kept step, growing by factors (1, 2, 5, "
        "10, …), or with v an epoch's end. Values go upwards, and the brighter (on a light ground: the darker), the "
        "more outputs lie there, by the root of the density; the row below tells how many. Strong edges at the top and "
        "bottom are saturation; a strong line in the middle is a signal that has faded; with batch norm the picture "
        "should hardly change. Where there is room, the network shown before stands beside it in the same shades.\n\n"
        "p and the arrows read out mean, std and saturation of each step."
    )

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        lines = self.lines(look, pointer)
        if look.snapshot is None:
            return sentence(NOTHING_YET, width, height)
        if not lines.parts:
            return sentence(NO_ROW if pointer.text else NO_OUTPUTS, width, height)
        found = self._found(look, other, pointer, width)
        part = width // len(found)
        if not found[0]:
            return sentence(NO_EPOCH if pointer.overlaid else NO_OUTPUTS, width, height)
        low, high = _limits(found)
        edges = np.linspace(low, high, max(1, half_rows(height)) + 1)
        top = _top(found, low, high)
        plots = []
        for index, pairs in enumerate(found):
            room = width - part * (len(found) - 1) if not index else part
            plots.append(_picture(pairs, edges, top, pointer, look.past, room, height, before=index > 0))
        return abreast(plots)

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        now = look.snapshot
        lines = self.lines(look, pointer)
        part = _layer(now, pointed(lines, pointer)) if now is not None and lines.parts else None
        if part is None:
            return ()
        over = (
            "  at the end of each epoch   v: all steps" if pointer.overlaid else "  at kept steps   v: at epochs' ends"
        )
        found = self._found(look, other, pointer, width)
        beside = "   right: before" if len(found) > 1 else ""
        rows = [
            row(
                width,
                ("  ▸ ", Ink.KEY),
                (middle(part.layer, width // 2), Ink.STRONG),
                (over, Ink.DIM),
                (beside, Role.PREVIOUS),
            )
        ]
        if found[0]:
            low, high = _limits(found)
            unit = (high - low) / PARTS
            top = _top(found, low, high)
            pieces: list[Piece] = [(f"    outputs in {tick_label(unit, unit)} of the values: ", Ink.DIM)]
            for level in SAMPLES:
                share = top * (level / len(SHADES)) ** 2 * unit
                glyph = "█" if pointer.colours else "░▒▓█"[SAMPLES.index(level)]
                more = "≥ " if level == SAMPLES[-1] else ""
                pieces += [(f"{glyph * 2} ", SHADES[level - 1]), (f"{more}{100 * share:.2g} %   ", Ink.DIM)]
            rows.append(row(width, *pieces))
        return rows

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        lines = self.lines(look, pointer)
        if not lines.parts:
            return Table((), ())
        layer = pointed(lines, pointer)
        saturates = built_here(look) or range_of(dict(lines.parts)[layer][1]).saturates
        columns = (
            Column("step", 11),
            Column("epoch", 7),
            Column("mean", 7),
            Column("std", 7),
            *((Column("saturated", 9), Column("dead", 4)) if saturates else ()),
            Column("grad std", 8),
        )
        rows: list[list[Cell]] = []
        for snapshot, a in reversed(_pairs(look.history, layer, pointer, 10**6)):
            share: list[Cell] = [
                (percent(a.saturated), Ink.STRONG),
                (str(len(a.dead)), Ink.WARN if a.dead else Ink.DIM),
            ]
            rows.append(
                [
                    f"{snapshot.step:,}",
                    f"{snapshot.epoch:.2f}",
                    signed(a.mean),
                    (number(a.std), Ink.STRONG),
                    *(share if saturates else ()),
                    small(a.grad_std),
                ]
            )
        return table(columns, rows, width)

    def _found(
        self, look: Look, other: Look | None, pointer: Pointer, width: int
    ) -> list[list[tuple[Snapshot, Activation]]]:
        """The strips of the lane looked at, and beside it those of the lane before, where there are some and room."""
        layer = pointed(self.lines(look, pointer), pointer)
        if (
            other is not None
            and width >= BESIDE
            and (before := _pairs(other.history, layer, pointer, width // 2 - LEFT))
        ):
            return [_pairs(look.history, layer, pointer, width // 2 - LEFT), before]
        return [_pairs(look.history, layer, pointer, width - LEFT)]


def _pairs(lane: LaneHistory, layer: int, pointer: Pointer, width: int) -> list[tuple[Snapshot, Activation]]:
    """The kept snapshots with a layer, evenly chosen where not all fit; or those at epochs' ends."""
    kept = [snapshot for step in lane.snapshots.steps() if (snapshot := lane.snapshots.get(step)) is not None]
    if pointer.overlaid:
        ends = [snapshot for snapshot in kept if ends_epoch(snapshot.epoch)]
        kept = [*[snapshot for snapshot in kept[:1] if ends and not snapshot.step], *ends]
    shown = [kept[i] for i in choose(len(kept), max(2, width // NARROWEST))]
    return [(s, a) for s in shown if (a := _layer(s, layer)) is not None]


def _layer(snapshot: Snapshot, layer: int) -> Activation | None:
    parts = snapshot.activations
    return parts[min(layer, len(parts) - 1)] if parts else None


def _limits(found: Iterable[Sequence[tuple[Snapshot, Activation]]]) -> tuple[float, float]:
    """The lowest and the highest value that the strips show."""
    layers = [a for pairs in found for _, a in pairs]
    if (bounds := bounds_of({a.kind for a in layers})) is not None:
        return bounds
    span = symmetric([a.histogram for a in layers])
    return nice_limits(*span) if span is not None else (-1.0, 1.0)


def _top(found: Iterable[Sequence[tuple[Snapshot, Activation]]], low: float, high: float) -> float:
    """The density that the darkest shade begins with."""
    edges = np.linspace(low, high, 4 * PARTS + 1)
    known = np.array([rebinned(a.histogram, edges) for pairs in found for _, a in pairs]).ravel()
    known = known[known > 0]
    return float(np.quantile(known, TAIL)) if known.size else 1.0


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
    pairs: Sequence[tuple[Snapshot, Activation]],
    edges: Floats,
    top: float,
    pointer: Pointer,
    past: int | None,
    width: int,
    height: int,
    *,
    before: bool,
) -> Plot:
    count = len(pairs)
    at = np.arange(1, count + 1)
    role = Role.PREVIOUS if before else SERIES[0]
    shown = [
        Shown(name, role, at, np.array([measure(s, a) for s, a in pairs], np.float64))
        for name, measure in (
            ("step", lambda s, a: s.step),
            ("mean", lambda s, a: a.mean),
            ("std", lambda s, a: a.std),
            ("saturated", lambda s, a: a.saturated),
            ("dead", lambda s, a: len(a.dead)),
        )
    ]
    ticks = tuple((float(i), _time(s, epochs=pointer.overlaid)) for i, (s, _) in enumerate(pairs, 1))
    title = f"{'before: ' if before else ''}outputs of {pairs[0][1].layer}" if pairs else ""
    here = max((i for i, (s, _) in enumerate(pairs) if past is not None and s.step <= past), default=None)
    return strips(
        # By the root: what lies between two saturated edges is thin, and should be seen all the same.
        np.sqrt([rebinned(a.histogram, edges) / top for _, a in pairs]),
        width,
        height,
        x=Axis(0.5, max(1, count) + 0.5, ticks, "epoch" if pointer.overlaid else "step"),
        y=Axis(float(edges[0]), float(edges[-1]), label=title),
        at=here,
        colours=pointer.colours,
        shown=shown,
        empty=NOTHING_YET,
    )


def _time(snapshot: Snapshot, *, epochs: bool) -> str:
    """When a strip was, in few cells."""
    if epochs:
        return f"{round(snapshot.epoch)}"
    return f"{snapshot.step}" if snapshot.step < 10_000 else f"{snapshot.step // 1000}k"
