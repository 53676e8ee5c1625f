"""Paired timing, and the table at the end."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure beside its target. `met` is None where there is no target."""

    what: str
    figure: str
    target: str = ""
    met: bool | None = None


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def paired(first: Callable[[], object], second: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Medians of both in turn (seconds), and the median of the ratios first / second round by round."""
    pairs = [(seconds(first), seconds(second)) for _ in range(rounds)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def print_rows(rows: Sequence[Row]) -> None:
    width = max(len(row.what) for row in rows)
    figures = max(len(row.figure) for row in rows)
    for row in rows:
        mark = {True: "✓", False: "✗", None: " "}[row.met]
        print(f"{mark} {row.what:<{width}}  {row.figure:>{figures}}  {row.target}", flush=True)
