"""Random keys on a real terminal, in bursts, while engines are killed and stopped and the window changes its size."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.terminal import EXPLORER, ROOT, Terminal, until
from tuiinit.stream import recording
from tuiinit.stream.recording import Recording

ARROWS = ("\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D")
KEYS = (
    *"        nnnnnnneedd" * 3,
    *"gggG1234bbt[]o\t,.,.,.JKHLuivpzcccNNssxkjhlEE???" * 2,
    *"rR",
    *ARROWS,
    "\x1b[Z",  # shift+tab
    "\x1b[5~",  # page up
    "\x1b[6~",
    "\x1b[H",
    "\x1b[F",
    "\r",
    "\r",
    "\x1b",
    "\x1b",
    "\x7f",
    *"50x",
)
PALETTE = "\x10"
IN_PALETTE = (*"abeglmnoprstu ", *ARROWS, "\x1b[5~", "\x1b[6~", "\x7f", "\r", "\r", "\r", "\x1b", PALETTE)
SUSPEND, QUIT = "\x1a", "\x11"
ESCAPE_SECONDS = 0.1  # Textual's
SEEN_SECONDS = 0.3
START_SECONDS = 10.0  # that a new engine is given
HEARD = "on cpu"  # once an engine has said where it computes
CALM = ((120, 40), (80, 24), (200, 60))


@dataclass
class Tally:
    """What was done in all sessions."""

    counts: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[int, int]] = field(default_factory=list)  # MB of the screen and of the largest engine

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in sorted(self.counts.items()))


def program(engine: Sequence[str]) -> tuple[str, ...]:
    """The explorer with engines of this command, the sweep's too."""
    code = (
        "import sys\n"
        "from tuiinit.stream import link\n"
        f"link.engine_command = lambda command, **_: {list(engine)!r}\n"
        "sys.argv = ['tuiinit']\n"
        "from tuiinit.__main__ import main\n"
        "main()\n"
    )
    return (sys.executable, "-c", code)


