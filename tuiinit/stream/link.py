"""Where the stream comes from: a child process, or a command such as `ssh box tuiinit engine`.

`Link` is the explorer's side (asyncio, never blocks); `Engine` the side of the commands without a screen
(blocking). Both talk the same protocol to the same process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shlex
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from ..data import given
from ..host.quoting import quoted
from . import foreign, wire
from .child import Child
from .protocol import Command, Frame, Words
from .wire import ProtocolError

CLOSE_SECONDS = 0.1  # an engine that has not ended this long after its input closed is killed: it has nothing to lose
END_SECONDS = 0.2  # that exit code and last words are waited for once the stream has ended or broken
READ_SIZE = 2**18


class LinkError(RuntimeError):
    """The stream ended or broke: one sentence that says how."""


def engine_command(command: str | None, *, compile_steps: bool = False) -> list[str]:
    """The command line of an engine: our own, or the user's `--engine`; with the option that compiles its steps."""
    line = shlex.split(command) if command else [sys.executable, "-m", "tuiinit", "engine"]
    return [*line, "--compile"] if compile_steps else line


def start_engine(command: Sequence[str]) -> Child:
    """Start an engine.

    Raises:
        LinkError: it cannot be started.
    """
    try:
        return Child(command)
    except (OSError, ValueError) as error:
        raise LinkError(f"the engine cannot be started ({shlex.join(command)}): {error}") from None


def given_words() -> list[Words]:
    """The words that came through a pipe: every engine is told them before anything else."""
    return [Words(title=one.title, content=one.content) for one in given.everything()]


def _broken(child: Child, error: ProtocolError, more: bytes, *, first: bool) -> LinkError:
    return LinkError(f"{foreign.sentence(error, more, first=first)}; {child.log_sentence(short=True)}")


