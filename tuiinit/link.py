"""Where the stream comes from: a child process, or a command such as `ssh box tuiinit engine`.

`Link` is the explorer's side (asyncio, never blocks); `Engine` the side of the commands without a screen
(blocking). Both talk the same protocol to the same process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from . import protocol
from .data import given
from .logs import log_file
from .protocol import Command, Frame, Words

CLOSE_SECONDS = 0.1  # an engine that has not ended this long after its input closed is killed: it has nothing to lose
READ_SIZE = 2**18


class LinkError(RuntimeError):
    """The stream ended or broke: one sentence that says how."""


def engine_command(command: str | None, *, compile_steps: bool = False) -> list[str]:
    """The command line of an engine: our own, or the user's `--engine`; with the option that compiles its steps."""
    line = shlex.split(command) if command else [sys.executable, "-m", "tuiinit", "engine"]
    return [*line, "--compile"] if compile_steps else line


def start_engine(command: Sequence[str]) -> tuple[subprocess.Popen[bytes], Path]:
    """Start an engine with three streams of its own, standard error to a log file.

    Raises:
        LinkError: it cannot be started.
    """
    log = log_file()
    environment = dict(os.environ, PYTHONUNBUFFERED="1")
    with log.open("ab") as errors:
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                bufsize=0,
                start_new_session=True,  # ctrl+c and a closed terminal are the screen's to handle
            )
        except (OSError, ValueError) as error:
            raise LinkError(f"the engine cannot be started ({shlex.join(command)}): {error}") from None
    return process, log


def given_words() -> list[Words]:
    """The words that came through a pipe: every engine is told them before anything else."""
    return [Words(title=one.title, content=one.content) for one in given.everything()]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End an engine, and what its command started around it, at once; a stopped one too."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
        process.kill()
        process.wait()


def _ended(code: int | None, log: Path) -> str:
    if code is None:
        how = "closed its stream"
    elif code < 0:
        how = f"was killed by signal {-code}"
    else:
        how = f"ended with code {code}"
    return f"the engine {how}; its log is {log}"


class Link:
    """An engine process as an asynchronous stream of frames."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self.log: Path | None = log
        self._writer: asyncio.WriteTransport | None = None
        self._waiting: list[bytes] = [protocol.pack(words) for words in given_words()]
        self._closed = False

    @classmethod
    def child(cls, command: Sequence[str] | None = None) -> Link:
        """Start an engine; call it before the screen starts, so that both load at once. Raises LinkError."""
        return cls(*start_engine(command or engine_command(None)))

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
                length = protocol.body_length(await reader.readexactly(4))
                yield protocol.frame_from(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            if not self._closed:
                raise LinkError(await self._end_sentence()) from None
        except protocol.ProtocolError as error:
            if not self._closed:
                raise LinkError(f"the engine's stream cannot be read: {error}") from None

    async def _end_sentence(self) -> str:
        for _ in range(20):
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.01)
        return self.exit_sentence()

    def exit_sentence(self) -> str:
        """How the engine ended, and where its log is."""
        assert self.log is not None
        return _ended(self._process.poll(), self.log)

    def send(self, command: Command) -> None:
        """Send a command; never blocks, and does nothing once the engine is gone."""
        if self._closed:
            return
        data = protocol.pack(command)
        if self._writer is None:
            self._waiting.append(data)
        elif not self._writer.is_closing():
            self._writer.write(data)

    @property
    def pid(self) -> int:
        """The engine's process id."""
        return self._process.pid

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
        while self._process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        self.kill()

    def kill(self) -> None:
        """End the engine at once."""
        _kill(self._process)


class Engine:
    """An engine process for the commands without a screen: blocking, a context manager."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._process, self.log = start_engine(command or engine_command(None))
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
                view = memoryview(protocol.pack(command))
                while view:
                    view = view[self._stdin.write(view) :]
        except OSError:
            raise LinkError(self._end_sentence()) from None

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, without end. Raises LinkError if the engine ends or its stream breaks."""
        while True:
            try:
                body = protocol.read_body(self._stdout)  # type: ignore[arg-type]
                if body is None:
                    raise LinkError(self._end_sentence())
                frame = protocol.frame_from(body)
            except protocol.ProtocolError as error:
                raise LinkError(f"the engine's stream cannot be read: {error}; its log is {self.log}") from None
            yield frame

    def _end_sentence(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=CLOSE_SECONDS)
        return _ended(self._process.poll(), self.log)

    def kill(self) -> None:
        """End the engine at once, from any thread: whoever reads its frames gets a LinkError."""
        _kill(self._process)

    def close(self) -> None:
        """End the engine within a bounded time."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        self.kill()  # nothing of it is worth waiting for: frames wanted were read
        self._stdout.close()
