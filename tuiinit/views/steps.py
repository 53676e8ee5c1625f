"""Axes over steps: where the settings changed, where they end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..config.values import format_number
from ..insight.look import Look

Floats = npt.NDArray[np.float64]


def events(look: Look) -> tuple[tuple[float, str], ...]:
    """The hyperparameter changes of the shown lane that have happened, for a plot over steps."""
    marks = []
    for change in look.config.schedule if look.config is not None else ():
        if change.step <= (look.history.loss.last_step or 0):
            value = change.value if isinstance(change.value, str) else format_number(change.value)
            word = "" if change.name == "optimizer" else "batch " if change.name == "batch_size" else "lr "
            marks.append((float(change.step), f"{word}{value}"))
    return tuple(marks)


def nice_end(step: int) -> int:
    """The end of a step axis: a round number not far above, so that the curve seldom jumps."""
    if step <= 20:
        return 20
    power: int = 10 ** (len(str(step)) - 1)
    for factor in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        if step <= factor * power:
            return round(factor * power)
    return step


def measured(steps: Floats, *values: Floats) -> tuple[Floats, ...]:
    """Steps and values (n, …) without the steps of which nothing is known, where those are most of them.

    A run that is watched is measured now and then: its curves go from one measured step to the next.
    """
    if not values[0].size:
        return steps, *values
    known = np.isfinite(values[0]).reshape(len(steps), -1).any(axis=1)
    if 2 * known.sum() >= known.size:
        return steps, *values
    return steps[known], *(value[known] for value in values)
