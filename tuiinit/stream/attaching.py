"""A recording that somebody's training still writes, as a stream: all its past at once, and on as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec

from .following import Follower
from .protocol import Frame, Status
from .recording import Recording
from .replay import FRAMES_AT_ONCE, FileLink
from .runs import look

PAUSE = 0.2  # seconds between two looks at the file
LOOK = 2.0  # seconds between two signs that somebody looks


class LiveLink(FileLink):
    """A run with the interface of a link. It can be looked at and not be moved, like any recording."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self._follower = Follower(recording.path)

    async def frames(self) -> AsyncIterator[Frame]:
        """Frames as they come; ends when `close` was called."""
        looked = -LOOK
        try:
            while not self._closed:
                if time.monotonic() - looked >= LOOK:
                    look(self.recording.path)
                    looked = time.monotonic()
                for count, frame in enumerate(self._follower.read(), 1):
                    if isinstance(frame, Status):  # it stands still for whoever looks: no key moves it
                        frame = msgspec.structs.replace(frame, running=False)
                        self._last, self._clock = frame, frame.clock
                        self._where.update((lane.lane, lane) for lane in frame.lanes)
                    yield frame
                    if count % FRAMES_AT_ONCE == 0:
                        await asyncio.sleep(0)
                while not self._answers.empty():
                    if (answer := self._answers.get_nowait()) is not None:
                        yield answer
                await asyncio.sleep(PAUSE)
        finally:
            self._follower.close()
