"""Paths: the user's state folder, which keeps what outlives a run, and what a person types."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path


def state_folder() -> Path:
    """The folder for logs, recordings and progress: XDG's on Linux, the platform's own elsewhere.

    Raises:
        FileNotFoundError: nobody says where: neither the variables nor the system know a home folder.
    """
    return _folder("TUIINIT_STATE", "XDG_STATE_HOME", ".local/state", "Library/Application Support")


def cache_folder() -> Path:
    """The folder for what can be made anew. Raises as `state_folder`."""
    return _folder("TUIINIT_CACHE", "XDG_CACHE_HOME", ".cache", "Library/Caches")


def _folder(override: str, xdg: str, usual: str, darwin: str) -> Path:
    if named := os.environ.get(override):
        return Path(named)
    try:
        if sys.platform == "darwin":
            return Path.home() / darwin / "tuiinit"
        return Path(os.environ.get(xdg) or Path.home() / usual) / "tuiinit"
    except RuntimeError:  # as in a container whose user has no entry
        sentence = f"there is no home folder; {override} may name a folder instead"
        raise FileNotFoundError(errno.ENOENT, sentence) from None


def typed(name: str) -> Path:
    """The path that a person typed: `~` is the home folder; where there is none it stays, as in a shell."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)
