"""Update:data of each matrix, step by step, with its 1e-3 line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..insight.expected import NOTHING
from ..insight.findings import pace_of
from ..insight.look import Look
from ..insight.thresholds import (
    UPDATE_FAST,
    UPDATE_RIGHT,
    UPDATE_SLOW,
    Pace,
    power_of_ten,
)
from ..plots import DEPTH, FAINT, SERIES, Axis, Curve, Plot, Role, Row, by_depth, choose, curves
from ..plots.ink import Cell, Column, Ink, Table, small, table
from ..session.changed import Changed
from ..session.pointer import Pointer
from ..session.scales import Limits, Scales
from ..stream.history import LaneHistory
from .base import NOTHING_YET, View, named
from .steps import events, nice_end
from .vectors import update_curves, update_rows
from .weights import NAME, log, weight_pairs, weight_shape

NAMED = 64  # columns from which on curves have their names at their ends, not a letter


def verdict(word: Pace | None) -> tuple[str, Ink]:
    """A word on an update:data ratio, by the thresholds that practitioners use."""
    inks: dict[Pace, Ink] = {"fine": Ink.GOOD, "from 0": Ink.PLAIN}
    return ("–", Ink.DIM) if word is None else (word, inks.get(word, Ink.WARN))


def mark(name: str) -> str:
    """One character that tells a matrix's curve apart without colour: its number, or its first letter."""
    last = name.rsplit(" ", 1)[-1]
    return last[-1] if last.isdecimal() else name[:1]


class UpdateData(View):
    """The size of each update beside the weights, over the steps."""

    id = "update-data"
    least_rows = 14
    title = "Update:data"
    redraws_on = Changed.TRAINING
    help = (
        "log10 of std(update) / std(weights) for every matrix over the steps. The rule of thumb: updates should "
        f"be about a thousandth of the weights, so the curves should come to lie near the {UPDATE_RIGHT:g} line. Well "
        f"below {UPDATE_SLOW:g} a matrix learns too slowly, above {UPDATE_FAST:g} too fast: change the lr with [ and ]."
        "\n\n"
        "J and K choose the matrix whose curve is bright and lies on top; where curves share a cell they take turns. y "
        "makes the axis linear.\n\n"
        "Curves close together mean that all layers learn at the same rate: that is what batch norm brings.\n\n"
        "v draws some biases (b), gammas (γ) and betas (β), too, dotted, at the steps that are kept; the table has "
        "them all. They begin as one number each, so at first they are hardly more than their last update. –: no "
        "ratio, for before a step, or while all numbers of a vector are the same, there is nothing to compare an "
        "update with.\n\n"
        "theory, redraws: log10 of the first step, by infinitely wide layers on that minibatch and by this network "
        "with other random weights, 5 to 95 % of them."
    )

    def layers(self, look: Look) -> int:
        return len(self._names(look))

    def _names(self, look: Look) -> list[str]:
        now = look.snapshot
        return [w.name for w in now.weights] if now else []

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        points = max(2, 2 * (width - 8))
        names = self._names(look)
        drawn: list[Curve] = []
        front, back, last = (UPDATE_SLOW, UPDATE_FAST), (UPDATE_SLOW, UPDATE_FAST), 1
        for shown, before in ((other, True), (look, False)):
            lane = shown.history if shown is not None else None
            end = lane.update_data.last_step if lane is not None else None
            if lane is None or end is None or lane.update_data.columns < len(names):
                continue
            last = max(last, end)
            limits = update_limits(lane, pointer.scales, points)
            front, back = (front, limits) if before else (limits, back)
            if before and look.past is None:
                end = max(look.history.loss.last_step or 0, 1)
            steps, mean, _, _ = lane.update_data.read(1, end if look.past is None else max(1, look.past), points)
            drawn += self._curves(names, steps, mean, pointer, named=width >= NAMED, before=before)
        if pointer.overlaid:
            drawn += update_curves(look)
        # The lane before as far as a power of ten beyond what is in front.
        low, high = min(front[0], max(back[0], front[0] - 1)), max(front[1], min(back[1], front[1] + 1))
        low, high = max(-12.0, low), min(4.0, high)
        line, y = UPDATE_RIGHT, decades(low, high, height)
        if pointer.log is False:
            line, y, drawn = linear(line, high, drawn)
        return curves(
            drawn,
            width,
            height,
            x=Axis(0, nice_end(last), label="step"),
            y=y,
            lines=((line, power_of_ten(UPDATE_RIGHT)),),
            events=events(look),
            cursor=float(look.past) if look.past is not None else None,
            empty=NOTHING_YET if not names else "one step (n) tells the first update",
        )

    def _curves(
        self, names: Sequence[str], steps: Any, mean: Any, pointer: Pointer, *, named: bool, before: bool
    ) -> Sequence[Curve]:
        """A curve a matrix that is drawn: the one pointed at bright and in front, the others fainter."""
        chosen, front = _drawn(names, pointer), _front(names, pointer)
        if before:
            return [Curve("", steps, mean[:, i], Role.PREVIOUS, dotted=True) for i in chosen]
        bright, places = by_depth(len(chosen)), {role: at for at, role in enumerate(DEPTH)}
        return [
            Curve(
                names[i],
                steps,
                mean[:, i],
                role if i == front else FAINT[places[role]],
                mark=names[i] if named else mark(names[i]),
                mark_role=role,
                front=i == front,
            )
            for i, role in zip(chosen, bright, strict=True)
        ]

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        if width >= NAMED:
            return ()  # the names stand at the curves' ends
        names = self._names(look)
        shown = [names[i] for i in _drawn(names, pointer)]
        legend = named(shown, width, [mark(name) for name in shown])
        return legend if len(legend) == 1 else ()  # the table has the marks too

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        columns = (
            Column("", 1),
            Column("matrix", NAME, "<"),
            Column("log10", 7),
            Column("theory", 6),
            Column("redraws", 11),
            Column("update:data", 11),
            Column("", 6, "<"),
            Column("shape", 11),
            Column("before", 7, spare=True),
        )
        expected = {
            w.name: figure for (w, _), figure in zip(weight_pairs(look, other), look.expected.update_data, strict=False)
        }
        rows: list[list[Cell]] = []
        names = self._names(look)
        chosen = _drawn(names, pointer)
        series = {names[i]: role for i, role in zip(chosen, by_depth(len(chosen)), strict=True)}
        now = look.snapshot
        for w, b in weight_pairs(look, other):
            value, figure = w.update_data_log10, expected.get(w.name, NOTHING)
            rows.append(
                [
                    (mark(w.name), series[w.name]) if w.name in series else "",
                    (w.name, Ink.STRONG if w.name == names[_front(names, pointer)] else Ink.PLAIN),
                    (f"{value:z.2f}" if value is not None else "–", Ink.STRONG),
                    (f"{figure.theory:z.2f}" if figure.theory is not None else "–", Ink.THEORY),
                    (f"{log(figure.redraws[0])}…{log(figure.redraws[2])}" if figure.redraws else "", Ink.THEORY),
                    small(10**value) if value is not None and value < 30 else "–",
                    verdict(pace_of(look.settings, w, now.step) if now else None),
                    (weight_shape(w), Ink.DIM),
                    (f"{b.update_data_log10:.2f}" if b and b.update_data_log10 is not None else "", Ink.DIM),
                ]
            )
        return table(columns, [*rows, *update_rows(look, other, pointer)], width)


