"""The recorder: writes a session's stream to a file while it runs, in bounded space.

Notable: the screen only queues what it saw; a thread encodes, writes and, when the bound is reached, thins,
so a slow disk is never felt. What is written reaches the operating system at once: a session that is killed
loses at most the live snapshots of its last second.

What is recorded: every Hello, DataInfo, OwnTarget, Unlike, Lane, Start, Trace and Evaluation; snapshots and
inspections as history keeps them (milestones, pauses), and live ones at most once a second; a Status where it changed.

At the bound of a session the live snapshots go first, every second one again and again; then whole blocks of
traces, evenly over the whole run (of every 2, 4, 8 … blocks one is kept, of those to come too), so that the
curves keep their shape from the first step to the last; then pauses. Milestones and each lane's newest stay.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..host.files import private_folder
from . import protocol, wire
from .bounded import SESSION_BYTES, BoundedFile, Kind
from .milestones import ends_epoch, is_milestone
from .protocol import (
    Command,
    DataInfo,
    Evaluation,
    Frame,
    Hello,
    Inspection,
    Lane,
    OwnTarget,
    Restart,
    Select,
    Snapshot,
    Status,
    Trace,
    Unlike,
    Words,
)
from .sessions import SUFFIX, prune, sessions_folder

KEPT_SESSIONS = 20
KEPT_BYTES = 256 * 2**20  # of all sessions together
LIVE_SECONDS = 1.0  # between live snapshots of a lane, at least
CLOSE_SECONDS = 0.5  # that leaving waits for the disk


LaneFrame = Lane | Trace | Snapshot | Evaluation | Inspection | protocol.Start
Item = tuple[Kind, str, protocol.Message]


class Pace:
    """Tells which live snapshots are worth keeping: one in `LIVE_SECONDS` of each lane.

    The screen keeps the same ones as the recording, so a recording opens with the same past.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._last: dict[str, float] = {}

    def due(self, lane: str) -> bool:
        """Whether a snapshot of a lane that comes now is worth keeping."""
        now = self._now()
        if now - self._last.get(lane, -math.inf) < LIVE_SECONDS:
            return False
        self._last[lane] = now
        return True


