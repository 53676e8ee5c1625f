"""What an engine says on standard error: taken as it comes, and kept in a file that is bounded."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import IO

from .quoting import quoted

LIMIT = 2**20  # bytes of the file; beyond, what lies between its first and its newest lines is left out
HEAD = 2**16  # bytes that are always kept of the first
TAIL = 2**16  # bytes that are always kept of the newest
READ_SIZE = 2**16  # as much as a pipe holds
PAUSE = 0.001  # seconds between two reads: who says more than 64 MB/s waits, and takes no core from the screen


class EngineLog:
    """Reads a pipe to its end in a thread of its own, so that whoever writes there is never held up.

    Args:
        source: the pipe's end to read from, unbuffered; closed at its end.
        path: a new file, or one to go on with. One that cannot be written costs nothing but the file.
    """

    def __init__(self, source: IO[bytes], path: Path) -> None:
        self.path = path
        self._source = source
        self._tail = b""
        self._size = 0  # of the file
        self._total = 0  # bytes said
        self._thread = threading.Thread(target=self._take, name="engine log", daemon=True)
        self._thread.start()

    def ended(self, timeout: float = 0.0) -> bool:
        """Whether all that will come has been taken, waiting so many seconds for it."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def last_words(self) -> str:
        """The newest line that is not blank, cut, visible and quoted; empty if nothing was said."""
        return quoted(self._tail, last=True)

    def _take(self) -> None:
        file = -1
        with contextlib.suppress(OSError):
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with self._source:
            while data := self._read():
                self._tail = (self._tail + data)[-TAIL:]
                self._total += len(data)
                if file >= 0:
                    with contextlib.suppress(OSError):
                        self._write(file, data)
                time.sleep(PAUSE)
        if file >= 0:
            os.close(file)

    def _read(self) -> bytes:
        try:
            return self._source.read(READ_SIZE)
        except OSError:
            return b""

    def _write(self, file: int, data: bytes) -> None:
        if self._size + len(data) > LIMIT:
            kept = min(self._size, HEAD)
            left_out = self._total - kept - len(self._tail)
            os.ftruncate(file, kept)
            data = f"\n[{left_out:,} bytes are left out here]\n".encode() + self._tail
            self._size = kept
        self._size += os.write(file, data)
