"""What the training and findings panes show, as views of their own: larger, and on small screens the only ones."""

from __future__ import annotations

import math

import numpy as np

from ..insight.findings import Finding
from ..insight.look import Look
from ..plots import SERIES, Axis, Curve, Plot, Role, curves
from ..plots.ink import row
from ..session.actions import BY_ID, shown_key
from ..session.changed import Changed
from ..session.pointer import Pointer
from .base import View
from .steps import events, nice_end


def loss_plot(
    look: Look, other: Look | None, pointer: Pointer, width: int, height: int, *, guides: bool = False
) -> Plot:
    """The minibatch loss over steps: mean with its range, the lane before dimmed, ln V marked, guesses as guides."""
    points = max(2, 2 * (width - 8))
    drawn: list[Curve] = []
    last, low, high = 1, math.inf, -math.inf
    guess = math.log(len(look.data.vocabulary)) if look.data else None
    for shown, before in ((other, True), (look, False)):
        lane = shown.history if shown is not None else None
        if lane is None or not len(lane.loss):
            continue
        until = lane.loss.last_step or 1
        if look.past is not None:
            until = min(until, max(1, look.past))
        steps, mean, least, most = lane.loss.read(1, until, points)
        finite = mean[np.isfinite(mean)]
        if not finite.size:
            continue
        last = max(last, int(steps[-1]))
        low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        if before:
            drawn.append(Curve("", steps, mean[:, 0], Role.PREVIOUS, dotted=True))
        else:
            drawn.append(Curve("loss", steps, mean[:, 0], SERIES[0], least[:, 0], most[:, 0]))
    if not drawn and look.snapshot is None:  # not even an empty frame: drawing it takes plotext, still to load
        return Plot((row(width),) * height)
    if guess is not None:
        low, high = min(low, guess), max(high, guess)
        high = min(high, max(8 * guess, guess + 1))
    if not math.isfinite(low) or not math.isfinite(high):
        low, high = 2.0, 3.6
    y = Axis(math.floor(low * 5 - 0.25) / 5, math.ceil(high * 5 + 0.25) / 5)
    lines: tuple[tuple[float, str], ...]
    lines = ((guess, f"ln {len(look.data.vocabulary)} = {guess:.3f}"),) if guess and look.data else ()
    if guides and look.data is not None:
        lines += ((look.data.unigram, "unigram"), (look.data.bigram, "bigram"))
    marks = [*events(look)]
    if look.diverged_at is not None:
        marks.append((float(look.diverged_at), "diverged"))
    return curves(
        drawn,
        width,
        height,
        x=Axis(0, nice_end(last)),
        y=y,
        lines=lines,
        events=marks,
        cursor=float(look.past) if look.past is not None else None,
        shaded=pointer.colours,
        empty="space trains, n makes one step, N: guided tour" if look.snapshot else "",
    )


class Loss(View):
    """The loss curve, larger."""

    id = "loss"
    title = "Loss"
    redraws_on = Changed.TRAINING
    help = (
        "The loss of every minibatch: the line is the mean of the steps that fall into a column, the shade "
        "behind it their range. ln V is the loss of a model that finds all characters equally likely; training should "
        "start there, not above. Unigram and bigram are the dev losses of guessing from the characters' frequencies, "
        "and from the last character alone."
    )

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        return loss_plot(look, other, pointer, width, height, guides=True)


def with_keys(finding: Finding, begin: str = "", end: str = "") -> str:
    """A finding, then the keys that help, each between two marks."""
    keys = [f"{begin}{shown_key(BY_ID[help_.action].keys[0])}{end}: {help_.words}" for help_ in finding.helps]
    return f"{finding.text} Press {'; or '.join(keys)}." if keys else finding.text
