"""What can be read only once, and only by the process that the person started: standard input, a pipe, a FIFO."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable

from . import given
from .given import MAX_GIVEN
from .reading import DataError, read_all

STDIN = "-"
PATIENCE = 1.0  # seconds without a word, then the person is told what is waited for
_PRIVATE = ("/dev/", "/proc/")  # /dev/stdin, /dev/fd/63: another process finds something else there, or nothing


def take_in(data: str, say: Callable[[str], None]) -> str:
    """Read a source that engines cannot read, and keep it; gives the name of the words, or of a plain file as it is.

    Args:
        data: what the person named; `-` is standard input.
        say: told in a sentence what is waited for, where it takes long; from another thread.

    Raises:
        DataError: it cannot be read, or is too large to be sent to engines.
    """
    if data != STDIN and not _only_here(data):
        return data
    title = "standard input" if data == STDIN else data
    timer = threading.Timer(PATIENCE, say, [f"waiting for words from {title} (ctrl+c ends)"])
    timer.daemon = True
    timer.start()
    try:
        content = _read(0 if data == STDIN else data)
    except OSError as error:
        raise DataError(f"cannot read {title}: {error.strerror or error}") from None
    finally:
        timer.cancel()
    if len(content) > MAX_GIVEN:
        raise DataError(f"{title} gives more than {MAX_GIVEN // 2**20} MiB: save it as a file first")
    return given.keep(title, content).name


def _only_here(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False  # told by who reads it
    return not stat.S_ISDIR(mode) and (path.startswith(_PRIVATE) or not stat.S_ISREG(mode))


def _read(source: str | int) -> bytes:
    """All bytes up to the end, or somewhat more than are allowed. Waits for a writer; a signal ends that."""
    number = os.dup(source) if isinstance(source, int) else os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_all(number, MAX_GIVEN)
    finally:
        os.close(number)
