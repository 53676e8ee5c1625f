"""Exponential smoothing of a curve whose points may lie any number of steps apart."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMOOTHINGS = (0, 10, 30, 100, 300, 1_000, 3_000)  # steps to choose from; 0 is as measured


def smoothed(steps: Floats, values: Floats, over: float) -> Floats:
    """Exponentially weighted means: a value that lies `over` steps back counts 1/e of the present one.

    The weights at each point sum to 1 from the first on (as Adam's bias correction does, Kingma and Ba 2015), so the
    curve begins at its first value and not at 0.

    Args:
        steps: (n,), rising.
        values: (n,); what is not finite is left as it is and counts nothing.
        over: steps; with 0 the values come back as they are.

    Returns:
        (n,).
    """
    if over <= 0:
        return np.asarray(values, np.float64)
    out = np.array(values, np.float64)
    total = weight = 0.0
    last = -math.inf
    for i, (step, value) in enumerate(zip(steps, out.tolist(), strict=True)):
        if not math.isfinite(value):
            continue
        fade = math.exp(-(step - last) / over)
        share = 1 - fade if math.isfinite(last) else 1.0
        total, weight = fade * total + share * value, fade * weight + share
        out[i], last = total / weight, step
    return out
