"""What goes backward: gradients of outputs and of matrices."""

from __future__ import annotations

from ..config import RANGES
from ..protocol import Weight
from ..thresholds import GRADIENT_OUT_OF_LINE, SATURATED_HIGH, STD_GROWS, STD_SHRINKS, VANISHING_GRADIENT, beside_others
from .model import Finding, Seen
from .words import less_gain, more_gain, optimizer, others, says_ratio


def gradient_flow(seen: Seen) -> Finding | None:
    """Whether gradients reach every layer, and how evenly."""
    layers = seen.now.activations
    if not layers:
        return None
    faint = [a for a in layers if a.grad_mean_abs < VANISHING_GRADIENT]
    if not faint:
        first, last = layers[0], layers[-1]
        if len(layers) < 2 or last.grad_std <= 0:
            return Finding("gradient-flow", "good", "Gradients reach every layer.")
        growth = first.grad_std / last.grad_std
        # No source draws a line here, so outside the signal's own limits it is a note and no more.
        even = STD_SHRINKS <= growth <= STD_GROWS
        text = f"Gradients reach every layer{'' if even else ', unevenly'}: "
        text += f"std × {growth:.2g} from {last.layer} to {first.layer}{says_ratio(seen, last, first, 'grad_std')}."
        return Finding("gradient-flow", "good" if even else "note", text)
    worst = min(faint, key=lambda a: a.grad_mean_abs)
    text = f"Vanishing gradient in {worst.layer}: mean abs {worst.grad_mean_abs:.1g} (< {VANISHING_GRADIENT:.0e})"
    text += f"{others(faint)}. "
    if seen.fresh and seen.config.output_scale == 0:
        text += "The output weights are exactly 0 and pass nothing back at first: set an output_scale of 0.1."
    elif RANGES[seen.config.nonlinearity].saturates and worst.saturated > SATURATED_HIGH:
        text += less_gain(seen)
    else:
        text += more_gain(seen)
    return Finding("gradient-flow", "bad", text, worst.layer)


def gradient_balance(seen: Seen) -> Finding | None:
    """Whether one matrix's gradient is far larger beside its data than the others'."""
    ratios = [(w.grad_data_ratio, w) for w in seen.now.weights if w.grad_data_ratio is not None]
    if len(ratios) < 3:  # of fewer there is no median of the others
        return None
    out: list[tuple[float, Weight]] = []
    for index, (_, weight) in enumerate(ratios):
        beside = beside_others([ratio for ratio, _ in ratios], index)
        if beside is not None and beside > GRADIENT_OUT_OF_LINE:
            out.append((beside, weight))
    if not out:
        text = "Weight gradients are in line: no grad:data ratio is over "
        text += f"{GRADIENT_OUT_OF_LINE:g} × the median of the others."
        return Finding("gradient-balance", "good", text)
    factor, worst = max(out, key=lambda pair: pair[0])
    text = f"Gradient of {worst.name} out of line: grad:data {worst.grad_data_ratio:.2g}, {factor:.0f} × the median of "
    text += f"the others (> {GRADIENT_OUT_OF_LINE:g} ×){others(out)}."
    if not seen.config.bn:
        text += " b: batch norm evens it out" + ("; training does, too." if seen.fresh else ".")
    elif optimizer(seen) in ("sgd", "momentum"):
        text += " o: Adam scales each step."
    return Finding("gradient-balance", "warn", text, worst.name)
