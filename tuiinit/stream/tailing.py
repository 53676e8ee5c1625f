"""A run on another machine as a stream: `tuiinit tail` there, connected again and again when the connection is lost."""

from __future__ import annotations

import asyncio
import fcntl
import select
import struct
import termios
from collections.abc import AsyncIterator
from time import monotonic

import msgspec

from ..host.logs import log_file
from ..host.quoting import quoted
from . import foreign, wire
from .attaching import still, within
from .child import Child
from .following import STEPPED, Once
from .link import END_SECONDS, READ_SIZE, LinkError
from .protocol import Command, Frame, Hello, Measure, Pulse
from .replay import FRAMES_AT_ONCE
from .ssh import Remote
from .wire import ProtocolError

TRIES = 10  # in a row without a word from there, before it is given up
LONGEST_WAIT = 60  # seconds between two tries; the first is 1, each the double of the one before
SILENT = 20.0  # seconds without a word after which a connection is taken for dead: a pulse comes every two
SLEPT = 3.0  # seconds beyond that mean that this process itself stood still, and what came waits to be read
STARTING = 5  # times as long may pass before the first word: a cluster's file system may be slow to load Python
GREETING = 2**16  # bytes that a shell's start-up files may print before the first message
BEGIN = b"\xa4type\xa5Hello"  # how the first message goes on behind its length and a map's first byte
BEFORE = 5  # bytes of these
NOT_FOUND = (126, 127)  # a shell's exit codes for a program that is not there, or cannot be run
WRONG_USE = 2


class LostError(Exception):
    """The connection ended before the run's recording did; says why."""


