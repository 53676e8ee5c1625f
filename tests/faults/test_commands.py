"""The commands without a screen when things go wrong: one sentence and an exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.terminal import MARK, ROOT, Terminal, marked, until

RUN = (sys.executable, "-m", "tuiinit", "run")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that would take long, its engine training."""
    mark = str(tmp_path)  # whole: another run of the tests has a folder of the same name
    environment = {**os.environ, MARK: mark, "TUIINIT_STATE": mark}
    process = subprocess.Popen(
        [*RUN, "--steps", "100000000"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        until(lambda: len(marked(mark)) == 2, "an engine")
        yield process
    finally:
        process.kill()
        process.communicate()
        until(lambda: not marked(mark), f"no process is left, but {marked(mark)}")


def engine_of(process: subprocess.Popen[bytes], tmp_path: Path) -> int:
    return next(pid for pid in marked(str(tmp_path)) if pid != process.pid)


def test_a_run_whose_engine_is_killed(started: subprocess.Popen[bytes], tmp_path: Path) -> None:
    os.kill(engine_of(started, tmp_path), signal.SIGKILL)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out) == (1, b"")
    assert err.count(b"\n") == 1
    assert b"was killed by signal 9; its log is" in err


def test_a_run_that_is_interrupted(started: subprocess.Popen[bytes]) -> None:
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, out, err.strip()) == (130, b"", b"tuiinit: interrupted")


@pytest.mark.long
def test_a_run_that_is_killed_leaves_no_engine(started: subprocess.Popen[bytes]) -> None:
    started.kill()  # the fixture sees that nothing is left


@pytest.mark.long
def test_a_run_interrupted_at_a_terminal() -> None:
    with Terminal(*RUN, "--steps", "100000000") as terminal:
        until(lambda: len(terminal.processes()) == 2, "an engine")
        terminal.press("\x03")
        assert terminal.ends() == 130
        assert terminal.modes == terminal.modes_before
        assert terminal.text.count("tuiinit: interrupted") == 1
        assert "Traceback" not in terminal.text


@pytest.mark.parametrize("options", [["--steps", "2"], ["--help"]])
def test_output_that_nobody_reads(options: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)  # as after `| head -0`
    try:
        done = subprocess.run(
            [*RUN, *options], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, timeout=100, check=False
        )
    finally:
        os.close(write)
    assert done.stderr == b""
    assert done.returncode in (0, 1)
