"""Streams that are closed, full or elsewhere, a window of no size, no home folder: a sentence, or it goes on."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.faults.terminal import EXPLORER, FAKE_ENGINE, ROOT, Terminal
from tuiinit.config import schedule, toml
from tuiinit.config.values import ConfigError
from tuiinit.host import paths

LINE = shlex.join(EXPLORER)
NOBODY = """
import pwd, sys
def unknown(*_): raise KeyError("no such user")
pwd.getpwuid = pwd.getpwnam = unknown
from tuiinit.cli import main
main()
"""


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("<&-", 2, "the explorer needs a terminal"),
        (">&-", 2, "the explorer needs a terminal"),
        ("<&- >&-", 2, "the explorer needs a terminal"),
        ("2>&-", 2, None),
        ("<&- >&- 2>&-", 2, None),
        ("--version >&-", 1, "cannot go on: Bad file descriptor"),
        ("--version >/dev/full", 1, "cannot go on: No space left on device"),
        ("run --help >/dev/full", 1, "cannot go on: No space left on device"),
        ("run --gain x 2>&-", 2, None),
        ("run --gain x 2>/dev/full", 2, None),
        ("run --steps 1 --json >&-", 1, "cannot go on: Bad file descriptor"),
        ("run --steps 1 >/dev/full", 1, "cannot go on: No space left on device"),
        pytest.param(
            "sweep --gains 1 --seeds 1 --steps 1 --json >/dev/full",
            1,
            "cannot go on: No space left on device",
            marks=pytest.mark.long,
        ),
    ],
)
def test_streams_that_are_closed_or_full(line: str, code: int, words: str | None) -> None:
    done = shell(f"{LINE} {line}")
    assert done.returncode == code
    assert done.stdout == ""
    if words is None:
        assert done.stderr == ""
    else:
        assert done.stderr.startswith(f"tuiinit: {words}")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "size", ["0", *(pytest.param(size, marks=pytest.mark.long) for size in ("-5", "x", "٣", "9" * 5000))]
)
def test_a_run_needs_neither_input_nor_errors_nor_a_window_that_can_be(size: str) -> None:
    done = shell(f"{LINE} run --steps 1 <&- 2>&-", COLUMNS=size, LINES=size)
    assert done.returncode == 0
    assert "tanh 1" in done.stdout
    assert "tanh 5" in done.stdout


def check_explorer(line: str, **environment: str | None) -> None:
    with Terminal("sh", "-c", line, environment=environment, size=(80, 24)) as terminal:
        terminal.reaches(0)
        terminal.press(" ")
        terminal.reaches(50)
        assert "q quit" in terminal.text.split("\n")[23]
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()


@pytest.mark.parametrize("errors", ["/dev/full", pytest.param("&-", marks=pytest.mark.long)])
def test_the_explorer_is_drawn_on_the_terminal_wherever_errors_go(errors: str) -> None:
    check_explorer(f"exec {LINE} --engine '{FAKE_ENGINE}' 2>{errors}")


@pytest.mark.parametrize("size", ["300", *(pytest.param(size, marks=pytest.mark.long) for size in ("0", "9" * 11))])
def test_the_explorer_is_as_large_as_its_window(size: str) -> None:
    """A size that the shell exported is not the window's, and 99,999,999,999 columns would take for ever."""
    check_explorer(f"exec {LINE} --engine '{FAKE_ENGINE}'", COLUMNS=size, LINES=size)


def test_no_home_folder() -> None:
    """As in a container whose user has no entry."""
    nowhere: dict[str, str | None] = dict.fromkeys(("HOME", "XDG_STATE_HOME", "TUIINIT_STATE"))
    with Terminal(EXPLORER[0], "-c", NOBODY, "--engine", FAKE_ENGINE, environment=nowhere) as terminal:
        terminal.reaches(0)
        terminal.says("this session is not recorded: there is no home folder; TUIINIT_STATE may name a folder instead")
        terminal.press("N")
        terminal.says("The tour's progress cannot be kept: there is no home folder.")
        terminal.press("N")
        terminal.press(" ")
        terminal.reaches(50)
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()
    with Terminal(EXPLORER[0], "-c", NOBODY, "replay", "--last", environment=nowhere) as terminal:
        assert terminal.ends() == 1
        assert "cannot go on: there is no home folder" in terminal.text


def test_a_path_is_taken_as_a_shell_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert paths.typed("~/x") == Path("/home/anna/x")
    assert paths.typed("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert paths.typed("~/x") == Path("~/x")


@pytest.mark.parametrize("text", ["9" * 5000 + ":lr=1", "1:batch_size=" + "9" * 5000])
def test_numbers_of_thousands_of_digits_are_no_changes(text: str) -> None:
    with pytest.raises(ConfigError):
        schedule.parse_change(text)


def test_text_that_is_not_utf_8_is_no_setting() -> None:
    with pytest.raises(ConfigError, match="not UTF-8"):
        toml.from_table({"optimizer": "\udce4"})
