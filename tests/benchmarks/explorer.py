"""The explorer in a real pseudo-terminal: first frame, quit, keys, redraws, bytes, and what it costs training."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.terminal import Terminal, until
from tuiinit import protocol, runs
from tuiinit.config import RunConfig
from tuiinit.link import Engine

from .table import Row

ROUNDS = 7
WATCHED = 8.0  # seconds of training that are watched
KEYS = 40
TITLES = (b"gradients", b"Update:data", b"Saturation", b"Depth")  # the tabs are drawn anew when another is active
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


def _step(terminal: Terminal) -> int:
    found = re.search(r"step\s+([\d,]+)", terminal.text)
    return int(found[1].replace(",", "")) if found else 0


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
            until(lambda t=terminal: _step(t) > 300, "training")
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
    stream, terminal._stream = terminal._stream, _Unread()  # type: ignore[assignment]
    yield
    terminal._stream = stream
    terminal.resize(121, 40)


def watching() -> Iterator[Row]:
    """Training flat out under an explorer: keys, CPU, bytes, and the price for training."""
    with explorer() as terminal:
        terminal.press(" ")
        until(lambda: _step(terminal) > 500, "training")
        ui = terminal.process.pid
        step, start = _step(terminal), time.perf_counter()
        with unread(terminal):
            cpu, sent, begun = _cpu(ui), len(terminal.output), time.perf_counter()
            time.sleep(WATCHED)
            watched = time.perf_counter() - begun
            busy = (_cpu(ui) - cpu) / watched
            traffic = (len(terminal.output) - sent) / watched / 1000
            waits = []
            for _ in range(KEYS):
                time.sleep(0.25)
                terminal.output, begun = b"", time.perf_counter()
                terminal.press("\t")
                until(lambda: any(title in terminal.output for title in TITLES), "the next view")
                waits.append(time.perf_counter() - begun)
        until(lambda: _step(terminal) > step + 500, "the step after watching")
        rate = (_step(terminal) - step) / (time.perf_counter() - start)
        yield Row("drawing while training, of a core", f"{busy:.0%}", "≤ 50 % (50 ms, ten a second)", busy <= 0.5)
        yield Row("to the terminal", f"{traffic:.0f} kB/s", "≤ 70 kB/s", traffic <= 70)
        slow = statistics.quantiles(waits, n=20)[-1]
        yield Row("tab to the next view while training, 95 %", f"{slow * 1e3:.0f} ms", "≤ 100 ms", slow <= 0.1)
        terminal.press(" ")
        time.sleep(1.0)
        engine = next(pid for pid in terminal.processes() if pid != ui)
        cpu, start = _cpu(ui) + _cpu(engine), time.perf_counter()
        time.sleep(WATCHED / 2)
        idle = (_cpu(ui) + _cpu(engine) - cpu) / (time.perf_counter() - start)
        yield Row("paused, both processes", f"{idle:.1%} of a core", "≤ 2 %", idle <= 0.02)
    alone = _headless_rate()
    share = 1 - rate / alone
    yield Row(
        f"training slowed by an open explorer ({rate:.0f} against {alone:.0f} steps/s)",
        f"{share:.0%}",
        "≤ 10 %",
        share <= 0.1,
    )


def _headless_rate() -> float:
    """Steps per second of the same network without a screen."""
    with Engine() as engine:
        session = runs.Session(engine)
        session.select([RunConfig()])
        session.advance(protocol.Advance(steps=500))
        start = time.perf_counter()
        session.advance(protocol.Advance(steps=8000))
        return 8000 / (time.perf_counter() - start)
