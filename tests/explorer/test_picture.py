"""Pictures of the screen: by x, on every screen and in the palette."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.explorer.driving import explorer
from tuiinit.explorer.compare.screen import CompareScreen
from tuiinit.explorer.dialogs.exporting import ExportDialog
from tuiinit.explorer.dialogs.saving import SaveDialog
from tuiinit.explorer.picture import picture


def words(path: Path) -> str:
    """All text in a picture."""
    root = ET.fromstring(path.read_text(encoding="utf-8"))  # our own
    return " ".join(element.text or "" for element in root.iter() if element.tag.endswith("text"))


async def test_x_writes_a_picture_of_the_screen_without_the_dialog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with explorer() as driver:
        await driver.press("n", "x")
        await driver.until(lambda: isinstance(driver.app.screen, ExportDialog))
        await driver.press("ctrl+u", *"a.svg", "enter")
        await driver.shows("The picture is written")
        drawn = words(tmp_path / "a.svg")
        assert "Activations" in drawn
        assert "report" not in drawn
        await driver.press("x")
        await driver.until(lambda: isinstance(driver.app.screen, ExportDialog))
        await driver.press("ctrl+u", *"a.svg", "enter")
        await driver.shows("is there already")


async def test_comparing_has_its_own_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with explorer() as driver:
        await driver.press("c")
        await driver.until(lambda: isinstance(driver.app.screen, CompareScreen))
        await driver.settled()
        await driver.press("x")
        await driver.until(lambda: isinstance(driver.app.screen, SaveDialog))
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, CompareScreen))
        (path,) = tmp_path.glob("*.svg")
        assert re.search(r"gain 0\.5.*gain 3", words(path))


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "textual-dark"])
async def test_every_theme_has_a_ground(theme: str) -> None:
    async with explorer() as driver:
        driver.app.theme = theme
        await driver.pilot.pause()
        assert re.search(r'rx="8" fill="#[0-9a-fA-F]{6}"', picture(driver.app))
