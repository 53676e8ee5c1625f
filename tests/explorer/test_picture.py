"""Pictures of the screen: by x, on every screen and in the palette."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.explorer.driving import explorer
from tuiinit.explorer import picture as picture_module
from tuiinit.explorer.compare.screen import CompareScreen
from tuiinit.explorer.dialogs.exporting import ExportDialog
from tuiinit.explorer.dialogs.saving import SaveDialog
from tuiinit.explorer.glyphs import CELL_H, CELL_W, Shapes, pieces, shape
from tuiinit.explorer.picture import picture, written


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
        assert "Activations, step 1: gain 5/3, batch norm off" in drawn


async def test_comparing_has_its_own_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with explorer() as driver:
        await driver.press("c")
        await driver.until(lambda: isinstance(driver.app.screen, CompareScreen))
        await driver.settled()
        await driver.press("x")
        await driver.until(lambda: isinstance(driver.app.screen, SaveDialog))
        await driver.press("ctrl+u", *"all.svg", "enter")
        await driver.until(lambda: isinstance(driver.app.screen, CompareScreen))
        (path,) = tmp_path.glob("*.svg")
        assert "Activations by gain and batch norm, step 0" in words(path)
        assert re.search(r"gain 0\.5.*gain 3", words(path))


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark", "textual-dark"])
async def test_every_theme_has_a_ground(theme: str) -> None:
    async with explorer() as driver:
        driver.app.theme = theme
        await driver.pilot.pause()
        assert re.search(r'rx="8" fill="#[0-9a-fA-F]{6}"', picture(driver.app).content("a.svg"))


async def test_png_shows_what_svg_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    image = pytest.importorskip("PIL.Image")
    async with explorer() as driver:
        await driver.press("x")
        await driver.until(lambda: isinstance(driver.app.screen, ExportDialog))
        await driver.press("ctrl+u", *"a.png", "enter")
        await driver.shows("The picture is written")
        drawn = picture(driver.app)
        pixels = image.open(tmp_path / "a.png").convert("RGB")
        shapes = [piece for piece in pieces(drawn.lines, drawn.ground, drawn.ink) if isinstance(piece, Shapes)]
        blocks = [(r, p.fill) for p in shapes for r in p.rects if r.h > 2 and r.w > 5 and p.fill != drawn.ground]
        assert len({fill for _, fill in blocks}) >= 4
        # What is drawn later lies on top; letters only lie on grounds of whole cells.
        seen = {(round(r.x, 1), round(r.y, 1), round(r.h, 1)): fill for r, fill in blocks if r.h < CELL_H}
        found = [pixels.getpixel((round((x + 14.5) * 2), round((y + 38.5 + h / 2) * 2))) for x, y, h in seen]
        right = sum("#{:02x}{:02x}{:02x}".format(*rgb) == fill for rgb, fill in zip(found, seen.values(), strict=True))
        assert right > 0.95 * len(seen) > 50  # the notice is not in the picture, which was taken before it


async def test_what_is_no_picture_or_cannot_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with explorer() as driver:
        drawn = picture(driver.app)
        assert written(str(tmp_path / "a.gif"), drawn)[0].endswith("the name of a picture ends in .svg or .png")
        monkeypatch.setattr(picture_module, "available", lambda: False)
        assert "needs the extra report" in written(str(tmp_path / "a.png"), drawn)[0]
        assert not list(tmp_path.iterdir())


def test_blocks_fill_their_part_of_a_cell() -> None:
    for c, part in (("█", 1.0), ("▄", 0.5), ("▂", 0.25), ("▀", 0.5), ("▌", 0.5), ("▓", 1.0)):
        rects = shape(c)
        assert rects is not None
        assert sum(r.w * r.h for r in rects) == pytest.approx(part * CELL_W * CELL_H)
    dots = shape("\u28ff")
    assert dots is not None
    assert len(dots) == 8
    assert shape("\u2800") == ()
    assert shape("a") is None
