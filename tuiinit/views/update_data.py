"""Update:data of each matrix, step by step, with its 1e-3 line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..insight.blocks import Parts
from ..insight.expected import NOTHING
from ..insight.expected import Figure as FirstMinibatch
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
from ..plots.curves import WIDEST_MARK
from ..plots.ink import Cell, Column, Ink, Table, small
from ..session.changed import Changed
from ..session.lines import Lines
from ..session.pointer import Pointer
from ..session.scales import Limits, Scales
from ..stream.history import LaneHistory
from ..stream.protocol import Weight
from .base import NOTHING_YET, View, named
from .by_line import Field, built_here, by_line, figure, middle, of_before, said
from .histograms import NO_ROW
from .layout import sentence
from .many_updates import MANY, many_curves, many_legend
from .parameters import NAME, matrices_and_vectors, of_weights, parameter_pairs, shape_field
from .steps import events, measured, nice_end
from .vectors import mark as vector_mark
from .vectors import update_curves, vector_roles
from .weights import NO_MATRIX, log

FIRST_STEP = "one step (n) tells the first update"
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

    def parts(self, look: Look) -> Parts:
        return look.matrix_parts

    def part(self, look: Look, pointer: Pointer) -> int:
        # In a window of 24 rows the picture keeps 14; the table tells which matrices another's network has.
        return 0 if built_here(look) else self.table_part

    def out_of_place(self, look: Look) -> str:
        now = look.snapshot
        return NO_MATRIX if now is not None and not now.weights else ""

    def _names(self, look: Look) -> list[str]:
        now = look.snapshot
        return [w.name for w in now.weights] if now else []

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        points = max(2, 2 * (width - 8))
        names, lines = self._names(look), self.lines(look, pointer)
        if why := self.out_of_place(look):
            return sentence(why, width, height)
        if not lines.parts and names:
            return sentence(NO_ROW, width, height)
        if many(look, lines):
            return self._of_many(look, lines, pointer, width, height)
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
            steps, mean = measured(steps, mean)
            drawn += self._curves(names, lines, steps, mean, pointer, named=width >= NAMED, before=before)
        if pointer.overlaid:
            drawn += update_curves(look)
        # The lane before as far as a power of ten beyond what is in front.
        low, high = min(front[0], max(back[0], front[0] - 1)), max(front[1], min(back[1], front[1] + 1))
        low, high = max(-12.0, low), min(4.0, high)
        return _picture(look, drawn, low, high, last, pointer, width, height, FIRST_STEP if names else NOTHING_YET)

    @staticmethod
    def _of_many(look: Look, lines: Lines, pointer: Pointer, width: int, height: int) -> Plot:
        lane, points = look.history, max(2, 2 * (width - 8))
        drawn = many_of(look, lines, pointer, points)
        low, high = update_limits(lane, pointer.scales, points)
        values = [np.asarray(curve.y, np.float64) for curve in drawn if curve.mark]
        known = np.concatenate([value[np.isfinite(value)] for value in values]) if values else np.zeros(0)
        low, high = np.floor(known.min(initial=low)), np.ceil(known.max(initial=high))
        last = lane.update_data.last_step or 1
        return _picture(look, drawn, max(-12.0, low), min(4.0, high), last, pointer, width, height, FIRST_STEP)

    def _curves(
        self,
        names: Sequence[str],
        lines: Lines,
        steps: Any,
        mean: Any,
        pointer: Pointer,
        *,
        named: bool,
        before: bool,
    ) -> Sequence[Curve]:
        """A curve a matrix that is drawn: the one pointed at bright and in front, the others fainter."""
        chosen, front = _drawn(names, pointer, lines), _front(names, pointer)
        if before:
            return [Curve("", steps, mean[:, i], Role.PREVIOUS, dotted=True) for i in chosen]
        bright, places = by_depth(len(chosen)), {role: at for at, role in enumerate(DEPTH)}
        return [
            Curve(
                names[i],
                steps,
                mean[:, i],
                role if i == front else FAINT[places[role]],
                mark=middle(names[i], WIDEST_MARK) if named else mark(names[i]),
                mark_role=role,
                front=i == front,
            )
            for i, role in zip(chosen, bright, strict=True)
        ]

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        names, lines = self._names(look), self.lines(look, pointer)
        if many(look, lines):
            return many_legend(many_of(look, lines, pointer, 2 * (width - 8)), len(lines.members), width)
        if width >= NAMED:
            return ()  # the names stand at the curves' ends
        shown = [names[i] for i in _drawn(names, pointer, lines)]
        legend = named(shown, width, [mark(name) for name in shown])
        return legend if len(legend) == 1 else ()  # the table has the marks too

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        pairs = parameter_pairs(look, other)
        now = look.snapshot
        expected = look.expected.update_data
        names, matrices = self._names(look), self.lines(look, pointer)
        chosen = [] if many(look, matrices) else _drawn(names, pointer, matrices)
        series = dict(zip(chosen, by_depth(len(chosen)), strict=True))
        vectors = vector_roles(look) if pointer.overlaid else {}
        front = _front(names, pointer)

        def first(i: int) -> Cell:
            parameter = pairs[i][0]
            if isinstance(parameter, Weight):
                return (mark(parameter.name), series[i]) if i in series else ""
            return (vector_mark(parameter), vectors[parameter.name]) if parameter.name in vectors else ""

        def theory(i: int) -> FirstMinibatch:
            return expected[i] if i < min(len(expected), len(names)) else NOTHING

        def ratio(i: int) -> float | None:
            value = pairs[i][0].update_data_log10
            return 10**value if value is not None and value < 30 else None

        def spread(i: int) -> Cell:
            redraws = theory(i).redraws
            return f"{log(redraws[0])}…{log(redraws[2])}" if redraws else "", Ink.THEORY

        def pace(w: Weight, _: int) -> Cell:
            return verdict(pace_of(look.settings, w, now.step) if now else None)

        figures = (
            figure("log10", 7, lambda i: pairs[i][0].update_data_log10, _log, Ink.STRONG),
            Field(
                "theory",
                6,
                of_weights(pairs, lambda _, i: (_log(theory(i).theory), Ink.THEORY)),
                lambda i: theory(i).theory,
                _log,
            ),
            said("redraws", 11, spread),
            figure("update:data", 11, ratio, small),
            said(
                "",
                6,
                of_weights(pairs, pace),
                "<",
            ),
            shape_field(pairs),
            of_before("before", 7, lambda i: b.update_data_log10 if (b := pairs[i][1]) else None, _log),
        )
        lines = matrices_and_vectors(look, pointer)
        names_column = Column("matrix", NAME, "<")
        return by_line(look, lines, pointer, width, names_column, figures, mark=first, strong=front)


def _picture(
    look: Look,
    drawn: Sequence[Curve],
    low: float,
    high: float,
    last: int,
    pointer: Pointer,
    width: int,
    height: int,
    empty: str,
) -> Plot:
    """Curves of update:data over steps."""
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
        shaded=any(curve.low is not None for curve in drawn),
        empty=empty,
    )


def many(look: Look, lines: Lines) -> bool:
    """Whether there are too many matrices for a curve each."""
    return len(lines.members) >= MANY and not built_here(look)


def many_of(look: Look, lines: Lines, pointer: Pointer, points: int) -> list[Curve]:
    """The curves of many matrices."""
    lane = look.history
    until = look.step if look.past is not None else lane.update_data.last_step or 1
    steps, mean, _, _ = lane.update_data.read(1, max(1, until), max(2, points))
    if not len(steps) or mean.shape[1] <= max(lines.members):
        return []
    steps, mean = measured(steps, mean)
    line = lines.all[lines.at(pointer.layer, pointer.fold)]
    members = line.members if line.head else (line.members[0],)
    columns = {place: n for n, place in enumerate(lines.members)}
    names = dict(lines.parts)
    return many_curves(
        steps,
        mean[:, lines.members],
        [names[i][0] for i in lines.members],
        [columns[i] for i in members],
        line.title,
    )


def _log(value: float | None) -> str:
    return "–" if value is None else log(value)


def _front(names: Sequence[str], pointer: Pointer) -> int:
    """The matrix pointed at."""
    return max(0, min(pointer.layer, len(names) - 1))


def _drawn(names: Sequence[str], pointer: Pointer, lines: Lines) -> list[int]:
    """The matrices that have a curve, the one pointed at among them."""
    members = lines.members
    chosen, front = [members[i] for i in choose(len(members), len(SERIES))], _front(names, pointer)
    if front not in members:
        return chosen
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

    def power(values: Any) -> Any:
        return None if values is None else 10 ** np.minimum(np.asarray(values, np.float64), 300.0)

    values = [replace(c, y=power(c.y), low=power(c.low), high=power(c.high)) for c in drawn]
    return 10**line, Axis(0.0, 10**high, label="update:data"), values


def decades(low: float, high: float, height: int) -> Axis:
    """The axis with a tick at each power of ten, or at every third where rows are few."""
    every = 1 if height > (high - low) * 1.5 + 3 else 3
    ticks = [(float(y), f"1e{y}" if y else "1") for y in range(round(low), round(high) + 1) if y % every == 0]
    return Axis(low, high, tuple(ticks))
