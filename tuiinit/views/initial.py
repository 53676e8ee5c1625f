"""The loss before any training: what it should be, what the logits make of it, and how sure the network is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..insight.expected import expected_loss
from ..insight.look import Look, snapshot_of
from ..insight.theory import initial_loss
from ..insight.thresholds import INITIAL_LOSS_EXCESS
from ..plots import SERIES, Axis, Bars, Curve, Plot, Role, Row, curves, histograms
from ..plots.axes import GUTTER
from ..plots.ink import Cell, Column, Ink, Table, number, percent, row, table
from ..session.actions import key_of
from ..session.changed import Changed
from ..session.pointer import Pointer
from ..stream.protocol import Histogram, Snapshot
from .base import NOTHING_YET, View
from .layout import abreast, paragraph, sentence

SURE = -0.25  # log10 of a probability, the edge of a bin: 0.56, more than all others together
FAINT = -3.0  # log10 of a probability that costs 6.9 nats when its character comes
PANEL = 26  # columns from which a histogram is worth drawing
STEP_0 = -0.5  # where step 0 stands on the axis of log10 steps, left of step 1
CUT = 1.3  # times the tallest bar of now, where the outline of the lane before ends
FEWEST_SURE = 0.05  # share of the examples on which a network may be sure by chance
NO_GUESS = "What loss an even guess would have is not known of this network."
FAR = 1e300  # losses beyond are drawn at the edge
Floats = npt.NDArray[np.float64]


class InitialLoss(View):
    """Step 0 against ln V, the logits' spread and simple guesses."""

    id = "initial-loss"
    title = "Initial loss"
    redraws_on = Changed.TRAINING | Changed.CLOSER
    least_rows = 11
    table_part = 4
    help = (
        "Before training nothing is known, so the best a network can do is to find every character equally likely: "
        "the loss is then −ln(1/V) = ln V, 3.296 for 27 characters. Anything above is wasted: the first steps only "
        "squash logits that were too large, and the loss falls like a hockey stick. The x axis is logarithmic to "
        "show those steps, with step 0 at its left.\n\n"
        "The loss can be predicted from the spread s of the logits alone: if they are independent normal numbers, "
        "it is E[ln Σ exp(s·z)], about ln V + s²/2 for small s. ● marks what was measured on the first minibatch, ◆ "
        "that prediction. Unigram and bigram are the dev losses of guessing from the characters' frequencies, and "
        "from the last character alone: what a network must beat to have learned anything.\n\n"
        "The histograms show log10 of every predicted probability (examples × characters), at step 0 and now; │ is "
        "the even guess 1/V, the outline the network shown before. A healthy start is one spike there. A confidently "
        "wrong network piles up near 0 (probability 1) and far to the left: it is sure of one character and rules "
        "the others out, and pays −ln p each time one of those comes. Try an output scale of 1 or 10, and 0.\n\n"
        "Table: nats; how far above ln V; and the perplexity e^loss, the number of characters between which an even "
        "guess would cost as much."
    )

    def out_of_place(self, look: Look) -> str:
        now = look.snapshot
        return NO_GUESS if now is not None and now.expected_initial_loss is None else ""

    def plot(self, look: Look, other: Look | None, pointer: Pointer, width: int, height: int) -> Plot:
        now, start = look.snapshot, first(look)
        if now is None:
            return sentence(NOTHING_YET, width, height)
        if why := self.out_of_place(look):
            return sentence(why, width, height)
        before, before_start = snapshot_of(other), first(other)
        shown = [(start, before_start)] if now is start or start is None else [(start, before_start), (now, before)]
        panels = [(s, b) for s, b in shown if s is not None and s.log10_probabilities is not None]
        part = max(PANEL, width // 4)
        while panels and width - part * len(panels) < PANEL:
            panels.pop()
        left = width - part * len(panels)
        drawn = [loss_plot(look, other, left, height)]
        drawn += [probabilities(s, b, part, height) for s, b in panels]
        return abreast(drawn)

    def caption(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Sequence[Row]:
        now, start = look.snapshot, first(look)
        if now is None or now.expected_initial_loss is None:
            return ()
        legend = [("  ● measured at step 0   ", SERIES[0]), ("◆ predicted from the logits' std", Role.EVENT)]
        if start is None:
            return [row(width, ("  the snapshot of step 0 is not at hand", Ink.DIM))]
        if start.logit_std is None:  # of a network of somebody's own the logits are not known
            return [row(width, legend[0])]
        return [row(width, *legend), *paragraph(words(now if _lost(now) else start), width, Ink.PLAIN, 3)]

    def table(self, look: Look, other: Look | None, pointer: Pointer, width: int) -> Table:
        now, before = look.snapshot, snapshot_of(other)
        if now is None or (guess := now.expected_initial_loss) is None:
            return Table((), ())
        start, old_start = first(look), first(other)
        spread = start.logit_std if start is not None else None
        lines: list[tuple[str, float | None, float | None, int]] = [
            ("measured at step 0", now.initial_loss, before.initial_loss if before else None, Ink.STRONG),
            (f"even guess, ln {classes(now)}", guess, None, Ink.THEORY),
            (
                f"predicted from the logits' std{f' {number(spread)}' if spread is not None else ''}",
                predicted_loss(start),
                predicted_loss(old_start),
                Ink.THEORY,
            ),
            *self._expected(look, other, now),
            (f"now, step {now.step:,}", now.loss, before.loss if before else None, Ink.STRONG),
        ]
        if look.data is not None:
            lines += [
                ("guess by frequency (unigram)", look.data.unigram, None, Ink.THEORY),
                ("guess by the character before (bigram)", look.data.bigram, None, Ink.THEORY),
            ]
        columns = (
            Column("", 38, "<"),
            Column("nats", 8),
            Column("− ln V", 8),
            Column("perplexity", 10),
            Column("before", 8, spare=True),
        )
        if look.config is None:
            lines = [line for line in lines if line[1] is not None]
        rows: list[list[Cell]] = []
        for label, loss, old, ink in lines:
            above = loss - guess if loss is not None else None
            high = label.startswith("measured") and above is not None and above > INITIAL_LOSS_EXCESS
            rows.append(
                [
                    label,
                    (number(loss, 4), Ink.WARN if high else ink),
                    (f"{above:+.3f}" if above is not None and abs(above) < 1000 else number(above), ink),
                    number(math.exp(loss) if loss is not None and loss < 300 else None, 1),
                    (number(old, 4) if old is not None else "", Ink.DIM),
                ]
            )
        return table(columns, rows, width)

    @staticmethod
    def _expected(look: Look, other: Look | None, now: Snapshot) -> list[tuple[str, float | None, float | None, int]]:
        """By theory, and with other random weights."""
        expected = look.expected
        theory = expected_loss(expected, classes(now))
        before = other.expected if other is not None else None
        redraws_before = before.loss.redraws if before is not None else None
        lines = [
            (
                f"predicted from the {'configuration' if expected.start is None else 'minibatch'}",
                theory,
                expected_loss(before, classes(now)) if before is not None else None,
                int(Ink.THEORY),
            )
        ]
        if (redraws := expected.loss.redraws) is not None:
            for place, share in ((0, "5"), (2, "95")):
                its = redraws_before[place] if redraws_before is not None else None
                lines.append((f"{share} % of the redraws start lower", redraws[place], its, int(Ink.THEORY)))
        return lines


def first(look: Look | None) -> Snapshot | None:
    """The snapshot of step 0, of a lane that may not be there."""
    return look.history.snapshots.get(0) if look is not None else None


def classes(snapshot: Snapshot) -> int:
    """The size V of the vocabulary; 1 where there is none."""
    return max(1, round(math.exp(snapshot.expected_initial_loss or 0.0)))


def predicted_loss(start: Snapshot | None) -> float | None:
    """The loss that logits of the measured spread give, if they know nothing."""
    if start is None or start.logit_std is None:
        return None
    return initial_loss(classes(start), start.logit_std)


def share(histogram: Histogram, low: float, high: float) -> float:
    """The share of all values between `low` and `high`, taken at the nearest bin edges.

    What lies outside the histogram is below it: a probability cannot be above 1.
    """
    counts = np.asarray(histogram.counts, np.float64)
    edges = np.linspace(histogram.lo, histogram.hi, counts.size + 1)
    begin = 0 if low <= histogram.lo else int(np.abs(edges - low).argmin())
    end = counts.size if high >= histogram.hi else int(np.abs(edges - high).argmin())
    inside = float(counts[begin:end].sum()) / max(1.0, float(counts.sum())) * (1 - histogram.outside)
    return inside + (histogram.outside if low < histogram.lo else 0.0)


def _lost(now: Snapshot) -> bool:
    """Whether a network is worse than an even guess though it has trained."""
    return now.step > 0 and now.loss is not None and _above_guess(now)


def _above_guess(snapshot: Snapshot) -> bool:
    """Whether the loss is clearly above that of an even guess, or no number."""
    guess = snapshot.expected_initial_loss
    return guess is None or snapshot.loss is None or snapshot.loss > guess + INITIAL_LOSS_EXCESS


def words(start: Snapshot) -> str:
    """How sure the network is at a step, and what that costs."""
    histogram, guess = start.log10_probabilities, start.expected_initial_loss
    if histogram is None or guess is None:
        return "What it predicts was not measured."
    counts = np.asarray(histogram.counts)
    filled = np.flatnonzero(counts)
    if not filled.size:
        return "All probabilities are below 1e-8 or not finite."
    v = classes(start)
    sure = v * share(histogram, SURE, math.inf)  # one character an example can have more than half
    faint = share(histogram, -math.inf, FAINT)
    if sure > FEWEST_SURE and _above_guess(start):
        loss = f"loss {start.loss:.2f}, not {guess:.2f}" if start.loss is not None else ""
        later = f"{key_of('lr-down')} lowers the lr, {key_of('restart')} starts again."
        help_ = "Try a smaller output scale." if start.step <= 1 else later
        return (
            f"Confidently wrong at step {start.step:,}: one character gets over {10**SURE:.2f} on "
            f"{percent(min(1.0, sure))} of the examples, and {percent(faint)} of all probabilities are below 1e-3 "
            f"(over 6.9 nats when their character comes): {loss}. {help_}"
        )
    at = f"at step {start.step:,}"
    if start.logit_std == 0:
        return (
            f"Every probability is 1/{v} {at}: the loss is right, but output weights of exactly 0 pass no gradient "
            "back to the layers below at the first step. A small output scale such as 0.1 does."
        )
    width = (histogram.hi - histogram.lo) / counts.size
    low, high = 10 ** (histogram.lo + width * filled[0]), 10 ** (histogram.lo + width * (filled[-1] + 1))
    return (
        f"All probabilities lie between {low:.2g} and {high:.2g} {at} (even: {1 / v:.2g}): the network knows nothing "
        "and says so. Confidently wrong would be a pile at 0 (sure of one character), the others far left, at −ln p "
        "each: output scale 10."
    )


def loss_plot(look: Look, other: Look | None, width: int, height: int) -> Plot:
    """The loss over the logarithm of steps, with guesses as lines and step 0 as marks."""
    now, start = look.snapshot, first(look)
    points = max(2, 2 * (width - 8))
    drawn: list[Curve] = []
    values: list[float] = []
    last = 1
    for shown, before in ((other, True), (look, False)):
        lane = shown.history if shown is not None else None
        if lane is None or not len(lane.loss):
            continue
        until = min(lane.loss.last_step or 1, max(1, look.step))
        steps, mean, _, _ = lane.loss.read(1, until, len(lane.loss))
        x, y = _thinned(np.log10(np.maximum(steps, 1)), mean[:, 0], points)
        last = max(last, until)
        values += y[np.isfinite(y)].tolist()
        drawn.append(Curve("", x, y, Role.PREVIOUS, dotted=True) if before else Curve("loss", x, y, SERIES[0]))
    measured, predicted = now.initial_loss if now else None, predicted_loss(start)
    decades = max(2, math.ceil(math.log10(last)))
    beside = 2 * (decades - STEP_0) / max(2, width)  # so that neither mark covers the other where they agree
    for value, mark, role, at in ((measured, "●", SERIES[0], beside), (predicted, "◆", Role.EVENT, -beside)):
        if value is not None and math.isfinite(value):
            drawn.append(Curve("", [STEP_0 + at], [value], role, mark=mark, points="marks"))
            values.append(value)
    lines: list[tuple[float, str]] = []
    if look.data is not None:
        lines += [(look.data.unigram, "unigram"), (look.data.bigram, "bigram")]
    if now and now.expected_initial_loss is not None:
        lines.append((now.expected_initial_loss, f"ln {classes(now)}"))  # the last label stays where two meet
    values += [value for value, _ in lines]
    low, high = max(-FAR, min(values)), min(FAR, max(values))
    ticks = ((STEP_0, "0"), *((float(d), f"{10**d:,}") for d in range(decades + 1)))
    return curves(
        drawn,
        width,
        height,
        x=Axis(STEP_0 - 4 * beside, decades, ticks, label="step"),
        y=Axis(math.floor(low * 5 - 0.25) / 5, math.ceil(high * 5 + 0.25) / 5, label="loss"),
        lines=lines,
    )


def _thinned(x: Floats, y: Floats, points: int) -> tuple[Floats, Floats]:
    """Means over so many equal parts of x, which rises; what is not finite is left out."""
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    if not x.size:
        return x, y
    part = np.floor((x - x[0]) / max(float(x[-1] - x[0]), 1e-9) * points)
    starts = np.flatnonzero(np.diff(part, prepend=-1.0))
    number = np.diff(np.append(starts, x.size))
    return np.add.reduceat(x, starts) / number, np.add.reduceat(y, starts) / number


def probabilities(snapshot: Snapshot, before: Snapshot | None, width: int, height: int) -> Plot:
    """Histogram of log10 of the predicted probabilities; a line marks the even guess."""
    histogram = snapshot.log10_probabilities
    if histogram is None:
        return sentence("what it predicts was not measured", width, height)
    edges, heights = _bars(histogram)
    # An even guess before would be one spike beside which nothing else is seen: its outline is cut.
    its = before.log10_probabilities if before is not None else None
    old = _bars(its) if its is not None else None
    previous = (old[0], np.minimum(old[1], CUT * heights.max())) if old is not None else None
    below = (
        f"{percent(histogram.outside)} below 1e{histogram.lo:.0f}"
        if histogram.outside > 0
        else f"│ even, 1/{classes(snapshot)}"
    )
    title = f"step {snapshot.step:,}"  # which must not be cut: step 1,000 is no step 1
    if len(full := f"log10 p, {title}") <= width - GUTTER - 4:  # the frame's sides, and a blank on each
        title = full
    bars = Bars(title, edges, heights, SERIES[0], previous, below)
    return histograms([bars], width, height, x=(histogram.lo, histogram.hi), cursor=-math.log10(classes(snapshot)))


def _bars(histogram: Histogram) -> tuple[Floats, Floats]:
    """Edges and percent of all values a bin."""
    counts = np.asarray(histogram.counts, np.float64)
    edges = np.linspace(histogram.lo, histogram.hi, counts.size + 1)
    return edges, 100 * counts / max(1.0, float(counts.sum())) * (1 - histogram.outside)
