"""The loss: whether it is a number, and where it began."""

from __future__ import annotations

import math

from ..theory import initial_loss
from ..thresholds import INITIAL_LOSS_EXCESS
from .model import Finding, Seen
from .words import finite, less_gain, less_lr


def not_finite(seen: Seen) -> Finding | None:
    """Whether the loss was lost."""
    step = seen.now.step if seen.diverged_at is None else seen.diverged_at
    if seen.diverged_at is None and finite(seen.now.loss):
        return None
    # The first loss comes before any update.
    help_ = less_gain(seen) if step <= 1 else less_lr(seen)
    return Finding("loss", "bad", f"The loss is not finite at step {step:,}: the network has diverged. {help_}")


def first_loss(seen: Seen) -> Finding | None:
    """Whether training starts at the loss of an even guess."""
    loss, expected = seen.now.initial_loss, seen.now.expected_initial_loss
    if loss is None or not math.isfinite(loss):
        return None
    classes = max(1, round(math.exp(expected)))
    if not loss - expected > INITIAL_LOSS_EXCESS:
        return Finding(
            "initial-loss", "good", f"Loss at start {loss:.2f}: an even guess gives ln {classes} = {expected:.2f}."
        )
    std, biased = seen.prediction.logit_std, not seen.config.bn and seen.config.bias_scale[1] > 0
    theory = initial_loss(classes, std) if std is not None else None
    return Finding(
        "initial-loss",
        "warn",
        f"Loss at start {loss:.2f}, above ln {classes} = {expected:.2f} by {loss - expected:.2f}"
        + f" (> {INITIAL_LOSS_EXCESS:g})"
        + (f"; theory says {theory:.2f}" if theory is not None else "")
        + f". The logits are too large: set a smaller output_scale than {seen.config.output_scale:g}"
        + (f", and a smaller bias_scale of the output than {seen.config.bias_scale[1]:g}." if biased else "."),
    )
