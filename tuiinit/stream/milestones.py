"""Steps of which a snapshot is always taken and kept."""

from __future__ import annotations


def is_milestone(step: int) -> bool:
    """Whether a step is 0 or one of 1, 2, 5, 10, 20, 50, …"""
    return step == 0 or str(step).rstrip("0") in ("1", "2", "5")
