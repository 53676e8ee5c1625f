"""Start frames as an engine would tell them, without one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuiinit.config.run import RunConfig
from tuiinit.stream.protocol import Expected, Start

NAN = float("nan")


def numbers(*values: float | Sequence[float]) -> bytes:
    return np.array(values, "<f4").tobytes()


def start(
    config: RunConfig,
    *,
    ratio: float = 1.69,
    band: tuple[float, float, float] = (1.49, 1.64, 1.83),
    contexts: int = 30,
    commonest: int = 3,
    without: float | None = None,
) -> Start:
    """Layers of std 0.632, 2.8 % saturated, whose gradients grow by `ratio` to the first; redraws around them."""
    layers, matrices = len(config.hidden), len(config.hidden) + 2

    def around(count: int, *values: float) -> bytes:
        return numbers(*([values] * count))

    ratios = [ratio ** ((layers - 1 - i) / max(1, layers - 1)) for i in range(layers)]
    bands = [[b ** ((layers - 1 - i) / max(1, layers - 1)) for b in band] for i in range(layers)]
    return Start(
        lane=config.key,
        examples=32,
        contexts=contexts,
        commonest=commonest,
        redraws=64,
        lost=0,
        theory=Expected(
            std=around(layers, 0.632),
            saturated=around(layers, 0.028),
            grad_std=numbers(*(5e-4 * r for r in ratios)),
            grad_ratio=numbers(*ratios),
            weight_grad_std=around(matrices, 1.7e-3),
            update_data=around(matrices, -3.05),
            loss=numbers(3.303),
            logit_std=numbers(0.098),
        ),
        redrawn=Expected(
            std=around(layers, 0.627, 0.632, 0.638),
            saturated=around(layers, 0.023, 0.027, 0.032),
            grad_std=numbers(*([5e-4 * b for b in three] for three in bands)),
            grad_ratio=numbers(*bands),
            weight_grad_std=around(matrices, 1.5e-3, 1.7e-3, 1.9e-3),
            update_data=around(matrices, -3.1, -3.05, -2.95),
            loss=numbers(3.27, 3.3, 3.33),
            logit_std=numbers(0.09, 0.098, 0.1),
        ),
        ratio_without_repeats=without,
    )
