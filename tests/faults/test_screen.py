"""Mistakes in the screen itself, and a state folder that takes nothing: it says so and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.explorer.driving import explorer
from tests.explorer.fake import FakeLink
from tests.faults.terminal import EXPLORER, FAKE_ENGINE, Terminal
from tuiinit.config.run import RunConfig
from tuiinit.explorer import panels
from tuiinit.stream import protocol
from tuiinit.views import VIEWS


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("the width is \x1b[31m0")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUIINIT_STATE", str(tmp_path))
    return tmp_path


async def test_a_view_that_cannot_be_drawn_says_so_and_the_rest_goes_on(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(VIEWS[0]), "plot", broken)
    async with explorer() as driver:
        await driver.shows(f"the view {VIEWS[0].title} cannot be drawn: ZeroDivisionError")
        assert "\x1b" not in driver.text
        await driver.train(100)
        await driver.press("l")
        await driver.shows(VIEWS[1].title)
        assert "cannot be drawn" not in driver.text
        await driver.press("h")
        await driver.shows("cannot be drawn")
    log = (state / "logs" / "screen.log").read_text(encoding="utf-8")
    assert log.count("Traceback") == 1, "each mistake once, however often it is drawn"
    assert "in broken" in log


@pytest.mark.parametrize("part", ["header", "training", "findings"])
async def test_a_pane_that_cannot_be_drawn(state: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setattr(panels, {"header": "header_row"}.get(part, f"{part}_rows"), broken)
    async with explorer() as driver:
        pane = getattr(driver.screen, part)
        sheet = getattr(pane, "sheet", pane)
        await driver.until(lambda: "cannot be drawn" in " ".join(sheet.text.split()), "a sentence")
        await driver.press("n")
        await driver.until(lambda: driver.session.step == 1, "a step")


async def test_a_key_that_fails_says_so(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with explorer() as driver:
        monkeypatch.setattr(driver.session, "run_or_pause", broken)
        await driver.press("space")
        await driver.shows("that did not work: ZeroDivisionError")
        await driver.press("n")
        await driver.until(lambda: driver.session.step == 1, "a step")


async def test_a_frame_that_cannot_be_taken_is_told_of(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with explorer() as driver:
        with monkeypatch.context() as patch:
            patch.setattr(driver.session, "take", broken)
            driver.link._frames.put_nowait(protocol.Problem(text="whatever"))
            await driver.shows("the engine said what cannot be shown: ZeroDivisionError")
        await driver.press("n")
        await driver.until(lambda: driver.session.step == 1, "a step")


async def test_a_frame_that_does_not_fit_its_lane_is_refused() -> None:
    async with explorer() as driver:
        key = driver.session.key
        driver.link._frames.put_nowait(protocol.Trace(lane=key, first_step=1, loss=b"\0" * 4, update_data=b"\0" * 8))
        driver.link.problem("shown")
        await driver.until(lambda: driver.session.notice is not None, "a notice")
        assert not len(driver.session.shown.loss)


CODES = "\x1b]0;title\x07\x1b[2J\x9b31m\x00\r\n\u202e"


class Hostile(FakeLink):
    """An engine whose words hold control sequences."""

    def __init__(self) -> None:
        super().__init__()
        self._frames.put_nowait(
            protocol.Hello(version=protocol.VERSION, program=CODES, torch=CODES, device=CODES, threads=1, pid=1),
        )


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_no_control_sequence_reaches_the_terminal(size: tuple[int, int]) -> None:
    async with explorer(RunConfig(data=f"/words{CODES}"), size=size, link=Hostile()) as driver:
        driver.link.problem(f"no such file: {CODES}")
        await driver.until(lambda: driver.session.notice is not None, "a notice")
        for _ in VIEWS:
            await driver.press("l")
            assert driver.text.replace("\n", "").isprintable(), repr(driver.text)
        driver.link.die(f"it ended: {CODES}")
        await driver.shows("it ended")
        assert driver.text.replace("\n", "").isprintable()


def test_a_mistake_that_ends_the_explorer_leaves_one_sentence(tmp_path: Path) -> None:
    broken_app = (
        "import sys\n"
        "from tuiinit.explorer.screen import Explorer\n"
        "def fail(self, *_):\n"
        "    raise ZeroDivisionError('on purpose')\n"
        "Explorer.key_f5 = fail\n"
        "from tuiinit.cli import main\n"
        f"sys.argv = ['tuiinit', '--engine', {FAKE_ENGINE!r}]\n"
        "main()\n"
    )
    with Terminal(EXPLORER[0], "-c", broken_app, environment={"TUIINIT_STATE": str(tmp_path)}) as terminal:
        terminal.reaches(0)
        terminal.press("\x1b[15~")
        assert terminal.ends() == 1
        terminal.check_restored()
        words = " ".join(terminal.last_words.split())
        assert "tuiinit: the explorer failed: ZeroDivisionError (on purpose)" in words
        assert "Traceback" not in words
        assert "on purpose" in (tmp_path / "logs" / "screen.log").read_text(encoding="utf-8")


def test_a_state_folder_that_takes_nothing(tmp_path: Path) -> None:
    """As on a full disk: neither log nor recording can be written. The rest works, and it is said once."""
    (tmp_path / "file").touch()
    with Terminal(
        *EXPLORER, "--engine", FAKE_ENGINE, environment={"TUIINIT_STATE": str(tmp_path / "file")}
    ) as terminal:
        terminal.reaches(0)
        terminal.says("this session is not recorded")
        terminal.press(" ")
        terminal.reaches(100)
        terminal.shows_not("not recorded")
        terminal.press("q")
        assert terminal.ends() == 0
        terminal.check_restored()
        assert "Traceback" not in terminal.last_words
