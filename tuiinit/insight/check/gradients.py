"""The rule about gradients on their way down."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ...stream.checked import Checked, CheckedRow
from ..words import count, factor
from .chains import is_last, off, sound_rows
from .finding import CheckFinding, Severity
from .limits import CHAIN, FLATTEST, GRADIENT_BAD, GRADIENT_WARN
from .signal import why
from .wording import call, initialise_all


def gradient(checked: Checked) -> Iterator[CheckFinding]:
    """The gradient of an example's loss, first rows against the last: its norm vanishes or explodes."""
    if len(sound_rows(checked)) < len(checked.rows):
        return  # weights of 0 say why
    rows = [row for row in checked.rows if row.grad_rms is not None and row.shape]
    if len(rows) < CHAIN:
        return
    norms = [(row.grad_rms or 0.0) * math.sqrt(math.prod(row.shape[1:])) for row in rows]
    some = max(1, min(3, len(rows) // 4))
    first, last = _typical(norms[:some]), _typical(norms[-some:])
    if last == 0 or (first == 0 and any(p.zero and len(p.shape) > 1 for p in checked.weights)):
        return
    times = first / last
    if 1 / GRADIENT_WARN <= times <= GRADIENT_WARN:
        return
    vanishes = times < 1
    severity: Severity = "bad" if not 1 / GRADIENT_BAD <= times <= GRADIENT_BAD else "warn"
    shown = factor(1 / times if vanishes and times else times if not vanishes else math.inf)
    text = f"The gradient {'vanishes' if vanishes else 'explodes'}: {shown} times "
    text += f"{'smaller' if vanishes else 'larger'} in {call(rows[0])} than in {call(rows[-1])}, "
    text += f"{count(len(rows), 'row')} later."
    flat = _flattening(rows) if vanishes else None
    if flat is not None:
        slope = FLATTEST[flat]
        text += (
            f" A {flat}'s slope is at most 1/{1 / slope:.0f}: each of them takes that much away, and a gain that made "
        )
        text += "up for it would saturate them."
        cure: tuple[str, tuple[str, ...]] = (
            f"no initialisation mends it: use nn.Tanh or nn.ReLU for {flat}, or a norm before each",
            (),
        )
    else:
        wrong = [r for r in checked.rows if r.fan_in is not None and off(r) and not is_last(checked, r)]
        if any(row.norm for row in checked.rows):
            wrong = []  # norms set the scale, so gains are not to blame
        text += why(wrong)
        cure = initialise_all(wrong)
    yield CheckFinding("vanishing-gradient" if vanishes else "exploding-gradient", severity, rows[0].name, text, *cure)


def _flattening(rows: Sequence[CheckedRow]) -> str | None:
    """The activation with a slope far below 1 that most of the activations are, or None."""
    activations = [row.activation for row in rows if row.activation is not None]
    flat = [name for name in activations if name in FLATTEST]
    return flat[0] if len(flat) >= CHAIN and 2 * len(flat) > len(activations) else None


def _typical(values: Sequence[float]) -> float:
    """Geometric mean, 0 where one is 0."""
    return math.exp(sum(math.log(v) for v in values) / len(values)) if all(v > 0 for v in values) else 0.0
