"""What goes forward: the signal, saturation, dead units."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...config.nonlinearities import facts_of, gain_of, range_of
from ...config.values import format_number
from ...stream.protocol import Activation
from ..thresholds import DEAD_PROBE_ROWS, PREDICTED_WITHIN, SATURATED_HIGH, STD_GROWS, STD_SHRINKS, VARIANCE_RATIO_BAD
from .advice import batch_norm, embedding_scale_1, larger_gain, new_seed, smaller_gain, smaller_lr
from .model import Finding, Seen, Severity
from .words import others, percent, says, says_ratio, times

SOUND_STD = 1e-3  # of outputs at the start, below which they were hardly a signal


def signal(seen: Seen) -> Finding | None:
    """Whether the outputs keep their spread from layer to layer."""
    layers = seen.now.activations
    if not layers:
        return None
    silent = [a for a in layers if seen.silent(a)]
    if silent:
        return _no_signal(seen, silent)
    layers = seen.chain
    if len(layers) < 2:
        return None
    first, last = layers[0], layers[-1]
    stds = [a.std for a in layers]
    spread = (max(stds) / min(stds)) ** 2
    ratio = last.std / first.std
    stds_shown = f"std {first.std:.2g} in {first.layer}, {last.std:.2g} in {last.layer}, {times(ratio)}"
    severity: Severity = "bad" if spread > VARIANCE_RATIO_BAD else "warn"
    theory = says_ratio(seen, first, last, "std")
    if theory and (figure := seen.figure("std", last.layer)).redraws:
        theory += f"; redraws end at std {figure.span('{:.2g}'.format)}"
    if ratio < STD_SHRINKS:
        text = f"The signal shrinks: {stds_shown} (under × {STD_SHRINKS:g} is a fault){theory}."
        return Finding("signal", severity, text, last.layer, larger_gain(seen))
    if ratio > STD_GROWS:
        text = f"The signal grows: {stds_shown} (over × {STD_GROWS:g} is a fault){theory}."
        # A bounded output grows from layer to layer only where it began small.
        bounded = range_of(last.kind).bounded
        second = seen.now.input_second_moment
        small = second is not None and second < STD_SHRINKS**2
        helps = smaller_gain(seen) if not bounded else embedding_scale_1(seen) if small else batch_norm(seen)
        return Finding("signal", severity, text, last.layer, helps)
    if spread > VARIANCE_RATIO_BAD:
        low, high = min(layers, key=lambda a: a.std), max(layers, key=lambda a: a.std)
        text = f"The signal is uneven: std {low.std:.2g} in {low.layer}, {high.std:.2g} in {high.layer}, "
        text += f"variances {times(spread)} (over × {VARIANCE_RATIO_BAD:g} is a fault)."
        return Finding("signal", "bad", text, low.layer, batch_norm(seen))
    return Finding("signal", "good", f"The signal keeps its spread: {stds_shown}{theory}.")


def _no_signal(seen: Seen, silent: Sequence[Activation]) -> Finding:
    """Layers whose outputs are all the same, or rounding in place of a signal: ratios of them mean nothing."""
    layers, first = seen.now.activations, silent[0]
    more = others(silent).replace("; ", " and ")
    which = f"of all {len(layers)} layers" if len(silent) == len(layers) > 1 else f"of {first.layer}{more}"
    noise = max(a.std for a in silent)
    std = "have std 0" if noise == 0 else f"have a std of at most {noise:.1g}, which is rounding"
    text = f"No signal: the outputs {which} {std}, whatever the input."
    config, theory = seen.config, seen.theory(first.layer)
    if config is None:
        return Finding("signal", "bad", text, first.layer)
    if config.embedding_scale == 0 and first is layers[0]:
        return Finding("signal", "bad", f"{text} The embedding began at 0.", first.layer, embedding_scale_1(seen))
    if config.gain == 0:
        return Finding(
            "signal", "bad", f"{text} With gain 0 all hidden weights begin at 0.", first.layer, larger_gain(seen)
        )
    if first.saturated > SATURATED_HIGH:
        text += f" They all lie where {first.kind} is flat."
    if not seen.fresh and theory is not None and (theory.std or 0) > SOUND_STD:  # training has lost it
        helps = smaller_lr(seen)
    elif first.saturated > SATURATED_HIGH:
        helps = (*new_seed(seen), *batch_norm(seen)) if facts_of(first.kind).flat_half else smaller_gain(seen)
    else:
        helps = larger_gain(seen)
    return Finding("signal", "bad", text, first.layer, helps)


def saturation(seen: Seen) -> Finding | None:
    """Whether a layer is more saturated than is fine, and than theory says."""
    layers = [a for a in seen.now.activations if _can_be_too_saturated(seen, a)]
    if not layers:
        return None
    over = [a for a in layers if a.saturated > SATURATED_HIGH]
    if not over:
        worst = max(layers, key=lambda a: a.saturated)
        text = f"At most {percent(worst.saturated)} saturated ({worst.layer}); over "
        text += f"{100 * SATURATED_HIGH:.0f} % would be high{_says_share(seen, worst)}."
        return Finding("saturation", "good", text, worst.layer)
    beyond = [a for a in over if not _as_predicted(seen, a)]
    if beyond:
        worst = max(beyond, key=lambda a: a.saturated)
        text = f"{worst.layer} is saturated to {percent(worst.saturated)} (over {100 * SATURATED_HIGH:.0f} % is high)"
        text += f"{_says_share(seen, worst)}{others(beyond)}."
        helps = smaller_gain(seen) if seen.fresh else smaller_lr(seen)
        return Finding("saturation", "warn", text, worst.layer, helps)
    worst = max(over, key=lambda a: a.saturated)
    figure = seen.figure("saturated", worst.layer)
    words = figure.words(percent)
    expected = f"as expected ({words})" if figure.redraws else f"as theory says ({words.removeprefix('theory ')})"
    if facts_of(worst.kind).flat_half:
        text = f"{worst.layer} is 0 for {percent(worst.saturated)} of its inputs, {expected}."
        return Finding("saturation", "good", text, worst.layer)
    text = f"{worst.layer} is saturated to {percent(worst.saturated)} (over {100 * SATURATED_HIGH:.0f} % is high)"
    config = seen.config
    gain = f" for gain {format_number(config.gain)}" if config is not None else ""
    text += f", {expected}{gain}{others(over)}."
    helps = smaller_gain(seen) if config is not None and config.gain > gain_of(config.nonlinearity) else ()
    return Finding("saturation", "note", text, worst.layer, helps)


def _can_be_too_saturated(seen: Seen, a: Activation) -> bool:
    """Whether a layer has flat parts, and is not flat by nature where no theory tells how much of it is."""
    limits = range_of(a.kind)
    return limits.saturates and (limits.bounded or seen.config is not None)


def _as_predicted(seen: Seen, a: Activation) -> bool:
    """Whether a share is no more than theory says, but for few units, or than redraws find."""
    theory, figure = seen.theory(a.layer), seen.figure("saturated", a.layer)
    if figure.high is not None and a.saturated <= figure.high:
        return True
    if theory is None:
        return False
    share = theory.saturated
    return a.saturated <= share + PREDICTED_WITHIN * math.sqrt(share * (1 - share) / max(1, a.width))


def _says_share(seen: Seen, a: Activation) -> str:
    return says(seen, seen.figure("saturated", a.layer), percent)


def dead_units(seen: Seen) -> Finding | None:
    """Whether units are saturated on the whole probe batch."""
    rows, layers = seen.now.probe_rows, [a for a in seen.now.activations if range_of(a.kind).saturates]
    if rows <= 0 or not layers:
        return None
    hit = [a for a in layers if a.dead]
    if not hit:
        return Finding("dead-units", "good", f"No dead units: none is saturated on all {rows:,} probe rows.")
    worst = max(hit, key=lambda a: len(a.dead))
    count, total = len(worst.dead), sum(len(a.dead) for a in hit)
    text = f"{count} of {worst.width} units are dead in {worst.layer} (flat on all {rows:,} rows, so they don't learn)"
    text += others(hit)
    if seen.previous is not None and seen.previous.step < seen.now.step:
        before = sum(len(a.dead) for a in seen.previous.activations)
        text += f"; {total} in all, {before} at step {seen.previous.step:,}"
    if rows < DEAD_PROBE_ROWS:
        return Finding("dead-units", "note", f"{text}. Fewer than {DEAD_PROBE_ROWS:,} rows can mislead.", worst.layer)
    severity: Severity = "bad" if count >= worst.width else "warn"  # through a dead layer nothing passes
    if not seen.fresh:
        helps = smaller_lr(seen)
    elif facts_of(worst.kind).flat_half:  # at no gain is it on for more inputs
        helps = (*new_seed(seen), *batch_norm(seen))
    else:
        helps = smaller_gain(seen)
    return Finding("dead-units", severity, f"{text}.", worst.layer, helps)
