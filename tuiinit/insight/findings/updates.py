"""How large each update is beside the data."""

from __future__ import annotations

from ...stream.protocol import Weight
from ..thresholds import UPDATE_FAST, UPDATE_RIGHT, UPDATE_SLOW, VANISHING_GRADIENT, Pace, power_of_ten
from .advice import evener_updates, larger_lr, smaller_lr, some_output
from .model import Finding, Help, Seen
from .words import others, power

RIGHT = f"about {power_of_ten(UPDATE_RIGHT)} is right"
FINE = f"{power_of_ten(UPDATE_SLOW)} to {power_of_ten(UPDATE_FAST)} is fine"

NO_ONE_LR = f" Matrices are over {10 ** (UPDATE_FAST - UPDATE_SLOW):.0f} times apart: no one lr suits all."

NO_LR = " No lr makes up for a signal or a gradient that is lost."


def updates_fast(seen: Seen) -> Finding | None:
    """Matrices that move too far in a step."""
    fast = _at_pace(seen, "fast")
    if not fast:
        return None
    value, worst = max(fast, key=lambda pair: pair[0])
    text = f"{worst.name} learns too fast: a step changes it by {power(value)} of its size "
    text += f"(over {power_of_ten(UPDATE_FAST)} is too far; {RIGHT})"
    text += f"{others(fast)}."
    zero = seen.config is not None and seen.config.gain == 0
    if _lost(seen) and (seen.fresh or zero):  # later a far too high lr may have lost it
        return Finding("updates-fast", "warn", text + NO_LR, worst.name)
    if _uneven(seen):
        return Finding("updates-fast", "warn", text + NO_ONE_LR, worst.name, evener_updates(seen))
    return Finding("updates-fast", "warn", text, worst.name, smaller_lr(seen)[:1])


def updates_slow(seen: Seen) -> Finding | None:
    """Matrices that hardly move in a step."""
    slow = _at_pace(seen, "slow")
    if not slow:
        return None
    value, worst = min(slow, key=lambda pair: pair[0])
    text = f"{worst.name} learns too slowly: a step changes it by {power(value)} of its size "
    text += f"(under {power_of_ten(UPDATE_SLOW)} is too little; {RIGHT})"
    text += f"{others(slow)}."
    helps: tuple[Help, ...] = ()
    if any(w.name == "output" for _, w in _at_pace(seen, "from 0")):
        text += " The output weights began at 0, and little passes back until they have grown."
        helps = some_output()
    elif _lost(seen):
        text += NO_LR
    elif _uneven(seen):
        text += NO_ONE_LR
        helps = evener_updates(seen)
    else:
        helps = larger_lr(seen)
    return Finding("updates-slow", "warn", text, worst.name, helps)


def updates_fine(seen: Seen) -> Finding | None:
    """Updates that are all of a sound size, but for matrices that began at 0."""
    if _at_pace(seen, "slow") or _at_pace(seen, "fast"):
        return None
    values, new = [value for value, _ in _at_pace(seen, "fine")], _at_pace(seen, "from 0")
    sentences = []
    if values:
        sentences.append(
            f"A step changes each matrix by {power(min(values))} to {power(max(values))} of its size: {RIGHT}, {FINE}."
        )
    if new:
        value, weight = max(new, key=lambda pair: pair[0])
        sentences.append(
            f"{weight.name} began at 0, so it is the sum of its updates, and each is large beside it at any lr: "
            f"a step changes it by {power(value)}{others(new)}."
        )
    return Finding("updates", "good", " ".join(sentences)) if sentences else None


def _at_pace(seen: Seen, pace: Pace) -> list[tuple[float, Weight]]:
    values = [(w.update_data_log10, w) for w in seen.now.weights if seen.pace(w) == pace]
    return [(value, weight) for value, weight in values if value is not None]


def _lost(seen: Seen) -> bool:
    """Whether something else must be mended first."""
    return any(seen.silent(a) or a.grad_mean_abs < VANISHING_GRADIENT for a in seen.now.activations)


def _uneven(seen: Seen) -> bool:
    """Whether matrices are farther apart than what is fine: an lr that mends one then spoils another."""
    paces: tuple[Pace, ...] = ("slow", "fine", "fast")
    values = [value for pace in paces for value, _ in _at_pace(seen, pace)]
    return max(values) - min(values) > UPDATE_FAST - UPDATE_SLOW
