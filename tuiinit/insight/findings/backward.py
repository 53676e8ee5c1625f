"""What goes backward: gradients of outputs and of matrices."""

from __future__ import annotations

import math

from ...config.nonlinearities import gain_of, range_of
from ...stream.protocol import Weight
from ..thresholds import GRADIENT_OUT_OF_LINE, SATURATED_HIGH, STD_GROWS, STD_SHRINKS, VANISHING_GRADIENT, beside_others
from .advice import evener_updates, larger_gain, smaller_gain, smaller_lr, some_output
from .model import Finding, Seen
from .words import many_times, others, power, says, times

EARLY = 10  # steps in which weights that began at 0 may not have grown yet


def gradient_flow(seen: Seen) -> Finding | None:
    """Whether gradients reach every layer, and how evenly."""
    layers = seen.now.activations
    if not layers:
        return None
    faint = [a for a in layers if a.grad_mean_abs < VANISHING_GRADIENT]
    if not faint:
        alike = seen.alike
        if len(alike) < 2 or alike[-1].grad_std <= 0:
            return Finding("gradient-flow", "good", "Gradients reach every layer.")
        first, last = alike[0], alike[-1]
        growth = first.grad_std / last.grad_std
        # No source draws a line here, so outside the signal's own limits it is a note and no more.
        even = STD_SHRINKS <= growth <= STD_GROWS
        text = f"Gradients reach every layer{'' if even else ', unevenly'}: "
        text += f"std {times(growth)} from {last.layer} to {first.layer}{_expected_growth(seen, growth, first.layer)}."
        odd = seen.fresh and seen.figure("grad_ratio", first.layer).outside(growth)
        if seen.fresh and seen.expected.repeats:
            text += f" {seen.expected.repeats}"
        return Finding("gradient-flow", "good" if even and not odd else "note", text)
    worst = min(faint, key=lambda a: a.grad_mean_abs)
    text = f"The gradient vanishes in {worst.layer}: {worst.grad_mean_abs:.1g} on average (under "
    text += f"{power(math.log10(VANISHING_GRADIENT))} is a fault)"
    text += f"{others(faint)}."
    config = seen.config
    if config is None:
        return Finding("gradient-flow", "bad", text, worst.layer)
    if config.output_scale == 0 and not seen.now.step > EARLY:
        what = "gamma of the output is" if config.bn else "output weights are"
        text += f" The {what} exactly 0 at the start and pass{'es' if config.bn else ''} nothing back at first."
        helps = some_output()
    elif config.gain == 0:
        text += " With gain 0 all hidden weights begin at 0 and pass nothing back."
        helps = larger_gain(seen)
    elif range_of(worst.kind).bounded and worst.saturated > SATURATED_HIGH:
        helps = smaller_gain(seen) if seen.fresh or config.gain > gain_of(config.nonlinearity) else smaller_lr(seen)
    else:
        helps = larger_gain(seen)
    return Finding("gradient-flow", "bad", text, worst.layer, helps)


def _expected_growth(seen: Seen, growth: float, first: str) -> str:
    figure = seen.figure("grad_ratio", first)
    text = says(seen, figure, _times, "× ")
    if seen.expected.few:
        text += f"; {seen.expected.too_few}"
    if figure.redraws and seen.fresh:
        low, _, high = figure.redraws
        if not low <= growth <= high and seen.expected.start is not None:
            side = "more" if growth > high else "less"
            text += f": {side} than 95 % of {seen.expected.start.redraws} other draws of these weights"
    return text


def _times(value: float) -> str:
    return f"{value:.3g}"


def gradient_balance(seen: Seen) -> Finding | None:
    """Whether one matrix's gradient is far larger beside its data than the others'.

    Nothing where the optimizer divides gradients by their size, as Adam does: then it is no matter.
    """
    if not seen.plain_optimizer:
        return None
    ratios = [(w.grad_data_ratio, w) for w in seen.now.weights if w.grad_data_ratio is not None]
    if len(ratios) < 3:  # of fewer there is no median of the others
        return None
    out: list[tuple[float, Weight]] = []
    for beside, (_, weight) in zip(beside_others([ratio for ratio, _ in ratios]), ratios, strict=True):
        # Beside data that began at 0 and is still small every gradient is large.
        if beside is not None and beside > GRADIENT_OUT_OF_LINE and seen.pace(weight) != "from 0":
            out.append((beside, weight))
    if not out:
        text = "Every matrix's gradient is in proportion to its weights: none is over "
        text += f"{GRADIENT_OUT_OF_LINE:g} times too large beside the others."
        return Finding("gradient-balance", "good", text)
    factor, worst = max(out, key=lambda pair: pair[0])
    whose = "The output layer's gradient" if worst.name == "output" else f"The gradient of {worst.name}"
    text = f"{whose} is {many_times(factor)} too large for its weights, beside the other matrices' "
    text += f"(over {GRADIENT_OUT_OF_LINE:g} times is a fault){others(out)}."
    if seen.config is not None and not seen.bn and seen.fresh:
        text += " Training evens it out, too."
    return Finding("gradient-balance", "warn", text, worst.name, evener_updates(seen))
