"""Where the program keeps what outlives a run: the user's state folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def state_folder() -> Path:
    """The folder for logs, recordings and progress: XDG's on Linux, the platform's own elsewhere."""
    if override := os.environ.get("TUIINIT_STATE"):
        return Path(override)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "tuiinit"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "tuiinit"


def cache_folder() -> Path:
    """The folder for what can be made anew: XDG's on Linux, the platform's own elsewhere."""
    if override := os.environ.get("TUIINIT_CACHE"):
        return Path(override)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tuiinit"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tuiinit"
