"""The folder of recorded sessions: what lies there, what is written to, and what goes to make room.

Only regular files that begin as a recording does count and are deleted; whatever else lies there is somebody's own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..host.paths import state_folder

MAGIC = b"tuiinit recording "  # begins every recording
SUFFIX = ".tuiinit"
THINNED = ".thinned"  # of a recording's shorter copy while it is written
SHORT = 2**17  # bytes of a session that hardly trained: a start and some hundred steps


def sessions_folder() -> Path:
    """Where explorer sessions are recorded."""
    return state_folder() / "sessions"


def sessions(folder: Path) -> list[tuple[Path, int]]:
    """The files in a folder that are named as recordings and their sizes in bytes, the one written to last first."""
    found = []
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            info = path.stat()
        except OSError:  # pruned by another session just now
            continue
        if stat.S_ISREG(info.st_mode):
            found.append((info.st_mtime_ns, path.name, path, info.st_size))
    return [(path, size) for _, _, path, size in sorted(found, reverse=True)]


def hold(file: int) -> None:
    """Mark an open file as one that is written to: it is not pruned. Some file systems know no such marks."""
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def prune(folder: Path, count: int, size: int) -> None:
    """Delete old sessions beyond a number of files and of bytes, the newest kept first; none that is written to.

    Short sessions are counted apart: to start the program again and again pushes out nothing that took long.
    What a session that was killed while it was thinned left beside goes too.
    """
    counted = Counter[bool]()
    for path, length in sessions(folder):
        if not is_ours(path):
            continue
        size -= length
        counted[short := length < SHORT] += 1
        if (counted[short] > count or size < 0) and not is_held(path):
            _delete(path)
    for path in folder.glob(f"*{THINNED}"):
        if is_ours(path) and not is_held(path) and not is_held(path.with_suffix(SUFFIX)):
            _delete(path)


def is_ours(path: Path) -> bool:
    """Whether a file is a recording, perhaps cut off in its first line, and not a link to one."""
    with contextlib.suppress(OSError), _opened(path) as file:
        begin = os.read(file, len(MAGIC)) if stat.S_ISREG(os.fstat(file).st_mode) else b"?"
        return MAGIC.startswith(begin)
    return False


def is_held(path: Path) -> bool:
    """Whether a recording is being written to."""
    with contextlib.suppress(OSError), _opened(path) as file:
        return is_locked(file)
    return False


def is_locked(file: int) -> bool:
    """Whether somebody else writes to an open file; it may have lost its name since."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would be waited for
    try:
        yield file
    finally:
        os.close(file)


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