class Chaos:
    """One session in a terminal."""

    def __init__(self, terminal: Terminal, chance: random.Random, tally: Tally) -> None:
        self.terminal = terminal
        self.chance = chance
        self.tally = tally
        self._stopped: list[int] = []
        self._woken = False  # it suspended itself: what was typed and not read by then is lost

    @property
    def over(self) -> bool:
        return self.terminal.process.poll() is not None

    def type(self, keys: Sequence[str]) -> None:
        """Keys back to back, and wait until the program has read them."""
        self.terminal.press("".join(keys))
        self.tally.counts["keys"] += len(keys)
        self._until(lambda: not self.terminal.unread, "the keys are read")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something holds or the program is over; one that suspended itself is told to go on."""

        def holds() -> bool:
            if _state(self.terminal.process.pid) == "T":
                self.terminal.kill(signal.SIGCONT)
                self._woken = True
            return self.over or condition()

        try:
            until(holds, what)
        except AssertionError as error:
            state = _state(self.terminal.process.pid)
            raise AssertionError(f"{error}; its state is {state}; it shows\n{self.terminal.text}") from None

    def leave(self) -> None:
        """Escape as a key of its own: what comes within a tenth of a second makes it another key."""
        self.type(["\x1b"])
        end = time.monotonic() + 2 * ESCAPE_SECONDS
        until(lambda: time.monotonic() > end, "it is a key")

    def pause(self) -> None:
        """Wait as a person does: until something is drawn, or for a while."""
        seen, end = self.terminal.written, time.monotonic() + SEEN_SECONDS
        until(lambda: self.terminal.written > seen or time.monotonic() > end, "a moment passes")

    def engines(self) -> list[int]:
        return [pid for pid in self.terminal.processes() if pid != self.terminal.process.pid]

    def do(self, keys: int) -> None:
        """About so many keys, and what else happens meanwhile, until the session ends (the palette can quit)."""
        chance, end = self.chance, self.tally.counts["keys"] + keys
        while self.tally.counts["keys"] < end and not self.over:
            self._something()
            if chance.random() < 0.5:
                self.pause()
        self._weigh()

    def _something(self) -> None:
        chance, kind = self.chance, self.chance.random()
        if kind < 0.60:
            self.type(chance.choices(KEYS, k=chance.randint(1, 12)))
        elif kind < 0.70:
            self.type([PALETTE, *chance.choices(IN_PALETTE, k=chance.randint(0, 12))])
        elif kind < 0.84:
            self.leave()
        elif kind < 0.85:
            self.type([SUSPEND])
        elif kind < 0.92:
            size = chance.choice(CALM) if chance.random() < 0.7 else (chance.randint(1, 250), chance.randint(1, 80))
            self.terminal.resize(*size)
            self.tally.counts["resizes"] += 1
        elif kind < 0.95:
            self._signal(signal.SIGKILL, "kills")
            if chance.random() < 0.8:
                self.leave()
                self.leave()
                self.type(["E"])
                end = time.monotonic() + START_SECONDS
                self._until(lambda: HEARD in self.terminal.text or time.monotonic() > end, "another engine")
        else:
            self._stop_or_continue()

    def _signal(self, number: signal.Signals, name: str) -> int | None:
        engines = self.engines()
        if not engines:
            return None
        pid = self.chance.choice(sorted(engines))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            self.tally.counts[name] += 1
        return pid

    def _stop_or_continue(self) -> None:
        if self._stopped and self.chance.random() < 0.7:
            pid = self._stopped.pop()
            if pid in self.engines():  # else the number may be another's by now
                os.kill(pid, signal.SIGCONT)
        else:
            pid_or_none = self._signal(signal.SIGSTOP, "stops")
            if pid_or_none is not None:
                self._stopped.append(pid_or_none)

    def _weigh(self) -> None:
        sizes = {pid: _megabytes(pid) for pid in self.terminal.processes()}
        screen = sizes.pop(self.terminal.process.pid, 0)
        self.tally.memory.append((screen, max(sizes.values(), default=0)))

    def quit(self) -> None:
        """The program leaves in order, whatever is open."""
        if not self.over:
            self.leave()  # else the key would be another one after an escape
            self._woken = True

            def ends() -> bool:
                if self._woken:
                    self._woken = False
                    self.terminal.press(QUIT)
                return False

            self._until(ends, "the program ends")
        code, words = self.terminal.ends(), self.terminal.last_words
        assert code == 0, f"exit code {code}: {words}"
        assert "failed" not in words
        assert "Traceback" not in words
        self.terminal.check_restored()


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _megabytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
    except OSError:
        return 0


def session(seed: int, engine: Sequence[str], keys: int, folder: Path, tally: Tally) -> list[Recording]:
    """A session of random keys; what it recorded, opened again.

    Raises:
        AssertionError: it did not leave in order, something in it failed, or a recording does not open.
    """
    chance = random.Random(seed)
    state, work = folder / "state", folder / "work"
    work.mkdir(parents=True)
    environment: dict[str, str | None] = {"TUIINIT_STATE": str(state), "PYTHONPATH": str(ROOT)}
    with Terminal(*program(engine), environment=environment, folder=work) as terminal:
        terminal.shows(HEARD, "parameters")
        chaos = Chaos(terminal, chance, tally)
        chaos.do(keys)
        chaos.quit()
    tally.counts["sessions"] += 1
    log = state / "logs" / "screen.log"
    assert not log.exists(), log.read_text()
    opened = [recording.load(path) for path in sorted((state / "sessions").iterdir())]
    assert len(opened) == 1
    assert all(one.damage is None for one in opened)
    return opened


def replayed(recorded: Recording) -> None:
    """A recording shows in the explorer again, without an engine."""
    with Terminal(*EXPLORER, "replay", str(recorded.path), size=(120, 40)) as terminal:
        terminal.reaches(0)
        terminal.press(QUIT)
        assert terminal.ends() == 0