class Link:
    """An engine process as an asynchronous stream of frames."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._process = child.process
        self.log: Path = child.log.path
        self._header = b""  # what came of the next message's length
        self._wordless = True  # no message came yet
        self._writer: asyncio.WriteTransport | None = None
        self._waiting: list[bytes] = [wire.pack(words) for words in given_words()]
        self._closed = False

    @classmethod
    def child(cls, command: Sequence[str] | None = None) -> Link:
        """Start an engine; call it before the screen starts, so that both load at once. Raises LinkError."""
        return cls(start_engine(command or engine_command(None)))

    async def frames(self) -> AsyncIterator[Frame]:
        """Frames as they come; ends when `close` was called.

        Raises:
            LinkError: the engine ended, or sent what is no frame.
        """
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READ_SIZE)
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout)
        self._writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, self._process.stdin)
        for data in self._waiting:
            self._writer.write(data)
        self._waiting.clear()
        try:
            while True:
                length = wire.body_length(await self._read_header(reader))
                frame = wire.frame_from(await reader.readexactly(length))
                foreign.check(frame)
                self._wordless, self._header = False, b""
                yield frame
        except (EOFError, OSError):
            if not self._closed:
                await self._settled()
                raise LinkError(self.exit_sentence()) from None
        except ProtocolError as error:
            more = await self._more(reader, error.header)
            await self._settled()
            if not self._closed:
                raise _broken(self._child, error, more, first=self._wordless) from None

    async def _read_header(self, reader: asyncio.StreamReader) -> bytes:
        self._header = b""
        while len(self._header) < 4:
            data = await reader.read(4 - len(self._header))
            self._header += data
            if not data and not foreign.is_header(self._header):
                raise ProtocolError("the stream ends inside a message", header=self._header)
            if not data:
                raise EOFError
        return self._header

    async def _more(self, reader: asyncio.StreamReader, came: bytes) -> bytes:
        """What follows in the line that began with no message."""
        more = b""
        if not foreign.is_header(came):
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(foreign.MORE_SECONDS):
                    while not foreign.whole(came + more) and (data := await reader.read(foreign.MORE_BYTES)):
                        more += data
        return more

    async def _settled(self) -> None:
        """Wait for its exit code and its last words, for a bounded time."""
        deadline = time.monotonic() + END_SECONDS
        while not self._child.ended() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    def exit_sentence(self) -> str:
        """How the engine ended, where its log is, and its last words."""
        return self._child.sentence()

    @property
    def first_words(self) -> str:
        """What an engine said that sent no message yet, such as a prompt, quoted; empty if nothing."""
        if not self._wordless:
            return ""
        return self._child.log.last_words or ("" if foreign.is_header(self._header) else quoted(self._header))

    def send(self, command: Command) -> None:
        """Send a command; never blocks, and does nothing once the engine is gone."""
        if self._closed:
            return
        data = wire.pack(command)
        if self._writer is None:
            self._waiting.append(data)
        elif not self._writer.is_closing():
            self._writer.write(data)

    @property
    def pid(self) -> int:
        """The engine's process id."""
        return self._process.pid

    @property
    def stopped(self) -> bool:
        """Whether the engine's process is stopped, as by SIGSTOP or a debugger: nothing comes until it goes on."""
        with contextlib.suppress(ChildProcessError):  # it was waited for
            return os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
        return False

    async def close(self) -> None:
        """End the engine: close its input, wait a bounded time, then kill it. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._writer is not None:
            if not self._writer.is_closing():  # it closes itself when the engine dies
                self._writer.abort()
        elif self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        deadline = time.monotonic() + CLOSE_SECONDS
        while self._child.code() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        self.kill()

    def kill(self) -> None:
        """End the engine at once, and what its command started around it."""
        self._child.kill()


class Engine:
    """An engine process for the commands without a screen: blocking, a context manager."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._child = start_engine(command or engine_command(None))
        self._process = self._child.process
        self.log: Path = self._child.log.path
        self._wordless = True  # no message came yet
        self._stdin: IO[bytes] = self._process.stdin  # type: ignore[assignment]
        self._stdout: IO[bytes] = self._process.stdout  # type: ignore[assignment]
        self._first: Sequence[Command] = given_words()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, *commands: Command) -> None:
        """Send commands. Raises LinkError if the engine is gone."""
        try:
            first, self._first = self._first, ()
            for command in (*first, *commands):
                view = memoryview(wire.pack(command))
                while view:
                    view = view[self._stdin.write(view) :]
        except OSError:
            raise LinkError(self._end_sentence()) from None

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, without end. Raises LinkError if the engine ends or its stream breaks."""
        while True:
            try:
                body = wire.read_body(self._stdout)  # type: ignore[arg-type]
                if body is None:
                    raise LinkError(self._end_sentence())
                frame = wire.frame_from(body)
                foreign.check(frame)
            except ProtocolError as error:
                more = self._more(error.header)
                self._settle()
                raise _broken(self._child, error, more, first=self._wordless) from None
            self._wordless = False
            yield frame

    def _more(self, came: bytes) -> bytes:
        more = b""
        deadline = time.monotonic() + foreign.MORE_SECONDS
        while not foreign.is_header(came) and not foreign.whole(came + more):
            if not select.select([self._stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                break
            if not (data := os.read(self._stdout.fileno(), foreign.MORE_BYTES)):
                break
            more += data
        return more

    def _settle(self) -> None:
        deadline = time.monotonic() + END_SECONDS
        while not self._child.ended() and time.monotonic() < deadline:
            time.sleep(0.005)

    def _end_sentence(self) -> str:
        self._settle()
        return self._child.sentence()

    def kill(self) -> None:
        """End the engine at once, from any thread: whoever reads its frames gets a LinkError."""
        self._child.kill()

    def close(self) -> None:
        """End the engine within a bounded time."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        self.kill()  # nothing of it is worth waiting for: frames wanted were read
        self._stdout.close()
