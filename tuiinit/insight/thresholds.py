"""Where a line is drawn between sound and not: each number once, with its source.

Findings, views, tables, claims and reports take them from here, and what is said about a line is formatted
from it. It knows nothing of the rest of the program.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

INITIAL_LOSS_EXCESS = 0.1  # nats above ln V: Karpathy, "A Recipe for Training Neural Networks"; cs231n
SATURATED_HIGH = 0.20  # share of outputs: the lecture; about 5 % is fine
DEAD_PROBE_ROWS = 1000  # on the lecture's 32 rows a unit saturated 90 % of the time looks dead 3.4 % of the time
STD_SHRINKS = 0.5  # std of the last layer's outputs / the first's: LSUV (arXiv 1511.06422)
STD_GROWS = 2.0
VARIANCE_RATIO_BAD = 10.0  # largest / smallest variance over layers: AWS debugger's rules
VANISHING_GRADIENT = 1e-7  # mean of abs(gradient): AWS debugger's rules
GRADIENT_OUT_OF_LINE = 10.0  # a matrix's grad:data ratio / the median of the others: the lecture
UPDATE_RIGHT = -3.0  # log10 of update:data: cs231n; the lecture
UPDATE_SLOW = -4.0
UPDATE_FAST = -2.0
FROM_ZERO = 3.0  # times: how uneven updates may be (`pace`)
LOSS_ABOVE_START = 1.0  # nats that a minibatch's loss may rise above the first or ln V, at 32 rows and more
LOSS_SPREAD = 6.0  # nats over √rows: six stds of a mean of losses that differ by about one nat
STALE_STATISTICS = 0.02  # nats that running statistics cost: the lecture
BIAS_CANCELLED = 1e-6  # std of a bias's gradient / the weights': batch norm takes the bias away again (the lecture)

# A measured share is as predicted up to this many stds of a share over `width` independent units, taking a
# unit's rows for copies of each other, the worst case. Over 60 sampled networks of the default shape for each
# of four gains and nonlinearities the largest excess was 0.032 for tanh and 0.094 for the others; this
# allows 0.08 at 20 % and 0.10 at 50 %, and more where layers are narrow.
PREDICTED_WITHIN = 2.0

Pace = Literal["slow", "fine", "fast", "from 0"]


def pace(log10: float | None, *, since_zero: int | None = None) -> Pace | None:
    """How fast a matrix learns, by log10 of its update:data; None if there is no such number.

    Args:
        log10: of std(update) / std(data after it).
        since_zero: the steps since all its numbers were 0, if they were. Such data is the sum of its updates:
            after n steps in any directions about √n times one of them, at whatever lr, so a ratio up to
            `FROM_ZERO` / √n tells nothing ("from 0").
    """
    if log10 is None or log10 != log10:
        return None
    if log10 < UPDATE_SLOW:
        return "slow"
    if since_zero is not None and UPDATE_FAST < log10 <= math.log10(FROM_ZERO / math.sqrt(max(1, since_zero))):
        return "from 0"
    return "fast" if log10 > UPDATE_FAST else "fine"


def beside_others(ratios: Sequence[float | None]) -> list[float | None]:
    """Each ratio / the median of the others that exist; None where that is no number."""
    known = sorted((ratio, i) for i, ratio in enumerate(ratios) if ratio is not None and not math.isnan(ratio))
    beside: list[float | None] = [None] * len(ratios)
    left = len(known) - 1  # others of each
    for place, (own, i) in enumerate(known):
        ends = ((left - 1) // 2, left // 2)
        low, high = (known[end + (end >= place)][0] for end in ends) if left else (0.0, 0.0)
        middle = low if left % 2 else (low + high) / 2
        beside[i] = own / middle if middle > 0 else None
    return beside


def power_of_ten(log10: float) -> str:
    """A threshold of update:data as people write it: `1e-3`."""
    return f"1e{log10:g}"
