"""Words that several rules share: what theory says, and numbers as a person writes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Sized
from typing import Literal

from ...stream.protocol import Activation
from ..expected import Figure
from .model import Seen


def times(factor: float, of: str = "") -> str:
    """A factor as a person writes it: "× 1.7", "30 × the median", "over a million times", "less than a millionth".

    Args:
        factor: at least 0; it may be infinite.
        of: what is multiplied.
    """
    after = f" {of}" if of else ""
    if not factor <= 1e6:
        return f"over a million times{after}"
    if factor == 0:
        return f"0 ×{after}" if of else "× 0"
    if factor < 1e-6:
        return f"less than a millionth{f' of {of}' if of else ''}"
    digits = f"{float(f'{factor:.2g}'):,.0f}" if factor >= 100 else f"{factor:.2g}"
    return f"{digits} ×{after}" if of else f"× {digits}"


def many_times(factor: float) -> str:
    """How many times, in words: "469 times", "over a million times"."""
    if not factor <= 1e6:
        return "over a million times"
    return f"{float(f'{factor:.3g}'):,.0f} times" if factor >= 100 else f"{factor:.2g} times"


def nats(loss: float) -> str:
    """A loss as a person writes it."""
    return f"{loss:.2f}" if loss < 1000 else f"{float(f'{loss:.2g}'):,.0f}" if loss <= 1e6 else "over a million"


def says_ratio(seen: Seen, below: Activation, above: Activation, name: Literal["std", "grad_std"]) -> str:
    """What theory says of above/below, or nothing where it says nothing."""
    one, other = seen.theory(below.layer), seen.theory(above.layer)
    base, value = getattr(one, name, None), getattr(other, name, None)
    if not base or value is None or not value / base >= 0:
        return ""
    return f"; theory says {times(value / base)}" + at_start(seen)


def says(seen: Seen, figure: Figure, form: Callable[[float], str], before: str = "") -> str:
    """What theory and redraws say of a figure, or nothing where they say nothing.

    Args:
        seen: for whether what is measured is still the start.
        figure: theory and redraws.
        form: a number as it is written.
        before: what stands before theory's number where it stands alone.
    """
    if figure.redraws:
        return f"; {figure.words(form)}{at_start(seen)}"
    return f"; theory says {before}{form(figure.theory)}{at_start(seen)}" if figure.theory is not None else ""


def at_start(seen: Seen) -> str:
    """What is added to theory's words once the network has trained."""
    return "" if seen.fresh else " at the start"


def others(hit: Sized) -> str:
    """How many layers or matrices there are beside the one that is named."""
    more = len(hit) - 1
    return f"; so in {more} more layer{'s' if more > 1 else ''}" if more else ""


def listed(names: Sequence[str]) -> str:
    """Names as they stand in a sentence: a, b and c."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{100 * share:.1f} %"


def power(log10: float) -> str:
    """A power of ten as a number in two digits: 8.7e-4, 0.032, 1.5."""
    if log10 < -12:
        return "less than 1e-12"
    if log10 > 6:
        return "over a million"
    value = float(f"{10**log10:.2g}")
    if value >= 0.01:
        return f"{value:,.0f}" if value >= 100 else f"{value:g}"
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


def finite(value: float | None) -> bool:
    """Whether there is a number, and it is finite."""
    return value is not None and math.isfinite(value)
