"""The 5 to 95 % of redraws in few cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..insight.expected import Figure

FIXED = (0.02, 1000.0)  # between these a number needs no power of ten


def spread(figure: Figure) -> str:
    """`.627–.638`, `1.49–1.83` or, for the very small and large, `1.5–1.9e-03`; empty without redraws."""
    if figure.redraws is None:
        return ""
    low, _, high = figure.redraws
    size = max(abs(low), abs(high))
    if size and not FIXED[0] <= size < FIXED[1]:
        power = math.floor(math.log10(size))
        return f"{low / 10.0**power:.1f}–{high / 10.0**power:.1f}e{power:+03d}"
    decimals = 3 if size < 1 else max(0, 2 - math.floor(math.log10(size)))
    return f"{_short(low, decimals)}–{_short(high, decimals)}"


def _short(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("0.") else text


def wide_enough(width: int, texts: Sequence[str]) -> int:
    """A column's width for these texts, too."""
    return max(width, *map(len, texts)) if texts else width
