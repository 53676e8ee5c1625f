"""A recording as a stream, and a session that goes on from one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Protocol

import msgspec

from .protocol import Command, Frame, Hello, Lane, LaneStatus, Select, Snapshot, Status
from .recording import Recording

FRAMES_AT_ONCE = 50  # read from a recording before the screen may draw again


def lane_states(frames: Iterable[Frame]) -> Iterator[LaneStatus]:
    """Where each lane was last, by what was told of it and by what was measured there."""
    where: dict[str, LaneStatus] = {}
    for frame in frames:
        if isinstance(frame, Status):
            where.update((lane.lane, lane) for lane in frame.lanes)
        elif isinstance(frame, Lane) and frame.continues in where:
            where[frame.lane] = msgspec.structs.replace(where.pop(frame.continues), lane=frame.lane)
        elif isinstance(frame, Snapshot) and frame.lane in where and frame.step > where[frame.lane].step:
            where[frame.lane] = msgspec.structs.replace(where[frame.lane], step=frame.step, epoch=frame.epoch)
    yield from where.values()


class Source(Protocol):
    """What the explorer needs of a link."""

    def frames(self) -> AsyncIterator[Frame]: ...

    def send(self, command: Command) -> None: ...

    async def close(self) -> None: ...

    @property
    def stopped(self) -> bool: ...


class FileLink:
    """A recording as a stream with the interface of a link: it tells all it holds, and selects among its lanes."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._where = {lane.lane: lane for lane in lane_states(recording.frames)}
        self._last = next((frame for frame in reversed(recording.frames) if isinstance(frame, Status)), None)
        self._answers: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._clock = recording.clock
        self._closed = False

    async def frames(self) -> AsyncIterator[Frame]:
        """Frames as they were recorded, then answers; ends when `close` was called."""
        async for frame in _slowly(self.recording.frames):
            yield frame
        while (answer := await self._answers.get()) is not None:
            yield answer

    def send(self, command: Command) -> None:
        """A lane that is selected is told where it stands; nothing else moves a recording."""
        if isinstance(command, Select) and self._last is not None and not self._closed:
            lanes = tuple(self._where[lane.key] for lane in command.configurations if lane.key in self._where)
            self._answers.put_nowait(msgspec.structs.replace(self._last, clock=self._clock, lanes=lanes))

    async def close(self) -> None:
        """End the stream. Safe to call twice."""
        self._closed = True
        self._answers.put_nowait(None)

    @property
    def stopped(self) -> bool:
        """There is no process that could be."""
        return False


class ResumedLink:
    """A recording and then the engine that goes on from it, as one stream."""

    def __init__(self, recording: Recording, link: Source) -> None:
        self._recording = recording
        self._link = link

    async def frames(self) -> AsyncIterator[Frame]:
        """What was recorded, without the Hello of the engine that is gone, then the engine's frames."""
        async for frame in _slowly(f for f in self._recording.frames if not isinstance(f, Hello)):
            yield frame
        async for frame in self._link.frames():
            yield frame

    @property
    def first_words(self) -> str:
        """See `Link.first_words`."""
        return getattr(self._link, "first_words", "")

    def send(self, command: Command) -> None:
        """Send a command to the engine."""
        self._link.send(command)

    async def close(self) -> None:
        """End the engine."""
        await self._link.close()

    @property
    def stopped(self) -> bool:
        """Whether the engine's process is stopped."""
        return self._link.stopped


async def _slowly(frames: Iterable[Frame]) -> AsyncIterator[Frame]:
    """Frames with pauses in which the screen can draw and hear keys."""
    for count, frame in enumerate(frames):
        if count % FRAMES_AT_ONCE == 0:
            await asyncio.sleep(0)
        yield frame
