"""Small pieces of Markdown: tables, numbers, and words for what a ratio means."""

from __future__ import annotations

import math
from collections.abc import Sequence

NONE = "–"  # a number that does not exist
KEEPS = (0.8, 1.25)  # a signal that changes less over all layers keeps its spread


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column left, the others right; nothing if there are no rows."""
    if not rows:
        return ""
    lines = [head, ["---", *(["---:"] * (len(head) - 1))], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def number(value: float | None, form: str = "{:.3f}") -> str:
    """A number, or a dash where there is none."""
    return NONE if value is None or not math.isfinite(value) else form.format(value)


def between(redraws: Sequence[float] | None, form: str = "{:.3f}") -> str:
    """5 to 95 % of the redraws, or a dash where there are none."""
    return NONE if redraws is None else f"{form.format(redraws[0])}–{form.format(redraws[-1])}"


def percent(share: float | None) -> str:
    """A share 0…1 in per cent."""
    return number(None if share is None else 100 * share, "{:.1f} %")


def ratio_of(above: float, below: float) -> float | None:
    """above / below, or None where that is no number."""
    return above / below if below > 0 and math.isfinite(above / below) else None


def trend(ratio: float | None) -> str:
    """What a signal does that multiplies by `ratio` over all layers, as a verb with its figure."""
    if ratio is None:
        return "vanish"
    if ratio < 0.5:
        word = "shrink to little"
    elif ratio < KEEPS[0]:
        word = "shrink"
    elif ratio <= KEEPS[1]:
        word = "keep their spread"
    elif ratio <= KEEPS[1] * 2:
        word = "grow"
    else:
        word = "grow much"
    return f"{word}, × {ratio:.2f}" if ratio >= 0.01 else f"{word}, × {ratio:.1e}"
