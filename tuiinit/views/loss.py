"""What the training and findings panes show, as views of their own: larger, and on small screens the only ones."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ..insight.look import Look
from ..insight.smoothing import smoothed
from ..plots import SERIES, Axis, Curve, Plot, Role, choose, curves
from ..plots.ink import row
from ..session.changed import Changed
from ..session.pointer import Pointer
from ..session.scales import Limits, Scales
from ..stream.history import LaneHistory
from .base import View
from .steps import events, measured, nice_end

NOWHERE = (math.inf, -math.inf)
FAR = 2.0  # times its own range, the y axis goes on from what is in front to show the lane before
HIGHEST = 12  # times ln V, the y axis goes up at most: the lecture's first network starts at 7 to 9
TOUR = ", N: guided tour"  # where the network is the lecture's
POINTS = 2_000  # of the loss curve, for its present value


def loss_plot(
    look: Look, other: Look | None, pointer: Pointer, width: int, height: int, *, guides: bool = False
) -> Plot:
    """The minibatch loss over steps: mean with its range, the lane before in grey, ln V marked, guesses as guides."""
    points = max(2, 2 * (width - 8))
    drawn: list[Curve] = []
    last, front, back = 1, NOWHERE, NOWHERE
    guess = math.log(len(look.data.vocabulary)) if look.data else None
    for shown, before in ((other, True), (look, False)):
        lane = shown.history if shown is not None else None
        if lane is None or not len(lane.loss):
            continue
        end = lane.loss.last_step or 1
        until = end if look.past is None else min(end, max(1, look.past))
        last = max(last, end)
        limits = reached(lane, pointer.scales, points)
        front, back = (front, limits) if before else (limits, back)
        steps, mean, least, most = lane.loss.read(1, until, points)
        if not np.isfinite(mean).any():
            continue
        steps, mean, least, most = measured(steps, mean, least, most)
        line = smoothed(steps, mean[:, 0], pointer.smoothing)
        if before:
            drawn.append(Curve("", steps, line, Role.PREVIOUS, dotted=True, exact=(mean[:, 0], None, None)))
        else:
            low_high = least[:, 0], most[:, 0]
            drawn.append(Curve("loss", steps, line, SERIES[0], *low_high, exact=(mean[:, 0], *low_high)))
    if not drawn and look.snapshot is None:  # not even an empty frame: drawing it takes plotext, still to load
        return Plot((row(width),) * height)
    low, high = held(front, back)
    if guess is not None:
        low, high = min(low, guess), max(high, guess)
        high = min(high, max(HIGHEST * guess, guess + 1))
    if not math.isfinite(low) or not math.isfinite(high):
        low, high = 2.0, 3.6
    bottom, top = math.floor(low * 5 - 0.25) / 5, math.ceil(high * 5 + 0.25) / 5
    y = Axis(bottom, top)
    lines: tuple[tuple[float, str], ...]
    lines = ((guess, f"ln {len(look.data.vocabulary)} = {guess:.3f}"),) if guess and look.data else ()
    if guides and look.data is not None:
        lines += ((look.data.unigram, "unigram"), (look.data.bigram, "bigram"))
    marks = [*events(look)]
    if look.diverged_at is not None:
        marks.append((float(look.diverged_at), "diverged"))
    if pointer.log:
        drawn, y = logarithmic(drawn, max(bottom, low / 1.1, 1e-6), top, height)
        lines = tuple((math.log10(value), label) for value, label in lines)
    return curves(
        drawn,
        width,
        height,
        x=Axis(0, nice_end(last), label="step"),
        y=y,
        lines=lines,
        events=marks,
        cursor=float(look.past) if look.past is not None else None,
        shaded=pointer.colours,
        empty=f"space trains, n makes one step{TOUR if look.config is not None else ''}" if look.snapshot else "",
    )


def reached(lane: LaneHistory, scales: Scales, points: int) -> Limits:
    """The smallest and the largest loss of a lane's curve so far, the same at whatever step one looks."""
    _, mean, _, _ = lane.loss.read(1, lane.loss.last_step or 1, points)
    finite = mean[np.isfinite(mean)]
    return scales.ease(lane, "loss", float(finite.min()), float(finite.max())) if finite.size else NOWHERE


def held(front: Limits, back: Limits) -> Limits:
    """Limits that hold the curve in front, and the lane before as far as that leaves the other seen."""
    if front == NOWHERE:
        return back
    room = FAR * (front[1] - front[0])
    return min(front[0], max(back[0], front[0] - room)), max(front[1], min(back[1], front[1] + room))


def loss_now(look: Look, pointer: Pointer) -> float | None:
    """The loss at the step looked at, smoothed as its curve is; of that minibatch alone where that is not to be."""
    now, series = look.snapshot, look.history.loss
    if now is None or not pointer.smoothing or not len(series) or not now.step:
        return now.loss if now is not None else None
    first = max(1, now.step - 8 * pointer.smoothing)  # what lies further back counts less than a thousandth
    steps, mean, _, _ = series.read(first, now.step, POINTS)
    return float(smoothed(steps, mean[:, 0], pointer.smoothing)[-1]) if len(steps) else now.loss


def logarithmic(drawn: list[Curve], bottom: float, top: float, height: int) -> tuple[list[Curve], Axis]:
    """The same curves in powers of ten, and an axis for them with the losses themselves at its ticks."""

    def log(values: Any) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return None if values is None else np.log10(np.asarray(values, np.float64))

    logs = [replace(c, y=log(c.y), low=log(c.low), high=log(c.high)) for c in drawn]
    ticks = [m * 10.0**p for p in range(-6, 7) for m in (1, 1.5, 2, 3, 4, 5, 7) if bottom <= m * 10.0**p <= top]
    ticks = [ticks[i] for i in choose(len(ticks), max(2, height // 3))]
    axis = Axis(math.log10(bottom), math.log10(top), tuple((math.log10(t), f"{t:g}") for t in ticks), "loss, log")
    return logs, axis


class Loss(View):
    """The loss curve, larger."""

    id = "loss"
    title = "Loss"
    redraws_on = Changed.TRAINING
    help = (
        "The loss of every minibatch: the line is smoothed (exponentially, over 30 steps; + and - change that, 0 "
        "takes it away), the shade behind it is the range of the steps that fall into a column; y makes the axis "
        "logarithmic. ln V is the loss of a model that finds all characters equally likely; training should "
        "start there, not above. Unigram and bigram are the dev losses of guessing from the characters' frequencies, "
        "and from the last character alone."
    )

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        return loss_plot(look, other, pointer, width, height, guides=True)