def _front(names: Sequence[str], pointer: Pointer) -> int:
    """The matrix pointed at."""
    return max(0, min(pointer.layer, len(names) - 1))


def _drawn(names: Sequence[str], pointer: Pointer) -> list[int]:
    """The matrices that have a curve, the one pointed at among them."""
    chosen, front = choose(len(names), len(SERIES)), _front(names, pointer)
    if chosen and front not in chosen:
        chosen[min(range(len(chosen)), key=lambda n: abs(chosen[n] - front))] = front
    return chosen


def update_limits(lane: LaneHistory, scales: Scales, points: int) -> Limits:
    """Whole powers of ten that hold the curves of all steps so far, but for the lowest few points."""
    low, high = UPDATE_SLOW, UPDATE_FAST
    _, mean, _, _ = lane.update_data.read(1, lane.update_data.last_step or 1, points)
    finite = mean[np.isfinite(mean)]
    if finite.size:
        low = min(low, float(np.floor(np.percentile(finite, 2))))
        high = max(high, float(np.ceil(finite.max())))
    return scales.ease(lane, "update:data", low, high)


def linear(line: float, high: float, drawn: Sequence[Curve]) -> tuple[float, Axis, list[Curve]]:
    """The line, an axis and the curves as update:data itself, not its log10."""
    values = [replace(curve, y=10 ** np.minimum(np.asarray(curve.y, np.float64), 300.0)) for curve in drawn]
    return 10**line, Axis(0.0, 10**high, label="update:data"), values


def decades(low: float, high: float, height: int) -> Axis:
    """The axis with a tick at each power of ten, or at every third where rows are few."""
    every = 1 if height > (high - low) * 1.5 + 3 else 3
    ticks = [(float(y), f"1e{y}" if y else "1") for y in range(round(low), round(high) + 1) if y % every == 0]
    return Axis(low, high, tuple(ticks))
