"""Update:data of each matrix, step by step, with its 1e-3 line."""

from __future__ import annotations

from collections.abc import Sequence

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
from ..plots import SERIES, Axis, Curve, Plot, Role, Row, by_depth, choose, curves
from ..plots.ink import Cell, Column, Ink, Table, small, table
from ..session.changed import Changed
from ..session.pointer import Pointer
from .base import NOTHING_YET, View, named
from .steps import events, nice_end
from .vectors import update_curves, update_rows
from .weights import NAME, log, weight_pairs, weight_shape


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
        "J and K choose the matrix whose curve lies on top.\n\n"
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
        chosen = _drawn(names, pointer)
        roles = by_depth(len(chosen))
        front = _front(names, pointer)
        drawn: list[Curve] = []
        top, bottom = 0.0, -6.0
        last = 1
        for shown, before in ((other, True), (look, False)):
            lane = shown.history if shown is not None else None
            if lane is None or not len(lane.update_data):
                continue
            until = look.step if look.past is not None else lane.update_data.last_step or 1
            if before:
                until = max(look.history.loss.last_step or 0, 1)
            steps, mean, _, _ = lane.update_data.read(1, max(1, until), points)
            if mean.shape[1] < len(names) or not len(steps):
                continue
            last = max(last, int(steps[-1]))
            for n, i in enumerate(chosen):
                role = Role.PREVIOUS if before else roles[n]
                name = "" if before else names[i]
                drawn.append(
                    Curve(
                        name,
                        steps,
                        mean[:, i],
                        role,
                        dotted=before,
                        mark=mark(name) if name else "",
                        front=i == front and not before,
                    )
                )
            finite = mean[np.isfinite(mean)]
            if finite.size and not before:
                bottom = min(bottom, float(np.floor(np.percentile(finite, 2))))
                top = max(top, float(np.ceil(np.percentile(finite, 98))))
        if pointer.overlaid:
            drawn += update_curves(look)
        bottom, top = max(-12.0, bottom), min(4.0, top)
        every = 1 if height > (top - bottom) * 1.5 + 3 else 3
        ticks = tuple((y, label) for y, label in _ticks(bottom, top) if round(y) % every == 0)
        return curves(
            drawn,
            width,
            height,
            x=Axis(0, nice_end(last), label="step"),
            y=Axis(bottom, top, ticks),
            lines=((UPDATE_RIGHT, power_of_ten(UPDATE_RIGHT)),),
            events=events(look),
            cursor=float(look.past) if look.past is not None else None,
            empty=NOTHING_YET if not names else "one step (n) tells the first update",
        )

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
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
            Column("before", 7),
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


def _ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    return tuple((float(y), f"1e{y}" if y else "1") for y in range(round(low), round(high) + 1))
