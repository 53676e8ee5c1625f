"""Recordings when the screen is killed or stopped, when programs share a folder, and when the clock is wrong."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.explorer.fake import lane
from tests.faults.terminal import ENTER_SCREEN, EXPLORER, FAKE_ENGINE, Terminal, until
from tuiinit.config.run import RunConfig
from tuiinit.stream import bounded, protocol, recorder, recording, sessions, wire

WEEK = 7 * 24 * 3600


def fake(state: Path) -> Terminal:
    return Terminal(*EXPLORER, "--engine", FAKE_ENGINE, environment={"TUIINIT_STATE": str(state)})


def leaves(terminal: Terminal) -> None:
    terminal.press("q")
    assert terminal.ends() == 0
    terminal.check_restored()


def session(folder: Path, name: str, clock: int) -> Path:
    """A small recording."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}{sessions.SUFFIX}"
    config = RunConfig()
    status = protocol.Status(
        running=False, catching_up=False, clock=clock, target=None, lanes=(), steps_per_second=0.0, measuring=0.0
    )
    recording.write(path, [lane(config), status])
    return path


def clock_of(folder: Path) -> int:
    try:
        return recording.last(folder).clock
    except recording.RecordingError:
        return -1


def test_the_screen_killed_leaves_what_was_measured(tmp_path: Path) -> None:
    with Terminal(environment={"TUIINIT_STATE": str(tmp_path)}) as terminal:
        terminal.reaches(0)
        terminal.press(" ")
        terminal.reaches(200)
        until(lambda: clock_of(tmp_path / "sessions") >= 100, "live snapshots are on the disk")
        terminal.kill(signal.SIGKILL)
        assert terminal.ends(patience=10) == -signal.SIGKILL  # the engine is gone too
    recorded = recording.last(tmp_path / "sessions")
    assert recorded.clock >= 100
    assert recorded.damage is None


@pytest.mark.long
def test_the_screen_stopped_for_a_while_goes_on(tmp_path: Path) -> None:
    with fake(tmp_path) as terminal:
        terminal.reaches(0)
        terminal.press(" ")
        terminal.reaches(50)
        terminal.kill(signal.SIGSTOP)
        terminal.resize(100, 30)
        time.sleep(6)  # longer than an engine may be silent
        step = terminal.step
        terminal.kill(signal.SIGCONT)
        terminal.reaches(step + 500)
        until(lambda: len(terminal.text.split("\n")[-1]) > 60 and "q quit" in terminal.text.split("\n")[29], "all")
        terminal.press("?")
        terminal.shows("Back to step 0")
        terminal.press("?")
        terminal.shows_not("Back to step 0")
        terminal.kill(signal.SIGCONT)  # out of the blue
        until(lambda: terminal.output.count(ENTER_SCREEN) == 3, "the screen again")
        terminal.press(" ")
        terminal.shows("‖ step")
        assert "no answer" not in terminal.text
        leaves(terminal)
        assert terminal.output.count(b"\x1b[>25u") == terminal.output.count(b"\x1b[<u"), "the keyboard's mode too"


@pytest.mark.long
def test_programs_that_share_a_folder(tmp_path: Path) -> None:
    """A program that stands still for days is pruned by none that is started meanwhile."""
    folder = tmp_path / "sessions"
    with fake(tmp_path) as first:
        first.reaches(0)
        until(lambda: list(folder.glob("*")), "a recording")
        (path,) = folder.iterdir()
        os.utime(path, (time.time() - WEEK, time.time() - WEEK))
        for number in range(recorder.KEPT_SESSIONS + 5):
            session(folder, f"other-{number}", 1)
        with fake(tmp_path) as second:
            second.reaches(0)
            until(lambda: len(list(folder.iterdir())) == recorder.KEPT_SESSIONS + 1, "old ones are pruned")
            first.press(" ")
            second.press(" ")
            first.reaches(100)
            second.reaches(100)
            leaves(first)
            leaves(second)
    ended = recording.load(path)
    assert ended.damage is None
    assert ended.clock >= 100
    both = [recording.load(found) for found in folder.glob("2*")]
    assert len(both) == 2
    assert all(found.clock >= 100 for found in both)


def test_a_recording_that_was_thinned_is_held_too(tmp_path: Path) -> None:
    path = tmp_path / "long.tuiinit"
    file = bounded.BoundedFile(path, limit=12_000)
    config = RunConfig()
    file.append(bounded.Kind.BASE, "-", wire.pack(lane(config)))
    before = path.stat().st_ino
    while path.stat().st_ino == before:
        file.append(bounded.Kind.LIVE, "", wire.pack(protocol.Problem(text="x" * 100)))
    sessions.prune(tmp_path, 0, 0)
    assert path.exists()
    file.close()
    sessions.prune(tmp_path, 0, 0)
    assert not path.exists()


@pytest.mark.long
def test_thousands_of_recordings(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    for number in range(5_000):
        session(folder, f"old-{number}", 1)
    with fake(tmp_path) as terminal:
        terminal.reaches(0)
        terminal.press(" ")
        terminal.reaches(100)
        until(lambda: len(list(folder.iterdir())) == recorder.KEPT_SESSIONS, "old ones are pruned")
        leaves(terminal)
    assert recording.last(folder).clock >= 100


@pytest.mark.long
def test_a_clock_that_went_back_takes_no_recording(tmp_path: Path) -> None:
    """Files of the future beside a session that runs now: it is written and kept, and they are readable."""
    folder = tmp_path / "sessions"
    for number in range(recorder.KEPT_SESSIONS + 5):
        path = session(folder, f"future-{number}", 1)
        os.utime(path, (time.time() + WEEK, time.time() + WEEK))
    with fake(tmp_path) as terminal:
        terminal.reaches(0)
        terminal.press(" ")
        terminal.reaches(100)
        with fake(tmp_path) as other:  # it prunes, and finds this session older than all
            other.reaches(0)
            until(lambda: len(list(folder.glob("2*"))) == 2, "another recording")
            leaves(other)
        leaves(terminal)
    found = [recording.load(path) for path in folder.glob("2*")]
    assert max(recorded.clock for recorded in found) >= 100
