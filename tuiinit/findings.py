"""Findings: sentences about a snapshot, each with its number, threshold, layer, theory and the key that helps.

Every rule looks at one thing and gives one finding or none, grouped over layers: it names the worst and
counts the others. What is in order is told as well (severity "good"), so a healthy network says why it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sized
from dataclasses import dataclass
from statistics import median
from typing import Literal

import msgspec

from .config import RANGES, RunConfig, format_number
from .protocol import Activation, Evaluation, Snapshot, Weight
from .theory import LayerPrediction, Prediction, gain_of, initial_loss, predict

Severity = Literal["good", "note", "warn", "bad"]
SEVERITIES: tuple[Severity, ...] = ("bad", "warn", "note", "good")  # the order in which findings are told

INITIAL_LOSS_EXCESS = 0.1  # nats above ln V: Karpathy, "A Recipe for Training Neural Networks"; cs231n
SATURATED_HIGH = 0.20  # share of outputs: the lecture; about 5 % is fine
DEAD_PROBE_ROWS = 1000  # on the lecture's 32 rows a unit saturated 90 % of the time looks dead 3.4 % of the time
STD_SHRINKS = 0.5  # std of the last layer's outputs / the first's: LSUV (arXiv 1511.06422)
STD_GROWS = 2.0
VARIANCE_RATIO_BAD = 10.0  # largest / smallest variance over layers: AWS debugger's rules
VANISHING_GRADIENT = 1e-7  # mean of abs(gradient): AWS debugger's rules
GRADIENT_OUT_OF_LINE = 10.0  # a matrix's grad:data ratio / the median of the others: the lecture
UPDATE_SLOW = -4.0  # log10 of update:data, which should be about -3: cs231n; the lecture
UPDATE_FAST = -2.0
STALE_STATISTICS = 0.02  # nats that running statistics cost: the lecture
BIAS_CANCELLED = 1e-6  # std of a bias's gradient / the weights': batch norm takes the bias away again (the lecture)

# A measured share is as predicted up to this many stds of a share over `width` independent units, taking a
# unit's rows for copies of each other, the worst case. Over 60 sampled networks of the default shape for each
# of four gains and nonlinearities the largest excess was 0.032 for tanh and 0.094 for the others; this
# allows 0.08 at 20 % and 0.10 at 50 %, and more where layers are narrow.
PREDICTED_WITHIN = 2.0


class Finding(msgspec.Struct, frozen=True):
    """A sentence or two about a snapshot."""

    id: str  # the rule; at most one finding has it
    severity: Severity
    text: str
    layer: str | None = None  # the nonlinearity or matrix that it names


@dataclass(frozen=True)
class _Seen:
    """What a rule may look at."""

    now: Snapshot
    config: RunConfig
    evaluation: Evaluation | None
    prediction: Prediction
    previous: Snapshot | None
    diverged_at: int | None

    @property
    def fresh(self) -> bool:
        """Activations and gradients are those of initialisation: they come before the first update."""
        return self.now.step <= 1

    def theory(self, layer: str) -> LayerPrediction | None:
        return self.prediction.layer(layer)


def findings(
    snapshot: Snapshot,
    config: RunConfig,
    *,
    evaluation: Evaluation | None = None,
    prediction: Prediction | None = None,
    previous: Snapshot | None = None,
    diverged_at: int | None = None,
) -> tuple[Finding, ...]:
    """What there is to say about a snapshot, most severe first.

    Args:
        snapshot: what was measured. Numbers that are missing are passed over.
        config: of the lane.
        evaluation: dev losses of the same lane, if it was evaluated.
        prediction: what theory says of the lane at its start; worked out from `config` if None.
        previous: an earlier snapshot of the same lane, to tell what is new.
        diverged_at: the step whose loss was not finite (protocol.LaneStatus); the snapshot is then the
            last one before it.
    """
    if prediction is None:
        prediction = predict(config, input_second_moment=snapshot.input_second_moment)
    seen = _Seen(snapshot, config, evaluation, prediction, previous, diverged_at)
    # Once the loss is lost every other number is an aftermath.
    rules = _RULES if _finite(snapshot.loss) else (_loss, _initial_loss)
    told = [finding for rule in rules if (finding := rule(seen)) is not None]
    return tuple(sorted(told, key=lambda finding: SEVERITIES.index(finding.severity)))


# ------------------------------------------------------------------------------------------------ rules


def _loss(seen: _Seen) -> Finding | None:
    step = seen.now.step if seen.diverged_at is None else seen.diverged_at
    if seen.diverged_at is None and _finite(seen.now.loss):
        return None
    # The first loss comes before any update.
    help_ = _less_gain(seen) if step <= 1 else _less_lr(seen)
    return Finding("loss", "bad", f"The loss is not finite at step {step:,}: the network has diverged. {help_}")


def _initial_loss(seen: _Seen) -> Finding | None:
    loss, expected = seen.now.initial_loss, seen.now.expected_initial_loss
    if loss is None or not math.isfinite(loss):
        return None
    classes = max(1, round(math.exp(expected)))
    if not loss - expected > INITIAL_LOSS_EXCESS:
        return Finding(
            "initial-loss", "good", f"Loss at start {loss:.2f}: an even guess gives ln {classes} = {expected:.2f}."
        )
    std = seen.prediction.logit_std
    theory = initial_loss(classes, std) if std is not None else None
    return Finding(
        "initial-loss",
        "warn",
        f"Loss at start {loss:.2f}, above ln {classes} = {expected:.2f} by {loss - expected:.2f}"
        + f" (> {INITIAL_LOSS_EXCESS:g})"
        + (f"; theory says {theory:.2f}" if theory is not None else "")
        + f". The logits are too large: set a smaller output_scale than {seen.config.output_scale:g}.",
    )


def _saturation(seen: _Seen) -> Finding | None:
    if not RANGES[seen.config.nonlinearity].saturates or not seen.now.activations:
        return None
    over = [a for a in seen.now.activations if a.saturated > SATURATED_HIGH]
    if not over:
        worst = max(seen.now.activations, key=lambda a: a.saturated)
        text = f"{worst.layer} saturated {_percent(worst.saturated)}, no layer more"
        text += f" (high is > {100 * SATURATED_HIGH:.0f} %){_says_share(seen, worst)}."
        return Finding("saturation", "good", text, worst.layer)
    beyond = [a for a in over if not _as_predicted(a, seen.theory(a.layer))]
    if beyond:
        worst = max(beyond, key=lambda a: a.saturated)
        help_ = _less_gain(seen) if seen.fresh else _less_lr(seen)
        text = f"{worst.layer} saturated {_percent(worst.saturated)} (> {100 * SATURATED_HIGH:.0f} %)"
        text += f"{_says_share(seen, worst)}{_others(beyond)}. {help_}"
        return Finding("saturation", "warn", text, worst.layer)
    worst = max(over, key=lambda a: a.saturated)
    theory = seen.theory(worst.layer)
    expected = f"as theory says ({_percent(theory.saturated)})" if theory else ""
    if seen.config.nonlinearity == "relu":  # its flat half is its nature
        text = f"{worst.layer} is 0 for {_percent(worst.saturated)} of its inputs, {expected}."
        return Finding("saturation", "good", text, worst.layer)
    text = f"{worst.layer} saturated {_percent(worst.saturated)} (> {100 * SATURATED_HIGH:.0f} %)"
    text += f", {expected} for gain {format_number(seen.config.gain)}{_others(over)}."
    if seen.config.gain > gain_of(seen.config.nonlinearity):
        text += f" {_less_gain(seen)}"
    return Finding("saturation", "note", text, worst.layer)


def _as_predicted(a: Activation, theory: LayerPrediction | None) -> bool:
    if theory is None:
        return False
    share = theory.saturated
    return a.saturated <= share + PREDICTED_WITHIN * math.sqrt(share * (1 - share) / max(1, a.width))


def _says_share(seen: _Seen, a: Activation) -> str:
    theory = seen.theory(a.layer)
    start = "" if seen.fresh else " at the start"
    return f"; theory says {_percent(theory.saturated)}{start}" if theory else ""


def _dead_units(seen: _Seen) -> Finding | None:
    rows, layers = seen.now.probe_rows, seen.now.activations
    if not RANGES[seen.config.nonlinearity].saturates or rows <= 0 or not layers:
        return None
    hit = [a for a in layers if a.dead]
    if not hit:
        return Finding("dead-units", "good", f"No dead units: none is saturated on all {rows:,} probe rows.")
    worst = max(hit, key=lambda a: len(a.dead))
    count, total = len(worst.dead), sum(len(a.dead) for a in hit)
    text = f"{count} of {worst.width} units dead in {worst.layer} (saturated on all {rows:,} rows, so they don't learn)"
    text += _others(hit)
    if seen.previous is not None and seen.previous.step < seen.now.step:
        before = sum(len(a.dead) for a in seen.previous.activations)
        text += f"; {total} in all, {before} at step {seen.previous.step:,}"
    if rows < DEAD_PROBE_ROWS:
        return Finding("dead-units", "note", f"{text}. Fewer than {DEAD_PROBE_ROWS:,} rows can mislead.", worst.layer)
    severity: Severity = "bad" if count >= worst.width else "warn"  # through a dead layer nothing passes
    if not seen.fresh:
        text += f". {_less_lr(seen)}"
    elif seen.config.nonlinearity == "relu":  # at no gain is it on for more inputs
        text += ". R: a new seed; b: batch norm."
    else:
        text += f". {_less_gain(seen)}"
    return Finding("dead-units", severity, text, worst.layer)


def _signal(seen: _Seen) -> Finding | None:
    layers = seen.now.activations
    if len(layers) < 2:
        return None
    first, last = layers[0], layers[-1]
    stds = [a.std for a in layers]
    spread = (max(stds) / min(stds)) ** 2 if min(stds) > 0 else math.inf
    if max(stds) <= 0:
        return Finding(
            "signal", "bad", f"No signal: the outputs of all {len(layers)} layers have std 0. {_more_gain(seen)}"
        )
    ratio = last.std / first.std if first.std > 0 else math.inf
    told = f"std {first.std:.2g} in {first.layer}, {last.std:.2g} in {last.layer}, × {ratio:.2g}"
    severity: Severity = "bad" if spread > VARIANCE_RATIO_BAD else "warn"
    theory = _says_ratio(seen, first, last, "std")
    if ratio < STD_SHRINKS:
        text = f"The signal shrinks: {told} (< {STD_SHRINKS:g}){theory}. {_more_gain(seen)}"
        return Finding("signal", severity, text, last.layer)
    if ratio > STD_GROWS:
        text = f"The signal grows: {told} (> {STD_GROWS:g}){theory}. {_less_gain(seen)}"
        return Finding("signal", severity, text, last.layer)
    if spread > VARIANCE_RATIO_BAD:
        low, high = min(layers, key=lambda a: a.std), max(layers, key=lambda a: a.std)
        text = f"The signal is uneven: std {low.std:.2g} in {low.layer}, {high.std:.2g} in {high.layer}, "
        text += f"variances × {spread:.2g} (> {VARIANCE_RATIO_BAD:g})."
        return Finding("signal", "bad", text + ("" if seen.config.bn else " b: batch norm."), low.layer)
    return Finding("signal", "good", f"The signal keeps its spread: {told}{theory}.")


def _gradient_flow(seen: _Seen) -> Finding | None:
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
        text += f"std × {growth:.2g} from {last.layer} to {first.layer}{_says_ratio(seen, last, first, 'grad_std')}."
        return Finding("gradient-flow", "good" if even else "note", text)
    worst = min(faint, key=lambda a: a.grad_mean_abs)
    text = f"Vanishing gradient in {worst.layer}: mean abs {worst.grad_mean_abs:.1g} (< {VANISHING_GRADIENT:.0e})"
    text += f"{_others(faint)}. "
    if seen.fresh and seen.config.output_scale == 0:
        text += "The output weights are exactly 0 and pass nothing back at first: set an output_scale of 0.1."
    elif RANGES[seen.config.nonlinearity].saturates and worst.saturated > SATURATED_HIGH:
        text += _less_gain(seen)
    else:
        text += _more_gain(seen)
    return Finding("gradient-flow", "bad", text, worst.layer)


def _gradient_balance(seen: _Seen) -> Finding | None:
    ratios = [(w.grad_data_ratio, w) for w in seen.now.weights if w.grad_data_ratio is not None]
    if len(ratios) < 3:  # of fewer there is no median of the others
        return None
    out: list[tuple[float, Weight]] = []
    for index, (ratio, weight) in enumerate(ratios):
        middle = median(r for i, (r, _) in enumerate(ratios) if i != index)
        if middle > 0 and ratio > GRADIENT_OUT_OF_LINE * middle:
            out.append((ratio / middle, weight))
    if not out:
        text = "Weight gradients are in line: no grad:data ratio is over "
        text += f"{GRADIENT_OUT_OF_LINE:g} × the median of the others."
        return Finding("gradient-balance", "good", text)
    factor, worst = max(out, key=lambda pair: pair[0])
    text = f"Gradient of {worst.name} out of line: grad:data {worst.grad_data_ratio:.2g}, {factor:.0f} × the median of "
    text += f"the others (> {GRADIENT_OUT_OF_LINE:g} ×){_others(out)}."
    if not seen.config.bn:
        text += " b: batch norm evens it out" + ("; training does, too." if seen.fresh else ".")
    elif _optimizer(seen) in ("sgd", "momentum"):
        text += " o: Adam scales each step."
    return Finding("gradient-balance", "warn", text, worst.name)


def _updates_fast(seen: _Seen) -> Finding | None:
    fast = [pair for pair in _update_data(seen) if pair[0] > UPDATE_FAST]
    if not fast:
        return None
    value, worst = max(fast, key=lambda pair: pair[0])
    text = f"{worst.name} learns too fast: update:data {_power(value)} (> 1e-2; about 1e-3 is right){_others(fast)}. "
    slow = any(value < UPDATE_SLOW for value, _ in _update_data(seen))
    text += f"Others are too slow: {_evens_out(seen)}" if slow else "[ lowers the lr."
    return Finding("updates-fast", "warn", text, worst.name)


def _updates_slow(seen: _Seen) -> Finding | None:
    slow = [pair for pair in _update_data(seen) if pair[0] < UPDATE_SLOW]
    if not slow:
        return None
    value, worst = min(slow, key=lambda pair: pair[0])
    text = f"{worst.name} learns too slowly: update:data {_power(value)} (< 1e-4; about 1e-3 is right){_others(slow)}."
    fast = any(value > UPDATE_FAST for value, _ in _update_data(seen))
    text += f" Others are too fast: {_evens_out(seen)}" if fast else " ] raises the lr."
    return Finding("updates-slow", "warn", text, worst.name)


def _updates(seen: _Seen) -> Finding | None:
    values = [value for value, _ in _update_data(seen)]
    if not values or min(values) < UPDATE_SLOW or max(values) > UPDATE_FAST:
        return None
    text = f"Updates are {_power(min(values))} to {_power(max(values))} of the data: "
    return Finding("updates", "good", text + "about 1e-3 is right, 1e-4 to 1e-2 is fine.")


def _update_data(seen: _Seen) -> list[tuple[float, Weight]]:
    return [(w.update_data_log10, w) for w in seen.now.weights if w.update_data_log10 is not None]


def _evens_out(seen: _Seen) -> str:
    if not seen.config.bn:
        return "b: batch norm evens them out."
    if _optimizer(seen) in ("sgd", "momentum"):
        return "o: Adam evens them out."
    return "no one lr suits both."


def _statistics(seen: _Seen) -> Finding | None:
    told = seen.evaluation
    if not seen.config.bn or told is None or told.dev is None or told.dev_calibrated is None:
        return None
    cost = told.dev - told.dev_calibrated
    if not math.isfinite(cost):
        return None
    losses = f"dev loss {told.dev:.3f}, {told.dev_calibrated:.3f} with statistics of a pass over the training set"
    if not cost > STALE_STATISTICS:
        return Finding("batch-norm-statistics", "good", f"Running statistics are right: {losses}.")
    text = f"Running statistics are stale at step {told.step:,}: {losses} (> {STALE_STATISTICS:g} apart)."
    momentum = seen.config.bn_momentum
    if momentum > 0:
        text += f" They follow about {max(1, round(1 / momentum)):,} steps behind; [ lowers the lr."
    else:
        text += " With bn_momentum 0 they never follow."
    return Finding("batch-norm-statistics", "warn", text)


def _bias_before_bn(seen: _Seen) -> Finding | None:
    if not seen.config.bn or not seen.config.bias_before_bn:
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
        text = (
            f"The bias of {worst.name} is not cancelled: {ratio:.0e} of its weights' gradient (> {BIAS_CANCELLED:.0e})."
        )
        return Finding("bias-before-bn", "note", text, worst.name)
    ratio, worst = max(cancelled, key=lambda pair: pair[0])
    text = f"Biases before batch norm don't learn: gradient at most {ratio:.0e} of the weights' ({worst.name}; "
    text += f"< {BIAS_CANCELLED:.0e}). Batch norm takes them away with the mean: switch bias before BN off."
    return Finding("bias-before-bn", "note", text, worst.name)


_RULES: tuple[Callable[[_Seen], Finding | None], ...] = (
    _loss,
    _initial_loss,
    _signal,
    _saturation,
    _dead_units,
    _gradient_flow,
    _gradient_balance,
    _updates_fast,
    _updates_slow,
    _updates,
    _statistics,
    _bias_before_bn,
)


# ---------------------------------------------------------------------------------------- words for rules


def _less_gain(seen: _Seen) -> str:
    if seen.config.bn:  # the gain changes nothing there
        return "t: another nonlinearity."
    if seen.config.nonlinearity == "tanh" and seen.config.gain > gain_of("tanh"):
        return "3: gain 5/3; b: batch norm."
    return "G: a smaller gain; b: batch norm."


def _more_gain(seen: _Seen) -> str:
    if seen.config.bn:
        # Only where a layer's variance falls to batch norm's eps does the gain matter.
        return "g: a larger gain." if seen.fresh else _less_lr(seen)
    if seen.config.nonlinearity == "tanh" and seen.config.gain < gain_of("tanh"):
        return "3: gain 5/3; b: batch norm."
    return "g: a larger gain; b: batch norm."


def _less_lr(seen: _Seen) -> str:
    lr = seen.config.at(seen.now.step).lr
    return f"[ lowers the lr ({lr:g}), r starts again."


def _optimizer(seen: _Seen) -> str:
    return seen.now.optimizer or seen.config.optimizer


def _says_ratio(seen: _Seen, below: Activation, above: Activation, name: Literal["std", "grad_std"]) -> str:
    """What theory says of above/below, or nothing where it says nothing."""
    one, other = seen.theory(below.layer), seen.theory(above.layer)
    base, value = getattr(one, name, None), getattr(other, name, None)
    if not base or value is None:
        return ""
    return f"; theory says × {value / base:.2g}" + ("" if seen.fresh else " at the start")


def _others(hit: Sized) -> str:
    """How many layers or matrices there are beside the one that is named."""
    more = len(hit) - 1
    return f"; {more} more layer{'s' if more > 1 else ''}" if more else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _power(log10: float) -> str:
    return f"{10 ** max(-300.0, min(log10, 300.0)):.1e}"


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
