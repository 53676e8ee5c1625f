"""Steps of which a snapshot is always taken, and kept."""

from __future__ import annotations

WHOLE = 1e-6  # epochs: nearer to a whole number than this there is no other step


def is_milestone(step: int) -> bool:
    """Whether a step is 0 or one of 1, 2, 5, 10, 20, 50, …"""
    return step == 0 or str(step).rstrip("0") in ("1", "2", "5")


def ends_epoch(epoch: float) -> bool:
    """Whether a step after which so many epochs are done is the last one of an epoch: kept as long as there is room."""
    return epoch > WHOLE and abs(epoch - round(epoch)) < WHOLE
