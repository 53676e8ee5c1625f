"""A recording that is written while somebody's training goes on, by a thread that training never waits for.

What is queued is bounded and the newest wins: on a slow disk steps are left out. A disk that is full ends the recording
with one sentence, not the training.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ..stream import wire
from ..stream.bounded import BoundedFile, Kind
from ..stream.milestones import is_milestone
from ..stream.protocol import Frame, Hello, Lane, Snapshot, Status, Trace
from ..stream.run import Ended, Run
from ..stream.runs import announce, make_room, new_path, seen_by, wishes

QUEUED = 8  # measured steps that wait for the disk
LOOK_SECONDS = 0.5  # between two looks whether somebody watches
CLOSE_SECONDS = 5.0  # that an ending run waits for the disk

Make = Callable[[], list[Frame]]


class Writer:
    """Writes what it is given to a recording.

    Args:
        file: the recording, open.
        looked: is told twice a second whether somebody looks.
        wished: is called when somebody wants the next step measured.
    """

    def __init__(self, file: BoundedFile, looked: Callable[[bool], None], wished: Callable[[], None]) -> None:
        self.problem: str | None = None
        self.busy = 0.0  # seconds that the thread has taken of a core
        self._file = file
        self._looked, self._wished = looked, wished
        self._queue: deque[Make] = deque(maxlen=QUEUED)
        self._wake = threading.Event()
        self._closing = False
        self._ended: Ended | None = None
        self._wishes = wishes(file.path)
        self._thread = threading.Thread(target=self._run, name="tuiinit watch", daemon=True)
        self._thread.start()

    def put(self, make: Make) -> None:
        """Have frames made and written, some time soon."""
        self._queue.append(make)
        self._wake.set()

    def close(self, ended: Ended | None) -> None:
        """Write what is left, and how it ended; wait for that a bounded time. Safe to call twice."""
        if self._closing:
            return
        self._ended = ended
        self._closing = True
        self._wake.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_SECONDS)

    def leave(self) -> None:
        """In a forked child, which has no such thread: let go of the file, so that the run is not taken for alive."""
        self._closing = True
        self._file.close()

    def _run(self) -> None:
        try:
            while not self._closing:
                self._wake.wait(LOOK_SECONDS)
                self._wake.clear()
                self._look()
                self._write_all()
                self.busy = time.thread_time()
            self._write_all()
            if self._ended is not None:
                self._append(Kind.BASE, "-", self._ended)
        except OSError as error:
            self.problem = f"the run is recorded no further: {error.strerror or error}"
        except Exception as error:
            self.problem = f"the run is recorded no further: {type(error).__name__}: {error}"
        finally:
            self._closing = True
            self._queue.clear()
            with contextlib.suppress(OSError):
                self._file.close()

    def _look(self) -> None:
        self._looked(seen_by(self._file.path, time.time()))
        if (now := wishes(self._file.path)) != self._wishes:
            self._wishes = now
            self._wished()

    def _write_all(self) -> None:
        while self._queue:
            for frame in self._queue.popleft()():
                self._append(*_kind(frame), frame)

    def _append(self, kind: Kind, lane: str, frame: Frame) -> None:
        self._file.append(kind, lane, wire.pack(frame))


def _kind(frame: Frame) -> tuple[Kind, str]:
    """What a frame is worth when room is needed."""
    match frame:
        case Hello() | Run():
            return Kind.BASE, ""
        case Lane():
            return Kind.BASE, "-"
        case Snapshot():
            return (Kind.KEPT if is_milestone(frame.step) else Kind.LIVE), "snapshot"
        case Trace():
            return Kind.TRACE, "trace" if frame.update_data else "loss"
        case Status():
            return Kind.LIVE, "status"
    return Kind.KEPT, "-"


def first_frames(hello: Hello, run: Run) -> Make:
    """What a recording begins with."""
    return lambda: [hello, run]


def open_file(folder: Path | None, name: str, record: Path | None) -> BoundedFile:
    """A new recording: in the folder under the run's name, or at a path that was asked for. Raises OSError."""
    if record is not None:
        file = new_path(record.parent, record.name.removesuffix(".tuiinit"))
        announce(file.path)
        return file
    assert folder is not None
    make_room(folder)
    return new_path(folder, name)
