"""Commands that are told to end: they unwind, and leave neither files nor processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.terminal import MARK, ROOT, marked, until
from tuiinit.host import ending

COMMANDS: dict[str, tuple[list[str], Callable[[Path], object]]] = {
    "report beside": (["report", "--steps", "100000000", "--out", "{}/new"], lambda f: list(f.glob(".tuiinit-*"))),
    "report within": (["report", "--steps", "100000000", "--out", "{}/old"], lambda f: list(f.glob("old/.tuiinit-*"))),
    "claims": (["claims"], lambda f: marked(f.parent.name)[1:]),
}


@pytest.mark.parametrize(
    ("command", "number"),
    [*((command, signal.SIGTERM) for command in COMMANDS), ("report beside", signal.SIGHUP)],
)
def test_told_to_end_while_it_measures(tmp_path: Path, command: str, number: signal.Signals) -> None:
    folder = tmp_path / "folder"
    (folder / "old").mkdir(parents=True)
    words, begun = COMMANDS[command]
    environment = {**os.environ, MARK: tmp_path.name, "TUIINIT_STATE": str(tmp_path), "TMPDIR": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tuiinit", *(word.format(folder) for word in words)],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        until(lambda: begun(folder) or process.poll() is not None, "it measures")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, err.decode()) == (128 + number, b"", f"tuiinit: ended by {number.name}\n")
    assert [str(path.relative_to(folder)) for path in folder.rglob("*")] == ["old"]
    until(lambda: not marked(tmp_path.name), "no process is left")


def test_a_signal_that_is_ignored_stays_so_and_handlers_come_back() -> None:
    """As by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending.orderly():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
