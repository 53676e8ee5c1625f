"""A sweep on paper: its table, the loss over the gains, a heat map where there is a second axis, and JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ..config.values import format_number
from ..experiments.sweep.measures import Cell
from ..experiments.sweep.plan import Plan, format_value
from ..experiments.sweep.recommend import Recommendation, figure, recommend, with_spread
from ..host.visible import visible
from ..plots import SERIES, Axis, Curve, Plot, Role, curves, heat, legend, nice_limits

PLOT_ROWS = 14
WIDEST = 100  # columns of a plot
NAMES = {False: "no batch norm", True: "batch norm"}
# As in the explorer, colours stand for roles; the eight that every terminal has will do here.
COLOURS = {
    SERIES[0]: "bright_red", SERIES[1]: "bright_cyan", Role.MARK: "yellow", Role.TEXT: "default",
    Role.AXIS: "bright_black", Role.GRID: "bright_black",
}  # fmt: skip


def as_json(plan: Plan, cells: Sequence[Cell]) -> bytes:
    """The sweep as one JSON object (UTF-8); numbers that do not exist are null."""
    sweep = {
        "steps": plan.steps,
        "seeds": [config.seed for config in plan.points[0].configs],
        "gains": plan.gains,
        "axis": plan.axis,
        "values": plan.values,
        "config": msgspec.to_builtins(plan.base),
        "cells": [cell.table() for cell in cells],
        "recommendation": recommend(cells).table(),
    }
    return msgspec.json.format(msgspec.json.encode(sweep), indent=1)


def loss_over_gain(plan: Plan, cells: Sequence[Cell], width: int, height: int) -> Plot:
    """Dev loss over the gain, batch norm off and on in one plot, with the seeds' range behind each.

    Where there is a second axis, each curve is at the axis value that `recommend` chooses for it.
    """
    choice = recommend(cells)
    drawn = []
    for role, mark, bn in ((SERIES[0], "o", False), (SERIES[1], "x", True)):
        best = choice.on if bn else choice.off
        if best is None:
            continue
        value = best.cell.point.value
        row = sorted(
            (cell for cell in cells if (cell.point.bn, cell.point.value) == (bn, value)), key=lambda c: c.point.gain
        )
        y = [_mean(cell) for cell in row]
        low = [min(cell.values("dev_loss")) if cell.sound else math.nan for cell in row]
        high = [max(cell.values("dev_loss")) if cell.sound else math.nan for cell in row]
        drawn.append(Curve(NAMES[bn], [_at(plan, c.point.gain) for c in row], y, role, low, high, mark=mark))
    x = sorted((_at(plan, gain), format_number(gain)) for gain in plan.gains)
    pad = 0.02 * (x[-1][0] - x[0][0]) or 0.1
    axis = Axis(x[0][0] - pad, x[-1][0] + pad, tuple(x), "gain")
    span = _scale(cells)
    y_axis = Axis(*nice_limits(*span)) if span else None
    return curves(drawn, width, height, x=axis, y=y_axis, empty="no cell came through")


def _scale(cells: Sequence[Cell]) -> tuple[float, float] | None:
    """The dev losses to show, lowest and highest; what ended far above its start does not stretch the scale."""
    losses = [loss for cell in cells if math.isfinite(loss := _mean(cell))]
    if not losses:
        return None
    start = max((loss for cell in cells for loss in cell.values("initial_loss")), default=math.inf)
    lowest = min(losses)
    return lowest, max(loss for loss in losses if loss <= max(start, lowest))


def _at(plan: Plan, gain: float) -> float:
    """Where a gain lies on the axis: gains act as factors, so in log, unless one of them is 0."""
    return math.log(gain) if min(plan.gains) > 0 else gain


def _mean(cell: Cell) -> float:
    mean = cell.mean("dev_loss") if cell.sound else None
    return math.nan if mean is None else mean


def loss_map(plan: Plan, cells: Sequence[Cell], bn: bool, width: int, height: int) -> Plot:
    """Dev loss as shades, a row an axis value, a column a gain; a dot where a cell did not come through.

    Both maps of a sweep share one scale.
    """
    found = {(cell.point.value, cell.point.gain): _mean(cell) for cell in cells if cell.point.bn is bn}
    values: Sequence[Any] = plan.values if plan.axis is not None else (None,)
    matrix = np.array([[found.get((value, gain), math.nan) for gain in plan.gains] for value in values])
    return heat(
        matrix,
        width,
        height,
        roles=(SERIES[1 if bn else 0],),
        span=_scale(cells),
        x_labels=[f"gain {format_number(gain)}" for gain in plan.gains],
        y_labels=[f"{plan.axis} {format_value(value)}" if plan.axis else "" for value in values],
        texts=[[figure(loss) if math.isfinite(loss) else "diverged" for loss in row] for row in matrix],
    )


def print_sweep(plan: Plan, cells: Sequence[Cell], console: Console) -> None:
    """The table of cells, the plots and the recommendation."""
    console.print(_table(plan, cells, console.width))
    for sentence in _losses(cells):
        console.print(Text(visible(sentence), style="red"))
    width = min(WIDEST, console.width)
    console.print(Text("\nDev loss over the gain", style="bold"))
    _print(loss_over_gain(plan, cells, width, PLOT_ROWS), console)
    for row in legend([(f"{'x' if bn else 'o'} {NAMES[bn]}", SERIES[int(bn)]) for bn in plan.bn], width):
        console.print(_text(row))
    if plan.axis is not None:
        rows = max(1, min(3, 24 // len(plan.values))) * len(plan.values) + 1
        for bn in plan.bn:
            console.print(Text(f"\nDev loss by {plan.axis} and gain, {NAMES[bn]}", style="bold"))
            _print(loss_map(plan, cells, bn, width, rows), console)
    console.print()
    _print_recommendation(recommend(cells), console)


def _print_recommendation(found: Recommendation, console: Console) -> None:
    console.print(Text(visible(found.text), style="bold"))
    for name, choice in (("without batch norm", found.off), ("with batch norm", found.on)):
        if choice is not None and found.off is not None and found.on is not None:
            point = choice.cell.point
            axis = "" if point.axis is None else f", {point.axis} {format_value(point.value)}"
            margin = ""
            if choice.margin is not None:
                within = {None: "", True: ", within the seeds' spread", False: ", beyond the seeds' spread"}
                margin = f" (margin {choice.margin:.3f}{within[choice.within_spread]})"
            dev = with_spread(choice.cell, "dev_loss")
            console.print(Text(f"Best {name}: gain {format_number(point.gain)}{axis}, {dev}{margin}"))


def _print(plot: Plot, console: Console) -> None:
    for row in plot.rows:
        console.print(_text(row), no_wrap=True, crop=True)


def _text(row: Sequence[Any]) -> Text:
    return Text.assemble(*((span.text, Style.parse(COLOURS.get(span.role, "default"))) for span in row))


# Heading, measure, format, whether the seeds' std is told, and the console's width from which it is shown.
_COLUMNS = (
    ("dev loss", "dev_loss", "{:.3f}", True, 0),
    ("train loss", "loss", "{:.3f}", False, 76),
    ("at\nstart", "initial_loss", "{:.2f}", False, 100),
    ("std\nlast÷first", "std_ratio", "{:.2f}", False, 0),
    ("ln std\na layer", "std_slope", "{:+.3f}", False, 110),
    ("saturated", "saturated", "{:.1%}", False, 0),
    ("dead", "dead", "{:.3g}", False, 0),
    ("gradient\nfirst÷last", "grad_ratio", "{:.2f}", False, 76),
    ("update:data\nlog10", "update_data_log10", "{:+.2f}", False, 100),
    ("its\nspread", "update_data_spread", "{:.2f}", False, 100),
)


def _table(plan: Plan, cells: Sequence[Cell], width: int) -> Table:
    seeds = f"{plan.seeds} seeds, mean ± std" if plan.seeds > 1 else "one seed"
    title = f"After {plan.steps:,} steps, {seeds}"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    names = [*([plan.axis] if plan.axis else []), "gain", "bn"]
    columns = [column for column in _COLUMNS if width >= column[-1]]
    for name in [*names, *(column[0] for column in columns)]:
        table.add_column(name, justify="right", no_wrap=True, vertical="bottom")
    for cell in cells:
        point = cell.point
        row = [format_value(point.value)] if plan.axis else []
        row += [format_number(point.gain), "on" if point.bn else "off"]
        if cell.sound:
            for _, name, form, spread, _ in columns:
                mean = cell.mean(name)
                row.append(with_spread(cell, name, form) if spread else "–" if mean is None else figure(mean, form))
        else:
            row.append("failed" if cell.failure else "diverged")
        table.add_row(*row)
    return table


def _losses(cells: Sequence[Cell]) -> list[str]:
    """A sentence for each cell that did not come through."""
    sentences = []
    for cell in cells:
        if cell.failure:
            sentences.append(f"{cell.point.label}: {cell.failure}")
        elif not cell.sound:
            lost = sum(run.diverged_at is not None for run in cell.runs)
            first = f", the first at step {cell.diverged_at:,}" if cell.diverged_at is not None else ""
            sentences.append(f"{cell.point.label}: {lost} of {len(cell.runs)} seeds diverged{first}")
    return sentences
