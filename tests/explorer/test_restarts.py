"""A session that was started over while there was no engine opens again as it was before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.explorer.test_replay import recorded, session_file
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
    told = last(tmp_path)
    assert (told.config, told.clock) == (before, step)
