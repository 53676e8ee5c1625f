"""The weight matrices, their gradients, and how large each update is beside the weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...config import format_number
from ...expected import NOTHING
from ...findings import pace_of
from ...plots import SERIES, Axis, Curve, Plot, Role, Row, by_depth, choose, curves
from ...protocol import Histogram, Weight
from ...thresholds import (
    GRADIENT_OUT_OF_LINE,
    UPDATE_FAST,
    UPDATE_RIGHT,
    UPDATE_SLOW,
    Pace,
    beside_others,
    power_of_ten,
)
from ..ink import Cell, Column, Ink, Table, number, redraws, signed, small, table
from ..model import Session
from .base import NOTHING_YET, View, named
from .histograms import HistogramView, Quantity, front_range, plain
from .spreads import spread, wide_enough
from .vectors import data_rows, gradient_rows, update_curves, update_rows

NAME = 14  # cells of a matrix's or a vector's name


def _pairs(session: Session) -> list[tuple[Weight, Weight | None]]:
    now, before = session.snapshot(), session.snapshot_before()
    if now is None:
        return []
    old = {w.name: w for w in before.weights} if before else {}
    return [(w, old.get(w.name)) for w in now.weights]


def _shape(weight: Weight) -> str:
    return " × ".join(map(str, weight.shape))


class Weights(HistogramView):
    """Histograms of the weight matrices."""

    id = "weights"
    title = "Weights"
    scale = "log"
    help = (
        "Histograms of every weight matrix after the last step. At the start each is normal with std "
        "gain / √fan_in (without batch norm the output's with output scale / √fan_in); training slowly changes the "
        "shape.\n\n"
        "mean, std: of the numbers in the matrix. before: the std in the lane shown before the last change. Biases, "
        "and the gammas and betas of batch norm, come last in the table."
    )

    def panels(self, session: Session) -> Sequence[tuple[str, Histogram, Histogram | None, str]]:
        return [(w.name, w.histogram, b.histogram if b else None, f"std {number(w.std)}") for w, b in _pairs(session)]

    def quantities(self, session: Session) -> Sequence[Quantity]:
        pairs = _pairs(session)
        return [
            Quantity(
                "std",
                7,
                plain([number(w.std, 4) for w, _ in pairs]),
                before=[number(b.std, 4) if b else "" for _, b in pairs],
            ),
            Quantity(
                "mean",
                8,
                plain([signed(w.mean, 4) for w, _ in pairs]),
                before=[signed(b.mean, 4) if b else "" for _, b in pairs],
            ),
        ]

    def range(self, session: Session) -> tuple[float, float] | None:
        # The embedding is much wider than the other matrices and would squeeze them to a spike.
        return front_range([panel for panel in self.panels(session) if panel[0] != "embedding"])

    def table(self, session: Session, width: int) -> Table:
        columns = (
            Column("matrix", NAME, "<"),
            Column("shape", 11),
            Column("mean", 8),
            Column("std", 8),
            Column("before", 8),
        )
        rows: list[list[Cell]] = [
            [
                w.name,
                (_shape(w), Ink.DIM),
                signed(w.mean, 4),
                (number(w.std, 4), Ink.STRONG),
                (number(b.std, 4) if b else "", Ink.DIM),
            ]
            for w, b in _pairs(session)
        ]
        return table(columns, [*rows, *data_rows(session)], width)


class WeightGradients(HistogramView):
    """Histograms of the gradients of the weight matrices."""

    id = "weight-gradients"
    title = "Weight gradients"
    scale = "log"
    help = (
        "Histograms of the gradient of every weight matrix. With plain SGD a matrix whose gradients are far "
        "larger than the others' also learns far faster; without batch norm the last layer does at first.\n\n"
        "theory: infinitely wide layers on the first minibatch. redraws: this network with other random weights there, "
        "5 to 95 % of them.\n\n"
        "grad:data is the gradient's std over the weights' std. vs median: that, relative to the median of the "
        f"other matrices; above {GRADIENT_OUT_OF_LINE:g} it is out of line."
    )

    def panels(self, session: Session) -> Sequence[tuple[str, Histogram, Histogram | None, str]]:
        return [
            (w.name, w.grad_histogram, b.grad_histogram if b else None, f"std {small(w.grad_std)}")
            for w, b in _pairs(session)
        ]

    def quantities(self, session: Session) -> Sequence[Quantity]:
        pairs = _pairs(session)
        ratios = [w.grad_data_ratio for w, _ in pairs]
        beside = [beside_others(ratios, i) for i in range(len(pairs))]
        expected = session.expected().weight_grad_std[: len(pairs)]
        spreads = [spread(f) for f in expected]
        old = [b.grad_data_ratio if b else None for _, b in pairs]
        beside_old = [beside_others(old, i) for i in range(len(pairs))] if any(b for _, b in pairs) else []
        return [
            Quantity(
                "grad std",
                wide_enough(8, spreads),
                plain([small(w.grad_std) for w, _ in pairs]),
                [small(f.theory) if f.theory is not None else "" for f in expected],
                [small(b.grad_std) if b else "" for _, b in pairs],
                spreads,
            ),
            Quantity(
                "× median",
                9,
                [
                    (f"{number(b, 1)} !", Role.EVENT)
                    if b is not None and b > GRADIENT_OUT_OF_LINE
                    else (f"{number(b, 1)}  ", Role.FIGURE)
                    for b in beside
                ],
                before=[f"{number(b, 1)}  " for b in beside_old],
            ),
            Quantity(
                "grad:data",
                9,
                plain([small(w.grad_data_ratio) for w, _ in pairs]),
                before=[small(b.grad_data_ratio) if b else "" for _, b in pairs],
            ),
        ]

    def range(self, session: Session) -> tuple[float, float] | None:
        return front_range(self.panels(session))

    def table(self, session: Session, width: int) -> Table:
        columns = (
            Column("matrix", NAME, "<"),
            Column("grad std", 8),
            Column("theory", 8),
            Column("redraws", 15),
            Column("grad:data", 9),
            Column("vs median", 9),
            Column("shape", 11),
            Column("grad mean", 9),
            Column("before", 8),
        )
        pairs = _pairs(session)
        expected = session.expected().weight_grad_std
        ratios = [w.grad_data_ratio for w, _ in pairs]
        rows: list[list[Cell]] = []
        for index, (w, b) in enumerate(pairs):
            beside = beside_others(ratios, index)
            out = beside is not None and beside > GRADIENT_OUT_OF_LINE
            rows.append(
                [
                    w.name,
                    (small(w.grad_std), Ink.STRONG),
                    (small(expected[index].theory if index < len(expected) else None), Ink.THEORY),
                    redraws(expected[index], small) if index < len(expected) else "",
                    small(w.grad_data_ratio),
                    (number(beside, 1) + (" !" if out else "  "), Ink.WARN if out else Ink.PLAIN),
                    (_shape(w), Ink.DIM),
                    small(w.grad_mean),
                    (small(b.grad_std) if b else "", Ink.DIM),
                ]
            )
        return table(columns, [*rows, *gradient_rows(session)], width)


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
    help = (
        "log10 of std(update) / std(weights) for every matrix over the steps. The rule of thumb: updates should "
        f"be about a thousandth of the weights, so the curves should come to lie near the {UPDATE_RIGHT:g} line. Well "
        f"below {UPDATE_SLOW:g} a matrix learns too slowly, above {UPDATE_FAST:g} too fast: change the lr with [ and ]."
        "\n\n"
        "Curves close together mean that all layers learn at the same rate: that is what batch norm brings.\n\n"
        "v draws some biases (b), gammas (γ) and betas (β), too, dotted, at the steps that are kept; the table has "
        "them all. They begin as one number each, so at first they are hardly more than their last update. –: no "
        "ratio, for before a step, or while all numbers of a vector are the same, there is nothing to compare an "
        "update with.\n\n"
        "theory, redraws: log10 of the first step, by infinitely wide layers on that minibatch and by this network "
        "with other random weights, 5 to 95 % of them."
    )

    def _names(self, session: Session) -> list[str]:
        now = session.snapshot()
        return [w.name for w in now.weights] if now else []

    def plot(self, session: Session, width: int, height: int) -> Plot:
        points = max(2, 2 * (width - 8))
        names = self._names(session)
        chosen = choose(len(names), len(SERIES))
        roles = by_depth(len(chosen))
        drawn: list[Curve] = []
        top, bottom = 0.0, -6.0
        last = 1
        for lane, before in ((session.previous, True), (session.shown, False)):
            if lane is None or not len(lane.update_data):
                continue
            until = session.step if session.looking_at is not None else lane.update_data.last_step or 1
            if before:
                until = max(session.shown.loss.last_step or 0, 1)
            steps, mean, _, _ = lane.update_data.read(1, max(1, until), points)
            if mean.shape[1] < len(names) or not len(steps):
                continue
            last = max(last, int(steps[-1]))
            for n, i in enumerate(chosen):
                role = Role.PREVIOUS if before else roles[n]
                name = "" if before else names[i]
                drawn.append(Curve(name, steps, mean[:, i], role, dotted=before, mark=mark(name) if name else ""))
            finite = mean[np.isfinite(mean)]
            if finite.size and not before:
                bottom = min(bottom, float(np.floor(np.percentile(finite, 2))))
                top = max(top, float(np.ceil(np.percentile(finite, 98))))
        if session.overlaid:
            drawn += update_curves(session)
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
            events=events(session),
            cursor=float(session.looking_at) if session.looking_at is not None else None,
            empty=NOTHING_YET if not names else "one step (n) tells the first update",
        )

    def caption(self, session: Session, width: int) -> Sequence[Row]:
        names = self._names(session)
        shown = [names[i] for i in choose(len(names), len(SERIES))]
        legend = named(shown, width, [mark(name) for name in shown])
        return legend if len(legend) == 1 else ()  # the table has the marks too

    def table(self, session: Session, width: int) -> Table:
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
            w.name: figure for (w, _), figure in zip(_pairs(session), session.expected().update_data, strict=False)
        }
        rows: list[list[Cell]] = []
        names = self._names(session)
        chosen = choose(len(names), len(SERIES))
        series = {names[i]: role for i, role in zip(chosen, by_depth(len(chosen)), strict=True)}
        now = session.snapshot()
        for w, b in _pairs(session):
            value, told = w.update_data_log10, expected.get(w.name, NOTHING)
            rows.append(
                [
                    (mark(w.name), series[w.name]) if w.name in series else "",
                    w.name,
                    (f"{value:z.2f}" if value is not None else "–", Ink.STRONG),
                    (f"{told.theory:z.2f}" if told.theory is not None else "–", Ink.THEORY),
                    (f"{_log(told.redraws[0])}…{_log(told.redraws[2])}" if told.redraws else "", Ink.THEORY),
                    small(10**value) if value is not None and value < 30 else "–",
                    verdict(pace_of(session.settings, w, now.step) if now else None),
                    (_shape(w), Ink.DIM),
                    (f"{b.update_data_log10:.2f}" if b and b.update_data_log10 is not None else "", Ink.DIM),
                ]
            )
        return table(columns, [*rows, *update_rows(session)], width)


def _log(value: float) -> str:
    return f"{value:z.2f}"


def _ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    return tuple((float(y), f"1e{y}" if y else "1") for y in range(round(low), round(high) + 1))


def events(session: Session) -> tuple[tuple[float, str], ...]:
    """The hyperparameter changes of the shown lane that have happened, for a plot over steps."""
    told = []
    for change in session.config.schedule:
        if change.step <= (session.shown.loss.last_step or 0):
            value = change.value if isinstance(change.value, str) else format_number(change.value)
            word = "" if change.name == "optimizer" else "batch " if change.name == "batch_size" else "lr "
            told.append((float(change.step), f"{word}{value}"))
    return tuple(told)


def nice_end(step: int) -> int:
    """The end of a step axis: a round number not far above, so that the curve seldom jumps."""
    if step <= 20:
        return 20
    power: int = 10 ** (len(str(step)) - 1)
    for factor in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        if step <= factor * power:
            return round(factor * power)
    return step
