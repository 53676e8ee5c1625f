"""Pictures of a sweep: a figure over the gain, with batch norm off and on, and as shades over a second axis. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...config.values import format_number
from ...experiments.sweep.measures import Cell
from ...experiments.sweep.plan import Plan
from ...experiments.sweep.recommend import figure, recommend
from ...insight.thresholds import UPDATE_RIGHT, power_of_ten
from ...plots import SERIES, Axis, Curve, Plot, curves, heat, nice_limits, nice_ticks
from ...plots.ink import Ink, row
from ...views.layout import abreast, shares, stacked

NAMES = {False: "no batch norm", True: "batch norm", None: "this network"}
MARKS = {False: "o", True: "x", None: "o"}
EXPONENTIAL = "grad_ratio"  # of Measures: what grows by a factor with every layer
ROLES = {False: SERIES[0], True: SERIES[1], None: SERIES[0]}


class Figure(NamedTuple):
    """Something that a sweep measures of each cell."""

    title: str
    name: str  # of sweep.Measures
    form: str
    line: tuple[float, str] | None = None  # where it should lie
    log: bool = False  # exponential in depth: drawn in powers of ten


FIGURES = (
    Figure("Dev loss", "dev_loss", "{:.3f}"),
    Figure("Std slope", "std_slope", "{:+.3f}", (0.0, "same std in all layers")),
    Figure("Saturation", "saturated", "{:.1%}"),
    Figure("Gradient, first ÷ last", "grad_ratio", "{:.2f}", (1.0, "same in all layers"), True),
    Figure("Update:data", "update_data_log10", "{:+.2f}", (UPDATE_RIGHT, power_of_ten(UPDATE_RIGHT))),
)
TRAINING_LOSS = Figure("Training loss", "loss", "{:.3f}")


def figures(cells: Sequence[Cell]) -> Sequence[Figure]:
    """What there is to see: first the loss that cells are judged by, of training where there are no dev batches."""
    done = [cell for cell in cells if cell.runs]
    if done and all(cell.judged_by == TRAINING_LOSS.name for cell in done):
        return TRAINING_LOSS, *FIGURES[1:]
    return FIGURES


def value(cell: Cell, shown: Figure) -> float:
    """A cell's mean over its seeds; NaN where not every seed came through."""
    mean = cell.mean(shown.name) if cell.sound else None
    return math.nan if mean is None else mean


def turned(shown: Figure, cells: Sequence[Cell], log: bool | None) -> Figure:
    """The figure on the axis that a person chose, None as it is; logarithmic only where all values are above 0."""
    known = [v for cell in cells if math.isfinite(v := value(cell, shown))]
    return shown if log is None else shown._replace(log=log and bool(known) and min(known) > 0)


def over_gain(plan: Plan, cells: Sequence[Cell], shown: Figure, width: int, height: int, empty: str = "") -> Plot:
    """The figure over log gain, with the seeds' range behind; of a second axis the best value of each curve."""
    best = recommend(cells)
    drawn = []
    for bn in plan.bn:
        choice = best.best(bn)
        if choice is None:
            continue
        line = sorted(
            (
                cell
                for cell in cells
                if (cell.point.bn, cell.point.at) == (bn, choice.cell.point.at) and cell.point.gain is not None
            ),
            key=lambda cell: cell.point.gain or 0,
        )
        y = [value(cell, shown) for cell in line]
        low, high = ([pick(cell.values(shown.name), default=math.nan) for cell in line] for pick in (min, max))
        x = [_where(cell.point.gain) for cell in line]
        if shown.log:
            y, low, high = ([math.log10(v) if v > 0 else math.nan for v in values] for values in (y, low, high))
        drawn.append(Curve(NAMES[bn], x, y, ROLES[bn], low, high, mark=MARKS[bn]))
        drawn.append(Curve(NAMES[bn], x, y, ROLES[bn], points="marks", mark=MARKS[bn]))
    ticks = [(_where(gain), _brief(gain)) for gain in plan.known_gains] or [(0.0, "")]
    pad = 0.03 * (ticks[-1][0] - ticks[0][0]) or 0.1
    span = scale(cells, shown)
    return curves(
        drawn,
        width,
        height,
        x=Axis(ticks[0][0] - pad, ticks[-1][0] + pad, tuple(ticks), "gain (log scale)"),
        y=_axis(shown, span) if span else None,
        lines=((math.log10(shown.line[0]) if shown.log else shown.line[0], shown.line[1]),) if shown.line else (),
        empty="no cell came through" if cells else empty,
    )


