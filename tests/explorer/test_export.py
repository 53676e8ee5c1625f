"""Export: the report of the lane at hand, written from the explorer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.explorer.driving import explorer
from tuiinit.explorer.dialogs.exporting import ExportDialog, export


async def test_x_asks_for_a_folder_and_writes_the_report_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with explorer() as driver:
        await driver.train(40)
        await driver.press("x")
        await driver.until(lambda: isinstance(driver.app.screen, ExportDialog))
        await driver.shows("tuiinit-report-")
        await driver.press("enter")
        await driver.shows("The report is written: tuiinit-report-")
        (report,) = tmp_path.glob("tuiinit-report-*/report.md")
        assert "by layer, gain 5/3, batch norm off, step " in report.read_text(encoding="utf-8")
        await driver.press("x", "escape")
        assert driver.app.screen is driver.screen
        assert len(list(tmp_path.iterdir())) == 1


async def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("somebody's")
    sentences: list[tuple[str, str]] = []
    async with explorer() as driver:
        thread = export(driver.session, str(taken), lambda *sentence: sentences.append(sentence))
        await driver.until(lambda: not thread.is_alive())
    ((sentence, severity),) = sentences
    assert "taken" in sentence
    assert severity == "warn"
    assert taken.read_text() == "somebody's"
