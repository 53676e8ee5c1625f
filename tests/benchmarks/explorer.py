"""The explorer in a real pseudo-terminal: first frame, quit, keys, redraws, bytes, and what it costs training."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.table import Row
from tests.faults.terminal import Terminal, until
from tuiinit.config.run import RunConfig
from tuiinit.experiments import runs
from tuiinit.stream import protocol
from tuiinit.stream.link import Engine

ROUNDS = 7
WATCHED = 8.0  # seconds of training that are watched
TURN = 4.0  # seconds that each trains before it is the other's turn
# Key, the key back, what then is drawn (the tabs are drawn anew when another is active), how often.
SCREENS = {
    "tab to the next view": ("\t", "", (b"gradients", b"Update:data", b"Saturation", b"Depth"), 40),
    "help and back": ("?", "\x1b", (b"esc closes",), 20),
}
TICKS = 100.0  # of /proc/…/stat a second


@contextmanager
def explorer() -> Iterator[Terminal]:
    """An explorer whose engine has answered."""
    with Terminal() as terminal:
        until(lambda: "tanh 1" in terminal.text and "ln 27" in terminal.text, "the first snapshot")
        yield terminal


def _quit(terminal: Terminal) -> float:
    start = time.perf_counter()
    terminal.press("q")
    terminal.process.wait(timeout=20)
    return time.perf_counter() - start


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def start_and_quit() -> Iterator[Row]:
    """First frame, before torch is loaded, and quitting in the middle of a run."""
    firsts, quits = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        with Terminal() as terminal:
            until(lambda t=terminal: "Config" in t.text, "the first frame")
            firsts.append(time.perf_counter() - start)
            until(lambda t=terminal: "ln 27" in t.text, "the first snapshot")
            terminal.press(" ")
            until(lambda t=terminal: t.step > 300, "training")
            quits.append(_quit(terminal))
    first, last = statistics.median(firsts), statistics.median(quits)
    yield Row("first frame", f"{first:.2f} s", "≤ 1.0 s", first <= 1.0)
    yield Row("quit in the middle of a run", f"{last:.2f} s", "≤ 1 s", last <= 1.0)


class _Unread:
    """Takes a terminal's output without parsing it, which would take a core from the two that are measured."""

    def feed(self, data: bytes) -> None:
        pass


@contextmanager
def unread(terminal: Terminal) -> Iterator[None]:
    """Nobody reads the screen meanwhile; after it the program draws everything anew."""
    with terminal._lock:  # the reader may be feeding it
        stream, terminal._stream = terminal._stream, _Unread()  # type: ignore[assignment]
    yield
    with terminal._lock:
        terminal._screen.reset()
        terminal._stream = stream
    terminal.resize(121, 40)
    terminal.shows("step")


def _waits(terminal: Terminal, key: str, back: str, titles: tuple[bytes, ...], count: int) -> list[float]:
    """Seconds from a key to what it brings, again and again."""
    waits = []
    for _ in range(count):
        time.sleep(0.25)
        terminal.forget()
        begun = time.perf_counter()
        terminal.press(key)
        until(lambda: any(title in terminal.output for title in titles), "the next view")
        waits.append(time.perf_counter() - begun)
        if back:
            time.sleep(0.25)
            terminal.press(back)
            time.sleep(0.25)  # what follows an escape at once belongs to it
    return waits


def watching() -> Iterator[Row]:
    """Training flat out under an explorer: keys, CPU, bytes, and the price for training."""
    with explorer() as terminal:
        terminal.press(" ")
        until(lambda: terminal.step > 500, "training")
        ui = terminal.process.pid
        with unread(terminal):
            cpu, sent, begun = _cpu(ui), len(terminal.output), time.perf_counter()
            time.sleep(WATCHED)
            watched = time.perf_counter() - begun
            busy = (_cpu(ui) - cpu) / watched
            traffic = (len(terminal.output) - sent) / watched / 1000
            waits = {name: _waits(terminal, *keys) for name, keys in SCREENS.items()}
        yield Row("drawing while training, of a core", f"{busy:.0%}", "≤ 25 % (25 ms, ten a second)", busy <= 0.25)
        yield Row("to the terminal", f"{traffic:.0f} kB/s", "≤ 50 kB/s", traffic <= 50)
        for name, times in waits.items():
            slow = statistics.quantiles(times, n=20)[-1]
            what = f"{name} while training, 95 % (median {statistics.median(times) * 1e3:.0f} ms)"
            yield Row(what, f"{slow * 1e3:.0f} ms", "≤ 100 ms", slow <= 0.1)
        terminal.press(" ")
        until(lambda: "‖" in terminal.text, "the pause")
        time.sleep(1.0)
        engine = next(pid for pid in terminal.processes() if pid != ui)
        cpu, start = _cpu(ui) + _cpu(engine), time.perf_counter()
        time.sleep(WATCHED / 2)
        idle = (_cpu(ui) + _cpu(engine) - cpu) / (time.perf_counter() - start)
        yield Row("paused, both processes", f"{idle:.1%} of a core", "≤ 2 %", idle <= 0.02)
    yield from slowed()


def slowed() -> Iterator[Row]:
    """Training under an open explorer against training without a screen, in turn."""
    shares, rates = [], []
    with explorer() as terminal, Engine() as engine:
        session = runs.Conversation(engine)
        session.select([RunConfig()])
        for _ in range(ROUNDS):
            watched, alone = _watched_rate(terminal), _headless_rate(session)
            shares.append(1 - watched / alone)
            rates.append((watched, alone))
    share = statistics.median(shares)
    watched, alone = (statistics.median(rate) for rate in zip(*rates, strict=True))
    yield Row(
        f"training slowed by an open explorer ({watched:.0f} against {alone:.0f} steps/s)",
        f"{share:.0%}",
        "≤ 10 %",
        share <= 0.1,
    )


def _watched_rate(terminal: Terminal) -> float:
    """Steps per second under an explorer whose output is taken and thrown away."""
    before = terminal.step
    with unread(terminal):
        terminal.press(" ")
        start = time.perf_counter()
        time.sleep(TURN)
        terminal.press(" ")
        elapsed = time.perf_counter() - start
    until(lambda: "‖" in terminal.text and terminal.step > before, "the pause")
    return (terminal.step - before) / elapsed


def _headless_rate(session: runs.Conversation) -> float:
    """Steps per second of the same network without a screen."""
    assert session.status is not None
    before, start = session.status.clock, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < TURN:
        session.advance(protocol.Advance(steps=2_000))
    return (session.status.clock - before) / elapsed