def _brief(gain: float) -> str:
    """A gain in three digits, or as the fraction that it is."""
    whole = format_number(gain)
    return whole if "/" in whole else format_number(float(f"{gain:.3g}"))


def _where(gain: float | None) -> float:
    """Where a gain stands on a log axis; 0 has no place there."""
    return math.log10(gain) if gain else math.nan


def _axis(shown: Figure, span: tuple[float, float]) -> Axis:
    """An axis that holds these values; in powers of ten they are at least those from 1/10 to 10."""
    if not shown.log:
        return Axis(*nice_limits(*span))
    low, high = (max(value, 1e-30) for value in span)
    if shown.name != EXPONENTIAL:
        ticks = tuple((math.log10(v), label) for v, label in nice_ticks(low, high, 6) if v > 0)
        pad = 0.03 * math.log10(high / low) or 0.01
        return Axis(math.log10(low) - pad, math.log10(high) + pad, ticks, "log")
    bottom, top = min(-1, math.floor(math.log10(low))), max(1, math.ceil(math.log10(high)))
    every = max(1, (top - bottom) // 6)
    return Axis(bottom, top, tuple((float(p), f"1e{p}" if p else "1") for p in range(bottom, top + 1, every)))


def scale(cells: Sequence[Cell], shown: Figure) -> tuple[float, float] | None:
    """The lowest and the highest value; a loss far above its start does not stretch the scale."""
    known = [v for cell in cells if math.isfinite(v := value(cell, shown))]
    if not known:
        return None
    lowest, highest = min(known), max(known)
    if shown.name in ("dev_loss", TRAINING_LOSS.name):
        start = max((loss for cell in cells for loss in cell.values("initial_loss")), default=math.inf)
        highest = max(v for v in known if v <= max(start, lowest))
    return lowest, highest


def maps(plan: Plan, cells: Sequence[Cell], shown: Figure, width: int, height: int) -> Plot:
    """Shades: a row a value of the second dimension, a column one of the first; batch norm off and on, with one scale.

    Where there are further axes, the cells are those of the values that are recommended.
    """
    across, *others = plan.dimensions
    down = others[0] if others else None
    parts = []
    for bn, part in zip(plan.bn, shares(width, len(plan.bn)), strict=True):
        best = recommend(cells).best(bn)
        pictured = {across.name, *([down.name] if down else [])}
        fixed = {} if best is None else {name: v for name, v in best.cell.point.place.items() if name not in pictured}
        found = {
            (place[down.name] if down else None, place[across.name]): value(cell, shown)
            for cell in cells
            if (place := cell.point.place)["bn"] is bn and all(place[name] == v for name, v in fixed.items())
        }
        rows = down.values if down else (None,)
        matrix = np.array([[found.get((v, other), math.nan) for other in across.values] for v in rows])
        texts = [[figure(v, shown.form) if math.isfinite(v) else "" for v in line] for line in matrix]
        shades = heat(
            matrix,
            part - 2,
            max(0, height - 1),
            roles=(ROLES[bn],),
            span=scale(cells, shown),
            x_labels=[_short(label) for label in across.labels],
            y_labels=list(down.labels) if down else [""],
            texts=texts,
        )
        head = Plot((row(part, (f"  {down.name if down else across.name}, {NAMES[bn]}", Ink.HEAD)),))
        parts.append(stacked([head, Plot(tuple(row(part, *line) for line in shades.rows))]))
    return abreast(parts)


def _short(label: str) -> str:
    """A number in three digits, anything else as it is."""
    try:
        return _brief(float(label))
    except ValueError:
        return label
