"""Numbers in sentences as a person would write them."""

from __future__ import annotations

import math


def factor(value: float) -> str:
    """How many times: `3.2`, `470`, `12,000`, `over a million`."""
    if not math.isfinite(value) or value > 1e6:
        return "over a million"
    if value >= 1000:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{float(f'{value:.2g}'):g}"


def percent(share: float) -> str:
    """A share in percent: `12 %`, `0.4 %`."""
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.1f} %"


def count(number: int, noun: str) -> str:
    """A number of things: `1 row`, `3 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
