"""The small pictures of views that can stand beside those of other lanes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from ..insight.look import Look
from ..insight.smoothing import smoothed
from ..insight.thresholds import UPDATE_RIGHT, power_of_ten
from ..plots import (
    SERIES,
    Axis,
    Curve,
    Plot,
    Role,
    Row,
    by_depth,
    choose,
    curves,
    image,
    nice_limits,
)
from ..plots.ink import Ink, number, percent, row, small
from ..session.actions import key_of
from ..stream.protocol import Activation, Snapshot, Weight
from .base import named
from .by_line import middle
from .layout import boxed
from .loss import NOWHERE, logarithmic, reached
from .saturation import saturated
from .small import Axes, Choice, Small, Span
from .small_histograms import OUTLIER, Histograms, typical
from .steps import measured, nice_end
from .update_data import decades, linear, mark, update_limits

POINTS = 200  # of a curve, for its limits


class SmallCurves(Small):
    """Curves over steps."""

    curved = True

    def axes(self, lanes: Sequence[Look], choice: Choice) -> Axes:
        last = max((lane.history.loss.last_step or 1 for lane in lanes), default=1)
        return Axes((0, nice_end(last)), self.span(lanes, choice))

    @abstractmethod
    def span(self, lanes: Sequence[Look], choice: Choice) -> Span:
        """The y limits, which are the same at all steps."""


class SmallUpdateData(SmallCurves):
    """log10 update:data of every matrix, and the -3 line."""

    def legend(self, snapshot: Snapshot, choice: Choice, width: int) -> Sequence[Row]:
        names = [w.name for w in snapshot.weights]
        shown = [names[i] for i in choose(len(names), len(SERIES))]
        return named(shown, width, [mark(name) for name in shown])

    def span(self, lanes: Sequence[Look], choice: Choice) -> Span:
        limits = [update_limits(lane.history, choice.scales, POINTS) for lane in lanes]
        lowest, highest = min(low for low, _ in limits), max(high for _, high in limits)
        return max(-10.0, lowest), min(2.0, highest)

    def plot(self, lane: Look, axes: Axes, choice: Choice, width: int, height: int, *, y_labels: bool) -> Plot:
        steps, mean, _, _ = lane.history.update_data.read(1, max(1, lane.until), max(2, 2 * width))
        names = [w.name for w in lane.snapshot.weights] if lane.snapshot else []
        chosen = choose(min(len(names), mean.shape[1]), len(SERIES)) if len(steps) else []
        steps, mean = measured(steps, mean)
        drawn = [
            Curve(names[i], steps, mean[:, i], role, mark=mark(names[i]))
            for i, role in zip(chosen, by_depth(len(chosen)), strict=True)
        ]
        low, high = axes.y or (-6.0, 0.0)
        line, y = UPDATE_RIGHT, decades(low, high, height)
        if choice.log is False:
            line, y, drawn = linear(line, high, drawn)
        return curves(
            drawn,
            width,
            height,
            x=_axis(axes.x, "step"),
            y=y,
            lines=((line, "" if y_labels else power_of_ten(UPDATE_RIGHT)),),
            y_labels=y_labels,
            empty=f"{key_of('step')}: one step",
        )

    def figures(self, lane: Look, layer: int | None) -> Sequence[Sequence[str]]:
        ratios = [w.update_data_log10 for w in lane.snapshot.weights] if lane.snapshot else []
        known = [ratio for ratio in ratios if ratio is not None and math.isfinite(ratio)]
        if not known:
            return ()
        low, high = min(known), max(known)
        return (
            (f"log10 {low:.2f} … {high:.2f}", f"{low:.2f} … {high:.2f}"),
            (f"apart × {number(10 ** (high - low), 1)}",),
        )


class SmallLoss(SmallCurves):
    """The loss of the minibatches."""

    def span(self, lanes: Sequence[Look], choice: Choice) -> Span:
        guesses = [lane.snapshot.expected_initial_loss for lane in lanes if lane.snapshot]
        guess = max((guess for guess in guesses if guess is not None), default=3.3)
        lows, highs = [guess], [guess]
        for lane in lanes:
            limits = reached(lane.history, choice.scales, POINTS)
            if limits != NOWHERE:
                lows.append(limits[0])
                highs.append(limits[1])
        high = min(max(highs), OUTLIER * guess)
        return math.floor(min(lows) * 5 - 0.25) / 5, math.ceil(high * 5 + 0.25) / 5

    def plot(self, lane: Look, axes: Axes, choice: Choice, width: int, height: int, *, y_labels: bool) -> Plot:
        steps, mean, least, most = lane.history.loss.read(1, max(1, lane.until), max(2, 2 * width))
        drawn: list[Curve] = []
        if len(steps):
            steps, mean, least, most = measured(steps, mean, least, most)
            line = smoothed(steps, mean[:, 0], choice.smoothing)
            drawn = [Curve("loss", steps, line, SERIES[0], least[:, 0], most[:, 0])]
        guess, y = lane.snapshot.expected_initial_loss if lane.snapshot else None, Axis(*(axes.y or (2.0, 3.6)))
        if choice.log and guess is not None:
            drawn, y = logarithmic(drawn, max(y.lo, 1e-6), y.hi, height)
            guess = math.log10(guess)
        return curves(
            drawn,
            width,
            height,
            x=_axis(axes.x, "step"),
            y=y,
            lines=((guess, ""),) if guess is not None else (),
            y_labels=y_labels,
            shaded=choice.colours,
            empty=f"{key_of('step')}: one step",
        )

    def figures(self, lane: Look, layer: int | None) -> Sequence[Sequence[str]]:
        now, dev = lane.snapshot, lane.evaluation
        if now is None:
            return ()
        second = f"dev {number(dev.dev)}" if dev is not None and dev.dev is not None else ""
        start = f"at start {number(now.initial_loss)}"
        return ((f"loss {number(now.loss)}",), (f"{second} · {start}" if second else start, second or start))


class SmallSaturation(Small):
    """Which neuron of the chosen layer is saturated on which example."""

    layered = single = True

    def axes(self, lanes: Sequence[Look], choice: Choice) -> Axes:
        return Axes()

    def plot(self, lane: Look, axes: Axes, choice: Choice, width: int, height: int, *, y_labels: bool) -> Plot:
        part = _layer(lane.snapshot, choice.layer or 0)
        bits = saturated(part) if part is not None else np.zeros((0, 0), bool)
        dead = part.dead if part is not None else ()
        framed = width > 2 and height > 3
        inner, rows = (width - 2, height - 2) if framed else (width, height)
        # One more row than there is, so that the picture never tells what did not fit: all cells show the same part.
        shown = bits[: max(0, 2 * (rows - 1)), :inner]
        plot = image(shown, inner, rows, roles=SERIES[:1], highlight=[u for u in dead if u < inner], empty="–")
        return boxed(plot) if framed else plot

    def legend(self, snapshot: Snapshot, choice: Choice, width: int) -> Sequence[Row]:
        return (row(width, (" down: examples · across: neurons · filled: saturated · ×: dead", Ink.DIM)),)

    def figures(self, lane: Look, layer: int | None) -> Sequence[Sequence[str]]:
        return _of_outputs(lane.snapshot, layer or 0) if lane.snapshot else ()


class SmallDepth(Small):
    """The std of the outputs over the layers, and what theory says of it."""

    def axes(self, lanes: Sequence[Look], choice: Choice) -> Axes:
        def top(snapshot: Snapshot) -> float:
            return max((a.std for a in snapshot.activations), default=0.0)

        shown = [(lane.history, lane.snapshot) for lane in lanes if lane.snapshot is not None]
        deepest = max((len(snapshot.activations) for _, snapshot in shown), default=1)
        tops = [choice.scales.reach(history, "std", top, top(snapshot)) for history, snapshot in shown]
        return Axes((0.5, deepest + 0.5), (0.0, nice_limits(0, typical(tops) or 1.0)[1]))

    def plot(self, lane: Look, axes: Axes, choice: Choice, width: int, height: int, *, y_labels: bool) -> Plot:
        layers = lane.snapshot.activations if lane.snapshot else ()
        at = np.arange(1, len(layers) + 1)
        theory = lane.expected.prediction
        predicted = [theory.layer(a.layer) if theory else None for a in layers]
        drawn = [
            Curve("theory", at, [t.std if t and t.std is not None else math.nan for t in predicted], Role.MARK),
            Curve("measured", at, [a.std for a in layers], SERIES[0], points="crosses"),
        ]
        return curves(
            drawn if layers else (),
            width,
            height,
            x=_axis(axes.x, "layer"),
            y=Axis(*(axes.y or (0, 1))),
            y_labels=y_labels,
            empty="…",
        )

    def figures(self, lane: Look, layer: int | None) -> Sequence[Sequence[str]]:
        return _of_outputs(lane.snapshot, None) if lane.snapshot else ()


def _axis(span: Span | None, label: str) -> Axis:
    low, high = span or (0.0, 1.0)
    return Axis(low, high, label=label)


def _layer(snapshot: Snapshot | None, layer: int) -> Activation | None:
    if snapshot is None or not snapshot.activations:
        return None
    return snapshot.activations[min(layer, len(snapshot.activations) - 1)]


def _span(first: str, last: str) -> tuple[str, str]:
    return f"{first} → {last}", f"{first}→{last}"


def _of_outputs(now: Snapshot, layer: int | None) -> Sequence[Sequence[str]]:
    """Std and saturation: of one layer, or from the first to the last."""
    if layer is not None:
        part = _layer(now, layer)
        return (
            ((f"std {part.std:.3f}",), (f"saturated {percent(part.saturated)}", percent(part.saturated)))
            if part
            else ()
        )
    if not now.activations:
        return ()
    first, last = now.activations[0], now.activations[-1]
    std, short = _span(f"{first.std:.2f}", f"{last.std:.2f}")
    if not math.isfinite(first.saturated + last.saturated):  # they are no nonlinearities
        return ((f"std {std}", f"std {short}", short),)
    sat, short_sat = _span(f"{first.saturated * 100:.1f}", f"{last.saturated * 100:.1f}")
    brief = _span(f"{first.saturated * 100:.0f}", f"{last.saturated * 100:.0f}")[1]
    return (
        (f"std {std}", f"std {short}", short),
        (f"saturated {sat} %", f"sat. {short_sat} %", f"sat. {brief} %", f"{brief} %"),
    )


def _of_gradients(now: Snapshot, layer: int | None) -> Sequence[Sequence[str]]:
    part = _layer(now, layer) if layer is not None else None
    if part is not None:
        return ((f"grad std {small(part.grad_std)}", small(part.grad_std)),)
    if not now.activations:
        return ()
    first, last = now.activations[0].grad_std, now.activations[-1].grad_std
    std, short = _span(small(first), small(last))
    ratio = number(first / last, 2) if last > 0 else "–"
    return ((f"std {std}", short), (f"first ÷ last {ratio}", f"× {ratio} back"))


def _matrices(now: Snapshot) -> Sequence[Weight]:
    """All but the embedding, which is much wider than the others; so the chosen layer is the same in all pictures."""
    return [w for w in now.weights if w.name != "embedding"]


def _of_weights(now: Snapshot, layer: int | None) -> Sequence[Sequence[str]]:
    shown = _matrices(now)
    if not shown:
        return ()
    if layer is not None:
        return ((f"std {number(shown[min(layer, len(shown) - 1)].std)}",),)
    std, short = _span(number(shown[0].std), number(shown[-1].std))
    return ((f"std {std}", f"std {short}", short),)


def _of_weight_gradients(now: Snapshot, layer: int | None) -> Sequence[Sequence[str]]:
    shown = _matrices(now)
    if not shown:
        return ()
    if layer is not None:
        w = shown[min(layer, len(shown) - 1)]
        return ((f"grad std {small(w.grad_std)}", small(w.grad_std)), (f"grad:data {small(w.grad_data_ratio)}",))
    ratios = [(w.grad_data_ratio or 0.0, w.name) for w in now.weights]
    top, name = max(ratios)
    others = sorted(ratio for ratio, other in ratios if other != name)
    median = others[len(others) // 2] if others else 0.0
    beside = f"{number(top / median, 1)} × median" if median > 0 else "–"
    return ((f"{middle(name, 24)}: {beside}", beside), (f"grad:data {small(top)}", small(top)))


ACTIVATIONS = Histograms(
    "outputs", lambda s: s.activations, lambda a: a.layer, lambda a: a.histogram, _of_outputs, bounded=True
)
ACTIVATION_GRADIENTS = Histograms(
    "gradients", lambda s: s.activations, lambda a: a.layer, lambda a: a.grad_histogram, _of_gradients
)
WEIGHTS = Histograms("weights", _matrices, lambda w: w.name, lambda w: w.histogram, _of_weights, scale="log")
WEIGHT_GRADIENTS = Histograms(
    "weight gradients",
    _matrices,
    lambda w: w.name,
    lambda w: w.grad_histogram,
    _of_weight_gradients,
    scale="log",
)
