"""A session that was started over while there was no engine opens again as it was before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.explorer.driving import explorer
from tests.explorer.test_replay import recorded, session_file
from tuiinit.explorer.training import MUCH
from tuiinit.stream.protocol import Restart
from tuiinit.stream.recording import last


@pytest.mark.parametrize("key", ["r", "R"])
async def test_started_over_without_an_engine_and_left(tmp_path: Path, key: str) -> None:
    async with recorded(tmp_path) as driver:
        await driver.train(100)
        before, step = driver.session.config, driver.session.step
        driver.link.die("the engine was killed by signal 9")
        await driver.until(lambda: driver.session.dead, "the engine is gone")
        await driver.press(key)
        session_file(driver)
    recording = last(tmp_path)
    assert (recording.config, recording.clock) == (before, step)


@pytest.mark.parametrize("key", ["r", "R"])
async def test_what_took_long_is_dropped_only_when_asked_twice(key: str) -> None:
    async with explorer() as driver:
        await driver.train(2 * MUCH)
        step = driver.session.step
        await driver.press(key)
        await driver.shows(f"{key} again starts over")
        assert driver.session.step >= step
        await driver.press("tab", key)  # another key in between: asked anew
        await driver.shows(f"{key} again starts over")
        assert not driver.link.of(Restart)
        await driver.press(key)
        await driver.shows("step       0")
        assert len(driver.link.of(Restart)) == 1
