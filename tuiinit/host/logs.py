"""Logs of engines: where a new one goes, and how many are kept."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import stat
import tempfile
import time
from pathlib import Path

from .files import private_folder
from .paths import state_folder

KEPT_LOGS = 20


def log_file() -> Path:
    """A new engine's log, made for its owner alone; old ones are pruned."""
    name = f"engine-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    try:
        folder = private_folder(state_folder() / "logs")
        _prune(folder)
        return _new(folder, name)
    except OSError:  # a full disk or a read-only home takes nothing but the log
        folder = _elsewhere()
        with contextlib.suppress(OSError):
            return _new(folder, name)
    return folder / f"{name}.log"


def _new(folder: Path, name: str) -> Path:
    """A file that is no other engine's: several may start in one second. Raises OSError."""
    number = 1
    while True:
        path = folder / f"{name}{f'-{number}' if number > 1 else ''}.log"
        try:
            path.touch(0o600, exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return path


def _prune(folder: Path) -> None:
    logs = sorted(path for path in folder.glob("engine-*.log") if stat.S_ISREG(_mode(path)))
    for old in logs[:-KEPT_LOGS]:
        with contextlib.suppress(OSError):
            old.unlink()


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:  # pruned by another program just now
        return 0


def _elsewhere() -> Path:
    """A temporary folder, one for all engines of this process."""
    folder = _temporary()
    if not folder.is_dir():  # somebody tidied up
        _temporary.cache_clear()
        folder = _temporary()
    return folder


@functools.cache
def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tuiinit-"))
    atexit.register(_tidy, folder)
    return folder


def _tidy(folder: Path) -> None:
    """Delete logs that say nothing, and the folder unless one is left."""
    with contextlib.suppress(OSError):
        for log in folder.iterdir():
            if not log.stat().st_size:
                log.unlink()
        folder.rmdir()
