"""The ways in: what the footer names, what the palette finds, where help begins, how ctrl+c ends."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.explorer.driving import explorer
from tuiinit.config.knobs import SETTINGS
from tuiinit.config.run import RunConfig
from tuiinit.explorer.compare.screen import CompareScreen
from tuiinit.explorer.dialogs.help import HelpScreen, help_rows
from tuiinit.explorer.footer import footer
from tuiinit.explorer.names import names
from tuiinit.explorer.panes.bars import keys_row, tabs_row
from tuiinit.explorer.tour import STOPS
from tuiinit.session.actions import EVERY, GROUPS
from tuiinit.views import VIEWS


def words(width: int, **focus: bool) -> str:
    """The footer's text."""
    given = {"settings": False, "editing": False, "plot": False, "past": False} | focus
    line, _ = keys_row([(action, action.footer) for action in footer(**given)], width)
    text = "".join(span.text for span in line)
    assert cell_len(text) == width
    return text


@pytest.mark.parametrize("width", [80, 120])
def test_tour_and_sweep_are_named_at_usual_widths(width: int) -> None:
    for word in ("space run", "n step", "N tour", "s sweep", "? help", "q quit"):
        assert word in words(width)


def test_the_footer_follows_the_focus() -> None:
    assert "← → change" in words(80, settings=True)
    assert "enter take it" in words(80, settings=True, editing=True)
    assert "← → move" in words(80, plot=True)
    assert ", earlier" in words(80, past=True)
    assert "esc newest" in words(80, past=True)


async def test_the_footer_is_drawn_anew_with_the_focus() -> None:
    async with explorer() as driver:
        await driver.press("down")
        await driver.until(lambda: "esc leave" in driver.screen.keys.text)
        await driver.press("escape")
        await driver.until(lambda: "N tour" in driver.screen.keys.text)


def test_tabs_tell_how_many_there_are() -> None:
    titles = [view.title for view in VIEWS]
    for active in range(len(titles)):
        line, _ = tabs_row(titles, active, 80)
        assert f" {active + 1}/{len(titles)} " in "".join(span.text for span in line)


async def test_views_claims_and_settings_have_names() -> None:
    async with explorer() as driver:
        known = {title: do for title, _, do in names(driver.screen)}
        assert len(known) == len(VIEWS) + len(SETTINGS) + len(STOPS)
        known["View: Saturation"]()
        assert driver.screen.current.id == "saturation"
        known["Setting: output scale"]()
        await driver.until(lambda: driver.screen.config.has_focus)
        assert driver.screen.config.setting.name == "output_scale"


async def test_the_palette_finds_a_view_by_its_name() -> None:
    async with explorer() as driver:
        await driver.press("ctrl+p", *"depth")
        await driver.shows("View: Depth")
        await driver.press("enter")
        await driver.until(lambda: driver.screen.current.id == "depth")


async def test_help_begins_at_the_keys_of_the_screen_beneath() -> None:
    async with explorer() as driver:
        await driver.press("c")
        await driver.until(lambda: isinstance(driver.app.screen, CompareScreen))
        await driver.press("question_mark")
        await driver.until(lambda: isinstance(driver.app.screen, HelpScreen))
        await driver.shows("How to read: Compare (c)")
        assert driver.text.index("On the compare screen") < driver.text.index("How to read: Compare (c)")


async def test_help_begins_with_how_to_read_the_view_at_hand() -> None:
    async with explorer() as driver:
        await driver.press("tab", "question_mark")
        await driver.until(lambda: isinstance(driver.app.screen, HelpScreen))
        await driver.shows("How to read: Act. gradients")
        assert driver.text.index("How to read: Act. gradients") < driver.text.index("Run or pause")
        await driver.press("escape", "tab", "question_mark")
        await driver.shows("How to read: Weights")


async def test_help_is_searched_by_words() -> None:
    async with explorer() as driver:
        await driver.press("question_mark", "slash", *"learning rate")
        await driver.shows("Learning rate ÷ √10")
        assert "Run or pause" not in driver.text
        await driver.press("enter", "j", "escape")
        await driver.shows("Run or pause")
        assert isinstance(driver.app.screen, HelpScreen)
        await driver.press("slash", *"qqq")
        await driver.shows("Nothing here holds these words.")
        await driver.press("escape", "escape")
        assert driver.app.screen is driver.screen


def test_every_word_of_help_finds_its_entry() -> None:
    def text(words: str = "") -> str:
        return " ".join("".join(s.text for row in help_rows(90, words=words) for s in row).split())

    for action in EVERY:
        assert " ".join(action.description.split()) in text(f"{action.description} {action.tooltip}")
    for view in VIEWS:
        found = text(view.title.lower())
        assert f"How to read: {view.title}" in found
        assert all(" ".join(paragraph.split()) in found for paragraph in view.help.split("\n\n"))


@pytest.mark.parametrize("first", ["", *GROUPS])
def test_help_tells_the_same_in_any_order(first: str) -> None:
    def lines(group: str) -> list[str]:
        return sorted(text for row in help_rows(90, group) if (text := "".join(s.text for s in row).strip()))

    assert lines(first) == lines("")


async def test_ctrl_c_quits_when_it_is_pressed_twice() -> None:
    async with explorer() as driver:
        await driver.press("ctrl+c")
        assert driver.app._running
        await driver.pilot.press("ctrl+c")
        await driver.until(lambda: driver.app.return_value == 0)


async def test_f_shows_all_findings_and_goes_back() -> None:
    async with explorer() as driver:
        await driver.shows("more lines: f")
        await driver.press("tab", "f")
        assert driver.screen.current.id == "findings"
        assert "grey" not in driver.text, "nothing is grey in sentences"
        await driver.press("f")
        assert driver.screen.current.id == "activation-gradients"


async def test_a_table_begins_at_its_first_line_when_its_view_is_turned_to() -> None:
    async with explorer(RunConfig(bn=True), size=(80, 24)) as driver:
        await driver.press("n", "tab", "tab", "tab", "tab")
        await driver.settled()
        assert driver.screen.current.id == "update-data"
        await driver.shows("1–", " e  embedding")
        for _ in range(6):  # down to a line that is not in sight yet
            await driver.press("J")
        await driver.shows(" o  output")
