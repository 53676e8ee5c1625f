"""Batch norm: its running statistics, and biases that it takes away."""

from __future__ import annotations

import math

from ...config.nonlinearities import RANGES
from ..moments import FORMULAS
from ..thresholds import BIAS_CANCELLED, STALE_STATISTICS
from .advice import larger_batch, no_bias_before_bn, smaller_lr
from .model import Finding, Seen


def statistics(seen: Seen) -> Finding | None:
    """Whether running statistics are those of the training set."""
    evaluation = seen.evaluation
    if not seen.bn or evaluation is None or evaluation.dev is None or evaluation.dev_calibrated is None:
        return None
    cost = evaluation.dev - evaluation.dev_calibrated
    if not math.isfinite(cost):
        return None
    dev, calibrated = evaluation.dev, evaluation.dev_calibrated
    losses = f"dev loss {dev:.3f}, {calibrated:.3f} with statistics of a pass over the training set"
    if not cost > STALE_STATISTICS:
        return Finding("batch-norm-statistics", "good", f"Running statistics are right: {losses}.")
    text = f"Running statistics are stale at step {evaluation.step:,}: {losses} "
    text += f"(over {STALE_STATISTICS:g} apart is a fault)."
    if seen.config is None:
        return Finding("batch-norm-statistics", "warn", text)
    momentum = seen.config.bn_momentum
    if momentum > 0:
        text += f" They follow about {max(1, round(1 / momentum)):,} steps behind."
        return Finding("batch-norm-statistics", "warn", text, helps=smaller_lr(seen)[:1])
    text += " With a momentum of 0 they never follow."
    return Finding("batch-norm-statistics", "warn", text)


def two_rows(seen: Seen) -> Finding | None:
    """Whether batch norm sees two rows, of which it leaves nothing but which one is larger."""
    if not seen.two_rows:
        return None
    # Half the rows' difference over its std, unbiased or not; PyTorch's is not.
    normal = math.sqrt(0.5) if seen.config is not None and seen.config.bn_style == "lecture" else 1.0
    text = f"Batch norm over 2 rows makes of any two numbers +{normal:.3g} and −{normal:.3g}, whatever the data"
    name = seen.config.nonlinearity if seen.config is not None else None
    if name is not None and (formula := FORMULAS[name]).odd and RANGES[name].bounded and seen.fresh:
        text += f", so every {name} gives ±{formula.output(normal):.3f}"
    text += ". Only the signs are left, and hardly any gradient passes back: the cause of all that is the batch size."
    return Finding("batch-size", "bad", text, helps=larger_batch(seen))


def bias_before_bn(seen: Seen) -> Finding | None:
    """Whether batch norm cancels the biases before it."""
    if seen.config is None or not seen.config.bn or not seen.config.bias_before_bn:
        return None
    # The output's batch norm follows the last matrix; the embedding has none.
    ratios = [
        (bn.bias_grad_std / weight.grad_std, weight)
        for bn, weight in zip(seen.now.batch_norms, seen.now.weights[1:], strict=False)
        if bn.bias_grad_std is not None and math.isfinite(bn.bias_grad_std) and weight.grad_std > 0
    ]
    if not ratios:
        return None
    cancelled = [pair for pair in ratios if pair[0] < BIAS_CANCELLED]
    if len(cancelled) < len(ratios):
        ratio, worst = max(ratios, key=lambda pair: pair[0])
        text = f"The bias of {worst.name} is not cancelled: its gradient is {ratio:.0e} of the weights' "
        text += f"(over {BIAS_CANCELLED:.0e})."
        return Finding("bias-before-bn", "note", text, worst.name)
    ratio, worst = max(cancelled, key=lambda pair: pair[0])
    text = (
        f"Biases before batch norm don't learn: their gradient is at most {ratio:.0e} of the weights' ({worst.name}; "
    )
    text += f"under {BIAS_CANCELLED:.0e} is nothing). Batch norm takes them away with the mean."
    return Finding("bias-before-bn", "note", text, worst.name, no_bias_before_bn())
