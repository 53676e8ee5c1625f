"""What a terminal does to the program: it closes, changes its size, suspends it, or is none."""

from __future__ import annotations

import os
import random
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.faults.terminal import ENTER_SCREEN, EXPLORER, FAKE_ENGINE, LEAVE_SCREEN, ROOT, SHOW_CURSOR, Terminal, until
from tuiinit.stream import recording

TERMS = ("screen", "vt100", "xterm", "tmux-256color")


def fake(**settings: object) -> Terminal:
    return Terminal(*EXPLORER, "--engine", FAKE_ENGINE, **settings)  # type: ignore[arg-type]


def train(terminal: Terminal) -> None:
    terminal.reaches(0)
    terminal.press(" ")
    terminal.reaches(50)


def whole(terminal: Terminal, columns: int, rows: int) -> bool:
    """Whether the full layout fills the window, its last line the keys."""
    lines = terminal.text.split("\n")
    right = [line for line in lines if len(line) == columns]
    return len(lines) == rows and "q quit" in lines[-1] and len(right) > rows // 2 and lines[1].startswith("╭")


def test_what_was_written_may_be_searched_while_more_comes() -> None:
    with Terminal("sh", "-c", "read line && seq 20000") as terminal:
        kept = memoryview(terminal.output)
        terminal.press("more\r")
        assert terminal.ends() == 0
        assert not kept
        assert terminal.output.endswith(b"19999\r\n20000\r\n"), "all of it was taken"
        assert "20000" in terminal.text


@pytest.mark.long
def test_a_window_that_is_closed_at_once() -> None:
    with fake() as terminal:
        until(lambda: ENTER_SCREEN in terminal.output, "the screen")
        terminal.close()
        terminal.ends(patience=10)


@pytest.mark.long
def test_a_connection_that_hangs_and_comes_back() -> None:
    with fake() as terminal:
        train(terminal)
        terminal.stall()
        step = terminal.step
        terminal.listen()
        terminal.reaches(step + 1000)
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()


@pytest.mark.parametrize("number", [None, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_a_connection_that_hangs_and_is_cut(number: signal.Signals | None, tmp_path: Path) -> None:
    """Drawing waits for the terminal then, and the event loop with it."""
    with fake(environment={"TUIINIT_STATE": str(tmp_path)}) as terminal:
        train(terminal)
        step = terminal.step
        terminal.stall()
        if number is None:
            terminal.close()
            terminal.ends(patience=10)
        else:
            terminal.kill(number)
            until(lambda: terminal.process.poll() is not None, "the program ends", 10)
            assert terminal.process.returncode == 128 + number
            assert terminal.modes == terminal.modes_before
            terminal.listen()
            terminal.ends(patience=10)
        recorded = recording.last(tmp_path / "sessions")
        assert recorded.damage is None
        assert recorded.clock >= step


@pytest.mark.long
def test_ctrl_c_says_how_to_leave() -> None:
    with fake() as terminal:
        train(terminal)
        terminal.press("\x03")
        terminal.says("Press q to quit")
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()


def test_a_hundred_sizes_while_training() -> None:
    chance = random.Random(7)
    sizes = [(1, 1), (500, 200), (1, 200), (500, 1), (60, 16), (59, 15), (100, 30)]
    sizes += [(chance.randint(1, 500), chance.randint(1, 200)) for _ in range(93)]
    with fake() as terminal:
        train(terminal)
        step = terminal.step
        for size in sizes:
            seen = len(terminal.output)
            terminal.resize(*size)
            if size[0] * size[1] < 2_000:  # each small one is drawn, of the others as many as come
                until(lambda seen=seen: len(terminal.output) > seen, f"something drawn at {size}")  # type: ignore[misc]
        terminal.resize(120, 40)
        until(lambda: whole(terminal, 120, 40), "the whole screen")
        terminal.reaches(step + 100)
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell with job control")
def test_suspended_and_back() -> None:
    with Terminal("bash", "--norc", "--noprofile", "-i", environment={"PS1": "$ ", "HISTFILE": None}) as terminal:
        terminal.shows("$")
        terminal.press(shlex.join([*EXPLORER, "--engine", FAKE_ENGINE]) + "\r")
        train(terminal)
        step = terminal.step
        terminal.press("\x1a")
        until(lambda: terminal.output.endswith(b"$ "), "the shell's prompt")
        assert terminal.output.rfind(LEAVE_SCREEN) > terminal.output.rfind(ENTER_SCREEN)
        assert terminal.output.rfind(SHOW_CURSOR) > terminal.output.rfind(ENTER_SCREEN)
        seen = len(terminal.output)
        terminal.press("echo sus''pended\r")
        terminal.shows("suspended")
        terminal.press("fg\r")
        until(lambda: terminal.output.find(ENTER_SCREEN, seen) > 0, "the screen again")
        until(lambda: whole(terminal, 120, 40), "all of it")
        terminal.reaches(step + 1)
        terminal.press("q")
        until(lambda: terminal.output.endswith(b"$ "), "the shell's prompt")
        terminal.press("echo code=$?\r")
        terminal.shows("code=0")
        until(lambda: len(terminal.processes()) == 1, "only the shell is left")


@pytest.mark.parametrize("term", ["linux", *(pytest.param(term, marks=pytest.mark.long) for term in TERMS)])
def test_terminals_of_few_colours(term: str) -> None:
    with fake(environment={"TERM": term, "COLORTERM": None}, size=(80, 24)) as terminal:
        terminal.reaches(0)
        terminal.shows("tanh 1")
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()


def test_no_colour() -> None:
    with fake(environment={"NO_COLOR": "1"}) as terminal:
        terminal.reaches(0)
        terminal.shows("tanh 1")
        terminal.press("q")
        assert terminal.ends() == 0
        colours = re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", terminal.output)  # before, one may have come in half
        assert colours
        assert all(red == green == blue for red, green, blue in colours), "all that is sent is grey"


@pytest.mark.parametrize("term", ["dumb", "unknown", None])
def test_a_terminal_that_cannot_draw(term: str | None) -> None:
    with Terminal(environment={"TERM": term}) as terminal:
        assert terminal.ends() == 2
        assert terminal.output.count(b"\n") == 1
        assert "tuiinit run" in terminal.text


@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_what_is_no_terminal(stream: str) -> None:
    master, slave = os.openpty()
    try:
        done = subprocess.run(
            EXPLORER,
            cwd=ROOT,
            stdin=subprocess.DEVNULL if stream == "stdin" else slave,
            stdout=subprocess.DEVNULL if stream == "stdout" else slave,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(master)
        os.close(slave)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"needs a terminal" in done.stderr
