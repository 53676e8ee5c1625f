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


def watching() -> Iterator[Row]:
    """Training flat out under an explorer: keys, CPU, bytes, and the price for training."""
    with explorer() as terminal:
        terminal.press(" ")
        until(lambda: _step(terminal) > 500, "training")
        ui = terminal.process.pid
        cpu, sent, step, start = _cpu(ui), len(terminal.output), _step(terminal), time.perf_counter()
        time.sleep(WATCHED)
        elapsed = time.perf_counter() - start
        rate = (_step(terminal) - step) / elapsed
        busy = (_cpu(ui) - cpu) / elapsed
        traffic = (len(terminal.output) - sent) / elapsed / 1000
        yield Row("redraw while training, CPU at 10 a second", f"{busy * 100:.0f} ms", "≤ 50 ms", busy <= 0.5)
        yield Row("to the terminal", f"{traffic:.0f} kB/s", "≤ 70 kB/s", traffic <= 70)
        waits = []
        for _ in range(KEYS // 2):
            for key, sign in (("?", True), ("\x1b", False)):
                start = time.perf_counter()
                terminal.press(key)
                until(lambda sign=sign: ("Run or pause" in terminal.text) is sign, f"key {key!r}")
                waits.append(time.perf_counter() - start)
                time.sleep(0.15)
        slow = statistics.quantiles(waits, n=20)[-1]
        yield Row("key to changed screen while training, 95 %", f"{slow * 1e3:.0f} ms", "≤ 100 ms", slow <= 0.1)
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
