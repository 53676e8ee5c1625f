"""Keys typed ahead, and mistakes on a screen over the explorer: that screen closes once, the explorer goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.command import CommandInput, CommandList
from textual.events import Key
from textual.screen import Screen
from textual.widgets import Input

from tests.explorer.driving import Driver, explorer
from tests.explorer.fake import FakeLink
from tuiinit.config.run import RunConfig
from tuiinit.explorer.compare.screen import CompareScreen
from tuiinit.explorer.dialogs.exporting import ExportDialog
from tuiinit.explorer.dialogs.help import HelpScreen
from tuiinit.explorer.dialogs.saving import SaveDialog
from tuiinit.explorer.palette import ActionPalette
from tuiinit.explorer.screen import Explorer
from tuiinit.explorer.sweep.screen import SweepScreen
from tuiinit.explorer.tour.screen import NotesScreen
from tuiinit.host import mishaps
from tuiinit.session.session import Session

CHARACTERS = {"enter": "\r", "escape": "\x1b"}
OPENED = {  # by a key; what is shown then
    "c": (CompareScreen, "columns gain"),
    "s": (SweepScreen, "space starts"),
    "N": (NotesScreen, "The notes"),
    "question_mark": (HelpScreen, "One step"),
    "x": (ExportDialog, "Write a report of this network"),
    "ctrl+p": (ActionPalette, "Search for"),
}


@pytest.fixture(autouse=True)
def reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """The mistakes that were put into the log."""
    monkeypatch.setenv("TUIINIT_STATE", str(tmp_path))
    found: set[str] = set()
    monkeypatch.setattr(mishaps, "_reported", found)
    return found


async def burst(driver: Driver, *keys: str) -> None:
    """Keys that come in one read from the terminal: all of them wait before the first is handled."""
    for key in keys:
        driver.app.post_message(Key(key, CHARACTERS.get(key, key if len(key) == 1 else None)))
    await driver.pilot.pause()


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("on purpose")


async def back(driver: Driver) -> None:
    await driver.until(lambda: driver.app.screen_stack == [driver.screen], "the explorer alone")


async def lives(driver: Driver) -> None:
    """The explorer alone, and its keys do what they should."""
    await back(driver)
    step = driver.session.step
    await driver.press("n")
    await driver.until(lambda: driver.session.step == step + 1, "a step")


@pytest.mark.parametrize("page", ["pagedown", "pageup"])
async def test_a_page_of_the_palette_before_it_is_laid_out(page: str, reported: set[str]) -> None:
    async with explorer() as driver:
        await burst(driver, "ctrl+p", page, page)
        await driver.until(lambda: isinstance(driver.app.screen, ActionPalette), "the palette")
        await driver.until(lambda: driver.app.screen.query_one(CommandList).option_count, "its list")
        await burst(driver, *"ga", page, page, "backspace", page)
        await driver.press("escape")
        await lives(driver)
    assert not reported


async def test_the_palette_does_what_is_chosen_once(reported: set[str]) -> None:
    async with explorer() as driver:
        await driver.press("ctrl+p", *"batch norm")
        palette = driver.app.screen
        await driver.until(lambda: 0 < palette.query_one(CommandList).option_count < 30, "all of that name")
        await driver.until(lambda: palette.query_one(CommandList).highlighted == 0, "it is pointed at")
        await burst(driver, "enter", "enter", "enter")
        await driver.until(lambda: driver.session.settings.bn, "batch norm")
        await lives(driver)
        assert driver.session.settings.bn
    assert not reported


async def test_what_closes_the_palette_twice_leaves_the_screen_beneath(reported: set[str]) -> None:
    async with explorer() as driver:
        await driver.press("c", "ctrl+p", *"one step")
        palette = driver.app.screen
        await driver.until(lambda: palette.query_one(CommandList).highlighted == 0, "one is pointed at")
        await burst(driver, "enter", "enter", "enter")
        await driver.until(lambda: driver.session.step == 1, "a step")
        assert isinstance(driver.app.screen, CompareScreen)
        await driver.press("c")
        await lives(driver)
    assert not reported


async def test_a_closed_palette_that_still_searches_says_nothing(reported: set[str]) -> None:
    async with explorer() as driver:
        await driver.press("ctrl+p")
        palette = driver.app.screen
        assert isinstance(palette, ActionPalette)
        found = palette.query_one(CommandList)
        await driver.press("escape")
        await back(driver)
        await driver.until(lambda: not palette.query(CommandList), "its parts are gone")
        palette._refresh_command_list(found, [], True)
        for busy in (True, False):
            palette._show_busy = palette._list_visible = busy
        await lives(driver)
    assert not reported


async def test_palettes_one_upon_the_other(reported: set[str]) -> None:
    """Also while an earlier one is still being taken away."""
    async with explorer() as driver:
        for _ in range(5):
            await burst(driver, *["ctrl+p", "escape"] * 3)
            await back(driver)
        driver.app.action_change_theme()
        driver.app.action_command_palette()
        await driver.press("escape")
        await lives(driver)
    assert not reported


@pytest.mark.parametrize("key", OPENED)
async def test_keys_that_open_and_close_in_a_burst(key: str, reported: set[str]) -> None:
    async with explorer() as driver:
        closing = "escape"
        await burst(driver, *[key, closing] * 3, key, key, closing, closing)
        await driver.press("escape", "escape")
        await lives(driver)
    assert not reported


async def test_a_name_that_is_entered_twice_is_taken_once(
    reported: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    async with explorer() as driver:
        await driver.press("c")
        driver.app.push_screen(SaveDialog(lambda _: "gain = 1\n"))
        await driver.until(lambda: isinstance(driver.app.focused, Input), "the field")
        await burst(driver, "enter", "enter")
        await driver.until(lambda: isinstance(driver.app.screen, CompareScreen), "the screen beneath")
        await driver.press("c")
        await lives(driver)
    assert not reported


async def work() -> None:
    broken()


def fail(screen: Screen[object], where: str, patch: pytest.MonkeyPatch) -> None:
    """Have something fail on a screen; a key would be f5."""
    if where == "key":
        patch.setattr(screen, "key_f5", broken, raising=False)
    elif where == "message":
        screen.call_later(broken)
    elif where == "next":
        screen.call_next(broken)
    elif where == "timer":
        screen.set_timer(0.001, broken)
    elif where == "worker":
        screen.run_worker(work())
    elif where == "widget":
        next(iter(screen.query("*"))).call_later(broken)
    else:
        patch.setattr(screen._compositor, "reflow", broken)
        screen.refresh(layout=True)


@pytest.mark.parametrize("where", ["compose", "key", "message", "next", "timer", "worker", "widget", "layout"])
async def test_a_screen_that_fails_is_closed(where: str, reported: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async with explorer() as driver:
        for key in OPENED if where in ("compose", "message") else ("ctrl+p",):
            kind, text = OPENED[key]
            with monkeypatch.context() as patch:
                if where == "compose":
                    patch.setattr(kind, "compose", broken)
                await driver.press(key)
                if where != "compose":
                    assert isinstance(driver.app.screen, kind)
                    driver.app.set_focus(None)
                    fail(driver.app.screen, where, patch)
                    await driver.press("f5")
                await back(driver)
                await driver.until(lambda: driver.has("failed and is closed: ZeroDivisionError"), f"told of {key}")
                assert not driver.session.group
            await lives(driver)
            await driver.press(key)
            await driver.shows(text)
            await driver.press("escape")
            await lives(driver)
        assert reported


async def test_only_what_fails_is_closed(reported: set[str]) -> None:
    async with explorer() as driver:
        await driver.press("c", "ctrl+p")
        await driver.until(lambda: isinstance(driver.app.screen, ActionPalette), "the palette")
        driver.app.screen.query_one(CommandInput).call_later(broken)
        await driver.until(lambda: isinstance(driver.app.screen, CompareScreen), "the screen beneath")
        await driver.shows("failed and is closed: ZeroDivisionError")
        await driver.press("c")
        await lives(driver)
    assert len(reported) == 1


async def test_a_key_of_the_explorer_that_fails_says_so(reported: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async with explorer() as driver:
        monkeypatch.setattr(Explorer, "action_help", broken)
        await driver.press("question_mark")
        await driver.shows("that did not work: ZeroDivisionError (on purpose)")
        await lives(driver)


# ------------------------------------------------------------------------------- the shown lane and those that train


def test_the_shown_lane_is_among_those_that_train() -> None:
    config = RunConfig()
    lanes = [config.replace(gain=gain) for gain in (0.5, 1.0)]
    session, link = Session(config), FakeLink()
    for command in session.compare(lanes, config.replace(gain=3.0)):
        link.send(command)
    assert session.key in {lane.key for lane in session.selected}
    session.restart()
    assert session.key in {lane.key for lane in session.selected}


def test_a_lane_chosen_outside_of_those_compared_trains_alone() -> None:
    config = RunConfig()
    session = Session(config)
    session.compare([config, config.replace(bn=True)], config)
    session.select(config.replace(gain=3.0))
    assert session.selected == (session.config,)
    session.restart(lambda: 7)
    assert session.selected == (session.config,)
    assert session.config.seed == 7
    assert not session.group
