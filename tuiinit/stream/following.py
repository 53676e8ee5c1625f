"""A recording that still grows, read as it comes: every whole message once, though the file is thinned meanwhile."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from . import wire
from .protocol import Frame, Hello, Lane, Snapshot, Status, Trace
from .recording import LONGEST_HEADER, check_header
from .run import Ended, Pulse, Run, State
from .sessions import is_held, is_locked

TAGGED = 32  # bytes at a message's beginning in which its kind stands
STEPPED = (Snapshot, Trace, Status)  # frames of a step, which come in the order of their steps


class Once:
    """Lets each frame of a run through once, however often its recording is read from the start.

    Args:
        after: the step whose frames, and those of earlier ones, are known.
    """

    def __init__(self, after: int = -1) -> None:
        self._steps: dict[type, int] = dict.fromkeys(STEPPED, after)
        self._lanes: set[str] = set()
        self.began = False  # the run was told of

    @property
    def after(self) -> int:
        """The step up to which nothing need be told again."""
        return min(self._steps.values())

    def is_new(self, frame: Frame) -> bool:
        """Whether it comes for the first time."""
        match frame:
            case Snapshot(step=step) | Trace(first_step=step) | Status(clock=step):
                if step <= self._steps[type(frame)]:
                    return False
                self._steps[type(frame)] = step
                return True
            case Lane():
                new = frame.lane not in self._lanes
                self._lanes.add(frame.lane)
                return new
            case Ended() | Pulse():
                return True
            case Run():
                new, self.began = not self.began, True
                return new
        return not self.began


class Follower:
    """Reads a recording on and on. What was thinned away before it was read is gone, what comes is told once.

    Args:
        path: of the recording.
        after: see `Once`.

    Raises:
        RecordingError: it is none.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path, after: int = -1) -> None:
        self.path = path
        self._file = self._open()
        self._once = Once(after)
        self._run: Run | None = None
        self._ended: Ended | None = None
        self._hello: Hello | None = None
        self._status: Status | None = None
        self._lanes: dict[str, None] = {}
        self._other = False  # another run's recording lies there now

    def _open(self) -> BinaryIO:
        file = open(self.path, "rb")  # noqa: SIM115 - read on and on
        try:
            check_header(self.path, file.readline(LONGEST_HEADER))
        except BaseException:
            file.close()
            raise
        return file

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @property
    def over(self) -> bool:
        """Whether nobody writes to it any more."""
        if self._ended is not None or self._other:
            return True
        return not (is_held(self.path) if self.path.exists() else is_locked(self._file.fileno()))

    def pulse(self, over: bool) -> Pulse:
        """How it stands with the run, `over` being what `over` was before the last frame was read."""
        state: State = "ended" if self._ended is not None else "gone" if over else "live"
        text = self._ended.text if self._ended is not None else ""
        status, hello = self._status, self._hello
        return Pulse(
            name=self.path.stem,
            path=str(self.path),
            lanes=tuple(self._lanes),
            run=self._run,
            pid=hello.pid if hello is not None else 0,
            device=hello.device if hello is not None else "",
            torch=hello.torch if hello is not None else "",
            state=state,
            text="another run is recorded under its name now" if self._other else text,
            age=max(0.0, time.time() - os.fstat(self._file.fileno()).st_mtime),
            speed=status.steps_per_second if status is not None else 0.0,
            measuring=status.measuring if status is not None else 0.0,
        )

    def read(self) -> Iterator[Frame]:
        """The frames that came since the last call."""
        yield from self._read_on()
        while not self._other and self._replaced():  # it was thinned: what came last stands in the new one
            with contextlib.suppress(FileNotFoundError):  # it was deleted just now
                file = self._open()
                self._file.close()
                self._file = file
            yield from self._read_on()

    def _replaced(self) -> bool:
        try:
            mine, there = os.fstat(self._file.fileno()), os.stat(self.path)
        except OSError:
            return False
        # An inode's number may be given to the next file as soon as this one is unlinked.
        return mine.st_nlink == 0 or (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino)

    def _read_on(self) -> Iterator[Frame]:
        while not self._other:
            at = self._file.tell()
            header = self._file.read(4)
            length = wire.body_length(header) if len(header) == 4 else 0
            body = self._file.read(length)
            if len(header) < 4 or len(body) < length:  # a message that is half written
                self._file.seek(at)
                return
            frame = wire.frame_from(body)
            self._know(frame)
            if not self._other and self._once.is_new(frame):
                yield frame

    def _know(self, frame: Frame) -> None:
        match frame:
            case Run():
                self._other = self._run is not None and self._run != frame
                self._run = self._run or frame
            case Ended():
                self._ended = frame
            case Hello():
                self._hello = frame
            case Status():
                self._status = frame
            case Lane():
                self._lanes[frame.lane] = None


@dataclass(frozen=True)
class Place:
    """Where a message is in a file."""

    offset: int
    length: int  # bytes of its body


class Snapshots(Sequence[Snapshot]):
    """The snapshots of a recording in their order, each read when it is asked for."""

    def __init__(self, path: Path, places: Sequence[Place]) -> None:
        self._path = path
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Snapshot:  # type: ignore[override]
        with open(self._path, "rb") as file:
            frame = _read_at(file, self._places[index])
        if not isinstance(frame, Snapshot):  # it was thinned meanwhile
            raise wire.ProtocolError("the recording has changed")
        return frame


@dataclass(frozen=True)
class Summary:
    """What a recording says of its run."""

    run: Run | None
    hello: Hello | None
    status: Status | None  # the newest
    snapshots: Snapshots
    ended: Ended | None


def summary(path: Path) -> Summary:
    """Find out what a recording says of its run; few of its messages are read, and none but the newest decoded.

    Raises:
        RecordingError, OSError, ProtocolError: it cannot be read.
    """
    newest: dict[bytes, Place] = {}
    snapshots: list[Place] = []
    found: dict[type, Frame] = {}
    with open(path, "rb") as file:
        check_header(path, file.readline(LONGEST_HEADER))
        size = os.fstat(file.fileno()).st_size
        while len(header := file.read(4)) == 4:
            place = Place(file.tell(), wire.body_length(header))
            if place.offset + place.length > size:  # half written
                break
            tag = _tag(file.read(min(place.length, TAGGED)))
            newest[tag] = place
            if tag == b"Snapshot":
                snapshots.append(place)
            file.seek(place.offset + place.length)
        for tag in (b"Run", b"Hello", b"Status", b"Ended"):
            if tag in newest:
                frame = _read_at(file, newest[tag])
                found[type(frame)] = frame
    run, hello, status, ended = (found.get(kind) for kind in (Run, Hello, Status, Ended))
    return Summary(
        run if isinstance(run, Run) else None,
        hello if isinstance(hello, Hello) else None,
        status if isinstance(status, Status) else None,
        Snapshots(path, snapshots),
        ended if isinstance(ended, Ended) else None,
    )


def _read_at(file: BinaryIO, place: Place) -> Frame:
    file.seek(place.offset)
    return wire.frame_from(file.read(place.length))


def _tag(body: bytes) -> bytes:
    """The kind of a message, which stands first in it."""
    start = body.find(b"type") + 5  # a map's first key, then a short text of one byte's header
    size = body[start - 1] & 0x1F
    return body[start : start + size]
