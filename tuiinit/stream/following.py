"""A recording that still grows, read as it comes: every whole message once, though the file is thinned meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from . import wire
from .protocol import Frame, Lane, Snapshot, Status, Trace
from .recording import LONGEST_HEADER, check_header
from .run import Ended, Run
from .sessions import is_held

_frames: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


class Follower:
    """Reads a recording on and on. What was thinned away before it was read is gone, what comes is told once.

    Args:
        path: of the recording.

    Raises:
        RecordingError: it is none.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = self._open()
        self._last: dict[type, int] = {}  # the last step, by kind of frame
        self._lanes: set[str] = set()
        self._begun = False

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
        return not is_held(self.path)

    def read(self) -> Iterator[Frame]:
        """The frames that came since the last call."""
        yield from self._read_on()
        while self._replaced():  # it was thinned: what came last stands in the new one
            self._file.close()
            self._file = self._open()
            yield from self._read_on()

    def _replaced(self) -> bool:
        try:
            mine, there = os.fstat(self._file.fileno()), os.stat(self.path)
        except OSError:
            return False
        # An inode's number may be given to the next file as soon as this one is unlinked.
        return mine.st_nlink == 0 or (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino)

    def _read_on(self) -> Iterator[Frame]:
        while True:
            at = self._file.tell()
            header = self._file.read(4)
            length = wire.body_length(header) if len(header) == 4 else 0
            body = self._file.read(length)
            if len(header) < 4 or len(body) < length:  # a message that is half written
                self._file.seek(at)
                return
            frame = wire.frame_from(body)
            if self._is_new(frame):
                yield frame

    def _is_new(self, frame: Frame) -> bool:
        match frame:
            case Snapshot() | Trace() | Status():
                step = frame.step if isinstance(frame, Snapshot) else (
                    frame.first_step if isinstance(frame, Trace) else frame.clock
                )  # fmt: skip
                if step <= self._last.get(type(frame), -1):
                    return False
                self._last[type(frame)] = step
                return True
            case Lane():
                new = frame.lane not in self._lanes
                self._lanes.add(frame.lane)
                return new
            case Ended():
                return True
            case Run():
                new, self._begun = not self._begun, True
                return new
        return not self._begun


def summary(path: Path) -> tuple[Run | None, list[Frame], Ended | None]:
    """Who runs; the newest Status, Snapshot and Lane; and how it ended. Only these messages are decoded.

    Raises:
        RecordingError, OSError, ProtocolError: it cannot be read.
    """
    newest: dict[bytes, bytes] = {}
    with open(path, "rb") as file:
        check_header(path, file.readline(LONGEST_HEADER))
        while len(header := file.read(4)) == 4:
            body = file.read(length := wire.body_length(header))
            if len(body) < length:
                break
            newest[_tag(body)] = body
    run = newest.get(b"Run")
    ended = newest.get(b"Ended")
    frames = [wire.frame_from(newest[tag]) for tag in (b"Hello", b"Lane", b"Snapshot", b"Status") if tag in newest]
    begun = wire.frame_from(run) if run is not None else None
    end = wire.frame_from(ended) if ended is not None else None
    return (begun if isinstance(begun, Run) else None), frames, (end if isinstance(end, Ended) else None)


def _tag(body: bytes) -> bytes:
    """The kind of a message, which stands first in it."""
    start = body[:32].find(b"type") + 5  # a map's first key, then a short text of one byte's header
    size = body[start - 1] & 0x1F
    return body[start : start + size]
