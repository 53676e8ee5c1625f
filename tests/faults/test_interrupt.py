"""ctrl+c while the program loads: one sentence and exit code 130, whatever is being imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.terminal import FAKE_ENGINE, ROOT, Terminal

COMMANDS = {
    "run": ("run", "--steps", "1"),
    "sweep": ("sweep", "--steps", "1"),
    "claims": ("claims", "C01"),
    "report": ("report", "--steps", "1", "--out"),
}
CASES = (  # a command, and the module whose import the signal comes in
    *((command, "click") for command in COMMANDS),
    ("run", "tuiinit.config.run"),
    ("run", "tuiinit.experiments.runs"),
    ("run", "subprocess"),
    ("sweep", "numpy"),
    ("claims", "tuiinit.experiments.claims"),
    ("report", "tuiinit.paper.report"),
)


def program(module: str, *arguments: str) -> tuple[str, ...]:
    """The program, interrupted when it first looks for a module."""
    code = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    @staticmethod\n"
        "    def find_spec(name, *_):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder)\n"
        f"sys.argv = ['tuiinit', *{arguments!r}]\n"
        "from tuiinit.__main__ import main\n"
        "main()\n"
    )
    return (sys.executable, "-c", code)


@pytest.mark.parametrize(("command", "module"), CASES)
def test_a_command_that_is_interrupted_while_it_loads(command: str, module: str, tmp_path: Path) -> None:
    arguments = [*COMMANDS[command], *([str(tmp_path / "out")] if command == "report" else [])]
    done = subprocess.run(program(module, *arguments), capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"tuiinit: interrupted\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("module", ["click", "tuiinit.explorer.app"])
def test_the_explorer_that_is_interrupted_while_it_loads(module: str) -> None:
    with Terminal(*program(module, "--engine", FAKE_ENGINE)) as terminal:
        assert terminal.ends() == 130
        terminal.check_restored()
        assert terminal.output.decode().split("\r\n") == ["tuiinit: interrupted", ""]


def test_an_interrupt_that_is_ignored_stays_so() -> None:
    """As `nohup` and shells without job control have it for what they start in the background."""
    done = subprocess.run(
        program("click", "--version"),
        capture_output=True,
        cwd=ROOT,
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_interrupted_with_a_closed_standard_error() -> None:
    done = subprocess.run(
        program("click", *COMMANDS["run"]),
        cwd=ROOT,
        timeout=60,
        check=False,
        preexec_fn=lambda: os.close(2),
    )
    assert done.returncode == 130
