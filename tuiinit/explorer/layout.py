"""How the panes are laid out in windows of different sizes; style.tcss says what stands where in each."""

from __future__ import annotations

from typing import Literal

LayoutName = Literal["tiny", "compact", "full"]
TINY = "This window is too small: tuiinit needs 60 × 16 characters."
WIDE = 150  # columns from which the side has more room


def layout_for(width: int, height: int) -> LayoutName:
    """How the panes are laid out in a window of that size, in characters."""
    if width < 60 or height < 16:
        return "tiny"
    return "full" if width >= 100 and height >= 30 else "compact"
