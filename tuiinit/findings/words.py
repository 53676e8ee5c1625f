"""Words that several rules share: what helps, what theory says, numbers as a person writes them."""

from __future__ import annotations

import math
from collections.abc import Sized
from typing import Literal

from ..protocol import Activation
from ..theory import gain_of
from .model import Seen


def less_gain(seen: Seen) -> str:
    """What makes the signal smaller."""
    if seen.config.bn:  # the gain changes nothing there
        return "t: another nonlinearity."
    if seen.config.nonlinearity == "tanh" and seen.config.gain > gain_of("tanh"):
        return "3: gain 5/3; b: batch norm."
    return "G: a smaller gain; b: batch norm."


def more_gain(seen: Seen) -> str:
    """What makes the signal larger."""
    if seen.config.bn:
        # Only where a layer's variance falls to batch norm's eps does the gain matter.
        return "g: a larger gain." if seen.fresh else less_lr(seen)
    if seen.config.nonlinearity == "tanh" and seen.config.gain < gain_of("tanh"):
        return "3: gain 5/3; b: batch norm."
    return "g: a larger gain; b: batch norm."


def less_lr(seen: Seen) -> str:
    """How to take smaller steps, from the start."""
    lr = seen.config.at(seen.now.step).lr
    return f"[ lowers the lr ({lr:g}), r starts again."


def optimizer(seen: Seen) -> str:
    """The optimizer in use."""
    return seen.now.optimizer or seen.config.optimizer


def says_ratio(seen: Seen, below: Activation, above: Activation, name: Literal["std", "grad_std"]) -> str:
    """What theory says of above/below, or nothing where it says nothing."""
    one, other = seen.theory(below.layer), seen.theory(above.layer)
    base, value = getattr(one, name, None), getattr(other, name, None)
    if not base or value is None:
        return ""
    return f"; theory says × {value / base:.2g}" + ("" if seen.fresh else " at the start")


def others(hit: Sized) -> str:
    """How many layers or matrices there are beside the one that is named."""
    more = len(hit) - 1
    return f"; {more} more layer{'s' if more > 1 else ''}" if more else ""


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{100 * share:.1f} %"


def power(log10: float) -> str:
    """A power of ten as a number."""
    return f"{10 ** max(-300.0, min(log10, 300.0)):.1e}"


def finite(value: float | None) -> bool:
    """Whether there is a number, and it is finite."""
    return value is not None and math.isfinite(value)
