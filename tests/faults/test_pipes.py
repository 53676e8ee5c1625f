"""Words through pipes: read once by the command, in every engine, in the recording; nothing is left when one ends."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path

import pytest

from tests.faults.terminal import Terminal, until
from tuiinit.data import given
from tuiinit.stream import recording

WORDS = ["anna", "o'neil", "eva maria", "ada", "emma", "lea", "leo", "mia", "noa", "ida", "ina", "u.l.i."]
TUIINIT = f"{shlex.quote(sys.executable)} -m tuiinit"
SMALL = "--hidden 5,4 --device cpu"


@pytest.fixture
def words(tmp_path: Path) -> Path:
    file = tmp_path / "words.txt"
    file.write_text("\n".join(WORDS))
    return file


def shell(line: str, state: Path) -> Terminal:
    return Terminal("bash", "-c", line, environment={"TUIINIT_STATE": str(state)})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.parametrize("way", ["cat {} | T --data -", "T --data <(cat {})"])
def test_the_explorer_with_words_from_a_pipe(words: Path, tmp_path: Path, warm_engine: list[str], way: str) -> None:
    """The engine has no file at all, as on another machine; keys come from the terminal."""
    engine = shlex.quote(shlex.join(warm_engine))
    line = way.format(words).replace("T", f"{TUIINIT} --engine {engine} {SMALL}", 1)
    state = tmp_path / "state"
    with shell(line, state) as terminal:
        terminal.reaches(0)
        terminal.press("n")
        terminal.reaches(1)
        terminal.shows("12 words")
        if "--data -" in way:
            os.kill(terminal.engine(), signal.SIGKILL)
            terminal.says("E restarts the engine")
            terminal.press("E")
            terminal.shows_not("E restarts the engine")
            terminal.press("n")
            terminal.reaches(2)
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()
    recorded = recording.last(state / "sessions")
    assert [one.content for one in recorded.words] == [words.read_bytes()]
    assert given.is_name(recorded.config.data)
    assert recorded.path.stat().st_mode & 0o777 == 0o600
    if "--data -" in way:
        with shell(f"{TUIINIT} --resume --engine {engine}", state) as terminal:
            terminal.reaches(2)
            terminal.press("n")
            terminal.reaches(3)
            terminal.press("q")
            assert terminal.ends() == 0


def test_a_pipe_that_nobody_writes_to_is_told_and_can_be_interrupted(tmp_path: Path) -> None:
    fifo = tmp_path / "ff"
    os.mkfifo(fifo)
    for command in ("", "run --steps 1"):
        with shell(f"exec {TUIINIT} {command} --data {fifo}", tmp_path) as terminal:
            terminal.says(f"waiting for words from {fifo}")
            terminal.press("\x03")
            assert terminal.ends(patience=10) == 130
            terminal.says("tuiinit: interrupted")
            until(lambda terminal=terminal: not terminal.processes(), "nothing is left")  # type: ignore[misc]


def test_without_a_terminal_for_its_keys_the_explorer_says_so(words: Path, tmp_path: Path) -> None:
    with shell(f"cat {words} | setsid -w {TUIINIT} --data - {SMALL}", tmp_path) as terminal:
        terminal.says("the words came by standard input, and there is no terminal to take keys from")
        assert terminal.ends() == 2
