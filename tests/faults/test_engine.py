"""The engine dies, hangs or runs out of memory: the screen stands, says it, and goes on with another."""

from __future__ import annotations

import os
import re
import resource
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.terminal import EXPLORER, FAKE_ENGINE, PATIENCE, Terminal, arguments_of, until
from tuiinit.config.run import RunConfig
from tuiinit.experiments import runs
from tuiinit.stream import recording

NO_ENGINES = ("false", "echo this is no engine at all", "head -c 100000 /dev/zero")
RESTARTS = "E restarts the engine and catches up"


def fake(**settings: object) -> Terminal:
    return Terminal(*EXPLORER, "--engine", FAKE_ENGINE, **settings)  # type: ignore[arg-type]


def leaves(terminal: Terminal, code: int = 0) -> None:
    """Quit; nothing is left behind."""
    terminal.press("q")
    assert terminal.ends() == code
    terminal.check_restored()
    assert "Traceback" not in terminal.last_words


def number_after(label: str, text: str) -> str:
    found = re.search(rf"{label} +([0-9.]+)", text)
    assert found, f"no {label} in\n{text}"
    return found[1]


def idle(terminal: Terminal) -> None:
    terminal.shows("‖ step")


def training(terminal: Terminal) -> None:
    terminal.press(" ")
    terminal.reaches(100)


def catching_up(terminal: Terminal) -> None:
    training(terminal)
    terminal.press(" ")
    terminal.shows("‖ step")
    terminal.press("b")
    until(lambda: b"catching up" in terminal.output, "catching up")  # it may be over when the screen is looked at


@pytest.mark.parametrize("state", [pytest.param(idle, marks=pytest.mark.long), training, catching_up])
def test_an_engine_that_is_killed(state: Callable[[Terminal], None], tmp_path: Path) -> None:
    with fake(environment={"TUIINIT_STATE": str(tmp_path)}) as terminal:
        terminal.reaches(0)
        state(terminal)
        os.kill(terminal.engine(), signal.SIGKILL)
        terminal.says("the engine was killed by signal 9; its log is")
        terminal.says(RESTARTS)
        log = re.search(r"engine-[0-9-]+\.log", "".join(terminal.text.split()))
        assert log is not None
        assert (tmp_path / "logs" / log[0]).is_file()
        # It stands: views, help and settings still answer.
        terminal.press("?")
        terminal.shows("Back to step 0")
        terminal.press("?")
        terminal.shows_not("Back to step 0")
        terminal.press("l")
        step = terminal.step
        terminal.press("E")
        terminal.shows_not("killed by")
        terminal.shows("paused")
        terminal.reaches(step)
        terminal.press("n")
        terminal.reaches(step + 1)
        leaves(terminal)


@pytest.mark.long
def test_an_engine_that_dies_again_and_again() -> None:
    with fake() as terminal:
        terminal.reaches(0)
        for _ in range(3):
            os.kill(terminal.engine(), signal.SIGKILL)
            terminal.says(RESTARTS)
            terminal.press("E")
            terminal.shows_not("killed by")
            terminal.shows("paused")
        os.kill(terminal.engine(), signal.SIGKILL)
        terminal.says(RESTARTS)
        leaves(terminal)


@pytest.mark.usefixtures("warm")
def test_a_new_engine_comes_to_the_same_numbers(warm_engine: list[str]) -> None:
    with Terminal(*EXPLORER, "--engine", shlex.join(warm_engine)) as terminal:
        terminal.reaches(0)
        training(terminal)
        terminal.press(" ")
        terminal.shows("‖ step")
        os.kill(terminal.engine(), signal.SIGKILL)
        terminal.says(RESTARTS)
        step = terminal.step
        terminal.press("E")
        terminal.shows_not("killed by")
        terminal.shows("paused", "‖ step")
        terminal.shows_not("catching up")
        terminal.press("n")
        terminal.reaches(step + 1)
        (same,) = runs.run([RunConfig()], steps=step + 1)
        assert same.last.loss is not None
        terminal.press("0")  # not smoothed
        terminal.shows("The loss as measured")
        wanted = f"{same.last.loss:.4f}"
        until(lambda: number_after("loss", terminal.text) == wanted, f"loss {wanted}")
        leaves(terminal)


def test_an_engine_with_too_little_memory_refuses_the_network_and_goes_on() -> None:
    with Terminal(*EXPLORER, "--engine", f"{sys.executable} -m tests.faults.small_engine 400") as terminal:
        terminal.reaches(0)
        terminal.shows("tanh 1")
        terminal.press("j")
        terminal.shows("▸gain")
        terminal.press("\x1b[H")  # home
        terminal.shows("▸nonlinearity")
        terminal.press("j")
        terminal.shows("▸layers")
        terminal.press("\r")
        terminal.shows("▸layers 5x100")  # the field
        terminal.press("\x15")
        terminal.shows_not("5x100")
        terminal.press("3x4096")
        terminal.shows("▸layers 3x4096")
        terminal.press("\r")
        terminal.says("there is not enough memory for this: about")
        terminal.press("\x1b")
        terminal.shows("╭─ Config", "5 × 100")
        terminal.press("n")
        terminal.reaches(1)
        leaves(terminal)


