"""Several runs as one stream: their lanes have different names in it, and one that fails leaves the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec

from .link import LinkError
from .protocol import Command, Frame, Lane, Pulse, Snapshot, Status, Trace
from .replay import Source

WAITING = 100  # frames of all runs that are read ahead

Told = tuple[int, Frame | LinkError | None]


class Several:
    """Runs side by side.

    Args:
        links: each tells of one run.
    """

    def __init__(self, links: Sequence[Source]) -> None:
        self._links = links
        self._pulses: list[Pulse | None] = [None] * len(links)
        self._readers: list[asyncio.Task[None]] = []

    @property
    def asks(self) -> bool:
        """Whether one of them may ask on the terminal while it connects."""
        return any(getattr(link, "asks", False) for link in self._links)

    def connect(self) -> None:
        """Connect those that may ask. Raises LinkError."""
        for link in self._links:
            if getattr(link, "asks", False):
                link.connect()  # type: ignore[attr-defined]

    async def frames(self) -> AsyncIterator[Frame]:
        """Frames of all as they come; ends when `close` was called.

        Raises:
            LinkError: none of them can be read on.
        """
        waiting: asyncio.Queue[Told] = asyncio.Queue(WAITING)
        self._readers = [asyncio.create_task(_read(link, at, waiting)) for at, link in enumerate(self._links)]
        left = len(self._links)
        try:
            while left:
                at, item = await waiting.get()
                if item is None:
                    left -= 1
                elif not isinstance(item, LinkError):
                    yield self._named(at, item)
                elif (left := left - 1) == 0:
                    raise item
                else:
                    before = self._pulses[at] or Pulse(name=f"run {at + 1}", state="lost")
                    yield self._named(at, msgspec.structs.replace(before, state="lost", text=str(item)))
        finally:
            for reader in self._readers:
                reader.cancel()

    def _named(self, at: int, frame: Frame) -> Frame:
        """A frame with names that no other run has."""
        replace = msgspec.structs.replace
        match frame:
            case Pulse():
                self._pulses[at] = frame
                others = {pulse.name for pulse in self._pulses[:at] if pulse is not None}
                name = f"{frame.name} ({at + 1})" if frame.name in others else frame.name
                return replace(frame, name=name, lanes=tuple(_own(at, lane) for lane in frame.lanes))
            case Lane(continues=str()):
                return replace(frame, lane=_own(at, frame.lane), continues=_own(at, frame.continues or ""))
            case Lane() | Snapshot() | Trace():
                return replace(frame, lane=_own(at, frame.lane))
            case Status():
                lanes = tuple(replace(lane, lane=_own(at, lane.lane)) for lane in frame.lanes)
                return replace(frame, lanes=lanes)
        return frame

    def send(self, command: Command) -> None:
        """Send it to all."""
        for link in self._links:
            link.send(command)

    async def close(self) -> None:
        """End all. Safe to call twice."""
        for reader in self._readers:
            reader.cancel()
        for link in self._links:
            await link.close()

    @property
    def stopped(self) -> bool:
        """No process of theirs is ours."""
        return False


def _own(at: int, lane: str) -> str:
    return f"{lane} ({at + 1})" if at else lane


async def _read(link: Source, at: int, waiting: asyncio.Queue[Told]) -> None:
    try:
        async for frame in link.frames():
            await waiting.put((at, frame))
        await waiting.put((at, None))
    except RuntimeError as error:
        await waiting.put((at, error if isinstance(error, LinkError) else LinkError(str(error))))