class TailLink:
    """A run of another machine with the interface of a link. Only the first connection may ask for a password.

    Args:
        remote: the machine.
        run: a name or path there; None is the newest.
        second: how long a second is while it waits to try again.
        silent: see SILENT.
    """

    def __init__(self, remote: Remote, run: str | None, *, second: float = 1.0, silent: float = SILENT) -> None:
        self._remote = remote
        self._run = run
        self._second = second
        self._silent = silent
        self._log = log_file()
        self._child: Child | None = None
        self._writer: asyncio.WriteTransport | None = None
        self._buffer = bytearray()
        self._once = Once()
        self._pulse = Pulse(name=run or "", state="lost")
        self._closed = asyncio.Event()
        self._over = False

    asks = True  # on the terminal, while it connects

    def connect(self) -> None:
        """Connect while there is no screen, so that ssh may ask on the terminal; returns once there is an answer.

        Raises:
            LinkError: there is none.
        """
        child = self._start(asks=True)
        try:
            while not _came(child):
                if child.ended():
                    raise LinkError(self._end(child) or f"{self._remote.host} says nothing of a run")
        except BaseException:
            child.kill()
            raise
        self._child = child

    def _start(self, *, asks: bool) -> Child:
        command = self._remote.tail(self._run, self._once.after, asks=asks)
        try:
            return Child(command, log=self._log, alone=not asks)
        except (OSError, ValueError) as error:
            raise LinkError(f"ssh cannot be started: {error}") from None

    async def frames(self) -> AsyncIterator[Frame]:
        """Frames as they come, each once; ends when `close` was called.

        Raises:
            LinkError: there is no such run, or the connection is lost and does not come back.
        """
        tries = 0
        while not self._closed.is_set():
            try:
                if tries or self._child is None:
                    self._child = self._start(asks=False)
                async for frame in self._connection():
                    if isinstance(frame, STEPPED):  # what ends right after its first words is no connection
                        tries = 0
                    yield still(frame)
                await self._closed.wait()
            except LostError as error:
                if self._closed.is_set():
                    return
                if (tries := tries + 1) > TRIES:
                    raise LinkError(f"the connection to {self._remote.host} does not come back: {error}") from None
                for left in range(min(LONGEST_WAIT, 2 ** (tries - 1)), 0, -1):
                    text = f"{error}; try {tries} of {TRIES} in {left} s"
                    yield msgspec.structs.replace(self._pulse, state="lost", text=text)
                    if await within(self._closed, self._second):
                        return
                yield msgspec.structs.replace(self._pulse, state="lost", text=f"{error}; try {tries} of {TRIES} now")

    async def _connection(self) -> AsyncIterator[Frame]:
        """The frames of one connection; ends when the run's recording does. Raises LostError, LinkError."""
        child, self._buffer = self._child, bytearray()
        assert child is not None
        assert child.process.stdout is not None
        assert child.process.stdin is not None
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=READ_SIZE)
        stdout, stdin = child.process.stdout, child.process.stdin
        pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stdout)
        self._writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, stdin)
        try:
            await self._skip_greeting(reader)
            count = 0
            while True:
                length = wire.body_length(await self._take(reader, 4))
                frame = wire.frame_from(await self._take(reader, length))
                foreign.check(frame)
                if isinstance(frame, Pulse):
                    self._know(frame)
                if self._once.is_new(frame) or isinstance(frame, Hello):
                    yield frame
                if (count := count + 1) % FRAMES_AT_ONCE == 0:
                    await asyncio.sleep(0)
        except TimeoutError:
            raise LostError(f"nothing comes from {self._remote.host}") from None
        except (EOFError, OSError):
            await self._settled(child)
            if self._closed.is_set() or self._over:
                return
            if (sentence := self._end(child)) is not None:
                raise LinkError(sentence) from None
            words = child.log.last_words
            raise LostError(f"the connection is lost{f': {words}' if words else ''}") from None
        except ProtocolError as error:
            raise LinkError(f"what comes from {self._remote.host} cannot be read: {_why(error)}") from None
        finally:
            pipe.close()
            if not self._writer.is_closing():  # it closes itself when the process ends
                self._writer.abort()
            self._writer = None
            child.kill()

    def _know(self, pulse: Pulse) -> None:
        if self._pulse.run is not None and pulse.run != self._pulse.run:
            raise LinkError(f"another run is recorded as {pulse.name} on {self._remote.host} now")
        self._pulse, self._over = pulse, pulse.state != "live"
        self._run = pulse.path or self._run  # the newest may be another one later

    async def _skip_greeting(self, reader: asyncio.StreamReader) -> None:
        """Leave out what a shell's start-up files print before the first message."""
        while (at := self._buffer.find(BEGIN)) < BEFORE:
            if len(self._buffer) > GREETING:
                raise ProtocolError("", header=bytes(self._buffer))
            await self._more(reader, STARTING)
        del self._buffer[: at - BEFORE]

    async def _take(self, reader: asyncio.StreamReader, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more(reader)
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _more(self, reader: asyncio.StreamReader, patience: int = 1) -> None:
        limit = patience * self._silent
        while True:
            began = monotonic()
            try:
                data = await asyncio.wait_for(reader.read(READ_SIZE), limit)
                break
            except TimeoutError:
                if monotonic() - began < limit + SLEPT:
                    raise
        if not data:
            raise EOFError
        self._buffer += data

    async def _settled(self, child: Child) -> None:
        deadline = monotonic() + END_SECONDS
        while not child.ended() and monotonic() < deadline:
            await asyncio.sleep(0.01)

    def _end(self, child: Child) -> str | None:
        """Why no other connection would help, or None."""
        code, words, host = child.code(), child.log.last_words, self._remote.host
        if code in NOT_FOUND:
            program = self._remote.program[0]
            return f"{host} does not find {program} (it says {words}): --remote-command tells where it is there"
        if code == WRONG_USE or (code and self._child is None):
            return f"no run of {host} can be looked at: {words or f'its command ended with code {code}'}"
        if not code and self._buffer and not self._once.began:
            return f"what comes from {host} cannot be read: it is {quoted(bytes(self._buffer))}, which is no message"
        return None

    def send(self, command: Command) -> None:
        """Ask for the next step to be measured; nothing else reaches somebody's own training."""
        if isinstance(command, Measure) and self._writer is not None and not self._writer.is_closing():
            self._writer.write(b"m\n")

    async def close(self) -> None:
        """End the connection. Safe to call twice."""
        self._closed.set()
        if self._child is not None:
            self._child.kill()

    @property
    def stopped(self) -> bool:
        """What a process elsewhere does is not known."""
        return False


def _came(child: Child) -> bool:
    """Whether a process has said something, waiting for it a moment."""
    assert child.process.stdout is not None
    out = child.process.stdout.fileno()
    if not select.select([out], [], [], 0.05)[0]:
        return False
    return bool(struct.unpack("i", fcntl.ioctl(out, termios.FIONREAD, bytes(4)))[0])


def _why(error: ProtocolError) -> str:
    if foreign.is_header(error.header):
        return foreign.sentence(error, first=False).partition(": ")[2] or str(error)
    return f"it is {quoted(error.header)}, which is no message"