class Recorder:
    """Records what an explorer sees: `sent` and `take` only queue.

    Args:
        folder: where the file goes; None is the user's sessions folder. Old sessions there are pruned.
        limit: bytes of the session.

    Attributes:
        problem: why recording has stopped, one sentence, or None.
        path: the file, once it is there.
    """

    def __init__(self, folder: Path | None = None, *, limit: int = SESSION_BYTES) -> None:
        self.problem: str | None = None
        self.path: Path | None = None
        self._folder = folder
        self._limit = limit
        self._queue: queue.SimpleQueue[Item | threading.Event | None] = queue.SimpleQueue()
        self._pending: dict[tuple[type, str], Snapshot | Inspection] = {}  # not written yet, the newest of each lane
        self._kept: set[tuple[type, str]] = set()  # of those pending, what is worth keeping
        self._traced: dict[str, int] = {}  # last step told, by lane
        self._measured: dict[str, int] = {}
        self._status: Status | None = None  # as written last
        self._latest: Status | None = None
        self._live_written = False  # a live snapshot was written after the last status
        self._restarted: tuple[Restart | Select, ...] = ()  # what was sent, as long as no lane has followed
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------------------------ what is recorded

    def sent(self, command: Command) -> None:
        """Note a command to the engine: Select and Restart tell what is shown, Words what cannot be read again."""
        if isinstance(command, Restart):
            self.flush()
            self._restarted = (command,)  # written with the lane that answers: perhaps no engine hears
        elif isinstance(command, Select) and self._restarted:
            self._restarted += (command,)
        elif isinstance(command, Select | Words):
            self._put(Kind.BASE, "-" if isinstance(command, Select) else "", command)

    def take(self, frame: Frame, *, keep: bool = False, live: bool = False) -> None:
        """Record a frame, or see that it need not be.

        Args:
            keep: a snapshot is worth keeping though no milestone (the person paused there).
            live: a snapshot on the way is worth keeping as long as there is room (`Pace`).
        """
        if self._restarted and isinstance(frame, LaneFrame | Status):
            selected = [config.key for c in self._restarted if isinstance(c, Select) for config in c.configurations]
            if not isinstance(frame, Lane) or frame.lane not in selected:
                return  # of the time before the restart
            self._begin_anew()
        match frame:
            case Trace():
                last = frame.first_step + len(frame.loss) // protocol.FLOAT - 1
                if last > self._traced.get(frame.lane, 0):
                    self._traced[frame.lane] = last
                    self._put(Kind.TRACE, frame.lane, frame)
            case Snapshot():
                if frame.step > self._measured.get(frame.lane, -1):
                    self._measured[frame.lane] = frame.step
                    self._take_snapshot(frame, keep or ends_epoch(frame.epoch), live)
            case Inspection():
                self._wait(frame, keep)
            case Status():
                self._take_status(frame)
            case Lane():
                self.flush()
                for known in (self._traced, self._measured):
                    if frame.continues in known:
                        known[frame.lane] = known.pop(frame.continues)
                self._put(Kind.BASE, "-", frame)
            case protocol.Start():
                self._put(Kind.BASE, "-", frame)
            case Evaluation():
                self._put(Kind.KEPT, f"Evaluation {frame.lane}", frame)
            case Hello() | DataInfo() | OwnTarget() | Unlike():
                self._put(Kind.BASE, "", frame)

    def _begin_anew(self) -> None:
        for known in (self._pending, self._kept, self._traced, self._measured):
            known.clear()
        self._status = self._latest = None
        commands, self._restarted = self._restarted, ()
        for command in commands:
            self._put(Kind.RESTART if isinstance(command, Restart) else Kind.BASE, "-", command)

    def _take_snapshot(self, frame: Snapshot, keep: bool, live: bool) -> None:
        self._wait(frame, keep)
        place = (Snapshot, frame.lane)
        if is_milestone(frame.step):
            self._kept.discard(place)
            self._put(Kind.BASE, "-", self._pending.pop(place))
        elif live and not keep:
            self._put_pending(place, Kind.LIVE)
            self._live_written = True

    def _wait(self, frame: Snapshot | Inspection, keep: bool) -> None:
        """Hold the newest of a lane back: most are of no interest once the next one comes."""
        place = (type(frame), frame.lane)
        if place in self._kept:
            self._put_pending(place, Kind.KEPT)
        self._pending[place] = frame
        if keep:
            self._kept.add(place)

    def _take_status(self, status: Status) -> None:
        self._latest = status
        if not (status.running or status.catching_up):
            self.flush()
        elif self._live_written:
            self._put_status(Kind.LIVE)
        elif self._status is None or _situation(status) != _situation(self._status):
            self._put_status(Kind.KEPT)

    def flush(self) -> None:
        """Write the newest of each lane, and the status: nothing more may come."""
        for place in list(self._pending):
            self._put_pending(place, Kind.KEPT)
        self._put_status(Kind.KEPT)

    def _put_pending(self, place: tuple[type, str], kind: Kind) -> None:
        self._kept.discard(place)
        self._put(kind, f"{place[0].__name__} {place[1]}", self._pending.pop(place))

    def _put_status(self, kind: Kind) -> None:
        self._live_written = False
        if self._latest is not None and self._latest != self._status:
            self._status = self._latest
            self._put(kind, "status", self._latest)

    def _put(self, kind: Kind, lane: str, message: protocol.Message) -> None:
        if not self._closed and self.problem is None:
            self._queue.put((kind, lane, message))

    def close(self) -> None:
        """Write what is left and end, in a bounded time. Safe to call twice."""
        if self._closed:
            return
        self.flush()
        self._closed = True
        self._queue.put(None)
        self._thread.join(CLOSE_SECONDS)

    def wait(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until all that was queued is written; whether it is."""
        done = threading.Event()
        self._queue.put(done)
        return done.wait(seconds)

    # ------------------------------------------------------------------------------------------ the thread

    def _write(self) -> None:
        file: BoundedFile | None = None
        waiting: list[Item] = []  # for a lane: a session without one would not open again
        while (item := self._queue.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
                continue
            waiting.append(item)
            if self.problem is not None or (file is None and not isinstance(item[2], Lane)):
                continue
            try:
                file = file or self._open()
                for kind, lane, message in waiting:
                    file.append(kind, lane, wire.pack(message))
                waiting.clear()
            except OSError as error:
                where = f" in {self._folder}" if self._folder is not None else ""
                what = "recorded no further" if file is not None else f"not recorded{where}"
                self.problem = f"this session is {what}: {error.strerror or error}"
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _open(self) -> BoundedFile:
        folder = self._folder = sessions_folder() if self._folder is None else self._folder
        private_folder(folder)
        prune(folder, KEPT_SESSIONS - 1, KEPT_BYTES - self._limit)
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        for attempt in range(100):
            path = folder / f"{name}{f'-{attempt}' if attempt else ''}{SUFFIX}"
            with contextlib.suppress(FileExistsError):
                file = BoundedFile(path, self._limit)
                self.path = path
                return file
        raise FileExistsError(17, f"{name} is taken")


def _situation(status: Status) -> Any:
    """What of a status is worth telling at once; where the lanes are is not."""
    return status.running, status.catching_up, status.target, [(s.lane, s.diverged_at) for s in status.lanes]