def allow_no_more_memory(pid: int) -> None:
    """From now on the process's address space may not grow."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux to limit another process's memory")
def test_an_engine_that_runs_out_of_memory_while_it_trains(tmp_path: Path) -> None:
    """Minibatches as large as here are given back to the system after each step, and asked for again."""
    network = ("--hidden", "3x100", "--batch-size", "4000")
    with Terminal(*EXPLORER, *network, environment={"TUIINIT_STATE": str(tmp_path)}) as terminal:
        terminal.reaches(0)
        terminal.shows("tanh 1")
        terminal.press(" ")
        terminal.reaches(5)
        allow_no_more_memory(terminal.engine())
        terminal.says("the engine stopped: out of memory (the engine ended with code 1; its log is")
        terminal.says(RESTARTS)
        step = terminal.step
        assert step >= 5
        terminal.press("l")
        terminal.shows("tanh 3")
        until(lambda: recording.last(tmp_path / "sessions").clock == step, "all that was measured is on the disk")
        assert recording.last(tmp_path / "sessions").damage is None
        terminal.press("E")  # there is enough for the next one
        terminal.shows_not("out of memory")
        terminal.shows("paused", "‖ step")
        terminal.shows_not("catching up")
        terminal.reaches(step)
        terminal.press("n")
        terminal.reaches(step + 1)
        leaves(terminal)
    (path,) = (tmp_path / "sessions").iterdir()
    assert recording.load(path).clock == step + 1


@pytest.mark.long
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux to limit another process's memory")
def test_what_there_is_no_memory_for_while_it_trains_is_refused(tmp_path: Path) -> None:
    with Terminal(environment={"TUIINIT_STATE": str(tmp_path)}) as terminal:
        training(terminal)
        allow_no_more_memory(terminal.engine())
        terminal.press("d")  # the whole dev set at once
        terminal.says("there is not enough memory for this")
        terminal.reaches(terminal.step + 100)
        leaves(terminal)


def test_an_engine_that_cannot_be_started() -> None:
    with Terminal(*EXPLORER, "--engine", "/nowhere/engine") as terminal:
        assert terminal.ends() == 1
        assert "the engine cannot be started" in terminal.text
        assert "Traceback" not in terminal.text


@pytest.mark.parametrize("command", ["true", *(pytest.param(line, marks=pytest.mark.long) for line in NO_ENGINES)])
def test_a_command_that_is_no_engine(command: str) -> None:
    with Terminal(*EXPLORER, "--engine", command) as terminal:
        terminal.says(RESTARTS)
        terminal.press("E")
        terminal.says(RESTARTS)
        leaves(terminal)


def test_an_engine_that_stops_answering() -> None:
    with fake() as terminal:
        terminal.reaches(0)
        training(terminal)
        engine = terminal.engine()
        os.kill(engine, signal.SIGSTOP)
        terminal.press("?")
        terminal.shows("Back to step 0", patience=PATIENCE)
        terminal.press("?")
        terminal.shows_not("Back to step 0")
        terminal.says("the engine's process is stopped")
        terminal.press("E")
        terminal.shows_not("is stopped")
        until(lambda: terminal.engine() != engine, "another engine")  # the old one may not have gone yet
        terminal.shows("paused")
        leaves(terminal)


def test_an_engine_that_is_stopped_and_goes_on_is_told_of_so_long() -> None:
    """Also where it has nothing to do and was asked nothing."""
    with fake() as terminal:
        terminal.reaches(0)
        idle(terminal)
        os.kill(terminal.engine(), signal.SIGSTOP)
        terminal.says("the engine's process is stopped")
        terminal.press("n")
        os.kill(terminal.engine(), signal.SIGCONT)
        terminal.shows_not("is stopped")
        terminal.reaches(1)
        leaves(terminal)


def test_a_stopped_engine_behind_a_command_is_told_of_when_it_does_not_answer() -> None:
    """As with one over ssh: the process that is ours goes on."""
    with Terminal(*EXPLORER, "--engine", f"sh -c '{FAKE_ENGINE}; exit 1'") as terminal:
        terminal.reaches(0)
        training(terminal)
        (engine,) = (pid for pid in terminal.processes() if arguments_of(pid)[1:] == FAKE_ENGINE.split()[1:])
        os.kill(engine, signal.SIGSTOP)
        terminal.says("no answer from the engine for")
        os.kill(engine, signal.SIGCONT)
        terminal.shows_not("no answer")
        leaves(terminal)


@pytest.mark.long
def test_quitting_while_the_engine_stands_still() -> None:
    with fake() as terminal:
        terminal.reaches(0)
        training(terminal)
        os.kill(terminal.engine(), signal.SIGSTOP)
        leaves(terminal)


@pytest.mark.long
def test_a_command_around_a_stopped_engine_ends_with_it() -> None:
    with Terminal(*EXPLORER, "--engine", f"sh -c '{FAKE_ENGINE}; exit 1'") as terminal:
        terminal.reaches(0)
        for pid in terminal.processes():
            if pid != terminal.process.pid:
                os.kill(pid, signal.SIGSTOP)
        leaves(terminal)


def test_what_a_command_left_around_the_engine_ends_with_it() -> None:
    with Terminal(*EXPLORER, "--engine", f"sh -c 'sleep 987 & exec {FAKE_ENGINE}'") as terminal:
        terminal.reaches(0)
        until(lambda: len(terminal.processes()) == 3, "the screen, the engine and what was left")
        leaves(terminal)


def test_a_banner_in_the_place_of_an_engine_is_shown() -> None:
    with Terminal(*EXPLORER, "--engine", "sh -c 'echo Welcome to box; sleep 987'", size=(80, 24)) as terminal:
        terminal.says("it began with 'Welcome to box', which is no message")
        terminal.says(RESTARTS)
        leaves(terminal)
