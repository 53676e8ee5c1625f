"""A program in a real pseudo-terminal: keys in, a screen out; waits are on conditions with a deadline."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import pyte

from tests import warm

PATIENCE = 60.0  # seconds until a condition that does not come true fails the test
LAST = bytes(16)  # written behind a program's output: nothing sends so many NULs, and pyte draws none
MARK = "TUIINIT_TEST_MARK"
ROOT = Path(__file__).resolve().parents[2]
FAKE_ENGINE = f"{sys.executable} -m tests.faults.engine"  # the protocol without torch: it is up at once
EXPLORER = (sys.executable, "-m", "tuiinit")

ENTER_SCREEN, LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"
MOUSE_ON, MOUSE_OFF = b"\x1b[?1003h", b"\x1b[?1003l"
PASTE_ON, PASTE_OFF = b"\x1b[?2004h", b"\x1b[?2004l"
PAIRS = ((ENTER_SCREEN, LEAVE_SCREEN), (HIDE_CURSOR, SHOW_CURSOR), (MOUSE_ON, MOUSE_OFF), (PASTE_ON, PASTE_OFF))


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until a condition holds; fail with `what` after `patience` seconds."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"never came true in {patience:g} s: {what}"
        time.sleep(0.01)


class Terminal:
    """A command in a pseudo-terminal that it controls.

    Args:
        command: what runs in it.
        size: columns and rows.
        environment: variables on top of this process's; None takes one away.
        folder: where it runs.
    """

    def __init__(
        self,
        *command: str,
        size: tuple[int, int] = (120, 40),
        environment: dict[str, str | None] | None = None,
        folder: Path = ROOT,
    ) -> None:
        self.mark = uuid.uuid4().hex
        variables: dict[str, str | None] = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        variables |= {"NO_COLOR": None, "COLUMNS": None, "LINES": None, MARK: self.mark, **(environment or {})}
        self._master, self._slave = pty.openpty()
        self.resize(*size)
        self.modes_before = self.modes
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._output = bytearray()
        self._text: str | None = ""  # what the screen shows; none after a change: to tell it takes pyte 5 ms
        self.process = subprocess.Popen(
            command or EXPLORER,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            cwd=folder,
            env={name: value for name, value in variables.items() if value is not None},
            start_new_session=True,
            preexec_fn=_control_terminal,  # noqa: PLW1509 -- one system call, and no other way to do it
        )
        self._open = True
        self._listening = threading.Event()
        self._listening.set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        until(self._killed, "all processes are killed")
        self.process.wait()
        self.close()
        with contextlib.suppress(OSError):
            os.close(self._slave)

    def _killed(self) -> bool:
        """Kill what lives; whether nothing did: a process may start another while it is looked for."""
        pids = self.processes()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    def _read(self) -> None:
        while self._open:
            ready, _, _ = select.select([self._master], [], [], 0.05)
            if not ready or not self._open or not self._listening.is_set():
                time.sleep(0.01 if ready else 0)
                continue
            try:
                data = os.read(self._master, 2**16)
            except OSError:
                return
            with self._lock:
                self._output += data
                try:
                    self._stream.feed(data)
                except TypeError:  # keys typed while the program was suspended are echoed: no sequence of anybody's
                    self._stream = pyte.ByteStream(self._screen)
                self._text = None

    # ------------------------------------------------------------------------------------------- doing

    def press(self, *keys: str) -> None:
        """Type text or control sequences."""
        for key in keys:
            os.write(self._master, key.encode())

    @property
    def unread(self) -> int:
        """Bytes that were typed and that the program has not read."""
        return int(struct.unpack("i", fcntl.ioctl(self._slave, termios.FIONREAD, bytes(4)))[0])

    def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size; the program gets SIGWINCH."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if hasattr(self, "_screen"):
            with self._lock:
                self._screen.resize(rows, columns)
                self._text = None

    def close(self) -> None:
        """Close the terminal, as a window that goes away does: the program gets SIGHUP."""
        if self._open:
            self._open = False
            self._reader.join()
            os.close(self._slave)
            os.close(self._master)
            self._slave = os.open(os.devnull, os.O_RDONLY)

    def stall(self) -> None:
        """Take nothing any more, as a connection that hangs, until what the program writes to has no room."""
        self._listening.clear()
        refused = 0  # looks in a row: once, it may be a write under way

        def full() -> bool:
            nonlocal refused
            refused = 0 if select.select([], [self._slave], [], 0)[1] else refused + 1
            return refused > 20

        until(full, "no more is written")

    def listen(self) -> None:
        """Take what is written again."""
        self._listening.set()

    def kill(self, number: int = signal.SIGTERM) -> None:
        """Send the program a signal."""
        os.kill(self.process.pid, number)

    # ---------------------------------------------------------------------------------------- watching

    @property
    def written(self) -> int:
        """How many bytes were written so far."""
        return len(self._output)

    @property
    def output(self) -> bytes:
        """All that was written so far: a copy, since more comes while it is searched."""
        with self._lock:
            return bytes(self._output)

    def forget(self) -> None:
        """Let go of what was written so far."""
        with self._lock:
            self._output.clear()

    @property
    def text(self) -> str:
        """What the screen shows, row by row."""
        with self._lock:
            if self._text is None:
                self._text = "\n".join(line.rstrip() for line in self._screen.display)
            return self._text

    @property
    def modes(self) -> list[object]:
        """The terminal's modes (termios)."""
        return termios.tcgetattr(self._slave)

    def shows(self, *texts: str, patience: float = PATIENCE) -> None:
        """Wait until all of these are on the screen."""
        for text in texts:
            try:
                until(lambda text=text: text in self.text, text, patience)  # type: ignore[misc]
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.text}\nexit code {self.process.poll()}") from None

    def shows_not(self, text: str) -> None:
        """Wait until this is not on the screen."""
        until(lambda: text not in self.text, f"{text} is gone")

    def says(self, text: str) -> None:
        """Wait until the sentence is on the screen, however it is broken into lines."""
        squeezed = "".join(text.split())
        try:
            until(lambda: squeezed in "".join(self.text.split()), text)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text}\nexit code {self.process.poll()}") from None

    @property
    def step(self) -> int:
        """The step that the header tells, -1 without one."""
        words = self.text.split("step ", 1)
        if len(words) < 2 or not words[1].split():
            return -1
        digits = words[1].split()[0].replace(",", "")
        return int(digits) if digits.isdigit() else -1

    def reaches(self, step: int) -> None:
        """Wait until the header tells at least that step."""
        try:
            until(lambda: self.step >= step, f"step {step}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text}") from None

    def processes(self) -> list[int]:
        """All living processes that descend from this terminal's program, found by the mark they inherit."""
        return marked(self.mark)

    def engine(self) -> int:
        """The engine's process id, once there is one."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [pid for pid in self.processes() if "engine" in arguments_of(pid)[-1:]] or [
                pid for pid in self.processes() if {"tests.faults.engine", warm.__file__} & set(arguments_of(pid))
            ]
            return len(found) == 1

        until(look, "one engine")
        return found[0]

    def ends(self, patience: float = PATIENCE) -> int:
        """Wait until the program has ended and no process of it is left; gives its exit code."""
        try:
            until(lambda: self.process.poll() is not None, "the program ends", patience)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text}") from None
        until(lambda: not self.processes(), f"no process is left, but {self.processes()}", patience)
        if self._open:
            self._drain()
        return self.process.returncode

    def _drain(self) -> None:
        """Wait until all that was written has been taken: what is written behind it comes last."""
        os.write(self._slave, LAST)
        until(lambda: self.output.endswith(LAST), "the output ends")
        with self._lock:
            del self._output[-len(LAST) :]

    def check_restored(self) -> None:
        """The terminal is as it was: its modes, the first screen, the cursor, no mouse, no bracketed paste."""
        assert self.modes == self.modes_before
        output = self.output
        for on, off in PAIRS:
            if on in output:
                assert output.rfind(off) > output.rfind(on), f"{off!r} was not sent at the end"

    @property
    def last_words(self) -> str:
        """What was printed after the first screen came back."""
        return self.output.rpartition(LEAVE_SCREEN)[2].decode(errors="replace")


def _control_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def marked(mark: str) -> list[int]:
    """All living processes that carry a mark in their environment."""
    return [pid for pid in _living() if _has_mark(pid, mark)]


def _living() -> Iterable[int]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state != "Z":
                yield int(name)


def _has_mark(pid: int, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def arguments_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    except OSError:
        return []
