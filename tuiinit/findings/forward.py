"""What goes forward: the signal, saturation, dead units."""

from __future__ import annotations

import math

from ..config import RANGES, format_number
from ..protocol import Activation
from ..theory import LayerPrediction, gain_of
from ..thresholds import DEAD_PROBE_ROWS, PREDICTED_WITHIN, SATURATED_HIGH, STD_GROWS, STD_SHRINKS, VARIANCE_RATIO_BAD
from .model import Finding, Seen, Severity
from .words import less_gain, less_lr, more_gain, others, percent, says_ratio


def signal(seen: Seen) -> Finding | None:
    """Whether the outputs keep their spread from layer to layer."""
    layers = seen.now.activations
    if len(layers) < 2:
        return None
    first, last = layers[0], layers[-1]
    stds = [a.std for a in layers]
    spread = (max(stds) / min(stds)) ** 2 if min(stds) > 0 else math.inf
    if max(stds) <= 0:
        return Finding(
            "signal", "bad", f"No signal: the outputs of all {len(layers)} layers have std 0. {more_gain(seen)}"
        )
    ratio = last.std / first.std if first.std > 0 else math.inf
    told = f"std {first.std:.2g} in {first.layer}, {last.std:.2g} in {last.layer}, × {ratio:.2g}"
    severity: Severity = "bad" if spread > VARIANCE_RATIO_BAD else "warn"
    theory = says_ratio(seen, first, last, "std")
    if ratio < STD_SHRINKS:
        text = f"The signal shrinks: {told} (< {STD_SHRINKS:g}){theory}. {more_gain(seen)}"
        return Finding("signal", severity, text, last.layer)
    if ratio > STD_GROWS:
        text = f"The signal grows: {told} (> {STD_GROWS:g}){theory}. {less_gain(seen)}"
        return Finding("signal", severity, text, last.layer)
    if spread > VARIANCE_RATIO_BAD:
        low, high = min(layers, key=lambda a: a.std), max(layers, key=lambda a: a.std)
        text = f"The signal is uneven: std {low.std:.2g} in {low.layer}, {high.std:.2g} in {high.layer}, "
        text += f"variances × {spread:.2g} (> {VARIANCE_RATIO_BAD:g})."
        return Finding("signal", "bad", text + ("" if seen.config.bn else " b: batch norm."), low.layer)
    return Finding("signal", "good", f"The signal keeps its spread: {told}{theory}.")


def saturation(seen: Seen) -> Finding | None:
    """Whether a layer is more saturated than is fine, and than theory says."""
    if not RANGES[seen.config.nonlinearity].saturates or not seen.now.activations:
        return None
    over = [a for a in seen.now.activations if a.saturated > SATURATED_HIGH]
    if not over:
        worst = max(seen.now.activations, key=lambda a: a.saturated)
        text = f"{worst.layer} saturated {percent(worst.saturated)}, no layer more"
        text += f" (high is > {100 * SATURATED_HIGH:.0f} %){_says_share(seen, worst)}."
        return Finding("saturation", "good", text, worst.layer)
    beyond = [a for a in over if not _as_predicted(a, seen.theory(a.layer))]
    if beyond:
        worst = max(beyond, key=lambda a: a.saturated)
        help_ = less_gain(seen) if seen.fresh else less_lr(seen)
        text = f"{worst.layer} saturated {percent(worst.saturated)} (> {100 * SATURATED_HIGH:.0f} %)"
        text += f"{_says_share(seen, worst)}{others(beyond)}. {help_}"
        return Finding("saturation", "warn", text, worst.layer)
    worst = max(over, key=lambda a: a.saturated)
    theory = seen.theory(worst.layer)
    expected = f"as theory says ({percent(theory.saturated)})" if theory else ""
    if seen.config.nonlinearity == "relu":  # its flat half is its nature
        text = f"{worst.layer} is 0 for {percent(worst.saturated)} of its inputs, {expected}."
        return Finding("saturation", "good", text, worst.layer)
    text = f"{worst.layer} saturated {percent(worst.saturated)} (> {100 * SATURATED_HIGH:.0f} %)"
    text += f", {expected} for gain {format_number(seen.config.gain)}{others(over)}."
    if seen.config.gain > gain_of(seen.config.nonlinearity):
        text += f" {less_gain(seen)}"
    return Finding("saturation", "note", text, worst.layer)


def _as_predicted(a: Activation, theory: LayerPrediction | None) -> bool:
    if theory is None:
        return False
    share = theory.saturated
    return a.saturated <= share + PREDICTED_WITHIN * math.sqrt(share * (1 - share) / max(1, a.width))


def _says_share(seen: Seen, a: Activation) -> str:
    theory = seen.theory(a.layer)
    start = "" if seen.fresh else " at the start"
    return f"; theory says {percent(theory.saturated)}{start}" if theory else ""


def dead_units(seen: Seen) -> Finding | None:
    """Whether units are saturated on the whole probe batch."""
    rows, layers = seen.now.probe_rows, seen.now.activations
    if not RANGES[seen.config.nonlinearity].saturates or rows <= 0 or not layers:
        return None
    hit = [a for a in layers if a.dead]
    if not hit:
        return Finding("dead-units", "good", f"No dead units: none is saturated on all {rows:,} probe rows.")
    worst = max(hit, key=lambda a: len(a.dead))
    count, total = len(worst.dead), sum(len(a.dead) for a in hit)
    text = f"{count} of {worst.width} units dead in {worst.layer} (saturated on all {rows:,} rows, so they don't learn)"
    text += others(hit)
    if seen.previous is not None and seen.previous.step < seen.now.step:
        before = sum(len(a.dead) for a in seen.previous.activations)
        text += f"; {total} in all, {before} at step {seen.previous.step:,}"
    if rows < DEAD_PROBE_ROWS:
        return Finding("dead-units", "note", f"{text}. Fewer than {DEAD_PROBE_ROWS:,} rows can mislead.", worst.layer)
    severity: Severity = "bad" if count >= worst.width else "warn"  # through a dead layer nothing passes
    if not seen.fresh:
        text += f". {less_lr(seen)}"
    elif seen.config.nonlinearity == "relu":  # at no gain is it on for more inputs
        text += ". R: a new seed; b: batch norm."
    else:
        text += f". {less_gain(seen)}"
    return Finding("dead-units", severity, text, worst.layer)
