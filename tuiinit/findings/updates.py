"""How large each update is beside the data."""

from __future__ import annotations

from ..protocol import Weight
from ..thresholds import UPDATE_FAST, UPDATE_RIGHT, UPDATE_SLOW, power_of_ten
from .model import Finding, Seen
from .words import optimizer, others, power

RIGHT = f"about {power_of_ten(UPDATE_RIGHT)} is right"
FINE = f"{power_of_ten(UPDATE_SLOW)} to {power_of_ten(UPDATE_FAST)} is fine"


def updates_fast(seen: Seen) -> Finding | None:
    """Matrices that move too far in a step."""
    fast = [pair for pair in _update_data(seen) if pair[0] > UPDATE_FAST]
    if not fast:
        return None
    value, worst = max(fast, key=lambda pair: pair[0])
    text = f"{worst.name} learns too fast: update:data {power(value)} (> {power_of_ten(UPDATE_FAST)}; {RIGHT})"
    text += f"{others(fast)}. "
    slow = any(value < UPDATE_SLOW for value, _ in _update_data(seen))
    text += f"Others are too slow: {_evens_out(seen)}" if slow else "[ lowers the lr."
    return Finding("updates-fast", "warn", text, worst.name)


def updates_slow(seen: Seen) -> Finding | None:
    """Matrices that hardly move in a step."""
    slow = [pair for pair in _update_data(seen) if pair[0] < UPDATE_SLOW]
    if not slow:
        return None
    value, worst = min(slow, key=lambda pair: pair[0])
    text = f"{worst.name} learns too slowly: update:data {power(value)} (< {power_of_ten(UPDATE_SLOW)}; {RIGHT})"
    text += f"{others(slow)}."
    fast = any(value > UPDATE_FAST for value, _ in _update_data(seen))
    text += f" Others are too fast: {_evens_out(seen)}" if fast else " ] raises the lr."
    return Finding("updates-slow", "warn", text, worst.name)


def updates_fine(seen: Seen) -> Finding | None:
    """Updates that are all of a sound size."""
    values = [value for value, _ in _update_data(seen)]
    if not values or min(values) < UPDATE_SLOW or max(values) > UPDATE_FAST:
        return None
    text = f"Updates are {power(min(values))} to {power(max(values))} of the data: "
    return Finding("updates", "good", f"{text}{RIGHT}, {FINE}.")


def _update_data(seen: Seen) -> list[tuple[float, Weight]]:
    return [(w.update_data_log10, w) for w in seen.now.weights if w.update_data_log10 is not None]


def _evens_out(seen: Seen) -> str:
    if not seen.config.bn:
        return "b: batch norm evens them out."
    if optimizer(seen) in ("sgd", "momentum"):
        return "o: Adam evens them out."
    return "no one lr suits both."
