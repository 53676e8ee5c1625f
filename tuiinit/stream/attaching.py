"""A recording that somebody's training still writes, as a stream: all its past at once, and on as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from .following import Follower
from .link import LinkError
from .protocol import Command, Frame, Measure, Problem, Status
from .replay import FRAMES_AT_ONCE
from .runs import look, wish
from .wire import ProtocolError

PAUSE = 0.2  # seconds between two looks at the file
LOOK = 2.0  # seconds between two signs that somebody looks, and between two pulses


def still(frame: Frame) -> Frame:
    """A frame as it is for whoever looks at a run: it stands still, since no key moves it."""
    return msgspec.structs.replace(frame, running=False) if isinstance(frame, Status) else frame


class LiveLink:
    """A run of this machine with the interface of a link; it takes nothing but wishes to measure.

    Args:
        path: of the recording.

    Raises:
        RecordingError: it is none.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._follower = Follower(path)
        self._problems: list[Problem] = []
        self._closed = asyncio.Event()

    async def frames(self) -> AsyncIterator[Frame]:
        """Frames as they come; ends when `close` was called.

        Raises:
            LinkError: the recording cannot be read on.
        """
        looked, over = -LOOK, False
        try:
            while not self._closed.is_set():
                over = over or self._follower.over  # before reading: what was written until then is read
                for count, frame in enumerate(self._follower.read(), 1):
                    yield still(frame)
                    if count % FRAMES_AT_ONCE == 0:
                        await asyncio.sleep(0)
                        if not over and time.monotonic() - looked >= LOOK:  # a long past takes seconds
                            looked = self._look()
                            yield self._follower.pulse(over)
                if over:
                    yield self._follower.pulse(over)
                    break
                if time.monotonic() - looked >= LOOK:
                    looked = self._look()
                    yield self._follower.pulse(over)
                while self._problems:
                    yield self._problems.pop(0)
                await within(self._closed, PAUSE)
            await self._closed.wait()
        except (OSError, ProtocolError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or error
            raise LinkError(f"{self.path} cannot be read on: {why}") from None
        finally:
            self._follower.close()

    def _look(self) -> float:
        """Tell the run that somebody looks; when that was."""
        look(self.path)
        return time.monotonic()

    def send(self, command: Command) -> None:
        """Ask for the next step to be measured; nothing else reaches somebody's own training."""
        if isinstance(command, Measure):
            try:
                wish(self.path)
            except OSError as error:
                self._problems.append(Problem(text=cannot_ask(error)))

    async def close(self) -> None:
        """End the stream. Safe to call twice."""
        self._closed.set()

    @property
    def stopped(self) -> bool:
        """There is no process of ours that could be."""
        return False


def cannot_ask(error: OSError) -> str:
    """Why the run cannot be asked to measure a step."""
    return f"the run cannot be asked to measure a step: {error.strerror or error}"


async def within(event: asyncio.Event, seconds: float) -> bool:
    """Whether an event comes within some seconds."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
