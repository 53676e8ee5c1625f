"""The loss: whether it is a number, where it began, and whether it went far above that."""

from __future__ import annotations

import math

from ...config.nonlinearities import range_of
from ..expected import expected_loss
from ..thresholds import INITIAL_LOSS_EXCESS, LOSS_ABOVE_START, LOSS_SPREAD, STD_GROWS
from .advice import smaller_gain, smaller_lr, smaller_output
from .model import Finding, Seen
from .words import finite, nats


def not_finite(seen: Seen) -> Finding | None:
    """Whether the loss was lost."""
    step = seen.now.step if seen.diverged_at is None else seen.diverged_at
    if seen.diverged_at is None and finite(seen.now.loss):
        return None
    # The first loss comes before any update.
    helps = smaller_gain(seen) if step <= 1 else smaller_lr(seen)
    text = f"The loss is not finite at step {step:,}: the network has diverged."
    return Finding("loss", "bad", text, helps=helps)


def far_above_start(seen: Seen) -> Finding | None:
    """Whether the loss of this minibatch is far above both where it began and an even guess."""
    loss, first, expected = seen.now.loss, seen.now.initial_loss, seen.now.expected_initial_loss
    if seen.fresh or loss is None or first is None or expected is None or not math.isfinite(loss + first + expected):
        return None
    start = max(first, expected)
    allowed = max(LOSS_ABOVE_START, LOSS_SPREAD / math.sqrt(max(1, seen.now.batch_size or 1)))
    if not loss - start > allowed:
        return None
    text = f"The loss is {nats(loss)}, far above {nats(first)} at the start and {nats(expected)} of an even guess: "
    text += "steps are so large that they lead away."
    return Finding("loss", "bad", text, helps=smaller_lr(seen))


def first_loss(seen: Seen) -> Finding | None:
    """Whether training starts at the loss of an even guess."""
    loss, expected = seen.now.initial_loss, seen.now.expected_initial_loss
    if loss is None or expected is None or not math.isfinite(loss):
        return None
    classes = max(1, round(math.exp(expected)))
    figure = seen.expected.loss._replace(theory=expected_loss(seen.expected, classes))
    if not loss - expected > INITIAL_LOSS_EXCESS:
        beside = f"; {figure.words('{:.2f}'.format)}" if figure.redraws else ""
        return Finding(
            "initial-loss",
            "good",
            f"The loss starts at {loss:.2f}: an even guess has ln {classes} = {expected:.2f}{beside}.",
        )
    theory = f"; theory says {nats(figure.theory)}" if figure.theory is not None else ""
    text = f"The loss starts at {nats(loss)}, above an even guess's ln {classes} = {expected:.2f}"
    text += f" by {loss - expected:.2f}" if loss < 1000 else ""
    text += f" (over {INITIAL_LOSS_EXCESS:g} is a fault)" + (f"; {figure.words(nats)}" if figure.redraws else theory)
    text += ". The logits are too large."
    last = seen.now.activations[-1] if seen.now.activations else None
    grown = last is not None and not range_of(last.kind).bounded and last.std > STD_GROWS
    helps = smaller_gain(seen) if grown and not seen.bn else smaller_output(seen)
    return Finding("initial-loss", "warn", text, helps=helps)
