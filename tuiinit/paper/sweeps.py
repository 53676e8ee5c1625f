"""A sweep on paper: its table, the loss over the gains, a heat map where there is a second axis, and JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ..config.values import format_number
from ..experiments.sweep import plan as sweep_plan
from ..experiments.sweep.measures import Cell
from ..experiments.sweep.plan import Plan, format_gain, format_value
from ..experiments.sweep.recommend import Recommendation, figure, loss_name, recommend, with_spread
from ..host.visible import visible
from ..plots import SERIES, Axis, Curve, Plot, Role, curves, heat, legend, nice_limits

PLOT_ROWS = 14
WIDEST = 100  # columns of a plot
MOST_ROWS = 60  # of a table on a screen
NAMES = {False: "no batch norm", True: "batch norm", None: "this network"}
ROLES = {False: SERIES[0], True: SERIES[1], None: SERIES[0]}
MARKS = {False: "o", True: "x", None: "o"}
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
        "axes": [{"name": axis.name, "values": axis.values} for axis in plan.axes],
        "config": msgspec.to_builtins(plan.base),
        "cells": [cell.table() for cell in cells],
        "recommendation": recommend(cells).table(),
    }
    return msgspec.json.format(msgspec.json.encode(sweep), indent=1)


def loss_over_gain(plan: Plan, cells: Sequence[Cell], width: int, height: int) -> Plot:
    """Dev loss over the gain, batch norm off and on in one plot, with the seeds' range behind each.

    Where there are further axes, each curve is at the values that `recommend` chooses for it.
    """
    choice = recommend(cells)
    drawn = []
    for bn in plan.bn:
        best = choice.best(bn)
        if best is None:
            continue
        row = sorted(
            (
                (cell.point.gain, cell)
                for cell in cells
                if (cell.point.bn, cell.point.at) == (bn, best.cell.point.at) and cell.point.gain is not None
            ),
            key=itemgetter(0),
        )
        y = [_mean(cell) for _, cell in row]
        low = [min(cell.values(cell.judged_by)) if cell.sound else math.nan for _, cell in row]
        high = [max(cell.values(cell.judged_by)) if cell.sound else math.nan for _, cell in row]
        x = [_at(plan, gain) for gain, _ in row]
        drawn.append(Curve(NAMES[bn], x, y, ROLES[bn], low, high, mark=MARKS[bn]))
    ticks = [(_at(plan, gain), format_number(gain)) for gain in plan.known_gains]
    pad = 0.02 * (ticks[-1][0] - ticks[0][0]) or 0.1
    axis = Axis(ticks[0][0] - pad, ticks[-1][0] + pad, tuple(ticks), "gain")
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
    return math.log(gain) if plan.known_gains[0] > 0 else gain


def _mean(cell: Cell) -> float:
    mean = cell.mean(cell.judged_by) if cell.sound else None
    return math.nan if mean is None else mean


def loss_map(
    plan: Plan, cells: Sequence[Cell], bn: bool | None, down: sweep_plan.Axis | None, width: int, height: int
) -> Plot:
    """Dev loss as shades; a dot where a cell did not come through. All maps of a sweep share one scale.

    A column is a value of the plan's first dimension, as a rule a gain; a row one of `down`. On other axes the cells
    are those of the values that `recommend` chooses.
    """
    across = plan.dimensions[0]
    best = recommend(cells).best(bn)
    shown = {across.name, *([down.name] if down else [])}
    fixed = {} if best is None else {name: v for name, v in best.cell.point.place.items() if name not in shown}
    found = {
        (place[down.name] if down else None, place[across.name]): _mean(cell)
        for cell in cells
        if (place := cell.point.place)["bn"] is bn and all(place[name] == value for name, value in fixed.items())
    }
    rows: Sequence[Any] = down.values if down else (None,)
    matrix = np.array([[found.get((value, other), math.nan) for other in across.values] for value in rows])
    return heat(
        matrix,
        width,
        height,
        roles=(ROLES[bn],),
        span=_scale(cells),
        x_labels=[f"{across.name} {label}" for label in across.labels],
        y_labels=[f"{down.name} {label}" for label in down.labels] if down else [""],
        texts=[[figure(loss) if math.isfinite(loss) else "diverged" for loss in row] for row in matrix],
    )


def print_sweep(plan: Plan, cells: Sequence[Cell], console: Console) -> None:
    """The table of cells, the plots and the recommendation."""
    console.print(_table(plan, cells, console.width))
    if len(cells) > MOST_ROWS:
        console.print(Text(f"The best {MOST_ROWS} of {len(cells):,} cells; --json and --out tell all.", style="dim"))
    losses = _losses(cells)
    for sentence in losses[:MOST_ROWS]:
        console.print(Text(visible(sentence), style="red"))
    if len(losses) > MOST_ROWS:
        console.print(Text(f"… and {len(losses) - MOST_ROWS:,} more cells that did not come through", style="red"))
    width = min(WIDEST, console.width)
    best = recommend(cells).overall
    word = "Dev loss" if best is None else loss_name(best.cell).capitalize()
    if plan.known_gains:
        console.print(Text(f"\n{word} over the gain", style="bold"))
        _print(loss_over_gain(plan, cells, width, PLOT_ROWS), console)
        for row in legend([(f"{MARKS[bn]} {NAMES[bn]}", ROLES[bn]) for bn in plan.bn], width):
            console.print(_text(row))
    across, *others = plan.dimensions
    single: list[sweep_plan.Axis | None] = [None] if across.name != "gain" else []
    for down in others or single:
        lines = len(down.values) if down else 1
        rows = max(1, min(3, 24 // lines)) * lines + 1
        for bn in plan.bn:
            head = f"\n{word} by {f'{down.name} and ' if down else ''}{across.name}"
            console.print(Text(f"{head}, {NAMES[bn]}" if bn is not None else head, style="bold"))
            _print(loss_map(plan, cells, bn, down, width, rows), console)
    console.print()
    _print_recommendation(recommend(cells), console)


def _print_recommendation(found: Recommendation, console: Console) -> None:
    console.print(Text(visible(found.text), style="bold"))
    for name, choice in (("without batch norm", found.off), ("with batch norm", found.on)):
        if choice is not None and found.off is not None and found.on is not None:
            point = choice.cell.point
            axes = "".join(f", {axis} {format_value(value)}" for axis, value in point.at)
            margin = ""
            if choice.margin is not None:
                within = {None: "", True: ", within the seeds' spread", False: ", beyond the seeds' spread"}
                margin = f" (margin {choice.margin:.3f}{within[choice.within_spread]})"
            dev = with_spread(choice.cell, choice.cell.judged_by)
            console.print(Text(visible(f"Best {name}: gain {format_gain(point.gain)}{axes}, {dev}{margin}")))


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
    norm = list(plan.bn) != [None]
    names = [*(visible(axis.name) for axis in plan.axes), "gain", *(["bn"] if norm else [])]
    taken = sum(2 + max(map(len, (axis.name, *axis.labels))) for axis in plan.axes)
    done = [cell for cell in cells if cell.runs]
    # Where there are no dev batches the training loss is what cells are judged by, and stands first with its spread.
    trained = bool(done) and all(cell.judged_by == "loss" for cell in done)
    known = (("train loss", "loss", "{:.3f}", True, 0), *_COLUMNS[2:]) if trained else _COLUMNS
    columns = [column for column in known if width - taken >= column[-1]]
    for name in [*names, *(column[0] for column in columns)]:
        table.add_column(name, justify="right", no_wrap=True, vertical="bottom")
    best = sorted((cell for cell in cells if cell.sound), key=_mean)[:MOST_ROWS] if len(cells) > MOST_ROWS else cells
    for cell in best:
        point = cell.point
        row = [visible(format_value(value)) for _, value in point.at]
        row += [format_gain(point.gain), *(["on" if point.bn else "off"] if norm else [])]
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
