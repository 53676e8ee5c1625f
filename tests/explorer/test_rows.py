"""Networks of hundreds of rows in the explorer: walked, unfolded, filtered by keys; views without sense are skipped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.explorer.driving import Driver, driven
from tests.views.foreign import gpt, gpt_matrices, look
from tests.watching.writing import Written
from tuiinit.config.run import RunConfig
from tuiinit.explorer.app import ExplorerApp
from tuiinit.stream.protocol import Lane, Snapshot, Trace
from tuiinit.stream.recording import load
from tuiinit.stream.replay import FileLink

SIZES = [(80, 24), (120, 40)]
SEEN = look(gpt(12), gpt_matrices(12))


class Gpt(Written):
    """A run of that network."""

    def kept(self, kind: type) -> Any:  # type: ignore[override]
        frame = Written.kept(kind)
        assert SEEN.snapshot is not None
        if kind is Lane:
            return msgspec.structs.replace(frame, shape=SEEN.history.shape)
        if kind is Snapshot:
            return msgspec.structs.replace(SEEN.snapshot, lane=frame.lane)
        if kind is Trace:
            return msgspec.structs.replace(frame, update_data=bytes(4 * len(SEEN.snapshot.weights)))
        return frame


@asynccontextmanager
async def opened(folder: Path, size: tuple[int, int]) -> AsyncIterator[Driver]:
    run = Gpt(folder / "gpt.tuiinit")
    run.step(to=3)
    run.end()
    recording = load(run.path)
    link = FileLink(recording)
    app = ExplorerApp(link, RunConfig(), recalled=recording)
    async with driven(app, link, size) as driver:  # type: ignore[arg-type]
        await driver.until(lambda: driver.session.clock == 3 and driver.session.snapshot(), "the end")
        await driver.until(lambda: not app._owed, "drawn")
        await driver.pilot.pause()
        yield driver


def line(driver: Driver, text: str) -> str:
    return next(one for one in driver.text.splitlines() if text in one)


@pytest.mark.parametrize("size", SIZES)
async def test_keys_walk_unfold_and_fold_the_rows(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, size) as driver:
        assert "h.3.fc" not in driver.text
        await driver.press("down")
        assert "▸" in line(driver, "h.0 … ")
        assert "enter unfold" in driver.text.splitlines()[-1]
        await driver.press("enter")
        await driver.shows("gelu × 12")
        await driver.press("J", "shift+down", "down", "j")
        assert "▸" in line(driver, "gelu × 12  ")
        await driver.shows("gelu × 12 in h.0 … h.11")
        await driver.press("enter")
        await driver.shows("h.1.gelu")
        await driver.press("down", "down", "up", "k")
        assert "▸" in line(driver, "gelu × 12  ")
        await driver.press("enter")
        assert not driver.has("h.1.gelu  ")


@pytest.mark.parametrize("size", SIZES)
async def test_a_filter_is_typed_kept_and_cleared(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, size) as driver:
        await driver.press("slash", *"fc")
        await driver.shows("/fc  12 of 62 shown", "esc show all")
        await driver.press("enter")
        assert not driver.screen.view.filtering
        assert driver.has("/fc  12 of 62 shown")
        assert driver.has("h.11.fc")
        await driver.press("down", "down")
        snapshot = driver.session.snapshot()
        assert snapshot is not None
        assert snapshot.activations[driver.session.pointer.layer].layer == "h.2.fc"
        await driver.press("tab", "tab")  # to the weights, whose names have these letters too
        await driver.shows("/fc  12 of 38 shown")
        await driver.press("slash")
        await driver.press("space", *"nowhere")
        await driver.shows("no row with these words")
        await driver.press("escape")
        assert not driver.has("12 of 38")
        assert driver.session.pointer.text == ""
        await driver.press("slash", "q", "enter", "escape")  # a letter is no key while it is typed
        assert driver.session.pointer.text == ""
        assert driver.app.is_running


async def test_tab_skips_what_makes_no_sense_and_the_palette_does_not(tmp_path: Path) -> None:
    async with opened(tmp_path, (120, 40)) as driver:
        visited = []
        for _ in range(12):
            visited.append(driver.screen.current.id)
            await driver.press("tab")
            if driver.screen.current.id == visited[0]:
                break
        assert visited[5:7] == ["over-time", "depth"]
        assert not {"saturation", "batch-norm", "initial-loss"} & set(visited)
        await driver.press("shift+tab")
        assert driver.screen.current.id == visited[-1]
        await driver.press("ctrl+p", *"View: Saturation", "enter")
        await driver.shows("nothing saturates")
